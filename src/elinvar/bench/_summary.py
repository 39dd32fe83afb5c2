"""From rows of cells to tables: against the oracle, against elinvar, over seeds and problems."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.bench._data import Floats
from elinvar.bench._paired import average_ranks, paired_interval

if TYPE_CHECKING:
    import pandas as pd

    Frame = pd.DataFrame

BASE, FORECAST = "elinvar-auto", "elinvar-forecast"
WORSE_THAN_NOTHING = 1.05
POOR = 0.5
_NUMBERS = (
    "relative", "relative_worst", "relative_best", "f1", "precision", "recall", "coef_error",
    "seconds", "seconds_with_choice", "memory_mib",
)  # fmt: skip
RAN = ("finished", "failed")
STATUSES = ("accepted", "approximate", "rejected")


def is_peer(method: str) -> bool:
    """Say whether a method is neither this library's nor told the answer."""
    return method not in ("oracle", "heterosgd") and not method.startswith("elinvar")


def one_forecast(rows: "Frame") -> "Frame":
    """Return rows in which the forecast has one name, whether of numbers or of classes."""
    return rows.assign(method=rows["method"].replace(f"{FORECAST}-classifier", FORECAST))


def measured(rows: "Frame") -> "Frame":
    """Return rows with what needs other rows of the same data.

    Parameters
    ----------
    rows : DataFrame
        Of one suite or several.

    Returns
    -------
    DataFrame
        Also ``reference`` ("oracle", or "pooled" where nobody knows the truth); ``relative``,
        ``relative_worst`` and ``relative_best``, the errors over the reference's (regression) or
        minus them (classification); ``gap`` to elinvar, the logarithm of the ratio of errors
        (regression) or their difference; and ``failed``: no usable result, or an error 5% above
        the constant's, which knows nothing.
    """
    rows = rows.copy()
    same_data = ["problem", "repetition"]
    finished = rows[rows["outcome"] == "finished"].set_index(same_data)

    def of(method: str, column: str) -> Floats:
        """Return what a method has on the data of each row; NaN if it has nothing."""
        own = finished.loc[finished["method"] == method, column].rename("own")
        return rows.join(own, on=same_data)["own"].to_numpy(dtype=float)

    known = np.isfinite(of("oracle", "error"))
    rows["reference"] = np.where(known, "oracle", "pooled")
    over, over_worst = (
        np.where(known, of("oracle", column), of("pooled", column))
        for column in ("error", "worst_error")
    )
    ratio = (rows["task"] == "regression").to_numpy()
    errors, own = rows["error"].to_numpy(dtype=float), of(BASE, "error")
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, column, under in (
            ("relative", "error", over),
            ("relative_worst", "worst_error", over_worst),
            ("relative_best", "best_error", over),
        ):
            values = rows[column].to_numpy(dtype=float)
            rows[name] = np.where(ratio, values / under, values - under)
        rows["gap"] = np.where(ratio, np.log(errors / own), errors - own)
    bad = errors > WORSE_THAN_NOTHING * of("constant", "error")
    # a fit that predicts worse than the mean of the target is no use, whatever it returns
    rows["failed"] = (rows["outcome"] == "failed") | bad
    return rows


def summarise(rows: "Frame", by: tuple[str, ...]) -> "Frame":
    """Return a row for each method and value of the columns ``by``.

    Parameters
    ----------
    rows : DataFrame
        Of `measured`.
    by : tuple of str
        Such as ``("suite", "task")``; the method is added.

    Returns
    -------
    DataFrame
        Methods in the order of the rows.
    """
    import pandas as pd

    rows = rows.assign(task=_task(rows))
    ranks = {key: average_ranks(scores(part)) for key, part in rows.groupby(list(by), sort=False)}
    found = []
    for key, part in rows.groupby([*by, "method"], sort=False):
        method = key[-1]
        values = dict(zip([*by, "method"], key, strict=True)) | _of_method(part)
        found.append(values | {"rank": ranks[key[:-1]].get(str(method), np.nan)})
    return pd.DataFrame(found)


def _task(rows: "Frame") -> "pd.Series[str]":
    """Return the task of each row; a row without data has that of its problem, or regression."""
    tasks = rows.groupby("problem")["task"].transform("first")
    return rows["task"].fillna(tasks).fillna("regression")


def _of_method(part: "Frame") -> dict[str, Any]:
    ran = part[part["outcome"].isin(RAN)]
    done = ran[ran["outcome"] == "finished"]
    known = done[list(_NUMBERS)].astype(float)
    middle, half = known.mean(), known.median()
    gap = paired_interval(done["gap"], done["problem"])
    return {
        "outcome": "ran" if len(ran) else str(part["outcome"].iloc[0]),
        "reason": _texts(part["reason"]),
        "note": _texts(part["note"]),
        "problems": int(ran["problem"].nunique()),
        "runs": len(ran),
        "failure_rate": ran["failed"].astype(float).mean(),
        "reference": _texts(done["reference"]),
        "mean": middle["relative"],
        "median": half["relative"],
        "worst": known["relative"].max(),
        "worst_environment": middle["relative_worst"],
        "tuned_on_test": middle["relative_best"],
        "f1": middle["f1"],
        "poor": (known["f1"].dropna() < POOR).mean(),
        "precision": middle["precision"],
        "recall": middle["recall"],
        "coef_error": middle["coef_error"],
        "coef_error_median": half["coef_error"],
        "gap": gap.middle,
        "gap_low": gap.low,
        "gap_high": gap.high,
        "seconds": half["seconds"],
        "seconds_with_choice": half["seconds_with_choice"],
        "memory_mib": known["memory_mib"].max(),
    }


def verdicts(rows: "Frame") -> "Frame":
    """Return what elinvar says of features, against the truth.

    Parameters
    ----------
    rows : DataFrame
        Of `measured`.

    Returns
    -------
    DataFrame
        ``suite``, ``problem``; ``runs``; shares of each ``status_``; ``right``, of the features
        called invariant (or nearly), those that are; ``wronged``, of all features, those called
        spurious that hold, or are in environments that do not differ; ``cautious``, the share of
        runs in which invariance is rejected or no feature decided on.
    """
    import pandas as pd

    own = rows[(rows["method"] == BASE) & rows["status"].notna()]
    found = []
    for problem, part in own.groupby(["suite", "problem"], sort=False):
        counts = part[["n_invariant", "n_right", "n_features", "n_wronged"]].astype(float)
        told, judged = counts[counts["n_right"].notna()], counts[counts["n_wronged"].notna()]
        with np.errstate(invalid="ignore"):
            right = told["n_right"].sum() / np.float64(told["n_invariant"].sum())
            wronged = judged["n_wronged"].sum() / np.float64(judged["n_features"].sum())
        shares = [(part["status"] == status).mean() for status in STATUSES]
        called, cautious = counts["n_invariant"].sum(), part["cautious"].astype(float).mean()
        found.append((*problem, len(part), *shares, called, right, wronged, cautious))
    columns = ("suite", "problem", "runs", *STATUSES, "called_invariant", "right", "wronged")
    return pd.DataFrame(found, columns=[*columns, "cautious"])


def scores(rows: "Frame") -> "Frame":
    """Return what methods are ranked by: a row a problem, a column a method, smaller is better.

    The mean, over the repetitions that all methods that ran share, of the logarithm of the error
    (regression) or of the error; infinite if one of them failed, NaN for a method that did not
    run. The oracle, which is told the answer, is left out.
    """
    import pandas as pd

    # a mean of logarithms, so that no single seed rules, and a failure counts as the worst of all
    found: dict[str, dict[str, float]] = {}
    methods = [name for name in dict.fromkeys(rows["method"]) if name != "oracle"]
    for problem, part in rows.groupby("problem", sort=False):
        ran = part[part["outcome"].isin(RAN) & (part["method"] != "oracle")]
        table = ran.pivot(index="repetition", columns="method", values="error")
        there = ran.pivot(index="repetition", columns="method", values="outcome").notna()
        # the same seeds for all: slow methods run fewer
        table = table[there.all(axis=1)].astype(float).fillna(np.inf)
        if (ran["task"] == "regression").all():
            table = table.clip(lower=np.finfo(float).tiny).transform(np.log)
        found[str(problem)] = {str(name): float(table[name].mean()) for name in table.columns}
    return pd.DataFrame.from_dict(found, orient="index").reindex(columns=methods)


def _texts(values: "pd.Series[Any]") -> str:
    texts = [str(value) for value in values.dropna() if str(value)]
    return "; ".join(dict.fromkeys(texts))
