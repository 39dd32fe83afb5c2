"""The options that commands share, each declared once."""

import csv
import inspect
from collections.abc import Callable
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from elinvar.cli._console import guarded
from elinvar.cli._source import taken_in

Intercept = Literal["shared", "environment"]
Predictor = Literal["auto", "invariant", "pooled"]
Missing = Literal["error", "drop", "impute"]
Unknown = Literal["error", "zero", "warn"]
Names = list[str] | None


def names(items: Names) -> Names:
    """Split lists at commas, but for those in double quotes."""
    if not items:
        return None
    found = [name for row in csv.reader(items, skipinitialspace=True) for name in row]
    return [name for name in found if name]


def names_of_texts(items: Names) -> Names:
    """Split lists at commas, and keep a comma that stands alone."""
    if not items:
        return None
    return [text for item in items for text in ([item] if item == "," else names([item]) or [])]


def _several(help: str, metavar: str = "A,B,...") -> typer.models.OptionInfo:
    """Return an option that takes several names, at commas or one after the other."""
    option: typer.models.OptionInfo = typer.Option(metavar=metavar, help=f"{help} Repeatable.")
    return option


def _finite(value: float) -> float:
    if not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA",
        help="CSV, JSON lines, Parquet or Arrow files, a folder of them, a quoted pattern (*.csv), "
        "or - for standard input.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA",
        help="CSV, JSON lines, Parquet or Arrow files, a folder of them, a quoted pattern (*.csv), "
        "- for standard input, a database (duckdb:///FILE?table=NAME, postgresql://...), or files "
        "that elinvar moments has written.",
    ),
]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="What to explain and predict.")]
Environment = Annotated[
    list[str],
    typer.Option(
        metavar="COLUMN",
        help="What names the environment of a row: a column; or file, folder or path:KEY (of "
        "folders KEY=value), where no column is called so. Repeat to combine several.",
    ),
]
# moments know their target and their environments
TargetOfRows = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="What to explain and predict."),
]
EnvironmentOfRows = Annotated[
    Names,
    typer.Option(
        "--environment",
        metavar="COLUMN",
        help="What names the environment of a row: a column; or file, folder or path:KEY (of "
        "folders KEY=value), where no column is called so. Repeat to combine several.",
    ),
]
Query = Annotated[
    str | None,
    typer.Option(metavar="SELECT", help="What to ask of a database, in place of a table."),
]
Features = Annotated[Names, _several("Columns to explain with; all others if not given.")]
Drop = Annotated[Names, _several("Columns to leave out.")]
Categorical = Annotated[Names, _several("Columns whose numbers are codes of categories.")]
Weight = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Weights: whole numbers count rows (2: twice), others are a survey's.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Who or what a row belongs to (a person, a firm), where rows of one are not "
        "independent: tests and intervals allow for it (CR2).",
    ),
]
Robust = Annotated[
    bool,
    typer.Option(
        "--robust", help="Let the noise depend on the features: tests and intervals by HC2."
    ),
]
MissingValues = Annotated[
    Missing,
    typer.Option(
        help="Missing values: refuse them, drop their rows, or fill in the mean "
        "(in categories: a level of their own)."
    ),
]
InterceptKind = Annotated[
    Intercept,
    typer.Option(help="Environments share one intercept, or each has its own (slopes may agree)."),
]
ExcludeEnvironments = Annotated[
    Names, _several("Environments that act on the target itself.", metavar="E,F,...")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Figures = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write the figures as PNG and SVG; made if needed."),
]
PredictorKind = Annotated[
    Predictor,
    typer.Option(help="Which model predicts; auto: the invariant one if the data allow."),
]
Classify = Annotated[
    bool,
    typer.Option(
        "--classify", help="The target names classes, in text or numbers: explain their log odds."
    ),
]
ClassifyForecast = Annotated[
    bool,
    typer.Option("--classify", help="The target names classes: forecast how likely each is."),
]
Premium = Annotated[
    float,
    typer.Option(
        metavar="FACTOR",
        min=1.0,
        callback=_finite,
        help="How many times the error may grow, where new environments are like these, for the "
        "safety of leaving out features whose relation changes; 1: use all.",
    ),
]
Report = Annotated[
    Path | None, typer.Option(metavar="FILE.html", help="Write a page to read and send.")
]
Model = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Write the model, for predict.")
]
FeaturesAlways = Annotated[Names, _several("Features that stay in the model.")]
Folder = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Folder for tables, pictures and a page; made if needed."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Runs at the same time; one a core if not given."),
]
EffectTolerance = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        min=0.0,
        callback=_finite,
        help="How far an effect may be from its average in a new environment, as a share of it, "
        "and still be nearly invariant.",
    ),
]
SmallestEffect = Annotated[
    float,
    typer.Option(
        metavar="SD",
        min=0.0,
        callback=_finite,
        help="Smallest effect of interest, in sd of the target per sd of the feature.",
    ),
]
Decimal = Annotated[
    str,
    typer.Option(
        metavar="SIGN", help="What parts whole from broken in numbers: a point or a comma."
    ),
]
Thousands = Annotated[
    str | None,
    typer.Option(metavar="SIGN", help="What keeps thousands apart in numbers, such as , or ' '."),
]
Na = Annotated[
    Names,
    _several('Further texts that mean a missing value, such as "?" or -999.', metavar="TEXT,..."),
]
NoNa = Annotated[
    bool,
    typer.Option(
        "--no-na", help="NA, null and the like are labels in CSV files; empty cells are missing."
    ),
]
Numeric = Annotated[
    Names, _several('Columns of numbers beside a sign or a unit (12%, $5, "3 kg"), left out.')
]
Keep = Annotated[
    Names,
    _several("Columns of the data to write beside the predictions.", metavar="all | A,B,..."),
]
Format = Annotated[
    Literal["csv", "tsv", "jsonl", "parquet", "arrow", "csv.gz"] | None,
    typer.Option(help="What standard input holds; known by its first bytes if not given."),
]
_WRITTEN = {
    "decimal": (Decimal, "."),
    "thousands": (Thousands, None),
    "na": (Na, None),
    "no_na": (NoNa, False),
    "numeric": (Numeric, None),
}


def with_notation(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how data are written, as one argument, ``written``."""

    @wraps(command)
    def run(**given: Any) -> None:
        ending = given.pop("format")
        with guarded():
            given["data"] = taken_in(given["data"], ending)
        written = {name: given.pop(name) for name in _WRITTEN}
        written |= {"na": names_of_texts(written["na"]), "numeric": names(written["numeric"])}
        command(**given, written=written)

    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.name != "written"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in (_WRITTEN | {"format": (Format, None)}).items()
    ]
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
    return run
