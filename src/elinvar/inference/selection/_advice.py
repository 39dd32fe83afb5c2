"""The advice: whether the invariant model, the pooled one or another should predict."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from elinvar.inference.problem._linear import Floats, LinearProblem, average
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.selection._leave_out import mean_errors, pooled_errors, support_errors
from elinvar.inference.tests._overidentification import Assessment

Advice = Literal["invariant", "two", "trivial", "worse", "pooled", "candidate", "subspace"]
Bools = NDArray[np.bool_]

_TRIVIAL = 1 / 3
_MUCH = 3 / 4
_BETTER = 0.03
_CONTENDERS = 16_384
_BEHIND = 0.9
_CHEAP = 200


def advise_accepted(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int
) -> Advice:
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


def advise_approximate(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int
) -> Advice:
    """Say what should predict when invariance is approximate: left-out environments have a say."""
    if _surely_worse(problem, pooled, table, row):
        return "worse"
    return "two" if _only_two(problem, pooled, table, row) else "invariant"


def _surely_worse(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int
) -> bool:
    """Whether pooled least squares is better wherever left out, by more than noise."""
    lead = _lead(problem, pooled, table.masks[[row]])
    return bool((lead < 0).all() and _significant(-lead)[0])


def _pooled_risk(pooled: LinearProblem) -> float:
    """Mean squared error of pooled least squares where fitted, in squared units of the target."""
    cross = pooled.share @ pooled.cross
    gram = average(pooled.share, pooled.gram)
    fitted = float(cross @ solve(gram, cross))
    return (float(pooled.share @ pooled.power) - fitted) * pooled.target_scale**2


def _trivial(problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int) -> bool:
    """Whether an accepted support explains so little that the pooled model should predict.

    It explains less than a third of the variance that pooled least squares explains, and it is
    worse on every left-out environment.
    """
    if not explains_little(problem, pooled, table, row, _TRIVIAL):
        return False
    return bool((_lead(problem, pooled, table.masks[[row]])[0] < 0).all())


def explains_little(
    problem: LinearProblem,
    pooled: LinearProblem,
    table: Assessment,
    row: int,
    share: float = _MUCH,
) -> bool:
    """Whether a support explains less than ``share`` of the variance that the pooled model does."""
    variance = problem.share @ problem.power * problem.target_scale**2
    explained = 1 - float(table.risk[row]) * problem.target_scale**2 / variance
    pooled_variance = pooled.share @ pooled.power * pooled.target_scale**2
    return bool(explained < share * (1 - _pooled_risk(pooled) / pooled_variance))


def errors_behind(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment, row: int
) -> tuple[float, float] | None:
    """Mean left-out errors of a support and of the pooled model, where the latter's is smaller.

    In squared units of the target. They are looked at where the pooled model is better by a tenth
    already where fitted, and columns are not so many that it takes time.
    """
    risk = float(table.risk[row]) * problem.target_scale**2
    if len(problem.columns) > _CHEAP or _pooled_risk(pooled) > _BEHIND * risk:
        return None
    own = float(support_errors(problem, table.masks[[row]])[0].mean()) * problem.target_scale**2
    other = float(pooled_errors(pooled).mean()) * pooled.target_scale**2
    return (own, other) if other < own else None


def subspace_leads(
    problem: LinearProblem, pooled: LinearProblem, errors: Floats, accepted: Bools | None
) -> bool:
    """Whether a subspace with these left-out errors (E,) should predict.

    Beside an ``accepted`` support (n_gates,) its worst one must be lower by 3%, and it must not be
    behind the pooled model everywhere. If none is, it must lead by more than noise.
    """
    lead = np.log(np.maximum(pooled_errors(pooled), 1e-300)) - np.log(np.maximum(errors, 1e-300))
    if accepted is None:
        return bool(_significant(lead[None])[0])
    worst = float(support_errors(problem, accepted[None]).max())
    return bool(errors.max() < (1 - _BETTER) * worst and (lead > 0).any())


def better_than_pooled(
    problem: LinearProblem, pooled: LinearProblem, table: Assessment
) -> int | None:
    """Row with the largest mean lead over pooled among those whose lead exceeds its noise.

    None with two environments: two errors cannot tell a lead from its noise.
    """
    if len(problem.count) < 3:
        return None
    rows = np.argsort(table.risk, kind="stable")[:_CONTENDERS]
    rows = rows[np.isfinite(table.risk[rows])]
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
