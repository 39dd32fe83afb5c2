"""What a fitted quadratic form tells, in sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._display import ShownTable
from elinvar._base._sparks import bars
from elinvar.sensing._arrays import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

# a component is called unlike if its eigenvalue varies by more than this share of itself
_UNLIKE = 0.5
_SHOWN = 5


def notes_on(
    eigenvalues: Floats,
    own: Floats,
    weights: Floats,
    *,
    target: str,
    pooled: bool,
    diverged: bool,
) -> tuple[str, ...]:
    """Say what the user should know, in sentences.

    Parameters
    ----------
    eigenvalues : ndarray of shape (p,)
        Of the matrix, the largest in size first.
    own : ndarray of shape (E, r)
        What each environment would put in the place of the first r.
    weights : ndarray of shape (E,)
        Probability of each environment.
    target : str
        Its name.
    pooled, diverged : bool
        Whether steps mixed the environments, and whether they diverged.
    """
    if diverged:
        return ("The steps diverged, and the matrix is 0: the model predicts the mean.",)
    if len(weights) == 1:
        return (
            "There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {target}.",
        )
    leading = eigenvalues[: own.shape[1]]
    spread = np.sqrt(weights @ (own - weights @ own) ** 2)
    notes = [
        f"The component of eigenvalue {leading[j]:.3g} is not the same everywhere: "
        f"by themselves, environments would put it between {own[:, j].min():.3g} and "
        f"{own[:, j].max():.3g}."
        for j in np.flatnonzero(spread > _UNLIKE * np.abs(leading))
    ]
    if notes and not pooled:
        notes.append(
            "So invariance cannot be told from these steps: a larger gain suppresses what differs, "
            "more rows reduce the noise that looks like a difference."
        )
    return tuple(notes)


def component_lines(eigenvalues: Floats, components: Floats, columns: Sequence[str]) -> list[str]:
    """Return a line for each leading component, with the largest entries of its direction."""
    table = component_table(eigenvalues[:_SHOWN], components, columns)
    lines = [f"  {value}: {entries}" for value, entries in table.rows]
    more = len(eigenvalues) - _SHOWN
    return lines + [f"  and {more} more"] * (more > 0)


def component_table(eigenvalues: Floats, components: Floats, columns: Sequence[str]) -> ShownTable:
    """Return a row a leading component: its eigenvalue, and what its direction is made of."""
    rows: list[tuple[str, ...]] = []
    for value, direction in zip(eigenvalues, components, strict=False):
        largest = np.argsort(-np.abs(direction), kind="stable")[:_SHOWN]
        entries = ", ".join(f"{direction[j]:.2f} {columns[j]}" for j in largest)
        rows.append((f"{value:.6g}", entries))
    return ShownTable(
        title="",
        header=("eigenvalue", "largest entries of its direction"),
        rows=rows,
        pictures=bars(eigenvalues.tolist(), [row[0] for row in rows]),
        drawn="eigenvalue",
    )


def left_out_line(table: "DataFrame") -> str:
    """Compare the model with pooled least squares where environments were left out."""
    ours, pooled = table["model"], table["pooled"]
    worse = int((ours > pooled).sum())
    verdict = (
        f"worse in {worse} of {len(table)}: prefer pooled least squares for prediction"
        if ours.mean() > pooled.mean()
        else f"better in {len(table) - worse} of {len(table)}"
    )
    return (
        f"left-out environments: mean squared error {ours.mean():.4g}, of pooled least squares "
        f"{pooled.mean():.4g} ({verdict})"
    )
