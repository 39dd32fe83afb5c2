"""The figures of a fitted model, drawn by the room of plots."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base import DataError, FileError, atomic_save
from elinvar.estimators._facts import DataFacts
from elinvar.plots import plot_effects, plot_environments, plot_errors, plot_path, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_figures(
    model: Any, folder: str | os.PathLike[str], *, prefix: str = ""
) -> dict[str, Path]:
    """Write the figures of a fitted model as PNG files.

    Parameters
    ----------
    model : InvariantRegressor
        Fitted, or loaded from a model file.
    folder : str or path
        Where to; it must exist.
    prefix : str
        Put before the names ``path.png``, ``effects.png`` and ``errors.png``.

    Returns
    -------
    dict of str to Path
        The files by the name of their figure. A model of one environment has no path and no errors.

    Raises
    ------
    FileError
        If the folder does not exist or cannot be written to.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder} for the figures. Create it first.")
    written = {}
    for name, ax in figures(model).items():
        written[name] = write_picture(ax, folder / f"{prefix}{name}.png")
    return written


def write_picture(ax: "Axes", path: Path) -> Path:
    """Write one figure as PNG; it appears whole or not at all."""
    content = to_png(ax)
    atomic_save(path, lambda file: file.write(content))
    return path


def figures(model: Any) -> "dict[str, Axes]":
    """Return the figures that this model has something to show in.

    Raises
    ------
    DataError
        If the model is not a fitted `InvariantRegressor`.
    """
    if not hasattr(model, "evidence_"):
        raise DataError(
            f"A report needs a fitted InvariantRegressor; got {type(model).__name__} without "
            "evidence_."
        )
    drawn = {"effects": _effects(model)}
    if model.status_ != "pooled_only":
        drawn["path"] = _path(model)
    if len(model.errors_):
        drawn["errors"] = plot_errors(
            model.errors_,
            xlabel=f"mean squared error of {model.schema_.target} on the left-out environment",
        )
    return drawn


def environment_figure(
    frame: Mapping[str, Any], feature: str, target: str, environment: str, **labels: str
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
    from elinvar.environments import Moments

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


def _lines(moments: Any) -> dict[str, tuple[float, float]]:
    slope = moments.cov_xy[:, 0] / moments.cov_xx[:, 0, 0]
    intercept = moments.mean_y - slope * moments.mean_x[:, 0]
    pairs = zip(slope.tolist(), intercept.tolist(), strict=True)
    return dict(zip(moments.names, pairs, strict=True))


def _path(model: Any) -> "Axes":
    schema, path = model.schema_, model.path_
    shown = ~schema.reference
    verdict = model.evidence_["verdict"].to_numpy()[schema.groups[shown]]
    return plot_path(
        path.strength,
        path.standardized[:, shown],
        [name for name, show in zip(path.columns, shown, strict=True) if show],
        verdicts=[str(name) for name in verdict],
        groups=schema.groups[shown],
        ylabel="coefficient (sd of target per sd of feature)",
    )


def _effects(model: Any) -> "Axes":
    """Draw the effects per standard deviation of a feature: in raw units few are comparable."""
    schema, table = model.schema_, model.evidence_
    first = np.searchsorted(schema.groups, np.arange(len(schema.features)))
    numeric = np.array([name not in schema.levels for name in schema.features])
    scale = np.where(numeric, DataFacts.of(model).scales[first], 1.0)
    scaled = {key: table[key].to_numpy() for key in ("feature", "verdict")}
    for key in ("effect", "low", "high", "pooled_effect"):
        scaled[key] = table[key].to_numpy() * scale
    what = "per sd of the feature" if numeric.all() else "per sd, or between levels"
    return plot_effects(scaled, xlabel=f"change in {schema.target} {what}")
