import re

import pandas as pd
import pytest

from elinvar.bench import SUITES


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench") / "out"


@pytest.fixture
def ran(elinvar, folder):
    """The command, and what it printed; later tests find all cells finished."""
    return elinvar(
        "bench", "reversed", "environments", "--methods", "dantzig, kclass", "--seeds", 2,
        "--quick", "--workers", 1, "--out", folder, "--resume",
    )  # fmt: skip


def test_the_command_prints_tables_and_writes_all_of_them(ran, folder):
    assert (ran.exit_code, ran.stderr) == (0, "")
    printed = words(ran.stdout)
    for name in ("reversed", "environments"):
        assert f"{SUITES[name].title} ({name})" in printed
    for method in ("constant", "pooled", "oracle", "dantzig", "elinvar-auto", "elinvar-invariant"):
        assert f"\n{method} " in ran.stdout
    assert "not applicable: needs more environments than features" in printed
    assert "Open in a browser" in printed
    assert {path.name for path in folder.iterdir()} == {
        "reversed-quick.parquet", "environments-quick.parquet", "rows.parquet", "summary.parquet",
        "suites.parquet", "verdicts.parquet", "targets.parquet", "leaderboard.md", "index.html",
    }  # fmt: skip


def test_every_number_of_the_document_is_in_the_tables(ran, folder):
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert "elinvar bench reversed environments --methods dantzig,kclass --seeds 2 --quick" in text
    assert "This is a short run" in text
    summary = pd.read_parquet(folder / "suites.parquet").set_index(["suite", "method"])
    mean = summary.loc[("reversed", "pooled"), "mean"]
    assert re.search(rf"^\| pooled \| 2 \| {mean:.4g} \|", text, re.MULTILINE)


def test_the_page_shows_pictures_and_loads_nothing(ran, folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == 2
    assert "<script" not in page
    assert not re.search(r'(?:href|src)="(?!#)', page)
    assert 'id="reversed-regression"' in page


def test_a_folder_with_results_is_refused_without_resume(ran, elinvar, folder):
    result = elinvar("bench", "reversed", "--methods", "dantzig,kclass", "--quick", "--out", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "holds results of reversed-quick; add --resume" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reverse"], "There is no suite 'reverse'. Did you mean reversed"),
        (["eills", "--methods", "lazo"], "There is no method 'lazo'. Did you mean lasso"),
    ],
)
def test_unknown_names_are_refused_before_any_work(elinvar, tmp_path, arguments, words):
    result = elinvar("bench", *arguments, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_list_says_what_each_suite_asks_and_who_takes_part(elinvar):
    result = elinvar("bench", "--list")
    assert result.exit_code == 0
    printed = words(result.stdout)
    for suite in SUITES.values():
        assert f"{suite.name} {suite.about}" in printed
    assert "causalicp invariant causal prediction (Bonferroni) causalicp" in printed


def test_an_interrupted_run_says_how_to_go_on(elinvar, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("elinvar.bench.run_bench", stop)
    result = elinvar("bench", "eills", "--quick", "--out", tmp_path, "--workers", 1)
    assert result.exit_code == 130
    assert "the same command with --resume goes on from there" in words(result.stderr)
