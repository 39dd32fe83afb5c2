"""What a fitted quadratic form tells, in sentences."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from elinvar.sensing.quadratic._regressor import QuadraticInvariantRegressor

# columns of errors_
LEFT_OUT_ERRORS = ("environment", "rows", "model", "pooled", "mean")
# a component is called unlike if its eigenvalue varies by more than this share of itself
_UNLIKE = 0.5
_SHOWN = 5


def notes_on(model: "QuadraticInvariantRegressor", share: NDArray[np.float64]) -> tuple[str, ...]:
    """Say what the user should know, in sentences."""
    if model.diverged_:
        return ("The steps diverged, and the matrix is 0: the model predicts the mean.",)
    if len(model.environments_) == 1:
        return (
            "There is one environment only, so nothing can be said about what stays true "
            f"elsewhere: this is the pooled model of {model.schema_.target}.",
        )
    notes = []
    own = model.own_eigenvalues_
    middle = share @ own
    spread = np.sqrt(share @ (own - middle) ** 2)
    for j in np.flatnonzero(spread > _UNLIKE * np.abs(model.eigenvalues_[: own.shape[1]])):
        notes.append(
            f"The component of eigenvalue {model.eigenvalues_[j]:.3g} is not the same everywhere: "
            f"by themselves, environments would put it between {own[:, j].min():.3g} and "
            f"{own[:, j].max():.3g}."
        )
    if notes and not model.pooled:
        notes.append(
            "So invariance cannot be told from these steps: a larger gain suppresses what differs, "
            "more rows reduce the noise that looks like a difference."
        )
    return tuple(notes)


def summary_lines(model: "QuadraticInvariantRegressor") -> list[str]:
    """Return leading components, errors where left out, and notes."""
    lines = [
        f"matrix: {len(model.matrix_)} x {len(model.matrix_)}, {model.parameterization}; its "
        "leading eigenvalues, with the largest entries of their directions:",
    ]
    columns = model.schema_.columns
    leading = model.own_eigenvalues_.shape[1]
    for value, direction in zip(
        model.eigenvalues_[:leading][:_SHOWN], model.components_, strict=False
    ):
        largest = np.argsort(-np.abs(direction), kind="stable")[:_SHOWN]
        entries = ", ".join(f"{direction[j]:.2f} {columns[j]}" for j in largest)
        lines.append(f"  {value:.6g}: {entries}")
    if leading > _SHOWN:
        lines.append(f"  and {leading - _SHOWN} more")
    if len(model.errors_):
        lines.append(_left_out_words(model))
    return lines + [f"Note: {note}" for note in model.notes_]


def _left_out_words(model: "QuadraticInvariantRegressor") -> str:
    table = model.errors_
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
