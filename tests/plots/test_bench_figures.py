from itertools import pairwise

import numpy as np
import pytest

from elinvar.plots import plot_error_time, plot_ranks, plot_recovery, plot_tables, to_png

OURS = "elinvar-auto"
NAMES = ("constant", "pooled", "oracle", OURS, "lasso", "irmv1", "eills")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def title(ax):
    return " ".join(ax.get_title(loc="left").split())


def methods(**changes):
    table = {
        "method": list(NAMES),
        "seconds": [0.01, 0.02, 0.02, 0.05, 0.5, 0.04, 0.3],
        "error": [9.0, 2.0, 1.0, 1.1, 1.5, 1.4, 1.2],
    }
    for name, pair in changes.items():
        at = table["method"].index(name)
        table["seconds"][at], table["error"][at] = pair
    return table


def test_every_method_is_a_dot_with_its_name_and_both_axes_are_logarithmic():
    ax = plot_error_time(methods())
    assert sorted(texts(ax)) == sorted(NAMES)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    dots = {tuple(dot.get_offsets()[0].tolist()) for dot in ax.collections}
    assert (0.05, 1.1) in dots
    assert len(dots) == len(NAMES)


def test_the_title_says_who_is_as_fast_and_better():
    assert (
        title(plot_error_time(methods())) == "No method is both as fast as elinvar-auto and better"
    )
    beaten = plot_error_time(methods(irmv1=(0.04, 1.05)))
    assert title(beaten) == "As fast as elinvar-auto, and better: irmv1"


def test_names_do_not_cover_one_another():
    table = {"method": list(NAMES), "seconds": [0.1] * 7, "error": list(1 + 0.001 * np.arange(7))}
    ax = plot_error_time(table)
    to_png(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    touching = [
        (one, other)
        for k, one in enumerate(boxes)
        for other in boxes[:k]
        if one.shrunk(0.95, 0.75).overlaps(other.shrunk(0.95, 0.75))
    ]
    assert touching == []


def test_what_cannot_be_drawn_is_left_out():
    ax = plot_error_time(methods(lasso=(np.nan, 1.0), irmv1=(0.1, 0.0)))
    assert sorted(texts(ax)) == sorted(set(NAMES) - {"lasso", "irmv1"})
    with pytest.raises(ValueError, match="no method has seconds"):
        plot_error_time({"method": ["a"], "seconds": [0.0], "error": [1.0]})


def test_recovery_is_a_line_a_method_with_ours_first():
    table = {
        "method": ["lasso", "elinvar-auto", "lasso", "elinvar-auto"],
        "n_features": [200, 200, 8, 8],
        "f1": [0.4, 0.8, 0.6, 1.0],
    }
    ax = plot_recovery(table, "n_features")
    lines = {line.get_label(): line for line in ax.lines}
    assert list(lines) == ["elinvar-auto", "lasso"]
    assert lines["elinvar-auto"].get_xdata().tolist() == [8, 200]
    assert lines["elinvar-auto"].get_ydata().tolist() == [1.0, 0.8]
    assert title(ax) == "elinvar-auto: F1 below .9 with 200 features"
    assert ax.get_xlabel() == "number of features"
    with pytest.raises(ValueError, match="no rows"):
        plot_recovery({"method": [], "n_features": [], "f1": []}, "n_features")


def test_recovery_against_environments_says_where_it_holds():
    table = {"method": ["elinvar-auto"] * 2, "n_environments": [3, 12], "f1": [0.95, 1.0]}
    ax = plot_recovery(table, "n_environments")
    assert title(ax) == "elinvar-auto: F1 of .9 and more from 3 to 12 environments"


@pytest.mark.parametrize(
    ("ranks", "says"),
    [
        (
            {"elinvar-auto": 1.1, "b": 2.9, "c": 3.0},
            "elinvar-auto ranks first, and nobody is within",
        ),
        (
            {"b": 1.1, "elinvar-auto": 1.5, "c": 3.0},
            "b ranks first, elinvar-auto within the critical",
        ),
        ({"b": 1.0, "c": 2.0, OURS: 3.0}, "b ranks first, elinvar-auto is 3 of 3"),
        (
            {"elinvar-auto": 1.4, "b": 1.6, "c": 3.0},
            "elinvar-auto ranks first, not told from 1 more",
        ),
    ],
)
def test_the_diagram_says_who_ranks_first(ranks, says):
    ax = plot_ranks(ranks, 0.5)
    assert title(ax).startswith(says)
    assert {text.split()[0] for text in texts(ax)} >= {"critical"}
    for name, rank in ranks.items():
        assert any(name in text and f"{rank:.1f}" in text for text in texts(ax))


def test_bars_join_groups_and_the_difference_has_its_length():
    ax = plot_ranks(
        {"elinvar-auto": 1.2, "b": 1.9, "c": 2.9}, 1.0, [("elinvar-auto", "b")], n_problems=7
    )
    spans = [tuple(line.get_xdata()) for line in ax.lines]
    assert any(np.allclose(span, (1.15, 1.95)) for span in spans if len(span) == 2)
    assert any(np.allclose(span, (1.0, 2.0)) for span in spans if len(span) == 2)
    assert "over 7 problems" in title(ax)
    with pytest.raises(ValueError, match="no ranks"):
        plot_ranks({}, 1.0)


def test_numbers_of_many_ranks_do_not_touch():
    ax = plot_ranks({f"method {k}": k + 1.0 for k in range(36)}, 9.8)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text().isdigit()]
    boxes.sort(key=lambda box: box.x0)
    assert boxes[0].x0 < boxes[-1].x1 and len(boxes) > 5
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_a_dot_a_table_and_a_diamond_a_method():
    tables = {
        "method": ["lasso"] * 3 + [OURS] * 3,
        "problem": ["cars", "schools", "soil"] * 2,
        "ratio": [1.0, 9.0, 0.1, 0.8, 1.5, float("nan")],
    }
    means = {
        "method": ["lasso", OURS, "lost"],
        "ratio": [1.1, 0.9, float("nan")],
        "worst_table": ["schools", "schools", ""],
    }
    ax = plot_tables(tables, means)
    assert [label.get_text() for label in ax.get_yticklabels()] == [OURS, "lasso"]
    places = sorted(tuple(mark.get_offsets()[0].tolist()) for mark in ax.collections)
    # the diamonds at .9 and 1.1; what is beyond the edges lies on them
    expected = [(0.25, 1), (0.8, 0), (0.9, 0), (1.0, 1), (1.1, 1), (1.5, 0), (4.0, 1)]
    np.testing.assert_allclose(places, expected)
    assert [text.get_text() for text in ax.texts] == ["schools"]
    assert title(ax).startswith(f"{OURS}: 0.900 times the error of pooled least squares")
    with pytest.raises(ValueError, match="no rows"):
        plot_tables({"method": [], "problem": [], "ratio": []}, means)
