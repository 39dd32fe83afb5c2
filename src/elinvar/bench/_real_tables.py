"""Results on real tables as texts in rows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import number, percent
from elinvar.bench._real import REFERENCES, not_read
from elinvar.bench._statements import coverage, statements
from elinvar.bench._targets import CONTRADICTED
from elinvar.bench._text import NOTHING, TextTable, plain

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.bench._run import BenchResult


def real_tables(result: "BenchResult") -> Iterator[TextTable]:
    """Yield a table of methods for each kind of target, and one of tables that were not read."""
    for task, part in result.over_tables.groupby("task", sort=False):
        own = result.by_table[result.by_table["task"] == task]
        years = own.loc[own["by_year"].astype(bool), "problem"].nunique()
        reference = REFERENCES[str(task)]
        places = own.loc[own["method"] == reference.method, "environments"].sum()
        without = f" ({years} tables are by year)" if years else ""
        rows = [
            [
                str(row["method"]),
                str(row["tables"]),
                plain(row["ratio"], 3),
                plain(row["ratio_without_years"], 3),
                percent(row["worse"], 2, missing=NOTHING),
                f"{row['worst']:.2f} ({row['worst_table']})" if row["worst_table"] else NOTHING,
                str(row["failures"]),
                number(row["seconds"], digits=2),
                _note(result, str(row["method"])),
            ]
            for row in part.to_dict("records")
        ]
        kind = "numbers" if task == "regression" else "classes"
        yield TextTable(
            name=f"tables-{task}",
            title=f"Real tables, {kind} to predict (tables)",
            about=f"{own['problem'].nunique()} tables, {places} environments, each left out in "
            f"turn: mean {reference.error} over that of {reference.title}, geometric mean "
            f"over environments, then over tables; the same without years as "
            f"environments{without}; tables on which it is 2% larger; the worst table; runs that "
            "failed.",
            heads=("method", "tables", "error", "without years", "2% worse", "worst table",
                   "failed", "fit s", "note"),
            rows=rows,
            picture=f"tables-{task}.png",
            kinds="lrrrrlrrl",
        )  # fmt: skip
    if result.claims is not None:
        yield _statement_table(result.claims)
    lost = not_read(result.rows)
    yield TextTable(
        name="not-read",
        title="Tables that could not be read",
        about="The others went on without them.",
        heads=("table", "reason"),
        rows=[[name, reason] for name, reason in lost.items()],
        kinds="ll",
    )


def _statement_table(claims: "DataFrame") -> TextTable:
    names = {"evidence": "strongest statement", "all_features": "model of all features"}
    found = statements(claims).to_dict("records")
    rows = [
        [
            row["where"],
            names[row["table"]],
            row["verdict"],
            f"{row['effects']:,}",
            percent(row["share"], 2),
            f"{row['checked']:,}",
            percent(row["contradicted"], 2, missing=NOTHING),
            percent(CONTRADICTED.get(row["verdict"], np.nan), 2, missing=""),
            plain(row["covered"], 3),
        ]
        for row in found
        if row["effects"]
    ]
    held = "; ".join(
        f"{row['where']}: {row['covered']:.3f} of {row['effects']:,} (without years, "
        f"whose rows are often of the same units, {row['without_years']:.3f}), and .80 or more "
        f"on {row['enough']:.0%} of problems"
        for row in coverage(claims).to_dict("records")
    )
    return TextTable(
        name="statements",
        title="Verdicts on environments left out (tables)",
        about="Each environment is left out, the default model fitted to the others, and each "
        "verdict held against the coefficient of that environment's own least squares, with its "
        "error: a sign is contradicted beyond 1.64 errors, a size outside the 90% interval for a "
        "new environment widened by them. A feature counts once for each environment that is left "
        f"out; an effect of a column that is constant within all environments but one cannot be "
        f"told. Coverage of that interval in the model of all features, nominally .90: {held}.",
        heads=("where", "table", "verdict", "effects", "share", "checked", "contradicted",
               "at most", "covered"),
        rows=rows,
        kinds="lllrrrrrr",
    )  # fmt: skip


def _note(result: "BenchResult", method: str) -> str:
    rows = result.rows
    notes = rows.loc[(rows["method"] == method) & (rows["outcome"] == "finished"), "note"]
    reasons = rows.loc[(rows["method"] == method) & (rows["outcome"] == "failed"), "reason"]
    texts = dict.fromkeys([*notes.dropna(), *reasons.dropna()])
    return "; ".join(text for text in texts if text)
