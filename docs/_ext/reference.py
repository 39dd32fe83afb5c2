"""Every public name is in the API reference, or the build fails and names it."""

import importlib
import pkgutil
import re
from pathlib import Path

from sphinx.util import logging
from sphinx_gallery.backreferences import identify_names
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

import elinvar

STORIES = Path(__file__).parents[2] / "examples" / "gallery"
PAGES = Path(__file__).parents[1] / "api"
MODULE = re.compile(r"^\.\. (?:current)?module:: (\S+)$")
DATA = re.compile(r"^\.\. py:data:: (\S+)$")
ROLE = r":(?:class|func|meth|data):`~?\.?([\w.]+)`"
REQUEST = re.compile(r"set_\w+_request")
ENTRY = re.compile(r"^ {3,}([A-Za-z_][\w.]*)$")


def public_names():
    """Yield (package, name) for what the packages of elinvar give away."""
    rooms = ["elinvar", "elinvar.sensing.quadratic"]
    rooms += [
        f"elinvar.{found.name}"
        for found in pkgutil.iter_modules(elinvar.__path__)
        if not found.name.startswith("_")
    ]
    for room in rooms:
        for name in importlib.import_module(room).__all__:
            yield room, name


def listed_names(constants=True):
    """Yield (package, name) for what the pages of the reference list."""
    for page in sorted(set(PAGES.glob("*.rst")) - {PAGES / "index.rst"}):
        module = "elinvar"
        for line in page.read_text(encoding="utf-8").splitlines():
            if found := MODULE.match(line):
                module = found[1]
            elif found := ENTRY.match(line) or (constants and DATA.match(line)):
                yield module, found[1]


def missing_names():
    """Return the public names that no page lists, be it under another of their addresses."""
    listed = set(listed_names())
    same = {id(getattr(importlib.import_module(room), name, None)) for room, name in listed}
    return [
        f"{room}.{name}"
        for room, name in public_names()
        if (room, name) not in listed
        and id(getattr(importlib.import_module(room), name)) not in same
    ]


def told_names(stories=STORIES):
    """Return the full names that stories of the gallery use, or refer to."""
    found = set()
    for path in stories.glob("*/plot_*.py"):
        blocks = split_code_and_text_blocks(str(path))[1]
        for guesses in identify_names(blocks, ROLE).values():
            found |= {f"{guess['module']}.{guess['name']}" for guess in guesses}
    return found


def check(app):
    for name in missing_names():
        logging.getLogger(__name__).warning(
            "%s is public and in no page of docs/api: list it in the page of its package", name
        )


def skip(app, what, name, obj, skipped, options):
    """Leave out what scikit-learn gives each estimator, and describes itself."""
    return True if name == "get_metadata_routing" or REQUEST.fullmatch(name) else None


def name_by_role(app):
    """Let the gallery take names from roles alone: literals have backticks, too."""
    app.config.sphinx_gallery_conf["default_role"] = ""


def setup(app):
    app.connect("builder-inited", check)
    app.connect("builder-inited", name_by_role, priority=100)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
