"""The answer in a few lines: as text, or as a table for a page or a paper."""

import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from elinvar._base._check import check_choice
from elinvar._base._display import (
    ShownTable,
    html_list,
    html_table,
    text_blocks,
    text_table,
    wrapped,
)
from elinvar._base._numbers import p_words
from elinvar.answer.effect_tables import effect_tables
from elinvar.answer.headline import headline, predictor_words
from elinvar.answer.sentences import multiplicity_sentence
from elinvar.errors import printable

if TYPE_CHECKING:
    from elinvar.answer._found import Found

_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"
}  # fmt: skip


def summary(answer: "Found", format: str = "text") -> str:
    """Return the headline, the tables of effects, what predicts, and the notes.

    Raises
    ------
    DataError
        If the format is not known.
    """
    lines = [text for text in [multiplicity_sentence(answer)] if text]
    lines += [f"Predictions come from {predictor_words(answer.predictor)}."]
    if answer.status != "pooled_only":
        lines.append(f"Overidentification test: {p_words(answer.p_value)}.")
    lines += [f"Note: {note}" for note in answer.notes]
    return laid_out(headline(answer), effect_tables(answer), lines, format)


def laid_out(head: str, tables: list[ShownTable], lines: list[str], format: str) -> str:
    """Return a sentence, tables and further sentences in one of the formats.

    Raises
    ------
    DataError
        If the format is not known.
    """
    check_choice("format", format, tuple(_WRITERS))
    return printable(_WRITERS[format](head, tables, lines))


def _text(head: str, tables: list[ShownTable], lines: list[str]) -> str:
    parts = []
    for table in tables:
        title = f"{table.title}." * bool(table.title)
        for rows in text_blocks([table.header, *table.rows]):
            parts += [text_table(title, rows, 0, left=len(rows[0])), ""]
            title = ""
    return "\n".join([*[wrapped(head), ""] * bool(head), *parts, *map(wrapped, lines)])


def _markdown(head: str, tables: list[ShownTable], lines: list[str]) -> str:
    parts = []
    for table in tables:
        cells = [
            [re.sub(r"([\\|*_`<])", r"\\\1", cell) for cell in row]
            for row in [table.header, *table.rows]
        ]
        rows = [f"| {' | '.join(row)} |" for row in cells]
        rows.insert(1, f"|{'---|' * len(table.header)}")
        parts += [f"{table.title}." * bool(table.title), "\n".join(rows)]
    return "\n\n".join(part for part in [head, *parts, *lines] if part)


def _latex(head: str, tables: list[ShownTable], lines: list[str]) -> str:
    def safe(text: str) -> str:
        return "".join(_LATEX.get(letter, letter) for letter in text)

    parts = []
    for table in tables:
        body = [" & ".join(map(safe, row)) + r" \\" for row in [table.header, *table.rows]]
        columns = "l" * len(table.header)
        rows = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", body[0], r"\hline", *body[1:]]
        parts += [safe(f"{table.title}."), "\n".join([*rows, r"\hline", r"\end{tabular}"])]
    return "\n\n".join([safe(head), *parts, *map(safe, lines)])


def _html(head: str, tables: list[ShownTable], lines: list[str]) -> str:
    said = f"<p>{escape(head)}</p>" * bool(head)
    return f"{said}{''.join(map(html_table, tables))}{html_list(lines)}"


_WRITERS: dict[str, Callable[[str, list[ShownTable], list[str]], str]] = {
    "text": _text,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
}
