"""Names on figures can be read, also on the white ground of a PNG: contrast by WCAG 2.2."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

from elinvar.plots import (
    plot_diagnosis,
    plot_effects,
    plot_environments,
    plot_errors,
    plot_forest,
    plot_left_out,
    plot_path,
    plot_power,
    plot_trajectory,
    to_png,
)
from elinvar.plots.palette import (
    ENVIRONMENT_COLOURS,
    PALETTE,
    VERDICT_COLOURS,
    VERDICT_LINES,
    VERDICT_MARKERS,
)

KINDS = list(VERDICT_COLOURS)
NAMES = [f"x{j}" for j in range(len(KINDS))]
PLACES = [f"e{k}" for k in range(len(ENVIRONMENT_COLOURS))]


def luminance(colour):
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


def on_white(colour):
    return 1.05 / (luminance(colour) + 0.05)


def evidence():
    ones = np.ones(len(KINDS))
    return {
        "feature": NAMES,
        "verdict": KINDS,
        "effect": ones,
        "low": 0.5 * ones,
        "high": 1.5 * ones,
        "pooled_effect": -ones,
        "new_low": 0 * ones,
        "new_high": 2 * ones,
        "odd_environment": ["e1", *[""] * (len(KINDS) - 1)],
    }


def effects():
    n, E = len(KINDS), len(PLACES)
    one = np.ones(n * E)
    return {
        "feature": np.repeat(NAMES, E),
        "environment": PLACES * n,
        "effect": one,
        "low": 0.5 * one,
        "high": 1.5 * one,
    }


def diagnosis():
    shared = np.linspace(-1, 1, len(KINDS))
    keys = ("mean_shift", "scale_ratio", "slope", "slope_sd", "detectable_sd", "growth")
    flags = {key: shared > 0 for key in ("moved", "flips")}
    counts = {key: [1] * len(KINDS) for key in ("positive", "negative")}
    return {"feature": NAMES, **{key: shared + 2 for key in keys}, **flags, **counts}


def left_out(names):
    one = np.ones(len(names))
    keys = ("predicted_sd", "truth_mean", "truth_sd", "slope", "residual_sd")
    table = {"environment": names, "model": ["invariant"] * len(names)}
    return {**table, "predicted_mean": 3 * np.arange(len(names)), **dict.fromkeys(keys, one)}


def errors():
    one = np.ones(len(PLACES))
    keys = ("rows", "invariant", "pooled", "lasso", "mean", "used")
    return {"environment": PLACES, **dict.fromkeys(keys, one)}


def environments():
    lines = {name: (1.0, float(k)) for k, name in enumerate(PLACES)}
    e = PLACES * 2
    return plot_environments(np.arange(len(e)), np.arange(len(e)), e, lines=lines, pooled=(1, 0))


PICTURES = {
    "path": lambda: plot_path([0, 1], [range(1, len(KINDS) + 1)] * 2, NAMES, verdicts=KINDS),
    "trajectory": lambda: plot_trajectory([0, 1], np.ones((2, 8)), PLACES),
    "effects": lambda: plot_effects(evidence()),
    "forest": lambda: plot_forest(effects(), evidence()),
    "errors": lambda: plot_errors(errors()),
    "left_out": lambda: plot_left_out(left_out(PLACES)),
    "many left out": lambda: plot_left_out(left_out([f"e{k}" for k in range(12)])),
    "diagnosis": lambda: plot_diagnosis(diagnosis(), step_size=0.1),
    "environments": environments,
    "power": lambda: plot_power(
        {"environments": [2, 4], "rows": [9, 9], "detectable_sd": [1, 1], "is_now": [True, False]}
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_text_of_a_picture_can_be_read_on_white(name):
    ax = PICTURES[name]()
    to_png(ax)
    shown = [text for text in ax.figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert len(shown) > 5
    for text in shown:
        assert on_white(text.get_color()) >= 4.5, text.get_text()


def test_contrast_is_that_of_the_norm():
    assert on_white("#000000") == pytest.approx(21)
    assert on_white("#777777") == pytest.approx(4.48, abs=0.01)


def test_verdicts_differ_without_their_colours():
    assert list(VERDICT_MARKERS) == list(VERDICT_LINES) == KINDS
    assert len(set(VERDICT_MARKERS.values())) == len(KINDS)


def test_the_palette_has_no_colour_twice():
    assert len({to_hex(colour) for colour in VERDICT_COLOURS.values()}) == len(KINDS)
    assert len(set(ENVIRONMENT_COLOURS)) == len(PLACES)
    assert all(on_white(colour) >= 4.5 for colour in PALETTE)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["invariant", "nearly invariant", "spurious"], "2 of 3 effects keep their size"),
        (["nearly invariant", "same direction"], "All 2 effects keep their sign"),
        (["undecided", "spurious"], "No effect is sure to keep its sign"),
    ],
)
def test_titles_say_how_many_effects_keep_what(verdicts, said):
    some = {key: cells[: len(verdicts)] for key, cells in evidence().items()}
    agreeing = {**some, "verdict": verdicts, "pooled_effect": some["effect"]}
    for ax in (plot_effects(agreeing), plot_forest(effects(), agreeing)):
        title = ax.figure.get_suptitle() or ax.get_title(loc="left")
        assert " ".join(title.split()).startswith(said)
