"""Squared loss on moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np

from elinvar.errors import DataError
from elinvar.inference.losses._records import (
    Assessment,
    Competitor,
    EnvironmentResiduals,
    Judgement,
    LinearModel,
    ModelTest,
    Parts,
    Refit,
    Subspace,
)
from elinvar.inference.losses._residuals import left_out_fit, residuals_of, taken_freedom
from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._lasso import lasso_without
from elinvar.inference.losses.squared._leave_out import (
    mean_errors,
    moment_error,
    pooled_errors,
    risk_lines,
    risk_parts,
    support_errors,
)
from elinvar.inference.losses.squared._model_tests import model_tests
from elinvar.inference.losses.squared._parts import parts
from elinvar.inference.losses.squared._path import InvariancePath, invariance_path, pooled_solution
from elinvar.inference.losses.squared._random_intercept import random_intercept
from elinvar.inference.losses.squared._refit import refit, refit_many
from elinvar.inference.losses.squared._robust import (
    robust_assess,
    robust_parts,
    robust_refits,
    robust_tests,
    shortlist,
)
from elinvar.inference.losses.squared._search import candidates
from elinvar.inference.losses.squared._subspace import invariant_subspace
from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.problem._sandwich import Cells, Sandwich
from elinvar.inference.problem._types import Bools, Floats, Places, ProblemOptions

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments

# products in fits of a shortlist, E q^3 each
_AFFORDED = 4e10


@dataclass(frozen=True, kw_only=True, eq=False)
class SquaredLoss:
    r"""Mean squared error of linear regression, from moments alone.

    .. math:: R_e(w) = \mathbb E_e (y - a - x^\top w)^2

    Environments weigh by the precision of their own fits where a support is fitted, and by their
    weights in the pooled model. Losses count by their logarithms, which for normal noise are twice
    the log likelihood of a row.

    Attributes
    ----------
    problem : LinearProblem
    shared : LinearProblem
        The same moments with a shared intercept; ``problem`` itself if its intercept is shared.
    rows : Sandwich, optional
        The rows, where covariances are to come from them: noise that depends on the features, or
        rows in clusters. Estimates stay what they are.
    """

    problem: LinearProblem
    shared: LinearProblem
    rows: Sandwich | None = None

    scale = 1.0
    level_untested = 0.9
    n_scored = 4096

    @property
    def n_shortlist(self) -> int:
        """Supports that can be compared anew without some environments: fewer of many columns."""
        # no feature is left where none differs within an environment
        fit = len(self.problem.count) * float(max(len(self.problem.gate_of), 1)) ** 3
        return int(min(max(_AFFORDED / fit, 16), 256))

    @property
    def outcome_sd(self) -> float:
        """Standard deviation of the target."""
        return self.problem.target_scale

    @classmethod
    def from_moments(
        cls,
        moments: "Moments",
        rows: "Environments | None" = None,
        **options: Unpack[ProblemOptions],
    ) -> "SquaredLoss":
        """Standardise moments, and rows if robust; see `LinearProblem.from_moments`."""
        problem = shared = LinearProblem.from_moments(moments, **options)
        if problem.absorbed:
            options["intercept"] = "shared"
            shared = LinearProblem.from_moments(moments, **options)
        own = None if rows is None else Sandwich.of(rows, problem)
        return cls(problem=problem, shared=shared, rows=own)

    @property
    def portable(self) -> bool:
        """Whether moments are all that it holds."""
        return self.rows is None

    @property
    def cells(self) -> Cells | None:
        """Clusters of the rows that covariances come from, if they do."""
        return None if self.rows is None else self.rows.cells

    def candidates(self, supports: Bools | None, *, exact_up_to: int, seed: int) -> Assessment:
        """Test supports; those with a gate that is not needed only if there are no others."""
        problem, table, whole = self.problem, None, self.rows is not None
        if supports is not None:
            table = assess(problem, supports, thorough=whole)
        if table is None or not np.isfinite(table.risk).any():
            table = candidates(problem, exact_up_to=exact_up_to, seed=seed, thorough=whole)
        if not np.isfinite(table.risk).any():
            raise DataError(
                f"The {problem.always.sum()} features that are always to stay (features_always) "
                "cannot be told apart: they are collinear, or more than the rows of the smallest "
                f"environment ({problem.count.min():g}) allow for; let some of them go."
            )
        if self.rows is not None:
            rough = self.rough_criterion(table, 1.0)
            return robust_assess(self.rows, shortlist(self.rows, table, rough))
        return table if self._informative(table).any() else assess(problem, table.masks)

    def assess(self, masks: Bools) -> Assessment:
        """Test and refit supports (M, n_gates)."""
        table = assess(self.problem, masks)
        return table if self.rows is None else robust_assess(self.rows, table)

    def needed(self, table: Assessment, among: Bools, kappa: float) -> Places:
        """Rows among these whose every gate is needed."""
        return np.flatnonzero(self._informative(table) & among)

    def _informative(self, table: Assessment) -> Bools:
        """Supports whose every gate is needed; the untestable empty one only if it is alone."""
        needed: Bools = (table.weakest >= 1) & np.isfinite(table.worst)
        if self.problem.absorbed:
            empty = ~table.masks.any(axis=1)
            if (needed & ~empty).any():
                needed &= ~empty
        return needed

    def parts(self, masks: Bools) -> Parts:
        """Test slopes, intercepts and noise of supports by themselves."""
        if self.rows is not None:
            return robust_parts(self.rows, masks)
        return parts(self.problem, masks)

    def criterion(self, table: Assessment, kappa: float, *, price: Floats, margin: float) -> Floats:
        r"""Log risk of supports in environments more different than the training ones, and price.

        .. math:: \log \max_e R_{(-e)} + \log(1 + \kappa\, (Q f / c - f)_+ / N)

        with :math:`R_{(-e)}` the error on environment e of the efficient refit on the others (on
        slopes alone, where each environment has its own intercept). The second term has the
        estimated noncentrality of the overidentification test per row, which is the environments'
        disagreement as a share of the noise variance, for environments ``kappa`` times as
        different, in variance, as those seen. Own derivation, see docs/theory.md.
        """
        errors = support_errors(self.problem, table.masks, intercepts=False)
        return self._log_risk(table, errors.max(axis=1, initial=0.0), kappa) + price

    def rough_criterion(self, table: Assessment, kappa: float) -> Floats:
        """Return the same with the error where fitted."""
        return self._log_risk(table, table.worst, kappa)

    def _log_risk(self, table: Assessment, worst: Floats, kappa: float) -> Floats:
        distance = np.log1p(kappa * table.excess / self.problem.count.sum())
        score: Floats = np.log(np.maximum(worst, 1e-300)) + distance
        return score

    def left_out(self, masks: Bools) -> Floats:
        """Mean squared errors of supports on each environment left out, (M, E)."""
        return support_errors(self.problem, masks) * self.problem.target_scale**2

    def pooled_left_out(self) -> Floats:
        """Mean squared errors of pooled least squares on each environment left out, (E,)."""
        return self._pooled_errors

    @cached_property
    def _pooled_errors(self) -> Floats:
        return pooled_errors(self.shared) * self.shared.target_scale**2

    def mean_left_out(self) -> Floats:
        """Mean squared errors of the others' mean on each environment, (E,)."""
        return mean_errors(self.shared) * self.shared.target_scale**2

    def comparable(self, loss: Floats) -> Floats:
        """Return logarithms: errors count by their ratios."""
        return np.log(np.maximum(loss, 1e-300))

    def forecast_error(self, loss: Floats) -> Floats:
        """Return logarithms likewise."""
        return self.comparable(loss)

    @cached_property
    def _pooled_coef(self) -> Floats:
        return pooled_solution(self.shared)

    @cached_property
    def _pooled_risk(self) -> float:
        shared = self.shared
        fitted = float(shared.weights @ shared.cross @ self._pooled_coef)
        return (float(shared.weights @ shared.target_power) - fitted) * shared.target_scale**2

    def shares_explained(self, table: Assessment, row: int) -> tuple[float, float]:
        """Share of the variance that a support, and pooled least squares, explain."""
        problem, shared = self.problem, self.shared
        own = float(table.risk[row]) * problem.target_scale**2
        variance = problem.weights @ problem.target_power * problem.target_scale**2
        pooled_variance = shared.weights @ shared.target_power * shared.target_scale**2
        return float(1 - own / variance), float(1 - self._pooled_risk / pooled_variance)

    def subspace(self, alpha: float, *, seed: int, near: Floats | None = None) -> Subspace | None:
        """Find combinations of columns that hold in all environments, by the classical test."""
        if self.rows is not None:
            return None
        found = invariant_subspace(self.problem, alpha, seed=seed, near=near)
        if found is None:
            return None
        return replace(found, errors=found.errors * self.problem.target_scale**2)

    def refits(self, masks: Bools) -> list[Refit]:
        """Fit supports efficiently, with covariances."""
        if self.rows is not None:
            return robust_refits(self.rows, masks)
        return refit_many(self.problem, masks)

    def tests(self, gates: Bools) -> list[ModelTest]:
        """Test a support as a whole and part by part."""
        if self.rows is not None:
            return robust_tests(self.rows, gates)
        return model_tests(self.problem, gates)

    def residuals(self, model: LinearModel, gates: Bools) -> list[EnvironmentResiduals]:
        r"""Mean, slope and spread of a model's residuals in each environment.

        With the model's predictions :math:`\hat y` taken as given, the error of the mean residual
        is the mean of the environment's noise, that of the slope its slope on :math:`\hat y`. An
        environment takes part in the fit of the slopes with :math:`\mathrm{tr}\, \Phi P_e` degrees
        of freedom (its centred precision in the covariance of the refit), so its residual variance
        has :math:`n_e - 1 - \mathrm{tr}\, \Phi P_e`. Own derivation, see docs/evidence.md.
        """
        moments, coef, floor = self.problem.moments, model.coef, self.problem.floor
        mean = moments.mean_y - moments.mean_x @ coef - model.intercept
        if model.intercepts is not None:
            # an intercept of its own leaves no mean but rounding
            mean = np.zeros(len(mean))
        signal = np.einsum("j,ejk,k->e", coef, moments.cov_xx, coef)
        joint = moments.cov_xy @ coef
        fit = refit(self.problem, gates)
        taken = taken_freedom(fit, self.problem.gate_of[fit.columns] < 0)
        return [
            residuals_of(
                name,
                float(moments.count[e]),
                mean=float(mean[e]),
                truth=float(moments.var_y[e]),
                signal=float(signal[e]),
                joint=float(joint[e]),
                freedom=float(moments.count[e] - 1 - taken[e]),
                floor=float(floor[e]) * self.problem.target_scale**2,
            )
            for e, name in enumerate(moments.names)
        ]

    def path(self, strengths: Floats | None) -> InvariancePath:
        """Follow the mean-field path."""
        return invariance_path(self.problem, strengths=strengths)

    def preflight(self) -> tuple["Moments", str]:
        """Return the moments themselves."""
        return self.problem.moments, ""

    def pooled_model(self) -> LinearModel:
        """Least squares over all rows with one intercept, environments by their weights."""
        return linear_model(self.shared, self._pooled_coef)

    def mean_model(self) -> LinearModel:
        """Predict the mean whatever the features."""
        moments, weights = self.problem.moments, self.problem.weights
        return LinearModel(
            coef=np.zeros(moments.schema.n_columns), intercept=float(weights @ moments.mean_y)
        )

    def support_model(self, gates: Bools, coef: Floats | None = None) -> LinearModel:
        """Return a support's refit in the data's units; without it, weighted least squares."""
        problem = self.problem
        if coef is None:
            columns = np.flatnonzero(problem.column_masks(gates[None])[0])
            coef = np.zeros(len(problem.gate_of))
            gram = average(problem.weights, problem.gram)[columns[:, None], columns]
            coef[columns] = solve(gram, (problem.weights @ problem.cross)[columns])
        return linear_model(problem, coef)

    def subspace_model(self, found: Subspace, place: int | None = None) -> LinearModel:
        """Return the refit along combinations of columns; perhaps without an environment."""
        return linear_model(self.problem, found.coef if place is None else found.left_out[place])

    def random_intercept_model(self) -> LinearModel:
        """Generalised least squares with a random level for each environment."""
        return linear_model(self.shared, random_intercept(self.shared))

    def nearly_invariant_model(self, masks: Bools, kappa: float) -> LinearModel | None:
        """Return the support whose risk line is the lowest at ``kappa``, with one intercept."""
        best, coef = self._least_risk(masks, kappa)
        return None if best is None else linear_model(self.shared, coef)

    def nearly_invariant(self, masks: Bools, kappa: float) -> Bools | None:
        """Return which of the supports that is, (n_gates,)."""
        best, _ = self._least_risk(masks, kappa)
        return None if best is None else masks[best]

    def _least_risk(self, masks: Bools, kappa: float) -> tuple[int | None, Floats]:
        lines, coef = risk_lines(self.shared, self._shared_masks(masks))
        risk = lines[0] + kappa * lines[1]
        best = int(np.argmin(risk))
        return (best if np.isfinite(risk[best]) else None), coef[best]

    def risk_parts(self, gates: Bools | None) -> tuple[Floats, Floats] | None:
        """Level and rise of the mean squared error of a support, or of all features."""
        shared = self.shared
        everything = np.ones((1, shared.n_gates), dtype=bool)
        wide = everything if gates is None else self._shared_masks(gates[None])
        found = risk_parts(shared, np.flatnonzero(shared.column_masks(wide)[0]))
        if found is None:
            return None
        return found[0] * shared.target_scale**2, found[1] * shared.target_scale**2

    def _shared_masks(self, masks: Bools) -> Bools:
        """Supports over the gates of the problem with one intercept, which may have more."""
        if self.shared is self.problem:
            return masks
        wide = np.zeros((len(masks), self.shared.n_gates), dtype=bool)
        # beside an intercept for each environment a feature may move that is constant otherwise
        known = np.isin(self.problem.features, self.shared.features)
        at = np.searchsorted(self.shared.features, self.problem.features[known])
        wide[:, at] = masks[:, known]
        return wide

    def errors(self, model: LinearModel, places: Places) -> Floats:
        """Mean squared error of a model on each of these environments."""
        moments, coef = self.problem.moments, model.coef
        bias = moments.mean_y[places] - moments.mean_x[places] @ coef - model.intercept
        inside = np.flatnonzero(coef)
        part, slopes = moments.cov_xx[np.ix_(places, inside, inside)], coef[inside]
        joint = moments.cov_xy[places][:, inside] @ slopes
        scatter = moments.var_y[places] - 2 * joint + np.einsum("j,ejk,k->e", slopes, part, slopes)
        errors: Floats = np.maximum(scatter, 0.0) + bias**2
        return errors

    def judge(self, name: Competitor, model: LinearModel, place: int) -> Judgement:
        """Hold a model's predictions for one environment against its truth, from moments."""
        moments, coef = self.problem.moments, model.coef
        fit = left_out_fit(
            name,
            predicted=float(moments.mean_x[place] @ coef) + model.intercept,
            signal=max(float(coef @ moments.cov_xx[place] @ coef), 0.0),
            truth=float(moments.mean_y[place]),
            target=float(moments.var_y[place]),
            joint=float(moments.cov_xy[place] @ coef),
        )
        error = moment_error(moments, place, coef, model.intercept)
        return Judgement(error=error, wrong=None, fits=(fit,))

    def others_without(self, folds: Sequence[Places]) -> Mapping[Competitor, list[LinearModel]]:
        """Lassos without each fold of environments."""
        return {"lasso": lasso_without(self.problem.moments, self.problem.weights, folds)}

    def without(self, names: Sequence[str], always: Bools | None = None) -> "SquaredLoss":
        """Return the loss on the other environments; ``always`` are features that stay."""
        return SquaredLoss.from_moments(
            self.problem.moments.exclude(names),
            None if self.rows is None else self.rows.rows.exclude(names),
            **self.problem.options_without(names, always),
        )


def linear_model(problem: LinearProblem, coef: Floats) -> LinearModel:
    """Return standardised coefficients in the data's units."""
    slopes, intercept, intercepts = problem.original(coef)
    own = None
    if problem.absorbed:
        names = problem.moments.names
        own = {name: float(b) for name, b in zip(names, intercepts, strict=True)}
    return LinearModel(coef=slopes, intercept=intercept, intercepts=own)
