"""One self-contained HTML page about a fitted model."""

import os
from pathlib import Path

from elinvar._base import check_writable
from elinvar.answer import Answer
from elinvar.answer.figures import figures
from elinvar.report._figures import answer_of
from elinvar.report._sections import sections
from elinvar.report._terms import STATUS, WHERE, caption
from elinvar.report.layout import picture, write_page


def write_report(
    model: object,
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
    model : InvariantRegressor, InvariantClassifier or Answer
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
        If the model has no answer: it is of another kind, or not fitted.
    """
    answer, path = answer_of(model), check_writable(path)
    return write_page(
        path,
        "page.html.j2",
        title=title or _title(answer),
        status=answer.status,
        status_words=STATUS[answer.status],
        explanation=answer.explanation,
        sections=sections(answer, source=source, command=command),
        figures={
            name: picture(ax, name, caption(name, answer), where=WHERE[name])
            for name, ax in figures(answer).items()
        },
    )


def _title(answer: Answer) -> str:
    where = "" if answer.status == "pooled_only" else " in every environment"
    return f"What explains {answer.schema.target}{where}"
