"""What a run of training led to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pandas import DataFrame

Status = Literal["completed", "stopped", "diverged"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Training:
    """The outcome of `HeteroTrainer.fit`.

    Attributes
    ----------
    status : {"completed", "stopped", "diverged"}
        Whether all steps were taken, a callback stopped the run, or the loss left all bounds.
    steps : int
        Steps taken in all, those before a resume included.
    epoch : int
        Times the loader was gone through.
    rows : tuple of dict
        What was recorded: step, epoch, loss, step_size, and what callbacks returned.
    seconds : float
        Wall time of this call.
    """

    status: Status
    steps: int
    epoch: int
    rows: tuple[dict[str, float], ...]
    seconds: float

    @property
    def metrics(self) -> "DataFrame":
        """The records as a table: step, epoch, loss, step_size, and what callbacks returned.

        ``loss`` is the mean over the steps since the record before.
        """
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def _repr_html_(self) -> str:
        from html import escape

        table = self.metrics.tail(8).to_html(index=False, border=0, float_format="{:.3g}".format)
        return f"<p>{escape(repr(self))}</p>{table}"

    def __repr__(self) -> str:
        text = f"Training: {self.status} after {self.steps:,} step{'s' * (self.steps != 1)}"
        if self.rows:
            text += f", loss {self.rows[-1]['loss']:.4g}"
        return f"{text} ({self.seconds:.3g} s)"
