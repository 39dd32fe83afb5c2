"""The commands and their options; the work is imported when a command runs."""

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from elinvar.cli._console import guarded

app = typer.Typer(
    help="Learn what stays true when the environment changes: which effects hold in every place, "
    "year or experiment of a table, which come and go, and what predicts best in a new one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Intercept(StrEnum):
    """Whether environments share one intercept."""

    shared = "shared"
    environment = "environment"


class Predictor(StrEnum):
    """Which model predicts."""

    auto = "auto"
    invariant = "invariant"
    pooled = "pooled"


class Missing(StrEnum):
    """What to do with missing values."""

    error = "error"
    drop = "drop"
    impute = "impute"


class Unknown(StrEnum):
    """What to do with levels not seen in training."""

    error = "error"
    zero = "zero"


def _version(wanted: bool) -> None:
    if wanted:
        from elinvar import __version__

        typer.echo(f"elinvar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass


@app.command()
def fit(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...", help="CSV, Parquet or Arrow files, or a quoted pattern (*.csv)."
        ),
    ],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="What to explain and predict.")],
    environment: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN", help="What names the environment of a row; repeat to combine several."
        ),
    ],
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B,...", help="Columns to explain with; all others if not given. Repeatable."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="A,B,...", help="Columns to leave out. Repeatable.")
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B,...", help="Columns whose numbers are codes of categories. Repeatable."
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Frequency weights: 2 counts a row twice."),
    ] = None,
    missing: Annotated[
        Missing,
        typer.Option(
            help="Missing values: refuse them, drop their rows, or fill in the mean "
            "(in categories: a level of their own)."
        ),
    ] = Missing.error,
    intercept: Annotated[
        Intercept,
        typer.Option(help="Environments share one level, or each has its own (slopes may agree)."),
    ] = Intercept.shared,
    predictor: Annotated[
        Predictor,
        typer.Option(help="Which model predicts; auto: the invariant one if the data allow."),
    ] = Predictor.auto,
    exclude_environments: Annotated[
        list[str] | None,
        typer.Option(
            metavar="E,F,...", help="Environments that act on the target itself. Repeatable."
        ),
    ] = None,
    features_always: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B,...", help="Features that stay in the model. Repeatable."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page to read and send.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the model, for predict.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON and nothing else.")
    ] = False,
) -> None:
    """Find which effects hold in every environment of a table.

    A name with a comma in it is quoted: --features '"a,b",c'.
    """
    from elinvar.cli._fit import FitRequest, run

    with guarded():
        run(
            FitRequest(
                data=tuple(data),
                target=target,
                environment=tuple(environment),
                features=_names(features),
                drop=_names(drop),
                categorical=_names(categorical),
                weight=weight,
                missing=missing.value,
                intercept=intercept.value,
                predictor=predictor.value,
                exclude_environments=_names(exclude_environments),
                features_always=_names(features_always),
                report=report,
                model=model,
                json=json,
            )
        )


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What fit --model has written.")],
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...", help="CSV, Parquet or Arrow files, or a quoted pattern (*.csv)."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Where to; standard output if not given."),
    ] = None,
    unknown: Annotated[
        Unknown,
        typer.Option(help="Levels not seen in training: refuse them, or count them as none."),
    ] = Unknown.error,
) -> None:
    """Predict each row of a table: CSV with one column, prediction.

    Columns that the model does not need are ignored. A model with an intercept for each environment
    uses the environment columns if the data have them, and the average intercept otherwise.
    """
    from elinvar.cli._predict import run

    with guarded():
        run(model, tuple(data), out=out, unknown=unknown.value)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for pictures and pages; made if needed.")
    ] = Path("demo"),
) -> None:
    """Fit two real tables, penguins and hired bikes, and say what was found."""
    from elinvar.cli._demo import run

    with guarded():
        run(out)


def _names(items: list[str] | None) -> tuple[str, ...] | None:
    """Split lists at commas, but for those in double quotes."""
    if not items:
        return None
    names = [name for row in csv.reader(items, skipinitialspace=True) for name in row]
    return tuple(name for name in names if name)
