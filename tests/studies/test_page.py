import dataclasses
import json
import re

import pytest

from elinvar.errors import FileError
from elinvar.studies import (
    STUDIES,
    Claim,
    run_study,
    write_studies_page,
    write_study_record,
)


@pytest.fixture(scope="module")
def study():
    found = STUDIES["batch-size"]
    quick = dataclasses.replace(
        found.quick, dim=10, steps=60, repetitions=2, batch_sizes=(100, 1000, 10_000)
    )
    return dataclasses.replace(found, quick=quick)


@pytest.fixture
def result(study):
    return run_study(study, study.quick)


@pytest.fixture
def page(parsed, tmp_path):
    return lambda: parsed(write_studies_page(tmp_path).read_text("utf-8"))


def test_the_page_says_what_was_claimed_found_and_done(result, page, tmp_path):
    write_study_record(result, tmp_path, command="elinvar reproduce --quick", workers=3)
    shown = page()
    assert result.study.title in shown.text
    assert result.study.claim in shown.text
    for claim in result.claims:
        assert claim.sentence in shown.text
    held = sum(claim.holds for claim in result.claims)
    assert f"{held} of {len(result.claims)} claims hold." in shown.text
    assert "elinvar reproduce --quick" in shown.texts
    # on a phone, where it is wider than the screen
    assert [attrs.get("class") for _, attrs in shown.tags].count("cue") == 1
    assert "with 3 workers" in shown.text
    assert "100, 1000, 10000" in shown.texts
    assert "core seconds" not in shown.text
    assert "Batches of 100 to 10,000; 2 runs of each setting" in shown.text
    for head in result.summary.columns:
        assert head.replace("_", " ") in shown.texts


def test_the_picture_is_drawn_into_the_page_with_its_title_as_a_heading(result, page, tmp_path):
    title = " ".join(result.axes.get_title(loc="left").split())
    write_study_record(result, tmp_path)
    shown = page()
    assert len(shown.named("svg")) == 1
    assert title in shown.texts
    assert result.axes.get_title(loc="left") == ""


def test_the_page_loads_and_runs_nothing(result, page, tmp_path):
    write_study_record(result, tmp_path)
    shown = page()
    assert shown.named("script") == shown.named("link") == shown.named("img") == []
    places = re.findall(r'(?:href|src)="([^"]*)"', shown.raw)
    ids = {attrs["id"] for _, attrs in shown.tags if "id" in attrs}
    places.remove("explore.html")  # which runs in a file of its own
    for place in places:
        assert place.startswith("#") and place[1:] in ids
    assert len(shown.raw) < 300_000


def test_files_that_are_there_are_linked(study, page, tmp_path):
    write_study_record(run_study(study, study.quick, out=tmp_path), tmp_path)
    links = {attrs["href"] for attrs in page().named("a")}
    assert {name for name in links if not name.startswith("#")} == {
        "explore.html", "batch-size-quick.parquet", "batch-size-quick-summary.csv",
        "batch-size-quick.png",
    }  # fmt: skip


def test_the_page_to_play_with_is_beside_it(page, tmp_path):
    assert {"href": "explore.html"} in page().named("a")
    assert "One environment at a time" in (tmp_path / "explore.html").read_text("utf-8")


def test_known_studies_come_in_order_and_whole_ones_first(result, page, tmp_path):
    for stem in ("zebra", "batch-size-quick", "trajectories-quick", "batch-size"):
        write_study_record(dataclasses.replace(result, stem=stem), tmp_path)
    found = [attrs["id"] for attrs in page().named("section")]
    assert found == ["batch-size", "zebra", "trajectories-quick", "batch-size-quick"]


def test_studies_that_answer_a_question_come_under_it(result, page, tmp_path):
    for stem in ("few-shot", "optimizers-quick", "batch-size"):
        write_study_record(dataclasses.replace(result, stem=stem), tmp_path)
    shown = page()
    headings = re.findall(r'<(h[23])[^>]*>(\d \w+|[^<]*)|<section id="([^"]*)"', shown.raw)
    found = [(tag, text or stem) for tag, text, stem in headings if text[:1].isdigit() or stem]
    assert found == [
        ("", "batch-size"), ("h2", "3 Does"), ("", "optimizers-quick"),
        ("h2", "8 Do"), ("", "few-shot"),
    ]  # fmt: skip


def test_each_claim_has_its_badge(result, page, tmp_path):
    claims = (Claim(holds=True, sentence="It does."), Claim(holds=False, sentence="It does not."))
    write_study_record(dataclasses.replace(result, claims=claims), tmp_path)
    shown = page()
    assert "1 of 2 claims hold." in shown.text
    assert "holds It does. fails It does not." in shown.text


@pytest.mark.parametrize(
    ("held", "words", "kind"),
    [(3, "holds", "accepted"), (2, "2 of 3 hold", "rejected"), (0, "fails", "rejected")],
)
def test_contents_say_how_many_claims_of_a_study_hold(held, words, kind, result, page, tmp_path):
    claims = tuple(Claim(holds=k < held, sentence=f"Claim {k}.") for k in range(3))
    write_study_record(dataclasses.replace(result, claims=claims), tmp_path)
    shown = page()
    contents = shown.raw[: shown.raw.index("</nav>")]
    assert re.findall(r'<span class="badge (\w+)">([^<]*)</span>', contents) == [(kind, words)]


def test_texts_are_escaped(result, page, nasty, tmp_path):
    study = dataclasses.replace(result.study, title=nasty, claim=nasty)
    claims = (Claim(holds=True, sentence=nasty),)
    bad = dataclasses.replace(result, study=study, claims=claims)
    write_study_record(bad, tmp_path, command=nasty)
    shown = page()
    assert shown.named("script") == []
    assert shown.text.count(nasty) >= 4


def test_other_files_are_passed_over(result, page, tmp_path):
    write_study_record(result, tmp_path)
    (tmp_path / "half.json").write_text('{"format": "elinvar st')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "other.json").write_text('{"format": "another"}')
    (tmp_path / "hollow.json").write_text('{"format": "elinvar study", "version": 1}')
    assert len(page().named("section")) == 1


def test_a_record_of_another_version_is_refused(result, tmp_path):
    path = write_study_record(result, tmp_path)
    record = json.loads(path.read_text("utf-8")) | {"version": 99, "elinvar": "9.9"}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(FileError, match=r"another version of elinvar \(9\.9\)"):
        write_studies_page(tmp_path)


def test_the_page_needs_a_folder(tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_studies_page(tmp_path / "missing")


def test_without_studies_the_page_says_so(page):
    assert "No study has finished here yet." in page().text
