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
    penguins, bikes, months = re.split(r"^(?:bikes|months): ", printed, flags=re.MULTILINE)
    assert "penguins: " in penguins
    row = r"^bill_depth_mm +undecided +(\S+) \[(\S+), (\S+)\] .* (\S+)$"
    effect, low, high, pooled = map(float, re.search(row, penguins, re.MULTILINE).groups())
    assert pooled < 0 < low < effect < high
    assert re.search(r"^bill_length_mm +undecided ", penguins, re.MULTILINE)
    assert "No effect on body_mass_g is sure to be the same" in " ".join(penguins.split())
    for text, where in ((bikes, "4 environments (autumn"), (months, "12 environments")):
        assert f"No set of effects on log_bikers is the same in all {where}" in " ".join(
            text.split()
        )
        assert re.search(r"^temp +undecided +from \S+ to \S+ ", text, re.MULTILINE)


def test_the_demo_diagnoses_and_says_how_far_predictions_may_be_off(printed):
    penguins, bikes, months = re.split(r"^(?:bikes|months): ", printed, flags=re.MULTILINE)
    assert "Diagnosis: can answer in part." in penguins
    assert "Diagnosis: can answer in part." in bikes
    assert "Diagnosis: can answer. " in months
    for text in (penguins, bikes):
        assert "There is no margin for predictions in a new environment." in text
    assert re.search(r"should lie within 1\.\d+ of what predict\s+says", months)


def test_every_file_that_the_demo_names_is_there(printed, folder):
    text = " ".join(printed.split())
    pages = set(re.findall(rf"{re.escape(str(folder))}/([\w.-]+\.html)", text))
    assert pages == {"penguins.html", "bikes.html", "months.html"}
    pictures = set(re.findall(r"[\w-]+\.png", text))
    assert {"penguins.png", "penguins-forest.png", "bikes-errors.png"} <= pictures
    named = pages | pictures
    assert named == {path.name for path in folder.iterdir()}
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
