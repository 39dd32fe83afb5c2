"""The tables of a forecast's answer as texts, for pages and terminals."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._display import ShownTable
from elinvar._base._numbers import count, figure, number, percent
from elinvar.answer.transfer_found import ALL_FEATURES, CONSTANT, MIXTURE
from elinvar.forecast.gate import STEADY

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.answer.transfer_found import TransferFound

RIVALS = {
    "straight lines": ("least squares", "random intercept", "logistic"),
    "boosting": ("boosting, large trees", "boosting, small trees"),
}
"""What most would fit instead, and the learners that are that."""

LEARNS = {
    "least squares": "straight lines",
    "random intercept": "straight lines, with levels that differ between environments",
    "logistic": "straight lines of log odds",
    "logistic curves": "curves of log odds for each feature, added up",
    "logistic curves + boosting": "such curves, and on top what depends on several features",
    "curves": "a curve for each feature, added up",
    "curves + boosting": "curves, and on top of them what depends on several features",
    "least squares + boosting": "straight lines, and on top of them what bends",
    "boosting, small trees": "steps in three or four features at a time",
    "boosting, large trees": "steps in many features at a time",
    "forest": "means of rows that are alike",
}
"""What each learner can learn, in plain words."""


def forecast_tables(answer: "TransferFound") -> list[ShownTable]:
    """Return the table of learners, and that of features, as texts."""
    tables = [_learners(answer)]
    if answer.curves:
        tables.append(_features(answer))
    return tables


def error_name(answer: "TransferFound") -> str:
    """Name the errors that are shown."""
    return "mean log loss" if answer.classes else f"error in units of {answer.schema.target}"


def _learners(answer: "TransferFound") -> ShownTable:
    shown = sorted(zip(answer.weights, answer.learners, strict=True), key=lambda pair: -pair[0])
    rows: list[tuple[str, ...]] = [
        (name, percent(weight) if weight > 0 else "-", number(answer.error(name)),
         number(answer.in_sample_error(name)), _learns(name))
        for weight, name in shown
    ]  # fmt: skip
    rows.append(
        (MIXTURE, "", number(answer.error(MIXTURE)), number(answer.in_sample_error()),
         "the forecast: all of them by their weights")
    )  # fmt: skip
    if CONSTANT in answer.losses:
        what = "shares of classes" if answer.classes else "the mean"
        rows.append((what, "", number(answer.error(CONSTANT)), "-", "the same for every row"))
    return ShownTable(
        title=f"What carries the forecast ({error_name(answer)})",
        header=("learner", "weight", "new environment", "rows it learnt from", "what it can learn"),
        rows=rows,
    )


def _learns(name: str) -> str:
    return LEARNS.get(name.removesuffix(STEADY), "an estimator of yours")


def _features(answer: "TransferFound") -> ShownTable:
    several = len(answer.classes) > 2
    rows = []
    for row in answer.shapes.to_dict("records"):
        apart = row["spread"] / row["size"] if row["size"] > 0 else np.inf
        known = len(answer.rows) > 1
        rows.append(
            (
                row["feature"],
                *((row["outcome"],) if several else ()),
                number(row["size"], digits=3),
                number(row["spread"], digits=3) if known else "-",
                ("-" if not np.isfinite(apart) else percent(apart) if apart < 2
                 else f"{figure(apart, 2)} times") if known else "-",
                percent(row["share"]) if known else "-",
            )
        )  # fmt: skip
    of = " on log odds" if answer.classes else f", in units of {answer.schema.target}"
    return ShownTable(
        title=f"What each feature does to the forecast{of}",
        header=(
            "feature", *(("class",) if several else ()), "size", "spread between environments",
            "spread / size", "share of the error",
        ),
        rows=rows,
    )  # fmt: skip


def against_rivals(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row an environment left out: the forecast, what most would fit, and a constant."""
    table = answer.left_out
    names = [name for name in (MIXTURE, ALL_FEATURES) if name in table]
    shown = table[["environment", "rows", *names]]
    for words, learners in RIVALS.items():
        known = [name for name in learners if name in table]
        if known:
            shown = shown.assign(**{words: table[known[0]]})
    return shown.assign(**{CONSTANT: table[CONSTANT]})


def left_out_texts(answer: "TransferFound") -> ShownTable:
    """Return a row an environment left out as texts."""
    table = against_rivals(answer)
    names = [str(name) for name in table if name not in ("environment", "rows")]
    heads = {
        MIXTURE: "forecast",
        ALL_FEATURES: "with all features",
        CONSTANT: "shares of classes" if answer.classes else "the mean",
    }
    wrong = ("wrong",) if answer.classes else ()
    rows = [
        (
            row["environment"],
            count(row["rows"]),
            *(number(row[name]) for name in names),
            *(percent(share) for share in answer.wrong[k : k + 1]),
        )
        for k, row in enumerate(table.to_dict("records"))
    ]
    return ShownTable(
        title=f"Each environment left out, and forecast from the others ({error_name(answer)})",
        header=("left out", "rows", *(heads.get(name, name) for name in names), *wrong),
        rows=rows,
    )
