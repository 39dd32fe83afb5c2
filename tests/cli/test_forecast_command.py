import json

import numpy as np
import pandas as pd
import pytest

from elinvar import TransferClassifier, TransferRegressor, load_model
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.forecast.learners import Additive, Boosting, Logistic

ROLES = ("--target", "yield", "--environment", "place")


def quick(n_classes, columns):
    trees = Boosting(name="boosting, small trees", n_trees=5, n_leaves=8)
    return (Logistic() if n_classes else Additive(name="least squares"), trees)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("elinvar.estimators._transfer_fit.default_learners", quick)


@pytest.fixture
def table(frame, csv):
    """Put missing values into the rows."""
    frame.loc[::20, "cause"] = np.nan
    frame.loc[::30, "sex"] = None
    frame.to_csv(csv, index=False)
    return frame


def fit(frame):
    X = frame[["cause", "effect", "sex"]]
    return TransferRegressor().fit(X, frame["yield"], environments=frame["place"])


def test_what_it_is_worth_is_printed(elinvar, table, csv):
    result = elinvar("forecast", csv, *ROLES)
    assert (result.exit_code, result.stderr) == (0, "")
    said = " ".join(result.stdout.split())
    answer = fit(table).answer_
    assert said.startswith(answer.explanation.lead)
    assert f"What to do: {answer.explanation.advice}" in said
    for known in (*forecast_tables(answer), left_out_texts(answer)):
        assert f"{known.title}." in said
    assert all(note in said for note in answer.notes)


def test_the_model_predicts_and_new_levels_are_named(elinvar, table, csv, tmp_path):
    path = tmp_path / "model.json"
    assert elinvar("forecast", csv, *ROLES, "--model", path).exit_code == 0
    model = load_model(path)
    assert model.get_params() == TransferRegressor(n_jobs=1).get_params()
    new = table.head(3).assign(sex=["male", "other", None])
    new.to_csv(tmp_path / "new.csv", index=False)
    result = elinvar("predict", path, tmp_path / "new.csv")
    assert "note: sex: training had no 'other'. Such rows count as of no level." in result.stderr
    printed = pd.read_csv(pd.io.common.StringIO(result.stdout))["prediction"]
    with pytest.warns(UserWarning, match="training had no 'other'"):
        np.testing.assert_allclose(printed, model.predict(new[["cause", "effect", "sex"]]))
    refused = elinvar("predict", path, tmp_path / "new.csv", "--unknown", "error")
    assert refused.exit_code == 1 and "the level 'other'" in refused.stderr
    refused = elinvar("predict", path, tmp_path / "new.csv", "--interval")
    assert refused.exit_code == 1 and "There is no prediction interval: With 3" in refused.stderr


def test_intervals_where_there_are_enough_environments(elinvar, many_places, tmp_path):
    many_places(10, 40).to_csv(tmp_path / "rows.csv", index=False)
    elinvar("forecast", tmp_path / "rows.csv", *ROLES, "--model", tmp_path / "m.json")
    result = elinvar("predict", tmp_path / "m.json", tmp_path / "rows.csv", "--interval")
    printed = pd.read_csv(pd.io.common.StringIO(result.stdout))
    rows = many_places(10, 40)[["cause", "effect"]]
    ends = load_model(tmp_path / "m.json").predict_interval(rows)
    np.testing.assert_allclose(printed[["low", "high"]], ends)


def test_classes_have_probabilities(elinvar, table, csv, tmp_path):
    table["yield"] = np.where(table["yield"] > 0, "high", "low")
    table.to_csv(csv, index=False)
    path = tmp_path / "model.json"
    result = elinvar("forecast", csv, *ROLES, "--classify", "--model", path)
    assert "names the right class in" in " ".join(result.stdout.split())
    assert isinstance(load_model(path), TransferClassifier)
    printed = elinvar("predict", path, csv).stdout.splitlines()
    assert printed[0] == "prediction,probability of high,probability of low"
    assert len(printed) == 1 + len(table)


def test_json_has_the_numbers_and_no_trees(elinvar, table, csv):
    values = json.loads(elinvar("forecast", csv, *ROLES, "--json").stdout)
    answer = fit(table).answer_
    assert values["explanation"] == str(answer.explanation)
    assert values["weights"] == pytest.approx(answer.weights)
    assert values["losses"]["mixture"] == pytest.approx(answer.losses["mixture"])
    assert "forecast" not in values and len(values["curves"]) == 3


def test_the_page_shows_what_to_expect_beside_what_holds(elinvar, table, csv, tmp_path, parsed):
    path, folder = tmp_path / "page.html", tmp_path / "figures"
    result = elinvar("forecast", csv, *ROLES, "--report", path, "--figures", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(file.name for file in folder.iterdir()) == [
        "adaptation.png", "adaptation.svg", "curves.png", "curves.svg", "forecast_errors.png",
        "forecast_errors.svg",
    ]  # fmt: skip
    page = parsed(path.read_text())
    assert "what to expect" in page.texts and "what holds" in page.texts
    assert fit(table).answer_.explanation.lead in page.texts
    assert "elinvar" in page.text and "TransferRegressor(" in page.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--premium", "0.5"), "--premium"),
        (("--environment", "nowhere"), "nowhere"),
        (("--classify",), "classes"),
    ],
)
def test_what_cannot_be_is_refused(elinvar, csv, options, words):
    roles = ROLES if options[0] != "--environment" else ROLES[:2]
    result = elinvar("forecast", csv, *roles, *options)
    assert result.exit_code in (1, 2) and words in result.stderr and result.stdout == ""
