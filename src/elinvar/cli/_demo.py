"""Two real tables: what was found, and where pictures and pages are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from elinvar.answer import Answer
from elinvar.answer.sentences import forecast_sentence
from elinvar.cli._console import Printer, progress
from elinvar.cli._result import print_answer, print_effects
from elinvar.cli._source import make_folder

if TYPE_CHECKING:
    from elinvar.datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class Example:
    """A shipped table, how to fit it, and the feature to draw against its target."""

    name: str
    table: str
    environment: str
    question: str
    intercept: Literal["shared", "environment"]
    feature: str
    xlabel: str
    ylabel: str
    picture: str
    meaning: str


EXAMPLES = (
    Example(
        name="penguins",
        table="penguins",
        environment="species",
        question="What goes with a penguin's body mass in every species?",
        intercept="environment",
        feature="bill_depth_mm",
        xlabel="bill depth (mm)",
        ylabel="body mass (g)",
        picture="Deeper bills, lighter penguins; within each species, heavier",
        meaning="Species differ in level, so each has its own intercept. A left-out species is "
        "predicted with the average one, and its error shows mostly how far its level lies from "
        "that average.",
    ),
    Example(
        name="bikes",
        table="bikes",
        environment="season",
        question="What goes with the number of bikes hired an hour in every season?",
        intercept="shared",
        feature="temp",
        xlabel="temperature, (t + 8)/47 with t in °C",
        ylabel="log of the bikes hired an hour",
        picture="Warmth brings riders, but not equally in every season",
        meaning="To predict, the pooled model is kept unless another is clearly better on left-out "
        "seasons.",
    ),
    Example(
        name="months",
        table="bikes",
        environment="month",
        question="What goes with the number of bikes hired an hour in every month?",
        intercept="shared",
        feature="temp",
        xlabel="temperature, (t + 8)/47 with t in °C",
        ylabel="log of the bikes hired an hour",
        picture="Warmth brings riders in every month",
        meaning="Twelve environments are enough for that, the four seasons were not. A month of "
        "another year or another city may well be less alike.",
    ),
)


def run(out: Path) -> None:
    """Fit the tables, print what was found, and write pictures and pages to ``out``."""
    make_folder(out)
    printer = Printer()
    for example in EXAMPLES:
        with progress(f"Fitting {example.name} ..."):
            dataset, answer = _fit(example)
            _ = answer.evidence, answer.errors
        printer.text(f"{example.name}: {example.question}", style="bold underline")
        printer.text()
        print_answer(printer, answer)
        print_effects(printer, answer)
        printer.text(f"Diagnosis: {answer.diagnosis.verdict}. {answer.diagnosis.reason}")
        printer.text()
        printer.text(f"{forecast_sentence(answer)} {example.meaning}")
        with progress(f"Drawing {example.name} ..."):
            page, pictures = _write(example, dataset, answer, out)
        printer.text()
        printer.text(f"Pictures: {', '.join(path.name for path in pictures)}")
        printer.text(f"Page:     {page}")
        printer.text()
        printer.flush()
    pages = [str(out / f"{example.name}.html") for example in EXAMPLES]
    printer.text(f"All is in {out}. Open in a browser: {', '.join(pages)}")
    printer.flush()


def _fit(example: Example) -> "tuple[Dataset, Answer]":
    from elinvar import InvariantRegressor, Moments, datasets

    dataset = getattr(datasets, f"load_{example.table}")()
    moments = Moments.from_frame(
        dataset.frame,
        target=dataset.target,
        environment=example.environment,
        features=dataset.features,
        categorical=dataset.categorical,
    )
    return dataset, InvariantRegressor(intercept=example.intercept).fit_moments(moments).answer_


def _write(
    example: Example, dataset: "Dataset", answer: Answer, out: Path
) -> tuple[Path, list[Path]]:
    from elinvar.report import environment_figure, write_figures, write_picture, write_report

    page = write_report(
        answer,
        out / f"{example.name}.html",
        title=example.question,
        source=f"{dataset.description} {dataset.attribution}",
        command="elinvar demo",
    )
    picture = environment_figure(
        dataset.frame,
        example.feature,
        dataset.target,
        example.environment,
        xlabel=example.xlabel,
        ylabel=example.ylabel,
        title=example.picture,
    )
    scatter = write_picture(picture, out / f"{example.name}.png")
    return page, [scatter, *write_figures(answer, out, prefix=f"{example.name}-").values()]
