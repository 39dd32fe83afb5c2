"""Verdicts as claims: what an environment that a model has not seen says of them."""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._words import listed
from elinvar.answer import Answer
from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators import InvariantClassifier, InvariantRegressor
from elinvar.inference import FEWEST, LinearProblem, LogisticLoss, SquaredLoss

if TYPE_CHECKING:
    import pandas as pd

AnyModel: TypeAlias = InvariantRegressor | InvariantClassifier
Row: TypeAlias = dict[Any, Any]

_NORMAL_90 = 1.6448536269514722
_LEFT_OUT = "left out"
_CHECKED = ("invariant", "nearly invariant", "same direction", "no effect")


def claims(
    model: AnyModel, X: object, y: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> "pd.DataFrame":
    r"""Hold every verdict of a model against one environment that it was not fitted on.

    The named model of each verdict is fitted to the rows of that environment alone. Its coefficient
    b, with the standard error s, contradicts

    - "same direction" if its sign is the other one and :math:`|b| > 1.64 s`;
    - "invariant" and "nearly invariant" if it is outside the interval for a new environment, or
      that of the common effect where there is none, :math:`[m - l, m + u]`, widened to
      :math:`[m - \sqrt{l^2 + (1.64 s)^2}, m + \sqrt{u^2 + (1.64 s)^2}]`;
    - "no effect" if :math:`|b| - 1.64 s` is beyond the smallest effect of interest.

    The other verdicts claim nothing of a single environment.

    Parameters
    ----------
    model : InvariantRegressor or InvariantClassifier
        Fitted to moments or rows without the environment. With more than two classes nothing can
        be checked, for the classes of a contrast are not named.
    X : array-like or frame of shape (n, n_features)
        Rows of the environment that was left out, as the model's.
    y : array-like of shape (n,)
        Target, or labels of classes.
    sample_weight : array-like of shape (n,), optional
        Frequency weights.

    Returns
    -------
    DataFrame
        A row a feature, in the order of ``evidence_``, and once more from ``all_features_``:
        ``table`` ("evidence" or "all_features"), ``feature``, ``verdict``, ``model``, ``effect``,
        ``low``, ``high`` (the claimed interval, 90%), ``n_environments`` (that told it), ``own``,
        ``own_error`` (NaN where the rows cannot tell), ``checked`` (whether there is a claim and a
        coefficient to hold it against), ``contradicted`` and ``covered`` (whether the widened
        interval holds the coefficient, whatever the verdict; False where either is missing, so
        divide by the rows with ``own`` and ``low`` finite).

    Raises
    ------
    DataError
        If ``y`` holds a class that the model does not know.
    """
    import pandas as pd

    answer = model.answer_
    rows = _rows(model, X, y, sample_weight)
    records = []
    for name, table in (("evidence", answer.evidence), ("all_features", answer.all_features)):
        fits: dict[tuple[str, ...], _OwnFit] = {}
        for row in table.to_dict("records"):
            features = _features_of(answer, row)
            if features not in fits:
                fits[features] = _OwnFit(answer, rows, features)
            records.append({"table": name} | _claim(row, *fits[features].effect(row)))
    return pd.DataFrame(records)


def _claim(row: Row, own: float, error: float) -> Row:
    effect, low, high = row["effect"], row["new_low"], row["new_high"]
    if np.isnan(low):
        low, high = row["low"], row["high"]
    reach = _NORMAL_90 * error
    covered = (
        effect - np.hypot(effect - low, reach) <= own <= effect + np.hypot(high - effect, reach)
    )
    contradicted = {
        "same direction": own * effect < 0 and abs(own) > reach,
        "no effect": abs(own) - reach > row["smallest_effect"],
    }.get(row["verdict"], not covered)
    checked = row["verdict"] in _CHECKED and np.isfinite(own)
    return {
        **{name: row[name] for name in ("feature", "verdict", "model", "effect")},
        "low": low,
        "high": high,
        "n_environments": row["n_environments"],
        "own": own,
        "own_error": error,
        "checked": bool(checked),
        "contradicted": bool(checked and contradicted),
        "covered": bool(covered),
    }


def _features_of(answer: Answer, row: Row) -> tuple[str, ...]:
    """Name the features of the model that a row speaks of."""
    if row["model"] == "all features":
        known = answer.all_features["effect"].notna()
        return tuple(answer.all_features.loc[known, "feature"])
    return tuple(dict.fromkeys([*answer.selected_features, row["feature"]]))


def _rows(
    model: AnyModel, X: object, y: ArrayLike, sample_weight: ArrayLike | None
) -> Environments:
    """Return the rows as one environment, classes by their number."""
    schema = model.schema_
    matrix = schema.encode(X, unknown="zero")
    target: NDArray[np.float64]
    if isinstance(model, InvariantClassifier):
        labels = np.asarray(y)
        unknown = np.setdiff1d(labels, model.classes_)
        if len(unknown):
            raise DataError(
                f"y holds {listed([repr(one) for one in unknown.tolist()])}; the model knows the "
                f"classes {listed([repr(one) for one in model.classes_.tolist()])}. Leave these "
                "rows out."
            )
        target = np.searchsorted(model.classes_, labels).astype(np.float64)
    else:
        target = np.asarray(y, dtype=np.float64)
    return Environments(
        X=matrix,
        y=target,
        codes=np.zeros(len(target), dtype=np.intp),
        names=(_LEFT_OUT,),
        schema=schema,
        sample_weight=None if sample_weight is None else np.asarray(sample_weight, np.float64),
    )


class _OwnFit:
    """Coefficients of some features, fitted to one environment."""

    def __init__(self, answer: Answer, rows: Environments, features: tuple[str, ...]) -> None:
        self._answer, self._fit = answer, None
        own: Literal["shared", "environment"] = "environment" if answer.own_intercepts else "shared"
        try:
            loss: SquaredLoss | LogisticLoss
            if len(answer.classes) > 2:
                return
            if answer.classes:
                loss = LogisticLoss.from_rows(rows, answer.classes, intercept=own)
            else:
                loss = SquaredLoss.from_moments(rows.moments(), intercept=own)
        except DataError:  # nothing varies there
            return
        self._problem: LinearProblem = loss.problem
        schema = self._problem.moments.schema
        gates = np.isin(schema.features, features)[self._problem.features]
        # of two columns that are one here neither effect is told
        twins = {name for pair in self._problem.duplicates for name in pair}
        (self._fit,) = loss.refits(gates[None])
        columns = self._fit.columns - self._problem.offset
        names = [schema.columns[self._problem.columns[j]] if j >= 0 else "" for j in columns]
        variance = self._fit.own_covariance[0].diagonal()
        told = (variance > 0) & (self._fit.freedom[0] >= FEWEST)
        self._place = {name: j for j, name in enumerate(names) if told[j] and name not in twins}

    def effect(self, row: Row) -> tuple[float, float]:
        """Coefficient, or contrast of two levels, and its standard error; NaN if untold."""
        if self._fit is None:
            return np.nan, np.nan
        direction = np.zeros(len(self._fit.columns))
        for column, sign in self._terms(row):
            if column is None:
                continue
            if column not in self._place:
                return np.nan, np.nan
            j = self._place[column]
            direction[j] += sign * self._fit.units[j]
        variance = direction @ self._fit.own_covariance[0] @ direction
        if not variance > 0:
            return np.nan, np.nan
        return float(self._fit.own[0] @ direction), float(np.sqrt(variance))

    def _terms(self, row: Row) -> list[tuple[str | None, float]]:
        """Columns of an effect with their signs; None for the reference level of these rows."""
        name, here = row["feature"], self._problem.moments.schema
        if not row["contrast"]:
            return [(name, 1.0)]
        levels = self._answer.schema.levels[name]
        pairs = [(a, b) for a in levels for b in levels if f"{a} over {b}" == row["contrast"]]
        first = here.levels[name][0]
        return [
            (None if level == first else f"{name}={level}", sign)
            for level, sign in zip(pairs[0], (1.0, -1.0), strict=True)
        ]
