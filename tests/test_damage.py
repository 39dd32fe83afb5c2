"""Mutated files, and commands that are killed: short runs of what `benchmarks` does at length."""

import importlib
import sys
from collections import Counter
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def fuzz():
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("fuzz")
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def kills():
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("kills")
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("kind", "mutations"),
    [("model", 200), ("class model", 80), ("adapted", 80), ("moments", 200), ("journal", 200)],
)
@pytest.mark.filterwarnings("default")
def test_a_mutated_file_gives_a_result_or_an_error_of_ours(kind, mutations, fuzz, tmp_path):
    make, name = fuzz.kinds(tmp_path)[kind]
    found = fuzz.run(make(), mutations, tmp_path / name)
    assert found == Counter({key: found[key] for key in ("a result", "our error")})
    assert min(found.values()) > 3


@pytest.mark.filterwarnings("default")
def test_a_mutated_checkpoint_gives_the_same_run_or_an_error_of_ours(fuzz, tmp_path):
    pytest.importorskip("torch")
    make, name = fuzz.kinds(tmp_path)["checkpoint"]
    found = fuzz.run(make(), 200, tmp_path / name)
    assert set(found) <= {"a result", "our error"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("case", ["moments", "sweep"])
def test_kills_leave_whole_files_and_nothing_after_the_next_run(case, kills, tmp_path):
    folder = tmp_path / case
    folder.mkdir()
    damage, left, _ = kills.run(kills.cases(tmp_path)[case], folder, 6)
    assert (damage, left) == ([], [])
