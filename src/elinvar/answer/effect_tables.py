"""The tables of effects, for the terminal, the page and a summary alike: one model in each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._display import ShownTable
from elinvar._base._numbers import bracket, estimate, number
from elinvar._base._words import listed, some
from elinvar.answer._found import VERDICTS
from elinvar.answer.sentences import unit_words
from elinvar.answer.statements import Row, clearness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elinvar.answer._found import Found

HEADS = {
    "average [95%]": "over environments like these, with its 95% interval; of an invariant effect "
    "the one common to all, with an interval for these environments alone",
    "in a new one [90%]": "where the effect should lie in one more environment, if it differs "
    "as those seen do: what counts is their number, not that of rows",
    "spread": "how far from the average the effect of one environment typically lies (a standard "
    "deviation), chance taken off",
    "pooled": "one fit to all rows together, whatever their environment",
    "stands out": "the environment whose effect differs most from the others, if one does so "
    "beyond chance",
    "of levels": "the two levels of a category between which the effect is",
}
"""What the columns of a table of effects mean."""


def effect_tables(answer: "Found") -> list[ShownTable]:
    """Return the table of all features, and that of the invariant set if there is one."""
    tables = [_main(answer)]
    if len(answer.of_set):
        tables.append(_set(answer, answer.of_set.to_dict("records")))
    return tables


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return rows in the order of verdicts, what keeps its size first, and of their clearness."""
    return sorted(rows, key=lambda row: (VERDICTS.index(row["verdict"]), -clearness(row)))


def per_sd(answer: "Found") -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """Return what makes effects of features comparable, (n_features,), and which are numbers.

    The factor is a feature's standard deviation; 1 for a category, whose effect is between levels.
    """
    schema = answer.schema
    # a feature's first column, its only one unless it is a category
    first = np.searchsorted(schema.groups, np.arange(len(schema.features)))
    numeric = np.array([name not in schema.levels for name in schema.features])
    return np.where(numeric, answer.scales[first], 1.0), numeric


def _main(answer: "Found") -> ShownTable:
    rows = in_order(answer.all_features.to_dict("records"))
    several = answer.status != "pooled_only"
    model = f"Model: all features together{_left_out(answer)}" if several else "One fit to all rows"
    title = f"{model}. {unit_words(answer)}"
    average, *others = HEADS
    header = ("feature", "verdict", average if several else "effect [95%]", *others)
    cells = [
        (
            str(row["feature"]),
            str(row["verdict"]),
            estimate(row["effect"], row["low"], row["high"]),
            bracket(row["new_low"], row["new_high"]),
            number(row["between_sd"], digits=2),
            number(row["pooled_effect"], digits=3) if several else "-",
            str(row["odd_environment"]) or "-",
            str(row["contrast"]) or "-",
        )
        for row in rows
    ]
    return _known(title, header, cells, rows)


def _set(answer: "Found", rows: Sequence[Row]) -> ShownTable:
    members = listed(answer.selected_features) or "no feature"
    agree = "nearly agree" if answer.status == "approximate" else "agree"
    title = (
        f"Second model: the invariant set alone ({members}), whose effects {agree}, or beside it "
        "one other feature. An effect is what it is beside the others in its model, so the two "
        "tables may differ"
    )
    heads = ("in a new one [90%]", "spread", "stands out", "of levels")
    header = ("feature", "verdict", "in the set", "effect [95%]", *heads)
    rows = in_order(rows)
    cells = [
        (
            str(row["feature"]),
            str(row["verdict"]),
            "yes" if row["model"] == "invariant set" else "beside it",
            estimate(row["effect"], row["low"], row["high"]),
            bracket(row["new_low"], row["new_high"]),
            number(row["between_sd"], digits=2),
            str(row["odd_environment"]) or "-",
            str(row["contrast"]) or "-",
        )
        for row in rows
    ]
    return _known(title, header, cells, rows)


def _known(
    title: str, header: tuple[str, ...], cells: Sequence[tuple[str, ...]], rows: Sequence[Row]
) -> ShownTable:
    """Return the columns that say something in some row."""
    known = [k for k in range(len(header)) if any(cell[k] != "-" for cell in cells)]
    return ShownTable(
        title=title,
        header=tuple(header[k] for k in known),
        rows=[tuple(cell[k] for k in known) for cell in cells],
        verdicts=tuple(str(row["verdict"]) for row in rows),
    )


def _left_out(answer: "Found") -> str:
    """Say which features are not in the model: those that are constant, or that lack rows."""
    missing = answer.all_features["effect"].isna()
    names = answer.all_features["feature"][missing].tolist()
    return f" but {some(names)}, which these data cannot tell" if names else ""
