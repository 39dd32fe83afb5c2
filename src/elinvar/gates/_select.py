"""The choice: which support is invariant, or that none is, and what should predict."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from elinvar.gates._leave_out import mean_errors, pooled_errors, solve, support_errors
from elinvar.gates._overidentification import Assessment, noncentrality_limit
from elinvar.gates._problem import Floats, LinearProblem
from elinvar.gates._search import candidates

Status = Literal["accepted", "approximate", "rejected"]
Advice = Literal["invariant", "two", "trivial", "worse", "pooled", "candidate"]
Bools = NDArray[np.bool_]

_COMFORTABLE = 0.05
_TRIVIAL = 1 / 3
_CONTENDERS = 16_384


@dataclass(frozen=True, kw_only=True)
class SelectionRule:
    """How the invariant support is chosen; the defaults fit all yardsticks at once.

    Parameters
    ----------
    level : float in (0, 1), optional
        Level of the overidentification test; by default min(0.01, 2 / N), so that the truth is
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
    kappa: float = 20.0
    tolerance: float = 0.01
    exact_up_to: int = 14
    seed: int = 0


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
    advice : {"invariant", "two", "trivial", "worse", "pooled", "candidate"}
        What should predict, and why: the invariant model; the pooled one, because two environments
        are too few to check agreement on a third ("two"), because the invariant one
        explains too little ("trivial") or, where acceptance does not settle it, is surely worse on
        left-out environments ("worse"), or because invariance is rejected ("pooled"); or another
        candidate, better than the pooled model there by more than its noise.
    candidate : boolean array of shape (n_gates,), optional
        The support of that candidate.
    candidate_coef : array of shape (q,), optional
        Its efficient refit, standardised.
    n_candidates, n_accepted : int
    """

    status: Status
    gates: Bools
    coef: Floats
    p_value: float
    disagreement: float
    advice: Advice
    candidate: Bools | None
    candidate_coef: Floats | None
    n_candidates: int
    n_accepted: int


def criterion(problem: LinearProblem, table: Assessment, kappa: float = 20.0) -> Floats:
    r"""Log risk of every candidate in environments more different than the training ones.

    .. math:: \log \max_e R_e(w) + \log(1 + \kappa\, (Q f / c - f)_+ / N)

    the second factor being the estimated noncentrality of the overidentification test per row: how
    much of the noise variance the environments' disagreement amounts to, in environments
    ``kappa`` times as different, in variance, as those seen. Own derivation.
    """
    excess = np.maximum(table.statistic - table.freedom, 0.0)
    risk = np.log(np.maximum(table.worst, 1e-300))
    result: Floats = risk + np.log1p(kappa * excess / problem.count.sum())
    return result


def select(
    problem: LinearProblem, pooled: LinearProblem, rule: SelectionRule | None = None
) -> Selection:
    """Choose the invariant support, and what should predict.

    Among supports whose overidentification test has p >= ``level`` and whose every gate has
    |t| >= 4, the one with the lowest ``criterion``; a larger one that contains it replaces it if
    its test has p >= 0.05 and it is better on every left-out environment. If none is accepted, the
    same among supports whose ``disagreement`` is at most ``tolerance`` ("approximate"). If there is
    none either, invariance is rejected, and the support with the lowest criterion is only the best
    there is.

    Parameters
    ----------
    problem : LinearProblem
    pooled : LinearProblem
        The same moments with a shared intercept; ``problem`` itself if its intercept is shared.
    rule : SelectionRule, optional
    """
    rule = SelectionRule() if rule is None else rule
    table = candidates(problem, exact_up_to=rule.exact_up_to, seed=rule.seed)
    n_rows = problem.count.sum()
    level = min(0.01, 2.0 / n_rows) if rule.level is None else rule.level
    needed = _informative(problem, table)
    score = criterion(problem, table, rule.kappa)
    limit = noncentrality_limit(table.statistic, table.freedom) / n_rows
    accepted = needed & (table.p_value >= level)
    close = needed & (limit <= rule.tolerance)
    status: Status
    advice: Advice
    best = None
    if accepted.any():
        row = _lowest(score, accepted)
        row = _extended(problem, table, score, row, accepted & (table.p_value >= _COMFORTABLE))
        status = "accepted"
        advice = _advise(problem, pooled, table, row)
    elif close.any():
        row, status = _lowest(score, close), "approximate"
        advice = "worse" if _surely_worse(problem, pooled, table, row) else "invariant"
        advice = (
            "two" if advice == "invariant" and _only_two(problem, pooled, table, row) else advice
        )
    else:
        row, status = _lowest(score, needed), "rejected"
        best = _better_than_pooled(problem, pooled, table, score)
        advice = "pooled" if best is None else "candidate"
    return Selection(
        status=status,
        gates=table.masks[row],
        coef=table.coef[row],
        p_value=float(table.p_value[row]),
        disagreement=float(limit[row]),
        advice=advice,
        candidate=None if best is None else table.masks[best],
        candidate_coef=None if best is None else table.coef[best],
        n_candidates=len(table.masks),
        n_accepted=int(accepted.sum()),
    )


def _informative(problem: LinearProblem, table: Assessment) -> Bools:
    """Supports whose every gate is needed; the untestable empty one only if nothing else is."""
    needed = (table.weakest >= 1) & np.isfinite(table.worst)
    if problem.absorbed:
        empty = ~table.masks.any(axis=1)
        if (needed & ~empty).any():
            needed &= ~empty
    return needed


def _lowest(score: Floats, among: Bools) -> int:
    """Row of the lowest score; ties go to the first row, so that the choice is deterministic."""
    rows = np.flatnonzero(among) if among.any() else np.arange(len(score))
    return int(rows[np.argmin(score[rows])])


def _extended(
    problem: LinearProblem, table: Assessment, score: Floats, row: int, allowed: Bools
) -> int:
    """Return the best accepted superset that is better wherever left out, or ``row``."""
    inside = table.masks[row]
    larger = allowed & table.masks[:, inside].all(axis=1)
    larger[row] = False
    rows = np.flatnonzero(larger)
    if len(rows) == 0 or len(problem.count) < 2:
        return row
    own = support_errors(problem, table.masks[[row]])[0]
    better = rows[(support_errors(problem, table.masks[rows]) < own).all(axis=1)]
    return int(better[np.argmin(score[better])]) if len(better) else row


def _advise(problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int) -> Advice:
    """Say what should predict when a support is accepted: it, unless there is a strong reason."""
    if _only_two(problem, pooled, table, row):
        return "two"
    if _trivial(problem, pooled, table, row):
        return "trivial"
    # with an intercept each, acceptance says nothing of the level in a new environment
    behind = float(table.risk[row]) * problem.target_scale**2 > _pooled_risk(pooled)
    if problem.absorbed and behind and (_lead(problem, pooled, table.masks[[row]]) < 0).all():
        return "worse"
    return "invariant"


def _only_two(problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int) -> bool:
    """Whether there are two environments, and the pooled model does not plainly fail between them.

    It fails if on both, fitted on the other, it is worse than the mean and the support is not.
    """
    if len(problem.count) != 2:
        return False
    mean = mean_errors(pooled) * pooled.target_scale**2
    fails = pooled_errors(pooled) * pooled.target_scale**2 > mean
    holds = support_errors(problem, table.masks[[row]])[0] * problem.target_scale**2 < mean
    return not (fails.all() and holds.all())


def _surely_worse(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int
) -> bool:
    """Whether pooled least squares is better wherever left out, by more than noise."""
    lead = _lead(problem, pooled, table.masks[[row]])
    return bool((lead < 0).all() and _significant(-lead)[0])


def _pooled_risk(pooled: LinearProblem) -> float:
    """Mean squared error of pooled least squares where fitted, in squared units of the target."""
    cross = pooled.share @ pooled.cross
    gram = np.tensordot(pooled.share, pooled.gram, axes=1)
    fitted = float(cross @ solve(gram, cross)[0])
    return (float(pooled.share @ pooled.power) - fitted) * pooled.target_scale**2


def _trivial(problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int) -> bool:
    """Whether an accepted support explains so little that the pooled model should predict.

    It explains less than a third of the variance that pooled least squares explains, and it is
    worse on every left-out environment.
    """
    variance = problem.share @ problem.power * problem.target_scale**2
    explained = 1 - float(table.risk[row]) * problem.target_scale**2 / variance
    pooled_variance = pooled.share @ pooled.power * pooled.target_scale**2
    if explained >= _TRIVIAL * (1 - _pooled_risk(pooled) / pooled_variance):
        return False
    return bool((_lead(problem, pooled, table.masks[[row]])[0] < 0).all())


def _better_than_pooled(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, score: Floats
) -> int | None:
    """Row with the lowest left-out error among those that beat pooled by more than their noise."""
    rows = np.argsort(score, kind="stable")[:_CONTENDERS]
    rows = rows[np.isfinite(table.worst[rows])]
    if len(rows) == 0:
        return None
    lead = _lead(problem, pooled, table.masks[rows])
    sure = _significant(lead)
    if not sure.any():
        return None
    return int(rows[sure][np.argmax(lead[sure].mean(axis=1))])


def _lead(problem: LinearProblem, pooled: LinearProblem, masks: Bools) -> Floats:
    """Log error of pooled least squares minus that of each support, on left-out environments."""
    tiny = 1e-300
    reference = np.maximum(pooled_errors(pooled) * pooled.target_scale**2, tiny)
    errors = np.maximum(support_errors(problem, masks) * problem.target_scale**2, tiny)
    lead: Floats = np.log(reference) - np.log(errors)
    return lead


def _significant(lead: Floats) -> Bools:
    """Whether mean leads exceed their noise: the 97.5% point of Student's t."""
    n = lead.shape[1]
    if n < 2:
        return np.zeros(len(lead), dtype=bool)
    noise = lead.std(axis=1, ddof=1) / np.sqrt(n)
    sure: Bools = lead.mean(axis=1) > float(stdtrit(n - 1, 0.975)) * noise
    return sure
