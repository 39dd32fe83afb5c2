"""A model for one place, from a few labelled rows of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base._numbers import estimate, number
from elinvar.cli._console import Printer, progress
from elinvar.cli._source import check_outputs
from elinvar.errors import DataError

if TYPE_CHECKING:
    from elinvar.environments import Notation, Unknown
    from elinvar.estimators import AdaptedModel

_ROWS = 12


def run(
    model: Path,
    data: tuple[str, ...],
    notation: "Notation",
    *,
    out: Path,
    place: str | None,
    unknown: "Unknown | None",
) -> None:
    """Adapt, write the model of the place, and say what differs there."""
    check_outputs((*data, str(model)), out)
    with progress("Loading ..."):
        from elinvar.environments import read_labelled
        from elinvar.estimators import AdaptedModel, load_model, save_model
    fitted = load_model(model)
    if not hasattr(fitted, "adapt"):
        raise DataError(
            f"A {type(fitted).__name__} cannot be adapted to a place; take a model that elinvar "
            "forecast, or elinvar fit without --classify, has written."
        )
    if isinstance(fitted, AdaptedModel):
        if place not in (None, fitted.place):
            raise DataError(
                f"{model} is adapted to {fitted.place!r} already; give the model from before that, "
                "or rows of the same place."
            )
        site = fitted
    else:
        site = fitted.adapt(place=place or Path(data[0]).stem)
    with progress("Reading ..."):
        rows = read_labelled(
            list(data),
            fitted.schema_,
            classes=bool(fitted.answer_.classes),
            unknown=unknown or fitted._unknown,
            notation=notation,
        )
    site = site.adapt_encoded(*rows)
    path = save_model(site, out)
    printer = Printer()
    printer.text(" ".join(site.explain().split()))
    _print_evidence(printer, site)
    printer.text(f"Model: {path}")
    printer.flush()


def _print_evidence(printer: Printer, site: "AdaptedModel") -> None:
    """Print what differs most, measured by the differences that training places had."""
    table = site.evidence_
    size = table["shift"].abs() / table["training_spread"].where(table["training_spread"] > 0)
    shown = table.loc[size.sort_values(ascending=False, kind="stable").index].head(_ROWS)
    outcome = ["outcome"] * ("outcome" in table)
    printer.text()
    printer.table(
        ["differs there", *outcome, "by (95%)", "sd between training places"],
        [
            [
                row["term"],
                *[row[name] for name in outcome],
                estimate(row["shift"], row["low"], row["high"]),
                number(row["training_spread"], digits=3),
            ]
            for row in shown.to_dict("records")
        ],
        align="l" * (1 + len(outcome)) + "rr",
    )
    if len(shown) < len(table):
        printer.text(f"{len(table) - len(shown)} more are in evidence_ of the model.")
    printer.text()
