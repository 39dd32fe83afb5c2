import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection

from elinvar.plots import (
    plot_effects,
    plot_environments,
    plot_errors,
    plot_path,
    plot_trajectory,
)
from elinvar.plots.palette import VERDICT_COLOURS

STRENGTH = [0.0, 0.1, 1.0, 10.0]
COEF = [[1.0, 1.0, -2.0], [1.0, 0.5, -1.0], [1.1, 0.0, -0.5], [1.2, 0.0, 0.0]]
NAMES = ["parent", "child", "price_$_a_$"]
VERDICTS = ["invariant", "spurious", "undecided"]
TABLE = {
    "feature": ["depth", "length", "sex"],
    "verdict": ["invariant", "spurious", "undecided"],
    "effect": [2.0, 1.0, float("nan")],
    "low": [1.0, 0.5, float("nan")],
    "high": [3.0, 1.5, float("nan")],
    "pooled_effect": [-1.0, 1.2, 0.3],
}
ERRORS = {
    "environment": ["Oslo", "Rome", "Bonn"],
    "rows": [10, 20, 5],
    "invariant": [1.0, 1.0, 1.0],
    "pooled": [2.0, 0.9, float("nan")],
    "mean": [3.0, 4.0, 5.0],
}


def drawn(ax):
    buffer = BytesIO()
    ax.figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")
    return ax


def intervals(ax, *, width):
    return [
        [float(x) for x in segment[:, 0]]
        for lines in ax.collections
        if isinstance(lines, LineCollection) and lines.get_linewidths()[0] == width
        for segment in lines.get_segments()
        if len(segment)
    ]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_path_names_every_line_and_says_what_leaves():
    ax = drawn(plot_path(STRENGTH, COEF, NAMES, verdicts=VERDICTS, ylabel="coefficient (kg)"))
    assert sorted(texts(ax)) == sorted(NAMES)
    assert ax.get_title(loc="left") == "2 of 3 features leave when disagreement is punished"
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "coefficient (kg)"
    assert ax.get_xticklabels()[0].get_text() == "0\n(no penalty)"


def test_path_colours_lines_by_verdict():
    ax = plot_path(STRENGTH, COEF, NAMES, verdicts=dict(zip(NAMES, VERDICTS, strict=True)))
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours == {n: VERDICT_COLOURS[v] for n, v in zip(NAMES, VERDICTS, strict=True)}


def test_path_without_verdicts_shows_what_stays_as_invariant():
    ax = plot_path(STRENGTH, COEF, NAMES)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    stays = {name: COEF[-1][j] != 0 for j, name in enumerate(NAMES)}
    kinds = {name: "invariant" if stay else "no effect" for name, stay in stays.items()}
    assert colours == {name: VERDICT_COLOURS[kind] for name, kind in kinds.items()}


def test_path_of_many_columns_names_those_that_stay_first():
    rng = np.random.default_rng(0)
    coef = np.repeat(rng.uniform(1, 2, size=(1, 50)), 4, axis=0)
    coef[:, :6] /= 10
    coef[-1, 6:] = 0.0
    ax = drawn(plot_path(STRENGTH, coef, [f"x{j}" for j in range(50)], top=10))
    assert len(ax.texts) == 10
    assert {f"x{j}" for j in range(6)} <= set(texts(ax))


def test_path_does_not_name_what_can_not_be_told_from_zero():
    ax = plot_path([0, 1], [[1, 0.01, -0.03], [1, 0.01, -0.03]], ["tall", "flat", "low"])
    assert sorted(texts(ax)) == ["low", "tall"]
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["invariant", "1 more, without a name"]


def test_path_names_what_holds_before_what_is_larger():
    verdicts = ["no effect"] * 5 + ["invariant"]
    coef = [[5, 4, 3, 2, 2, 1]] * 2
    ax = plot_path([0, 1], coef, list("abcdef"), verdicts=verdicts, top=2)
    assert sorted(texts(ax)) == ["a", "f"]


def test_a_line_of_the_path_ends_where_it_comes_to_zero():
    ax = plot_path(STRENGTH, [[1, 1], [0, 1], [0.5, 1], [0, 1]], ["a", "b"])
    lengths = sorted(len(line.get_xdata()) for line in ax.lines)
    assert lengths == [2, 4, 4]
    ax = plot_path(STRENGTH, [[1, 1], [1, 1], [0, 1], [0, 1]], ["a", "b"])
    assert sorted(len(line.get_xdata()) for line in ax.lines) == [2, 3, 4]


@pytest.mark.parametrize(
    ("last", "who"),
    [([0, 0, 0], "All 3 features leave"), ([1, 1, 1], "None of 3 features leave")],
)
def test_path_says_so_if_all_leave_or_none(last, who):
    ax = plot_path([0, 1], [[1, 1, 1], last], NAMES)
    assert ax.get_title(loc="left") == f"{who} when disagreement is punished"


def test_what_is_never_in_the_model_does_not_leave_it():
    ax = plot_path([0, 1], [[0, 1, 1], [0, 0, 1]], NAMES)
    assert ax.get_title(loc="left") == "1 of 3 features leaves when disagreement is punished"


def test_path_names_the_largest_column_of_each_feature():
    ax = plot_path(
        [0, 1], [[1, 3, -2, 5], [1, 3, -2, 0]], ["a=1", "a=2", "b", "c"], groups=[0, 0, 1, 2]
    )
    assert sorted(texts(ax)) == ["a=2", "b", "c"]
    assert ax.get_title(loc="left") == "1 of 3 features leaves when disagreement is punished"


@pytest.mark.parametrize("strength", [[0.0], [0.5], [0.5, 2.0], [0.0, 0.01]])
def test_path_of_any_grid_can_be_drawn(strength):
    drawn(plot_path(strength, np.ones((len(strength), 1)), ["x"]))


def test_path_of_nothing_but_zeros_can_be_drawn():
    drawn(plot_path(STRENGTH, np.zeros((4, 2)), ["a", "b"]))


def test_path_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"shape \(4, 3\); needed \(4, 2\)"):
        plot_path(STRENGTH, COEF, ["a", "b"])
    with pytest.raises(ValueError, match="1 verdicts for 3 columns"):
        plot_path(STRENGTH, COEF, NAMES, verdicts=["invariant"])


def test_effects_that_change_sign_make_the_title():
    ax = drawn(plot_effects(TABLE))
    assert ax.get_title(loc="left") == "One fit to all rows has the sign of depth wrong"
    assert [label.get_text() for label in ax.get_yticklabels()] == TABLE["feature"]
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["invariant", "spurious", "undecided", "pooled"]


def test_intervals_of_effects_that_hold_set_the_range_and_are_thick():
    table = {
        "feature": ["a", "b"],
        "verdict": ["invariant", "spurious"],
        "effect": [2.0, 1.0],
        "low": [-1.0, -90.0],
        "high": [4.0, 90.0],
        "pooled_effect": [float("nan")] * 2,
    }
    ax = drawn(plot_effects(table))
    assert ax.get_xlim() == pytest.approx((-3 - 0.36, 6 + 0.36))
    assert intervals(ax, width=2.6) == [[-1.0, 4.0]]
    assert intervals(ax, width=1.2) == [pytest.approx(list(ax.get_xlim()))]
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["invariant", "spurious"]


def test_effects_show_the_largest_rows_and_say_so():
    ax = plot_effects(TABLE, top=2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["depth", "length"]
    assert "(2 of 3 shown)" in ax.get_title(loc="left")


def test_effects_of_an_empty_table():
    drawn(plot_effects({key: [] for key in TABLE}))


def test_effects_show_where_a_new_environment_may_be_unless_it_dwarfs_them():
    new = {"new_low": [0.5, -90.0, float("nan")], "new_high": [3.5, 90.0, float("nan")]}
    ax = drawn(plot_effects({**TABLE, **new}))
    assert intervals(ax, width=1.0) == [[0.5, 3.5], list(ax.get_xlim())]
    assert -3 < ax.get_xlim()[0] < ax.get_xlim()[1] < 5
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend[-1] == "new environment (90%)"


def test_errors_have_a_row_for_each_environment():
    ax = drawn(plot_errors(ERRORS, xlabel="error (g²)"))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["Oslo  (10 rows)", "Rome  (20 rows)", "Bonn  (5 rows)"]
    title = ax.get_title(loc="left")
    assert title == "The invariant model is better on 1 of 2 left-out environments"
    assert ax.get_xlabel() == "error (g²)"


def test_errors_that_span_decades_get_a_logarithmic_axis():
    assert plot_errors(ERRORS).get_xscale() == "linear"
    for largest, ticks in ((15.0, ["1", "2", "5", "10"]), (3e4, ["1", "10", "100", "1,000"])):
        ax = plot_errors({**ERRORS, "mean": [largest, 4.0, 5.0]})
        assert ax.get_xscale() == "log"
        low, high = ax.get_xlim()
        shown = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        labels = [label.get_text() for x, label in shown if low <= x <= high]
        assert labels[:4] == ticks


def test_errors_show_the_lasso_and_ring_what_is_used():
    ax = drawn(plot_errors({**ERRORS, "lasso": [1.5, 0.8, 1.2], "used": [1.0, 0.9, float("nan")]}))
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    expected = [
        "invariant model",
        "pooled model",
        "lasso",
        "mean of the target",
        "chosen without it",
    ]
    assert legend == expected
    line = {line.get_label(): line for line in ax.lines}
    assert line["lasso"].get_marker() not in {line[key].get_marker() for key in ("pooled", "used")}
    assert line["lasso"].get_xdata().tolist() == [1.5, 0.8, 1.2]
    assert line["used"].get_markerfacecolor() == "none"
    assert line["used"].get_xdata().tolist()[:2] == [1.0, 0.9]
    # the ring is around the mark whose error it is, and equal errors do not lie on each other
    heights = {key: line[key].get_ydata().tolist() for key in line}
    assert heights["used"][:2] == [heights["invariant"][0], heights["pooled"][1]]
    assert heights["invariant"][0] < heights["pooled"][0] < heights["lasso"][0]


def test_errors_without_lasso_and_used_have_three_models():
    legend = plot_errors(ERRORS).figure.legends[0]
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["invariant model", "pooled model", "mean of the target"]


def test_errors_draw_the_models_that_are_there_under_the_names_given():
    losses = {
        "environment": ["a", "b"],
        "rows": [9, 9],
        "invariant": [0.4, 0.5],
        "mean": [0.7, 0.7],
    }
    ax = drawn(plot_errors({**losses, "pooled": [0.6, 0.4]}, labels={"mean": "shares of classes"}))
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert names == ["invariant model", "pooled model", "shares of classes"]


def test_errors_keep_the_largest_environments():
    ax = plot_errors(ERRORS, top=1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Rome  (20 rows)"]


def test_trajectory_survives_divergence():
    ax = drawn(plot_trajectory([0, 10, 20], [[0, 1], [1, np.inf], [2, np.nan]], ["a", "b"]))
    assert sorted(texts(ax)) == ["a", "b"]
    assert ax.get_title(loc="left") == "Coefficients over 20 steps"


@pytest.mark.parametrize(
    ("slopes", "pooled", "title"),
    [
        ((1, 2), -1, "Up in each environment, down in the pooled data"),
        ((-1, -2), -1, "Down in each environment and in the pooled data"),
        ((1, 2), 1, "Up in each environment and in the pooled data"),
        ((1, -2), 1, "Up in 1 of 2 environments, up in the pooled data"),
    ],
)
def test_environments_title_compares_slopes(slopes, pooled, title):
    lines = {"a": (slopes[0], 0.0), "b": (slopes[1], 0.0)}
    ax = drawn(
        plot_environments(
            [0, 1, 2, 3], [0, 1, 2, 3], list("aabb"), lines=lines, pooled=(pooled, 0.0),
            xlabel="depth (mm)", ylabel="mass (g)",
        )
    )  # fmt: skip
    assert ax.get_title(loc="left") == title
    assert texts(ax) == ["a", "b", "pooled"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("depth (mm)", "mass (g)")


def test_environments_beyond_the_palette_get_a_panel_each():
    labels = [f"e{k}" for k in range(12)] * 2
    lines = {name: (1.0, 0.0) for name in labels}
    x = np.arange(24.0)
    ax = drawn(
        plot_environments(x, x, labels, lines=lines, pooled=(-1.0, 9.0), xlabel="depth (mm)")
    )
    panels = ax.figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == labels[:12]
    assert ax.figure.get_suptitle() == "Up in each environment, down in the pooled data"
    assert ax.figure.legends[0].get_title().get_text() == "depth (mm)"
    # the pooled line is the same in each, its own goes as far as its rows
    ends = [[line.get_xdata().tolist() for line in panel.lines] for panel in panels]
    assert ends == [[[0.0, 23.0], [float(k), float(k + 12)]] for k in range(12)]
    with pytest.raises(ValueError, match="12 environments need a panel each"):
        plot_environments(x, x, labels, ax=ax)


def test_environments_stand_in_the_order_of_their_lines_and_not_of_rows():
    months = [f"m{k}" for k in range(9)]
    lines = {name: (1.0, 0.0) for name in months}
    ax = plot_environments(range(9), range(9), months[::-1], lines=lines)
    assert [panel.get_title(loc="left") for panel in ax.figure.axes] == months


def test_the_largest_environments_are_drawn_if_there_are_many():
    labels = [f"e{k}" for k in range(30) for _ in range(1 + (k >= 10))]
    ax = plot_environments(range(len(labels)), range(len(labels)), labels, title="Many")
    assert [panel.get_title(loc="left") for panel in ax.figure.axes] == [
        f"e{k}" for k in range(10, 30)
    ]
    assert ax.figure.get_suptitle() == "Many (20 shown)"


def test_given_axes_are_used_and_no_pyplot_is_needed():
    code = (
        "import sys; from elinvar.plots import plot_path\n"
        "assert 'matplotlib' not in sys.modules\n"
        "ax = plot_path([0, 1], [[1], [1]], ['x'])\n"
        "ax.figure.canvas.draw()\n"
        "again = plot_path([0, 1], [[1], [1]], ['x'], ax=ax)\n"
        "assert again is ax\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=12),
)
@settings(max_examples=25, deadline=None)
def test_names_of_lines_keep_their_order_and_do_not_touch(ends):
    names = [f"x{j}" for j in range(len(ends))]
    ax = plot_trajectory([0, 1], [[20.0, *ends], [20.0, *ends]], ["top", *names], top=20)
    low, high = ax.get_ylim()
    end = {"top": 20.0, **dict(zip(names, ends, strict=True))}
    places = {text.get_text(): text.xyann[1] for text in ax.texts}
    order = sorted(places, key=lambda name: (end[name], names.index(name) if name in names else 99))
    heights = np.array([places[name] for name in order])
    assert np.all(np.diff(heights) >= 0.05 * (high - low) - 1e-6)
    assert low - 1e-6 <= heights[0] <= heights[-1] <= high + 1e-6


def test_a_name_with_room_stands_at_the_end_of_its_line():
    ax = plot_trajectory([0, 1], [[1, 5, 9], [1, 5, 9]], list("abc"))
    assert [text.xyann[1] for text in ax.texts] == pytest.approx([1, 5, 9])


@pytest.mark.parametrize(
    ("value", "largest", "text"),
    [
        (0.30000000000000004, 1, "0.3"),
        (-2500.0, 5000, "\u22122,500"),
        (5e-17, 1, "0"),
        (1.5e9, 2e9, "1.5\u00d710\u2079"),
        (-5e-10, 2e-9, "\u22120.5\u00d710\u207b\u2079"),
    ],
)
def test_ticks_are_written_as_a_reader_wants_them(value, largest, text):
    ax = plot_effects(TABLE)
    ax.set_xlim(-largest, largest)
    assert ax.xaxis.get_major_formatter()(value, 0) == text


def test_long_and_odd_names_are_made_fit():
    table = {**TABLE, "feature": ["a\nb", "x" * 100, "c"]}
    odd, long, _ = (label.get_text() for label in plot_effects(table).get_yticklabels())
    assert odd == "a b"
    assert len(long) == 32
    assert long.startswith("x" * 20)
