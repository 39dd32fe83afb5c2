"""The files that build the site, as modules."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference():
    """Return ``docs/_ext/reference.py``, which knows what the pages of the reference list."""
    return load(DOCS / "_ext" / "reference.py")


@pytest.fixture(scope="session")
def maps():
    """Return ``docs/_ext/maps.py``, which draws how names fit together."""
    return load(DOCS / "_ext" / "maps.py")


@pytest.fixture(scope="session")
def links():
    """Return ``docs/check_links.py``."""
    return load(DOCS / "check_links.py")
