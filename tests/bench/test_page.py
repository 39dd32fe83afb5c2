import re

import pytest

from elinvar.bench import run_bench, write_bench_page
from elinvar.bench._page import error_times, recovery
from elinvar.errors import FileError


@pytest.fixture(scope="module")
def result():
    return run_bench(["environments"], methods=["dantzig"], seeds=1, quick=True)


@pytest.fixture
def shown(parsed, result, tmp_path):
    path = write_bench_page(result, tmp_path, command="elinvar bench <environments>")
    return parsed(path.read_text("utf-8"))


def test_the_page_has_tables_pictures_and_the_rule(shown, result):
    assert [attrs["id"] for attrs in shown.named("section")] == [
        "pictures", "environments-regression", "verdicts", "methods", "protocol",
    ]  # fmt: skip
    assert len(shown.named("svg")) == 2
    assert "each training environment is left out in turn" in shown.text
    assert "elinvar bench <environments>" in shown.texts
    assert "This run measures no target." in shown.text


def test_the_page_loads_and_runs_nothing(shown):
    assert shown.named("script") == shown.named("link") == shown.named("img") == []
    ids = {attrs["id"] for _, attrs in shown.tags if "id" in attrs}
    for place in re.findall(r'(?:href|src)="([^"]*)"', shown.raw):
        assert place.startswith("#") and place[1:] in ids


def test_pictures_draw_what_is_in_the_rows(result):
    times = error_times(result).set_index("method")
    assert times.loc["oracle", "error"] == pytest.approx(1)
    assert (times["seconds"] > 0).all()
    found = recovery(result, "environments", "n_environments")
    oracle = found[found["method"] == "oracle"]
    assert oracle["n_environments"].tolist() == [2, 5]
    assert (oracle["f1"] == 1).all()
    assert "constant" not in set(found["method"])


def test_the_page_needs_a_folder(result, tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        write_bench_page(result, tmp_path / "missing", command="x")
