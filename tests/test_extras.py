"""Tests whose optional package is missing are skipped with a sentence; with an option they fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HIDE = "import sys; sys.modules['polars'] = None\n"
WAYS = {
    "mark": "import pytest\n@pytest.mark.needs('polars')\ndef test_it(): assert False\n",
    "call": "import pytest\ndef test_it(): pytest.importorskip('polars'); assert False\n",
    "file": "import pytest\npytest.importorskip('polars')\ndef test_it(): assert False\n",
    "import": "import polars\ndef test_it(): assert False\n",
}


@pytest.fixture
def run(tmp_path):
    """Return what runs a test of each way in a project like this one."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    for way, text in WAYS.items():
        (tmp_path / "tests" / f"test_{way}.py").write_text(HIDE + text)

    def pytest_says(*options):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout

    return pytest_says


def test_each_way_of_saying_so_skips_and_names_the_extra(run):
    code, said = run()
    lines = [line for line in said.splitlines() if line.startswith("SKIPPED")]
    assert all("needs polars: pip install 'elinvar[polars]'" in line for line in lines)
    assert (code, said.splitlines()[-1].partition(" in ")[0]) == (0, "4 skipped")


def test_where_all_extras_must_be_there_each_fails(run):
    code, said = run("--all-extras", "--continue-on-collection-errors")
    assert (code, said.splitlines()[-1].partition(" in ")[0]) == (1, "1 failed, 3 errors")
