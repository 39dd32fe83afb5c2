"""How environments and moments look when they are printed."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._schema import Schema

SHOWN = 12


def text_table(head: str, rows: Sequence[tuple[str, ...]], more: int) -> str:
    """Return a heading and aligned rows, the first column to the left."""
    width = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = [
        "  "
        + "  ".join(
            cell.ljust(w) if j == 0 else cell.rjust(w)
            for j, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]
    if more:
        lines.append(f"  ... and {more:,} more")
    return "\n".join([head, *lines])


def html_table(head: str, rows: Sequence[tuple[str, ...]], more: int) -> str:
    """Return the same as an HTML table."""
    first, *rest = rows
    header = "".join(f"<th>{escape(cell)}</th>" for cell in first)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rest
    )
    tail = f"<p>... and {more:,} more</p>" if more else ""
    return f"<p>{escape(head)}</p><table><tr>{header}</tr>{body}</table>{tail}"


def heading(kind: str, names: Sequence[str], rows: float, schema: Schema, n_dropped: int) -> str:
    """Return the sentence above the table."""
    features = _count(len(schema.features), "feature")
    if schema.levels:
        features += f" in {_count(schema.n_columns, 'column')}"
    dropped = f", {n_dropped:,} dropped" if n_dropped else ""
    return (
        f"{kind}: {_count(len(names), 'environment')}, {_count(rows, 'row')}{dropped}, {features}, "
        f"target {schema.target!r}"
    )


def _count(number: float, noun: str) -> str:
    shown = f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"
    return f"{shown} {noun}" + ("" if number == 1 else "s")


def table_rows(
    names: Sequence[str],
    count: NDArray[np.float64],
    mean_y: NDArray[np.float64],
    var_y: NDArray[np.float64],
) -> list[tuple[str, ...]]:
    """Return the header and a row for each of the first environments."""
    rows: list[tuple[str, ...]] = [("environment", "rows", "target mean", "target sd")]
    shown = len(names) if len(names) <= SHOWN else SHOWN - 1
    for e in range(shown):
        number = f"{count[e]:,.0f}" if float(count[e]).is_integer() else f"{count[e]:,.2f}"
        rows.append((names[e], number, f"{mean_y[e]:.4g}", f"{np.sqrt(var_y[e]):.4g}"))
    return rows
