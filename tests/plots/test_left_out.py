import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from elinvar.plots import plot_left_out, to_png
from elinvar.plots.palette import ENVIRONMENT_COLOURS

LEFT_OUT = {
    "environment": ["Oslo", "Oslo", "Rome", "Rome"],
    "model": ["invariant", "pooled"] * 2,
    "predicted_mean": [1.0, 1.5, 3.0, 2.0],
    "predicted_sd": [0.5, 0.4, 0.6, 0.0],
    "truth_mean": [1.1, 1.1, 2.8, 2.8],
    "truth_sd": [0.7, 0.7, 0.8, 0.8],
    "slope": [0.9, 1.2, 1.1, np.nan],
    "residual_sd": [0.3, 0.4, 0.2, 0.8],
}


def many(places):
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=places)
    truth = predicted + 0.01 * rng.normal(size=places)
    truth[3], truth[5] = predicted[3] + 4, predicted[5] - 3
    return {
        "environment": [f"e{k}" for k in range(places)],
        "model": ["invariant"] * places,
        "predicted_mean": predicted,
        "predicted_sd": np.ones(places),
        "truth_mean": truth,
        "truth_sd": np.ones(places),
        "slope": np.ones(places),
        "residual_sd": np.full(places, 0.5),
    }


def lines(ax):
    """Solid lines by colour."""
    return {
        to_hex(line.get_color()): np.asarray(line.get_xydata())
        for line in ax.lines
        if line.get_linestyle() == "-"
    }


def dots(ax):
    return [tuple(c.get_offsets()[0]) for c in ax.collections if isinstance(c, PathCollection)]


def test_a_panel_a_model_with_shared_axes():
    ax = plot_left_out(LEFT_OUT, target="mass (g)")
    left, right = ax.figure.axes
    assert ax is left
    titles = [panel.get_title(loc="left") for panel in (left, right)]
    assert titles == ["invariant model", "pooled model"]
    assert left.get_xlim() == left.get_ylim() == right.get_xlim() == right.get_ylim()
    assert (left.get_xlabel(), left.get_ylabel()) == ("predicted mass (g)", "mass (g)")
    assert ax.figure.get_suptitle() == "Predictions for left-out environments"


def test_a_line_is_the_truth_given_the_prediction():
    left, _ = plot_left_out(LEFT_OUT).figure.axes
    drawn = lines(left)
    oslo = [[1.0 - 0.75, 1.1 - 0.9 * 0.75], [1.0 + 0.75, 1.1 + 0.9 * 0.75]]
    assert drawn[ENVIRONMENT_COLOURS[0]] == pytest.approx(np.array(oslo))
    assert len(drawn) == 2
    assert {(1.0, 1.1), (3.0, 2.8)} <= set(dots(left))


def test_the_band_is_one_sd_of_the_residuals():
    left, _ = plot_left_out(LEFT_OUT).figure.axes
    band = next(c for c in left.collections if isinstance(c, PolyCollection)).get_paths()[0]
    heights = {round(float(y), 3) for x, y in band.vertices if x == pytest.approx(0.25)}
    assert heights == {0.425 - 0.3, 0.425 + 0.3}


def test_predictions_that_do_not_vary_get_a_bar_of_the_truth():
    _, right = plot_left_out(LEFT_OUT).figure.axes
    bars = [
        segment.tolist()
        for c in right.collections
        if isinstance(c, LineCollection)
        for segment in c.get_segments()
    ]
    assert bars == [[[2.0, pytest.approx(2.0)], [2.0, pytest.approx(3.6)]]]
    assert list(lines(right)) == [ENVIRONMENT_COLOURS[0]]


def test_the_diagonal_is_there_and_the_legend_says_what_it_is():
    ax = plot_left_out(LEFT_OUT)
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert np.array_equal(dashed[0].get_xdata(), dashed[0].get_ydata())
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["Oslo", "Rome", "one sd of the residuals", "predicted = true"]


@pytest.mark.parametrize("places", [2, 3, 5, 8])
def test_the_legend_fits_whatever_the_names(places):
    names = [f"{k} {'WM' * 20} {k}" for k in range(places)]
    for models in (["invariant"], ["invariant", "pooled"]):
        table = {
            "environment": names * len(models),
            "model": [model for model in models for _ in names],
            **dict.fromkeys(list(LEFT_OUT)[2:], np.ones(places * len(models))),
        }
        ax = plot_left_out(table, models=models)
        to_png(ax)
        legend, room = ax.figure.legends[0].get_window_extent(), ax.figure.bbox
        assert len(ax.figure.legends[0].get_texts()) == places + 2
        assert room.x0 <= legend.x0 < legend.x1 <= room.x1


def test_names_that_are_shortened_alike_all_stand_in_the_legend():
    long = {**LEFT_OUT, "environment": ["x" * 40] * 2 + ["x" * 41] * 2}
    legend = [text.get_text() for text in plot_left_out(long).figure.legends[0].get_texts()]
    assert len(legend) == 4
    assert legend[0] == legend[1]


def test_beyond_eight_environments_each_has_a_row():
    ax = plot_left_out(many(9), models=["invariant"], target="mass (g)")
    level, slope = ax.figure.axes
    assert [label.get_text() for label in level.get_yticklabels()] == [f"e{k}" for k in range(9)]
    assert level.get_xlabel() == "mass (g)"
    missed = next(c for c in level.collections if isinstance(c, PathCollection)).get_offsets()
    assert missed[3].tolist() == pytest.approx([4.0, 3.0])
    assert missed[5].tolist() == pytest.approx([-3.0, 5.0])
    slopes = next(c for c in slope.collections if isinstance(c, PathCollection)).get_offsets()
    assert set(slopes[:, 0]) == {1.0}
    assert len(plot_left_out(many(9), models=["invariant"], means_only=True).figure.axes) == 1
    assert len(plot_left_out(many(8), models=["invariant"]).figure.axes) == 1
    with pytest.raises(ValueError, match="9 environments need a row each"):
        plot_left_out(many(9), models=["invariant"], axes=[ax])


def test_of_many_environments_those_missed_by_most_have_a_row():
    ax = plot_left_out(many(60), models=["invariant"])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert len(names) == 40
    assert {"e3", "e5"} <= set(names)
    assert ax.figure.get_suptitle() == "Predictions for left-out environments (40 shown)"


def test_models_that_are_not_there_are_left_out_or_refused():
    ax = plot_left_out(LEFT_OUT, models=("pooled", "lasso"))
    assert [panel.get_title(loc="left") for panel in ax.figure.axes] == ["pooled model"]
    with pytest.raises(ValueError, match="no predictions of the models lasso"):
        plot_left_out(LEFT_OUT, models=["lasso"])


def test_given_axes_are_used():
    axes = list(Figure().subplots(1, 2))
    assert plot_left_out(LEFT_OUT, axes=axes) is axes[0]
    with pytest.raises(ValueError, match="1 axes for 2 models"):
        plot_left_out(LEFT_OUT, axes=axes[:1])


def test_values_that_are_not_known_can_be_drawn():
    unknown = {**LEFT_OUT, "predicted_mean": [np.nan] * 4, "residual_sd": [np.nan] * 4}
    assert to_png(plot_left_out(unknown)).startswith(b"\x89PNG")


def test_shares_are_dots_without_lines_or_bands():
    table = {
        "environment": ["Oslo", "Rome"], "model": ["invariant"] * 2,
        "predicted_mean": [0.4, 0.9], "predicted_sd": [0.3, 0.3], "truth_mean": [0.5, 0.8],
        "truth_sd": [0.5, 0.4], "slope": [2.0, np.nan], "residual_sd": [0.4, 0.4],
    }  # fmt: skip
    ax = plot_left_out(table, means_only=True)
    low, high = ax.get_ylim()
    assert 0.3 < low < 0.4 and 0.9 < high < 1.0
    assert "one sd of the residuals" not in [
        text.get_text() for text in ax.figure.legends[0].get_texts()
    ]
