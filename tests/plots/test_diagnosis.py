import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from elinvar.plots import plot_diagnosis, to_png
from elinvar.plots.palette import INK, VERDICT_COLOURS

FEATURES = {
    "feature": ["depth", "length", "sex"],
    "mean_shift": [0.9, 0.1, np.nan],
    "scale_ratio": [1.52, 1234.4, np.inf],
    "moved": [True, False, False],
    "slope": [0.4, -0.2, 0.1],
    "slope_sd": [0.05, 0.5, np.nan],
    "detectable_sd": [0.1, 0.2, np.nan],
    "positive": [3, 1, 0],
    "negative": [0, 2, 0],
    "flips": [False, True, False],
    "growth": [0.04, -np.inf, np.nan],
}
RED = VERDICT_COLOURS["spurious"]


def columns(**more):
    return plot_diagnosis(FEATURES, **more).figure.axes


def segments(ax, width):
    return [
        [float(segment[0, 0]), float(segment[1, 0]), float(segment[0, 1])]
        for lines in ax.collections
        if isinstance(lines, LineCollection) and lines.get_linewidths()[0] == width
        for segment in lines.get_segments()
        if len(segment)
    ]


def dots(ax):
    return [
        (float(x), int(y), to_hex(c.get_edgecolors()[0]), len(c.get_facecolors()) > 0)
        for c in ax.collections
        if isinstance(c, PathCollection)
        for x, y in np.ma.filled(c.get_offsets(), np.nan)
        if np.isfinite(x)
    ]


def test_a_row_a_feature_in_three_columns():
    shift, slope, growth = columns(step_size=0.05)
    assert [label.get_text() for label in shift.get_yticklabels()] == FEATURES["feature"]
    assert shift.get_ylim() == slope.get_ylim() == growth.get_ylim()
    assert shift.get_ylim()[0] > shift.get_ylim()[1]
    assert growth.get_title(loc="left") == "growth at step 0.05"
    title = shift.figure.get_suptitle()
    assert title == "1 of 3 features differs, given the others; 1 slope changes sign"


def test_slopes_say_what_they_are_measured_in():
    assert columns()[1].get_xlabel() == "sd of the target per sd"
    assert columns(slope_unit="log odds per sd")[1].get_xlabel() == "log odds per sd"


def test_what_moved_is_filled_and_its_spread_written():
    shift = columns()[0]
    assert dots(shift) == [(0.9, 0, INK, True), (0.1, 1, INK, False)]
    assert [text.get_text() for text in shift.texts] == ["×1.5", "×1,234", "0 in one"]  # noqa: RUF001


def test_a_shift_that_would_squeeze_all_others_is_cut_and_says_so():
    table = {**FEATURES, "mean_shift": [8.0, 0.2, 0.1]}
    shift = plot_diagnosis(table).figure.axes[0]
    assert max(x for x, *_ in dots(shift)) == pytest.approx(0.3)
    assert shift.get_xlim()[1] < 0.4
    assert "8 \u25b8" in [text.get_text() for text in shift.texts]


def test_slopes_have_their_spread_and_what_can_not_be_seen():
    slope = columns()[1]
    assert np.array(segments(slope, 9)) == pytest.approx(np.array([[0.3, 0.5, 0], [-0.4, 0.0, 1]]))
    assert np.array(segments(slope, 1.6)) == pytest.approx(
        np.array([[0.35, 0.45, 0], [-0.7, 0.3, 1]])
    )


def test_a_slope_that_changes_sign_is_marked_and_counted():
    slope = columns()[1]
    assert (-0.2, 1, RED) in [dot[:3] for dot in dots(slope)]
    assert [dot[:2] for dot in dots(slope) if dot[2] == RED] == [(-0.2, 1)]
    assert [text.get_text() for text in slope.texts] == ["1+ 2\u2212"]


def test_growth_goes_right_death_left_and_for_ever_to_the_edge():
    growth = columns(step_size=0.05)[2]
    low, high = growth.get_xlim()
    assert low == -high
    assert segments(growth, 8) == [[0.0, 0.04, 0.0], [0.0, low, 1.0]]


def test_the_sign_is_explained_only_where_it_changes():
    def legend(ax):
        return [text.get_text() for text in ax.figure.legends[0].get_texts()]

    assert legend(plot_diagnosis(FEATURES))[-1] == "changes sign"
    ax = plot_diagnosis(
        {**FEATURES, "flips": [False] * 3, "growth": [0.1, 0.2, 0.3]}, step_size=0.05
    )
    assert "changes sign" not in legend(ax)
    assert ax.figure.get_suptitle().endswith("no slope changes sign")
    low, high = ax.figure.axes[2].get_xlim()
    assert -low < high


def test_only_the_largest_slopes_are_shown_in_the_order_of_the_table():
    ax = plot_diagnosis(FEATURES, top=2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["depth", "length"]
    assert ax.figure.get_suptitle().endswith("(2 shown)")


def test_given_axes_are_used():
    axes = list(Figure().subplots(1, 2))
    assert plot_diagnosis(FEATURES, axes=axes) is axes[0]


def test_growth_is_for_those_who_ask_for_it():
    assert len(columns()) == 2
    assert len(columns(step_size=0.05)) == 3


@pytest.mark.parametrize("count", [0, 1, 50])
def test_any_number_of_features_can_be_drawn(count):
    table = {key: [cells[j % 3] for j in range(count)] for key, cells in FEATURES.items()}
    ax = plot_diagnosis(table, step_size=1e-5)
    assert to_png(ax).startswith(b"\x89PNG")
    assert len(ax.get_yticks()) == min(count, 30)
