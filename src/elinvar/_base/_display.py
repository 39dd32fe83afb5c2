"""How answers look when they are printed, and in a notebook: the one place that lays them out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import fill

from elinvar.errors import printable

SHOWN = 12
WIDTH = 80
"""Columns of a terminal that everything but a wide table fits."""

_MOST = 25
_STYLE = (
    ".elinvar{overflow-x:auto}.elinvar table{border-collapse:collapse;margin:.4em 0}"
    ".elinvar caption{text-align:left;padding:.2em .6em}"
    ".elinvar th,.elinvar td{text-align:left;padding:.15em .6em;white-space:nowrap}"
    ".elinvar thead th{border-bottom:1px solid}.elinvar p{margin:.3em 0}"
    ".elinvar caption,.elinvar td:last-child{white-space:normal}.elinvar p{max-width:60em}"
    ".elinvar svg{vertical-align:middle}.elinvar summary{cursor:pointer}"
)


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """A table of texts, as a terminal, a page and a notebook lay it out.

    Attributes
    ----------
    title : str
        What the table says, as a sentence without its full stop; "" for none.
    header : tuple of str
    rows : list of tuple of str
    verdicts : tuple of str
        That of each row, if they have verdicts.
    pictures : tuple of str
        A small SVG picture for each row, which notebooks show beside its name; none elsewhere.
    drawn : str
        The head of that column.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    verdicts: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    drawn: str = ""


def wrapped(*paragraphs: str, bullet: str = "") -> str:
    """Return paragraphs as lines of at most 80 columns, unless a word is longer.

    Parameters
    ----------
    *paragraphs : str
        One is set under the other; empty ones are left out.
    bullet : str
        Put before each of them, further lines beneath their text.
    """
    return "\n".join(
        fill(
            printable(text),
            WIDTH,
            initial_indent=bullet,
            subsequent_indent=" " * len(bullet),
            # names of columns, dates and numbers stay in one piece
            break_long_words=False,
            break_on_hyphens=False,
        )
        for text in paragraphs
        if text
    )


def text_table(head: str, rows: Sequence[tuple[str, ...]], more: int, *, left: int = 1) -> str:
    """Return a heading and aligned rows, the first ``left`` columns to the left."""
    width = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = [
        "".join(
            f"  {cell.ljust(w) if j < left else cell.rjust(w)}"
            for j, (cell, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]
    if more:
        lines.append(f"  ... and {more:,} more")
    return printable("\n".join([*[wrapped(head)] * bool(head), *lines]))


def text_blocks(rows: Sequence[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """Return rows as one table under the other, where they are wider than a terminal.

    The first column is repeated in each; a column that is too wide by itself stands alone with it.
    """
    # each column with the two blanks before it
    first, *width = (2 + max(map(len, column)) for column in zip(*rows, strict=True))
    starts, room = [1], WIDTH - first
    for j, wide in enumerate(width, start=1):
        if wide > room and j > starts[-1]:
            starts.append(j)
            room = WIDTH - first
        room -= wide
    stops = [*starts[1:], len(rows[0])]
    return [
        [(row[0], *row[start:stop]) for row in rows]
        for start, stop in zip(starts, stops, strict=True)
    ]


def html_table(table: ShownTable, *, most: int | None = None, more: int = 0) -> str:
    """Return a table as HTML, every text escaped.

    Parameters
    ----------
    table : ShownTable
    most : int, optional
        Rows to show at most; the others are counted below.
    more : int
        Rows that the table itself leaves out.
    """
    rows = table.rows[:most]
    more += len(table.rows) - len(rows)
    # beside what is named and judged, so that it is seen first
    at = 1 + bool(table.verdicts)
    pictures = [f"<td>{picture}</td>" for picture in table.pictures] or [""] * len(rows)
    body = "".join(
        _row([f"<td>{escape(cell)}</td>" for cell in row], at, picture)
        for row, picture in zip(rows, pictures, strict=False)
    )
    drawn = f"<th>{escape(table.drawn)}</th>" * bool(table.pictures)
    head = _row([f"<th>{escape(name)}</th>" for name in table.header], at, drawn)
    caption = f"<caption>{escape(table.title)}.</caption>" if table.title else ""
    tail = f"<p>... and {more:,} more</p>" if more else ""
    return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{tail}"


def _row(cells: Sequence[str], at: int, picture: str) -> str:
    return f"<tr>{''.join([*cells[:at], picture, *cells[at:]])}</tr>"


def html_list(lines: Iterable[str]) -> str:
    """Return sentences as a list in HTML; nothing where there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def card(
    name: str,
    head: str,
    tables: Iterable[ShownTable] = (),
    lines: Sequence[str] = (),
    *,
    folded: str = "Notes",
    picture: str = "",
    most: int = _MOST,
    more: int = 0,
) -> str:
    """Return what a notebook shows of an answer: a headline, tables, and sentences folded away.

    Parameters
    ----------
    name : str
        What is shown, in bold.
    head : str
        What was found, in a sentence.
    tables : iterable of ShownTable
    lines : sequence of str
        Sentences to fold away.
    folded : str
        What they are.
    picture : str
        SVG to put below the headline.
    most : int
        Rows of a table to show; the others are counted.
    more : int
        Rows that the tables leave out.

    Returns
    -------
    str
        One ``<div>``, every text escaped.
    """
    told = html_list(lines)
    notes = f"<details><summary>{escape(folded)} ({len(lines)})</summary>{told}</details>"
    return printable(
        f'<div class="elinvar"><style>{_STYLE}</style><p><strong>{escape(name)}</strong></p>'
        f"<p>{escape(head)}</p>{picture}"
        + "".join(html_table(table, most=most, more=more) for table in tables)
        + (notes if lines else "")
        + "</div>"
    )
