"""Long work says so on standard error before it takes long."""

from itertools import count

import pytest

from elinvar._base._watch import parts
from elinvar.cli import _console

# both stages go through the environments left out
STAGES = ("Fitting", "Leaving out")


@pytest.mark.parametrize(("seconds", "said"), [
    (3, [f"{stage} ... left-out environments: 1 of 3 done, about 6 s left" for stage in STAGES]),
    (1, []),
])  # fmt: skip
def test_a_line_is_printed_once_before_what_takes_more_than_five_seconds(
    monkeypatch, elinvar, csv, seconds, said
):
    clock = count(step=seconds)
    monkeypatch.setattr("elinvar.cli._console._LONG", 5.0)
    monkeypatch.setattr("elinvar.cli._console.monotonic", lambda: next(clock))
    result = elinvar("fit", csv, "--target", "yield", "--environment", "place")
    assert result.exit_code == 0 and result.stderr.splitlines() == said


def test_a_terminal_shows_a_bar_of_the_parts(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with _console.progress("Fitting ..."):
        list(parts("left-out environments", range(4)))
    shown = capsys.readouterr()
    assert shown.out == "" and "left-out environments 4 of 4" in shown.err
