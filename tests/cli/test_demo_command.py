import re

import pytest

from elinvar.answer import HOLDS, VERDICTS
from elinvar.datasets import make_schools

TABLES = ("bikes", "schools", "penguins")


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


@pytest.fixture
def parts(printed):
    """What is printed of each table."""
    texts = re.split(r"^\w+: (?=What)", printed, flags=re.MULTILINE)[1:]
    return dict(zip(TABLES, texts, strict=True))


def verdicts(text):
    """The verdict on each feature of a printed table, by its name."""
    words = "|".join(sorted(VERDICTS, key=len, reverse=True))
    return dict(re.findall(rf"^(\w+)  .*?\b({words})  ", text, re.MULTILINE))


def test_it_opens_with_something_that_holds(printed, parts):
    assert printed.startswith("bikes: ")
    found = verdicts(parts["bikes"])
    assert len(found) == 6
    assert {found["night"], found["rush_hour"]} <= set(HOLDS)


def test_the_truth_stands_beside_the_answer(parts):
    true = make_schools(rng=0).effects
    text = parts["schools"]
    assert re.search(r"^homework_hours +1.5 in every school ", text, re.MULTILINE)
    assert re.search(r"^shoe_size +none ", text, re.MULTILINE)
    low, high = re.search(r"^group_size +from (\S+) to (\S+) ", text, re.MULTILINE).groups()
    assert float(low) == pytest.approx(true["group_size"].min(), rel=0.05)
    assert float(high) == pytest.approx(true["group_size"].max(), rel=0.05)
    found = verdicts(text)
    assert {found["homework_hours"], found["days_present"]} <= set(HOLDS)


def test_it_says_something_of_nearly_every_effect(parts):
    kinds = [kind for text in parts.values() for kind in verdicts(text).values()]
    assert len(kinds) == 15
    assert kinds.count("undecided") <= 2
    assert {"nearly invariant", "same direction", "varies"} <= set(kinds)


def test_bill_depth_turns_its_sign_within_species(parts):
    text = parts["penguins"]
    row = r"^bill_depth_mm +same direction +(\S+) \[(\S+), (\S+)\] .* (-\S+)  "
    effect, low, high, pooled = map(float, re.search(row, text, re.MULTILINE).groups())
    assert pooled < 0 < low < effect < high
    assert "All rows together, body_mass_g falls with bill_depth_mm" in " ".join(text.split())


def test_the_demo_says_how_far_predictions_may_be_off(parts):
    assert "There is no margin for predictions in a new environment." in parts["penguins"]
    for name in ("bikes", "schools"):
        assert re.search(r"should lie within [\d.]+ of what predict\s+says", parts[name])


def test_every_file_that_the_demo_names_is_there(printed, folder):
    text = " ".join(printed.split())
    pages = set(re.findall(rf"{re.escape(str(folder))}/([\w.-]+\.html)", text))
    assert pages == {f"{name}.html" for name in TABLES}
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
