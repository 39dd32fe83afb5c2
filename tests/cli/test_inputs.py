"""What the command line reads: pipes, ways of writing, and messages in its own words."""

import io

import pandas as pd
import pytest

ROLES = ("--target", "yield", "--environment", "place")


def told(result):
    assert result.exit_code == 0, result.stderr
    return result.stdout.split("\n\n")[0]


def test_numbers_with_commas_are_read_as_they_are_told(elinvar, frame, csv, tmp_path):
    path = tmp_path / "commas.csv"
    frame.to_csv(path, index=False, sep=";", decimal=",")
    refused = elinvar("fit", path, *ROLES)
    assert refused.exit_code == 1
    assert "cause and effect hold numbers written with a decimal comma" in refused.stderr
    assert '--decimal ","' in refused.stderr and "categorical=" not in refused.stderr
    model = tmp_path / "model.json"
    said = told(elinvar("fit", path, *ROLES, "--decimal", ",", "--model", model))
    assert said == told(elinvar("fit", csv, *ROLES))
    refused = elinvar("predict", model, path)
    assert refused.exit_code == 1 and '--decimal ","' in refused.stderr
    assert elinvar("predict", model, path, "--decimal", ",").stdout == (
        elinvar("predict", model, csv).stdout
    )


def test_marks_units_and_codes(elinvar, frame, tmp_path):
    path = tmp_path / "t.csv"
    frame["cause"] = [f"{value:.6f} kg" for value in frame["cause"]]
    frame["effect"] = [f"{value:.6f}" if k else "?" for k, value in enumerate(frame["effect"])]
    frame["place"] = frame["place"].replace("Oslo", "NA")
    frame.to_csv(path, index=False)
    refused = elinvar("fit", path, *ROLES).stderr
    assert "--numeric cause" in refused and '--na "?"' in refused
    options = ("--numeric", "cause", "--na", "?", "--no-na", "--missing", "drop")
    assert "Bonn, NA and Rome" in told(elinvar("fit", path, *ROLES, *options)).replace("\n", " ")


def test_thousands_and_grades_are_told_by_their_options(elinvar, frame, tmp_path):
    frame["cause"] = [f"{1000 * value:,.0f}" for value in frame["cause"]]
    frame["sex"] = ["K", "1", "2"] * (len(frame) // 3)
    frame.to_csv(tmp_path / "t.csv", index=False)
    refused = elinvar("fit", tmp_path / "t.csv", *ROLES).stderr
    assert '--thousands ","' in refused and "thousands=" not in refused
    frame.drop(columns="cause").to_csv(tmp_path / "t.csv", index=False)
    refused = elinvar("fit", tmp_path / "t.csv", *ROLES).stderr
    assert "--categorical sex" in refused and "categorical=" not in refused


def test_standard_input(csv, tmp_path, elinvar, monkeypatch):
    expected = told(elinvar("fit", csv, *ROLES))
    parquet = io.BytesIO()
    pd.read_csv(csv).to_parquet(parquet)
    for content in (csv.read_bytes(), parquet.getvalue()):
        monkeypatch.setattr("sys.stdin", None)
        assert "Standard input" in elinvar("fit", "-", "-", *ROLES, content="").stderr
        assert told(elinvar("fit", "-", *ROLES, content=content)) == expected
    assert "Standard input is empty" in elinvar("fit", "-", *ROLES, content=b"").stderr
    result = elinvar("fit", "-", *ROLES, "--format", "csv", content=csv.read_bytes())
    assert told(result) == expected


def test_one_file_a_place(elinvar, frame, tmp_path):
    for place, rows in frame.groupby("place"):
        rows.drop(columns="place").to_csv(tmp_path / f"{place}.csv", index=False)
    options = ("--target", "yield", "--environment")
    assert "Bonn, Oslo and Rome" in told(elinvar("fit", tmp_path, *options, "file"))
    refused = elinvar("fit", tmp_path, *options, "place")
    assert refused.exit_code == 1 and "--environment file" in refused.stderr


@pytest.mark.parametrize("change", ["missing", "few", "unknown"])
def test_messages_name_options_and_no_arguments(change, elinvar, frame, csv, tmp_path):
    model, path = tmp_path / "model.json", tmp_path / "t.csv"
    arguments = ("fit", path, *ROLES)
    if change == "missing":
        frame.loc[3, "cause"] = None
        wanted = "--missing drop"
    elif change == "few":
        frame.loc[:2, "place"] = ["Ulm", "Bari", "Bari"]
        wanted = "--exclude-environments Bari,Ulm"
    else:
        elinvar("fit", csv, *ROLES, "--model", model)
        frame.loc[3, "sex"] = "unknown"
        arguments, wanted = ("predict", model, path), "--unknown zero"
    frame.to_csv(path, index=False)
    refused = elinvar(*arguments)
    assert refused.exit_code == 1 and wanted in refused.stderr
    assert "='" not in refused.stderr and "_environments" not in refused.stderr
