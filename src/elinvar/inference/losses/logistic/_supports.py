"""Supports of a logistic model with their tests, each fitted once."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.special import chdtrc, chdtri, ndtr

from elinvar.inference.losses._records import Assessment
from elinvar.inference.losses.logistic._discriminant import FEWEST, discriminant_p_value
from elinvar.inference.losses.logistic._fits import (
    CommonFit,
    LeftOutFits,
    OwnFit,
    common_fit,
    left_out_fits,
    own_fit,
)
from elinvar.inference.losses.logistic._robust import own_scores
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._sandwich import Cells, OwnScores
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._robust import coefficients_test
from elinvar.inference.tests._robust import common_fit as common_fit_of_scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Support:
    """One support, fitted in each environment and over all of them.

    Attributes
    ----------
    gates : boolean array of shape (n_gates,)
    common : CommonFit
    own : OwnFit
    statistic, freedom, p_value : float
        Of the overidentification test.
    separated : boolean array of shape (E,)
        Environments whose own fit makes no mistake, so that its coefficients have no bound.
    by_discriminant : bool
        Whether coefficients were compared as normal discriminants, classes being separated.
    scale : float
        What the statistic was divided by to have its law: 1, but for rows that are not independent.
    residual_freedom : float
        Denominator of the F law; infinite where it is chi-squared.
    scores : OwnScores, optional
        What clusters contribute to the own fits, where covariances come from rows.
    """

    gates: Bools
    common: CommonFit
    own: OwnFit
    statistic: float
    freedom: float
    p_value: float
    separated: Bools
    by_discriminant: bool
    scale: float = 1.0
    residual_freedom: float = np.inf
    scores: OwnScores | None = None

    @property
    def excess(self) -> float:
        """Estimated noncentrality of the test, on the scale of independent rows."""
        return self.scale * max(self.statistic - self.freedom, 0.0)

    @property
    def likelihood_ratio(self) -> float:
        """Twice what own coefficients spare of the log loss."""
        # the ridge can make it negative by rounding
        return max(2.0 * float((self.common.loss - self.own.loss).sum()), 0.0)

    @property
    def deviance(self) -> float:
        """Twice the log loss over all rows."""
        return 2.0 * float(self.common.loss.sum())


@dataclass(eq=False)
class Ledger:
    """Supports that were fitted, each once."""

    problem: LogisticProblem
    known: dict[bytes, Support] = field(default_factory=dict)
    _common: dict[tuple[bytes, bool], CommonFit] = field(default_factory=dict)
    _left_out: dict[bytes, LeftOutFits] = field(default_factory=dict)

    @cached_property
    def own_intercepts(self) -> bool:
        """Whether each environment has its own intercept."""
        return bool(self.problem.linear.absorbed)

    def supports(self, masks: Bools, *, near: Floats | None = None) -> list[Support]:
        """Fit and test supports (M, n_gates), perhaps from a fit ``near`` by (m, q)."""
        for mask in masks:
            if mask.tobytes() not in self.known:
                self.known[mask.tobytes()] = self._assess(mask, near)
        return [self.known[mask.tobytes()] for mask in masks]

    def common(
        self, gates: Bools, *, own_intercepts: bool | None = None, near: Floats | None = None
    ) -> CommonFit:
        """Fit to all rows, perhaps from a fit ``near`` by (m, q); the test is spared."""
        own = self.own_intercepts if own_intercepts is None else own_intercepts
        key = (gates.tobytes(), own)
        if key not in self._common:
            self._common[key] = common_fit(self.problem, gates, own_intercepts=own, start=near)
        return self._common[key]

    def left_out(self, gates: Bools, bound: float = np.inf) -> LeftOutFits | None:
        """Fits without each environment; None if their loss on slopes exceeds ``bound``."""
        key = gates.tobytes()
        if key not in self._left_out:
            common = self.common(gates)
            found = left_out_fits(
                self.problem,
                gates,
                own_intercepts=self.own_intercepts,
                start=common.coef,
                bound=bound,
                # a loss only grows where it is left out: the worst fit exceeds a bound first
                first=np.argsort(-common.loss / self.problem.count, kind="stable"),
            )
            # given up under this bound only; the next may be larger
            if found is None:
                return None
            self._left_out[key] = found
        return self._left_out[key]

    def needs_all(self, support: Support, thresholds: Floats) -> bool:
        """Whether every gate that may be closed lowers the deviance by more than chance."""
        linear, m = self.problem.linear, self.problem.m
        strength = np.abs(support.common.coef).max(axis=0)[1:]
        own, free = linear.gate_of[linear.offset :], np.flatnonzero(support.gates & ~linear.always)
        # the one that is needed least comes first, as one that is not needed is enough
        for gate in sorted(free.tolist(), key=lambda gate: strength[own == gate].max()):
            width = int((linear.gate_of == gate).sum()) * m
            without = self.common(flipped(support.gates, gate), near=support.common.coef)
            ratio = 2.0 * float(without.loss.sum()) - support.deviance
            if ratio < thresholds[width] * self._inflation(support, gate):
                return False
        return True

    def _inflation(self, support: Support, gate: int) -> float:
        """How much larger a gate's variance is than by the likelihood: Rao and Scott's factor."""
        if support.scores is None:
            return 1.0
        common = common_fit_of_scores(support.scores, levels=not self.own_intercepts)
        own = self.problem.linear.absorbed
        columns = np.tile(self.problem.columns(support.gates)[own:] - own, self.problem.m)
        at = np.flatnonzero(self.problem.linear.gate_of[columns] == gate)
        back = common.back[0][at]
        likelihood = pseudo_inverses(back @ back.T)[0]
        share = np.trace(likelihood @ common.covariance[0][np.ix_(at, at)]) / len(at)
        return max(float(share), 1e-6)

    @cached_property
    def needed(self) -> Floats:
        """Smallest likelihood ratio statistic of a needed gate of d coefficients, by d."""
        widest = self.problem.m * len(self.problem.linear.needed)
        points: Floats = chdtri(np.arange(widest + 1.0), 2 * ndtr(-self.problem.linear.t_threshold))
        return np.maximum(points, 1e-300)

    def _assess(self, gates: Bools, near: Floats | None) -> Support:
        r"""Fit and test one support.

        The test is that of the likelihood ratio,

        .. math:: Q = 2 \sum_e \bigl[\ell_e(w_e) - \ell_e(w)\bigr] \sim \chi^2_f, \qquad
                  f = (E-1)\,k,

        with k coefficients, :math:`w_e` the maximum of the environment's own log likelihood and w
        that of all together: to first order it is :math:`\sum_e (w_e - w)^\top P_e (w_e - w)`, with
        :math:`P_e` the Fisher information. With own intercepts w holds the slopes, and each
        environment's intercept is free on both sides. Where an environment's classes are separated
        its likelihood has no maximum and cannot tell; see `discriminant_p_value`.
        """
        problem = self.problem
        common = self.common(gates, near=near)
        own = own_fit(problem, gates, common.coef)
        freedom = self.freedom(gates)
        # 2 sum [l_e(w) - l_e(w_e)]; the ridge can make it negative by rounding
        statistic = max(2.0 * float((common.loss - own.loss).sum()), 0.0)
        p_value = float(chdtrc(freedom, statistic)) if freedom > 0 else 1.0
        separated = own.mistakes <= 0
        # a likelihood that is separated tells nothing, a discriminant with rows enough does
        able = problem.present.min(axis=1) >= FEWEST * len(problem.columns(gates))
        other = None
        if gates.any() and (separated & able).any():
            other = discriminant_p_value(problem, gates)
        if other is not None:
            p_value, freedom = other
            # the chi-squared value of the same p: the criterion asks for a statistic
            statistic = float(chdtri(freedom, max(p_value, 1e-300)))
        found = Support(
            gates=gates,
            common=common,
            own=own,
            statistic=statistic,
            freedom=freedom,
            p_value=p_value,
            separated=separated,
            by_discriminant=other is not None,
        )
        return found if problem.cells is None else self._robust(found, problem.cells)

    def _robust(self, found: Support, cells: Cells) -> Support:
        """Hold the statistic against its law under the rows' own covariance."""
        scores = own_scores(self.problem, cells, found.gates, found.own.coef)
        if found.by_discriminant:
            return replace(found, scores=scores)
        size = len(self.problem.columns(found.gates)) * self.problem.m
        test = coefficients_test(
            scores, levels=not self.own_intercepts, statistic=np.array([found.statistic])
        )
        return replace(
            found,
            statistic=float(test.statistic[0]),
            freedom=float(test.df1[0]),
            # with no more clusters than coefficients an environment does not show their variance
            p_value=float(test.p_value[0]) if size < cells.fewest else 0.0,
            scale=float(test.scale[0]),
            residual_freedom=float(test.df2[0]),
            scores=scores,
        )

    def freedom(self, gates: Bools, *, own_intercepts: bool | None = None) -> float:
        """Degrees of freedom of equal coefficients everywhere: by ranks, where columns lack them.

        An environment with fewer classes than the others compares fewer log odds.
        """
        problem = self.problem
        own_intercepts = self.own_intercepts if own_intercepts is None else own_intercepts
        classes = self._log_odds
        inside = problem.columns(gates)[1:] - 1
        own, common = np.full(len(problem.count), float(len(inside))), float(len(inside))
        if not self._full_rank:
            grams = problem.linear.within[0][:, inside[:, None], inside]
            own = ranks(pseudo_inverses(grams)[1])
            common = float(ranks(pseudo_inverses(grams.sum(axis=0))[1]))
        # f is what environments can estimate, summed, less what all of them do
        slopes = float(own @ classes) - common * problem.m
        levels = 0.0 if own_intercepts else float(classes.sum()) - problem.m
        return max(slopes + levels, 0.0)

    @cached_property
    def _log_odds(self) -> Floats:
        """Log odds that each environment compares: its classes but one."""
        found: Floats = (self.problem.present > 0).sum(axis=1) - 1.0
        return found

    @cached_property
    def _full_rank(self) -> bool:
        inner = self.problem.linear.within[0]
        return bool((ranks(pseudo_inverses(inner)[1]) == inner.shape[1]).all())


def table_of(problem: LogisticProblem, supports: list[Support]) -> Assessment:
    """Lay supports out row by row."""
    statistic = np.array([support.statistic for support in supports])
    loss = np.array([support.common.loss for support in supports]) / problem.count
    freedom = np.array([support.freedom for support in supports])
    return Assessment(
        masks=np.array([support.gates for support in supports]),
        coef=np.array([support.common.coef for support in supports]),
        p_value=np.array([support.p_value for support in supports]),
        statistic=statistic,
        freedom=freedom,
        residual_freedom=np.array([support.residual_freedom for support in supports]),
        risk=loss @ problem.linear.weights,
        worst=loss.max(axis=1),
        weakest=np.full(len(supports), np.nan),
        rough_excess=np.array([support.excess for support in supports]),
        scale=np.array([support.scale for support in supports]),
    )


def flipped(gates: Bools, gate: int | np.intp) -> Bools:
    """Return a copy of ``gates`` with one of them changed."""
    other = gates.copy()
    other[gate] = not other[gate]
    return other
