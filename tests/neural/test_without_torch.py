"""Without torch the package works, and neural says how to get it."""

import subprocess
import sys

import pytest

HIDE = "import sys; sys.modules['torch'] = None\n"


def run(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_neural_is_imported_without_loading_torch():
    assert run("import sys, elinvar.neural; print('torch' in sys.modules)") == "False"
    assert run(HIDE + "import elinvar.neural; print(len(elinvar.neural.__all__) > 5)") == "True"


@pytest.mark.parametrize("name", ["EnvironmentBatchSampler", "audit"])
def test_a_name_says_how_to_install_torch(name):
    assert run(HIDE + f"from elinvar.neural import {name}") == (
        "elinvar.errors.MissingExtraError: This needs the optional package 'torch', which "
        "is not installed. Install it with: pip install 'elinvar[torch]'"
    )
