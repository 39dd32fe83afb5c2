import re
from itertools import pairwise

import pytest

import elinvar
from elinvar import HeteroSGDRegressor, load_model, save_model
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.statements import statement
from elinvar.errors import DataError, FileError
from elinvar.report import write_report

ORDER = [
    "verdicts", "effects", "path", "left_out", "tests", "few_rows", "diagnosis", "notes", "data",
    "making",
]  # fmt: skip
KINDS = ["accepted", "environment", "approximate", "rejected", "excluded", "one", "many"]


@pytest.mark.parametrize("name", KINDS)
def test_the_page_says_what_was_found(name, models, pages):
    model, page = models[name], pages(name)
    answer = next(k for k, (_, attrs) in enumerate(page.tags) if "answer" in str(attrs))
    assert page.tags[answer][1]["class"] == f"answer {model.status_}"
    assert page.tags[answer - 1][0] == "h1"
    assert str(model.answer_.explanation) in page.text
    for row in model.evidence_.itertuples():
        assert row.feature in page.texts
        assert row.verdict in page.texts
    for note in (*model.notes_, *model.diagnosis_.notes, model.diagnosis_.reason):
        assert note in page.text
    for text in ("a table", "elinvar fit rows.csv", f"elinvar {elinvar.__version__}, Python 3."):
        assert text in page.text
    for parameter, value in model.get_params().items():
        assert f"{parameter}={value!r}," in page.text


@pytest.mark.parametrize("name", KINDS)
def test_sections_come_in_order_and_only_where_there_is_something(name, models, pages):
    model, page = models[name], pages(name)
    missing = {"path", "left_out", "tests", "few_rows"} if name == "one" else set()
    missing |= set() if model.notes_ else {"notes"}
    expected = [section for section in ORDER if section not in missing]
    assert [attrs["id"] for attrs in page.named("section")] == expected
    links = [attrs["href"] for attrs in page.named("a")]
    assert links == ["#verdicts", *(f"#{section}" for section in expected)]


def test_every_status_is_shown(models):
    found = {models[name].status_ for name in KINDS}
    assert found == {"accepted", "approximate", "rejected", "pooled_only"}


def test_advice_stands_apart(pages):
    page = pages("accepted")
    assert page.texts.count("What to do:") == 1
    assert page.texts[page.texts.index("What to do:") + 1].startswith("carry to a new place")


@pytest.mark.parametrize("name", ["accepted", "approximate", "rejected", "many"])
def test_the_page_has_a_table_a_model_in_the_words_of_the_summary(name, models, pages):
    page, model = pages(name), models[name]
    texts = [text for text in page.texts if text]
    tables = effect_tables(model.answer_)
    assert len(tables) == (2 if len(model.answer_.of_set) else 1)
    for table in tables:
        assert f"{table.title}." in page.text
        assert table.title in " ".join(model.summary().split())
        for row in table.rows:
            starts = [k for k, text in enumerate(texts) if text == row[0]]
            assert list(row) in [texts[k : k + len(row)] for k in starts]


def test_each_effect_is_said_in_a_sentence(models, pages):
    for name in ("accepted", "many"):
        for row in models[name].evidence_.to_dict("records"):
            assert statement(row) in pages(name).text
    assert "expect about" in pages("many").text


def test_the_first_sentence_leads_and_names_are_not_cut(models, page_of):
    page = page_of(models["accepted"])
    leads = [k for k, (_, attrs) in enumerate(page.tags) if attrs.get("class") == "lead"]
    assert len(leads) == 1
    said = models["accepted"].answer_.explanation
    assert said.lead in page.texts
    assert set(said.body) <= set(page.texts)
    dotted = models["dotted"].answer_.explanation
    assert "St. John" in dotted.lead
    assert dotted.lead in page_of(models["dotted"]).texts


def test_the_title_speaks_of_environments_where_they_were_compared(pages, page_of, models):
    assert "<h1>What explains y in every environment</h1>" in pages("accepted").raw
    assert "<h1>What explains y</h1>" in pages("one").raw
    assert "<h1>Why?</h1>" in page_of(models["one"], title="Why?").raw


def test_the_margin_is_told_or_why_there_is_none(models, pages):
    assert "of the rows should lie within" in pages("many").text
    assert models["accepted"].forecast_.reason in pages("accepted").text


def test_the_page_is_whole_in_itself(pages):
    page = pages("nasty")
    for tag, attrs in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "image", "base"}
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href", "xlink:href", "action"):
            assert str(attrs.get(name, "#")).startswith("#")
    assert not re.search(r"https?://|@import|url\((?!#)", page.raw)
    policy = page.named("meta")[2]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline';")


def test_what_comes_from_data_is_escaped(models, nasty, page_of):
    page = page_of(models["nasty"], title=nasty, source="</main>", command=nasty)
    assert nasty not in page.raw
    assert page.texts.count(nasty) >= 5
    assert f"{nasty}Bonn" in page.texts
    assert "</main>" in page.texts


def test_pictures_speak_to_those_who_do_not_see_them(pages):
    page = pages("accepted")
    pictures = page.named("svg")
    assert len(pictures) == len(page.named("figcaption")) == 9
    for picture in pictures:
        assert picture["role"] == "img"
        assert re.fullmatch(r".{15,}\. .+ in the table.*\.", picture["aria-label"])
    assert len({picture["aria-label"] for picture in pictures}) == 9


def test_the_page_can_be_read_by_ear_and_keyboard(pages):
    page = pages("accepted")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        assert attrs.get("aria-labelledby", ids[0]) in ids
        assert str(attrs.get("href", f"#{ids[0]}"))[1:] in ids
    assert page.named("html")[0]["lang"] == "en"
    assert [tag for tag, _ in page.tags if tag in {"header", "nav", "main"}] == [
        "header", "nav", "main",
    ]  # fmt: skip
    assert page.named("a")[0]["class"] == "skip"
    assert len(page.named("table")) == len(page.named("caption"))
    assert all(attrs["scope"] in {"col", "row"} for attrs in page.named("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert max(b - a for a, b in pairwise(levels)) == 1


@pytest.mark.parametrize("name", ["environment", "nasty", "one", "many"])
def test_a_page_of_a_loaded_model_is_the_same(name, models, pages, tmp_path, page_of):
    again = load_model(save_model(models[name], tmp_path / "model.json"))
    page = page_of(again, source="a table", command="elinvar fit rows.csv")
    assert page.raw == pages(name).raw


def test_a_wide_page_stays_small_and_folds_long_tables(wide_model, page_of):
    page = page_of(wide_model)
    assert len(page.raw) < 2_000_000
    assert "30 more rows" in page.text
    for feature in wide_model.evidence_["feature"]:
        assert feature in page.texts


def test_places_that_cannot_be_written_are_refused(models, tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_report(models["accepted"], tmp_path / "missing" / "page.html")
    with pytest.raises(FileError, match="end its name in"):
        write_report(models["accepted"], tmp_path / "page.pdf")


def test_only_models_with_evidence_have_a_report(models, tmp_path):
    moments = models["accepted"].moments_
    model = HeteroSGDRegressor(n_steps=10, random_state=0).fit_moments(moments)
    with pytest.raises(DataError, match="needs a fitted InvariantRegressor or InvariantClassifier"):
        write_report(model, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_wide_figures_say_on_a_phone_that_they_scroll(models, page_of):
    page = page_of(models["accepted"])
    classes = [attrs.get("class") for _, attrs in page.tags]
    assert classes.count("cue") == sum(tag == "figure" for tag, _ in page.tags) > 3


def test_what_words_mean_is_folded_away(models, page_of):
    page = page_of(models["accepted"])
    details = [attrs for tag, attrs in page.tags if tag == "details"]
    assert details
    assert not any("open" in attrs for attrs in details)
    assert "What the words mean" in page.texts
