"""The leaderboard as a document, every number of it from the tables."""

from collections.abc import Iterator
from math import exp
from typing import TYPE_CHECKING

from elinvar._base._version import __version__
from elinvar.bench._data import NEW_ENVIRONMENTS, NEW_ROWS
from elinvar.bench._protocol import MOST_FOLDS
from elinvar.bench._summary import BASE, is_peer
from elinvar.bench._tables import result_tables
from elinvar.bench._text import TextTable

if TYPE_CHECKING:
    from elinvar.bench._run import BenchResult

PROTOCOL = (
    "Methods see training environments alone. Errors are measured on rows of "
    f"{NEW_ENVIRONMENTS} new environments of {NEW_ROWS} rows each (with more than 300 features "
    "half as many of half the rows), or on the environment of a real table that was left out.",
    "One rule chooses hyper-parameters, for all methods: each training environment is left out in "
    f"turn (of more than {MOST_FOLDS}, {MOST_FOLDS} evenly spread ones are), and the candidate "
    "with the smallest mean error there wins; ties go to the default. With two environments each "
    "is learnt from once, by methods that can do so. Where one environment fewer is too few for a "
    "method, it has its defaults. elinvar always has its defaults.",
    "The column *tuned on test* has, in each run, the candidate that is best on the test "
    "environments. Nobody has such a choice; it says what better choosing could give. No other "
    "column, rank or comparison uses it.",
    "All methods see the same data: seeds are keyed by problem and repetition.",
    "The oracle is least squares on the true support; where environments do not differ, on all "
    "columns. Mean, median and worst are over runs with a result.",
    "A failure is a run that raised an error, took longer than its limit, gave predictions that "
    "are not finite, or had an error 5% above the constant's, which knows nothing. F1 is that of "
    "the selected features, for methods that select, on problems with a set to find.",
    "*against elinvar-auto* is the geometric mean of the ratio of errors on the same data "
    "(regression), or the mean of their difference (classification), with a 95% t-interval over "
    "seeds, problems as strata. It speaks of new seeds, not of other problems.",
    "|b - b*|² is the squared distance from the coefficients of the target's own mechanism; "
    "elinvar's is that of its `invariant_coef_`.",
    "Seconds are processor seconds of one fit, on one thread, after a fit on other data that loads "
    "and compiles; *with choice* adds the rule; elinvar's evidence is made when asked for, and no "
    "part of a fit. They are medians. Memory "
    "is the largest rise of the resident set of the process during a fit (Linux: its high-water "
    "mark, set back before), on the first repetition: compiled code counts like everything else, "
    "rows of the data do not.",
    "Real tables keep complete rows of environments of 30 rows or more, of which the 30 largest; "
    "each is left out in turn, for all methods. Methods that are slow with many rows learn from "
    "2,500 of them at most, the same share of each environment; trees and logistic regression have "
    "their defaults there. Errors are over those of least squares on all rows; for classes log "
    "losses over those of logistic regression.",
    "Slow methods run fewer seeds, or not on everything; the column *runs* and the notes say so.",
)


def leaderboard(result: "BenchResult", *, command: str, version: str | None = None) -> str:
    """Return the leaderboard as Markdown.

    Parameters
    ----------
    result : BenchResult
        Of `run_bench`.
    command : str
        What was run.
    version : str, optional
        Of elinvar; by default this one.

    Returns
    -------
    str
        The same for the same rows.
    """
    return "\n".join(_lines(result, command, version or __version__)).rstrip() + "\n"


def _lines(result: "BenchResult", command: str, version: str) -> Iterator[str]:
    yield f"""# Leaderboard

<!-- Written by the command below; do not edit. -->

Every number here was written by elinvar {version}:

```sh
{command}
```
"""
    n_runs = int(result.rows["outcome"].isin(("finished", "failed")).sum())
    n_methods, n_problems = result.rows["method"].nunique(), result.rows["problem"].nunique()
    yield f"{n_runs:,} runs of {n_methods} methods on {n_problems} problems."
    if result.quick:
        yield "This is a short run: fewer problems, few seeds, and no slow methods."
    yield "\n## How it is measured\n"
    yield from (f"- {sentence}" for sentence in PROTOCOL)
    yield ""
    yield from _falls_short(result)
    for table in result_tables(result):
        yield from _table(table)


def _falls_short(result: "BenchResult") -> Iterator[str]:
    missed = result.targets[result.targets["met"] == "no"]
    yield "## Where elinvar falls short\n"
    for row in missed.itertuples():
        yield f"- {row.suite}: {row.target}. Measured: {row.measured}."
    if not len(missed):
        yield "- No target that this run measures is missed."
    yield from (f"- {sentence}" for sentence in _losses(result))
    yield "\n[limits.md](limits.md) says why, and what of it no method can have.\n"


def _losses(result: "BenchResult") -> Iterator[str]:
    """Yield where a peer's error is surely smaller than elinvar-auto's."""
    frame = result.by_suite
    surely = frame[(frame["gap_high"] < -1e-6) & frame["method"].map(is_peer)]
    for (suite, task), part in surely.groupby(["suite", "task"], sort=False):
        ordered = part.sort_values("gap")
        names = [
            f"{name} ({exp(gap):.3g} times)" if task == "regression" else f"{name} ({gap:+.3f})"
            for name, gap in zip(ordered["method"], ordered["gap"], strict=True)
        ]
        yield f"{suite} ({task}): errors surely smaller than {BASE}'s: {', '.join(names)}."


def _table(table: TextTable) -> Iterator[str]:
    yield f"## {table.title}\n\n{table.about}\n"
    if table.picture:
        yield f"![{table.title}: errors of each method](images/{table.picture})\n"
    yield _row(table.heads)
    yield "|" + "|".join("---:" if kind == "r" else "---" for kind in table.kinds) + "|"
    yield from map(_row, table.rows)
    yield ""


def _row(cells: "tuple[str, ...] | list[str]") -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
