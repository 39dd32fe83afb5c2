"""Results as texts in rows: what the terminal, the page and the document show alike."""

from collections.abc import Iterator
from math import exp, isfinite, isnan
from typing import TYPE_CHECKING, Any

from elinvar._base._numbers import number, p_value, p_words, percent
from elinvar.baselines import BASELINES
from elinvar.bench._real_tables import real_tables
from elinvar.bench._summary import BASE, FORECAST, STATUSES
from elinvar.bench._text import NOTHING, TextTable, plain

if TYPE_CHECKING:
    from pandas import DataFrame

    from elinvar.bench._run import BenchResult


def target_table(result: "BenchResult") -> TextTable | None:
    """Return what elinvar is held to, without what this run did not measure."""
    frame = result.targets[result.targets["met"] != "not measured"]
    if not len(frame):
        return None
    kept = frame[["met", "suite", "target", "measured"]]
    n_met = int((frame["met"] == "yes").sum())
    return TextTable(
        name="targets",
        title="What elinvar is held to",
        about=f"Written down before it was measured; {n_met} of {len(frame)} are met.",
        heads=("met", "suite", "target", "measured"),
        rows=[[str(value) for value in row] for row in kept.itertuples(index=False)],
        kinds="llll",
    )


def rank_table(result: "BenchResult") -> TextTable | None:
    """Return average ranks over all problems, if there are enough of them."""
    ranking = result.ranking
    if ranking is None:
        return None
    left_out = ", ".join(ranking.left_out) or "nobody"
    rows = []
    for name, value in ranking.ranks.items():
        p = ranking.against.get(name)
        rows.append([name, f"{value:.2f}", NOTHING if p is None else p_value(p)])
    return TextTable(
        name="ranks",
        title="Ranks over all suites",
        about=f"Average rank of the error in new environments over {len(ranking.problems)} "
        f"problems, those on which all of them ran. Friedman's test that all rank alike: "
        f"{p_words(ranking.p_value)}. "
        f"Ranks further apart than {ranking.critical_difference:.2f} differ (Nemenyi, 5%); the "
        f"last column is Wilcoxon's signed-rank test against {BASE}, with Holm's correction. "
        f"Problems of one suite are alike, so these p-values are too small. On classes {FORECAST} "
        "is the forecast of classes. The oracle is told the "
        f"answer and not ranked; left out, because they ran on too few problems: {left_out}.",
        heads=("method", "average rank", f"p against {BASE}"),
        rows=rows,
        kinds="lrr",
    )


def suite_tables(result: "BenchResult") -> Iterator[TextTable]:
    """Yield a table for each suite and kind of target."""
    for (name, task), part in result.by_suite.groupby(["suite", "task"], sort=False):
        suite = next(one for one in result.suites if one.name == name)
        if suite.real:
            continue
        both = result.by_suite.loc[result.by_suite["suite"] == name, "task"].nunique() > 1
        heads, rows = _suite_rows(part, str(task))
        yield TextTable(
            name=f"{name}-{task}",
            title=f"{suite.title} ({name}{', ' + str(task) if both else ''})",
            about=f"{suite.about} {_about(part, str(task))}",
            heads=tuple(heads),
            rows=rows,
            kinds="l" + "r" * (len(heads) - 2) + "l",
        )


def _about(part: "DataFrame", task: str) -> str:
    problems, runs = int(part["problems"].max()), int(part["runs"].max())
    reference = "pooled" if set(part["reference"]) == {"pooled", ""} else "oracle"
    unit = (
        f"Mean squared errors over the {reference}'s"
        if task == "regression"
        else f"Shares of wrong classes minus the {reference}'s"
    )
    return f"{unit}; {problems} problem{'s' * (problems != 1)}, up to {runs} runs a method."


def _suite_rows(part: "DataFrame", task: str) -> tuple[list[str], list[list[str]]]:
    ratio = task == "regression"
    columns: list[tuple[str, Any]] = [
        ("method", lambda row: row["method"]),
        ("runs", lambda row: str(row["runs"])),
        ("mean", lambda row: error(row["mean"], ratio)),
        ("median", lambda row: error(row["median"], ratio)),
        ("worst run", lambda row: error(row["worst"], ratio)),
        ("worst environment", lambda row: error(row["worst_environment"], ratio)),
        ("tuned on test (not to be had)", lambda row: error(row["tuned_on_test"], ratio)),
        (f"against {BASE}", lambda row: _gap(row, ratio)),
        ("rank", lambda row: plain(row["rank"], 1)),
        ("failures", lambda row: percent(row["failure_rate"], 3, missing=NOTHING)),
        ("F1", lambda row: plain(row["f1"], 3)),
        ("F1 < .5", lambda row: percent(row["poor"], 3, missing=NOTHING)),
        ("|b - b*|² mean", lambda row: number(row["coef_error"], digits=3)),
        ("|b - b*|² median", lambda row: number(row["coef_error_median"], digits=3)),
        ("fit s", lambda row: number(row["seconds"], digits=3)),
        ("with choice s", lambda row: number(row["seconds_with_choice"], digits=3)),
        ("MiB", lambda row: number(row["memory_mib"], digits=3)),
        ("note", _note),
    ]
    rows = [[text(row) for _, text in columns] for row in part.to_dict("records")]
    kept = [
        k
        for k, (head, _) in enumerate(columns)
        if head in ("method", "note") or any(row[k] not in (NOTHING, "") for row in rows)
    ]
    return [columns[k][0] for k in kept], [[row[k] for k in kept] for row in rows]


def verdict_table(result: "BenchResult") -> TextTable | None:
    """Return what elinvar says of features, against the truth."""
    frame = result.verdicts
    if not len(frame):
        return None
    shares = (*STATUSES, "right", "wronged", "cautious")
    rows = [
        [
            str(row["problem"]),
            str(row["runs"]),
            *[percent(row[name], 3, missing=NOTHING) for name in shares],
        ]
        for row in frame.to_dict("records")
    ]
    return TextTable(
        name="verdicts",
        title="What elinvar says, against the truth",
        about="Shares of runs by status; of the features called invariant or nearly so, "
        "those that are; of all features, those falsely called spurious; and the share of runs "
        "in which invariance is rejected or no feature decided on.",
        heads=("problem", "runs", *STATUSES, "invariant, rightly", "spurious, wrongly", "cautious"),
        rows=rows,
        kinds="l" + "r" * 7,
    )


def method_table(result: "BenchResult") -> TextTable:
    """Return who took part."""
    names = list(dict.fromkeys(result.rows["method"]))
    rows = []
    for name in names:
        one = BASELINES[name]
        count = len(list(one.candidates()))
        choices = "nothing to choose" if count < 2 else f"{count} candidates"
        rows.append([name, one.title, one.package or "elinvar, scikit-learn", choices])
    return TextTable(
        name="methods",
        title="Methods",
        about="What each is, the package behind it, and what the rule chooses among.",
        heads=("method", "what", "package", "grid"),
        rows=rows,
        kinds="llll",
    )


def result_tables(result: "BenchResult") -> list[TextTable]:
    """Return all tables of a benchmark that have rows, in the order of the documents.

    Parameters
    ----------
    result : BenchResult
        Of `run_bench`.
    """
    tables = [
        target_table(result),
        rank_table(result),
        *real_tables(result),
        *suite_tables(result),
        verdict_table(result),
        method_table(result),
    ]
    return [table for table in tables if table is not None and table.rows]


def error(value: float, ratio: bool) -> str:
    """Return an error over, or minus, the reference's."""
    if isnan(value):
        return NOTHING
    return number(value) if ratio else f"{value:+.4f}"


def _gap(row: dict[str, Any], ratio: bool) -> str:
    values = [row["gap"], row["gap_low"], row["gap_high"]]
    if isnan(values[0]) or row["method"] == BASE:
        return NOTHING
    if ratio:
        # back from mean logarithms: the geometric mean of ratios
        shown = [f"{exp(min(value, 20)):.3g}" if isfinite(value) else "" for value in values]
    else:
        shown = [f"{value:+.3f}" if isfinite(value) else "" for value in values]
    return shown[0] + (f" [{shown[1]}, {shown[2]}]" if shown[1] else "")


def _note(row: dict[str, Any]) -> str:
    if row["outcome"] != "ran":
        reason = str(row["reason"])
        return reason if reason.startswith("not ") else f"{row['outcome']}: {reason}"
    return "; ".join(filter(None, (str(row["note"]), str(row["reason"]))))
