import numpy as np
import pytest

from elinvar import load_model

ROLES = ("--target", "yield", "--environment", "place")


@pytest.fixture
def trained(elinvar, many_places, tmp_path):
    """A model of nine places, and files of a tenth whose level is 3 higher."""
    frame = many_places(10, 60)
    here = frame.place == "p09"
    frame.loc[here, "yield"] += 3
    frame[~here].to_csv(tmp_path / "seen.csv", index=False)
    rows = frame[here].drop(columns="place")
    rows[:20].to_csv(tmp_path / "few.csv", index=False)
    rows[20:].to_csv(tmp_path / "rest.csv", index=False)
    model = tmp_path / "model.json"
    result = elinvar("fit", tmp_path / "seen.csv", *ROLES, "--model", model)
    assert result.exit_code == 0
    return model, rows[20:]


def predicted(elinvar, model, data):
    return np.array([float(line) for line in elinvar("predict", model, data).stdout.split()[1:]])


def test_a_place_is_predicted_better_by_its_own_model(elinvar, trained, tmp_path):
    model, rest = trained
    site = tmp_path / "site.json"
    result = elinvar("adapt", model, tmp_path / "few.csv", "--out", site, "--place", "Oslo")
    assert (result.exit_code, result.stderr) == (0, "")
    words = " ".join(result.stdout.split())
    assert "adapted to Oslo with 20 labelled rows" in words
    assert "differs there" in words and f"Model: {site}" in words
    errors = [
        np.mean((predicted(elinvar, one, tmp_path / "rest.csv") - rest["yield"]) ** 2)
        for one in (site, model)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_adapting_again_adds_rows_of_the_same_place(elinvar, trained, tmp_path):
    site, more = tmp_path / "site.json", tmp_path / "more.json"
    elinvar("adapt", trained[0], tmp_path / "few.csv", "--out", site)
    assert elinvar("adapt", site, tmp_path / "rest.csv", "--out", more).exit_code == 0
    assert (load_model(site).place, load_model(site).n_rows_) == ("few", 20)
    assert (load_model(more).place, load_model(more).n_rows_) == ("few", 60)
    result = elinvar("adapt", site, tmp_path / "rest.csv", "--out", more, "--place", "Rome")
    assert result.exit_code == 2 or result.exit_code == 1
    assert "adapted to 'few' already" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cause,effect\n1,2\n", "no column 'yield'"),
        ("cause,effect,yield\n1,2,\n", "missing"),
        ("cause,effect,yield\n1,2,much\n", "number"),
        ("cause,effect,yield\n", "no rows"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_in_a_sentence(
    elinvar, trained, tmp_path, text, sentence
):
    (tmp_path / "bad.csv").write_text(text)
    out = tmp_path / "site.json"
    result = elinvar("adapt", trained[0], tmp_path / "bad.csv", "--out", out)
    assert result.exit_code != 0
    assert sentence in " ".join(result.stderr.split())
    assert not out.exists()


def test_a_model_of_effects_on_classes_is_refused(elinvar, csv, tmp_path):
    model = tmp_path / "model.json"
    made = elinvar(
        "fit", csv, "--target", "sex", "--environment", "place", "--classify", "--model", model
    )
    assert made.exit_code == 0
    result = elinvar("adapt", model, csv, "--out", tmp_path / "site.json")
    assert "cannot be adapted to a place" in " ".join(result.stderr.split())


def test_the_model_is_not_overwritten(elinvar, trained, tmp_path):
    result = elinvar("adapt", trained[0], tmp_path / "few.csv", "--out", trained[0])
    assert result.exit_code != 0
    assert "is an input file" in " ".join(result.stderr.split())
