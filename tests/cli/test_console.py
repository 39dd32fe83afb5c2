"""Long work says so on standard error before it takes long."""

from itertools import count

import pytest

from elinvar._base._watch import parts
from elinvar.cli import _console


@pytest.mark.parametrize(("seconds", "line"), [
    (3, "Fitting ... left-out environments: 1 of 4 done, about 9 s left\n"),
    (1, ""),
])  # fmt: skip
def test_a_line_is_printed_once_before_what_takes_more_than_five_seconds(
    monkeypatch, capsys, seconds, line
):
    clock = count(step=seconds)
    monkeypatch.setattr(_console, "monotonic", lambda: next(clock))
    with _console.progress("Fitting ..."):
        assert list(parts("left-out environments", range(4))) == [0, 1, 2, 3]
    assert capsys.readouterr() == ("", line)


def test_a_terminal_shows_a_bar_of_the_parts(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with _console.progress("Fitting ..."):
        list(parts("left-out environments", range(4)))
    shown = capsys.readouterr()
    assert shown.out == "" and "left-out environments 4 of 4" in shown.err
