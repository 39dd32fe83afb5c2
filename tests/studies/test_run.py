"""Running a study: what is written, what is kept, and what is refused."""

import dataclasses

import pandas as pd
import pytest

from elinvar.errors import FileError
from elinvar.studies import STUDIES, Claim, run_study

ORDER = [
    "trajectories", "heterogeneity", "step-size", "batch-size", "small-batches", "parameterization",
    "phase-diagram", "three-factors", "continuum", "scaling", "relaxed-orthogonality", "saddles",
    "quadratic-network", "network-width", "normalised-steps", "optimizers", "penalties", "few-shot",
    "coloured-digits", "sources", "causal-graphs",
]  # fmt: skip


def test_studies_come_in_the_order_of_the_story():
    assert list(STUDIES) == [name for name in ORDER if name in STUDIES]
    assert {"trajectories", "heterogeneity", "step-size", "batch-size"} <= set(STUDIES)


@pytest.mark.parametrize("name", list(STUDIES))
def test_every_study_is_whole(name):
    study = STUDIES[name]
    assert study.name == name
    assert study.title and study.claim.endswith(".")
    whole, short = study.config(), study.config(quick=True)
    assert whole != short
    assert short.core_seconds <= 20
    assert short.core_seconds <= whole.core_seconds
    for config in (whole, short):
        sweep = study.sweep(config)
        assert sweep.name == name
        assert len(sweep) % config.repetitions == 0
        assert list(sweep.axes) == [*study.axes, "repetition"]
        assert sweep.function.__module__.startswith("elinvar.studies.")


def test_rows_summary_and_picture_are_written(coins, read, tmp_path):
    study = coins.study()
    seen = []
    result = run_study(study, study.quick, out=tmp_path, progress=lambda *now: seen.append(now))
    stem = "coins-quick"
    assert result.stem == stem
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{stem}.parquet", f"{stem}-summary.csv", f"{stem}.png",
    }  # fmt: skip
    assert len(read(tmp_path / f"{stem}.parquet")) == 8
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / f"{stem}-summary.csv"), result.summary, check_exact=False
    )
    assert (tmp_path / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
    assert seen[-1][:2] == (8, 8)
    assert result.seconds > 0
    assert result.holds


def test_without_a_folder_nothing_is_written(coins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = coins.study()
    assert run_study(study, study.quick).holds
    assert list(tmp_path.iterdir()) == []


def test_short_and_whole_runs_share_a_folder(coins, tmp_path):
    study = coins.study()
    short, whole = run_study(study, study.quick, out=tmp_path), run_study(study, out=tmp_path)
    assert (short.stem, whole.stem) == ("coins-quick", "coins")
    assert len(coins.calls) == 8 + 60
    run_study(study, study.quick, out=tmp_path)
    run_study(study, out=tmp_path)
    assert len(coins.calls) == 8 + 60


def test_what_was_interrupted_goes_on(coins, tmp_path):
    study = coins.study()
    coins.stop_after = 5
    with pytest.raises(KeyboardInterrupt):
        run_study(study, study.quick, out=tmp_path)
    coins.stop_after = None
    found = run_study(study, study.quick, out=tmp_path)
    assert len(coins.calls) == len(set(coins.calls)) == 8
    pd.testing.assert_frame_equal(found.rows, run_study(study, study.quick).rows)


def test_rows_of_other_settings_are_refused(coins, tmp_path):
    study = coins.study()
    run_study(study, out=tmp_path)
    fewer = dataclasses.replace(study.full, sizes=(5,))
    with pytest.raises(FileError, match=r"coins\.parquet"):
        run_study(study, fewer, out=tmp_path)


def test_a_study_holds_if_all_claims_do(coins):
    good, bad = Claim(holds=True, sentence="One."), Claim(holds=False, sentence="Two.")
    study = coins.study()
    result = run_study(study, study.quick)
    assert dataclasses.replace(result, claims=(good, good)).holds
    assert not dataclasses.replace(result, claims=(good, bad)).holds
