"""Real tables: errors over those of plain least squares, by table and over all tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elinvar.datasets import TableSpec

if TYPE_CHECKING:
    import pandas as pd

    Frame = pd.DataFrame


class Reference(NamedTuple):
    """What errors are over: a method, its name in a sentence, and what its error is."""

    method: str
    title: str
    error: str


REFERENCES: Final = {
    "regression": Reference("pooled", "pooled least squares", "squared error"),
    "classification": Reference("logistic", "pooled logistic regression", "log loss"),
}
"""Of each kind of target."""

WORSE: Final = 1.02


def by_table(rows: "Frame", specs: Mapping[str, TableSpec]) -> "Frame":
    """Return a row for each method and real table.

    Parameters
    ----------
    rows : DataFrame
        Of the cells of suites of real tables.
    specs : mapping of str to TableSpec

    Returns
    -------
    DataFrame
        ``task``, ``problem``, ``method``; ``environments``, those left out that the method and the
        reference ran on; ``ratio``, the geometric mean over them of the error over the reference's
        (squared errors, or log losses); ``failures``, runs that raised an error, took too long or
        predicted nothing; ``by_year``, whether environments are years; ``seconds`` of a fit.
    """
    import pandas as pd

    ran = rows[rows["outcome"].isin(("finished", "failed"))]
    found = []
    for (task, problem), part in ran.groupby(["task", "problem"], sort=False):
        errors = part.pivot(index="repetition", columns="method", values="error").astype(float)
        reference = errors.get(REFERENCES[str(task)].method)
        if reference is None:
            continue
        for method, own in part.groupby("method", sort=False):
            # an error of exactly 0 has no logarithm, and no table has one
            logs = np.log((errors[method] / reference).to_numpy())
            logs = logs[np.isfinite(logs)]
            found.append(
                {
                    "task": task,
                    "problem": problem,
                    "method": method,
                    "environments": len(logs),
                    "ratio": _geometric(logs),
                    "failures": int((own["outcome"] == "failed").sum()),
                    "by_year": specs[str(problem)].by_year,
                    "seconds": float(own["seconds"].astype(float).median()),
                }
            )
    columns = ["task", "problem", "method", "environments", "ratio", "failures", "by_year"]
    return pd.DataFrame(found, columns=[*columns, "seconds"])


def over_tables(tables: "Frame") -> "Frame":
    """Return a row for each method and kind of target, all tables counting alike.

    Parameters
    ----------
    tables : DataFrame
        Of `by_table`.

    Returns
    -------
    DataFrame
        ``task``, ``method``, ``tables``; ``ratio``, the geometric mean over tables, and
        ``ratio_without_years``; ``worse``, the share of tables with an error 2% larger than the
        reference's; ``worst``, the largest ratio, and ``worst_table``; ``failures``; ``seconds``,
        the median over tables.
    """
    import pandas as pd

    found: list[dict[str, Any]] = []
    for (task, method), part in tables.groupby(["task", "method"], sort=False):
        known = part[part["ratio"].notna()].sort_values("ratio", ascending=False)
        worst = next(known[["ratio", "problem"]].itertuples(index=False, name=None), (np.nan, ""))
        logs, by_year = np.log(known["ratio"].to_numpy()), known["by_year"].to_numpy(dtype=bool)
        found.append(
            {
                "task": task,
                "method": method,
                "tables": len(known),
                "ratio": _geometric(logs),
                "ratio_without_years": _geometric(logs[~by_year]),
                "worse": float((known["ratio"] > WORSE).mean()),
                "worst": worst[0],
                "worst_table": worst[1],
                "failures": int(part["failures"].sum()),
                "seconds": float(part["seconds"].median()),
            }
        )
    columns = ["task", "method", "tables", "ratio", "ratio_without_years", "worse", "worst"]
    return pd.DataFrame(found, columns=[*columns, "worst_table", "failures", "seconds"])


def not_read(rows: "Frame") -> dict[str, str]:
    """Return the tables that could not be read, and why.

    Parameters
    ----------
    rows : DataFrame
        Of the cells.
    """
    lost = rows[rows["outcome"] == "no table"]
    return {str(row["problem"]): str(row["reason"]) for row in lost.to_dict("records")}


def _geometric(logs: NDArray[np.float64]) -> float:
    return float(np.exp(logs.mean())) if len(logs) else np.nan
