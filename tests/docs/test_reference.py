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


def test_every_name_has_a_picture(reference, maps):
    """A story of the gallery, or the map of where it stands; constants stand beside a map."""
    told, drawn = reference.told_names(), maps.all_maps()
    bare = {
        f"{room}.{name}"
        for room, name in reference.listed_names(constants=False)
        if f"{room}.{name}" not in told and maps.map_of(f"{room}.{name}", drawn) is None
    }
    assert bare == set()
    pages = {page.stem for page in reference.PAGES.glob("*.rst")}
    assert {one.page.stem for one in drawn} == pages - {"index"}


def test_a_story_tells_what_it_uses_and_what_it_refers_to(reference, tmp_path):
    (tmp_path / "effects").mkdir()
    story = '"""\nA story\n=======\n"""\nfrom elinvar import Moments\n\nMoments()\n\n'
    story += "# %%\n# See :func:`~elinvar.plots.plot_forest`, and ``elinvar.diagnose``.\n"
    (tmp_path / "effects" / "plot_story.py").write_text(story)
    told = reference.told_names(tmp_path)
    assert {"elinvar.Moments", "elinvar.plots.plot_forest"} <= told
    assert "elinvar.diagnose" not in told
