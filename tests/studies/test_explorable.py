"""The page to play with: its numbers against `elinvar.theory`, in a real browser."""

import html
import json
import re

import numpy as np
import pytest

from elinvar.errors import FileError
from elinvar.studies import write_explorable_page
from elinvar.theory import (
    critical_environments,
    growth_exponent,
    heterogeneity_window,
    law_growth_exponent,
    step_limits,
    step_window,
    width_window,
)

# What a script finds in the page, whose functions are those of its window.
HARNESS = """<!doctype html><title></title>
<iframe src="page.html{at}" style="width: {width}px; height: 900px; border: 0"></iframe>
<pre></pre>
<script>
addEventListener("load", () => {{
  const shown = document.querySelector("iframe").contentWindow;
  const found = (({look}))(shown, {given});
  document.querySelector("pre").textContent = JSON.stringify(found);
}});
</script>"""


@pytest.fixture(scope="module")
def seen(browse, tmp_path_factory):
    """Return what a script sees in the page, which must not complain."""
    folder = tmp_path_factory.mktemp("explorable")
    write_explorable_page(folder / "page.html")

    def look(script, given=None, *, at="", width=1200):
        page = HARNESS.format(look=script, given=json.dumps(given), at=at, width=width)
        (folder / "harness.html").write_text(page, encoding="utf-8")
        run = browse(folder / "harness.html", "--dump-dom", "--window-size=1400,1000")
        assert "CONSOLE" not in run.stderr
        return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", run.stdout)[1]))

    return look


def setting(kind="two", step=0.1, spread=6.0, mean=1.0, purity=1, window=0.0):
    return dict(kind=kind, step=step, spread=spread, mean=mean, purity=purity, window=window)


SETTINGS = [
    *(setting(step=eta, spread=M) for eta in (0.02, 0.1, 0.4) for M in (0.0, 3.0, 6.0, 12.5)),
    *(setting(step=0.1, spread=7.0, mean=0.5, purity=b) for b in (2, 3, 4, 8, 16)),
    *(
        setting("seasons", step=eta, spread=M, window=w, mean=mean)
        for eta, M, mean in ((0.1, 8.0, 1.0), (0.1, 14.0, 0.5), (0.05, 25.0, 0.0), (0.3, 9.0, 2.0))
        for w in (0.0, 0.3, 0.75)
    ),
]


def law(s):
    """The law of a batch's mean eigenvalue, as functions of the theory take it."""
    if s["kind"] == "two":
        return {"mean": s["mean"], "environments": s["purity"]}
    return {"mean": s["mean"], "law": "cosine"}


def left(s):
    """What averaging over the window leaves of the spread."""
    return np.sinc(s["window"]) if s["kind"] == "seasons" else 1.0


def exponent(s):
    return law_growth_exponent(s["spread"] * left(s), s["step"], **law(s)).exponent


PLAIN = [setting(), setting(step=0.03, mean=0.5, spread=9.0), setting(spread=2.5)]
MIXED = setting(purity=3, spread=9.0)
SEASONS = setting("seasons", spread=10.0, window=0.2)


@pytest.fixture(scope="module")
def numbers(seen):
    """What the page computes: exponents and bounds of `SETTINGS`, lines of the others."""
    return seen(
        """(page, [all, lines]) => [
          all.map((s) => [page.growthExponent(s), page.pooledExponent(s), page.room(s) > 0]),
          lines.map((s) => page.criticalValues(s)),
        ]""",
        [SETTINGS, [*PLAIN, MIXED, SEASONS]],
    )


def test_exponents_and_bounds_are_those_of_the_theory(numbers):
    for s, (gamma, pooled, bounded) in zip(SETTINGS, numbers[0], strict=True):
        assert gamma == pytest.approx(exponent(s), abs=1e-6), s
        assert pooled == pytest.approx(growth_exponent([s["mean"]], s["step"]), abs=1e-12)
        reach = s["spread"] * left(s)
        limits = step_limits([1.0], [s["mean"] - reach, s["mean"] + reach])
        assert bounded == (s["step"] < limits.bounded), s


def test_lines_are_those_of_the_theory(numbers):
    for s, lines in zip([*PLAIN, MIXED, SEASONS], numbers[1], strict=True):
        spreads = heterogeneity_window(s["step"], **law(s))
        steps = step_window(s["spread"] * left(s), **law(s))
        found = [spreads.low / left(s), spreads.high / left(s)]
        assert lines["spread"] == pytest.approx(found, abs=1e-6)
        assert lines["step"] == pytest.approx([steps.low, steps.high], abs=1e-6)


def test_critical_purity_and_width_are_those_of_the_theory(numbers):
    mixed, seasons = numbers[1][3:]
    assert mixed["purity"] == critical_environments(MIXED["spread"], MIXED["step"])
    width = width_window(SEASONS["spread"], SEASONS["step"], mean=SEASONS["mean"])
    assert seasons["window"] == pytest.approx([width.low, width.high], abs=1e-6)


STATE = """(page) => {
  const byId = (id) => page.document.getElementById(id);
  const says = (id) => byId(id).textContent;
  const read = () => ({
    hash: page.location.hash, sentence: says("sentence"), advice: says("advice"),
    mechanism: says("mechanism"), runs: says("paths-says"), paths: byId("paths").innerHTML,
    plane: byId("plane").innerHTML, step: says("is-step"), spread: says("is-spread"),
    mean: says("is-mean"), purity: says("is-purity"), window: says("is-window"),
    spreadAt: Number(byId("set-spread").value), kind: byId("kind-seasons").checked,
    purityShown: !byId("row-purity").hidden, windowShown: !byId("row-window").hidden,
    pressed: [...page.document.querySelectorAll("[aria-pressed=true]")].map((b) => b.textContent),
  });
  const move = (id, value) => {
    byId(id).value = value;
    byId(id).dispatchEvent(new page.Event("input"));
    return read();
  };
  %s
}"""


def test_the_address_sets_the_sliders_and_the_sentence(seen):
    state = seen(STATE % "return read();", at="#step=.1&spread=6&mean=1.5&purity=3&seed=9")
    assert (state["step"], state["spread"], state["mean"], state["purity"]) == (
        "0.1", "6", "1.5", "3",
    )  # fmt: skip
    assert state["spreadAt"] == 6
    gamma = exponent(setting(mean=1.5, purity=3))
    rate = f"{100 * np.expm1(gamma):.1f}%"
    assert state["sentence"] == (
        f"The spurious part grows: each step enlarges it by {rate} on average."
    )
    assert state["advice"].startswith("It would die with a spread from ")


def test_an_address_that_means_nothing_is_the_start(seen):
    state = seen(STATE % "return read();", at="#step=x&spread=-4&kind=else&purity=99")
    assert (state["step"], state["spread"], state["purity"]) == ("0.1", "0", "16")
    assert not state["kind"]


@pytest.fixture(scope="module")
def played(seen):
    """States of the page: at first, with sliders moved, drawn again, and after each button."""
    play = """
      const states = { first: read() };
      states.moved = move("set-spread", 3);
      states.back = move("set-spread", 6);
      states.small = move("set-step", -2);
      move("set-step", -1);
      byId("again").click();
      states.again = read();
      for (const button of page.document.querySelectorAll("[data-setting]")) {
        button.click();
        states[button.textContent] = read();
      }
      return states;"""
    return seen(STATE % play)


def test_sliders_move_the_point_the_sentence_and_the_address(played):
    first, moved = played["first"], played["moved"]
    assert first["sentence"] == "The spurious part dies: each step shrinks it by 7.8% on average."
    assert first["mechanism"].startswith(
        "Half of the steps multiply it by 1.7, half by 0.5: one of each makes 0.85"
    )
    assert first["advice"] == "It would grow with a spread below 4.58 or above 14.9."
    assert moved["sentence"].startswith("The spurious part grows: each step enlarges it by 5.8%")
    assert "spread=3" in moved["hash"]
    assert first["plane"] != moved["plane"]
    assert first["pressed"] == ["inside the window"]
    assert moved["pressed"] == ["too little spread"]
    assert played["small"]["step"] == "0.01"


def test_the_same_setting_draws_the_same_picture_until_it_is_drawn_again(played):
    assert played["first"]["paths"] == played["back"]["paths"] != played["again"]["paths"]
    assert played["first"]["paths"] != played["moved"]["paths"]
    assert played["first"]["plane"] == played["again"]["plane"]


def test_the_point_follows_the_pointer(seen):
    """A setting is picked where it is drawn: on its own point the pointer changes nothing."""
    drag = """
      const drag = (clientX, clientY) => {
        const there = { clientX, clientY, buttons: 1 };
        byId("plane").dispatchEvent(new page.PointerEvent("pointermove", there));
        return read();
      };
      const at = () => page.document.querySelector("#plane .dot").getBoundingClientRect();
      const centre = () => drag(at().x + at().width / 2, at().y + at().height / 2);
      const states = [centre()];
      for (const [x, y] of [["right", "bottom"], ["left", "top"]]) {
        const place = byId("plane").getBoundingClientRect();
        states.push(drag(place[x], place[y]), centre());
      }
      return states;"""
    shown = [(state["spread"], state["step"]) for state in seen(STATE % drag)]
    assert shown == [("6", "0.1"), *[("20", "0.01")] * 2, *[("0", "0.5")] * 2]


STORIES = {
    "inside the window": "dies",
    "too little spread": "grows",
    "step too small": "grows",
    "mixed batches": "grows",
    "too much spread": "grows",
    "seasons": "dies",
    "window too wide": "grows",
}


@pytest.mark.parametrize(("name", "ends"), STORIES.items())
def test_each_button_sets_what_it_tells_and_the_runs_agree(played, name, ends):
    state = played[name]
    assert state["sentence"].startswith(f"The spurious part {ends}: ")
    assert state["pressed"] == [name]
    forgot = int(state["runs"].split()[0])
    assert forgot >= 20 if ends == "dies" else forgot <= 4


def test_what_would_help_is_told(played):
    wide = played["window too wide"]
    assert wide["window"] == "70% of the year"
    assert "with a window below 0.503 of the year" in wide["advice"]
    assert (wide["windowShown"], wide["purityShown"]) == (True, False)
    assert "with one environment a batch" in played["mixed batches"]["advice"]
    assert "blew up" in played["too much spread"]["runs"]


@pytest.mark.parametrize("width", [375, 1200])
def test_it_fits_loads_nothing_and_every_control_has_a_name(seen, width):
    found = seen(
        """(page) => ({
          room: page.document.documentElement.clientWidth,
          wide: page.document.documentElement.scrollWidth,
          fetched: page.performance.getEntriesByType("resource").length,
          nameless: [...page.document.querySelectorAll("input, button")]
            .filter((x) => !(x.labels?.[0] ?? x).textContent.trim()).length,
          low: [...page.document.querySelectorAll("button, [type=range]")]
            .filter((x) => x.offsetHeight && x.offsetHeight < 24).length,
        })""",
        width=width,
    )
    assert found["wide"] <= found["room"]
    assert found["room"] > 0.9 * width
    assert found["fetched"] == found["nameless"] == found["low"] == 0


def test_the_file_asks_for_nothing_and_tells_screen_readers_what_changes(parsed, tmp_path):
    page = parsed(write_explorable_page(tmp_path / "page.html").read_text("utf-8"))
    assert page.named("link") == page.named("img") == []
    assert [attrs for attrs in page.named("script")] == [{}]
    assert [place["href"] for place in page.named("a")] == [
        "#set", "https://arxiv.org/abs/2403.01420",
    ]  # fmt: skip
    live = [attrs["id"] for _, attrs in page.tags if attrs.get("aria-live") == "polite"]
    assert live == ["sentence"]
    assert not re.search(r"\b(fetch|XMLHttpRequest|import\(|eval)\b", page.raw)


def test_colours_are_variables_of_the_style_that_all_pages_share(tmp_path):
    raw = write_explorable_page(tmp_path / "page.html").read_text("utf-8")
    style, script = raw.split("</style>")[0], raw.split("<script>")[1]
    own = style[style.index(".story") :]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|hsl", own)
    shared = set(re.findall(r"--(\w+): #", style))
    assert set(re.findall(r"var\(--(\w+)\)", own)) <= shared
    assert not re.search(r"(fill|stroke)=", script)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_explorable_page(tmp_path / "missing" / "page.html")
