"""Lines that theory draws, and where the slope of the spurious part crosses zero beside them."""

from collections.abc import Mapping, Sequence

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._study import Claim, Row
from elinvar.studies._transition import transition
from elinvar.studies._types import Axes, DataFrame

# with infinite batches nothing holds a dying signal above the least number
FAR_WINDOW = (1e-280, 1e-2)

_JOINT, _DEAD = " x ", 1e-12


def arms_of(lines: Sequence[str], ratios: Sequence[float]) -> tuple[str, ...]:
    """Return a name for every line at every multiple of it."""
    return tuple(f"{line}{_JOINT}{ratio:g}" for line in lines for ratio in ratios)


def split_arm(arm: str) -> tuple[str, float]:
    """Return the line of an arm, and its multiple; the arm itself and 0 if it is no such name."""
    line, joint, ratio = arm.rpartition(_JOINT)
    return (line, float(ratio)) if joint else (arm, 0.0)


def measured_lines(rows: DataFrame, predicted: Mapping[str, float], axis: str) -> list[Row]:
    """Return for each line where the slope crosses zero along ``axis``, beside the prediction.

    Parameters
    ----------
    rows : DataFrame
        ``line``, ``axis``, ``repetition``, ``slope`` and ``slope_steps``. The slope falls along
        the axis.
    predicted : mapping of str to float
        Where theory says that it does, along the axis.
    axis : str
        A column.
    """
    found: list[Row] = []
    for line, at in predicted.items():
        seen = transition(rows[rows["line"] == line], axis)
        found.append(
            {
                "what": line,
                "predicted": at,
                "measured": seen.at,
                "standard_error": seen.error,
                "deviation": seen.at / at - 1.0,
            }
        )
    return found


def line_claim(rows: Sequence[Row], tolerance: float, what: str) -> Claim:
    """Return the claim that all lines are where theory says, within a relative tolerance."""
    told = "; ".join(
        f"{row['what']}: {_crossing(row)}, predicted {figure(row['predicted'])}" for row in rows
    )
    lost = any(np.isnan(row["measured"]) for row in rows)
    worst = max(abs(row["deviation"]) for row in rows)
    found = "not at all near one" if lost else f"within {percent(worst)} of them"
    return Claim(
        holds=bool(not lost and worst <= tolerance),
        sentence=f"{what} at the lines, {found} (needed: within {percent(tolerance)}): {told}.",
    )


def _crossing(row: Row) -> str:
    if np.isnan(row["measured"]):
        return "nowhere near"
    return f"{figure(row['measured'])} ± {row['standard_error']:.1g} (standard error)"


def plot_signals(
    rows: DataFrame, lines: Sequence[str], *, mark: str, xlabel: str, title: str, ax: Axes
) -> Axes:
    """Draw median spurious signals over the multiples of their lines.

    What has died is drawn at 1e-12. Bands of all lines would cover each other: at a line runs are
    anywhere from dead to learnt.
    """
    own = rows[rows["line"].isin(lines)]
    middle = own.groupby(["line", "ratio"])["spurious_signal"].median().unstack("line")
    table = middle.clip(lower=_DEAD)
    return plot_lines(
        {**{line: table[line] for line in lines}, "ratio": table.index},
        "ratio",
        {line: line for line in lines},
        marks={mark: 1.0},
        xlabel=xlabel,
        ylabel="spurious signal (median of runs)",
        log_x=False,
        log_y=True,
        title=title,
        ax=ax,
    )
