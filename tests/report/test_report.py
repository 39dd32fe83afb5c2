import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import elinvar
from elinvar import HeteroSGDRegressor, InvariantRegressor, Moments, load_model, save_model
from elinvar._base import DataError, FileError
from elinvar.report import write_figures, write_report
from elinvar.report._figures import environment_figure
from elinvar.report._numbers import count, number, p_value
from elinvar.report._words import listed, verdict_sentence

NASTY = "<script>alert('x')</script>"
VOID = {"meta", "use", "br", "path", "rect", "line", "circle", "polygon"}


def places(*, nasty=False, kind="accepted"):
    rng = np.random.default_rng(0)
    n = 100
    names = [f"{NASTY} {k}" for k in range(3)] if nasty else ["Bonn", "Oslo", "Rome"]
    place = np.repeat(names, n)
    cause, sex = rng.normal(size=3 * n), rng.choice(["f", "m"], 3 * n)
    slope = np.repeat([2, 2, 2] if kind == "accepted" else [1, -3, 6], n)
    y = slope * (cause + (kind == "rejected")) + (sex == "m") + rng.normal(size=3 * n) / 3
    effect = np.repeat([0.2, 1.0, -2.0], n) * y + rng.normal(size=3 * n)
    frame = pd.DataFrame({"cause": cause, "effect": effect, "sex": sex, "y": y, "place": place})
    if nasty:
        frame = frame.rename(columns={"cause": NASTY, "y": '"&y', "place": "<b>"})
        frame["sex"] = frame["sex"].replace({"m": "<img src=x>"})
    target, environment = ('"&y', "<b>") if nasty else ("y", "place")
    return Moments.from_frame(frame, target=target, environment=environment)


@pytest.fixture(scope="module")
def models():
    accepted = places()
    return {
        "accepted": InvariantRegressor().fit_moments(accepted),
        "environment": InvariantRegressor(intercept="environment").fit_moments(accepted),
        "rejected": InvariantRegressor().fit_moments(places(kind="rejected")),
        "excluded": InvariantRegressor(exclude_environments=["Rome"]).fit_moments(accepted),
        "one": InvariantRegressor().fit_moments(accepted.exclude(["Rome", "Oslo"])),
        "nasty": InvariantRegressor().fit_moments(places(nasty=True)),
    }


class Page(HTMLParser):
    """Collect tags and texts, and check that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(model, tmp_path, **options):
    return Page(write_report(model, tmp_path / "page.html", **options).read_text("utf-8"))


@pytest.mark.parametrize("name", ["accepted", "environment", "rejected", "excluded", "one"])
def test_the_page_says_what_was_found(name, models, tmp_path):
    model = models[name]
    page = page_of(model, tmp_path, source="a table", command="elinvar fit rows.csv")
    verdict = next(i for i, (_, attrs) in enumerate(page.tags) if "verdict" in str(attrs))
    assert page.tags[verdict][1]["class"] == f"verdict {model.status_}"
    assert page.tags[verdict - 1][0] == "h1"
    assert verdict_sentence(model) in page.text
    for feature, kind in zip(model.evidence_["feature"], model.evidence_["verdict"], strict=True):
        assert feature in page.text
        assert kind in page.text
    for note in model.notes_:
        assert note in page.text
    assert "a table" in page.text
    assert "elinvar fit rows.csv" in page.text
    assert f"elinvar {elinvar.__version__}, Python 3." in page.text
    headings = page.text.count("Errors on environments left out")
    assert headings == (name != "one")


def test_the_page_is_whole_in_itself(models, tmp_path):
    page = page_of(models["nasty"], tmp_path)
    for tag, attrs in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "image"}
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href", "xlink:href", "action"):
            assert str(attrs.get(name, "#")).startswith("#")
    raw = (tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"https?://|@import|url\((?!#)", raw)
    assert "default-src 'none'" in raw


def test_what_comes_from_data_is_escaped(models, tmp_path):
    page = page_of(models["nasty"], tmp_path, title=NASTY, source="</main>", command=NASTY)
    assert NASTY not in (tmp_path / "page.html").read_text("utf-8")
    assert page.texts.count(NASTY) >= 5
    assert f"{NASTY} 0" in page.texts
    assert "</main>" in page.texts


def test_pictures_speak_to_those_who_do_not_see_them(models, tmp_path):
    page = page_of(models["accepted"], tmp_path)
    pictures = page.named("svg")
    assert len(pictures) == 3
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in pictures)
    assert len(page.named("figcaption")) == 3
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for section in page.named("section"):
        assert section["aria-labelledby"] in ids
    assert page.named("html")[0]["lang"] == "en"
    assert "prefers-color-scheme: dark" in page.text


def test_a_page_of_a_loaded_model_is_the_same(models, tmp_path):
    model = models["environment"]
    again = load_model(save_model(model, tmp_path / "model.json"))
    first = write_report(model, tmp_path / "first.html").read_text("utf-8")
    assert write_report(again, tmp_path / "again.html").read_text("utf-8") == first


def test_many_environments_are_folded(tmp_path):
    rng = np.random.default_rng(0)
    place = np.arange(800) % 40
    X = rng.normal(size=(800, 2))
    moments = Moments.from_arrays(X, X[:, 0] + rng.normal(size=800), place)
    page = page_of(InvariantRegressor().fit_moments(moments), tmp_path)
    assert page.named("details")


def test_places_that_cannot_be_written_are_refused(models, tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_report(models["accepted"], tmp_path / "missing" / "page.html")
    with pytest.raises(FileError, match="Create it first"):
        write_figures(models["accepted"], tmp_path / "missing")


def test_only_models_with_evidence_have_a_report(tmp_path):
    model = HeteroSGDRegressor(n_steps=10, random_state=0).fit_moments(places())
    with pytest.raises(DataError, match="needs a fitted InvariantRegressor; got HeteroSGD"):
        write_report(model, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "pictures"), [("accepted", 3), ("one", 1), ("nasty", 3)])
def test_figures_are_written_as_png(name, pictures, models, tmp_path):
    files = write_figures(models[name], tmp_path, prefix="x-")
    assert len(files) == pictures
    for kind, path in files.items():
        assert path == tmp_path / f"x-{kind}.png"
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_line_of_each_environment_is_its_least_squares_line():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 1, 50), rng.normal(5, 1, 50)]
    frame = {"x": x, "y": np.r_[2 * x[:50], 2 * x[50:] - 20], "e": ["a"] * 50 + ["b"] * 50}
    ax = environment_figure(frame, "x", "y", "e")
    assert ax.get_title(loc="left") == "Up in each environment, down in the pooled data"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    lines = np.array([np.polyfit(*line.get_data(), 1) for line in ax.get_lines()])
    expected = [[2.0, 0.0], [2.0, -20.0], np.polyfit(x, frame["y"], 1)]
    np.testing.assert_allclose(lines, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "accepted",
            "The effects of cause and sex on y hold in all 3 environments, while effect comes and "
            "goes; predictions use the invariant model.",
        ),
        (
            "one",
            "There is only one environment, so nothing can be compared; the pooled model (least "
            "squares) answers.",
        ),
    ],
)
def test_the_verdict_is_one_plain_sentence(name, sentence, models):
    assert verdict_sentence(models[name]) == sentence


def test_rejection_is_said_first(models):
    start = "Invariance is rejected: no set of effects explains y alike in all 3 environments"
    assert verdict_sentence(models["rejected"]).startswith(start)
    assert verdict_sentence(models["excluded"]).count("both environments") == 1


def test_numbers_for_readers():
    values = [0, 1, -2.5, 1234.56, 0.00012345, 1e-7, 12345678, np.inf, -np.inf, np.nan]
    assert [number(value) for value in values] == [
        "0", "1.000", "-2.500", "1235", "0.0001234", "1.000e-07", "1.235e+07", "inf", "-inf", "-",
    ]  # fmt: skip
    assert [count(value) for value in (1234.0, 0.5, 99.99999999999999)] == ["1,234", "0.5", "100"]
    assert [p_value(value) for value in (np.nan, 1e-9, 0.0321)] == ["-", "< 0.0001", "0.032"]


def test_long_lists_are_counted():
    assert listed(["a"]) == "a"
    assert listed(list("abc")) == "a, b and c"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 others"
