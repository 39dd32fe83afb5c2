"""What a run led to, step by step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._display import ShownTable, card
from elinvar._base._sparks import curves
from elinvar.plots.palette import VERDICT_COLOURS

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.sensing._problem import SensingProblem

Floats = NDArray[np.float64]
Status = Literal["completed", "diverged"]
Method = Literal["plain", "exact"]

_SHOWN = 8
_DRAWN = 200


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trajectory:
    """The recorded steps of a run.

    Attributes
    ----------
    steps : ndarray of shape (T,)
        Their numbers: 0 is the start, and the last iterate is always there.
    invariant_signal : ndarray of shape (T,)
        Root mean square eigenvalue of A within the invariant subspace,
        ``norm(U*' A U*) / sqrt(r1)``: that of A* when it is recovered. Of rectangular matrices
        between its left and right directions.
    spurious_signal : ndarray of shape (T,)
        The same within the part of the spurious subspace that is orthogonal to it: 0 when nothing
        spurious is left.
    residual : ndarray of shape (T,)
        Frobenius norm of A outside these two blocks.
    error : ndarray of shape (T,)
        Frobenius distance to A*.
    pooled_error : ndarray of shape (T,)
        Frobenius distance to A* + E A^(e), where pooled training ends.
    loss : ndarray of shape (T,)
        Mean squared error over all environments: the expected one of fresh measurements, that of
        the data set if it is finite.
    status : {"completed", "diverged"}
        A run that diverged ends with the last iterate that stayed bounded.
    method : {"exact", "plain"}
        Which step was taken.
    reason : str
        Why that one.
    dtype : str
        Precision of the run.
    seconds : float
        Wall time.
    matrix : ndarray of the shape of the problem, or None
        The last A; None if the run diverged.
    problem : SensingProblem
        What was solved.

    Notes
    -----
    Of your own measurements the truth is not known: then signals, residual and errors are None.
    """

    steps: NDArray[np.int64]
    status: Status
    method: Method
    reason: str
    dtype: str
    seconds: float
    loss: Floats
    matrix: Any
    problem: "SensingProblem"
    invariant_signal: Any = None
    spurious_signal: Any = None
    residual: Any = None
    error: Any = None
    pooled_error: Any = None

    @property
    def relative_error(self) -> Floats:
        """Distance to A* over the norm of A*, (T,)."""
        ratio: Floats = self.error / np.linalg.norm(self.problem.invariant_eigenvalues)
        return ratio

    def to_frame(self) -> "DataFrame":
        """Return a row a recorded step.

        Returns
        -------
        DataFrame
            Columns step, invariant_signal, spurious_signal, residual, error, pooled_error, loss.
        """
        import pandas as pd

        names = ("invariant_signal", "spurious_signal", "residual", "error", "pooled_error", "loss")
        columns = {name: getattr(self, name) for name in names}
        return pd.DataFrame(
            {"step": self.steps} | {k: v for k, v in columns.items() if v is not None}
        )

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        shown = np.unique(np.linspace(0, len(frame) - 1, _SHOWN).round().astype(int))
        rows = [
            (str(step), *(f"{value:.3g}" for value in values))
            for step, *values in frame.iloc[shown].itertuples(index=False, name=None)
        ]
        table = ShownTable(title="", header=tuple(map(str, frame.columns)), rows=rows)
        return card("Trajectory", repr(self), [table], picture=self._curves())

    def _curves(self) -> str:
        """Return a small picture of both signals, or of the loss where the truth is not known."""
        if self.error is None:
            drawn, words = {"invariant": self.loss}, "loss against steps"
        else:
            drawn = {"invariant": self.invariant_signal, "spurious": self.spurious_signal}
            words = "invariant signal (blue) and spurious signal (orange) against steps"
        # a few hundred points are all that a small picture shows
        at = np.unique(np.linspace(0, len(self.steps) - 1, _DRAWN).round().astype(int))
        steps = self.steps[at].tolist()
        lines = [(steps, y[at].tolist(), VERDICT_COLOURS[kind]) for kind, y in drawn.items()]
        return curves(lines, words)

    def __repr__(self) -> str:
        last = int(self.steps[-1])
        text = f"Trajectory: {self.status} after {last:,} step{'s' * (last != 1)} ({self.method})"
        if self.error is None:
            return f"{text}, loss {self.loss[-1]:.3g}"
        return (
            f"{text}, invariant signal {self.invariant_signal[-1]:.3g}, spurious "
            f"{self.spurious_signal[-1]:.3g}, relative error {self.relative_error[-1]:.3g}"
        )
