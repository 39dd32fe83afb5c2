"""What is learnt over heterogeneity and step size, and whether theory draws its borders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_phase_diagram
from elinvar.studies._setting import NoisyConfig, Setting, noisy, noisy_column, run, settled
from elinvar.studies._study import Claim, Row
from elinvar.studies._transition import slope, transition
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import (
    critical_heterogeneity,
    growth_exponent,
    heterogeneity_window,
    step_limits,
)

Floats = NDArray[np.float64]

_OUTCOMES = ("recovers", "learns_spurious", "diverges")


def _spaced(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return ``count`` values in equal ratios, to four digits."""
    return tuple(float(f"{value:.4g}") for value in np.geomspace(low, high, count))


TITLE = "Which heterogeneity and which step"
CLAIM = (
    "How much environments differ and how large a step is decide together: beyond one line "
    "what changes is forgotten, before it it is learnt, and where both are too large runs "
    "blow up."
)
AXES = {"step_size": "step_sizes", "heterogeneity": "heterogeneities"}
PROBLEM = ("heterogeneity",)


@dataclass(frozen=True, kw_only=True)
class Config(NoisyConfig):
    """The settings of this study.

    Parameters
    ----------
    heterogeneities, step_sizes : tuple of float
        The grid.
    noisy_tolerance : float
        Largest deviation, median over step sizes, of where half of those forget the spurious part.
    window : (low, high)
        Spurious signals between which its growth is measured: small, and above the noise.
    neighbours : int
        Heterogeneities on either side of the transition to which a curve is fitted.
    recovered : float
        Largest spurious signal, on average over the last third, and largest deviation of the
        invariant signal from 1, at which A* counts as recovered.
    clear : float
        Outcomes are compared where the predicted growth or decay over the whole run exceeds the
        way from the start to 1 by this many standard deviations of its chance part.
    tolerance, worst : float
        Largest deviation of the transition from the line: median, and over all step sizes.
    """

    heterogeneities: tuple[float, ...] = _spaced(2.0, 14.0, 20)
    step_sizes: tuple[float, ...] = _spaced(0.02, 0.3, 20)
    noisy_runs: int = 3
    noisy_tolerance: float = 0.15
    init_scale: float = 1e-2
    window: tuple[float, float] = (1e-8, 1e-2)
    neighbours: int = 4
    recovered: float = 0.1
    clear: float = 2.0
    tolerance: float = 0.05
    worst: float = 0.05
    repetitions: int = 10
    core_seconds: float = 65.0


QUICK = Config(
    heterogeneities=_spaced(2.0, 14.0, 16),
    step_sizes=_spaced(0.05, 0.3, 5),
    dim=20,
    repetitions=5,
    worst=0.1,
    core_seconds=10.0,
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
    recovered: float,
    window: tuple[float, float],
    noisy_batches: tuple[int, ...],
    noisy_runs: int,
) -> Row:
    """Run once, and return the outcome and the growth of the spurious part."""
    _, path = run(algorithm, rng, setting, heterogeneity, step_size, batch_size)
    ends = settled(path)
    learnt = abs(ends["invariant_signal"] - 1.0) <= recovered
    recovers = bool(learnt and ends["spurious_signal"] <= recovered)
    return {
        **slope(path, window=window),
        "invariant_signal": ends["invariant_signal"],
        "spurious_signal": ends["spurious_signal"],
        "diverged": ends["diverged"],
        "recovers": recovers,
        "learns_spurious": bool(not ends["diverged"] and not recovers),
        **noisy(
            algorithm, rng, setting, heterogeneity, step_size, noisy_batches,
            skip=repetition >= noisy_runs,
            settle=np.mean,  # as above
        ),
    }  # fmt: skip


def _bounded_until(step_size: float, high: float) -> float:
    """Return the largest M, at most ``high``, at which no run can diverge in a spurious direction.

    Theory says up to which step none does at a given M.
    """

    def slack(M: float) -> float:
        return step_limits([1.0], [1.0 + M, 1.0 - M]).bounded - step_size

    return high if slack(high) > 0 else float(brentq(slack, 1e-9, high, xtol=1e-6))


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return the measured borders of each step size beside the predicted ones."""
    import pandas as pd

    lines = []
    for eta in config.step_sizes:
        mine = rows[rows["step_size"] == eta]
        found = transition(_near(mine, config.neighbours), "heterogeneity")
        predicted, dies_until = critical_heterogeneity(eta), heterogeneity_window(eta).high
        bounded_until = _bounded_until(eta, dies_until)
        # beyond the bound a run may diverge by chance, and its end says nothing of the exponent
        certain = mine[mine["heterogeneity"] < bounded_until]
        agree, compared = _agreement(certain, eta, config)
        lines.append(
            {
                "step_size": eta,
                "predicted": predicted,
                "measured": found.at,
                "standard_error": found.error,
                "deviation": found.at / predicted - 1.0,
                "bounded_until": bounded_until,
                "half_diverge_from": _half(mine),
                "dies_until": dies_until,
                "diverged_though_bounded": int(certain["diverged"].sum()),
                "runs_compared": compared,
                "runs_agree": agree,
                **{f"forgets_with_{m}": _forgets(mine, m, config) for m in config.noisy_batches},
            }
        )
    return pd.DataFrame(lines)


def _near(rows: DataFrame, neighbours: int) -> DataFrame:
    """Return the runs around the M at which growth turns to decay, as the runs themselves show it.

    Up to the transition the growth over all runs adds up, beyond it, it is taken back.
    """
    weighted = rows.assign(total=rows["slope"] * rows["slope_steps"])
    total = weighted.groupby("heterogeneity", sort=True)["total"].sum()
    last = int(np.argmax(np.cumsum(total.to_numpy())))
    # a window of 2 k values about the turn, moved inside the grid where it would stick out
    first = min(max(last + 1 - neighbours, 0), max(len(total) - 2 * neighbours, 0))
    values = total.index.to_numpy()[first : first + 2 * neighbours]
    return rows[rows["heterogeneity"].isin(values)]


def _forgets(rows: DataFrame, batch_size: int, config: Config) -> float:
    """Return the M from which half of the runs with noisy batches forget the spurious part."""
    run = rows[rows["repetition"] < config.noisy_runs]
    # a run that diverged has forgotten nothing
    return _half(run.assign(forgets=run[noisy_column(batch_size)] <= config.recovered), "forgets")


def _half(rows: DataFrame, outcome: str = "diverged") -> float:
    """Return the M at which half of the runs end so, between grid points; NaN if never."""
    rate = rows.groupby("heterogeneity", sort=True)[outcome].mean()
    x, y = rate.index.to_numpy(dtype=np.float64), rate.to_numpy(dtype=np.float64)
    above = np.flatnonzero(y >= 0.5)
    if not len(above) or above[0] == 0:
        return float("nan")
    k = int(above[0])
    return float(np.interp(0.5, y[k - 1 : k + 1], x[k - 1 : k + 1]))


def _agreement(rows: DataFrame, step_size: float, config: Config) -> tuple[int, int]:
    """Return how many runs end as predicted, of those long enough to show their exponent."""
    M = rows["heterogeneity"].to_numpy(dtype=np.float64)
    # log of the amplitude after T steps: drift T gamma, and a chance part of sd sqrt(T) sd(log f)
    eigenvalues = np.stack([1.0 + M, 1.0 - M], axis=-1)
    drift = config.steps * growth_exponent(eigenvalues, step_size)
    factors = np.log(np.abs(1.0 + step_size * eigenvalues))
    chance = np.sqrt(config.steps) * factors.std(axis=-1)
    shows = np.abs(drift) > -np.log(config.init_scale) + config.clear * chance
    as_said = np.where(drift < 0, rows["recovers"], rows["learns_spurious"])
    return int(as_said[shows].sum()), int(shows.sum())


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the shares of outcomes, with predicted curves and measured borders."""
    table = rows.assign(diverges=rows["diverged"])
    cells = table.groupby(["step_size", "heterogeneity"], sort=True)[list(_OUTCOMES)].mean()
    eta = np.geomspace(min(config.step_sizes), max(config.step_sizes), 60)
    windows = [heterogeneity_window(float(value)) for value in eta]
    bounded = [_bounded_until(float(v), w.high) for v, w in zip(eta, windows, strict=True)]
    median, worst = (percent(value) for value in _deviations(summary))
    return plot_phase_diagram(
        cells.reset_index(),
        "heterogeneity",
        "step_size",
        predicted={
            "predicted: the spurious part dies from here": ([w.low for w in windows], eta),
            "predicted: none diverges up to here": (bounded, eta),
            "predicted: it grows again from here": ([w.high for w in windows], eta),
        },
        measured={
            "measured: its growth turns to decay": _points(summary, "measured"),
            "measured: half of the runs diverge": _points(summary, "half_diverge_from"),
            **{
                f"batches of {m:,}: half forget it": _points(summary, f"forgets_with_{m}")
                for m in config.noisy_batches
            },
        },
        xlabel="heterogeneity M",
        ylabel="step size",
        log_x=True,
        log_y=True,
        title=f"The spurious part dies from the predicted line on: measured within {median} "
        f"(median; worst {worst})",
    )


def _points(summary: DataFrame, column: str) -> tuple[Floats, Floats]:
    known = summary[summary[column].notna()]
    return known[column].to_numpy(dtype=np.float64), known["step_size"].to_numpy(dtype=np.float64)


def _deviations(summary: DataFrame) -> tuple[float, float]:
    """Return the median and the largest deviation; NaN where a transition was not found."""
    sizes = np.abs(summary["deviation"].to_numpy(dtype=np.float64))
    return float(np.median(sizes)), float(np.max(sizes))


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the borders and the outcomes between them."""
    median, worst = _deviations(summary)
    typical = float(np.median(summary["standard_error"] / summary["predicted"]))
    border = Claim(
        holds=bool(median <= config.tolerance and worst <= config.worst),
        sentence=f"The heterogeneity at which the spurious part stops growing is within "
        f"{percent(median)} of the predicted line (median over {len(summary)} step sizes, "
        f"needed: {percent(config.tolerance)}; worst {percent(worst)}, needed: "
        f"{percent(config.worst)}; standard error {percent(typical)}).",
    )
    agree, compared = int(summary["runs_agree"].sum()), int(summary["runs_compared"].sum())
    rate = agree / compared if compared else float("nan")
    outcomes = Claim(
        holds=bool(rate >= 0.95),
        sentence=f"{percent(rate, 3)} of the {compared:,} runs that are long enough to tell, and "
        "certain not to blow up, end as predicted (needed: 95%).",
    )
    return (border, outcomes, _divergence(summary), *_with_noise(summary, config))


def _with_noise(summary: DataFrame, config: Config) -> list[Claim]:
    """Return the claims on batches that one can have."""
    claims = []
    for size in config.noisy_batches:
        found = summary[f"forgets_with_{size}"]
        deviation = float((found / summary["predicted"] - 1.0).abs().quantile(0.5))
        known = int(found.notna().sum())
        claims.append(
            Claim(
                holds=bool(deviation <= config.noisy_tolerance and 2 * known >= len(summary)),
                sentence=f"With batches of {size:,} half of the runs forget the spurious part "
                f"within {percent(deviation)} of the line (median over {known} of {len(summary)} "
                f"step sizes, {config.noisy_runs} runs each; needed: "
                f"{percent(config.noisy_tolerance)}, at half of them or more).",
            )
        )
    return claims


def _divergence(summary: DataFrame) -> Claim:
    against = int(summary["diverged_though_bounded"].sum())
    seen = summary[summary["half_diverge_from"].notna()]
    half, low, high = (seen[c] for c in ("half_diverge_from", "bounded_until", "dies_until"))
    between = int(((half > low) & (half < high)).sum())
    ratios = half / low
    spread = f", at {figure(ratios.min())} to {figure(ratios.max())} times the bound"
    return Claim(
        holds=bool(against == 0 and len(seen) > 0 and between == len(seen)),
        sentence=f"{against} runs blow up below the bound up to which theory rules it out (needed: "
        f"0). Where half of them do, at {len(seen)} step sizes, it is beyond that bound and before "
        f"the line from which the spurious part grows again at {between} of these (needed: all)"
        f"{spread if len(seen) else ''}.",
    )
