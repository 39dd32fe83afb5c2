"""Predictions for environments that the model has not seen, against the truth."""

from collections.abc import Sequence

import numpy as np

from elinvar.plots._axes import (
    Artist,
    Axes,
    clean,
    finish,
    head_figure,
    head_panel,
    legend_below,
    new_panels,
    of_all,
    plain_numbers,
)
from elinvar.plots._marks import Floats, Look, dots, mark, patch
from elinvar.plots._tables import Row, Table, distinct, records
from elinvar.plots.model._left_out_rows import draw_rows
from elinvar.plots.palette import (
    ENVIRONMENT_COLOURS,
    INK,
    MODEL_COLOURS,
    MODEL_MARKERS,
    MODEL_NAMES,
    QUIET,
)

# A line reaches this many standard deviations of the predictions to either side.
_REACH = 1.5
_NUMBERS = ("predicted_mean", "predicted_sd", "truth_mean", "truth_sd", "slope", "residual_sd")


def plot_left_out(
    left_out: Table,
    *,
    models: Sequence[str] = ("invariant", "pooled"),
    target: str = "target",
    title: str | None = None,
    means_only: bool = False,
    axes: Sequence[Axes] | None = None,
) -> Axes:
    """Draw the predictions for each left-out environment against its truth, a panel a model.

    A dot is an environment's mean. Its line says how the truth goes with the prediction, over 1.5
    standard deviations of the predictions to either side, and the band around it is one standard
    deviation of what is left. On the diagonal, predictions are right. A dot off the diagonal is a
    level that was missed; a line of another slope, differences that were predicted too small or too
    large. Where predictions do not vary, a bar has one standard deviation of the truth.

    Lines of more than eight environments would lie on each other: each gets a row instead, with the
    level that was missed in one panel and the slope in the other, a mark a model.

    Parameters
    ----------
    left_out : DataFrame or mapping of columns
        ``environment``, ``model``, ``predicted_mean``, ``predicted_sd``, ``truth_mean``,
        ``truth_sd``, ``slope`` and ``residual_sd``, a row an environment and model, such as
        ``model.left_out_``.
    models : sequence of str
        Which models to draw, side by side.
    target : str
        What is predicted, with its unit.
    title : str, optional
        By default what is drawn.
    means_only : bool
        Draw dots without lines and bands, such as for shares, which cannot leave 0 to 1.
    axes : sequence of Axes, optional
        Where to draw up to eight environments, one for each model; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; ``ax.figure`` has them all, and the title as its ``get_suptitle()``.

    Raises
    ------
    ValueError
        If the table has none of the models, there are fewer axes than models, or axes are given
        for more than eight environments.

    Examples
    --------
    >>> ax = plot_left_out({
    ...     "environment": ["Oslo", "Rome"], "model": ["invariant"] * 2,
    ...     "predicted_mean": [1.0, 2.0], "predicted_sd": [1.0, 1.0], "truth_mean": [1.1, 2.3],
    ...     "truth_sd": [1.2, 1.3], "slope": [1.0, 0.9], "residual_sd": [0.5, 0.5],
    ... })
    >>> ax.get_title(loc="left")
    'invariant model'
    """
    rows = records(left_out, texts=("environment", "model"), numbers=_NUMBERS)
    if means_only:
        rows = [
            row | dict.fromkeys(("predicted_sd", "truth_sd", "residual_sd"), 0.0) for row in rows
        ]
    shown = [model for model in models if any(row["model"] == model for row in rows)]
    if not shown:
        raise ValueError(f"There are no predictions of the models {', '.join(models)}.")
    names = distinct(rows, "environment")
    if len(names) > len(ENVIRONMENT_COLOURS):
        if axes is not None:
            raise ValueError(
                f"{len(names)} environments need a row each, on a figure of their own; leave out "
                "axes."
            )
        panels, count = draw_rows(rows, shown, target=target, slopes=not means_only)
        head_figure(panels[0], of_all(_title(title), count, len(names)))
        marks = [
            mark(MODEL_COLOURS.get(model, INK), marker=MODEL_MARKERS.get(model, "o"))
            for model in shown
        ]
        legend_below(panels[0], marks, [MODEL_NAMES.get(model, model) for model in shown])
        return panels[0]
    width = 9.0 if len(shown) > 1 else 5.5
    height = width / len(shown) + 0.9
    drawn = new_panels(width, height, 1, len(shown), sharex=True) if axes is None else list(axes)
    if len(drawn) < len(shown):
        raise ValueError(f"There are {len(drawn)} axes for {len(shown)} models.")
    limits = _limits([row for row in rows if row["model"] in shown])
    for k, model in enumerate(shown):
        ax = drawn[k]
        _frame(ax, limits)
        here = [row for row in rows if row["model"] == model]
        for row in here:
            _draw(ax, row, Look.number(names.index(row["environment"])))
        head_panel(ax, MODEL_NAMES.get(model, model))
        ylabel = target if k == 0 or axes is not None else ""
        finish(ax, title=None, xlabel=f"predicted {target}", ylabel=ylabel)
    if axes is None:
        head_figure(drawn[0], _title(title))
        _legend(drawn[0], names, band=not means_only)
    return drawn[0]


def _title(title: str | None) -> str:
    return "Predictions for left-out environments" if title is None else title


def _limits(rows: list[Row]) -> tuple[float, float]:
    """Return one range for predictions and truth, so that the diagonal is one."""
    ends: list[float] = []
    for row in rows:
        x, y, spread_of_y = _line(row)
        ends += [*x, *(y - spread_of_y), *(y + spread_of_y)]
    known = [end for end in ends if np.isfinite(end)] or [0.0]
    margin = 0.03 * (max(known) - min(known)) or 1.0
    return min(known) - margin, max(known) + margin


def _line(row: Row) -> tuple[Floats, Floats, float]:
    """Return the line of one environment, and the half-width of its band."""
    centre, middle = row["predicted_mean"], row["truth_mean"]
    if not np.isfinite(row["slope"]):
        return np.full(2, centre), np.full(2, middle), row["truth_sd"]
    steps = np.array([-_REACH, _REACH]) * row["predicted_sd"]
    return centre + steps, middle + row["slope"] * steps, row["residual_sd"]


def _frame(ax: Axes, limits: tuple[float, float]) -> None:
    ax.plot(limits, limits, color=QUIET, linewidth=0.9, linestyle="--", zorder=1)
    ax.set_xlim(*limits)
    ax.set_ylim(*limits)
    for axis in (ax.xaxis, ax.yaxis):
        plain_numbers(axis, 5)


def _draw(ax: Axes, row: Row, look: Look) -> None:
    x, y, half = _line(row)
    colour = look.colour
    if not np.isfinite(row["slope"]):
        ax.vlines(x[0], y[0] - half, y[0] + half, colors=colour, linewidths=1.5, zorder=3)
    else:
        ax.fill_between(x, y - half, y + half, color=colour, alpha=0.12, linewidth=0, zorder=2)
        ax.plot(x, y, color=colour, linewidth=2.0, alpha=0.7, zorder=3)
    dots(ax, row["predicted_mean"], row["truth_mean"], colour, size=42, marker=look.marker)


def _legend(ax: Axes, names: list[str], *, band: bool) -> None:
    looks = [Look.number(k) for k in range(len(names))]
    marks: list[tuple[str, Artist]] = [
        (clean(name), mark(look.colour, marker=look.marker, line="-", width=2.0))
        for name, look in zip(names, looks, strict=True)
    ]
    if band:
        marks.append(("one sd of the residuals", patch(INK, alpha=0.12)))
    marks.append(("predicted = true", mark(QUIET, line="--", width=0.9)))
    legend_below(ax, [artist for _, artist in marks], [name for name, _ in marks])
