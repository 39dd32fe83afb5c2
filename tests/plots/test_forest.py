from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from elinvar.plots import plot_forest, to_png, to_svg
from elinvar.plots.palette import INK, VERDICT_COLOURS

PLACES = ["Bonn", "Oslo", "Rome"]
EFFECTS = {
    "feature": ["depth"] * 3 + ["length"] * 2,
    "environment": [*PLACES, "Bonn", "Rome"],
    "effect": [2.0, 2.2, 1.8, 0.5, -0.5],
    "low": [1.5, 1.6, 1.1, 0.4, -0.6],
    "high": [2.5, 2.8, 2.5, 0.6, -0.4],
}
EVIDENCE = {
    "feature": ["length", "depth", "sex"],
    "verdict": ["spurious", "invariant", "undecided"],
    "effect": [0.1, 2.0, np.nan],
    "low": [0.05, 1.7, np.nan],
    "high": [0.15, 2.3, np.nan],
    "pooled_effect": [0.2, -1.0, 3.0],
    "new_low": [-40.0, 1.4, np.nan],
    "new_high": [40.0, 2.6, np.nan],
    "odd_environment": ["Rome", "", ""],
}


def many(places, features, *, seed=0, name="x{}"):
    rng = np.random.default_rng(seed)
    names = [name.format(j) for j in range(features)]
    effect = rng.normal(size=places * features)
    effects = {
        "feature": np.repeat(names, places),
        "environment": [f"e{k}" for k in range(places)] * features,
        "effect": effect,
        "low": effect - 0.2,
        "high": effect + 0.2,
    }
    common = effect.reshape(features, places).mean(axis=1)
    evidence = {
        "feature": names,
        "verdict": [list(VERDICT_COLOURS)[j % 7] for j in range(features)],
        "effect": common,
        "low": common - 0.1,
        "high": common + 0.1,
        "pooled_effect": common + 0.3,
        "new_low": common - 2,
        "new_high": common + 2,
        "odd_environment": ["e1"] + [""] * (features - 1),
    }
    return effects, evidence


def panels(ax):
    return {panel.get_title(loc="left"): panel for panel in ax.figure.axes}


def points(ax, *, size=None):
    """Positions of the dots drawn, of one size."""
    found = [c for c in ax.collections if isinstance(c, PathCollection)]
    return [
        tuple(float(v) for v in spot)
        for dots in found
        if size is None or dots.get_sizes()[0] == size
        for spot in np.ma.filled(dots.get_offsets(), np.nan)
        if np.isfinite(spot).all()
    ]


def segments(ax, colour, width):
    return [
        [tuple(float(v) for v in end) for end in segment]
        for lines in ax.collections
        if isinstance(lines, LineCollection) and lines.get_linewidths()[0] == width
        for segment in lines.get_segments()
        if to_hex(lines.get_edgecolors()[0]) == colour and len(segment)
    ]


def test_features_that_hold_come_first_then_the_clearest():
    ax = plot_forest(EFFECTS, EVIDENCE)
    assert list(panels(ax)) == ["depth", "length", "sex"]
    assert ax is ax.figure.axes[0]
    assert ax.figure.get_suptitle() == "1 of 3 effects keeps its size in a new place"


def test_what_comes_and_goes_is_shown_before_what_has_no_effect():
    order = ["undecided", "spurious", "no effect", "nearly invariant", "invariant"]
    effects, evidence = many(3, 5)
    ax = plot_forest(effects, {**evidence, "verdict": order})
    assert list(panels(ax)) == ["x4", "x3", "x1", "x2", "x0"]


def test_a_dotted_line_goes_up_from_effects_that_hold_only():
    dotted = {
        name: any(
            isinstance(lines, LineCollection) and lines.get_linestyles()[0][1] is not None
            for lines in panel.collections
        )
        for name, panel in panels(plot_forest(EFFECTS, EVIDENCE)).items()
    }
    assert dotted == {"depth": True, "length": False, "sex": False}


def test_the_title_says_how_many_of_how_many_are_shown():
    ax = plot_forest(EFFECTS, EVIDENCE, top=1)
    assert list(panels(ax)) == ["depth"]
    assert ax.figure.get_suptitle() == "1 of 3 effects keeps its size in a new place (1 shown)"


def test_chosen_features_keep_their_order():
    assert list(panels(plot_forest(EFFECTS, EVIDENCE, features=["sex", "depth"]))) == [
        "sex",
        "depth",
    ]
    with pytest.raises(ValueError, match="no feature 'mass'"):
        plot_forest(EFFECTS, EVIDENCE, features=["mass"])


def test_every_panel_has_the_same_rows_also_where_an_environment_is_missing():
    ax = plot_forest(EFFECTS, EVIDENCE)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [*PLACES, "average effect", "pooled model", "new environment (90%)"]
    row = dict(zip(labels, ax.get_yticks(), strict=True))
    assert points(ax, size=20) == [(2.0, 0.0), (2.2, 1.0), (1.8, 2.0)]
    assert points(panels(ax)["length"], size=20) == [(0.5, row["Bonn"]), (-0.5, row["Rome"])]
    assert all(panel.get_ylim() == ax.get_ylim() for panel in ax.figure.axes)
    assert all(a < b for a, b in pairwise(row.values()))


def test_environments_that_the_first_feature_lacks_stand_in_their_place():
    effects = {
        "feature": ["a"] * 3 + ["b"] * 2,
        "environment": ["e1", "e2", "e4", "e2", "e3"],
        "effect": [1.0] * 5,
        "low": [0.5] * 5,
        "high": [1.5] * 5,
    }
    evidence = {key: EVIDENCE[key][:2] for key in EVIDENCE} | {"feature": ["a", "b"]}
    labels = [label.get_text() for label in plot_forest(effects, evidence).get_yticklabels()]
    assert labels[:4] == ["e1", "e2", "e3", "e4"]


def test_intervals_common_pooled_and_new_effect_are_drawn_where_they_are():
    ax = plot_forest(EFFECTS, EVIDENCE)
    row = {
        label.get_text(): y for label, y in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)
    }
    blue = VERDICT_COLOURS["invariant"]
    common, pooled, new = (row[k] for k in list(row)[3:])
    assert segments(ax, INK, 1.1) == [
        [(low, y), (high, y)]
        for y, (low, high) in enumerate(zip(EFFECTS["low"][:3], EFFECTS["high"][:3], strict=True))
    ]
    assert segments(ax, blue, 2.8) == [[(1.7, common), (2.3, common)]]
    assert segments(ax, blue, 8.0) == [[(1.4, new), (2.6, new)]]
    assert points(ax, size=52) == [(2.0, common)]
    assert points(ax, size=38) == [(-1.0, pooled)]


def test_the_verdict_is_written_and_coloured():
    for name, panel in panels(plot_forest(EFFECTS, EVIDENCE)).items():
        verdict = EVIDENCE["verdict"][EVIDENCE["feature"].index(name)]
        mark, text = panel.texts
        assert (text.get_text(), text.get_color()) == (verdict, INK)
        assert mark.get_color() == VERDICT_COLOURS[verdict]


def test_the_odd_environment_has_a_ring_that_the_legend_explains():
    ax = plot_forest(EFFECTS, EVIDENCE)
    assert points(panels(ax)["length"], size=90) == [(-0.5, 2.0)]
    assert points(ax, size=90) == []
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["95% interval", "differs most clearly"]
    alone = plot_forest(EFFECTS, {**EVIDENCE, "odd_environment": [""] * 3})
    assert [t.get_text() for t in alone.figure.legends[0].get_texts()] == ["95% interval"]


def test_absurd_intervals_are_cut_with_arrowheads_so_that_effects_stay_readable():
    panel = panels(plot_forest(EFFECTS, EVIDENCE))["length"]
    low, high = panel.get_xlim()
    assert (low, high) == pytest.approx((-1.17, 1.17), abs=0.2)
    ends = {x for x, _ in points(panel, size=22)}
    assert ends == {low, high}


def test_a_vague_environment_does_not_set_the_range():
    effects, evidence = many(9, 1)
    effects["effect"][3], effects["low"][3], effects["high"][3] = 500.0, -300.0, 1300.0
    ax = plot_forest(effects, {**evidence, "odd_environment": [""]})
    assert ax.get_xlim()[1] < 20
    assert {y for _, y in points(ax, size=22)} == {3.0}
    shown = plot_forest(effects, {**evidence, "odd_environment": ["e3"]})
    assert shown.get_xlim()[1] > 500


def test_zero_is_always_in_view():
    effects, evidence = many(4, 1)
    shifted = {**effects, **{k: effects[k] + 100 for k in ("effect", "low", "high")}}
    keys = ("effect", "low", "high", "pooled_effect", "new_low", "new_high")
    ax = plot_forest(shifted, {**evidence, **{k: evidence[k] + 100 for k in keys}})
    assert ax.get_xlim()[0] < 0 < 100 < ax.get_xlim()[1]


def test_many_environments_become_a_strip():
    effects, evidence = many(26, 2)
    ax = plot_forest(effects, evidence, features=["x0", "x1"])
    assert ax.get_yticklabels()[0].get_text() == "26 environments"
    assert len(ax.get_yticks()) == 4
    assert [x for x, _ in points(ax, size=110)] == pytest.approx(effects["effect"][:26])
    assert ax.texts[1].get_text() == "invariant ○ e1"
    vague = {**effects, "low": effects["effect"] - 9, "high": effects["effect"] + 9}
    assert plot_forest(vague, evidence, features=["x0"]).get_xlim() == ax.get_xlim()
    rows = plot_forest(*many(25, 2))
    assert len(rows.get_yticks()) == 28


def test_columns_that_are_missing_are_left_out():
    few = {key: EVIDENCE[key] for key in list(EVIDENCE)[:6]} | {"pooled_effect": [np.nan] * 3}
    labels = [label.get_text() for label in plot_forest(EFFECTS, few).get_yticklabels()]
    assert labels == [*PLACES, "average effect"]


def test_given_axes_are_used():
    axes = list(Figure().subplots(1, 3))
    assert plot_forest(EFFECTS, EVIDENCE, axes=axes) is axes[0]
    assert [ax.get_title(loc="left") for ax in axes] == ["depth", "length", "sex"]
    with pytest.raises(ValueError, match="1 axes for 3 features"):
        plot_forest(EFFECTS, EVIDENCE, axes=axes[:1])


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_huge_and_tiny_units_give_ticks_that_do_not_touch(scale):
    effects, evidence = many(5, 6)
    effects = {**effects, **{k: effects[k] * scale for k in ("effect", "low", "high")}}
    keys = ("effect", "low", "high", "pooled_effect", "new_low", "new_high")
    ax = plot_forest(effects, {**evidence, **{k: evidence[k] * scale for k in keys}})
    to_png(ax)
    for panel in ax.figure.axes:
        boxes = [t.get_window_extent() for t in panel.get_xticklabels() if t.get_text()]
        low, high = panel.get_window_extent().x0 - 1, panel.get_window_extent().x1 + 1
        boxes = [box for box in boxes if low <= (box.x0 + box.x1) / 2 <= high]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


@pytest.mark.parametrize("name", ["x{}", "mean_household_income_after_tax_{}"])
def test_names_and_verdicts_do_not_run_into_the_next_panel(name):
    ax = plot_forest(*many(9, 8, name=name))
    to_png(ax)
    edge = ax.figure.bbox.x1
    starts = sorted({round(panel.get_window_extent().x0) for panel in ax.figure.axes})
    for panel in ax.figure.axes:
        after = [x for x in starts if x > panel.get_window_extent().x0 + 1] or [edge]
        for text in (panel._left_title, *panel.texts):
            assert text.get_window_extent().x1 <= min(after) + 1


def test_eight_features_in_twenty_environments_make_a_small_svg():
    svg = to_svg(plot_forest(*many(20, 8)), prefix="f", alt="")
    assert len(svg) < 200_000
    assert "var(--c00639c, #00639c)" in svg


def test_a_single_feature_needs_no_title_and_an_empty_table_can_be_drawn():
    assert plot_forest(*many(3, 1)).figure.get_suptitle() == ""
    nothing = plot_forest(*({key: [] for key in table} for table in (EFFECTS, EVIDENCE)))
    assert to_png(nothing).startswith(b"\x89PNG")
