"""From a table in files to what holds in all its environments."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elinvar._base import FileError, check_writable
from elinvar.cli._console import Printer, progress
from elinvar.report._numbers import number


@dataclass(frozen=True, kw_only=True)
class FitRequest:
    """What the user asked for, as given on the command line."""

    data: tuple[str, ...]
    target: str
    environment: tuple[str, ...]
    features: tuple[str, ...] | None
    drop: tuple[str, ...] | None
    categorical: tuple[str, ...] | None
    weight: str | None
    missing: Any
    intercept: Any
    predictor: Any
    exclude_environments: tuple[str, ...] | None
    features_always: tuple[str, ...] | None
    report: Path | None
    model: Path | None
    json: bool


def run(request: FitRequest) -> None:
    """Fit, print what was found, and write what was asked for."""
    refuse_outputs(request.data, request.report, request.model)
    with progress("Loading ..."):
        from elinvar.environments import Moments
        from elinvar.estimators import InvariantRegressor
    with progress("Reading ..."):
        moments = Moments.from_files(
            list(request.data),
            target=request.target,
            environment=list(request.environment),
            features=request.features,
            drop=request.drop,
            categorical=request.categorical,
            sample_weight=request.weight,
            missing=request.missing,
        )
    model = InvariantRegressor(
        intercept=request.intercept,
        predictor=request.predictor,
        exclude_environments=_listed(request.exclude_environments),
        features_always=_listed(request.features_always),
    )
    with progress("Fitting ..."):
        model.fit_moments(moments)
    with progress("Leaving out one environment after the other ..."):
        _ = model.evidence_, model.errors_
    written = _write(model, request)
    if request.json:
        _print_json(model, written)
    else:
        printer = Printer()
        print_result(printer, model)
        for kind, path in written.items():
            printer.text(f"{kind.capitalize()}: {path}")
        printer.flush()


def refuse_outputs(data: tuple[str, ...], *outputs: Path | None) -> None:
    """Refuse, before any work, outputs that cannot be written or would replace an input.

    Raises
    ------
    FileError
        If a folder does not exist, or two files are the same.
    """
    from elinvar.environments._read_files import find_files

    wanted = [path for path in outputs if path is not None]
    for path in wanted:
        check_writable(path)
    inputs = {file.resolve() for file in find_files(list(data))} if wanted else set()
    for k, path in enumerate(wanted):
        if path.resolve() in inputs:
            raise FileError(f"{path} is an input file; name another file to write to.")
        if path.resolve() in [other.resolve() for other in wanted[:k]]:
            raise FileError(f"{path} is named for two outputs; name two files.")


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _write(model: Any, request: FitRequest) -> dict[str, Path]:
    written: dict[str, Path] = {}
    if request.model is not None:
        from elinvar.estimators import save_model

        written["model"] = save_model(model, request.model)
    if request.report is not None:
        from elinvar.report import write_report

        with progress("Drawing ..."):
            written["report"] = write_report(
                model, request.report, source=", ".join(request.data), command=_command()
            )
    return written


def _command() -> str:
    import shlex

    return shlex.join(["elinvar", *sys.argv[1:]])


def _print_json(model: Any, written: dict[str, Path]) -> None:
    from elinvar.estimators._model_file import describe_model

    result = describe_model(model)
    for key in ("schema", "class", "path"):
        del result[key]
    result |= {kind: str(path) for kind, path in written.items()}
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_result(printer: Printer, model: Any) -> None:
    """Print the verdict, the effects, the errors on left-out environments, and the notes."""
    from elinvar.report._words import error_sentence, verdict_sentence

    printer.text(verdict_sentence(model), style="bold")
    printer.text()
    print_effects(printer, model)
    if len(model.errors_):
        printer.text()
        printer.text("Mean squared error on each environment when it is left out:")
        print_errors(printer, model)
        sentence = error_sentence(model)
        if sentence:
            printer.text(sentence)
    if model.notes_:
        printer.text()
        for note in model.notes_:
            printer.text(note, bullet="- ")
    printer.text()


def print_effects(printer: Printer, model: Any) -> None:
    """Print a row a feature: verdict, effect with its interval, and the pooled effect."""
    styles = {
        "invariant": "cyan",
        "approximately invariant": "green",
        "spurious": "yellow",
        "no effect": "dim",
    }
    table = model.evidence_
    rows = [
        (
            str(row.feature),
            str(row.verdict),
            number(row.effect),
            _interval(row.low, row.high),
            number(row.pooled_effect),
        )
        for row in table.itertuples(index=False)
    ]
    printer.table(
        ("feature", "verdict", "effect", "[low, high]", "pooled effect"),
        rows,
        left=2,
        styles=[styles.get(str(verdict)) for verdict in table["verdict"]],
    )


def print_errors(printer: Printer, model: Any) -> None:
    """Print a row a left-out environment: the error of each model."""
    rows = [
        (
            str(row.environment),
            f"{row.rows:.10g}",
            number(row.invariant),
            number(row.pooled),
            number(row.mean),
            number(row.used),
        )
        for row in model.errors_.itertuples(index=False)
    ]
    printer.table(
        ("left out", "rows", "invariant", "pooled", "mean of the target", "predict uses"), rows
    )


def _interval(low: float, high: float) -> str:
    return "-" if low != low or high != high else f"[{number(low)}, {number(high)}]"
