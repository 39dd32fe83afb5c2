"""Logistic loss on rows: two classes or more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np
from scipy.special import chdtrc

from elinvar.inference.losses._records import (
    Assessment,
    Competitor,
    EnvironmentResiduals,
    Judgement,
    LogisticModel,
    ModelTest,
    Part,
    Parts,
    Refit,
    Subspace,
)
from elinvar.inference.losses._robust import in_table
from elinvar.inference.losses.logistic._fits import (
    CommonFit,
    common_fit,
    left_out_fits,
    stepped_left_out,
)
from elinvar.inference.losses.logistic._models import class_residuals, judge_classes, model_of
from elinvar.inference.losses.logistic._pictures import explore, pooled_picture, rough_criterion
from elinvar.inference.losses.logistic._refit import refit_of
from elinvar.inference.losses.logistic._shrinkage import shrunk_fit
from elinvar.inference.losses.logistic._subspace import logistic_subspace
from elinvar.inference.losses.logistic._supports import Ledger, Support, table_of
from elinvar.inference.losses.squared._path import InvariancePath, invariance_path
from elinvar.inference.problem._folds import FEW_FOLDS
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._sandwich import Cells
from elinvar.inference.problem._types import Bools, Floats, Places, ProblemOptions
from elinvar.inference.tests._robust import RobustTest, coefficients_test, levels_test

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments

_QUESTIONS: dict[Part, str] = {
    "coefficients": "Are the log odds, intercept included, the same in all environments?",
    "residual mean": "Given the same slopes, are the shares of classes those that they predict?",
    "slopes": "Are the slopes of the log odds the same everywhere, whatever the intercepts?",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticLoss:
    r"""Mean log loss of (multinomial) logistic regression, by maximum likelihood on rows.

    .. math:: \ell_e(w) = -\frac1{n_e} \sum_i \log p_{y_i}(x_i),
              \qquad \log \frac{p_c(x)}{p_0(x)} = a_{c} + x^\top w_c .

    It is a log likelihood, so the noise follows from the prediction: tests are of the likelihood
    ratio, and :math:`\max_e \ell_{(-e)} + \kappa (Q - f)_+ / 2N` is the criterion, which for
    squared loss is the same to first order on the scale of the normal log likelihood.

    Attributes
    ----------
    rows : Environments
        Target: the number of the class, from 0.
    data : LogisticProblem
        The same, standardised.
    outcomes : tuple of str
        Names of the classes.
    calibrate : bool
        Whether models are calibrated on environments left out.
    shrink : bool
        Whether the model of all features is shrunk as environments left out ask for.
    repeated : bool
        Whether environments have been left out already, and the procedure is repeated without them.
    """

    rows: "Environments"
    data: LogisticProblem
    outcomes: tuple[str, ...]
    calibrate: bool = True
    shrink: bool = True
    repeated: bool = False

    # as a log loss is half a log variance
    scale = 0.5
    # log losses of models near each other differ by less than what comes back elsewhere
    level_untested = 0.975
    # of the standard logistic law, which log odds are the shift of
    outcome_sd = float(np.pi / np.sqrt(3.0))
    portable = False
    n_scored = 48
    n_shortlist = 12

    @classmethod
    def from_rows(
        cls,
        rows: "Environments",
        outcomes: tuple[str, ...],
        *,
        calibrate: bool = True,
        moments: "Moments | None" = None,
        robust: bool = False,
        shrink: bool = True,
        **options: Unpack[ProblemOptions],
    ) -> "LogisticLoss":
        """Standardise rows whose target is the number of the class; see `LogisticProblem`."""
        data = LogisticProblem.from_rows(
            rows, len(outcomes), moments=moments, robust=robust, **options
        )
        return cls(rows=rows, data=data, outcomes=outcomes, calibrate=calibrate, shrink=shrink)

    @property
    def problem(self) -> LinearProblem:
        """Moments of the rows, with the number of the class as target."""
        return self.data.linear

    @property
    def cells(self) -> Cells | None:
        """Clusters of the rows that covariances come from, if they do."""
        return self.data.cells

    @cached_property
    def ledger(self) -> Ledger:
        """Supports that were fitted."""
        return Ledger(self.data)

    def support(self, gates: Bools) -> Support:
        """Return the fits and the test of one support (n_gates,)."""
        return self.ledger.supports(gates[None])[0]

    def candidates(self, supports: Bools | None, *, exact_up_to: int, seed: int) -> Assessment:
        """Fit and test supports: those given, or what quadratic pictures and a descent turn up."""
        if supports is None:
            explore(self.ledger, exact_up_to=exact_up_to, seed=seed)
            return table_of(self.data, list(self.ledger.known.values()))
        masks = np.unique(supports | self.problem.always, axis=0)
        return table_of(self.data, self.ledger.supports(masks))

    def assess(self, masks: Bools) -> Assessment:
        """Fit and test supports (M, n_gates)."""
        return table_of(self.data, self.ledger.supports(masks))

    def needed(self, table: Assessment, among: Bools, kappa: float) -> Places:
        """Rows of the lowest rough criterion whose every gate is needed, ``n_scored`` at most."""
        supports = self.ledger.supports(table.masks)
        rough = np.array([rough_criterion(self.ledger, one, kappa) for one in supports])
        found: list[int] = []
        for row in np.argsort(rough, kind="stable").tolist():
            if len(found) == self.n_scored:
                break
            if among[row] and self.ledger.needs_all(supports[row], self.ledger.needed):
                found.append(row)
        return np.sort(np.array(found, dtype=np.intp))

    def parts(self, masks: Bools) -> Parts:
        """Test slopes and intercepts of supports by themselves; there is no noise to test."""
        table = np.ones((3, len(masks)))
        for row, mask in enumerate(masks):
            if self.cells is not None:
                robust = self._robust_tests(mask)
                for place, part in enumerate(("slopes", "residual mean")):
                    table[place, row] = robust[part].p_value[0] if part in robust else 1.0
                continue
            tested = self._tests(mask)
            whole = tested["coefficients"]
            slopes = tested.get("slopes", whole)
            table[0, row] = chdtrc(slopes[1], slopes[0]) if slopes[1] > 0 else 1.0
            if "residual mean" in tested:
                table[1, row] = chdtrc(tested["residual mean"][1], tested["residual mean"][0])
        return Parts(slopes=table[0], intercepts=table[1], scale=table[2])

    def criterion(self, table: Assessment, kappa: float, *, price: Floats, margin: float) -> Floats:
        """Score supports by their worst loss where left out, as long as they may be best."""
        # R + kappa d / 2 is log R + log(1 + kappa d) of squared loss, halved and to first order
        excess = kappa * table.excess / (2 * self.data.count.sum()) + price
        if self.repeated and len(self.data.count) > FEW_FOLDS and not self.problem.absorbed:
            first: Floats = excess + np.array([self._worst_left_out(one) for one in table.masks])
            return first
        score, best = np.full(len(table.masks), np.inf), np.inf
        for row in np.argsort(table.worst + excess, kind="stable"):
            # a loss only grows where it is left out, so the rest need not be fitted
            bound = best + margin - excess[row]
            fits = self.ledger.left_out(table.masks[row], bound)
            if fits is not None:
                score[row] = fits.slopes_loss.max() + excess[row]
                best = min(best, score[row])
        return score

    def _worst_left_out(self, gates: Bools) -> float:
        """Return the largest loss where left out, to first order: E times E refits take long."""
        return float(stepped_left_out(self.data, gates, self.ledger.common(gates)).max())

    def rough_criterion(self, table: Assessment, kappa: float) -> Floats:
        """Return the criterion with the loss where fitted."""
        rough: Floats = table.worst + kappa * table.excess / (2 * self.data.count.sum())
        return rough

    def left_out(self, masks: Bools) -> Floats:
        """Mean log losses of supports on each environment left out, (M, E)."""
        fits = [self.ledger.left_out(mask) for mask in masks]
        return np.array([fit.loss for fit in fits if fit is not None])

    def pooled_left_out(self) -> Floats:
        """Mean log loss of all features on each environment left out, (E,)."""
        return self._pooled_left_out[1]

    def mean_left_out(self) -> Floats:
        """Mean log loss of the others' shares of classes on each environment, (E,)."""
        nothing = np.zeros(self.problem.n_gates, dtype=bool)
        return self._fits_without_each(nothing, self._nothing)[1]

    def comparable(self, loss: Floats) -> Floats:
        """Return log losses as they are: differences are of mean log likelihoods."""
        return loss

    def forecast_error(self, loss: Floats) -> Floats:
        """Return 1 less the geometric mean of the probabilities of what came, 1 - exp(-loss).

        As log losses where they are small; but a model that is wrong and sure of it in one
        environment, where its log loss has no bound, loses no more there than all.
        """
        error: Floats = -np.expm1(-loss)
        return error

    def shares_explained(self, table: Assessment, row: int) -> tuple[float, float]:
        """Share of the deviance of no feature that a support, and all features, spare."""
        nothing = self.ledger.common(np.zeros(self.problem.n_gates, dtype=bool)).loss
        none = float(self.problem.weights @ (nothing / self.data.count))
        pooled, reference = self._pooled[0].loss.sum(), self._nothing.loss.sum()
        return 1 - float(table.risk[row]) / none, 1 - float(pooled / reference)

    def subspace(self, alpha: float, *, seed: int, near: Floats | None = None) -> Subspace | None:
        """Find combinations of columns that hold in all environments, for two classes.

        By the classical test only: none where covariances come from rows.
        """
        if self.cells is not None:
            return None
        return logistic_subspace(self.data, alpha, seed=seed, near=near)

    def refits(self, masks: Bools) -> list[Refit]:
        """Fit supports with covariances from the Fisher information."""
        return [refit_of(self.data, support) for support in self.ledger.supports(masks)]

    def tests(self, gates: Bools) -> list[ModelTest]:
        """Likelihood ratio tests of a support: its statistic is the sum of its two parts'."""
        if len(self.data.count) < 2:
            return []
        own = bool(self.problem.absorbed)
        if self.cells is not None:
            words = {**_QUESTIONS, "coefficients": _QUESTIONS["slopes"]} if own else _QUESTIONS
            return in_table(self._robust_tests(gates), words)
        return [
            ModelTest(
                test=part,
                statistic=statistic / freedom,
                df1=freedom,
                df2=np.inf,
                p_value=float(chdtrc(freedom, statistic)),
                question=_QUESTIONS["slopes" if own and part == "coefficients" else part],
            )
            for part, (statistic, freedom) in self._tests(gates).items()
            if freedom > 0
        ]

    def residuals(self, model: LogisticModel, gates: Bools) -> list[EnvironmentResiduals]:
        """Class less probability in each environment, a row a class beyond two."""
        fit = refit_of(self.data, self.support(gates))
        return class_residuals(self.rows, self.outcomes, model, fit)

    def path(self, strengths: Floats | None) -> InvariancePath:
        """Mean-field path in the quadratic picture of the loss about the pooled fit.

        With more than two classes each is followed against the first, and a column's coefficient is
        the largest difference between two of all.
        """
        likeliest = self._balanced_fit(np.ones(self.problem.n_gates, dtype=bool))
        paths = []
        for c in range(1, self.data.n_classes):
            picture = pooled_picture(self.data, likeliest.coef, c)
            path = invariance_path(picture, strengths=strengths)
            paths.append(replace(path, standardized=path.standardized * picture.target_scale))
        if len(paths) == 1:
            return paths[0]
        reference = np.zeros_like(paths[0].coef)
        return replace(
            paths[0],
            coef=np.ptp([reference, *(path.coef for path in paths)], axis=0),
            standardized=np.ptp([reference, *(path.standardized for path in paths)], axis=0),
            converged=np.logical_and.reduce([path.converged for path in paths]),
        )

    def preflight(self) -> tuple["Moments", str]:
        """Moments of the commonest class as 0 or 1, among those that come and go everywhere."""
        present, rows = self.data.present, self.rows
        varies = ((present > 0) & (present < self.data.count[:, None])).all(axis=0)
        if not varies.any():
            return self.problem.moments, "The number of the class stands for the target."
        outcome = 1
        if len(self.outcomes) > 2:
            outcome = int(np.argmax(np.where(varies, present.sum(axis=0), -1.0)))
        moments = replace(rows, y=(rows.y == outcome).astype(np.float64)).moments()
        name = self.outcomes[outcome]
        return moments, f"The target is looked at as a number, 1 for {name} and 0 for the rest."

    def pooled_model(self) -> LogisticModel:
        """All features with one intercept, shrunk; environments count for their weights."""
        left = None
        if self._calibrates:
            left = self._pooled_left_out[0]
        return model_of(self.data, self._pooled[0].coef, left_out=left)

    def mean_model(self) -> LogisticModel:
        """Shares of classes, whatever the features."""
        return model_of(self.data, self._nothing.coef)

    def support_model(self, gates: Bools, coef: Floats | None = None) -> LogisticModel:
        """Return the fit of a support, calibrated by its fits without each environment."""
        left = self.ledger.left_out(gates) if self._calibrates else None
        return model_of(
            self.data,
            self.ledger.common(gates).coef,
            own_intercepts=bool(self.problem.absorbed),
            left_out=None if left is None else left.coef,
        )

    def subspace_model(self, found: Subspace, place: int | None = None) -> LogisticModel:
        """Return the log odds along combinations of columns, calibrated likewise."""
        coef = found.coef if place is None else found.left_out[place]
        return model_of(self.data, coef, left_out=found.left_out if self._calibrates else None)

    def random_intercept_model(self) -> None:
        """Tell that levels are not taken as random."""

    def nearly_invariant_model(self, masks: Bools, kappa: float) -> LogisticModel | None:
        """Return the support whose risk line is the lowest at ``kappa``."""
        best = self.nearly_invariant(masks, kappa)
        return None if best is None else self.support_model(best)

    def nearly_invariant(self, masks: Bools, kappa: float) -> Bools | None:
        r"""Return which of the supports that is, (n_gates,).

        Its level is the log loss of environments' own fits, its rise what the common fit loses,
        both corrected to first order by the coefficients that were fitted.
        """
        rows = self.data.count.sum()
        supports = self.ledger.supports(masks)
        own = np.array([float(s.own.loss.sum()) for s in supports]) / rows
        common = np.array([float(s.common.loss.sum()) for s in supports]) / rows
        chance = np.array([s.freedom for s in supports]) / (2 * rows)
        columns = np.array([len(self.data.columns(mask)) for mask in masks])
        level = own + columns * self.data.m * len(self.data.count) / (2 * rows)
        risk = level + kappa * np.maximum(common - own - chance, 0.0)
        best: Bools = masks[int(np.argmin(risk))]
        return best

    def risk_parts(self, gates: Bools | None) -> tuple[Floats, Floats] | None:
        r"""Level and rise of the log loss of a support, or of all features, by environment.

        As for squared errors, each coefficient that an environment has fitted taking 1/2n from its
        log loss where fitted, and adding as much where it is predicted.
        """
        mask = np.ones(self.problem.n_gates, dtype=bool) if gates is None else gates
        support, count = self.support(mask), self.data.count
        size = len(self.data.columns(mask)) * self.data.m
        if count.min() <= size or len(count) < 3:
            return None
        away = self.pooled_left_out() if gates is None else self.left_out(mask[None])[0]
        chance, added = size / (2 * count), size / (2 * (count.sum() - count))
        own = support.own.loss / count
        return own + chance + added, away - own - chance - added

    def errors(self, model: LogisticModel, places: Places) -> Floats:
        """Mean log loss of a model on each of these environments."""
        return np.array([self.judge("used", model, place).error for place in places.tolist()])

    def judge(self, name: Competitor, model: LogisticModel, place: int) -> Judgement:
        """Hold probabilities for one environment against its classes."""
        return judge_classes(self.rows, self.outcomes, name, model, place)

    def others_without(self, folds: Sequence[Places]) -> Mapping[Competitor, list[LogisticModel]]:
        """No rivals from elsewhere."""
        return {}

    def without(self, names: Sequence[str], always: Bools | None = None) -> "LogisticLoss":
        """Return the loss on the other environments; ``always`` are features that stay.

        Its models are not calibrated, which would leave environments out within those left.
        """
        loss = LogisticLoss.from_rows(
            self.rows.exclude(names),
            self.outcomes,
            calibrate=False,
            moments=self.problem.moments.exclude(names),
            robust=self.cells is not None,
            shrink=self.shrink,
            **self.problem.options_without(names, always),
        )
        return replace(loss, repeated=True)

    @property
    def _calibrates(self) -> bool:
        return self.calibrate and len(self.data.count) > 1

    def _balanced_fit(self, gates: Bools) -> CommonFit:
        """Fit of a support with one intercept, environments by their weights."""
        # with nothing to balance the ledger may know the fit already
        if self.data.balanced is self.data.weight:
            return self.ledger.common(gates, own_intercepts=False)
        return common_fit(self.data, gates, own_intercepts=False, weight=self.data.balanced)

    @cached_property
    def _nothing(self) -> CommonFit:
        return self._balanced_fit(np.zeros(self.problem.n_gates, dtype=bool))

    @cached_property
    def _pooled(self) -> tuple[CommonFit, float]:
        """The fit of all features, and the strength of its shrinkage."""
        everything = np.ones(self.problem.n_gates, dtype=bool)
        if not self.shrink:
            return self._balanced_fit(everything), 0.0
        return shrunk_fit(self.data, everything)

    @cached_property
    def _pooled_left_out(self) -> tuple[Floats, Floats]:
        fit, strength = self._pooled
        return self._fits_without_each(np.ones(self.problem.n_gates, dtype=bool), fit, strength)

    def _fits_without_each(
        self, gates: Bools, fit: CommonFit, pull: float = 0.0
    ) -> tuple[Floats, Floats]:
        fits = left_out_fits(
            self.data,
            gates,
            own_intercepts=False,
            weight=self.data.balanced,
            start=fit.coef,
            pull=pull,
        )
        assert fits is not None  # without a bound none is given up
        return fits.coef, fits.loss

    def _tests(self, gates: Bools) -> dict[Part, tuple[float, float]]:
        r"""Statistics and freedom of the whole and, with one intercept, of its two parts.

        :math:`2 \sum_e [\ell_e(a_e, w_e) - \ell_e(a_e', w')]` with common slopes w' and own
        intercepts is the part of the slopes; what is left is that of the intercepts. A
        discriminant compares slopes alone, so that there is nothing to split.
        """
        support = self.support(gates)
        whole = support.statistic, support.freedom
        if support.scores is not None and not support.by_discriminant:
            whole = support.likelihood_ratio, self.ledger.freedom(gates)
        found: dict[Part, tuple[float, float]] = {"coefficients": whole}
        if self.problem.absorbed or support.by_discriminant:
            return found
        near = support.common.coef
        apart = self.ledger.common(gates, own_intercepts=True, near=near).loss
        freedom = self.ledger.freedom(gates, own_intercepts=True)
        levels = max(2.0 * float((support.common.loss - apart).sum()), 0.0)
        found["residual mean"] = (levels, whole[1] - freedom)
        found["slopes"] = (max(2.0 * float((apart - support.own.loss).sum()), 0.0), freedom)
        return found

    def _robust_tests(self, gates: Bools) -> dict[Part, RobustTest]:
        """Return the same tests, against their laws under the rows' own covariance."""
        support, found = self.support(gates), self._tests(gates)
        scores, absorbed = support.scores, bool(self.problem.absorbed)
        if scores is None or support.by_discriminant:
            return {}
        value = {part: np.array([statistic]) for part, (statistic, _) in found.items()}
        tests: dict[Part, RobustTest] = {
            "coefficients": coefficients_test(
                scores, levels=not absorbed, statistic=value["coefficients"]
            )
        }
        if "slopes" in value:
            tests["residual mean"] = levels_test(scores, statistic=value["residual mean"])
            tests["slopes"] = coefficients_test(scores, levels=False, statistic=value["slopes"])
        return tests
