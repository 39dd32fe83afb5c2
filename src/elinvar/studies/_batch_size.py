"""What is left of the signal against the batch size: sampling noise, and what theory says of it."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._numbers import percent
from elinvar.plots import plot_lines
from elinvar.studies._setting import SensingConfig, Setting, last_third, run, settled
from elinvar.studies._study import Claim, Row
from elinvar.studies._summary import quartiles
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import critical_batch_size, noise_floor

TITLE = "How large a batch it takes"
CLAIM = (
    "It takes many measurements a batch: with few, chance drowns what holds, from where "
    "theory says so."
)
AXES = {"batch_size": "batch_sizes"}


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study.

    Parameters
    ----------
    algorithm : str
        That is to recover A*.
    heterogeneity, step_size : float
        Of every run.
    batch_sizes : tuple of int
        Along the axis.
    sharp : float
        Predicted error, relative to the norm of A*, up to which the noise floor is judged: its
        derivation takes noise as small.
    tolerance : float
        Largest deviation of the error from the noise floor there, relative to it.
    critical_tolerance : float
        Largest deviation of the critical batch size, where noise is as large as the signal.
    """

    algorithm: str = "HeteroSGD"
    heterogeneity: float = 6.0
    step_size: float = 0.1
    batch_sizes: tuple[int, ...] = (
        100, 150, 220, 330, 500, 700, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000,
        256_000, 512_000, 1_000_000,
    )  # fmt: skip
    sharp: float = 0.3
    tolerance: float = 0.05
    critical_tolerance: float = 0.25
    repetitions: int = 20
    core_seconds: float = 11.0


QUICK = Config(
    batch_sizes=(100, 200, 400, 800, 3000, 12_000, 50_000, 200_000, 1_000_000),
    repetitions=5,
    core_seconds=2.0,
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
) -> Row:
    """Run once with a batch size; the error is a median over the last third of the steps."""
    problem, path = run(algorithm, rng, setting, heterogeneity, step_size, batch_size)
    ends = settled(path)
    error = float(np.median(path.error[last_third(path)]) / np.linalg.norm(problem.invariant))
    return {**ends, "error": float("nan") if ends["diverged"] else error}


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return a row a batch size: errors, the predicted one, and what is left of both signals."""
    groups = rows.groupby("batch_size", sort=True)
    table = quartiles(groups, ("error", "invariant_signal"))
    table["predicted"] = [_floor(float(m), config) / _norm(config) for m in table.index]
    table["deviation"] = table["error"] / table["predicted"] - 1.0
    table["spurious_signal"] = groups["spurious_signal"].median()
    table["diverged"] = groups["diverged"].mean()
    order = [
        "batch_size", "runs", "diverged", "error", "error_low", "error_high", "predicted",
        "deviation", "invariant_signal", "spurious_signal",
    ]  # fmt: skip
    return table.reset_index()[order]


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw error and signal against the batch size, with the predicted noise floor."""
    critical = _critical(config)
    noisy = summary["batch_size"][~(summary["error"] < 0.1)].max()
    return plot_lines(
        summary,
        "batch_size",
        {"invariant_signal": "invariant signal", "error": "error, relative to |A*|"},
        predicted="predicted error",
        ylabel="relative to A*",
        marks={f"predicted: error = signal at {critical:,.0f}": critical},
        log_y=True,
        title=f"Error below a tenth of the signal beyond batches of {noisy:,.0f}",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the error beside the noise floor, and where it overtakes the signal."""
    sharp = summary[summary["predicted"] <= config.sharp]
    worst = float(sharp["deviation"].abs().max())
    spread = float(((sharp["error_high"] - sharp["error_low"]) / sharp["error"]).max())
    clean = len(sharp) > 0 and sharp["diverged"].max() == 0
    floor = Claim(
        holds=bool(clean and worst <= config.tolerance),
        sentence=f"Where theory says that the error is at most {percent(config.sharp)} of |A*|, "
        f"from {int(sharp['batch_size'].min()):,} measurements a step on, it is within "
        f"{percent(worst)} of the predicted noise floor (needed: {percent(config.tolerance)}; "
        f"medians of {config.repetitions} runs, quartiles at most {percent(spread)} apart).",
    )
    return (floor, _overtakes(summary, config))


def _overtakes(summary: DataFrame, config: Config) -> Claim:
    predicted = _critical(config)
    at, *ends = (_crossing(summary, name) for name in ("error", "error_low", "error_high"))
    where = f"(predicted: {predicted:,.0f}; needed: within {percent(config.critical_tolerance)})"
    if np.isnan(at):
        return Claim(
            holds=False,
            sentence=f"Noise is nowhere just as large as the signal {where}.",
        )
    deviation = at / predicted - 1.0
    low, high = sorted(ends)
    return Claim(
        holds=bool(abs(deviation) <= config.critical_tolerance),
        sentence=f"Small batches lose the signal: the error is as large as |A*| at {at:,.0f} "
        f"measurements a step, by quartiles of the runs {low:,.0f} to {high:,.0f}, a deviation of "
        f"{percent(deviation)} {where}.",
    )


def _crossing(summary: DataFrame, name: str) -> float:
    """Return the batch size from which on an error is below 1, between batch sizes by powers."""
    m, error = np.log(summary["batch_size"].to_numpy()), np.log(summary[name].to_numpy())
    above = np.flatnonzero(~(error < 0))
    if not len(above) or above[-1] + 1 == len(error):
        return float("nan")
    k = above[-1]
    # log-linear between the last batch above and the first below
    part = error[k] / (error[k] - error[k + 1])
    return float(np.exp(m[k] + part * (m[k + 1] - m[k])))


def _norm(config: Config) -> float:
    return float(np.sqrt(config.invariant_rank))


def _power(config: Config) -> float:
    """Return E |R|^2 at the solution: what is left is the spurious part."""
    # sum of squared eigenvalues, averaged over both environments: (1 + M)^2 + (1 - M)^2 over 2
    return config.spurious_rank * (1.0 + config.heterogeneity**2)


def _floor(batch_size: float, config: Config) -> float:
    return noise_floor(
        np.ones(config.invariant_rank),
        config.step_size,
        dim=config.dim,
        batch_size=batch_size,
        power=_power(config),
        steps=config.steps,
        init_scale=config.init_scale,
    ).error


def _critical(config: Config) -> float:
    return critical_batch_size(
        np.ones(config.invariant_rank), config.step_size, dim=config.dim, power=_power(config)
    )
