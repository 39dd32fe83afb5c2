"""The options that commands share, each declared once."""

import csv
import inspect
from collections.abc import Callable
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from elinvar.cli._console import guarded
from elinvar.cli._source import Source, are_moments, taken_in

if TYPE_CHECKING:
    from elinvar.environments import Notation

Intercept = Literal["shared", "environment"]
Predictor = Literal["auto", "invariant", "pooled"]
Missing = Literal["error", "drop", "impute"]
Unknown = Literal["error", "zero", "warn"]
Names = list[str] | None
# files, and how numbers are written in them
NewRows: TypeAlias = "tuple[tuple[str, ...], Notation]"


def _names(items: Names) -> Names:
    """Split lists at commas, but for those in double quotes."""
    if not items:
        return None
    found = [name for row in csv.reader(items, skipinitialspace=True) for name in row]
    return [name for name in found if name]


def _texts(items: Names) -> Names:
    """Split lists at commas, and keep a comma that stands alone."""
    if not items:
        return None
    return [text for item in items for text in ([item] if item == "," else _names([item]) or [])]


def _several(
    help: str, metavar: str = "A,B,...", split: Callable[[Names], Names] = _names
) -> typer.models.OptionInfo:
    """Return an option that takes several names, at commas or one after the other."""
    option: typer.models.OptionInfo = typer.Option(
        metavar=metavar, help=f"{help} Repeatable.", callback=split
    )
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
_target = typer.Option("--target", metavar="COLUMN", help="What to explain and predict.")
_environment = typer.Option(
    "--environment",
    metavar="COLUMN",
    help="What names the environment of a row: a column; or file, folder or path:KEY (of "
    "folders KEY=value), where no column is called so. Repeat to combine several.",
)
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
    _several(
        'Further texts that mean a missing value, such as "?" or -999.',
        metavar="TEXT,...",
        split=_texts,
    ),
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
UnknownLevels = Annotated[
    Unknown | None,
    typer.Option(
        help="Levels not seen in training: refuse them, count them as none, or do that with a "
        "warning. If not given, forecasts warn and others refuse."
    ),
]
Methods = Annotated[
    Names,
    _several(
        "Methods to run besides constant, pooled, oracle and elinvar's two; all if not given.",
        metavar="NAME,NAME",
    ),
]
Format = Annotated[
    Literal["csv", "tsv", "jsonl", "parquet", "arrow", "csv.gz"] | None,
    typer.Option(help="What standard input holds; known by its first bytes if not given."),
]

_Options = dict[str, tuple[Any, Any]]
_Command = Callable[..., None]
_REQUIRED = inspect.Parameter.empty
_NAMED = inspect.Parameter.KEYWORD_ONLY
_WRITTEN: _Options = {
    "decimal": (Decimal, "."),
    "thousands": (Thousands, None),
    "na": (Na, None),
    "no_na": (NoNa, False),
    "numeric": (Numeric, None),
    "format": (Format, None),
}
_COLUMNS: _Options = {
    "features": (Features, None),
    "drop": (Drop, None),
    "categorical": (Categorical, None),
    "weight": (Weight, None),
}
_NEW_ROWS: _Options = {"data": (Data, _REQUIRED)}
_ROWS: _Options = {
    **_NEW_ROWS,
    "target": (Annotated[str, _target], _REQUIRED),
    "environment": (Annotated[list[str], _environment], _REQUIRED),
    **_COLUMNS,
}
_TABLE: _Options = {
    "data": (Sources, _REQUIRED),
    # moments know their target and their environments
    "target": (Annotated[str | None, _target], None),
    "environment": (Annotated[Names, _environment], None),
    "query": (Query, None),
    **_COLUMNS,
    "missing": (MissingValues, "error"),
}


def _source(
    *,
    data: list[str],
    format: str | None,
    target: str | None,
    environment: Names,
    query: str | None = None,
    weight: str | None,
    missing: Missing | Literal["keep"] = "keep",
    **others: Any,
) -> Source:
    """Return what to read, as it was asked for."""
    from elinvar.environments import Roles

    data = taken_in(data, format)
    if not are_moments(data):
        for name, given in (("--target", target), ("--environment", environment)):
            if not given:
                raise typer.BadParameter(f"Missing option '{name}'.")
    roles = Roles(
        target=target or "",
        environment=tuple(environment or ()),
        sample_weight=weight,
        missing=missing,
        **others,
    )
    return Source(data=tuple(data), roles=roles, query=query)


def _new_rows(*, data: list[str], format: str | None, **written: Any) -> NewRows:
    """Return files for a model that knows their columns, and how numbers are written in them."""
    from elinvar.environments import Notation

    return tuple(taken_in(data, format)), Notation.of(**written)


def _reads(options: _Options, gather: Callable[..., object]) -> Callable[[_Command], _Command]:
    """Return a decorator that puts options in place of a command's argument ``source``.

    Those that say how files are written come last; ``gather`` makes ``source`` of their values.
    """

    def decorate(command: _Command) -> _Command:
        parameters: list[inspect.Parameter] = []
        for own in inspect.signature(command).parameters.values():
            replaced = own.name == "source"
            parameters += _parameters(options) if replaced else [own.replace(kind=_NAMED)]
        parameters += _parameters(_WRITTEN)

        @wraps(command)
        def run(**given: Any) -> None:
            said = {name: given.pop(name) for name in (*options, *_WRITTEN)}
            with guarded():
                command(**given, source=gather(**said))

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameters(options: _Options) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(name, _NAMED, default=default, annotation=kind)
        for name, (kind, default) in options.items()
    ]


reads_table = _reads(_TABLE, _source)
"""Give a command the options that say what to read, as one argument, ``source: Source``."""

reads_clusters = _reads({**_TABLE, "cluster": (Cluster, None)}, _source)
"""The same, where rows may belong to clusters."""

reads_rows = _reads(_ROWS, _source)
"""The same, of files of rows in which values may be missing."""

reads_new_rows = _reads(_NEW_ROWS, _new_rows)
"""The same, of files whose columns a model knows: ``source: NewRows``."""
