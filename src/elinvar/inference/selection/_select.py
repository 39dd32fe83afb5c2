"""The choice: which support is invariant, or that none is, and what should predict."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.errors import DataError
from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.selection._advice import (
    Advice,
    advise_accepted,
    advise_approximate,
    better_than_pooled,
    errors_behind,
    explains_little,
    subspace_leads,
)
from elinvar.inference.selection._leave_out import support_errors
from elinvar.inference.selection._search import candidates
from elinvar.inference.selection._subspace import Subspace, invariant_subspace
from elinvar.inference.tests._overidentification import Assessment, assess, noncentrality_limit
from elinvar.inference.tests._parts import parts

Status = Literal["accepted", "approximate", "rejected"]
Bools = NDArray[np.bool_]

_SCORED = 4096
_RIVALS = 32
_STEADY = 1e-4
_DOUBTFUL = 0.02
_PRICE = 0.2


@dataclass(frozen=True, kw_only=True)
class SelectionRule:
    """How the invariant support is chosen; the defaults fit all yardsticks at once.

    Parameters
    ----------
    level : float in (0, 1), optional
        Level of the overidentification test; by default 1 / N, so that the truth is
        rejected ever more rarely as data grow.
    kappa : float >= 0
        How many times more different new environments may be, in variance, than those seen.
    tolerance : float >= 0
        Largest disagreement (share of the residual variance) that counts as approximately
        invariant; 0 turns it off.
    exact_up_to : int >= 0
        Every support is tried up to this many free gates.
    seed : int
        Seed of the search's random starts.
    """

    level: float | None = None
    kappa: float = 10.0
    tolerance: float = 0.01
    exact_up_to: int = 14
    seed: int = 0

    def level_at(self, n_rows: float) -> float:
        """Level of the test with ``n_rows`` rows."""
        return 1.0 / n_rows if self.level is None else float(self.level)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the selection found.

    Attributes
    ----------
    status : {"accepted", "approximate", "rejected"}
    gates : boolean array of shape (n_gates,)
        The selected support.
    coef : array of shape (q,)
        Its efficient refit, standardised.
    p_value : float
        Of its overidentification test.
    disagreement : float
        Upper 95% limit of the share of the residual variance that coefficients of their own would
        explain in the environments; 0 under exact invariance with infinite data.
    advice : {"invariant", "two", "trivial", "worse", "pooled", "candidate", "subspace"}
        What should predict, and why: the invariant model; the pooled one, because two environments
        are too few to check agreement on a third ("two"), because the invariant one
        explains too little ("trivial") or, where acceptance does not settle it, is surely worse on
        left-out environments ("worse"), or because invariance is rejected ("pooled"); or another
        candidate, better than the pooled model there by more than its noise; or an invariant
        subspace, where no support explains much.
    candidate : boolean array of shape (n_gates,), optional
        The support of that candidate.
    candidate_coef : array of shape (q,), optional
        Its efficient refit, standardised.
    subspace : Subspace, optional
        Combinations of columns that hold everywhere; looked for where no support explains much and
        no candidate is better.
    behind : tuple of float, optional
        Mean squared errors on left-out environments of the selected support and of the pooled
        model, where the support is to predict all the same; see `errors_behind`.
    rivals : boolean array of shape (n_rivals, n_gates)
        Other accepted (or approximately invariant) supports whose criterion is as low but for
        noise: the data hardly prefer the selected one to them.
    supports : boolean array of shape (n_candidates, n_gates)
        All that were compared.
    n_accepted : int
    """

    status: Status
    gates: Bools
    coef: Floats
    p_value: float
    disagreement: float
    advice: Advice
    candidate: Bools | None
    candidate_coef: Floats | None
    subspace: Subspace | None
    behind: tuple[float, float] | None
    rivals: Bools
    supports: Bools
    n_accepted: int

    @property
    def n_candidates(self) -> int:
        """Number of supports that were compared."""
        return len(self.supports)


def criterion(problem: LinearProblem, table: Assessment, kappa: float = 10.0) -> Floats:
    r"""Log risk of every candidate in environments more different than the training ones.

    .. math:: \log \max_e R_{(-e)} + \log(1 + \kappa\, (Q f / c - f)_+ / N)

    with :math:`R_{(-e)}` the error on environment e of the efficient refit on the others (on slopes
    alone, where each environment has its own intercept). The second term has the estimated
    noncentrality of the overidentification test per row, which is the environments' disagreement
    as a share of the noise variance, for environments ``kappa`` times as different, in variance,
    as those seen. Own derivation, see docs/theory.md.

    Parameters
    ----------
    problem : LinearProblem
    table : Assessment
        M candidates.
    kappa : float >= 0

    Returns
    -------
    array of shape (M,)
    """
    worst = support_errors(problem, table.masks, levels=False).max(axis=1, initial=0.0)
    return _log_risk(problem, table, worst, kappa)


def select(
    problem: LinearProblem,
    pooled: LinearProblem,
    rule: SelectionRule | None = None,
    *,
    supports: Bools | None = None,
) -> Selection:
    """Choose the invariant support, and what should predict.

    Accepted are supports whose every gate has |t| >= ``problem.min_t`` and whose
    overidentification test, as a whole and in its ``parts``, has p >= ``level``. Those whose noise
    is the same everywhere, too, go before the others; among them the lowest ``criterion`` plus a
    price for a small p wins. If none is accepted, the one of the lowest criterion among supports
    whose ``disagreement`` is at most ``tolerance`` ("approximate"). If there is none either,
    invariance is rejected, and the support with the lowest criterion is only the best there is.

    Parameters
    ----------
    problem : LinearProblem
    pooled : LinearProblem
        The same moments with a shared intercept; ``problem`` itself if its intercept is shared.
    rule : SelectionRule, optional
    supports : boolean array of shape (M, n_gates), optional
        Supports to choose among; by default, and if none of them can be fitted, ``candidates``.

    Raises
    ------
    DataError
        If no support with all the gates that are never closed can be fitted.
    """
    rule = SelectionRule() if rule is None else rule
    table = _table(problem, rule, supports)
    n_rows = problem.count.sum()
    needed = _informative(problem, table)
    limit = noncentrality_limit(table.statistic, table.freedom) / n_rows
    close = needed & (limit <= rule.tolerance)
    status: Status
    advice: Advice
    best = None
    accepted = _accepted(problem, table, needed, rule)
    if len(accepted.rows):
        row, rivals = accepted.first, accepted.rivals
        status, advice = "accepted", advise_accepted(problem, pooled, table, row)
    else:
        rough = _scored(problem, table, close if close.any() else needed, rule.kappa)
        row, rivals = rough.first, rough.rivals
        if close.any():
            status, advice = "approximate", advise_approximate(problem, pooled, table, row)
        else:
            status = "rejected"
            best = better_than_pooled(problem, pooled, table)
            advice = "pooled" if best is None else "candidate"
    subspace = None
    accepts = status == "accepted"
    if best is None and (not accepts or explains_little(problem, pooled, table, row)):
        subspace = invariant_subspace(problem, rule.level_at(n_rows), seed=rule.seed)
        beside = table.masks[row] if accepts else None
        if subspace is not None and subspace_leads(problem, pooled, subspace.errors, beside):
            advice = "subspace"
    return Selection(
        status=status,
        gates=table.masks[row],
        coef=table.coef[row],
        p_value=float(table.p_value[row]),
        disagreement=float(limit[row]),
        advice=advice,
        candidate=None if best is None else table.masks[best],
        candidate_coef=None if best is None else table.coef[best],
        subspace=subspace,
        behind=errors_behind(problem, pooled, table, row) if advice == "invariant" else None,
        rivals=table.masks[rivals[:0] if status == "rejected" else rivals],
        supports=table.masks,
        n_accepted=accepted.n_accepted,
    )


def _table(problem: LinearProblem, rule: SelectionRule, supports: Bools | None) -> Assessment:
    """Candidates; those with a gate that is not needed are tested only if there are no others."""
    table = None if supports is None else assess(problem, supports, thorough=False)
    if table is None or not np.isfinite(table.risk).any():
        table = candidates(problem, exact_up_to=rule.exact_up_to, seed=rule.seed, thorough=False)
    if not np.isfinite(table.risk).any():
        raise DataError(
            f"The {problem.always.sum()} features that are always to stay (features_always) cannot "
            "be told apart: they are collinear, or more than the rows of the smallest environment "
            f"({problem.count.min():g}) allow for; let some of them go."
        )
    return table if _informative(problem, table).any() else assess(problem, table.masks)


def _informative(problem: LinearProblem, table: Assessment) -> Bools:
    """Supports whose every gate is needed; the untestable empty one only if nothing else is."""
    needed = (table.weakest >= 1) & np.isfinite(table.worst)
    if problem.absorbed:
        empty = ~table.masks.any(axis=1)
        if (needed & ~empty).any():
            needed &= ~empty
    return needed


def _log_risk(problem: LinearProblem, table: Assessment, worst: Floats, kappa: float) -> Floats:
    """Log of ``worst`` (M,) in environments ``kappa`` times as different."""
    excess = np.maximum(table.statistic - table.freedom, 0.0)
    distance = np.log1p(kappa * excess / problem.count.sum())
    score: Floats = np.log(np.maximum(worst, 1e-300)) + distance
    return score


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """Candidates that compete: ``rows`` of the table, from the lowest ``score``; ``n_accepted``."""

    n_accepted: int = 0
    rows: NDArray[np.intp]
    score: Floats
    margin: float

    @property
    def first(self) -> int:
        """Row of the lowest score, the first of equal ones."""
        return int(self.rows[0])

    @property
    def rivals(self) -> NDArray[np.intp]:
        """Rows that are as good but for noise."""
        close = self.score[1 : _RIVALS + 1] <= self.score[0] + self.margin
        rows: NDArray[np.intp] = self.rows[1 : _RIVALS + 1][close]
        return rows


def _scored(
    problem: LinearProblem,
    table: Assessment,
    among: Bools,
    kappa: float,
    price: Floats | None = None,
) -> _Scored:
    """Score candidates by the criterion plus a price each, (M,)."""
    rows = np.flatnonzero(among) if among.any() else np.arange(len(table.masks))
    if len(rows) > _SCORED:
        rough = _log_risk(problem, table, table.worst, kappa)[rows]
        rows = np.sort(rows[np.argsort(rough, kind="stable")[:_SCORED]])
    score = criterion(problem, table.take(rows), kappa)
    if price is not None:
        score = score + price[rows]
    order = np.argsort(score, kind="stable")
    return _Scored(rows=rows[order], score=score[order], margin=_margin(problem))


def _accepted(
    problem: LinearProblem, table: Assessment, needed: Bools, rule: SelectionRule
) -> _Scored:
    """Supports whose environments agree, as a whole and part by part; steady noise goes first.

    With three or more environments a p-value below ``_DOUBTFUL`` has its price: one ten times
    smaller must bring an error smaller by the factor 10 ** ``_PRICE``. Between two environments
    there is one contrast a coefficient, and the price would mostly throw out small true effects.
    """
    level = rule.level_at(problem.count.sum())
    rows = np.flatnonzero(needed & (table.p_value >= level))
    found = parts(problem, table.masks[rows])
    p_value = np.minimum(table.p_value[rows], 2 * np.minimum(found.slopes, found.level))
    agree = p_value >= level
    steady = agree & (found.noise >= _STEADY)
    among, price = np.zeros(len(table.masks), dtype=bool), np.zeros(len(table.masks))
    among[rows[steady if steady.any() else agree]] = True
    if len(problem.count) > 2:
        price[rows] = _PRICE * np.maximum(np.log(_DOUBTFUL / np.maximum(p_value, 1e-300)), 0.0)
    if not among.any():
        return _Scored(rows=rows[:0], score=np.zeros(0), margin=0.0)
    scored = _scored(problem, table, among, rule.kappa, price)
    return replace(scored, n_accepted=int(agree.sum()))


def _margin(problem: LinearProblem) -> float:
    """How much the criterion may differ by chance; set on random models of known parents.

    Two environments have one difference to show: what agrees in it by accident is preferred more
    often, and by more, the fewer the rows.
    """
    if len(problem.count) > 2:
        return 0.1
    return float(np.sqrt(170.0 / problem.count.mean()))
