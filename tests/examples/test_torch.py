"""Every example of a training loop runs unchanged, and ends where it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "examples" / "torch"
NEEDS = {
    "accelerate_loop.py": ["accelerate"],
    "hugging_face_trainer.py": ["transformers", "datasets", "accelerate"],
    "lightning_trainer.py": ["lightning"],
    "tensorboard_records.py": ["tensorboard"],
}
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "three_sources.py")


def run(name, *arguments, folder):
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_differs_between_sources_is_not_learned(name, tmp_path):
    said = run(name, folder=tmp_path)
    same, differs = re.search(r"everywhere: (\S+); of what differs: (\S+)", said).groups()
    assert 0.9 < float(same) < 1.1 and abs(float(differs)) < 0.05
    if name != "tensorboard_records.py":
        assert "Audit: hetero" in said


def test_lightning_on_two_processes(tmp_path):
    said = run("lightning_trainer.py", "--devices", "2", folder=tmp_path)
    assert "Audit: hetero" in said and "2 processes" in said
    assert re.search(r"of what differs: -?0.0", said)


def test_every_script_is_listed():
    listed = set(re.findall(r"`(\w+\.py)`", (FOLDER / "README.md").read_text()))
    assert listed == set(SCRIPTS)
