"""The figures of a fitted model as files."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar._base import atomic_save
from elinvar._base._words import listed
from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.figures import figures
from elinvar.answer.transfer_figures import forecast_figures
from elinvar.environments import Moments
from elinvar.errors import DataError, FileError
from elinvar.plots import plot_environments, to_png, to_svg
from elinvar.plots.types import Axes
from elinvar.report.layout import finding

if TYPE_CHECKING:
    import pandas as pd

_INK = "#24292f"
_FORMATS = ("png", "svg")


def write_figures(
    model: object,
    folder: str | os.PathLike[str],
    *,
    prefix: str = "",
    formats: Sequence[str] = ("png",),
) -> dict[str, Path]:
    """Write the figures of a fitted model as files to show elsewhere.

    Parameters
    ----------
    model : estimator or answer
        An InvariantRegressor or InvariantClassifier, a TransferRegressor or TransferClassifier,
        fitted or loaded from a model file, or its ``answer_``.
    folder : str or path
        Where to; it must exist.
    prefix : str
        Put before the names ``forest``, ``effects``, ``path``, ``errors``,
        ``break_even``, ``adaptation``, ``left_out``, ``diagnosis`` and ``power``; of a
        forecast ``curves``, ``forecast_errors`` and ``adaptation``.
    formats : sequence of {"png", "svg"}
        Each figure is written in each of them. An SVG file has a white ground, and text as text.

    Returns
    -------
    dict of str to Path
        The files by their names without the prefix, such as ``forest.png``. A figure that has
        nothing to show, such as the path of a model of one environment, is left out.

    Raises
    ------
    FileError
        If the folder does not exist or cannot be written to, or a format is not known.
    DataError
        If the model has no answer: it is of another kind, or not fitted.
    """
    answer, folder = any_answer_of(model), Path(folder)
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder} for the figures. Create it first.")
    strange = [kind for kind in formats if kind not in _FORMATS]
    if strange:
        wrong = listed([repr(kind) for kind in strange])
        raise FileError(f"Figures can be written as png or svg; got {wrong}.")
    drawn = forecast_figures(answer) if isinstance(answer, TransferAnswer) else figures(answer)
    return {
        f"{name}.{kind}": write_picture(ax, folder / f"{prefix}{name}.{kind}")
        for name, ax in drawn.items()
        for kind in formats
    }


def any_answer_of(model: object) -> Answer | TransferAnswer:
    """Return the answer of a fitted model of effects or of a forecast.

    Raises
    ------
    DataError
        If there is none.
    """
    answer = getattr(model, "answer_", model)
    return answer if isinstance(answer, TransferAnswer) else answer_of(model)


def answer_of(model: object) -> Answer:
    """Return the answer of a fitted model, or the answer itself.

    Raises
    ------
    DataError
        If there is none.
    """
    answer = model if isinstance(model, Answer) else getattr(model, "answer_", None)
    if not isinstance(answer, Answer):
        raise DataError(
            "A report needs a fitted InvariantRegressor or InvariantClassifier, or its answer_; "
            f"got {type(model).__name__} without one."
        )
    return answer


def write_picture(ax: "Axes", path: Path) -> Path:
    """Write one figure as its name ends, .png or .svg; it appears whole or not at all.

    Parameters
    ----------
    ax : Axes
        On the figure.
    path : Path
        Where to.

    Returns
    -------
    Path
        Where it is.
    """
    content = _standalone_svg(ax).encode() if path.suffix == ".svg" else to_png(ax)
    atomic_save(path, lambda file: file.write(content))
    return path


def environment_figure(
    frame: "Mapping[str, NDArray[np.generic]] | pd.DataFrame",
    feature: str,
    target: str,
    environment: str,
    **labels: str,
) -> "Axes":
    """Draw one feature against the target, with the line of each environment and the pooled one.

    Parameters
    ----------
    frame : DataFrame or mapping of columns
        Rows without missing values.
    feature, target, environment : str
        Columns.
    **labels
        ``xlabel``, ``ylabel`` and ``title``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    x, y, places = frame[feature], frame[target], frame[environment]
    column = np.asarray(x, dtype=np.float64)[:, None]
    each = Moments.from_arrays(column, y, places)
    whole = Moments.from_arrays(column, y)
    return plot_environments(
        x,
        y,
        places,
        lines=_lines(each),
        pooled=_lines(whole)[whole.names[0]],
        **{"xlabel": feature, "ylabel": target, **labels},  # type: ignore[arg-type]
    )


def _lines(moments: Moments) -> dict[str, tuple[float, float]]:
    slope = moments.cov_xy[:, 0] / moments.cov_xx[:, 0, 0]
    intercept = moments.mean_y - slope * moments.mean_x[:, 0]
    pairs = zip(slope.tolist(), intercept.tolist(), strict=True)
    return dict(zip(moments.names, pairs, strict=True))


def _standalone_svg(ax: "Axes") -> str:
    """Return a figure as an SVG file with colours, a ground and a font of its own."""
    element = to_svg(ax, prefix="figure", alt=finding(ax))
    element = re.sub(r"var\(--[\w-]+, (#[0-9a-f]{6})\)", r"\1", element)
    element = element.replace("currentColor", _INK)
    head, _, body = element.partition(">")
    head = head.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="DejaVu Sans, sans-serif" ', 1
    )
    return f'{head}><rect width="100%" height="100%" fill="#ffffff"/>{body}\n'
