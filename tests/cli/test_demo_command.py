import re

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.fixture
def printed(elinvar, folder):
    """Run the demo once; later tests read what the first one wrote."""
    log = folder.parent / "printed.txt"
    if not log.exists():
        result = elinvar("demo", "--out", folder)
        assert result.exit_code == 0
        assert result.stderr == ""
        log.write_text(result.stdout, encoding="utf-8")
    return log.read_text(encoding="utf-8")


def test_the_demo_says_what_was_found(printed):
    penguins, bikes = re.split(r"^bikes: ", printed, flags=re.MULTILINE)
    assert "penguins: " in penguins
    row = re.search(r"^bill_depth_mm +invariant +(\S+) .* (\S+)$", penguins, re.MULTILINE)
    assert float(row[1]) > 0 > float(row[2])
    assert "Invariance is rejected" in bikes
    for text, left_out in ((penguins, "Adelie"), (bikes, "winter")):
        assert re.search(rf"^{left_out} +[\d,]+( +[\d.]+){{4}}$", text, re.MULTILINE)


def test_every_file_that_the_demo_names_is_there(printed, folder):
    named = set(re.findall(rf"{re.escape(str(folder))}/([\w.-]+\.\w+)", " ".join(printed.split())))
    assert named == {path.name for path in folder.iterdir()}
    assert {"penguins.html", "bikes.html", "penguins.png", "bikes-errors.png"} <= named
    assert all((folder / name).stat().st_size > 1000 for name in named)


def test_the_demo_credits_its_data(printed, folder):
    assert "CC BY 4.0" in (folder / "bikes.html").read_text(encoding="utf-8")
    assert "CC0" in (folder / "penguins.html").read_text(encoding="utf-8")


def test_places_that_cannot_be_made_are_refused(elinvar, tmp_path):
    result = elinvar("demo", "--out", tmp_path / "missing" / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Create it first" in result.stderr
    (tmp_path / "file").touch()
    result = elinvar("demo", "--out", tmp_path / "file")
    assert result.exit_code == 1
    assert "is a file" in result.stderr
