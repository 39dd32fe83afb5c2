import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor, TransferRegressor
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.errors import DataError
from elinvar.forecast.learners import Additive
from elinvar.report import write_figures, write_report


@pytest.fixture(scope="module")
def table(nasty):
    rng = np.random.default_rng(0)
    place = np.repeat([f"{nasty}{k}" for k in range(4)], 60)
    X = pd.DataFrame({"bend": rng.normal(size=240), nasty: rng.choice(["a", nasty], size=240)})
    return X, np.abs(X["bend"]) + rng.normal(size=240) / 5, place


def lines(n_classes, columns):
    return (Additive(name="least squares"), Additive(name="curves", n_knots=4, ridge=0.003))


@pytest.fixture(scope="module")
def models(table):
    X, y, place = table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elinvar.estimators._transfer_fit.default_learners", lines)
        several = TransferRegressor().fit(X, y, environments=place)
        one = TransferRegressor().fit(X, y)
    return several, one, InvariantRegressor().fit(X, y, environments=place)


def test_the_page_says_what_to_expect(models, parsed, nasty, tmp_path):
    model, _, linear = models
    path = write_report(model, tmp_path / "page.html", holds=linear, source="a table")
    page = parsed(path.read_text())
    assert nasty not in page.raw
    found = model.answer_.explanation
    assert found.lead in page.texts and found.advice in page.texts
    assert linear.answer_.explanation.lead in page.texts
    sections = [attrs["id"] for attrs in page.named("section")]
    assert sections == [
        "expect", "curves", "forecast_errors", "few_rows", "holds", "notes", "data", "making",
    ]  # fmt: skip
    links = [attrs["href"] for attrs in page.named("a")]
    assert links == ["#expect", *(f"#{section}" for section in sections)]
    for known in (*forecast_tables(model.answer_), left_out_texts(model.answer_)):
        assert f"{known.title}." in page.text
        for row in known.rows:
            assert set(row) - {""} <= set(page.texts)
    assert len(page.named("svg")) == 4
    assert not any(attrs.get("src") for _, attrs in page.tags)


def test_one_environment_and_no_linear_model_leave_sections_out(models, parsed, tmp_path):
    page = parsed(write_report(models[1], tmp_path / "page.html").read_text())
    sections = [attrs["id"] for attrs in page.named("section")]
    assert sections == ["expect", "curves", "notes", "data", "making"]
    assert "what holds" not in page.texts


def test_figures_are_written_as_files(models, tmp_path):
    names = {"curves.png", "forecast_errors.png", "adaptation.png"}
    assert set(write_figures(models[0], tmp_path)) == names
    assert set(write_figures(models[1], tmp_path, formats=["svg"])) == {"curves.svg"}


def test_what_has_no_answer_is_refused(models, tmp_path):
    with pytest.raises(DataError, match="A report needs a fitted"):
        write_report(TransferRegressor(), tmp_path / "page.html")
    with pytest.raises(DataError, match="A report needs a fitted InvariantRegressor"):
        write_report(models[0], tmp_path / "page.html", holds=models[0])
