"""The answer in a few lines: as text, or as a table for a page or a paper."""

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._numbers import p_words
from elinvar.answer.headline import headline, predictor_words
from elinvar.errors import DataError

if TYPE_CHECKING:
    from elinvar.answer._found import Found

_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"
}  # fmt: skip


def summary(answer: "Found", format: str = "text") -> str:
    """Return the headline, a row a feature, what predicts, and the notes.

    Raises
    ------
    DataError
        If the format is not known.
    """
    if format not in _WRITERS:
        raise DataError(f"format must be one of {', '.join(map(repr, _WRITERS))}; got {format!r}.")
    effect = "log odds [95% interval]" if answer.classes else "effect [95% interval]"
    rows = [("feature", "verdict", effect, "pooled", "model")]
    for row in answer.evidence.to_dict("records"):
        pooled, words = f"{row['pooled_effect']:.4g}", effect_words(answer, row)
        rows.append((str(row["feature"]), str(row["verdict"]), words, pooled, str(row["model"])))
    lines = [f"Predictions come from {predictor_words(answer.predictor)}."]
    if answer.status != "pooled_only":
        lines.append(f"Overidentification test: {p_words(answer.p_value)}.")
    lines += [f"Note: {note}" for note in answer.notes]
    return _WRITERS[format](headline(answer), rows, lines)


def effect_words(answer: "Found", row: dict[Any, Any]) -> str:
    """Return an effect with its interval, or from where to where it varies."""
    if np.isnan(row["effect"]):
        return "-"
    # where effects change, an average with an interval would look like one for all
    if row["verdict"] in ("varies", "spurious"):
        own = answer.effects.loc[answer.effects["feature"] == row["feature"], "effect"]
        if len(own):
            return f"varies: {own.min():.4g} to {own.max():.4g}"
    return f"{row['effect']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"


def _text(head: str, rows: Sequence[Sequence[str]], lines: list[str]) -> str:
    width = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    table = [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([head, "", *table, "", *lines])


def _markdown(head: str, rows: Sequence[Sequence[str]], lines: list[str]) -> str:
    cells = [[re.sub(r"([\\|*_`<])", r"\\\1", cell) for cell in row] for row in rows]
    table = [f"| {' | '.join(row)} |" for row in cells]
    table.insert(1, "|---|---|---|---:|---|")
    return "\n\n".join([head, "\n".join(table), *lines])


def _latex(head: str, rows: Sequence[Sequence[str]], lines: list[str]) -> str:
    def safe(text: str) -> str:
        return "".join(_LATEX.get(letter, letter) for letter in text)

    body = [" & ".join(map(safe, row)) + r" \\" for row in rows]
    table = [r"\begin{tabular}{lllrl}", r"\hline", body[0], r"\hline", *body[1:]]
    table += [r"\hline", r"\end{tabular}"]
    return "\n\n".join([safe(head), "\n".join(table), *map(safe, lines)])


def _html(head: str, rows: Sequence[Sequence[str]], lines: list[str]) -> str:
    first, *others = rows
    header = "".join(f"<th>{escape(cell)}</th>" for cell in first)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in others
    )
    tail = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f"<p>{escape(head)}</p><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
        f"<ul>{tail}</ul>"
    )


_WRITERS: dict[str, Callable[[str, Sequence[Sequence[str]], list[str]], str]] = {
    "text": _text,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
}
