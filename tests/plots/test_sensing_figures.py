import re

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from elinvar.plots import (
    plot_comparison,
    plot_distances,
    plot_lines,
    plot_phase_diagram,
    to_png,
    to_svg,
)

DISTANCES = {
    "algorithm": ["HeteroSGD", "HeteroSGD", "PooledGD", "PooledGD"],
    "step": [100, 0, 0, 100],
    "error": [0.1, 1.4, 1.4, 1.5],
    "error_low": [0.05, 1.3, 1.4, 1.5],
    "error_high": [0.2, 1.5, 1.4, 1.5],
    "pooled_error": [1.5, 2.0, 2.0, 0.0],
}
CELLS = {
    "heterogeneity": [2, 8, 20, 2, 8, 20],
    "step_size": [0.05, 0.05, 0.05, 0.1, 0.1, 0.1],
    "recovers": [0, 1, 0.5, 0, 1, 0],
    "learns_spurious": [1, 0, 0.5, 1, 0, 0],
    "diverges": [0, 0, 0, 0, 0, 1],
}
NOISE = {
    "batch_size": [10_000, 100, 1000],
    "error": [0.05, 2.0, 0.5],
    "error_low": [0.04, 1.8, 0.45],
    "error_high": [0.06, 2.5, 0.55],
    "invariant_signal": [1.0, 0.4, 0.9],
    "predicted": [0.05, np.inf, 0.52],
    "diverged": [0.0, 0.25, 0.0],
}
RUNS = {
    "group": ["model", "model", "model", "start", "start"],
    "setting": ["A itself", "A itself", "k = d", "large", "large"],
    "error": [4.0, 6.0, 0.02, np.nan, np.inf],
    "pooled_error": [3.0, 5.0, 1.4, np.nan, np.nan],
}


def phase(**more):
    return plot_phase_diagram(CELLS, "heterogeneity", "step_size", **more)


LINE = {"line": ([6, 4], [0.05, 0.1])}
PICTURES = {
    "distances": lambda: plot_distances(DISTANCES),
    "phase": lambda: phase(predicted=LINE, measured=LINE, log_x=True, log_y=True),
    "lines": lambda: plot_lines(
        NOISE,
        "batch_size",
        {"invariant_signal": "invariant signal", "error": "error"},
        marks={"critical at 334": 333.7},
        log_y=True,
        title="Small batches lose the signal",
    ),
    "comparison": lambda: plot_comparison(RUNS),
}


def title(ax):
    return ax.figure.get_suptitle() or ax.get_title(loc="left")


def luminance(colour):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_finding_and_texts_that_can_be_read(name):
    ax = PICTURES[name]()
    assert to_png(ax).startswith(b"\x89PNG")
    assert len(title(ax)) > 15
    shown = [text for text in ax.figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert all(1.05 / (luminance(text.get_color()) + 0.05) >= 4.5 for text in shown)


@pytest.mark.parametrize("name", PICTURES)
def test_an_svg_is_small_the_same_every_time_and_takes_the_colours_of_its_page(name):
    svg = to_svg(PICTURES[name](), prefix="p", alt="a picture")
    assert svg == to_svg(PICTURES[name](), prefix="p", alt="a picture")
    assert len(svg) < 60_000
    inside_images = re.sub(r'href="data:[^"]*"', "", svg)
    assert "currentColor" in svg
    assert "http" not in inside_images.replace("http://www.w3.org", "")
    bare = re.findall(r"(?<!, )#[0-9a-f]{6}\b", inside_images)
    assert set(bare) <= {"#5b9bc8", "#f5c68d", "#474d57"}  # the grounds of the three outcomes


def test_distances_are_two_lines_a_panel_in_order_of_steps():
    first = plot_distances(DISTANCES)
    hetero, pooled = first.figure.axes
    error, other = (line.get_xydata().tolist() for line in hetero.lines)
    assert error == [[0, 1.4], [100, 0.1]]
    assert other == [[0, 2.0], [100, 1.5]]
    assert first.get_yscale() == "log"
    assert len(hetero.collections) == 1  # one band: the other is not known
    assert np.isnan(pooled.lines[1].get_ydata()[-1])  # 0 has no place on a logarithmic axis


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ([0.1, 0.2], "H and P end nearer A*"),
        ([0.1, 2.0], "H ends nearer A*, P nearer the pooled solution"),
        ([2.0, 2.0], "H and P end nearer the pooled solution"),
    ],
)
def test_the_title_says_where_each_ends(error, said):
    table = {"algorithm": ["H", "P"], "step": [9, 9], "error": error, "pooled_error": [1, 1]}
    assert title(plot_distances(table)) == said


def test_a_cell_mixes_the_colours_of_its_outcomes():
    ax = phase()
    (mesh,) = [part for part in ax.collections if isinstance(part, QuadMesh)]
    assert mesh.get_rasterized()
    colours = np.asarray(mesh.get_array())
    assert colours.shape == (2, 3, 3)
    recovers, spurious, mixed = colours[0, 1], colours[0, 0], colours[0, 2]
    assert mixed == pytest.approx((recovers + spurious) / 2)
    assert luminance(colours[1, 2]) < luminance(recovers) < luminance(spurious)


def test_outcomes_can_be_told_apart_without_colour():
    colours = np.asarray(phase().collections[0].get_array())
    dark, middle, light = (luminance(colours[at]) + 0.05 for at in ((1, 2), (0, 1), (0, 0)))
    assert middle / dark > 1.7
    assert light / middle > 1.7


def test_curves_are_lines_and_measured_boundaries_points():
    ax = phase(predicted=LINE, measured={"seen": ([5.8, 4.1], [0.05, 0.1])})
    line, points = ax.lines
    assert line.get_xdata().tolist() == [6, 4]
    assert points.get_linestyle() == "None"
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert names == ["recovers A*", "learns the spurious part", "diverges", "line", "seen"]
    assert title(phase()) == "The invariant part is recovered in 42% of the runs"


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [0, 1, 2], [0, 3]])
def test_cells_must_fill_the_grid(rows):
    part = {key: [values[row] for row in rows] for key, values in CELLS.items()}
    with pytest.raises(ValueError, match="needed one for each pair"):
        plot_phase_diagram(part, "heterogeneity", "step_size")


def test_lines_bands_and_the_prediction_are_drawn_in_order_of_the_parameter():
    ax = PICTURES["lines"]()
    found = {line.get_label(): line for line in ax.lines}
    assert found["error"].get_xydata().tolist() == [[100, 2.0], [1000, 0.5], [10_000, 0.05]]
    assert found["invariant signal"].get_ydata().tolist() == [0.4, 0.9, 1.0]
    assert np.isnan(found["predicted"].get_ydata()[0])
    assert len(ax.collections) == 1  # one band: the other is not known
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [line.get_xdata() for line in ax.lines if line.get_marker() == "x"] == [[100]]
    assert "runs diverged" in [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert [text.get_text() for text in ax.texts] == ["critical at 334"]
    assert any(line.get_xdata()[0] == 333.7 for line in ax.lines if len(line.get_xdata()) == 2)


def test_an_axis_that_is_not_logarithmic_begins_at_zero():
    ax = plot_lines({"dim": [2, 4], "steps": [9, 8]}, "dim", {"steps": "measured"})
    assert ax.get_ylim()[0] == 0.0 and ax.get_xlabel() == "dim"
    assert [line.get_label() for line in ax.lines] == ["measured"]


def test_a_comparison_has_one_dot_a_run_and_says_what_diverged():
    ax = plot_comparison(RUNS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A itself", "k = d", "large"]
    dots = [part for part in ax.collections if isinstance(part, PathCollection)]
    assert [len(part.get_offsets()) for part in dots] == [2, 1, 2, 1]
    assert dots[0].get_offsets()[:, 0].tolist() == [4, 6]
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("diverged") == 2  # once for each value, at the same place
    assert {"model", "start"} <= set(texts)
    assert title(ax) == "1 of 3 settings ends nearer A* than to the pooled solution"


def test_names_are_shown_as_they_are():
    nasty = "<script>$x_1$</script>"
    svg = to_svg(
        plot_comparison({"setting": [nasty], "error": [1.0]}, values=["error"]), prefix="p", alt="a"
    )
    assert "<script" not in svg
    assert "&lt;script&gt;$x_1$" in svg


@pytest.mark.parametrize(
    "function", [plot_distances, plot_comparison, lambda table: plot_lines(table, "step", {})]
)
def test_an_empty_table_is_an_error(function):
    empty = {"algorithm": [], "setting": [], "step": [], "error": [], "pooled_error": []}
    with pytest.raises(ValueError, match="has no rows"):
        function(empty)
