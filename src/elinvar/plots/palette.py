"""Colours, dashes and markers of all figures, for pictures of your own that stand beside them."""

from typing import Any

INK = "#24292f"
QUIET = "#6b7480"

VERDICT_COLOURS = {
    "invariant": "#00639c",
    "nearly invariant": "#007052",
    "same direction": "#6a59a3",
    "varies": "#7a5f30",
    "spurious": "#a84600",
    "no effect": "#5f666e",
    "undecided": "#8c567b",
}
VERDICT_LINES: dict[str, Any] = {
    "invariant": "-",
    "nearly invariant": "-",
    "same direction": (0, (6, 1.5)),
    "varies": (0, (3, 1, 1, 1, 1, 1)),
    "spurious": "--",
    "no effect": ":",
    "undecided": "-.",
}
# Without colours, on paper, the shape tells verdicts apart.
VERDICT_MARKERS = {
    "invariant": "o",
    "nearly invariant": "s",
    "same direction": ">",
    "varies": "X",
    "spurious": "P",
    "no effect": "v",
    "undecided": "D",
}
MODEL_COLOURS = {
    "invariant": "#00639c",
    "pooled": "#a84600",
    "nearly_invariant": "#007052",
    "lasso": "#6a59a3",
    "mean": "#5f666e",
    "mixture": "#00639c",
    "all features": "#007052",
    "straight lines": "#6a59a3",
    "boosting": "#a84600",
    "constant": "#5f666e",
}
MODEL_MARKERS = {
    "invariant": "o",
    "pooled": "D",
    "nearly_invariant": "s",
    "lasso": "x",
    "mean": "|",
    "mixture": "o",
    "all features": "s",
    "straight lines": "x",
    "boosting": "D",
    "constant": "|",
}
MODEL_NAMES = {
    "invariant": "invariant model",
    "pooled": "pooled model",
    "nearly_invariant": "nearly invariant model",
    "lasso": "lasso",
    "mean": "mean of the target",
    "mixture": "forecast",
    "all features": "forecast with all features",
    "straight lines": "straight lines",
    "boosting": "boosting",
    "constant": "the same for every row",
    "used": "chosen without it",
}
ENVIRONMENT_COLOURS = (
    "#00639c",
    "#996a00",
    "#007052",
    "#a94f82",
    "#1f78ad",
    "#a84600",
    "#6a59a3",
    "#7a5f30",
)
ENVIRONMENT_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

# What a page may redefine, for a dark ground: all colours but the ink, which is the page's own.
PALETTE = tuple(sorted({QUIET, *ENVIRONMENT_COLOURS, *VERDICT_COLOURS.values()}))
