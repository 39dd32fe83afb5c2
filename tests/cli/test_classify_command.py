"""Classes on the command line: ``fit --classify``, and what `predict` and `diagnose` make of it."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantClassifier, load_model
from elinvar.environments import Roles, read_classes

ROLES = ("--target", "outcome", "--environment", "place")
FEATURES = ["cause", "group", "sign"]
LABELS = {
    "text": ["ill", "well"],
    "0/1": [0, 1],
    "three": ["a", "b", "c"],
    "quoted": ["ill, very", 'well "so"'],
}


def table(labels, n=200, seed=1):
    """Draw rows of four places: cause acts alike in all, sign is a consequence that changes."""
    rng = np.random.default_rng(seed)
    spread, gain = (np.repeat(v, n) for v in ([0.7, 1.5, 1.0, 2.0], [0.3, 1.0, 2.0, 3.0]))
    cause = rng.normal(size=4 * n) * spread
    group = rng.choice(["low", "mid", "high"], size=4 * n)
    signal = 1.2 * cause + 0.8 * (group == "high")
    odds = np.column_stack([0 * signal, signal, 0.4 - 0.7 * signal])[:, : len(labels)]
    outcome = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
    return pd.DataFrame(
        {
            "place": np.repeat(["Bonn", "Lima", "Oslo", "Rome"], n),
            "cause": cause,
            "group": group,
            "sign": gain * np.array([0, 1, -1])[outcome] + rng.normal(size=4 * n),
            "outcome": np.array(labels)[outcome],
        }
    )


@pytest.fixture(scope="module", params=list(LABELS))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def rows(kind, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    table(LABELS[kind]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model(rows):
    found = read_classes([str(rows)], Roles(target="outcome", environment="place"))
    return InvariantClassifier(intercept="environment").fit_rows(found)


@pytest.fixture
def saved(elinvar, rows, tmp_path):
    path = tmp_path / "model.json"
    result = elinvar(
        "fit", rows, *ROLES, "--classify", "--intercept", "environment", "--model", path
    )
    assert (result.exit_code, result.stderr) == (0, "")
    return path


def refused(result):
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    return result.stderr


def test_the_answer_is_that_of_the_estimator(elinvar, rows, kind):
    result = elinvar("fit", rows, *ROLES, "--classify", "--intercept", "environment")
    assert (result.exit_code, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    data = pd.read_csv(rows)
    model = InvariantClassifier(intercept="environment")
    model.fit(data[FEATURES], data["outcome"], environments=data["place"])
    assert text.startswith(str(model.answer_.explanation))
    of = f"outcome={LABELS[kind][1]}" if len(LABELS[kind]) == 2 else "outcome"
    assert f"Effects on the log odds of {of}, per unit of the feature" in text
    assert "Mean log loss in each environment when it is left out" in text
    for word in ("squared", "least squares", "residual variance", " nan "):
        assert word not in text


def test_json_has_what_the_model_has(elinvar, rows, model):
    result = elinvar("fit", rows, *ROLES, "--classify", "--intercept", "environment", "--json")
    found = json.loads(result.stdout)
    assert found["explanation"] == str(model.answer_.explanation)
    assert found["classes"] == model.classes_.tolist() == found["labels"]
    assert found["status"] == model.status_
    assert [row["verdict"] for row in found["evidence"]] == list(model.evidence_["verdict"])
    wrong = [row["invariant_wrong"] for row in found["errors"]]
    np.testing.assert_allclose(wrong, model.errors_["invariant_wrong"])


def test_page_and_figures_are_written(elinvar, parsed, tmp_path):
    table(LABELS["three"]).to_csv(tmp_path / "rows.csv", index=False)
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    result = elinvar(
        "fit", tmp_path / "rows.csv", *ROLES, "--classify", "--report", page, "--figures", figures
    )
    assert result.exit_code == 0 and f"Report: {page}" in " ".join(result.stdout.split())
    text = parsed(page.read_text()).text
    assert "share of outcome=a" in text and "InvariantClassifier(" in text
    assert {"forest.png", "errors.svg", "left_out.png"} <= {path.name for path in figures.iterdir()}


def test_a_model_file_predicts_what_the_model_does(elinvar, saved, rows, model, kind, tmp_path):
    result = elinvar("predict", saved, rows)
    assert (result.exit_code, result.stderr) == (0, "")
    header, *lines = csv.reader(result.stdout.splitlines())
    names = [str(label) for label in LABELS[kind]]
    assert header == ["prediction", *(f"probability of {name}" for name in names)]
    data = pd.read_csv(rows)
    expected = model.predict_proba(data[FEATURES], environments=data["place"])
    found = np.array([line[1:] for line in lines], dtype=float)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [line[0] for line in lines] == [names[k] for k in expected.argmax(axis=1)]
    out = tmp_path / "out.csv"
    written = elinvar("predict", saved, rows, "--out", out)
    assert (written.exit_code, written.stdout) == (0, "") and out.read_text() == result.stdout
    loaded = load_model(saved)
    again = loaded.predict_proba(data[FEATURES], environments=data["place"])
    np.testing.assert_allclose(again, found, rtol=1e-14)


def test_new_places_get_the_average_intercepts(elinvar, saved, rows, model, tmp_path):
    data = pd.read_csv(rows)
    new = tmp_path / "new.csv"
    data.drop(columns=["place", "outcome"]).to_csv(new, index=False)
    lines = list(csv.reader(elinvar("predict", saved, new).stdout.splitlines()))[1:]
    found = np.array([line[1:] for line in lines], dtype=float)
    np.testing.assert_allclose(found, model.predict_proba(data[FEATURES]), rtol=1e-9)


def test_classes_have_no_intervals(elinvar, saved, rows):
    assert "leave out --interval" in refused(elinvar("predict", saved, rows, "--interval"))


@pytest.mark.parametrize("command", ["fit", "diagnose"])
def test_a_target_in_text_is_sent_to_classify(elinvar, command, tmp_path):
    table(LABELS["text"]).to_csv(tmp_path / "rows.csv", index=False)
    sentence = refused(elinvar(command, tmp_path / "rows.csv", *ROLES))
    assert "outcome must hold numbers" in sentence and "elinvar fit --classify" in sentence


def test_a_constant_class_is_refused(elinvar, tmp_path):
    path = tmp_path / "rows.csv"
    data = table(LABELS["text"])
    data.assign(outcome="ill").to_csv(path, index=False)
    sentence = refused(elinvar("fit", path, *ROLES, "--classify"))
    assert "one class only ('ill')" in sentence
    data.loc[data["place"] == "Oslo", "outcome"] = "well"
    data.to_csv(path, index=False)
    sentence = refused(elinvar("fit", path, *ROLES, "--classify"))
    assert "Environment 'Oslo' holds one class only ('well')" in sentence
    without = elinvar("fit", path, *ROLES, "--classify", "--exclude-environments", "Oslo")
    assert without.exit_code == 0 and "Left out of the fit: Oslo." in without.stdout


def test_a_target_that_is_a_number_is_no_class(elinvar, tmp_path):
    path = tmp_path / "rows.csv"
    data = table(LABELS["text"])
    data.assign(outcome=np.arange(len(data)) / 7).to_csv(path, index=False)
    sentence = refused(elinvar("fit", path, *ROLES, "--classify"))
    assert "800 classes in 800 rows" in sentence and "without --classify" in sentence
