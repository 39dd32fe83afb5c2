"""One self-contained HTML page about a fitted model."""

import os
from pathlib import Path

from elinvar._base import check_page
from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.figures import draw_forest, figures
from elinvar.answer.transfer_figures import forecast_figures
from elinvar.inference import Diagnosis
from elinvar.report._diagnosis_page import write_diagnosis
from elinvar.report._figures import answer_of, any_answer_of
from elinvar.report._forecast_page import forecast_sections
from elinvar.report._sections import sections
from elinvar.report._terms import CAPTIONS, STATUS, WHERE, caption
from elinvar.report.layout import picture, write_page


def write_report(
    model: object,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    source: str | None = None,
    command: str | None = None,
    holds: object = None,
) -> Path:
    """Write one self-contained HTML page: what holds, what comes and goes, and how good it is.

    The page loads nothing and runs nothing; it follows the reader's light or dark setting.

    Parameters
    ----------
    model : estimator, answer or Diagnosis
        An InvariantRegressor or InvariantClassifier, a TransferRegressor or TransferClassifier,
        fitted or loaded from a model file, or its ``answer_``; or what `diagnose` has found.
    path : str or path
        Where to, such as ``"report.html"``; its folder must exist. The file appears whole or not
        at all.
    title : str, optional
        By default what is explained.
    source : str, optional
        Where the data come from.
    command : str, optional
        The command that made the model; the estimator with its parameters is there in any case.
    holds : estimator or answer, optional
        Beside a forecast: the linear model that says what holds, such as an InvariantRegressor.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileError
        If the file cannot be written, or is named as another kind of file.
    DataError
        If the model has no answer: it is of another kind, or not fitted.
    """
    path = check_page(path)
    if isinstance(model, Diagnosis):
        return write_diagnosis(path, model, title=title, source=source, command=command)
    answer = any_answer_of(model)
    if isinstance(answer, TransferAnswer):
        linear = None if holds is None else answer_of(holds)
        return _write_forecast(path, answer, linear, title=title, source=source, command=command)
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


def _write_forecast(
    path: Path,
    answer: TransferAnswer,
    holds: Answer | None,
    *,
    title: str | None,
    source: str | None,
    command: str | None,
) -> Path:
    drawn = forecast_figures(answer)
    if holds is not None and holds.status != "pooled_only":
        drawn["forest"] = draw_forest(holds)
    return write_page(
        path,
        "forecast.html.j2",
        title=title or f"What to expect of {answer.schema.target} in a new environment",
        explanation=answer.explanation,
        holds=holds,
        sections=forecast_sections(answer, holds, source=source, command=command),
        figures={
            name: picture(ax, name, CAPTIONS[name], where=WHERE[name]) for name, ax in drawn.items()
        },
    )


def _title(answer: Answer) -> str:
    where = "" if answer.status == "pooled_only" else " in every environment"
    return f"What explains {answer.schema.target}{where}"
