import re
from xml.etree import ElementTree

import numpy as np
import pytest

from elinvar.errors import FileError
from elinvar.report import environment_figure, write_figures

ALL = [
    "forest", "effects", "path", "errors", "break_even", "adaptation", "left_out", "diagnosis",
    "power",
]  # fmt: skip


@pytest.mark.parametrize(("name", "pictures"), [("accepted", ALL), ("one", ["effects", "power"])])
def test_figures_are_written_as_png(name, pictures, models, tmp_path):
    files = write_figures(models[name], tmp_path, prefix="x-")
    assert list(files) == [f"{picture}.png" for picture in pictures]
    for file, path in files.items():
        assert path == tmp_path / f"x-{file}"
        assert path.read_bytes().startswith(b"\x89PNG")


def test_vector_figures_stand_on_their_own(models, nasty, tmp_path):
    files = write_figures(models["nasty"], tmp_path, formats=["svg"])
    assert list(files) == [f"{name}.svg" for name in ALL]
    for name in ALL:
        text = files[f"{name}.svg"].read_text("utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root[0].attrib["fill"] == "#ffffff"
        assert not re.search(r"var\(|currentColor|<script|xlink|url\((?!#)", text)
        if name == "effects":
            assert nasty in [text.strip() for text in root.itertext()]


def test_a_figure_can_have_both_formats_and_is_always_the_same(models, tmp_path):
    first = write_figures(models["one"], tmp_path, formats=("png", "svg"))
    assert list(first)[:2] == ["effects.png", "effects.svg"]
    content = {file: path.read_bytes() for file, path in first.items()}
    again = write_figures(models["one"], tmp_path, formats=("png", "svg"))
    assert {file: path.read_bytes() for file, path in again.items()} == content


def test_places_and_formats_that_cannot_be_written_are_refused(models, tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_figures(models["accepted"], tmp_path / "missing")
    with pytest.raises(FileError, match="png or svg; got 'pdf'"):
        write_figures(models["accepted"], tmp_path, formats=("png", "pdf"))
    assert list(tmp_path.iterdir()) == []


def test_the_line_of_each_environment_is_its_least_squares_line():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 1, 50), rng.normal(5, 1, 50)]
    frame = {"x": x, "y": np.r_[2 * x[:50], 2 * x[50:] - 20], "e": ["a"] * 50 + ["b"] * 50}
    ax = environment_figure(frame, "x", "y", "e")
    assert ax.get_title(loc="left") == "Up in each environment, down in the pooled data"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    lines = np.array([np.polyfit(*line.get_data(), 1) for line in ax.get_lines()])
    expected = [[2.0, 0.0], [2.0, -20.0], np.polyfit(x, frame["y"], 1)]
    np.testing.assert_allclose(lines, expected, rtol=1e-9, atol=1e-9)
