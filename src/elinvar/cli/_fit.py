"""From a table in files to what holds in all its environments."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from elinvar._base._secrets import without_secrets
from elinvar.cli._console import Printer, progress
from elinvar.cli._source import Source, check_folder, check_outputs, make_folder
from elinvar.cli._streams import show
from elinvar.errors import printable

if TYPE_CHECKING:
    from elinvar.answer import Answer
    from elinvar.estimators import (
        InvariantClassifier,
        InvariantRegressor,
        TransferClassifier,
        TransferRegressor,
    )

    InvariantModel: TypeAlias = InvariantClassifier | InvariantRegressor
    TransferModel: TypeAlias = TransferClassifier | TransferRegressor


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for: what to read, parameters of the estimator, what to write."""

    source: Source
    parameters: dict[str, Any]
    report: Path | None
    model: Path | None
    figures: Path | None
    json: bool
    classify: bool = False


def run(request: Request) -> None:
    """Fit, print what was found, and write what was asked for."""
    check_outputs(request.source.data, request.model, report=request.report)
    check_folder(request.figures)
    with progress("Loading ..."):
        from elinvar.estimators import InvariantClassifier, InvariantRegressor
    model: InvariantClassifier | InvariantRegressor
    if request.classify:
        with progress("Reading ..."):
            rows = request.source.classes()
        with progress("Fitting ..."):
            model = InvariantClassifier(**request.parameters).fit_rows(rows)
    elif (
        request.parameters["robust"]
        or request.source.roles.cluster is not None
        or request.source.is_small()
    ):
        with progress("Reading ..."):
            rows = request.source.rows()
        with progress("Fitting ..."):
            model = InvariantRegressor(**request.parameters).fit_rows(rows)
    else:
        with progress("Reading ..."):
            moments = request.source.moments()
        with progress("Fitting ..."):
            model = InvariantRegressor(**request.parameters).fit_moments(moments)
    with progress("Leaving out ..."):
        answer = model.answer_
        _ = answer.evidence, answer.errors, answer.diagnosis
    with progress("Writing ..."):
        written = write_outputs(model, request)
    if request.json:
        _print_json(model, written)
    else:
        from elinvar.cli._result import print_result

        printer = Printer()
        print_result(printer, model.answer_)
        print_written(printer, written)
        printer.flush()


def print_written(printer: Printer, written: dict[str, Any]) -> None:
    """Print a line for each kind of file: its path, or for figures their folder and names."""
    for kind, paths in written.items():
        if isinstance(paths, Path):
            printer.text(f"{kind.capitalize()}: {paths}")
        elif paths:
            stems = dict.fromkeys(path.stem for path in paths)
            printer.text(
                f"{kind.capitalize()}: {paths[0].parent} ({', '.join(stems)}; as PNG and SVG)"
            )


def write_outputs(
    model: "InvariantModel | TransferModel", request: Request, *, holds: "Answer | None" = None
) -> dict[str, Any]:
    """Write model, page and figures, as far as they were asked for; return their paths."""
    written: dict[str, Any] = {}
    if request.model is not None:
        from elinvar.estimators import save_model

        written["model"] = save_model(model, request.model)
    if request.report is not None:
        from elinvar.report import write_report

        written["report"] = write_report(
            model,
            request.report,
            source=request.source.title,
            command=command_words(),
            holds=holds,
        )
    if request.figures is not None:
        from elinvar.report import write_figures

        make_folder(request.figures)
        files = write_figures(model, request.figures, formats=("png", "svg"))
        written["figures"] = list(files.values())
    return written


def command_words() -> str:
    """Return the command as it was given, without passwords."""
    return without_secrets(shlex.join(["elinvar", *sys.argv[1:]]))


def _print_json(model: "InvariantModel", written: dict[str, Any]) -> None:
    from elinvar.estimators import describe_model

    result = {"explanation": str(model.answer_.explanation)} | describe_model(model)
    for key in ("schema", "class", "path"):
        del result[key]
    print_json(result, written)


def print_json(result: dict[str, Any], written: dict[str, Any]) -> None:
    """Print a result, and the files that were written, as JSON without NaN."""
    from elinvar.answer.json_text import plain

    files = {
        kind: str(paths) if isinstance(paths, Path) else [str(path) for path in paths]
        for kind, paths in written.items()
    }
    text = json.dumps(plain(result | files), indent=2, ensure_ascii=False, allow_nan=False)
    # in JSON the escapes are those of the same letters
    show(f"{printable(text)}\n")
