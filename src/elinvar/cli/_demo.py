"""Two real tables and a simulated one: what was found, and where pictures and pages are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from elinvar._base._numbers import bracket, estimate, figure
from elinvar.answer import Answer
from elinvar.answer.sentences import forecast_sentence
from elinvar.cli._console import Printer, progress
from elinvar.cli._result import print_answer, print_effects
from elinvar.cli._source import make_folder
from elinvar.datasets import Dataset, SchoolsDataset, load_bikes, load_penguins, make_schools

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Example:
    """A table, how to fit it, and the feature to draw against its target."""

    name: str
    environment: str
    question: str
    intercept: Literal["shared", "environment"]
    features: tuple[str, ...] = ()
    feature: str
    xlabel: str
    ylabel: str
    picture: str
    meaning: str

    def table(self) -> Dataset:
        """Load the table, or draw it."""
        if self.name == "schools":
            return make_schools(rng=0)
        return load_bikes() if self.name == "bikes" else load_penguins()


EXAMPLES = (
    Example(
        name="bikes",
        environment="month",
        question="What goes with the number of bikes hired an hour in every month?",
        intercept="shared",
        features=("night", "rush_hour", "workingday", "temp", "humidity", "windspeed"),
        feature="temp",
        xlabel="temperature, (t + 8)/47 with t in °C",
        ylabel="log of the bikes hired an hour",
        picture="Warmth brings riders in every month, but not as many",
        meaning="The target is a logarithm: -2.1 at night means an eighth of the riders, 0.52 in a "
        "rush hour 1.7 times as many. A month of another year or another city may well be less "
        "alike.",
    ),
    Example(
        name="schools",
        environment="school",
        question="What raises a pupil's score in every school? Simulated, so that we know",
        intercept="environment",
        feature="group_size",
        xlabel="pupils in the group",
        ylabel="score",
        picture="Larger groups: better in some schools, worse in others",
        meaning="",
    ),
    Example(
        name="penguins",
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
)


def run(out: Path) -> None:
    """Fit the tables, print what was found, and write pictures and pages to ``out``."""
    make_folder(out)
    printer = Printer()
    for example in EXAMPLES:
        with progress(f"Fitting {example.name} ..."):
            dataset = example.table()
            answer = _fit(example, dataset)
            _ = answer.evidence, answer.errors
        printer.text(f"{example.name}: {example.question}", style="bold underline")
        printer.text()
        print_answer(printer, answer)
        if isinstance(dataset, SchoolsDataset):
            _print_truth(printer, dataset.effects, answer)
        else:
            print_effects(printer, answer)
        printer.text(" ".join([forecast_sentence(answer), example.meaning]).strip())
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


def _fit(example: Example, dataset: Dataset) -> Answer:
    from elinvar import InvariantRegressor, Moments

    moments = Moments.from_frame(
        dataset.frame,
        target=dataset.target,
        environment=example.environment,
        features=example.features or dataset.features,
        categorical=(not example.features and dataset.categorical) or None,
    )
    return InvariantRegressor(intercept=example.intercept).fit_moments(moments).answer_


def _print_truth(printer: Printer, effects: "pd.DataFrame", answer: Answer) -> None:
    """Print a row a feature: the effects that made the data, and what was found."""
    rows = [
        [
            row["feature"],
            _true_words(effects[row["feature"]]),
            row["verdict"],
            estimate(row["effect"], row["low"], row["high"]),
            bracket(row["new_low"], row["new_high"]),
        ]
        for row in answer.evidence.to_dict("records")
    ]
    header = (
        "feature",
        "truth",
        "answer",
        "average\n[95% interval]",
        "in a new one\n[90% interval]",
    )
    printer.table(header, rows, align="lllll")
    printer.text(
        f"Truth: the effects that {len(effects)} simulated schools were made with. The rest was "
        "found from their pupils alone.",
        style="dim",
    )
    printer.text()


def _true_words(effects: "pd.Series[float]") -> str:
    """Say what an effect is in the environments that were drawn."""
    least, most = float(effects.min()), float(effects.max())
    if least == most:
        return f"{figure(least)} in every school" if least else "none"
    return f"from {figure(least, 2)} to {figure(most, 2)}"


def _write(
    example: Example, dataset: Dataset, answer: Answer, out: Path
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
