"""What a pre-flight found, and how it looks when it is printed."""

from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from elinvar._base._display import SHOWN, html_table, text_table
from elinvar._base._numbers import figure

if TYPE_CHECKING:
    import pandas as pd

Answer = Literal["can answer", "can answer in part", "cannot"]

_WIDTH = 92
_HEADER = (
    "feature",
    "moved",
    "mean shift",
    "sd ratio",
    "slope",
    "slope sd",
    "+/-",
    "growth",
    "detectable",
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Diagnosis:
    """Whether a table can tell invariant effects from others, and what it would take.

    Attributes
    ----------
    verdict : {"can answer", "can answer in part", "cannot"}
        See :func:`diagnose` for the rules.
    reason : str
        One or two sentences.
    notes : tuple of str
        What else there is to know: what more rows or environments would buy, slopes that change
        sign, features that cannot be judged.
    features : DataFrame
        A row a feature:

        - ``feature``; ``mean_shift``, standard deviation of its mean between environments, per
          standard deviation within, without sampling noise; ``mean_p``, p-value of the same mean;
          ``scale_ratio``, its largest standard deviation in an environment by its smallest;
          ``scale_p``, p-value of the same variance.
        - ``slope``, the target's average slope on it alone, sd per sd (of a categorical feature,
          the difference between two levels, in sds of the target); ``slope_sd``, the standard
          deviation of that between environments; ``slope_p``, p-value of the same slope;
          ``positive``, ``negative``, numbers of environments where it is clearly above or below
          0; ``flips``, whether there are both.
        - ``moved``, whether its law given the other features clearly differs; ``vif``, variance
          inflation by the others within environments; ``told_apart``, whether its effect can be
          told from the others': ``vif`` below 10,000, and moved.
        - ``growth``, growth exponent of plain HeteroSGD at ``step_size`` (above 0 it enters, below
          0 it is suppressed); ``gain_low``, ``gain_high``, gains that suppress it at that step;
          ``step_low``, ``step_high``, steps that suppress it at gain 1.
        - ``detectable_sd``, the smallest standard deviation of its effect between environments,
          sd per sd, that would be found.

        NaN: ``mean_shift`` and ``slope_sd`` with a single environment, ``slope_sd`` also where
        fewer than two tell the slope; ``slope``, ``vif`` and ``growth`` of a constant feature;
        gains and steps where there are none; ``detectable_sd`` where no two environments tell
        the effect.
    power : DataFrame
        ``environments``, ``rows`` (of all of them together, per environment on average),
        ``detectable_sd`` (median over features; NaN with one environment) and ``is_now``: the table
        as it is, with more rows in each environment, and with more environments like these.
    environments : tuple of str
        Their names.
    rows : tuple of float
        Rows of each.
    step_size : float
        Step size that growth exponents and gains are for.
    """

    verdict: Answer
    reason: str
    notes: tuple[str, ...]
    features: "pd.DataFrame"
    power: "pd.DataFrame"
    environments: tuple[str, ...]
    rows: tuple[float, ...]
    step_size: float

    def plot(self, axes: Any = None) -> Any:
        """Draw what moves, which slopes change, and what plain steps suppress.

        Parameters
        ----------
        axes : sequence of three matplotlib axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib axes
            The first of them.
        """
        from elinvar.plots import plot_diagnosis

        return plot_diagnosis(self.features, step_size=self.step_size, axes=axes)

    def __repr__(self) -> str:
        notes = [
            fill(note, _WIDTH, initial_indent="- ", subsequent_indent="  ") for note in self.notes
        ]
        table = text_table("", *self._table()).lstrip("\n")
        return "\n".join([fill(self._head(), _WIDTH), table, *notes])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return html_table(self._head(), *self._table()) + (f"<ul>{notes}</ul>" if notes else "")

    def _head(self) -> str:
        return f"Diagnosis: {self.verdict}. {self.reason}"

    def _table(self) -> tuple[list[tuple[str, ...]], int]:
        """Rows for the features with the largest slopes, in their order, and how many are left."""
        frame = self.features
        shown = len(frame) if len(frame) <= SHOWN else SHOWN - 1
        size = np.nan_to_num(frame["slope"].abs().to_numpy(), nan=-1.0)
        largest = np.sort(np.argsort(-size, kind="stable")[:shown])
        rows = [_HEADER] + [_cells(frame.iloc[j]) for j in largest]
        return rows, len(frame) - shown


def _cells(row: "pd.Series[Any]") -> tuple[str, ...]:
    return (
        str(row["feature"]),
        "yes" if row["moved"] else "no",
        figure(row["mean_shift"], 2, missing=""),
        "x" + figure(row["scale_ratio"], 2, missing=""),
        figure(row["slope"], 2, missing=""),
        figure(row["slope_sd"], 2, missing=""),
        f"{row['positive']}/{row['negative']}",
        figure(row["growth"], 2, missing=""),
        figure(row["detectable_sd"], 2, missing=""),
    )
