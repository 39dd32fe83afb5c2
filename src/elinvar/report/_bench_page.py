"""One page about a benchmark: targets, pictures, tables."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base import atomic_write, check_writable
from elinvar.plots import plot_error_time, plot_ranks, plot_recovery, to_svg
from elinvar.report._figures import take_finding
from elinvar.report._page import templates
from elinvar.report._tables import Cell, Column, Table

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from elinvar.bench import BenchResult
    from elinvar.bench._tables import TextTable


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with its finding as a heading."""

    name: str
    says: str
    svg: "Markup"
    caption: str


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
    from elinvar._base import __version__
    from elinvar.bench._markdown import PROTOCOL
    from elinvar.bench._tables import (
        method_table,
        rank_table,
        suite_tables,
        target_table,
        verdict_table,
    )

    path = check_writable(Path(folder) / "index.html")
    tables = [target_table(result), rank_table(result), *suite_tables(result)]
    tables += [verdict_table(result), method_table(result)]
    told = result.targets[result.targets["met"] != "not measured"]
    page = (
        templates()
        .get_template("bench.html.j2")
        .render(
            title="Leaderboard",
            command=command,
            version=__version__,
            quick=result.quick,
            n_met=int((told["met"] == "yes").sum()),
            n_targets=len(told),
            protocol=[sentence.replace("*", "").replace("`", "") for sentence in PROTOCOL],
            pictures=list(_pictures(result)),
            tables=[(one, _table(one)) for one in tables if one is not None],
        )
    )
    with atomic_write(path) as file:
        file.write(page)
    return path


def _pictures(result: "BenchResult") -> Iterator[Picture]:
    """Yield the pictures for which there are rows."""
    if result.ranking is not None:
        ranking = result.ranking
        axes = plot_ranks(
            ranking.ranks,
            ranking.critical_difference,
            ranking.groups(),
            n_problems=len(ranking.problems),
        )
        caption = "Average ranks of the error in new environments; bars join what is alike."
        yield _picture("ranks-picture", axes, caption)
    times = error_times(result)
    if len(times):
        caption = "Regression problems with a known answer: geometric means over problems."
        yield _picture("time", plot_error_time(times), caption)
    for suite, against in (("sizes", "n_features"), ("environments", "n_environments")):
        found = recovery(result, suite, against)
        if len(found):
            caption = "Methods that select features, on random linear models."
            yield _picture(f"recovery-{suite}", plot_recovery(found, against), caption)


def error_times(result: "BenchResult") -> Any:
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


def recovery(result: "BenchResult", suite: str, against: str) -> Any:
    """Return the mean F1 of each method at each size of one suite."""
    rows = result.rows
    rows = rows[(rows["suite"] == suite) & rows["f1"].notna() & (rows["method"] != "constant")]
    rows = rows[~rows["problem"].str.startswith("speed")]
    return rows.groupby(["method", against], sort=False)["f1"].mean().reset_index()


def _picture(name: str, axes: "Axes", caption: str) -> Picture:
    from markupsafe import Markup

    says = take_finding(axes)
    svg = Markup(to_svg(axes, prefix=name, alt=says))
    return Picture(name=name, says=says, svg=svg, caption=caption)


def _table(table: "TextTable") -> Table:
    columns = tuple(
        Column(head, str, "number" if kind == "r" else "text")
        for head, kind in zip(table.heads, table.kinds, strict=True)
    )
    rows = [[Cell(text, text == "-") for text in row] for row in table.rows]
    return Table(caption=table.about, columns=columns, rows=rows)
