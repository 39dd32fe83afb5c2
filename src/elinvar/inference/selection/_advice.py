"""The advice: whether the invariant model, the pooled one or another should predict."""

from typing import Literal, TypeAlias

import numpy as np
from scipy.special import stdtrit

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Assessment
from elinvar.inference.problem._types import Bools, Floats

Advice: TypeAlias = Literal[
    "invariant", "two", "trivial", "worse", "pooled", "candidate", "subspace"
]

# docs/theory.md, section 10: shares of what pooled explains, and the lead of a subspace
_TRIVIAL = 1 / 3
_MUCH = 3 / 4
_BETTER = 0.03


def advise_accepted(loss: Loss[M], table: Assessment, row: int) -> Advice:
    """Say what should predict when a support is accepted: it, unless there is a strong reason."""
    if _only_two(loss, table, row):
        return "two"
    if _trivial(loss, table, row):
        return "trivial"
    # with an intercept each, acceptance says nothing of the level in a new environment
    own, pooled = loss.risks(table, row)
    if loss.problem.absorbed and own > pooled and (_lead(loss, table.masks[[row]]) < 0).all():
        return "worse"
    return "invariant"


def advise_approximate(loss: Loss[M], table: Assessment, row: int) -> Advice:
    """Say what should predict when invariance is approximate: left-out environments have a say.

    The pooled model does, if it is better wherever left out, by more than noise.
    """
    lead = _lead(loss, table.masks[[row]])
    if (lead < 0).all() and _significant(-lead)[0]:
        return "worse"
    return "two" if _only_two(loss, table, row) else "invariant"


def _only_two(loss: Loss[M], table: Assessment, row: int) -> bool:
    """Whether there are two environments, and the pooled model does not plainly fail between them.

    It fails if on both, fitted on the other, it is worse than the mean and the support is not.
    """
    if len(loss.problem.count) != 2:
        return False
    mean = loss.mean_left_out()
    # two errors tell no lead from noise, but a model worse than the mean on both has failed
    fails, holds = loss.pooled_left_out() > mean, loss.left_out(table.masks[[row]])[0] < mean
    return not (fails.all() and holds.all())


def _trivial(loss: Loss[M], table: Assessment, row: int) -> bool:
    """Whether an accepted support explains so little that the pooled model should predict.

    It explains less than a third of what the pooled model explains, and it is worse on every
    left-out environment.
    """
    if not explains_little(loss, table, row, _TRIVIAL):
        return False
    return bool((_lead(loss, table.masks[[row]])[0] < 0).all())


def explains_little(loss: Loss[M], table: Assessment, row: int, share: float = _MUCH) -> bool:
    """Whether a support explains less than ``share`` of what the pooled model explains."""
    own, pooled = loss.shares_explained(table, row)
    return own < share * pooled


def trails_pooled(loss: Loss[M], table: Assessment, row: int) -> bool:
    """Whether the pooled model has the smaller mean loss on environments left out."""
    if not loss.worth_looking(table, row):
        return False
    own = loss.left_out(table.masks[[row]])[0].mean()
    return bool(loss.pooled_left_out().mean() < own)


def subspace_leads(loss: Loss[M], errors: Floats, accepted: Bools | None) -> bool:
    """Whether a subspace with these left-out losses (E,) should predict.

    Beside an ``accepted`` support (n_gates,) its worst one must be lower by 3%, and it must not be
    behind the pooled model everywhere. If none is, it must lead by more than noise.
    """
    lead = loss.comparable(loss.pooled_left_out()) - loss.comparable(errors)
    if accepted is None:
        return bool(_significant(lead[None])[0])
    worst = float(loss.left_out(accepted[None]).max())
    return bool(errors.max() < (1 - _BETTER) * worst and (lead > 0).any())


def better_than_pooled(loss: Loss[M], table: Assessment) -> int | None:
    """Row with the largest mean lead over pooled among those whose lead exceeds its noise.

    None with two environments: two errors cannot tell a lead from its noise.
    """
    if len(loss.problem.count) < 3:
        return None
    rows = np.argsort(table.risk, kind="stable")[: loss.n_contenders]
    rows = rows[np.isfinite(table.risk[rows])]
    if len(rows) == 0:
        return None
    lead = _lead(loss, table.masks[rows])
    sure = _significant(lead)
    if not sure.any():
        return None
    return int(rows[sure][np.argmax(lead[sure].mean(axis=1))])


def _lead(loss: Loss[M], masks: Bools) -> Floats:
    """Return by how much the pooled model's loss is above that of supports, where left out."""
    lead: Floats = loss.comparable(loss.pooled_left_out()) - loss.comparable(loss.left_out(masks))
    return lead


def _significant(lead: Floats) -> Bools:
    """Whether mean leads exceed their noise: the 97.5% point of Student's t."""
    n = lead.shape[1]
    if n < 2:
        return np.zeros(len(lead), dtype=bool)
    noise = lead.std(axis=1, ddof=1) / np.sqrt(n)
    sure: Bools = lead.mean(axis=1) > float(stdtrit(n - 1, 0.975)) * noise
    return sure
