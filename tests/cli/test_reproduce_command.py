import dataclasses
import json

import pytest

from elinvar.studies import STUDIES


def small(name, **changes):
    study = STUDIES[name]
    quick = dataclasses.replace(study.quick, dim=10, steps=200, repetitions=2, **changes)
    return dataclasses.replace(study, quick=quick)


@pytest.fixture
def studies():
    """Two studies that take no time."""
    found = {
        "trajectories": small("trajectories"),
        "batch-size": small("batch-size", batch_sizes=(1000, 10_000, 100_000)),
    }
    kept = dict(STUDIES)
    STUDIES.clear()
    STUDIES.update(found)
    yield STUDIES
    STUDIES.clear()
    STUDIES.update(kept)


def words(text):
    return " ".join(text.split())


def test_the_list_says_what_each_study_shows_and_how_long_it_takes(elinvar):
    result = elinvar("reproduce", "--list", "--workers", 1)
    assert result.exit_code == 0
    printed = words(result.stdout)
    for study in STUDIES.values():
        assert f"{study.name} {study.claim} Takes " in printed
    assert " with --quick; estimated for 1 core" in printed


def test_times_are_those_of_so_many_cores(elinvar, studies):
    whole = dataclasses.replace(studies["trajectories"].full, core_seconds=240.0)
    studies["trajectories"] = dataclasses.replace(studies["trajectories"], full=whole)
    assert "Takes 4 min," in elinvar("reproduce", "trajectories", "--list", "--workers", 1).stdout
    assert "Takes 40 s," in elinvar("reproduce", "trajectories", "--list", "--workers", 6).stdout


def test_tables_pictures_verdicts_and_a_page(elinvar, studies, tmp_path):
    out = tmp_path / "reproduce"
    result = elinvar("reproduce", "--quick", "--out", out, "--workers", 2)
    # in a new environment kernels are compiled first, and that is said
    said = result.stderr.replace("elinvar: compiling once, a few seconds\n", "")
    assert (result.exit_code, said) == (0, "")
    printed = words(result.stdout)
    assert printed.index("trajectories: Where") < printed.index("batch-size: How large")
    assert "algorithm runs error error low" in printed
    assert "holds: PooledGD ends at the pooled solution" in printed
    assert "fails: Noise is nowhere just as large as the signal" in printed
    assert "Batches of 1,000 to 100,000; 2 runs of each setting, too few for more than" in printed
    assert " claims hold, in short runs of few repetitions. All is in " in printed
    kinds = (".parquet", "-summary.csv", ".png", ".json")
    names = {f"{name}-quick{kind}" for name in studies for kind in kinds}
    assert {path.name for path in out.iterdir()} == names | {"index.html", "explore.html"}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == 2
    assert "elinvar reproduce --quick --out" in page


def test_studies_of_earlier_runs_stay_on_the_page(elinvar, studies, tmp_path):
    for name in ("batch-size", "trajectories"):
        elinvar("reproduce", name, "--quick", "--out", tmp_path, "--workers", 1)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    first, second = (
        page.index(f'<section id="{name}-quick"') for name in ("trajectories", "batch-size")
    )
    assert first < second
    assert "elinvar reproduce batch-size --quick" in page


def test_a_second_run_finds_all_done_and_keeps_how_long_it_took(elinvar, studies, tmp_path):
    elinvar("reproduce", "batch-size", "--quick", "--out", tmp_path, "--workers", 1)
    record = tmp_path / "batch-size-quick.json"
    took = json.loads(record.read_text()) | {"seconds": 1234.0, "workers": 7}
    record.write_text(json.dumps(took))
    rows = (tmp_path / "batch-size-quick.parquet").stat().st_mtime_ns
    again = elinvar("reproduce", "batch-size", "--quick", "--out", tmp_path, "--workers", 1)
    assert again.exit_code == 0
    assert (tmp_path / "batch-size-quick.parquet").stat().st_mtime_ns == rows
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "1234 s with 7 workers" in page


def test_rows_of_other_settings_are_refused(elinvar, studies, tmp_path):
    elinvar("reproduce", "batch-size", "--quick", "--out", tmp_path, "--workers", 1)
    studies["batch-size"] = small("batch-size", batch_sizes=(50, 500))
    result = elinvar("reproduce", "batch-size", "--quick", "--out", tmp_path, "--workers", 1)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "batch-size-quick.parquet" in result.stderr


def test_an_interrupted_run_says_how_to_go_on(elinvar, studies, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("elinvar.studies.run_study", stop)
    result = elinvar("reproduce", "--quick", "--out", tmp_path, "--workers", 1)
    assert result.exit_code == 130
    assert "the same command goes on from there" in words(result.stderr)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("batchsize", "Did you mean batch-size"),
        ("trajectory", "Did you mean trajectories"),
        ("question", "Did you mean questions?"),
    ],
)
def test_an_unknown_study_is_refused_with_what_was_meant(elinvar, name, hint, tmp_path):
    result = elinvar("reproduce", name, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"There is no study '{name}'. {hint}" in result.stderr
    assert f"The studies are {', '.join(STUDIES)}, questions." in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_nothing_is_guessed_from_a_name_that_is_like_none(elinvar, tmp_path):
    result = elinvar("reproduce", "xyz", "--out", tmp_path / "out")
    assert "There is no study 'xyz'. The studies are" in result.stderr


def test_places_that_cannot_be_made_are_refused(elinvar, tmp_path):
    result = elinvar("reproduce", "--out", tmp_path / "missing" / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Create it first" in result.stderr
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "out"):
        result = elinvar("reproduce", "--out", place)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "is a file" in result.stderr


def test_a_record_of_another_version_is_refused_before_any_work(elinvar, studies, tmp_path):
    newer = {"format": "elinvar study", "version": 99, "elinvar": "9.9"}
    (tmp_path / "scaling.json").write_text(json.dumps(newer))
    result = elinvar("reproduce", "--quick", "--out", tmp_path, "--workers", 1)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "another version of elinvar (9.9)" in result.stderr


def test_the_page_to_play_with_goes_to_a_file_or_into_a_folder(elinvar, tmp_path):
    for out, path in ((tmp_path / "my.html",) * 2, (tmp_path / "d", tmp_path / "d/explore.html")):
        result = elinvar("reproduce", "--page", "--out", out)
        assert (result.exit_code, result.stderr) == (0, "")
        assert words(result.stdout) == f"Open in a browser: {path}"
        assert path.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    "others", [("trajectories", "--quick"), ("--list",), ("--cluster", "tcp://x")]
)
def test_the_page_to_play_with_goes_with_no_runs(elinvar, others, tmp_path):
    result = elinvar("reproduce", "--page", *others, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    named = ", ".join(word for word in others if word != "tcp://x")
    assert f"--page runs no study: leave out {named}, or leave out --page." in result.stderr
    assert not (tmp_path / "out").exists()


def test_no_workers_is_wrong_usage(elinvar, tmp_path):
    assert elinvar("reproduce", "--workers", 0, "--out", tmp_path).exit_code == 2
