import json
import re

import numpy as np
import pandas as pd
import pytest

import elinvar as package
from elinvar import InvariantRegressor, load_model
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.statements import meaning
from elinvar.datasets import load_penguins

ROLES = ("--target", "yield", "--environment", "place")


def refused(result):
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def paragraphs(text):
    return [" ".join(part.split()) for part in text.split("\n\n")]


def test_the_answer_begins_with_a_paragraph_and_advice(elinvar, csv):
    result = elinvar("fit", csv, *ROLES)
    assert result.exit_code == 0
    assert result.stderr == ""
    lead, body, advice, *_ = paragraphs(result.stdout)
    assert lead.startswith("The effects of cause and sex on yield are the same in all 3")
    assert advice.startswith("What to do: carry to a new place ")
    assert " ".join([lead, body, advice]) == str(load_fit(csv).answer_.explanation)


def load_fit(csv):
    data = pd.read_csv(csv)
    features = data[["cause", "effect", "sex"]]
    return InvariantRegressor().fit(features, data["yield"], environments=data["place"])


def test_each_model_has_its_table_and_its_words(elinvar, csv):
    answer = load_fit(csv).answer_
    out = elinvar("fit", csv, *ROLES).stdout
    lines, said = out.splitlines(), " ".join(out.split())
    tables = effect_tables(answer)
    assert len(tables) == 2
    for table in tables:
        assert f"{table.title}." in said
        for row in table.rows:
            line = r" +".join(map(re.escape, row[:4]))
            assert any(re.match(line, printed) for printed in lines)
    for verdict in {kind for table in tables for kind in table.verdicts}:
        assert f"{verdict} {meaning(verdict, answer)}" in said


def test_what_stands_out_and_levels_make_room_for_the_rest(elinvar, frame, tmp_path):
    long = "a_rather_long_name_of_a_cause"
    frame = frame.rename(columns={"cause": long})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout
    assert max(map(len, out.splitlines())) <= 100
    assert re.search(rf"^{long} +invariant ", out, re.MULTILINE)
    assert "Of levels: sex, " in out


def test_of_many_features_those_that_say_most_are_printed(elinvar, tmp_path):
    rng = np.random.default_rng(0)
    place, X = np.repeat(["a", "b", "c"], 150), rng.normal(size=(450, 64))
    frame = pd.DataFrame(X * np.repeat([1, 2, 3], 150)[:, None]).add_prefix("x")
    frame = frame.assign(place=place, **{"yield": frame["x63"] + rng.normal(size=450)})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout
    assert "4 more are in the output of --json and on the page." in out
    first = next(line for line in out.splitlines() if re.match(r"x\d+  ", line))
    assert first.startswith("x63 ")


def test_errors_tests_and_margin_are_printed(elinvar, csv):
    model = load_fit(csv)
    out = elinvar("fit", csv, *ROLES).stdout
    for row in model.errors_.itertuples(index=False):
        errors = re.search(rf"^{row.environment} +100((?: +[\d.]+){{5}})$", out, re.MULTILINE)
        expected = [row.invariant, row.pooled, row.lasso, row.mean, row.used]
        np.testing.assert_allclose(np.array(errors[1].split(), float), expected, rtol=1e-3)
    tests = "coefficients 0.29, residual mean 0.82, slopes 0.14, noise 0.61"
    assert f"p-values: {tests}" in " ".join(out.split())
    assert model.forecast_.reason in " ".join(out.split())


def test_enough_environments_have_a_margin(elinvar, many_places, tmp_path):
    many_places(12, 40).to_csv(tmp_path / "rows.csv", index=False)
    out = " ".join(elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout.split())
    margin = re.search(
        r"at least 90% of the rows should lie within (\S+) of what predict says", out
    )
    assert 1.645 < float(margin[1]) < 2.5


def test_of_many_environments_the_first_are_printed(elinvar, many_places, tmp_path):
    many_places(45, 20).to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout
    assert len(re.findall(r"^p\d\d +20 ", out, re.MULTILINE)) == 29
    assert "16 more are in the output of --json." in out


def test_environments_that_do_not_differ_are_said_to_be_copies(elinvar, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"place": np.repeat(["a", "b", "c"], 100), "x": rng.normal(size=300)})
    frame["yield"] = frame.x + rng.normal(size=300)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout
    assert "do not differ from one another by more than chance" in paragraphs(out)[0]
    assert "draw no conclusion about others" in paragraphs(out)[2]


def test_without_a_terminal_nothing_is_coloured_or_cut(elinvar, frame, tmp_path):
    long = "a_feature_whose_name_is_" + "very_" * 30 + "long"
    frame.rename(columns={"cause": long}).to_csv(tmp_path / "rows.csv", index=False)
    out = elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout
    assert "\x1b" not in out
    assert "…" not in out
    # a row in the table of all features, and one in that of the invariant set
    assert sum(line.startswith(f"{long}  ") for line in out.splitlines()) == 2


def test_markup_in_names_is_printed_as_it_is(elinvar, frame, tmp_path):
    frame.rename(columns={"cause": "[red]cause[/]"}).to_csv(tmp_path / "rows.csv", index=False)
    assert "[red]cause[/]" in elinvar("fit", tmp_path / "rows.csv", *ROLES).stdout


def test_json_is_all_that_is_printed(elinvar, csv, tmp_path):
    model = tmp_path / "model.json"
    result = elinvar("fit", csv, *ROLES, "--json", "--model", model)
    values = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    assert result.stderr == ""
    assert values["status"] == "accepted"
    assert values["elinvar"] == package.__version__
    assert values["selected"] == [True, False, True]
    assert values["model"] == str(model)
    assert values["explanation"].startswith("The effects of cause and sex")
    assert {row["feature"]: row["verdict"] for row in values["evidence"]}["effect"] == "spurious"
    assert [row["environment"] for row in values["errors"]] == ["Bonn", "Oslo", "Rome"]
    tables = {"evidence", "all_features", "effects", "tests", "residuals", "errors", "left_out"}
    assert all(values[name] for name in tables)
    assert values["reason"].startswith("A set of features agrees in all 3 environments")
    assert values["forecast"]["margin"] is None
    assert values["diagnosis"]["verdict"] == "can answer in part"


def test_model_and_report_are_written(elinvar, csv, tmp_path):
    model, report = tmp_path / "model.json", tmp_path / "report.html"
    result = elinvar("fit", csv, *ROLES, "--model", model, "--report", report)
    assert f"Model: {model}\nReport: {report}\n" in result.stdout
    assert load_model(model).status_ == "accepted"
    assert "The effects of cause and sex" in report.read_text(encoding="utf-8")
    assert str(csv) in report.read_text(encoding="utf-8")


def test_figures_are_written_as_png_and_svg(elinvar, csv, tmp_path):
    folder = tmp_path / "figures"
    result = elinvar("fit", csv, *ROLES, "--figures", folder)
    assert result.exit_code == 0, result.stderr
    stems = {
        *("forest", "effects", "path", "errors", "break_even", "left_out", "diagnosis", "power"),
        "adaptation",
    }
    assert {path.name for path in folder.iterdir()} == {
        f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")
    }
    assert (folder / "forest.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "forest.svg").read_text(encoding="utf-8").startswith("<svg")
    out = " ".join(result.stdout.split())
    named = re.search(r"Figures: \S+ \(([\w, ]+); as PNG and SVG\)$", out)
    assert set(named[1].split(", ")) == stems


@pytest.mark.parametrize("command", ["fit", "diagnose"])
def test_a_folder_for_figures_is_checked_before_anything_is_read(
    command, elinvar, csv, tmp_path, monkeypatch
):
    from elinvar import Moments

    monkeypatch.setattr(Moments, "from_files", lambda *_, **__: pytest.fail("was read"))
    place = tmp_path / "missing" / "figures"
    assert "Create it first" in refused(elinvar(command, csv, *ROLES, "--figures", place))
    assert not place.parent.exists()
    assert "is a file" in refused(elinvar(command, csv, *ROLES, "--figures", csv))


def test_the_tolerance_of_effects_reaches_the_verdicts(elinvar, tmp_path):
    penguins = load_penguins()
    penguins.frame.to_csv(tmp_path / "rows.csv", index=False)
    roles = ("--target", penguins.target, "--environment", penguins.environment)
    roles += ("--features", ",".join(penguins.features), "--intercept", "environment")
    verdicts = []
    for share in (0.5, 2.0):
        options = ("--effect-tolerance", share, "--json")
        values = json.loads(elinvar("fit", tmp_path / "rows.csv", *roles, *options).stdout)
        assert values["params"]["effect_tolerance"] == share
        depth = next(row for row in values["evidence"] if row["feature"] == "bill_depth_mm")
        assert 0.5 < (depth["new_high"] - depth["effect"]) / depth["effect"] < 2.0
        verdicts.append(depth["verdict"])
    assert verdicts == ["same direction", "nearly invariant"]


def test_options_reach_the_model(elinvar, csv, tmp_path):
    model = tmp_path / "model.json"
    result = elinvar(
        "fit", csv, *ROLES, "--model", model, "--features", "cause,sex", "--features", "effect",
        "--drop", "effect", "--intercept", "environment", "--predictor", "pooled",
        "--exclude-environments", "Oslo", "--features-always", "sex",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    fitted = load_model(model)
    assert fitted.schema_.features == ("cause", "sex")
    assert fitted.environments_ == ("Bonn", "Rome")
    assert fitted.excluded_environments_ == ("Oslo",)
    assert (fitted.intercept, fitted.predictor_) == ("environment", "pooled")
    assert fitted.selected_.tolist()[1] is True


def test_names_with_commas_can_be_quoted(elinvar, frame, tmp_path):
    data, model = tmp_path / "rows.csv", tmp_path / "model.json"
    frame.rename(columns={"cause": "cause, kg"}).to_csv(data, index=False)
    assert elinvar("fit", data, *ROLES, "--features", '"cause, kg",sex', "--model", model).stdout
    assert load_model(model).schema_.features == ("cause, kg", "sex")


def test_weights_categories_and_several_environment_columns(elinvar, frame, tmp_path):
    data, model = tmp_path / "rows.parquet", tmp_path / "model.json"
    frame["times"] = 2
    frame["code"] = np.arange(len(frame)) % 3
    frame["year"] = np.arange(len(frame)) % 2 + 2020
    frame.to_parquet(data)
    result = elinvar(
        "fit", data, *ROLES, "--environment", "year", "--weight", "times", "--categorical", "code",
        "--model", model,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    values = json.loads(model.read_text())
    assert values["environments"][0] == {"name": "Bonn / 2020", "rows": pytest.approx(100)}
    assert values["levels"]["code"] == ["0", "1", "2"]


def test_missing_values_are_refused_dropped_or_filled_in(elinvar, frame, tmp_path):
    data, model = tmp_path / "rows.csv", tmp_path / "model.json"
    frame.loc[5, "cause"] = np.nan
    frame.to_csv(data, index=False)
    assert "--missing" in refused(elinvar("fit", data, *ROLES))
    assert elinvar("fit", data, *ROLES, "--missing", "drop", "--model", model).exit_code == 0
    assert json.loads(model.read_text())["n_dropped"] == 1
    assert elinvar("fit", data, *ROLES, "--missing", "impute", "--model", model).exit_code == 0
    assert "cause" in json.loads(model.read_text())["fill"]


def test_several_files_and_patterns(elinvar, frame, tmp_path):
    model = tmp_path / "model.json"
    for name, part in frame.groupby("place"):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    for data in ([tmp_path / "*.csv"], sorted(tmp_path.glob("*.csv"))):
        assert elinvar("fit", *data, *ROLES, "--model", model).exit_code == 0
        assert load_model(model).environments_ == ("Bonn", "Oslo", "Rome")


def test_one_environment_is_no_failure(elinvar, frame, tmp_path):
    data, report = tmp_path / "rows.csv", tmp_path / "report.html"
    frame[frame.place == "Oslo"].to_csv(data, index=False)
    result = elinvar("fit", data, *ROLES, "--report", report, "--model", tmp_path / "m.json")
    assert result.exit_code == 0
    assert result.stdout.startswith("There is one environment only")
    assert "one environment only" in report.read_text(encoding="utf-8")
    assert load_model(tmp_path / "m.json").status_ == "pooled_only"


def test_rejected_invariance_is_no_failure(elinvar, frame, tmp_path):
    rng = np.random.default_rng(1)
    slope = np.repeat([1.0, -3.0, 6.0], 100)
    frame = pd.DataFrame({"place": frame.place, "x": rng.normal(size=300)})
    frame["yield"] = slope * (1 + frame.x) + rng.normal(size=300) / 10
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = elinvar("fit", tmp_path / "rows.csv", *ROLES)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert said.startswith("No effect on yield is sure to keep its sign in a new place")
    assert "No set of effects is exactly the same in all 3 environments" in said
    assert re.search(r"^x +varies ", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--target", "yeild", "--environment", "place"), "'yield'"),
        (("--target", "yield", "--environment", "places"), "'place'"),
        (("--target", "sex", "--environment", "place"), "target must be a number"),
        ((*ROLES, "--features", "causes"), "'cause'"),
        ((*ROLES, "--exclude-environments", "Paris"), "Paris"),
        ((*ROLES, "--features-always", "x"), "'x'"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(options, reason, elinvar, csv):
    assert reason in refused(elinvar("fit", csv, *options))


@pytest.mark.parametrize("content", [b"", b"\n", b"a,b\n", b"place,yield,x\nOslo,1\n", b"\xff\x00"])
def test_unusable_files_are_refused(content, elinvar, tmp_path):
    (tmp_path / "rows.csv").write_bytes(content)
    refused(elinvar("fit", tmp_path / "rows.csv", *ROLES))


def test_a_file_that_does_not_exist_is_refused(elinvar, tmp_path):
    assert "There is no file" in refused(elinvar("fit", tmp_path / "rows.csv", *ROLES))


@pytest.mark.parametrize("option", ["--report", "--model"])
def test_outputs_are_checked_before_anything_is_read(option, elinvar, csv, tmp_path, monkeypatch):
    from elinvar import Moments

    monkeypatch.setattr(Moments, "from_files", lambda *_, **__: pytest.fail("was read"))
    place = tmp_path / "missing" / "out"
    assert "Create it first" in refused(elinvar("fit", csv, *ROLES, option, place))
    assert not place.parent.exists()
    assert "is a folder" in refused(elinvar("fit", csv, *ROLES, option, tmp_path))
    before = csv.read_bytes()
    assert "input file" in refused(elinvar("fit", csv, *ROLES, option, csv))
    pattern = tmp_path / "r*.csv"
    assert "input file" in refused(elinvar("fit", pattern, *ROLES, option, csv))
    assert csv.read_bytes() == before


@pytest.mark.parametrize("command", ["fit", "diagnose", "forecast"])
def test_a_report_that_is_named_as_no_page_is_refused_before_anything_is_read(
    command, elinvar, csv, tmp_path, monkeypatch
):
    from elinvar import Moments

    monkeypatch.setattr(Moments, "from_files", lambda *_, **__: pytest.fail("was read"))
    report = tmp_path / "report.pdf"
    said = refused(elinvar(command, csv, *ROLES, "--report", report))
    assert (
        said == f"error: {report} would hold a web page; end its name in .html (browsers print "
        "pages to PDF).\n"
    )
    assert not report.exists()


def test_one_file_cannot_be_two_outputs(elinvar, csv, tmp_path):
    out = tmp_path / "out"
    result = elinvar("fit", csv, *ROLES, "--model", out, "--report", tmp_path / "." / "out")
    assert "two outputs" in refused(result)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fit",),
        ("fit", "rows.csv"),
        ("fit", "rows.csv", "--target", "y"),
        ("fit", "rows.csv", *ROLES, "--intercept", "none"),
        ("fit", "rows.csv", *ROLES, "--colour"),
        ("fit", "rows.csv", *ROLES, "--effect-tolerance", "-1"),
        ("fit", "rows.csv", *ROLES, "--effect-tolerance", "nan"),
        ("fit", "rows.csv", *ROLES, "--effect-tolerance", "inf"),
        ("diagnose", "rows.csv", "--target", "y"),
        ("diagnose", "rows.csv", *ROLES, "--predictor", "pooled"),
        ("predict",),
        ("predict", "model.json"),
        ("predict", "model.json", "rows.csv", "--unknown", "guess"),
        ("dance",),
    ],
)
def test_wrong_usage_exits_with_2(arguments, elinvar):
    result = elinvar(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr + result.stdout


def test_version_and_help(elinvar):
    assert elinvar("--version").stdout == f"elinvar {package.__version__}\n"
    for command in ((), ("diagnose",), ("fit",), ("predict",), ("demo",)):
        result = elinvar(*command, "--help")
        assert result.exit_code == 0
        assert "--help" in result.stdout


def test_clusters_and_robust_say_what_the_intervals_allow_for(elinvar, csv):
    data = pd.read_csv(csv)
    data["person"] = [f"p{k % 60}" for k in range(len(data))]
    data.to_csv(csv, index=False)
    result = elinvar("fit", csv, *ROLES, "--cluster", "person", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert any("in 60 clusters (CR2)" in note for note in found["notes"])
    result = elinvar("fit", csv, *ROLES, "--drop", "person", "--robust", "--json")
    assert any("(HC2)" in note for note in json.loads(result.stdout)["notes"])
    assert "nobody" in refused(elinvar("fit", csv, *ROLES, "--cluster", "nobody"))
