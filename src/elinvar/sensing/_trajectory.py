"""What a run led to, step by step."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.sensing._problem import SensingProblem

Floats = NDArray[np.float64]
Status = Literal["completed", "diverged"]
Method = Literal["plain", "exact"]

_SHOWN = 8


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trajectory:
    """The recorded steps of a run.

    Attributes
    ----------
    steps : ndarray of shape (T,)
        Their numbers: 0 is the start, and the last iterate is always there.
    invariant_signal : ndarray of shape (T,)
        Root mean square eigenvalue of A within the invariant subspace,
        ``norm(U*' A U*) / sqrt(r1)``: that of A* when it is recovered.
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
    matrix : ndarray of shape (d, d) or None
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
        table = frame.iloc[shown].to_html(index=False, border=0, float_format="{:.3g}".format)
        return f"<p>{escape(repr(self))}</p>{table}"

    def __repr__(self) -> str:
        last = int(self.steps[-1])
        text = f"Trajectory: {self.status} after {last:,} step{'s' * (last != 1)} ({self.method})"
        if self.error is None:
            return f"{text}, loss {self.loss[-1]:.3g}"
        return (
            f"{text}, invariant signal {self.invariant_signal[-1]:.3g}, spurious "
            f"{self.spurious_signal[-1]:.3g}, relative error {self.relative_error[-1]:.3g}"
        )
