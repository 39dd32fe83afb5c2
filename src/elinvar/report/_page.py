"""One self-contained HTML page about a fitted model."""

import os
import platform
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base import atomic_write, check_writable
from elinvar.estimators._facts import DataFacts
from elinvar.plots import to_svg
from elinvar.report._figures import figures
from elinvar.report._numbers import count, number, p_value
from elinvar.report._style import STYLE
from elinvar.report._words import data_facts, error_sentence, verdict_sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "pandas", "pyarrow", "matplotlib")
_OPEN_ENVIRONMENTS = 30

_MEANING = {
    "invariant": "the effect is the same in every environment, as far as the data can tell",
    "approximately invariant": "the effect differs so little between environments that it can be "
    "taken as the same",
    "spurious": "the effect comes and goes, or changes, from one environment to the next",
    "no effect": "nothing is left to explain once the other effects are in the model",
    "undecided": "the data do not tell whether the effect holds everywhere",
}
_TERMS = (
    "<dt>p of agreement</dt><dd>how likely so much disagreement between environments would be, "
    "were the effect the same in all</dd>"
    "<dt>leaves at</dt><dd>strength of the invariance penalty at which the feature leaves the model"
    "</dd>"
)
_CAPTIONS = {
    "effects": "Dots and bars: the effect with its 95% interval. Diamonds: what least squares on "
    "all rows together would say. Where dot and diamond lie on different sides of zero, the sign "
    "changes once environments are compared.",
    "path": "From left to right, disagreement between environments is punished harder. A line that "
    "falls to zero has left the model; what stays to the right edge agrees between environments.",
    "errors": "Each environment is predicted by models that have not seen it. Left is better.",
}


def write_report(
    model: Any,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    source: str | None = None,
    command: str | None = None,
) -> Path:
    """Write one self-contained HTML page: what holds, what comes and goes, and how good it is.

    The page loads nothing and runs nothing; it follows the reader's light or dark setting.

    Parameters
    ----------
    model : InvariantRegressor
        Fitted, or loaded from a model file.
    path : str or path
        Where to; its folder must exist. The file appears whole or not at all.
    title : str, optional
        By default what is explained.
    source : str, optional
        Where the data come from.
    command : str, optional
        The call that made the model; by default the estimator with its parameters.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileError
        If the file cannot be written.
    DataError
        If the model is not a fitted `InvariantRegressor`.
    """
    path = check_writable(path)
    drawn = figures(model)
    heading = title or f"What explains {model.schema_.target} in every environment"
    sections = [
        _effects(model, drawn),
        _path(model, drawn),
        _errors(model, drawn),
        _notes(model),
        _data(model, source),
        _making(model, command),
    ]
    page = _PAGE.format(
        title=escape(heading),
        style=STYLE,
        status=escape(model.status_),
        verdict=escape(verdict_sentence(model)),
        sections="\n".join(section for section in sections if section),
    )
    with atomic_write(path) as file:
        file.write(page)
    return path


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="verdict {status}">{verdict}</p>
{sections}
</main>
</body>
</html>
"""


def _section(name: str, heading: str, *parts: str) -> str:
    body = "\n".join(part for part in parts if part)
    return (
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(heading)}</h2>\n'
        f"{body}\n</section>"
    )


def _effects(model: Any, drawn: "dict[str, Axes]") -> str:
    table = model.evidence_
    header = (
        "feature", "verdict", "effect", "95% interval", "pooled effect", "p of agreement",
        "leaves at",
    )  # fmt: skip
    rows = [
        (
            str(row.feature),
            str(row.verdict),
            number(row.effect),
            _interval(row.low, row.high),
            number(row.pooled_effect),
            p_value(row.heterogeneity_p),
            number(row.leaves_at, infinite="stays"),
        )
        for row in table.itertuples(index=False)
    ]
    target = model.schema_.target
    caption = f"Effects in units of {target} per unit of the feature"
    if model.schema_.levels:
        caption += "; for categories, the largest difference between two levels"
    present = [kind for kind in _MEANING if kind in set(table["verdict"])]
    meaning = "".join(
        f"<dt>{_badge(kind)}</dt><dd>{escape(_MEANING[kind])}</dd>" for kind in present
    )
    return _section(
        "effects",
        "Effects",
        _table(header, rows, caption=f"{caption}.", texts=2),
        f"<dl>{meaning}{_TERMS}</dl>",
        _figure("effects", drawn),
    )


def _path(model: Any, drawn: "dict[str, Axes]") -> str:
    if "path" not in drawn:
        return ""
    return _section("path", "What leaves when disagreement is punished", _figure("path", drawn))


def _errors(model: Any, drawn: "dict[str, Axes]") -> str:
    table = model.errors_
    if not len(table):
        return ""
    names = {
        "invariant": "invariant model",
        "pooled": "pooled model",
        "mean": "mean of the target",
        "used": "what predict would use",
    }
    rows = [
        (str(row["environment"]), count(row["rows"]), *(number(row[key]) for key in names))
        for row in table.to_dict("records")
    ]
    sentence = error_sentence(model)
    return _section(
        "errors",
        "Errors on environments left out",
        f"<p>{escape(sentence)}</p>" if sentence else "",
        _table(
            ("left out", "rows", *names.values()),
            rows,
            caption=f"Mean squared error of {model.schema_.target}.",
        ),
        _figure("errors", drawn),
    )


def _notes(model: Any) -> str:
    if not model.notes_:
        return ""
    items = "\n".join(f"<li>{escape(note)}</li>" for note in model.notes_)
    return _section("notes", "Notes", f"<ul>\n{items}\n</ul>")


def _data(model: Any, source: str | None) -> str:
    pairs = data_facts(model)
    if source:
        pairs.insert(0, ("Source", source))
    rows = [(name, count(n)) for name, n in DataFacts.of(model).rows.items()]
    table = _table(("environment", "rows"), rows)
    if len(rows) > _OPEN_ENVIRONMENTS:
        table = f"<details>\n<summary>Rows of each environment</summary>\n{table}\n</details>"
    return _section("data", "Data", _pairs(pairs), table)


def _making(model: Any, command: str | None) -> str:
    from elinvar import __version__

    facts = [
        ("Status", model.status_),
        (
            "Test of invariance",
            f"p = {p_value(model.p_value_)}",
        ),
        ("Versions", f"elinvar {__version__}, Python {platform.python_version()}, {_versions()}"),
        ("Method", "Xu, Gu and Fang, NeurIPS 2024, arXiv:2403.01420"),
    ]
    if model.status_ == "pooled_only":
        del facts[1]
    return _section(
        "making",
        "How this was made",
        f"<pre><code>{escape(command or repr(model))}</code></pre>",
        _pairs(facts),
    )


def _versions() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", texts: int = 1
) -> str:
    """Return a table whose first column heads its rows, and whose first ``texts`` hold text."""
    head = "".join(
        f'<th scope="col"{_text_class(k < texts)}>{escape(name)}</th>'
        for k, name in enumerate(header)
    )
    lines = []
    for row in rows:
        first = f'<th scope="row" class="text">{escape(row[0])}</th>'
        rest = "".join(
            f"<td{_text_class(k < texts)}>{_badge(cell) if cell in _MEANING else escape(cell)}</td>"
            for k, cell in enumerate(row[1:], 1)
        )
        lines.append(f"<tr>{first}{rest}</tr>")
    body = "\n".join(lines)
    label = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    return (
        f'<div class="wide">\n<table>\n{label}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _text_class(text: bool) -> str:
    return ' class="text"' if text else ""


def _badge(verdict: str) -> str:
    return f'<span class="kind {verdict.split()[0]}">{escape(verdict)}</span>'


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    items = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<dl>\n{items}\n</dl>"


def _figure(name: str, drawn: "dict[str, Axes]") -> str:
    ax = drawn[name]
    says = " ".join(ax.get_title(loc="left").split())
    svg = to_svg(ax, prefix=name, alt=f"{says}. The numbers are in the table of this page.")
    caption = f"<figcaption>{escape(_CAPTIONS[name])}</figcaption>"
    return f'<figure>\n<div class="wide">\n{svg}\n</div>\n{caption}\n</figure>'


def _interval(low: float, high: float) -> str:
    return "" if low != low or high != high else f"{number(low)} to {number(high)}"
