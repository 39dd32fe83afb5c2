"""What a prediction says: the outcome, the reason, and the numbers behind both."""

from dataclasses import dataclass
from math import isnan
from typing import Literal

from elinvar.theory._conditions import Condition

Outcome = Literal[
    "recovers",
    "recovers approximately",
    "learns pooled",
    "learns a mixture",
    "noise dominates",
    "too few steps",
    "cannot represent",
    "does not settle",
    "diverges",
    "undecided",
]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What an algorithm will do to a problem, said before it runs.

    Attributes
    ----------
    outcome : str
        "recovers" A* (relative error below .1), "recovers approximately" (below .5), "learns
        pooled" (A* plus the mean spurious part, or the side of it that the model can hold), "learns
        a mixture" (in between), "noise dominates" (of small batches), "too few steps", "cannot
        represent" A*, "does not settle", "diverges", or "undecided" near a line and where the
        theory has no answer.
    reason : str
        A sentence.
    relative_error : float
        Expected distance of A to A* at the end, over the norm of A*; NaN where not known.
    exponents : tuple of float
        Growth a step of each spurious direction; negative ones die. One, the largest, if the
        environments do not share their directions.
    spurious_level : float
        Root mean square of the spurious eigenvalues that are learned; 0 if none.
    burst_exponent : float
        Tail exponent of the spurious amplitude that noise feeds; 0: no stationary state.
    convergence_steps : float
        Until all invariant eigenvalues are learned to 5%.
    spurious_steps : float
        Until the fastest spurious direction is half learned; infinite if it dies.
    steps : int or None
        What was asked about; None: as many as it takes.
    conditions : tuple of Condition
        For recovery.
    """

    outcome: Outcome
    reason: str
    relative_error: float = float("nan")
    exponents: tuple[float, ...] = ()
    spurious_level: float = 0.0
    burst_exponent: float = float("nan")
    convergence_steps: float = float("nan")
    spurious_steps: float = float("nan")
    steps: int | None = None
    conditions: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.outcome}: {self.reason}"]
        if self.exponents:
            rates = ", ".join(f"{rate:.3g}" for rate in self.exponents[:6])
            more = ", ..." if len(self.exponents) > 6 else ""
            lines.append(f"growth of spurious directions a step: {rates}{more}")
        for label, value, form in (
            ("expected relative error", self.relative_error, ".2g"),
            ("steps until A* is learned", self.convergence_steps, ".0f"),
            ("steps until a spurious direction is learned", self.spurious_steps, ".0f"),
            ("tail exponent of bursts", self.burst_exponent, ".2g"),
        ):
            if not isnan(value):
                lines.append(f"{label}: {value:{form}}")
        failed = [str(condition) for condition in self.conditions if not condition.holds]
        lines += [f"condition that fails: {text}" for text in failed]
        return "\n".join(lines)
