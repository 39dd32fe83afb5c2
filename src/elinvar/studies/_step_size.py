"""What is learnt against the step size at a fixed heterogeneity: too small, right, too large."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._setting import Setting, TransitionConfig, noisy, run, settled, signals
from elinvar.studies._study import Claim, Row
from elinvar.studies._transition import Transition, slope, transition, transition_claim
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import step_limits, step_window

TITLE = "How large a step it takes"
CLAIM = (
    "It takes large steps: with too small a step HeteroSGD learns what changes, as mixed "
    "batches do; with too large a step it blows up (diverges)."
)
AXES = {"step_size": "step_sizes"}
PROBLEM = ("step_size",)


@dataclass(frozen=True, kw_only=True)
class Config(TransitionConfig):
    """The settings of this study.

    Parameters
    ----------
    heterogeneity : float
        Of the problem.
    step_sizes : tuple of float
        Along the axis.
    tolerance : float
        A tenth is a twentieth in heterogeneity, as for small steps M^2 is about 2 / step_size.
    """

    heterogeneity: float = 6.0
    step_sizes: tuple[float, ...] = (
        0.01, 0.02, 0.03, 0.035, 0.04, 0.044, 0.048, 0.052, 0.056, 0.06, 0.064, 0.068, 0.072,
        0.076, 0.08, 0.09, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.27, 0.32,
    )  # fmt: skip
    near: tuple[float, float] = (0.7, 1.4)
    forgotten: float = 1.4
    tolerance: float = 0.1
    noisy_runs: int = 10
    repetitions: int = 30
    core_seconds: float = 15.0


QUICK = Config(
    step_sizes=(0.01, 0.02, 0.03, 0.04, 0.048, 0.056, 0.064, 0.072, 0.08, 0.11, 0.14, 0.2, 0.28),
    noisy_runs=5,
    repetitions=12,
    core_seconds=8.0,
)


def cell(
    *,
    rng: np.random.Generator,
    algorithm: str,
    repetition: int,
    setting: Setting,
    heterogeneity: float,
    step_size: float,
    batch_size: int,
    noisy_batches: tuple[int, ...],
    noisy_runs: int,
) -> Row:
    """Run once with a step size."""
    _, path = run(algorithm, rng, setting, heterogeneity, step_size, batch_size)
    also = noisy(
        algorithm, rng, setting, heterogeneity, step_size, noisy_batches,
        skip=repetition >= noisy_runs,
    )  # fmt: skip
    return {**settled(path), **slope(path), **also}


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return signals and slope of each step size; all rows share the transition."""
    predicted = step_window(config.heterogeneity).low
    low, high = (ratio * predicted for ratio in config.near)
    found = transition(rows[rows["step_size"].between(low, high)], "step_size")
    table = signals(rows, ["step_size"])
    # mean over all steps of all runs, not over runs: each has the steps that its window saw
    steps, slopes = (rows["slope_steps"], rows["slope"] * rows["slope_steps"])
    sums = rows.assign(sums=slopes, steps=steps).groupby("step_size")[["sums", "steps"]].sum()
    shown = table[["step_size", "invariant_signal", "spurious_signal", "diverged"]]
    return shown.join(_noisy(rows, config), on="step_size").assign(
        slope=(sums["sums"] / sums["steps"]).to_numpy(),
        transition=found.at,
        standard_error=found.error,
    )


def _noisy(rows: DataFrame, config: Config) -> DataFrame:
    """Return medians of the spurious signal with noisy batches, a row a step size."""
    middle: DataFrame = rows.groupby("step_size")[config.noisy_columns].median()
    return middle


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw both signals against the step size, with the predicted window."""
    low, high = _window(config)
    measured = float(summary["transition"].iloc[0])
    where = f"measured from {figure(measured)}" if np.isfinite(measured) else "none measured"
    said = (f"spurious signal, batches of {m:,}" for m in config.noisy_batches)
    noise = dict(zip(config.noisy_columns, said, strict=True))
    return plot_lines(
        signals(rows, ["step_size"]).join(_noisy(rows, config), on="step_size"),
        "step_size",
        {"invariant_signal": "invariant signal", "spurious_signal": "spurious signal", **noise},
        marks={
            f"predicted: dies from {figure(low)} on": low,
            f"predicted: bounded up to {figure(high)}": high,
        },
        ylabel="signal, relative to that of A*",
        log_y=True,
        title=f"Too small a step learns the spurious part, too large diverges: {where}",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the transition, what is learnt on either side of it, and where runs diverge."""
    low, bounded = _window(config)
    step = summary["step_size"]
    small = summary[step <= config.learnt * low]["spurious_signal"].min()
    inside = summary[(step >= config.forgotten * low) & (step <= bounded)]
    left, kept = inside["spurious_signal"].max(), inside["invariant_signal"].min()
    high = step_window(config.heterogeneity).high
    calm, wild = (summary[mask]["diverged"] for mask in (step <= bounded, step > high))
    runs = f"medians of {config.repetitions} runs"
    return (
        _transition(summary, low, config),
        Claim(
            holds=bool(small >= 0.1),
            sentence=f"Up to {config.learnt:g} of that step the spurious part is learnt: its "
            f"signal is at least {figure(small)} (needed: 0.1; {runs}).",
        ),
        Claim(
            holds=bool(left <= 0.01 and kept >= 0.9),
            sentence=f"From {config.forgotten:g} of it to the bound of {figure(bounded)} the "
            f"spurious signal is at most {figure(left)} (needed: 0.01) and the invariant one "
            f"at least {figure(kept)} (needed: 0.9; {runs}).",
        ),
        Claim(
            holds=bool(calm.max() == 0 and wild.min() == 1),
            sentence=f"Up to the bound {percent(calm.mean())} of runs diverge (needed: none), "
            f"beyond {figure(high)}, where the spurious part grows again, "
            f"{percent(wild.mean())} (needed: all).",
        ),
        *_with_noise(summary, low, config),
    )


def _with_noise(summary: DataFrame, low: float, config: Config) -> list[Claim]:
    """Return the claim on batches that one can have, in the middle of the window."""
    step, noise = summary["step_size"], summary[config.noisy_columns]
    below = float(noise[step <= config.learnt * low].to_numpy().min())
    inside = float(noise[(step >= config.forgotten * low) & (step <= 2 * low)].to_numpy().max())
    sizes = " and ".join(f"{size:,}" for size in config.noisy_batches)
    return [
        Claim(
            holds=bool(below >= 0.1 and inside <= 0.05),
            sentence=f"With batches of {sizes} the spurious signal is at least {figure(below)} up "
            f"to {config.learnt:g} of that step (needed: 0.1), and at most {figure(inside)} from "
            f"{config.forgotten:g} to 2 of it (needed: 0.05; medians of {config.noisy_runs} runs).",
        )
    ] * bool(config.noisy_batches)


def _window(config: Config) -> tuple[float, float]:
    """Return where the spurious part dies, and up to where no run can diverge."""
    spurious = [1.0 + config.heterogeneity, 1.0 - config.heterogeneity]
    limits = step_limits(np.ones(config.invariant_rank), spurious)
    return step_window(config.heterogeneity).low, limits.bounded


def _transition(summary: DataFrame, predicted: float, config: Config) -> Claim:
    at, error = (float(summary[key].iloc[0]) for key in ("transition", "standard_error"))
    stops = "The spurious part stops growing at"
    return transition_claim(
        Transition(at=at, error=error),
        predicted,
        config.tolerance,
        where=f"{stops} a step size of",
        nowhere=f"{stops} no step size near the predicted {figure(predicted)}",
    )
