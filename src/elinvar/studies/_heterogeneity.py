"""What is learnt against the heterogeneity M, and where the spurious part stops growing."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._setting import Setting, TransitionConfig, noisy, run, settled, signals
from elinvar.studies._study import Claim, Row
from elinvar.studies._summary import rows_of, side_by_side
from elinvar.studies._transition import Transition, slope, transition, transition_claim
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import critical_heterogeneity

TITLE = "How much heterogeneity it takes"
CLAIM = (
    "HeteroSGD forgets what changes between environments once they differ enough: beyond the "
    "critical heterogeneity of its step size, and not before."
)
AXES = {"step_size": "step_sizes", "ratio": "ratios"}
PROBLEM = ("step_size", "ratio")


@dataclass(frozen=True, kw_only=True)
class Config(TransitionConfig):
    """The settings of this study.

    Parameters
    ----------
    step_sizes : tuple of float
        One line of the picture each.
    ratios : tuple of float
        Heterogeneities, as multiples of the predicted line of their step size.
    noise : float
        Largest spurious signal beyond the line with noisy batches, at steps of at most a tenth.
    """

    step_sizes: tuple[float, ...] = (0.05, 0.1, 0.2)
    ratios: tuple[float, ...] = (
        0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3
    )  # fmt: skip
    near: tuple[float, float] = (0.8, 1.2)
    forgotten: float = 1.25
    tolerance: float = 0.05
    noisy_runs: int = 10
    noise: float = 0.05
    repetitions: int = 30
    core_seconds: float = 30.0


QUICK = Config(
    step_sizes=(0.1, 0.2),
    ratios=(0.0, 0.3, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3),
    noisy_runs=5,
    repetitions=8,
    core_seconds=7.0,
)


def cell(
    *,
    rng: np.random.Generator,
    algorithm: str,
    repetition: int,
    setting: Setting,
    step_size: float,
    ratio: float,
    batch_size: int,
    noisy_batches: tuple[int, ...],
    noisy_runs: int,
) -> Row:
    """Run once at a multiple of the line."""
    # multiples of each step's own line, so that one grid resolves the transition of all steps
    heterogeneity = ratio * critical_heterogeneity(step_size)
    _, path = run(algorithm, rng, setting, heterogeneity, step_size, batch_size)
    return {
        "heterogeneity": heterogeneity,
        **settled(path),
        **slope(path),
        **noisy(
            algorithm, rng, setting, heterogeneity, step_size, noisy_batches,
            skip=repetition >= noisy_runs,
        ),
    }  # fmt: skip


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return the transition of each step size beside the line, and the signals on either side."""
    import pandas as pd

    lines = []
    for step_size in config.step_sizes:
        mine = rows[rows["step_size"] == step_size]
        predicted = critical_heterogeneity(step_size)
        found = transition(mine[mine["ratio"].between(*config.near)], "heterogeneity")
        middle = mine.groupby("ratio")[["invariant_signal", "spurious_signal"]].median()
        noisy_middle = mine.groupby("ratio")[config.noisy_columns].median()
        lines.append(
            {
                "step_size": step_size,
                "predicted": predicted,
                "measured": found.at,
                "standard_error": found.error,
                "deviation": found.at / predicted - 1.0,
                "spurious_below": middle["spurious_signal"][: config.learnt].min(),
                "spurious_beyond": middle["spurious_signal"][config.forgotten :].max(),
                "least_invariant": middle["invariant_signal"].min(),
                "noisy_below": noisy_middle[: config.learnt].min(axis=None),
                "noisy_beyond": noisy_middle[config.forgotten :].max(axis=None),
                "diverged": int(mine["diverged"].sum()),
            }
        )
    return pd.DataFrame(lines)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the signals against M over the predicted line, a line of the picture each step size."""
    table = signals(rows, ["step_size", "ratio"])
    ends = table.groupby("ratio").agg({"invariant_signal": "min", "diverged": "max"})
    table = table.pivot(index="ratio", columns="step_size")
    wide = side_by_side(table, "spurious_signal", {f"{eta:g}": eta for eta in config.step_sizes})
    lines = {f"{eta:g}": f"spurious signal, step size {eta:g}" for eta in config.step_sizes}
    worst = summary["deviation"].abs().max()
    middle = min(config.step_sizes, key=lambda eta: abs(eta - 0.1))
    shown = rows[rows["step_size"] == middle].groupby("ratio")[config.noisy_columns].median()
    for size, name in zip(config.noisy_batches, config.noisy_columns, strict=True):
        lines[name] = f"step size {middle:g}, batches of {size:,}"
        wide[name] = shown[name]
    return plot_lines(
        wide
        | {
            "ratio": table.index,
            "least": ends["invariant_signal"],
            "diverged": ends["diverged"],
        },
        "ratio",
        {**lines, "least": "invariant signal, the least"},
        marks={"predicted line": 1.0},
        xlabel="heterogeneity M over the predicted line",
        ylabel="signal, relative to that of A*",
        log_x=False,
        log_y=True,
        title=f"Beyond a line the spurious part dies: measured within {percent(worst)} of theory",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the transition of each step size, and the signals on either side."""
    rows = rows_of(summary)
    least, learnt, left = (
        (min if low else max)(row[key] for row in rows)
        for key, low in (
            ("least_invariant", True),
            ("spurious_below", True),
            ("spurious_beyond", False),
        )
    )
    sides = Claim(
        holds=bool(least >= 0.9 and learnt >= 0.1 and left <= 0.01),
        sentence=f"The spurious signal is at least {figure(learnt)} up to {config.learnt:g} of the "
        f"line (needed: 0.1) and at most {figure(left)} from {config.forgotten:g} of it on "
        f"(needed: 0.01), while the invariant signal is at least {figure(least)} everywhere "
        f"(needed: 0.9); medians of {config.repetitions} runs.",
    )
    return (*(_claim(row, config) for row in rows), sides, *_with_noise(rows, config))


def _with_noise(rows: list[Row], config: Config) -> list[Claim]:
    """Return the claim on batches that one can have, at steps that leave room for their noise."""
    small = [row for row in rows if row["step_size"] <= 0.1]
    if not small or not config.noisy_batches:
        return []
    below = min(row["noisy_below"] for row in small)
    beyond = max(row["noisy_beyond"] for row in small)
    sizes = " and ".join(f"{size:,}" for size in config.noisy_batches)
    return [
        Claim(
            holds=bool(below >= 0.1 and beyond <= config.noise),
            sentence=f"With batches of {sizes} the transition is there, too: the spurious signal "
            f"is at least {figure(below)} up to {config.learnt:g} of the line (needed: 0.1) and at "
            f"most {figure(beyond)} from {config.forgotten:g} of it on (needed: {config.noise:g}); "
            f"medians of {config.noisy_runs} runs, steps of at most a tenth.",
        )
    ]


def _claim(row: Row, config: Config) -> Claim:
    stops = f"At step size {row['step_size']:g} the spurious part stops growing"
    low, high = (ratio * row["predicted"] for ratio in config.near)
    return transition_claim(
        Transition(at=row["measured"], error=row["standard_error"]),
        row["predicted"],
        config.tolerance,
        where=f"{stops} at M =",
        nowhere=f"{stops} nowhere between M = {figure(low)} and {figure(high)}; predicted "
        f"{figure(row['predicted'])}",
    )
