"""Two real tables: what was found, both errors, and where pictures and pages are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elinvar._base import FileError
from elinvar.cli._console import Printer, progress
from elinvar.cli._fit import print_result


@dataclass(frozen=True, kw_only=True)
class Example:
    """A shipped table, how to fit it, and the feature to draw against its target."""

    name: str
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
        question="What goes with the number of bikes hired an hour in every season?",
        intercept="shared",
        feature="temp",
        xlabel="temperature, (t + 8)/47 with t in °C",
        ylabel="log of the bikes hired an hour",
        picture="Warmth brings riders, but not equally in every season",
        meaning="Where invariance is rejected, no effect may be taken to a new season as it is; "
        "for prediction the pooled model is kept unless another is clearly better on left-out "
        "seasons.",
    ),
)


def run(out: Path) -> None:
    """Fit both tables, print what was found, and write pictures and pages to ``out``."""
    _make_folder(out)
    printer = Printer()
    pages = []
    for example in EXAMPLES:
        with progress(f"Fitting {example.name} ..."):
            dataset, model = _fit(example)
        printer.text(f"{dataset.name}: {example.question}", style="bold underline")
        printer.text()
        print_result(printer, model)
        printer.text(example.meaning)
        with progress(f"Drawing {example.name} ..."):
            files = _write(example, dataset, model, out)
        printer.text()
        printer.text(f"Pictures: {', '.join(str(path) for path in files[1:])}", bullet="")
        printer.text(f"Page:     {files[0]}")
        printer.text()
        printer.flush()
        pages.append(str(files[0]))
    printer.text(f"Open in a browser: {' and '.join(pages)}")
    printer.flush()


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=False, exist_ok=True)
    except FileNotFoundError as error:
        raise FileError(
            f"Cannot make {out}: the folder {out.parent} does not exist. Create it first."
        ) from error
    except FileExistsError as error:
        raise FileError(f"{out} is a file; name a folder.") from error


def _fit(example: Example) -> tuple[Any, Any]:
    from elinvar import InvariantRegressor, datasets

    dataset = getattr(datasets, f"load_{example.name}")()
    model = InvariantRegressor(intercept=example.intercept)
    return dataset, model.fit_moments(dataset.environments().moments())


def _write(example: Example, dataset: Any, model: Any, out: Path) -> list[Path]:
    from elinvar.report import write_figures, write_report
    from elinvar.report._figures import environment_figure, write_picture

    picture = environment_figure(
        dataset.frame,
        example.feature,
        dataset.target,
        dataset.environment,
        xlabel=example.xlabel,
        ylabel=example.ylabel,
        title=example.picture,
    )
    page = write_report(
        model,
        out / f"{example.name}.html",
        title=example.question,
        source=f"{dataset.description} {dataset.attribution}",
        command="elinvar demo",
    )
    scatter = write_picture(picture, out / f"{example.name}.png")
    return [page, scatter, *write_figures(model, out, prefix=f"{example.name}-").values()]
