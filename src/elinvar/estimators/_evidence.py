"""Evidence on a fitted InvariantRegressor: tables, made from moments when they are asked for."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from elinvar.errors import DataError
from elinvar.inference import (
    Diagnosis,
    EnvironmentEffect,
    EnvironmentResiduals,
    Evidence,
    Forecast,
    InvariancePath,
    Learned,
    LeftOut,
    ModelTest,
    OddEnvironment,
    Standing,
    diagnose,
    environment_residuals,
    forecast,
    gather_evidence,
    invariance_path,
    left_out_errors,
    model_tests,
    odd_environment,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from elinvar.environments import Moments, Schema
    from elinvar.inference import LearningTask

Floats = NDArray[np.float64]

EVIDENCE = (
    "feature", "verdict", "effect", "low", "high", "pooled_effect", "heterogeneity_p", "between_sd",
    "new_low", "new_high", "leaves_at", "moved_p", "odd_environment",
)  # fmt: skip
ERRORS = ("environment", "rows", "invariant", "pooled", "lasso", "mean", "used")
LEFT_OUT = (
    "environment", "model", "predicted_mean", "predicted_sd", "truth_mean", "truth_sd", "slope",
    "residual_sd",
)  # fmt: skip


class EvidenceTables:
    """The tables, sentences and figures that say how far a fitted model can be trusted."""

    # what the fit leaves behind; a model file brings the tables themselves
    moments_: "Moments"
    schema_: "Schema"
    environments_: tuple[str, ...]
    pooled_coef_: Floats
    standing_: Standing
    effect_tolerance: float
    _learned: Learned
    _strengths: Floats | None

    if TYPE_CHECKING:

        def _share(self) -> Floats: ...

        def _task(self) -> LearningTask: ...

    @cached_property
    def path_(self) -> InvariancePath:
        """Coefficients along the mean-field path."""
        return invariance_path(self._of_fit().problem, strengths=self._strengths)

    @cached_property
    def evidence_(self) -> "pd.DataFrame":
        """Evidence on every feature, a row each.

        Columns: ``feature``; ``verdict``; ``effect``, ``low``, ``high`` (efficient refit, 95%,
        environments taken as fixed; where its model is refuted, that is unless invariance is
        accepted, or if the feature is spurious, the average over environments); ``pooled_effect``;
        ``heterogeneity_p`` (same effect everywhere); ``between_sd`` (of the effect, between
        environments); ``new_low``, ``new_high`` (90% interval for the effect in a new
        environment); ``leaves_at`` (on the path); ``moved_p`` (same law of the feature everywhere:
        where it is large, invariance was not put to the test) and ``odd_environment``. NaN only
        where the verdict is "undecided".
        """
        import pandas as pd

        found, schema = self._evidence.features, self.schema_
        columns: dict[str, Any] = {
            "feature": schema.features,
            "pooled_effect": [self._pooled_effect(j) for j in range(len(found))],
            "leaves_at": self.path_.leaves_at(schema.groups, len(schema.features)),
        }
        for name in EVIDENCE:
            if name not in columns:
                columns[name] = [getattr(row, name) for row in found]
        return pd.DataFrame(columns, columns=list(EVIDENCE))

    @cached_property
    def effects_(self) -> "pd.DataFrame":
        """Effect of each feature in each environment that can tell it, a row each.

        Columns: ``feature``, ``environment``, ``effect``, ``low``, ``high`` (95%).
        """
        return _frame(EnvironmentEffect, self._evidence.effects)

    @cached_property
    def tests_(self) -> "pd.DataFrame":
        """Tests of the invariant model, a row each; empty with a single environment.

        Columns: ``test`` ("coefficients", the overidentification test; its parts "residual mean"
        and "slopes"; "scale"), ``statistic``, ``df1``, ``df2``, ``p_value`` and ``question``.
        """
        learned = self._of_fit()
        return _frame(ModelTest, model_tests(learned.problem, learned.gates))

    @cached_property
    def residuals_(self) -> "pd.DataFrame":
        """Residuals of the invariant model in each environment, with 95% intervals.

        Columns: ``environment``, ``rows``, ``mean``, ``mean_low``, ``mean_high``, ``slope`` (of the
        target on the prediction; NaN if that does not vary), ``slope_low``, ``slope_high``, ``sd``.
        """
        learned = self._of_fit()
        rows = environment_residuals(learned.problem, learned.invariant, learned.gates)
        return _frame(EnvironmentResiduals, rows)

    @cached_property
    def errors_(self) -> "pd.DataFrame":
        """Mean squared errors on each environment when it is left out, a row each.

        Columns: ``environment``, ``rows``, ``invariant``, ``pooled``, ``lasso``, ``mean`` and
        ``used`` (what ``predict`` would have used). The whole procedure is repeated without the
        environment (beyond ``exact_up_to`` features, among the supports that the search found with
        it); with two environments only the refit is, on the support that both chose.
        """
        import pandas as pd

        rows = [[getattr(row, name) for name in ERRORS] for row in self._left_out]
        return pd.DataFrame(rows, columns=list(ERRORS)).astype(dict.fromkeys(ERRORS[1:], float))

    @cached_property
    def left_out_(self) -> "pd.DataFrame":
        """Predictions for each left-out environment against its truth, a row a model.

        Columns: ``environment``, ``model``, ``predicted_mean``, ``predicted_sd``, ``truth_mean``,
        ``truth_sd``, ``slope`` (of the truth on the prediction; NaN if that does not vary),
        ``residual_sd``.
        """
        import pandas as pd

        rows = [
            [row.environment, *(getattr(fit, name) for name in LEFT_OUT[1:])]
            for row in self._left_out
            for fit in row.fits
        ]
        table = pd.DataFrame(rows, columns=list(LEFT_OUT))
        return table.astype(dict.fromkeys(LEFT_OUT[2:], float))

    @cached_property
    def forecast_(self) -> Forecast:
        """How far predictions may be off in a new environment, or why that cannot be said."""
        return forecast(self._left_out)

    @property
    def margin_(self) -> float:
        """Half-width within which 90% of rows lie in 90% of new environments; NaN if unknown."""
        return self.forecast_.margin

    @cached_property
    def odd_environment_(self) -> OddEnvironment | None:
        """The environment that is responsible where environments do not agree, if one is."""
        learned = self._of_fit()
        return odd_environment(learned.problem, learned.gates)

    @cached_property
    def diagnosis_(self) -> Diagnosis:
        """What the data could answer, whatever the model: see `elinvar.diagnose`."""
        return diagnose(self.moments_, intercept=self._of_fit().problem.intercept)

    def predict_interval(
        self, X: "ArrayLike", *, environments: "ArrayLike | None" = None
    ) -> Floats:
        """Return prediction intervals for rows of a new environment.

        In at least 90% of new environments at least 90% of the rows lie within, if new
        environments are like those seen: conformal over left-out environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        environments : array-like of shape (n,), optional
            As in ``predict``.

        Returns
        -------
        ndarray of shape (n, 2)
            Lower and upper ends.

        Raises
        ------
        DataError
            If there are too few environments.
        """
        check_is_fitted(self, "coef_")
        if np.isnan(self.margin_):
            raise DataError(f"There is no prediction interval: {self.forecast_.reason}")
        predicted: Floats = self.predict(X, environments=environments)  # type: ignore[attr-defined]
        return np.column_stack([predicted - self.margin_, predicted + self.margin_])

    def plot_effects(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every effect with its interval beside the pooled one.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes
        """
        from elinvar.plots import plot_effects

        return plot_effects(self.evidence_, ax=ax)

    def plot_forest(self, features: Sequence[str] | None = None) -> "Axes":
        """Draw each environment's effect, the common and the pooled one, and that in a new place.

        Parameters
        ----------
        features : list of str, optional
            Which features; None: those that hold, and those of largest effect.

        Returns
        -------
        Axes
            The first panel.
        """
        from elinvar.plots import plot_forest

        return plot_forest(self.effects_, self.evidence_, features=features)

    def plot_errors(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the errors on left-out environments.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes
        """
        from elinvar.plots import plot_errors

        return plot_errors(self.errors_, ax=ax)

    def plot_left_out(self) -> "Axes":
        """Draw predictions for left-out environments against the truth.

        Returns
        -------
        Axes
            The first panel.
        """
        from elinvar.plots import plot_left_out

        return plot_left_out(self.left_out_)

    @cached_property
    def _evidence(self) -> Evidence:
        learned = self._of_fit()
        return gather_evidence(
            learned.problem,
            learned.gates,
            self.standing_,
            self._task().rule.level_at(float(self.moments_.count.sum())),
            rivals=None if learned.selection is None else learned.selection.rivals,
            tolerance=self.effect_tolerance,
        )

    @cached_property
    def _left_out(self) -> list[LeftOut]:
        learned = self._of_fit()
        if len(self.environments_) < 2:
            return []
        return left_out_errors(self.moments_, self._share(), self._task(), learned)

    def _forget(self) -> None:
        """Drop the tables of an earlier fit."""
        for name, value in vars(EvidenceTables).items():
            if isinstance(value, cached_property):
                self.__dict__.pop(name, None)

    def _of_fit(self) -> Learned:
        check_is_fitted(self, "coef_")
        return self._learned

    def _pooled_effect(self, feature: int) -> float:
        columns = np.flatnonzero(self.schema_.groups == feature)
        values = self.pooled_coef_[columns]
        if self.schema_.features[feature] in self.schema_.levels:
            return float(values.max() - values.min())
        return float(values[0])


def _frame(kind: type, rows: Sequence[Any]) -> "pd.DataFrame":
    """Return dataclasses as a table whose columns are there even without rows."""
    import pandas as pd

    columns = {field.name: str if field.type is str else float for field in fields(kind)}
    table = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in columns})
    return table if rows else table.astype(columns)
