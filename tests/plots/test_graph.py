"""The picture of a graph: an arrow an edge, causes above effects."""

import numpy as np
from matplotlib.patches import FancyArrowPatch

from elinvar.plots import plot_graph


def test_causes_stand_above_effects_and_open_directions_have_no_head():
    names = ["a", "b", "c", "d"]
    adjacency, loose = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    adjacency[0, 1] = adjacency[1, 2] = adjacency[0, 2] = True
    loose[2, 3] = loose[3, 2] = True
    acts_on = np.zeros((5, 4), dtype=bool)
    acts_on[1:, 1] = True
    ax = plot_graph(
        adjacency, names=names, undirected=loose, acts_on=acts_on, environments=list("vwxyz")
    )
    assert ax.get_title(loc="left") == "4 edges"
    at = {text.get_text(): text.get_position() for text in ax.texts if text.get_text() in names}
    assert at["a"][1] < at["b"][1] < at["c"][1] and ax.get_ylim()[0] > ax.get_ylim()[1]
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]
    heads = [type(arrow.get_arrowstyle()).__name__ for arrow in arrows]
    assert heads.count("CurveFilledB") == 3 and heads.count("Curve") == 1
    assert all(isinstance(arrow, FancyArrowPatch) for arrow in arrows)
    assert "w\nx\ny\n+ 1" in [text.get_text() for text in ax.texts]


def test_long_names_and_a_single_variable_are_drawn():
    ax = plot_graph(np.zeros((1, 1), dtype=bool), names=["a very long name, $x$"], title="one")
    assert ax.get_title(loc="left") == "one"
    ax.figure.canvas.draw()
