"""From rows to a forecast and its answer: what the regressor and the classifier have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elinvar.answer import TransferAnswer
from elinvar.answer.transfer_found import ALL_FEATURES, CONSTANT, MIXTURE
from elinvar.environments import Environments, Schema
from elinvar.errors import DataError
from elinvar.estimators._environment_estimator import Floats
from elinvar.forecast import Columns, Sample, Spread
from elinvar.forecast.adaptation import Adaptation, learn_adaptation
from elinvar.forecast.curves import Curve, Residuals, feature_curves
from elinvar.forecast.gate import Choice, choose
from elinvar.forecast.learners import Foreign, Learner
from elinvar.forecast.mixture import Margin, Mixture, default_learners, environment_errors

Progress = Callable[[int, int], None]

# rows on which the error at home is taken, where there are more
_AT_HOME = 5_000
# log odds are looked at within these probabilities
_CERTAIN = 1e-3
# of a target: its fourth power is still a number
_LARGEST = 1e75


@dataclass(frozen=True, kw_only=True)
class TransferTask:
    """What is asked of a forecast.

    Attributes
    ----------
    estimator : str
    parameters : mapping of str to object
    classes : tuple of str
        Labels of the classes; none where the target is a number.
    own : mapping of str to estimator
        Learners of the user's.
    premium : float
    n_jobs : int or None
    seed : int
    progress : callable or None
    """

    estimator: str
    parameters: Mapping[str, object]
    classes: tuple[str, ...]
    own: Mapping[str, object]
    premium: float
    n_jobs: int | None
    seed: int
    progress: Progress | None = None


def sample_of(rows: Environments, n_classes: int) -> Sample:
    """Return rows as learners take them.

    Parameters
    ----------
    rows : Environments
        Of classes, the target is the number of the class.
    n_classes : int
        0 where the target is a number.

    Raises
    ------
    DataError
        If the target is so large that powers of it are beyond number.
    """
    schema = rows.schema
    largest = float(np.abs(rows.y).max(initial=0.0))
    if largest > _LARGEST:
        raise DataError(
            f"The values of {schema.target} are too large to compute with (up to {largest:.3g}): "
            "give them in a larger unit."
        )
    weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
    return Sample(
        X=np.asarray(rows.X, dtype=np.float64),
        y=np.asarray(rows.y, dtype=np.float64),
        codes=rows.codes,
        weight=np.asarray(weight, dtype=np.float64),
        columns=Columns(
            features=schema.features,
            groups=schema.groups,
            categorical=np.array([name in schema.levels for name in schema.features]),
        ),
        n_classes=n_classes,
    )


def fit_forecast(rows: Environments, task: TransferTask) -> tuple[Mixture, TransferAnswer]:
    """Fit the mixture, and say what it is worth.

    Parameters
    ----------
    rows : Environments
    task : TransferTask
    """
    sample = sample_of(rows, len(task.classes))
    own = [Foreign(name=name, estimator=one) for name, one in task.own.items()]
    learners: Sequence[Learner] = (*default_learners(sample.n_classes, sample.columns), *own)
    choice = choose(
        sample,
        learners,
        premium=task.premium,
        seed=task.seed,
        n_jobs=task.n_jobs,
        progress=task.progress,
    )
    mixture = choice.mixture
    several = bool(mixture.folds)
    if several and not sample.n_classes and choice.share > 0:
        # what the gate has mixed has a margin of its own
        mixture = replace(mixture, margin=Margin.of(sample, mixture.left_out_mixture[:, 0]))
    losses = _losses(sample, choice) if several else {}
    answer = TransferAnswer(
        estimator=task.estimator,
        parameters=task.parameters,
        schema=rows.schema,
        classes=task.classes,
        rows=dict(zip(rows.names, np.bincount(sample.codes, sample.weight).tolist(), strict=True)),
        n_dropped=rows.n_dropped,
        scales=np.nanstd(sample.X, axis=0),
        learners=mixture.names,
        weights=mixture.weights,
        losses=losses,
        wrong=_wrong(sample, mixture.left_out_mixture) if several else np.zeros(0),
        in_sample=_in_sample(sample, mixture, task.seed),
        spread=Spread.of(sample, mixture.left_out_mixture[:, 0])
        if several and not sample.n_classes
        else Spread.unknown(),
        selected=choice.selected,
        shift_share=choice.shift_share,
        curves=_curves(sample, mixture, losses, task.seed),
        adaptation=_adaptation(sample, mixture, rows.schema, task.seed) if several else None,
    )
    return mixture, answer


def _adaptation(sample: Sample, mixture: Mixture, schema: Schema, seed: int) -> Adaptation | None:
    """Return what may differ in a new place, by learners that have a weight."""
    weighed = np.flatnonzero(mixture.weights > 0)
    return learn_adaptation(
        sample.X,
        sample.y,
        sample.codes,
        mixture.left_out_mixture,
        mixture.left_out[:, weighed],
        weight=sample.weight,
        columns=schema.columns,
        categorical=sample.columns.categorical[sample.columns.groups],
        learner_names=[mixture.names[m] for m in weighed],
        n_classes=sample.n_classes,
        seed=seed,
    )


def _losses(sample: Sample, choice: Choice) -> dict[str, Floats]:
    """Return the mean loss of everything in each environment left out."""
    mixture = choice.mixture
    whole = {MIXTURE: mixture.left_out_mixture, CONSTANT: _constant(sample, mixture)}
    if choice.share > 0:
        whole[ALL_FEATURES] = choice.full.left_out_mixture
    predicted = np.concatenate(
        [mixture.left_out, *(one[:, None] for one in whole.values())], axis=1
    )
    names = (*mixture.names, *whole)
    return dict(zip(names, environment_errors(sample, predicted).T, strict=True))


def _constant(sample: Sample, mixture: Mixture) -> Floats:
    """Return what the other environments' mean, or shares of classes, would predict."""
    y = np.eye(sample.n_classes)[sample.y.astype(int)] if sample.n_classes else sample.y[:, None]
    flat = np.empty(y.shape)
    for fold in mixture.folds:
        out = np.isin(sample.codes, fold)
        flat[out] = np.average(y[~out], axis=0, weights=sample.weight[~out])
    return flat


def _wrong(sample: Sample, predicted: Floats) -> Floats:
    if not sample.n_classes:
        return np.zeros(0)
    wrong = sample.weight * (predicted.argmax(axis=1) != sample.y)
    shares: Floats = np.bincount(sample.codes, wrong) / np.bincount(sample.codes, sample.weight)
    return shares


def _in_sample(sample: Sample, mixture: Mixture, seed: int) -> dict[str, float]:
    """Return the mean loss on rows that were learnt from, environments weighing equally."""
    if sample.n_rows > _AT_HOME:
        some = np.random.default_rng(seed).choice(sample.n_rows, _AT_HOME, replace=False)
        sample = sample.rows(some)
    each = mixture.each(sample.X)
    whole = mixture.predict(sample.X)
    errors = environment_errors(sample, np.concatenate([each, whole[:, None]], axis=1))
    return dict(zip((*mixture.names, MIXTURE), np.nanmean(errors, axis=0).tolist(), strict=True))


def _curves(
    sample: Sample, mixture: Mixture, losses: Mapping[str, Floats], seed: int
) -> tuple[Curve, ...]:
    """Return the curves of the forecast, and of each environment beside it."""
    error = float(losses[MIXTURE].mean()) if losses else np.nan
    left_out = mixture.left_out_mixture
    if not sample.n_classes:
        residuals = Residuals.of_number(sample.y, left_out[:, 0])
        return tuple(
            feature_curves(sample, lambda X: mixture.predict(X)[:, 0], residuals, error, seed=seed)
        )
    found: list[Curve] = []
    # of two classes the second says all
    for outcome in range(1 if sample.n_classes == 2 else 0, sample.n_classes):
        residuals = Residuals.of_class(
            (sample.y == outcome).astype(np.float64), left_out[:, outcome]
        )

        def log_odds(X: Floats, k: int = outcome) -> Floats:
            p = np.clip(mixture.predict(X)[:, k], _CERTAIN, 1 - _CERTAIN)
            odds: Floats = np.log(p / (1 - p))
            return odds

        # twice the log loss is the deviance, as squared errors are
        found += feature_curves(sample, log_odds, residuals, 2 * error, seed=seed, outcome=outcome)
    return tuple(sorted(found, key=lambda curve: -curve.reach))
