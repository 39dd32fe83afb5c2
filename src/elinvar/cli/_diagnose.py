"""From a table in files to whether its environments can answer."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base._numbers import number
from elinvar.cli._console import Printer, progress
from elinvar.cli._fit import print_json, print_written
from elinvar.cli._source import Source, check_folder, make_folder

if TYPE_CHECKING:
    from elinvar.inference import Diagnosis

_LEGEND = {
    "law differs": "given the other features, it behaves differently between environments: this "
    "puts its effect to the test",
    "mean shift": "sd of its mean between environments, per sd within",
    "slope": "of the target on it alone, sd per sd: average, sd between environments, and in how "
    "many it is clearly above / below 0",
    "sd found": "smallest sd of its effect between environments that is found with 80% power",
    "growth": "of plain one-environment steps: above 0 it enters the model",
}


def run(
    source: Source,
    *,
    intercept: Any,
    exclude_environments: list[str] | None,
    figures: Path | None,
    json: bool,
) -> None:
    """Diagnose, print what was found, and write figures if asked for."""
    check_folder(figures)
    with progress("Loading ..."):
        from elinvar import diagnose
    with progress("Reading ..."):
        moments = source.moments()
    if exclude_environments:
        moments = moments.exclude(exclude_environments)
    with progress("Diagnosing ..."):
        found = diagnose(moments, intercept=intercept)
    written = {}
    if figures is not None:
        with progress("Drawing ..."):
            written["figures"] = _draw(found, figures)
    if json:
        print_json(_described(found), written)
    else:
        printer = Printer()
        print_diagnosis(printer, found)
        print_written(printer, written)
        printer.flush()


def print_diagnosis(printer: Printer, found: "Diagnosis") -> None:
    """Print the verdict, its reason, a row a feature, notes, and what more data would find."""
    printer.text(f"Diagnosis: {found.verdict}", style="bold")
    printer.text(found.reason)
    printer.text()
    _print_features(printer, found)
    for note in found.notes:
        printer.text(note, bullet="- ")
    printer.text()
    _print_power(printer, found)


def _print_features(printer: Printer, found: "Diagnosis") -> None:
    header = (
        "feature", "law\ndiffers", "mean\nshift", "sd, largest\n/ smallest", "slope",
        "sd of\nslope", "above /\nbelow 0", "sd\nfound", "growth", "gain that\nsuppresses",
    )  # fmt: skip
    rows = [
        [
            str(row["feature"]),
            "yes" if row["moved"] else "no",
            *(_short(row[name]) for name in ("mean_shift", "scale_ratio", "slope", "slope_sd")),
            f"{row['positive']:.0f} / {row['negative']:.0f}",
            _short(row["detectable_sd"]),
            _short(row["growth"]),
            _window(row["gain_low"], row["gain_high"]),
        ]
        for row in found.features.to_dict("records")
    ]
    printer.table(header, rows, align="llrrrrrrrr", optional=2)
    printer.text()
    width = max(map(len, _LEGEND)) + 2
    for term, meaning in _LEGEND.items():
        printer.text(meaning, style="dim", bullet=f"{term:<{width}}")
    printer.text()


def _print_power(printer: Printer, found: "Diagnosis") -> None:
    table = found.power.dropna(subset=["detectable_sd"])
    if not len(table):
        return
    printer.text(
        "Smallest sd of an effect between environments that is found with 80% power (median "
        "feature):"
    )
    printer.text()
    rows = [
        [
            f"{row['environments']:,.0f}",
            f"{row['rows']:,.0f}",
            _short(row["detectable_sd"]),
            "now" if row["is_now"] else "",
        ]
        for row in table.to_dict("records")
    ]
    printer.table(("environments", "rows in each", "sd found", ""), rows, align="rrrl")
    printer.text()


def _short(value: float) -> str:
    return number(value, digits=2)


def _window(low: float, high: float) -> str:
    return "-" if isnan(low) or isnan(high) else f"{_short(low)} to {_short(high)}"


def _draw(found: "Diagnosis", folder: Path) -> list[Path]:
    """Write the figures that have something to show."""
    from elinvar.plots import plot_power
    from elinvar.report import write_picture

    make_folder(folder)
    drawn = {}
    if len(found.environments) > 1:
        drawn["diagnosis"] = found.plot()
    if found.power["detectable_sd"].notna().any():
        drawn["power"] = plot_power(found.power)
    return [
        write_picture(ax, folder / f"{name}.{kind}")
        for name, ax in drawn.items()
        for kind in ("png", "svg")
    ]


def _described(found: "Diagnosis") -> dict[str, Any]:
    rows = zip(found.environments, found.rows, strict=True)
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "notes": found.notes,
        "environments": [{"name": name, "rows": count} for name, count in rows],
        "step_size": found.step_size,
        "features": found.features.to_dict("records"),
        "power": found.power.to_dict("records"),
    }
