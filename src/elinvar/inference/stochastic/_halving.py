"""A step size that was too bold is halved until the steps stay bounded."""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar


class StepRecord(Protocol):
    """What steps led to, as far as their step size is concerned."""

    @property
    def status(self) -> Literal["completed", "diverged"]:
        """Whether all steps stayed bounded."""

    @property
    def n_steps(self) -> int:
        """Steps taken before the end or the divergence."""


Record = TypeVar("Record", bound=StepRecord)


def halve_until_bounded(
    run: Callable[[float], Record], step_size: float, *, halvings: int = 20
) -> tuple[Record, float]:
    """Take the steps, and start again at half the step size while they diverge.

    Parameters
    ----------
    run : callable
        Takes all steps at a step size.
    step_size : float
        At first.
    halvings : int
        How often it is halved at most.

    Returns
    -------
    StepRecord
        Of the last run.
    float
        Its step size.
    """
    record = run(step_size)
    while record.status == "diverged" and halvings > 0:
        step_size, halvings = step_size / 2, halvings - 1
        record = run(step_size)
    return record, step_size
