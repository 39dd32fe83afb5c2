"""The figures of a fitted model, drawn by the room of plots."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base import atomic_save
from elinvar.errors import DataError, FileError
from elinvar.estimators._facts import DataFacts
from elinvar.plots import (
    plot_diagnosis,
    plot_effects,
    plot_environments,
    plot_errors,
    plot_forest,
    plot_left_out,
    plot_path,
    plot_power,
    to_png,
    to_svg,
)
from elinvar.report._tables import by_verdict
from elinvar.report._words import missed_levels, overview
from elinvar.report.layout import finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#24292f"
_FORMATS = ("png", "svg")
_ROWS = 20


def write_figures(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    prefix: str = "",
    formats: Sequence[str] = ("png",),
) -> dict[str, Path]:
    """Write the figures of a fitted model as files to show elsewhere.

    Parameters
    ----------
    model : InvariantRegressor
        Fitted, or loaded from a model file.
    folder : str or path
        Where to; it must exist.
    prefix : str
        Put before the names ``forest``, ``effects``, ``path``, ``errors``, ``left_out``,
        ``diagnosis`` and ``power``.
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
        If the model is not a fitted `InvariantRegressor`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder} for the figures. Create it first.")
    for kind in formats:
        if kind not in _FORMATS:
            raise FileError(f"Figures can be written as png or svg; got {kind!r}.")
    written = {}
    for name, ax in figures(model).items():
        for kind in formats:
            path = folder / f"{prefix}{name}.{kind}"
            written[f"{name}.{kind}"] = write_picture(ax, path)
    return written


def write_picture(ax: "Axes", path: Path) -> Path:
    """Write one figure as its name ends, .png or .svg; it appears whole or not at all."""
    content = standalone_svg(ax).encode() if path.suffix == ".svg" else to_png(ax)
    atomic_save(path, lambda file: file.write(content))
    return path


def standalone_svg(ax: "Axes") -> str:
    """Return a figure as an SVG file with colours, a ground and a font of its own."""
    element = to_svg(ax, prefix="figure", alt=finding(ax))
    element = re.sub(r"var\(--[\w-]+, (#[0-9a-f]{6})\)", r"\1", element)
    element = element.replace("currentColor", _INK)
    head, _, body = element.partition(">")
    head = head.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="DejaVu Sans, sans-serif" ', 1
    )
    return f'{head}><rect width="100%" height="100%" fill="#ffffff"/>{body}\n'


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
    drawn = {}
    if model.status_ != "pooled_only":
        drawn["forest"] = _forest(model)
    drawn["effects"] = _effects(model)
    if model.status_ != "pooled_only":
        drawn["path"] = _path(model)
    if len(model.errors_):
        drawn["errors"] = _errors(model)
    if len(model.left_out_):
        drawn["left_out"] = _left_out(model)
    diagnosis = model.diagnosis_
    if len(diagnosis.environments) > 1:
        drawn["diagnosis"] = plot_diagnosis(diagnosis.features, step_size=diagnosis.step_size)
    if diagnosis.power["detectable_sd"].notna().any():
        drawn["power"] = plot_power(diagnosis.power)
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


def _forest(model: Any) -> "Axes":
    unit = "per unit of the feature"
    if model.schema_.levels:
        unit += ", or between levels"
    return plot_forest(
        model.effects_, model.evidence_, xlabel=f"change in {model.schema_.target} {unit}"
    )


def _effects(model: Any) -> "Axes":
    """Draw the effects per standard deviation of a feature: in raw units few are comparable."""
    schema = model.schema_
    first = np.searchsorted(schema.groups, np.arange(len(schema.features)))
    numeric = np.array([name not in schema.levels for name in schema.features])
    scale = np.where(numeric, DataFacts.of(model).scales[first], 1.0)
    table = model.evidence_[["feature", "verdict"]]
    for key in ("effect", "low", "high", "pooled_effect"):
        table = table.assign(**{key: model.evidence_[key] * scale})
    if model.status_ == "pooled_only":
        table = table.assign(pooled_effect=np.nan)
    what = "per sd of the feature" if numeric.all() else "per sd, or between levels"
    return plot_effects(
        by_verdict(table),
        top=_ROWS,
        xlabel=f"change in {schema.target} {what}",
        title=overview(model, scale),
    )


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


def _errors(model: Any) -> "Axes":
    target = model.schema_.target
    return plot_errors(
        model.errors_, xlabel=f"mean squared error of {target} on the left-out environment"
    )


def _left_out(model: Any) -> "Axes":
    return plot_left_out(
        model.left_out_, target=model.schema_.target, title=missed_levels(model.left_out_)
    )
