"""From a table in files to whether its environments can answer."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinvar._base._numbers import number
from elinvar.cli._console import Printer, progress
from elinvar.cli._fit import command_words, print_json, print_written
from elinvar.cli._source import Source, check_folder, check_outputs, make_folder

if TYPE_CHECKING:
    from elinvar.inference import Diagnosis

_THEORY_LEGEND = {
    "differs itself": "the other features known, it behaves differently between environments",
    "mean shift": "sd of its mean between environments, per sd within",
    "ratio of sds": "its largest sd in an environment by its smallest",
    "slope": "of the target on it alone, sd per sd: average, and sd between environments",
    "sd found": "smallest sd of its effect between environments that is found with 80% power",
    "growth": "exponent of plain one-environment steps: above 0 it enters the model",
}


def run(
    source: Source,
    *,
    intercept: Any,
    exclude_environments: list[str] | None,
    report: Path | None,
    figures: Path | None,
    json: bool,
    theory: bool,
) -> None:
    """Diagnose, print what was found, and write a page and figures if asked for."""
    check_outputs(source.data, report=report)
    check_folder(figures)
    with progress("Loading ..."):
        from elinvar import diagnose
    with progress("Reading ..."):
        # rows show more than their moments: who they belong to, and noise that depends on a feature
        data = source.rows() if source.is_small() else source.moments()
    if exclude_environments:
        data = data.exclude(exclude_environments)
    with progress("Diagnosing ..."):
        found = diagnose(data, intercept=intercept)
    written: dict[str, Any] = {}
    if report is not None:
        from elinvar.report import write_report

        with progress("Writing ..."):
            written["report"] = write_report(
                found, report, source=source.title, command=command_words()
            )
    if figures is not None:
        with progress("Drawing ..."):
            written["figures"] = _draw(found, figures, theory=theory)
    if json:
        print_json(_described(found), written)
    else:
        printer = Printer()
        print_diagnosis(printer, found, theory=theory)
        print_written(printer, written)
        printer.flush()


def print_diagnosis(printer: Printer, found: "Diagnosis", *, theory: bool) -> None:
    """Print the verdict, its reason, what to do, a row a feature, and notes."""
    from elinvar.inference import DIAGNOSIS_WORDS

    printer.text(f"Diagnosis: {found.verdict}", style="bold")
    printer.text(found.reason)
    printer.text()
    printer.text(f"What to do: {found.advice}", style="bold")
    printer.text()
    table = found.in_words()
    printer.table([str(name) for name in table], table.to_numpy().tolist(), align="lllr")
    printer.text()
    _print_legend(printer, DIAGNOSIS_WORDS)
    for note in found.notes:
        printer.text(note, bullet="- ")
    printer.text()
    if theory:
        _print_theory(printer, found)
        _print_power(printer, found)


def _print_legend(printer: Printer, meanings: dict[str, str]) -> None:
    width = max(map(len, meanings)) + 2
    for term, meaning in meanings.items():
        printer.text(meaning, style="dim", bullet=f"{term:<{width}}")
    printer.text()


def _print_theory(printer: Printer, found: "Diagnosis") -> None:
    """Print a row a feature: laws, slopes and power as numbers, and what plain steps would do."""
    printer.text(
        "What plain one-environment steps (HeteroSGD) of size "
        f"{number(found.step_size, digits=3)} would do, and the numbers behind the words:"
    )
    printer.text()
    header = (
        "feature", "differs\nitself", "mean\nshift", "ratio\nof sds", "slope",
        "sd of\nslope", "sd\nfound", "growth", "gains that\nsuppress", "steps that\nsuppress",
    )  # fmt: skip
    rows = [
        [
            str(row["feature"]),
            "yes" if row["moved"] else "no",
            *(
                _short(row[name])
                for name in (
                    "mean_shift", "scale_ratio", "slope", "slope_sd", "detectable_sd", "growth",
                )
            ),
            _window(row["gain_low"], row["gain_high"]),
            _window(row["step_low"], row["step_high"]),
        ]
        for row in found.features.to_dict("records")
    ]  # fmt: skip
    printer.table(header, rows, align="llrrrrrrrr", optional=2)
    printer.text()
    _print_legend(printer, _THEORY_LEGEND)


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


def _draw(found: "Diagnosis", folder: Path, *, theory: bool) -> list[Path]:
    """Write the figures that have something to show."""
    from elinvar.answer.figures import diagnosis_figures
    from elinvar.report import write_picture

    make_folder(folder)
    return [
        write_picture(ax, folder / f"{name}.{kind}")
        for name, ax in diagnosis_figures(found, theory=theory).items()
        for kind in ("png", "svg")
    ]


def _described(found: "Diagnosis") -> dict[str, Any]:
    rows = zip(found.environments, found.rows, strict=True)
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "advice": found.advice,
        "notes": found.notes,
        "environments": [{"name": name, "rows": count} for name, count in rows],
        "step_size": found.step_size,
        "features": found.features.to_dict("records"),
        "power": found.power.to_dict("records"),
    }
