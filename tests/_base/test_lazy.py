"""Packages whose names are loaded when they are first used."""

import subprocess
import sys

import pytest

import elinvar
from elinvar._base._lazy import attach


def test_names_of_the_stub_are_loaded_when_they_are_used(tmp_path):
    (tmp_path / "__init__.pyi").write_text(
        "from json import decoder as decoder\n"
        "from json.encoder import (\n    JSONEncoder as JSONEncoder,\n)\n"
    )
    load, names, everything = attach("json", str(tmp_path / "__init__.py"))
    assert names() == everything == ["JSONEncoder", "decoder"]
    assert load("JSONEncoder")().encode([1]) == "[1]"
    assert load("decoder").__name__ == "json.decoder"
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'dump'"):
        load("dump")


def test_the_front_door_has_its_version_and_nothing_loaded():
    program = "import sys, elinvar; print(elinvar.__version__, 'elinvar.estimators' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout.split() == [elinvar.__version__, "False"]
    assert dir(elinvar) == elinvar.__all__
