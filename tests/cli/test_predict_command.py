import json

import numpy as np
import pandas as pd
import pytest

from elinvar import HeteroSGDRegressor, load_model, save_model

ROLES = ("--target", "yield", "--environment", "place")
FEATURES = ["cause", "effect", "sex"]


@pytest.fixture
def model(elinvar, csv, tmp_path):
    path = tmp_path / "model.json"
    assert elinvar("fit", csv, *ROLES, "--intercept", "environment", "--model", path).exit_code == 0
    return path


def predictions(text):
    header, *lines = text.splitlines()
    assert header == "prediction"
    return np.array([float(line) for line in lines])


def test_a_prediction_for_each_row_in_order(elinvar, model, csv, frame):
    result = elinvar("predict", model, csv)
    assert result.exit_code == 0
    assert result.stderr == ""
    expected = load_model(model).predict(frame[FEATURES], environments=frame.place)
    np.testing.assert_allclose(predictions(result.stdout), expected, rtol=1e-9)


def test_out_takes_what_would_be_printed(elinvar, model, csv, tmp_path):
    out = tmp_path / "out.csv"
    printed = elinvar("predict", model, csv).stdout
    result = elinvar("predict", model, csv, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert out.read_text() == printed


def test_order_and_number_of_columns_do_not_matter(elinvar, model, frame, tmp_path):
    data = tmp_path / "other.parquet"
    frame.assign(more="text").iloc[:, ::-1].drop(columns="yield").to_parquet(data)
    found = predictions(elinvar("predict", model, data).stdout)
    assert len(found) == len(frame)
    assert np.isfinite(found).all()


def test_without_the_environment_the_average_intercept_is_used(elinvar, model, frame, tmp_path):
    frame.drop(columns="place").to_csv(tmp_path / "new.csv", index=False)
    found = predictions(elinvar("predict", model, tmp_path / "new.csv").stdout)
    np.testing.assert_allclose(found, load_model(model).predict(frame[FEATURES]), rtol=1e-9)


def test_a_new_environment_gets_the_average_intercept(elinvar, model, frame, tmp_path):
    frame.assign(place="Lima").to_csv(tmp_path / "new.csv", index=False)
    found = predictions(elinvar("predict", model, tmp_path / "new.csv").stdout)
    np.testing.assert_allclose(found, load_model(model).predict(frame[FEATURES]), rtol=1e-9)


def test_missing_columns_are_refused(elinvar, model, frame, tmp_path):
    frame.drop(columns="cause").to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "out.csv"
    for options in ((), ("--out", out)):
        result = elinvar("predict", model, tmp_path / "new.csv", *options)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "'cause'" in result.stderr
    assert not out.exists()


def test_unseen_levels_are_refused_unless_counted_as_none(elinvar, model, frame, tmp_path):
    frame.loc[7, "sex"] = "unknown"
    frame.to_csv(tmp_path / "new.csv", index=False)
    result = elinvar("predict", model, tmp_path / "new.csv")
    assert result.exit_code == 1
    assert "--unknown zero" in result.stderr
    result = elinvar("predict", model, tmp_path / "new.csv", "--unknown", "zero")
    assert len(predictions(result.stdout)) == len(frame)


@pytest.mark.parametrize("bad", ["", "many", "inf"])
def test_values_that_are_no_numbers_are_refused(bad, elinvar, model, frame, tmp_path):
    frame["cause"] = frame["cause"].astype(str)
    frame.loc[7, "cause"] = bad
    frame.to_csv(tmp_path / "new.csv", index=False)
    result = elinvar("predict", model, tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "cause" in result.stderr
    assert not list(tmp_path.glob("*out.csv*"))


def test_large_files_are_read_in_pieces(elinvar, model, frame, tmp_path):
    large = pd.concat([frame] * 500, ignore_index=True)
    large.to_parquet(tmp_path / "large.parquet")
    found = predictions(elinvar("predict", model, tmp_path / "large.parquet").stdout)
    expected = load_model(model).predict(frame[FEATURES], environments=frame.place)
    np.testing.assert_allclose(found, np.tile(expected, 500), rtol=1e-9)


def test_inputs_are_never_replaced(elinvar, model, csv):
    for path in (csv, model):
        before = path.read_bytes()
        result = elinvar("predict", model, csv, "--out", path)
        assert result.exit_code == 1
        assert "input file" in result.stderr
        assert path.read_bytes() == before


def test_the_folder_of_the_output_must_exist(elinvar, model, csv, tmp_path):
    result = elinvar("predict", model, csv, "--out", tmp_path / "missing" / "out.csv")
    assert result.exit_code == 1
    assert "Create it first" in result.stderr


def test_other_files_are_no_models(elinvar, csv, model, tmp_path):
    assert "not a model file" in elinvar("predict", csv, csv).stderr
    assert "There is no model file" in elinvar("predict", tmp_path / "none.json", csv).stderr
    values = json.loads(model.read_text())
    model.write_text(json.dumps(values | {"schema": "elinvar-model/7"}))
    result = elinvar("predict", model, csv)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "upgrade elinvar" in result.stderr


@pytest.fixture
def wide(elinvar, many_places, tmp_path):
    """Return a model of twelve places, which allow a margin, and its table."""
    data, path = tmp_path / "many.csv", tmp_path / "many.json"
    many_places(12, 40).to_csv(data, index=False)
    assert elinvar("fit", data, *ROLES, "--model", path).exit_code == 0
    return path, data


def test_intervals_are_those_of_the_model(elinvar, wide, tmp_path):
    result = elinvar("predict", *wide, "--interval")
    assert (result.exit_code, result.stderr) == (0, "")
    header, *lines = result.stdout.splitlines()
    assert header == "prediction,low,high"
    found = np.array([line.split(",") for line in lines], float)
    model, frame = load_model(wide[0]), pd.read_csv(wide[1])
    rows = frame[list(model.schema_.features)]
    np.testing.assert_allclose(found[:, 0], model.predict(rows), rtol=1e-9)
    np.testing.assert_allclose(found[:, 1:], model.predict_interval(rows), rtol=1e-9)
    share = np.mean((found[:, 1] < frame["yield"]) & (frame["yield"] < found[:, 2]))
    assert share > 0.9
    out = tmp_path / "out.csv"
    assert elinvar("predict", *wide, "--interval", "--out", out).exit_code == 0
    assert out.read_text() == result.stdout


def test_too_few_environments_have_no_intervals(elinvar, model, csv, tmp_path):
    out = tmp_path / "out.csv"
    result = elinvar("predict", model, csv, "--interval", "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert load_model(model).forecast_.reason in result.stderr
    assert "without --interval" in result.stderr
    assert not out.exists()


def test_stochastic_models_have_no_intervals(elinvar, frame, csv, tmp_path):
    path = tmp_path / "steps.json"
    X = frame[["cause", "effect"]]
    save_model(HeteroSGDRegressor().fit(X, frame["yield"], environments=frame.place), path)
    assert elinvar("predict", path, csv).exit_code == 0
    result = elinvar("predict", path, csv, "--interval")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "HeteroSGDRegressor has no prediction intervals" in result.stderr


def test_columns_are_kept_as_they_are_written(elinvar, model, frame, tmp_path):
    frame["id"] = [f"{k:03d}" for k in range(len(frame))]
    frame["note"] = ["a, b" if k % 2 else "" for k in range(len(frame))]
    frame.to_csv(tmp_path / "new.csv", index=False)
    plain = predictions(elinvar("predict", model, tmp_path / "new.csv").stdout)
    out = tmp_path / "out.csv"
    assert (
        elinvar("predict", model, tmp_path / "new.csv", "--keep", "all", "--out", out).exit_code
        == 0
    )
    kept = pd.read_csv(out, dtype={"id": str}, keep_default_na=False)
    assert list(kept.columns) == [*frame.columns, "prediction"]
    pd.testing.assert_frame_equal(kept.drop(columns="prediction"), frame, rtol=1e-12)
    np.testing.assert_allclose(kept["prediction"], plain, rtol=1e-12)
    result = elinvar("predict", model, tmp_path / "new.csv", "--keep", "note,id")
    assert result.stdout.splitlines()[:3] == [
        "note,id,prediction",
        f",000,{float(plain[0])!r}",
        f'"a, b",001,{float(plain[1])!r}',
    ]


def test_predictions_as_parquet(elinvar, model, frame, tmp_path):
    frame["day"], frame["lists"] = pd.Timestamp("2024-02-03"), [[1, 2]] * len(frame)
    frame.to_parquet(tmp_path / "new.parquet")
    out = tmp_path / "out.parquet"
    for options, names in (((), []), (("--keep", "day,lists"), ["day", "lists"])):
        result = elinvar("predict", model, tmp_path / "new.parquet", "--out", out, *options)
        assert (result.exit_code, result.stdout) == (0, "")
        found = pd.read_parquet(out)
        assert list(found.columns) == [*names, "prediction"] and len(found) == len(frame)
    assert found["day"].dtype.kind == "M" and list(found["lists"][0]) == [1, 2]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("idd", "no column to keep 'idd'; did you mean 'id'"),
        ("prediction", "a column 'prediction' already"),
        ("lists", "lists or records, which CSV cannot"),
    ],
)
def test_columns_that_cannot_be_kept_are_refused(keep, message, elinvar, model, frame, tmp_path):
    frame = frame.assign(id=1, prediction=2.0, lists=[[1]] * len(frame))
    frame.to_parquet(tmp_path / "new.parquet")
    out = tmp_path / "out.csv"
    for options in ((), ("--out", out)):
        result = elinvar("predict", model, tmp_path / "new.parquet", "--keep", keep, *options)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
    assert not out.exists()


def test_a_later_file_without_a_feature_is_refused(elinvar, model, frame, tmp_path):
    frame.to_csv(tmp_path / "1.csv", index=False)
    frame.drop(columns="cause").to_csv(tmp_path / "2.csv", index=False)
    result = elinvar("predict", model, tmp_path / "*.csv", "--out", tmp_path / "out.csv")
    assert result.exit_code == 1 and "2.csv lacks the column 'cause'" in result.stderr
