"""How small tables look when they are printed, in a terminal and in a notebook."""

from collections.abc import Sequence
from html import escape

from elinvar.errors import printable

SHOWN = 12


def text_table(head: str, rows: Sequence[tuple[str, ...]], more: int, *, left: int = 1) -> str:
    """Return a heading and aligned rows, the first ``left`` columns to the left."""
    width = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = [
        "  "
        + "  ".join(
            cell.ljust(w) if j < left else cell.rjust(w)
            for j, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]
    if more:
        lines.append(f"  ... and {more:,} more")
    return printable("\n".join([head, *lines]))


def html_table(head: str, rows: Sequence[tuple[str, ...]], more: int) -> str:
    """Return the same as an HTML table."""
    first, *rest = rows
    header = "".join(f"<th>{escape(cell)}</th>" for cell in first)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rest
    )
    tail = f"<p>... and {more:,} more</p>" if more else ""
    return printable(f"<p>{escape(head)}</p><table><tr>{header}</tr>{body}</table>{tail}")
