"""What a prediction says: the outcome, the reason, and the numbers behind both."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import isinf, isnan
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

_SHOWN = 6


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
        return "\n".join([self._head(), *(f"{label}: {text}" for label, text in self._rows())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(label)}</td><td>{escape(text)}</td></tr>"
            for label, text in self._rows()
        )
        return f"<p>{escape(self._head())}</p><table>{rows}</table>"

    def _head(self) -> str:
        return f"{self.outcome}: {self.reason}"

    def _rows(self) -> Iterator[tuple[str, str]]:
        """Yield what is known and which conditions fail, each with its label."""
        if self.exponents:
            rates = ", ".join(f"{rate + 0.0:.3g}" for rate in self.exponents[:_SHOWN])
            more = ", ..." if len(self.exponents) > _SHOWN else ""
            yield "growth of spurious directions a step", (rates + more).replace("inf", "infinity")
        if not isnan(self.relative_error):
            yield "expected relative error", f"{self.relative_error:.2g}"
        for label, steps in (
            ("steps until A* is learned", self.convergence_steps),
            ("steps until a spurious direction is learned", self.spurious_steps),
        ):
            if not isnan(steps):
                yield label, "never" if isinf(steps) else f"{steps:,.0f}"
        if self.burst_exponent > 0:
            bursts = "infinity, there are none" if isinf(self.burst_exponent) else ""
            yield "tail exponent of bursts", bursts or f"{self.burst_exponent:.2g}"
        for condition in self.conditions:
            if not condition.holds:
                words = f"{condition.name}: {condition.missing}"
                yield "condition that fails", condition.otherwise or words
