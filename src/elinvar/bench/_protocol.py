"""One rule for all: how hyper-parameters are chosen, from training environments alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from elinvar.baselines import Baseline
from elinvar.bench._data import Floats, Score, Split
from elinvar.bench._limit import timed
from elinvar.datasets import Task

if TYPE_CHECKING:
    from elinvar.bench._data import Features

MOST_FOLDS = 5
SUREST = 1e-6

Parameters = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the rule chose.

    Attributes
    ----------
    parameters : mapping
        Parameters other than the default.
    how : {"nothing to choose", "environments left out", "defaults"}
        "defaults" where leaving an environment out leaves too few for the method.
    seconds : float
        What choosing took.
    """

    parameters: Parameters
    how: str
    seconds: float


def choose(
    method: Baseline,
    train: Split,
    task: Task,
    given: Parameters | None = None,
    *,
    most_folds: int = MOST_FOLDS,
    score: Score | None = None,
) -> Choice:
    """Choose hyper-parameters on environments left out of the fit.

    Each training environment is left out in turn; of more than ``most_folds``, evenly spread ones
    are. The candidate with the smallest error there, averaged over these environments, is chosen;
    if the default is as good as any, it is. A candidate that cannot be fitted counts as infinitely
    bad.

    Parameters
    ----------
    method : Baseline
    train : Split
        Rows of training environments.
    task : {"regression", "classification"}
        Kind of target.
    given : mapping, optional
        Parameters that are not for the rule to choose.
    most_folds : int, at least 1
        The most environments left out.
    score : {"squared error", "wrong classes", "log loss"}, optional
        What an error is; by default the first for regression, the second for classes.

    Returns
    -------
    Choice
    """
    given = dict(given or {})
    judged = score or ("wrong classes" if task == "classification" else "squared error")
    candidates = list(method.candidates())
    if len(candidates) < 2:
        return Choice(parameters=given, how="nothing to choose", seconds=0.0)
    names = train.names
    if len(names) < 2 or method.why_not(len(names) - 1, int(train.X.shape[1]), task):
        return Choice(parameters=given, how="defaults", seconds=0.0)
    at = np.unique(np.linspace(0, len(names) - 1, min(len(names), most_folds)).round().astype(int))
    left_out = [train.environments == names[k] for k in at]

    def error(candidate: Parameters) -> float:
        errors = []
        for out in left_out:
            inside, new = train.where(~out), train.where(out)
            try:
                model = fit(method, inside, {**given, **candidate})
                errors.append(loss(new.y, predict(model, new.X), judged))
            except Exception:  # of whatever kind a method raises
                return np.inf
        return float(np.mean(errors))

    errors, seconds = timed(lambda: [error(candidate) for candidate in candidates])
    best = candidates[pick(errors, [is_default(method, one) for one in candidates])]
    return Choice(parameters={**given, **best}, how="environments left out", seconds=seconds)


def pick(errors: list[float], default: list[bool]) -> int:
    """Return the place of the smallest error; of the default if it is as good."""
    values = np.where(np.isfinite(errors), errors, np.inf)
    smallest = float(values.min())
    # equal but for rounding: then nobody's choice should depend on the order of the grid
    as_good = values <= smallest * (1 + 1e-12)
    if not np.isfinite(smallest):
        # nothing could be fitted: the default says why when it is fitted in earnest
        as_good[:] = True
    tied = np.flatnonzero(as_good & np.array(default))
    return int(tied[0] if tied.size else np.flatnonzero(as_good)[0])


def is_default(method: Baseline, candidate: Parameters) -> bool:
    """Say whether a candidate is what the method does when nobody chooses."""
    usual = method.estimator.get_params()
    return all(usual[name] == value for name, value in candidate.items())


def fit(method: Baseline, rows: Split, parameters: Parameters) -> Any:
    """Return a model fitted on rows of training environments."""
    return method.make(**parameters).fit(rows.X, rows.y, environments=rows.environments)


class Fitted(Protocol):
    """A fitted model of whatever kind; linear ones have coefficients."""

    coef_: Floats
    intercept_: float

    def predict(self, X: "Features") -> Floats:
        """Return predictions (n,)."""


def predict(model: Fitted, X: "Features") -> Floats:
    """Return predictions; the environments of the rows stay unknown to the model."""
    return np.asarray(model.predict(X), dtype=np.float64).ravel()


def loss(y: Floats, predicted: Floats, score: Score) -> float:
    """Return the mean squared error, the share of rows in the wrong class, or the mean log loss."""
    if not np.isfinite(predicted).all():
        return np.inf
    if score == "wrong classes":
        return float(np.mean((predicted > 0.5) != (y > 0.5)))
    if score == "log loss":
        # one row that was told with certainty, and wrongly, must not be all
        likely = np.clip(predicted, SUREST, 1 - SUREST)
        return float(-np.mean(y * np.log(likely) + (1 - y) * np.log1p(-likely)))
    return float(np.mean((predicted - y) ** 2))


def errors_in(rows: Split, predicted: Floats, score: Score) -> Floats:
    """Return the error in each environment of ``rows``."""
    inside = (rows.environments == name for name in rows.names)
    return np.array([loss(rows.y[mask], predicted[mask], score) for mask in inside])
