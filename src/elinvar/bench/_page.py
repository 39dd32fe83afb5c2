"""One page about a benchmark: targets, pictures, tables."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import check_writable
from elinvar._base._version import __version__
from elinvar.bench._markdown import PROTOCOL
from elinvar.bench._real import REFERENCES
from elinvar.bench._tables import result_tables
from elinvar.bench._text import TextTable
from elinvar.plots import plot_error_time, plot_ranks, plot_recovery, plot_tables
from elinvar.report.layout import Kind, Picture, Table, picture, write_page

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.bench._run import BenchResult
    from elinvar.plots.types import Axes

_TEMPLATES = Path(__file__).parent / "templates"


def write_bench_page(
    result: "BenchResult", folder: str | os.PathLike[str], *, command: str
) -> Path:
    """Write ``index.html`` about a benchmark.

    The page loads nothing and runs nothing; it follows the reader's light or dark setting.

    Parameters
    ----------
    result : BenchResult
        Of `elinvar.bench.run_bench`.
    folder : str or path
        Where to; it must exist.
    command : str
        What was run.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileError
        If the page cannot be written.
    """
    path = check_writable(Path(folder) / "index.html")
    told = result.targets[result.targets["met"] != "not measured"]
    return write_page(
        path,
        "bench.html.j2",
        _TEMPLATES,
        title="Leaderboard",
        command=command,
        version=__version__,
        quick=result.quick,
        n_met=int((told["met"] == "yes").sum()),
        n_targets=len(told),
        protocol=[sentence.replace("*", "").replace("`", "") for sentence in PROTOCOL],
        pictures=list(_pictures(result)),
        tables=[(one, _table(one)) for one in result_tables(result)],
    )


def _pictures(result: "BenchResult") -> Iterator[Picture]:
    """Yield the pictures for which there are rows."""
    for task, axes in table_pictures(result):
        caption = "Each environment left out in turn; triangles are beyond the edge."
        yield picture(axes, f"tables-{task}-picture", caption)
    if result.ranking is not None:
        ranking = result.ranking
        axes = plot_ranks(
            ranking.ranks,
            ranking.critical_difference,
            ranking.groups(),
            n_problems=len(ranking.problems),
        )
        caption = "Average ranks of the error in new environments; bars join what is alike."
        yield picture(axes, "ranks-picture", caption)
    times = error_times(result)
    if len(times):
        caption = "Regression problems with a known answer: geometric means over problems."
        yield picture(plot_error_time(times), "time", caption)
    for suite, against in (("sizes", "n_features"), ("environments", "n_environments")):
        found = recovery(result, suite, against)
        if len(found):
            caption = "Methods that select features, on random linear models."
            yield picture(plot_recovery(found, against), f"recovery-{suite}", caption)


def table_pictures(result: "BenchResult") -> "Iterator[tuple[str, Axes]]":
    """Yield, for each kind of target of real tables, errors over those of the reference.

    Parameters
    ----------
    result : BenchResult
        Of `run_bench`. The constant, which knows nothing, is not drawn.

    Yields
    ------
    tuple of str and Axes
    """
    for task, part in result.over_tables.groupby("task", sort=False):
        tables = result.by_table[result.by_table["task"] == task]
        known = part[part["method"] != "constant"]
        yield str(task), plot_tables(tables, known, reference=REFERENCES[str(task)].title)


def error_times(result: "BenchResult") -> "DataFrame":
    """Return each method's error over the oracle's and seconds, over problems that all ran on.

    Of suites that count in the ranks, if there are some. Methods that ran on fewer than three
    quarters of the problems are left out.
    """
    import numpy as np
    import pandas as pd

    frame = result.by_problem
    ranked = [suite.name for suite in result.suites if suite.ranked]
    frame = frame[frame["suite"].isin(ranked)] if ranked else frame
    known = frame["reference"].isin(["oracle", ""]) & (frame["task"] == "regression")
    ran = frame[known & (frame["outcome"] == "ran") & frame["mean"].gt(0)]
    table = ran.pivot_table(index="problem", columns="method", values=["mean", "seconds"])
    if not len(table):
        return pd.DataFrame(columns=["method", "seconds", "error"])
    # geometric means: ratios of errors and seconds span orders of magnitude
    errors, seconds = np.log(table["mean"]), np.log(table["seconds"])
    kept = errors.columns[errors.notna().mean() >= 0.75]
    common = errors[kept].notna().all(axis=1)
    return pd.DataFrame(
        {
            "method": list(kept),
            "seconds": np.exp(seconds.loc[common, kept].mean()).to_numpy(),
            "error": np.exp(errors.loc[common, kept].mean()).to_numpy(),
        }
    )


def recovery(result: "BenchResult", suite: str, against: str) -> "DataFrame":
    """Return the mean F1 of each method at each size of one suite."""
    rows = result.rows
    rows = rows[(rows["suite"] == suite) & rows["f1"].notna() & (rows["method"] != "constant")]
    rows = rows[~rows["problem"].str.startswith("speed")]
    return rows.groupby(["method", against], sort=False)["f1"].mean().reset_index()


def _table(table: TextTable) -> Table:
    kinds: list[Kind] = ["number" if kind == "r" else "text" for kind in table.kinds]
    return Table(table.about, table.heads, table.rows, kinds)
