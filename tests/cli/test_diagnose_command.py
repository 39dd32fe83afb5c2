import json
import re

import numpy as np
import pandas as pd
import pytest

import elinvar as package
from elinvar import Moments

ROLES = ("--target", "yield", "--environment", "place")


def words(text):
    return " ".join(text.split())


def diagnosis(csv, **options):
    return package.diagnose(Moments.from_files(csv, target="yield", environment="place"), **options)


def test_the_verdict_comes_first_then_the_reason(elinvar, csv):
    result = elinvar("diagnose", csv, *ROLES)
    assert (result.exit_code, result.stderr) == (0, "")
    found = diagnosis(csv)
    head, reason = result.stdout.split("\n\n")[0].split("\n", 1)
    assert head == f"Diagnosis: {found.verdict}" == "Diagnosis: can answer in part"
    assert words(reason) == found.reason
    assert f"What to do: {found.advice}" in words(result.stdout)


def test_features_and_notes_are_printed_in_words(elinvar, csv):
    out, found = elinvar("diagnose", csv, *ROLES).stdout, diagnosis(csv)
    for cells in found.in_words().itertuples(index=False):
        assert re.search(rf"^{' +'.join(map(re.escape, cells))}$", out, re.MULTILINE)
    assert all(note in words(out) for note in found.notes)
    assert not re.search("growth|gain|sd per sd", out)


def test_the_theory_is_printed_when_asked_for(elinvar, csv):
    out, found = elinvar("diagnose", csv, *ROLES, "--theory").stdout, diagnosis(csv)
    theory = out[out.index("plain one-environment steps") :]
    for row in found.features.itertuples(index=False):
        law = "yes" if row.moved else "no"
        line = re.search(rf"^{row.feature} +{law} +(.*)$", theory, re.MULTILINE)[1]
        printed = [float(text) for text in line.split()[:6]]
        expected = [row.mean_shift, row.scale_ratio, row.slope, row.slope_sd, row.detectable_sd]
        np.testing.assert_allclose(printed, [*expected, row.growth], rtol=0.06, atol=1e-9)
    power = re.findall(r"^ +(\d+) +([\d,]+) +([\d.]+)(?: +(now))?$", out, re.MULTILINE)
    assert [(int(n), float(rows.replace(",", ""))) for n, rows, *_ in power] == [
        *zip(found.power.environments, found.power.rows, strict=True)
    ]
    assert [line[3] for line in power] == ["now"] + [""] * (len(power) - 1)


def test_a_page_is_written_when_asked_for(elinvar, csv, tmp_path):
    result = elinvar("diagnose", csv, *ROLES, "--report", tmp_path / "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"Report: {tmp_path / 'page.html'}" in result.stdout
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Can these environments answer?" in page
    told = elinvar("diagnose", csv, *ROLES, "--report", tmp_path / "page.html", "--json")
    assert json.loads(told.stdout)["report"] == str(tmp_path / "page.html")


def test_a_page_does_not_replace_the_table(elinvar, csv):
    result = elinvar("diagnose", csv, *ROLES, "--report", csv)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is an input file" in result.stderr


def test_lines_fit_a_hundred_columns(elinvar, many_places, tmp_path):
    frame = many_places(12, 40).rename(columns={"cause": "flipper_length_mm"})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("diagnose", tmp_path / "rows.csv", *ROLES, "--theory").stdout
    assert out.startswith("Diagnosis: can answer\n")
    assert max(map(len, out.splitlines())) <= 100


def test_json_has_everything(elinvar, csv):
    result = elinvar("diagnose", csv, *ROLES, "--intercept", "environment", "--json")
    values = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    found = diagnosis(csv, intercept="environment")
    for name in ("verdict", "reason", "advice"):
        assert values[name] == getattr(found, name)
    assert values["notes"] == list(found.notes)
    assert values["environments"] == [
        {"name": name, "rows": 100.0} for name in ("Bonn", "Oslo", "Rome")
    ]
    assert values["step_size"] == found.step_size
    for name in ("features", "power"):
        table = getattr(found, name)
        again = pd.DataFrame(values[name])
        assert list(again) == list(table)
        numeric = table.select_dtypes("number").columns
        np.testing.assert_array_equal(again[numeric].astype(float), table[numeric].astype(float))


def test_one_environment_cannot_answer_and_is_no_failure(elinvar, frame, tmp_path):
    data, folder = tmp_path / "rows.csv", tmp_path / "figures"
    frame[frame.place == "Oslo"].to_csv(data, index=False)
    result = elinvar("diagnose", data, *ROLES, "--figures", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Diagnosis: cannot\n")
    assert {path.name for path in folder.iterdir()} == {"power.png", "power.svg"}
    values = json.loads(elinvar("diagnose", data, *ROLES, "--json").stdout)
    assert values["verdict"] == "cannot"
    assert values["features"][0]["mean_shift"] is None


def test_environments_that_do_not_differ_cannot_answer(elinvar, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"place": np.repeat(["a", "b", "c"], 100), "x": rng.normal(size=300)})
    frame["yield"] = frame.x + rng.normal(size=300)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = elinvar("diagnose", tmp_path / "rows.csv", *ROLES)
    assert result.exit_code == 0
    assert result.stdout.startswith("Diagnosis: cannot\n")
    assert "copies of each other" in words(result.stdout)


def test_figures_are_written(elinvar, csv, tmp_path):
    folder = tmp_path / "figures"
    result = elinvar("diagnose", csv, *ROLES, "--figures", folder, "--json")
    names = [
        str(folder / f"{stem}.{kind}") for stem in ("diagnosis", "power") for kind in ("png", "svg")
    ]
    assert json.loads(result.stdout)["figures"] == names
    assert sorted(map(str, folder.iterdir())) == sorted(names)


def test_options_reach_the_reader(elinvar, frame, tmp_path):
    data = tmp_path / "rows.csv"
    frame["times"] = 2
    frame["code"] = np.arange(len(frame)) % 3
    frame.loc[5, "cause"] = np.nan
    frame.to_csv(data, index=False)
    result = elinvar(
        "diagnose", data, *ROLES, "--features", "cause,code,sex", "--drop", "sex",
        "--categorical", "code", "--weight", "times", "--missing", "drop",
        "--exclude-environments", "Rome", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    values = json.loads(result.stdout)
    assert [row["feature"] for row in values["features"]] == ["cause", "code"]
    rows = {row["name"]: row["rows"] for row in values["environments"]}
    assert rows == pytest.approx({"Bonn": 200.0, "Oslo": 198.0})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--target", "yeild", "--environment", "place"), "'yield'"),
        (("--target", "sex", "--environment", "place"), "target must be a number"),
        ((*ROLES, "--exclude-environments", "Paris"), "Paris"),
        ((*ROLES, "--exclude-environments", "Oslo,Rome,Bonn"), "keep at least one"),
        ((*ROLES, "--features", "causes"), "'cause'"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(options, reason, elinvar, csv):
    result = elinvar("diagnose", csv, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
