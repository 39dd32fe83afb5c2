"""The page about a diagnosis."""

import numpy as np
import pandas as pd
import pytest

from elinvar import Moments, diagnose
from elinvar.report import write_report


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    place = np.repeat(["Bonn", "Oslo", "Rome"], 80)
    X = rng.normal(size=(240, 2)) * np.repeat([[0.5, 1], [1, 2], [2, 1]], 80, axis=0)
    frame = pd.DataFrame(X, columns=["cause", "other"]).assign(
        y=X[:, 0] + rng.normal(size=240), place=place
    )
    return diagnose(Moments.from_frame(frame, target="y", environment="place"))


@pytest.fixture(scope="module")
def page(found, parsed, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "diagnosis.html"
    write_report(found, path, source="a table", command="elinvar diagnose rows.csv")
    return parsed(path.read_text("utf-8"))


def test_the_verdict_comes_first_and_once(found, page):
    assert page.text.count(found.reason) == page.text.count(found.advice) == 1
    assert page.texts.count(found.verdict) == 1
    assert {"class": f"answer {found.verdict.replace(' ', '-')}"} in page.named("div")
    for note in found.notes:
        assert note in page.text


def test_sections_pictures_and_rows(found, page):
    assert [attrs["id"] for attrs in page.named("section")] == ["diagnosis", "data", "making"]
    assert len([attrs for attrs in page.named("svg") if attrs.get("role") == "img"]) == 2
    for name in (*found.features["feature"], *found.environments):
        assert name in page.texts
    assert "elinvar diagnose rows.csv" in page.text
    assert page.named("script") == page.named("link") == page.named("img") == []


def test_one_environment_is_told_what_more_would_show(models, parsed, tmp_path):
    alone = models["one"].diagnosis_
    shown = parsed(write_report(alone, tmp_path / "page.html").read_text("utf-8"))
    assert "cannot" in shown.texts
    assert [attrs["id"] for attrs in shown.named("h3")] == ["power-says"]


def test_names_are_no_markup(models, parsed, nasty, tmp_path):
    found = models["nasty"].diagnosis_
    shown = parsed(write_report(found, tmp_path / "p.html", title=nasty).read_text("utf-8"))
    assert shown.named("script") == []
    assert nasty in shown.text
