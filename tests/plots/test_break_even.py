import numpy as np
import pytest

from elinvar.plots import plot_break_even, to_png

LINES = {"invariant": (4.0, 0.5), "pooled": (1.0, 2.0)}


def curves(ax):
    return {line.get_label(): line for line in ax.lines}


def test_errors_cross_where_the_break_even_is_marked():
    ax = plot_break_even(LINES, 2.0, between=(1.0, 5.0))
    drawn = curves(ax)
    for name, (level, rise) in (("invariant model", (4.0, 0.5)), ("pooled model", (1.0, 2.0))):
        at, error = drawn[name].get_data()
        np.testing.assert_allclose(error, np.sqrt(level + rise * np.asarray(at)))
    assert list(drawn["break-even"].get_xdata()) == [2.0, 2.0]
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert {"as today", "break-even", "likely range"} <= set(legend)


def test_models_differ_without_their_colours():
    drawn = curves(plot_break_even(LINES, 2.0))
    assert drawn["pooled model"].get_linestyle() != drawn["invariant model"].get_linestyle()


@pytest.mark.parametrize(
    ("shift", "said"), [(0.0, "however much"), (np.inf, "not better"), (3.0, "3 times as much")]
)
def test_the_title_says_from_where_on(shift, said):
    ax = plot_break_even(LINES, shift)
    assert said in " ".join(ax.get_title(loc="left").split())
    assert ("break-even" in curves(ax)) == (0 < shift < np.inf)
    assert to_png(ax).startswith(b"\x89PNG")
