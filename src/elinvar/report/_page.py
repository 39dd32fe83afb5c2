"""One self-contained HTML page about a fitted model."""

import os
from pathlib import Path
from typing import Any

from elinvar._base import atomic_write, check_writable
from elinvar.report._figures import figures
from elinvar.report._sections import sections
from elinvar.report._terms import STANDING, WHERE, caption
from elinvar.report.layout import Picture, picture, templates

_ADVICE = "What to do:"


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
        The command that made the model; the estimator with its parameters is there in any case.

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
    drawn = {name: _picture(model, name, ax) for name, ax in figures(model).items()}
    answer, _, advice = model.explain().partition(_ADVICE)
    page = (
        templates()
        .get_template("page.html.j2")
        .render(
            title=title or _title(model),
            standing=model.standing_,
            standing_words=STANDING[model.standing_],
            answer=_lead(answer.strip(), model),
            advice=advice.strip(),
            sections=sections(model, source=source, command=command),
            figures=drawn,
        )
    )
    with atomic_write(path) as file:
        file.write(page)
    return path


def _title(model: Any) -> str:
    where = "" if model.standing_ == "pooled_only" else " in every environment"
    return f"What explains {model.schema_.target}{where}"


def _lead(answer: str, model: Any) -> tuple[str, str]:
    """Return the first sentence and the others; all at once where a name might end a sentence."""
    names = [model.schema_.target, *model.schema_.features, *model.environments_]
    if any(". " in name for name in names):
        return answer, ""
    first, stop, others = answer.partition(". ")
    return first + stop.rstrip(), others


def _picture(model: Any, name: str, ax: Any) -> Picture:
    return picture(ax, name, caption(name, model), where=WHERE[name])
