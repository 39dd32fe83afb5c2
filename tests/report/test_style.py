"""Contrast of the page's colours, by the formula of WCAG 2.2."""

import re
from pathlib import Path

import pytest

import elinvar.report
from elinvar.plots.palette import PALETTE, VERDICT_COLOURS

CSS = (Path(elinvar.report.__file__).parent / "templates" / "page.css").read_text("utf-8")
GROUNDS = ("paper", "panel")


def colours(mode):
    """Variables of a mode; dark ones replace light ones."""
    blocks = re.findall(r":root \{([^}]*)\}", CSS)
    found = {}
    for block in blocks[: 1 if mode == "light" else 2]:
        found |= dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    dark, bright = sorted((luminance(first), luminance(second)))
    return (bright + 0.05) / (dark + 0.05)


def test_the_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read(mode):
    found = colours(mode)
    texts = ["ink", "quiet", *(f"c{colour[1:]}" for colour in VERDICT_COLOURS.values())]
    for name in texts:
        for ground in GROUNDS:
            assert contrast(found[name], found[ground]) >= 4.5, (name, ground)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_marks_of_figures_can_be_seen(mode):
    found = colours(mode)
    for colour in PALETTE:
        assert contrast(found[f"c{colour[1:]}"], found["paper"]) >= 3, colour


def test_the_dark_mode_changes_every_colour():
    light, dark = colours("light"), colours("dark")
    assert light.keys() == dark.keys()
    assert all(light[name] != dark[name] for name in light)


def test_the_style_uses_no_colour_but_its_variables():
    rules = re.sub(r":root \{[^}]*\}", "", CSS)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|hsl", rules)
    assert set(re.findall(r"var\(--(\w+)", rules)) - {"kind"} <= colours("light").keys()


def test_on_a_phone_what_is_wide_scrolls_and_words_stay_whole():
    style = re.sub(r"\s+", " ", CSS)
    phone = style[style.index("@media screen and (max-width: 40rem)") :]
    assert ".cue { display: none; }" in style
    assert ".cue { display: block;" in phone
    assert re.search(r"\.wide \{ overflow-x: auto;", style)
    # a word is broken only where it would not fit a line of its own
    assert "overflow-wrap: anywhere" not in re.search(r"body \{[^}]*\}", style).group()
    assert not re.search(r"(th|td)[^{}]*\{[^}]*overflow-wrap: anywhere", style)
