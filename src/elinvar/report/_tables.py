"""Tables of a page: which columns of a frame are shown, how each is written, what it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from elinvar._base._display import ShownTable
from elinvar._base._numbers import count, interval, number, p_value, percent
from elinvar.inference import DIAGNOSIS_WORDS
from elinvar.report.layout import Kind, Table

if TYPE_CHECKING:
    import pandas as pd


Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its head, what a row says in it, of what kind that is, what the head means."""

    head: str
    text: Callable[[Row], str]
    kind: Kind = "number"
    meaning: str = ""


def table(frame: "pd.DataFrame", columns: tuple[Column, ...], *, caption: str) -> Table:
    """Return the rows of ``frame`` as ``columns`` write them."""
    return Table(
        caption,
        [column.head for column in columns],
        [[column.text(row) for column in columns] for row in _rows(frame)],
        [column.kind for column in columns],
    )


def of_effects(table: ShownTable) -> Table:
    """Return a table of effects as a page lays it out."""
    kinds: dict[str, Kind] = {
        "feature": "text", "verdict": "kind", "in the set": "text", "stands out": "text",
        "of levels": "text",
    }  # fmt: skip
    return Table(
        f"{table.title}.",
        table.header,
        table.rows,
        [kinds.get(head, "number") for head in table.header],
    )


def filled(frame: "pd.DataFrame", columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns that say something in some row."""
    rows = _rows(frame)
    return tuple(
        column for column in columns if not rows or any(column.text(row) != "-" for row in rows)
    )


def _rows(frame: "pd.DataFrame") -> list[Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def meanings(columns: tuple[Column, ...]) -> dict[str, str]:
    """Return what the heads of columns mean, where they need saying."""
    return {column.head: column.meaning for column in columns if column.meaning}


def _text(key: str) -> Callable[[Row], str]:
    return lambda row: str(row[key]) or "-"


def _number(key: str, *, digits: int = 3, infinite: str = "inf") -> Callable[[Row], str]:
    return lambda row: number(row.get(key, nan), digits=digits, infinite=infinite)


def _interval(low: str, high: str) -> Callable[[Row], str]:
    return lambda row: interval(row[low], row[high])


def _count(key: str) -> Callable[[Row], str]:
    return lambda row: count(row[key])


def _p(key: str) -> Callable[[Row], str]:
    return lambda row: p_value(row[key])


def _percent(key: str) -> Callable[[Row], str]:
    return lambda row: percent(row[key], 3, missing="-")


def _degrees(row: Row) -> str:
    known = [count(row[key]) for key in ("df1", "df2") if isfinite(row[key])]
    return " and ".join(known)


_FEATURE = Column("feature", _text("feature"), "text")
_ENVIRONMENT = Column("environment", _text("environment"), "text")
_CLASS = Column("class", _text("outcome"), "text")

MORE_VERDICTS = (
    _FEATURE,
    Column("environments that tell it", _count("n_environments")),
    Column(
        "p of agreement",
        _p("heterogeneity_p"),
        meaning="how often chance alone would make the environments' effects differ as much, "
        "were they the same in all. Small: the effect changes.",
    ),
    Column(
        "p that it is alike",
        _p("shift_p_value"),
        meaning="how often chance alone would make the feature itself, the other ones known, "
        "differ as much between environments. Large: no difference was seen, so whether its effect "
        "holds was hardly put to the test.",
    ),
    Column(
        "leaves at",
        _number("exit_strength", infinite="stays"),
        meaning="strength of the penalty on disagreement at which the feature leaves the path.",
    ),
)
EFFECTS = (
    _FEATURE,
    _ENVIRONMENT,
    Column("effect", _number("effect")),
    Column("95% interval", _interval("low", "high")),
)
ERRORS = (
    Column("left out", _text("environment"), "text"),
    Column("rows", _count("rows")),
    Column("invariant model", _number("invariant", digits=4)),
    Column("pooled model", _number("pooled", digits=4)),
    Column("lasso", _number("lasso", digits=4)),
    Column("mean alone", _number("mean", digits=4)),
    Column("chosen without it", _number("used", digits=4)),
)
CLASS_ERRORS = (
    *ERRORS[:4],
    Column("shares alone", _number("mean", digits=4)),
    ERRORS[-1],
    Column("wrong: invariant", _percent("invariant_wrong")),
    Column("wrong: pooled", _percent("pooled_wrong")),
    Column("wrong: chosen without it", _percent("used_wrong")),
)
FEW_ROWS = (
    Column("labelled rows", _count("rows")),
    Column("error", _number("error", digits=4)),
    Column("eight of ten places", _interval("low", "high")),
    Column("removed", _percent("removed")),
)
LEVELS = (
    _ENVIRONMENT,
    _CLASS,
    Column("model", _text("model"), "text"),
    Column("mean prediction", _number("predicted_mean", digits=4)),
    Column("mean truth", _number("truth_mean", digits=4)),
    Column("sd of predictions", _number("predicted_sd", digits=4)),
    Column("sd of the truth", _number("truth_sd", digits=4)),
    Column("slope of truth on prediction", _number("slope")),
    Column("sd of residuals", _number("residual_sd")),
)
TESTS = (
    Column("test", _text("test"), "text"),
    Column("question", _text("question"), "text"),
    Column("statistic", _number("statistic")),
    Column("degrees of freedom", _degrees),
    Column("p", _p("p_value")),
)
RESIDUALS = (
    _ENVIRONMENT,
    _CLASS,
    Column("rows", _count("rows")),
    Column("mean residual", _number("mean")),
    Column("95% interval of mean", _interval("mean_low", "mean_high")),
    Column("slope of truth on prediction", _number("slope")),
    Column("95% interval of slope", _interval("slope_low", "slope_high")),
    Column("sd of residuals", _number("sd")),
)
DIAGNOSIS = (
    _FEATURE,
    *(
        Column(head, _text(head), "text", meaning=meaning)
        for head, meaning in DIAGNOSIS_WORDS.items()
    ),
)
MORE_DIAGNOSIS = (
    _FEATURE,
    Column(
        "differs itself",
        lambda row: "yes" if row["moved"] else "no",
        "text",
        meaning="once the other features are known, it does not behave alike in all environments.",
    ),
    Column(
        "mean shift",
        _number("mean_shift"),
        meaning="how far its means in environments lie apart, in standard deviations "
        "(sd) within them.",
    ),
    Column("sd, largest / smallest", _number("scale_ratio")),
    Column(
        "slope",
        _number("slope"),
        meaning="how the target goes with this feature alone, in sd of the target for one sd of "
        "it; then how far environments differ in that (sd).",
    ),
    Column("sd between environments", _number("slope_sd")),
    Column(
        "smallest sd found",
        _number("detectable_sd"),
        meaning="how much its effect must vary between environments (sd per sd) to be "
        "found with 80% power at the 5% level.",
    ),
    Column("p of equal means", _p("mean_p")),
    Column("p of equal sds", _p("scale_p")),
    Column("p of equal slopes", _p("slope_p")),
    Column(
        "overlap",
        _number("vif"),
        meaning="how far the other features say the same within environments (variance inflation): "
        "1 not at all, large almost all of it.",
    ),
)
ENVIRONMENTS = (
    _ENVIRONMENT,
    Column("rows", _count("rows")),
)


def environment_table(rows: Mapping[str, float]) -> Table:
    """Return how many rows each environment has."""
    counts = [(name, count(n)) for name, n in rows.items()]
    return Table("Environments.", ("environment", "rows"), counts, ("text", "number"))


def target_columns(target: str, outcomes: list[str]) -> tuple[Column, ...]:
    """Return the columns of the target's mean and sd, or of the share of each class."""
    if outcomes == [""]:
        return (
            Column("mean of the target", _number("mean_", digits=4)),
            Column("sd of the target", _number("sd_", digits=4)),
        )
    return tuple(Column(f"share of {target}={name}", _percent(f"mean_{name}")) for name in outcomes)
