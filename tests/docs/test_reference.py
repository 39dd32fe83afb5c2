"""The reference lists every public name, and each has a page that numpydoc can read."""

import importlib
import inspect

from numpydoc.validate import validate

# A summary that is one sentence in the right place, sections in their order, parameters that are
# those of the signature.
CHECKED = {"GL01", "GL02", "GL05", "GL06", "GL07", "GL08", "SS01", "SS03", "PR02", "PR10"}


def test_every_public_name_is_listed(reference):
    assert reference.missing_names() == []


def test_a_name_that_no_page_lists_is_found(reference, monkeypatch, tmp_path):
    (tmp_path / "elinvar.rst").write_text(".. currentmodule:: elinvar\n\n   Moments\n")
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    missing = reference.missing_names()
    assert "elinvar.InvariantRegressor" in missing
    assert "elinvar.Moments" not in missing
    assert "elinvar.environments.Moments" not in missing


def test_what_is_listed_is_there(reference):
    absent = [
        f"{room}.{name}"
        for room, name in reference.listed_names()
        if not hasattr(importlib.import_module(room), name)
    ]
    assert absent == []


def test_numpydoc_can_read_every_page(reference):
    found = []
    for room, name in reference.listed_names():
        thing = getattr(importlib.import_module(room), name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            errors = validate(f"{room}.{name}")["errors"]
            found += [f"{room}.{name}: {text}" for code, text in errors if code in CHECKED]
    assert found == []
