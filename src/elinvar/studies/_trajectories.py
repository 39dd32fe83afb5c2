r"""Where three algorithms go: HeteroSGD to A\*, the pooled ones to A\* plus the mean of A^(e)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._numbers import percent
from elinvar.plots import plot_distances
from elinvar.studies._setting import SensingConfig, quartiles, run
from elinvar.studies._study import Claim, Study, Verdict
from elinvar.sweeps import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

_DISTANCES = ("error", "pooled_error")


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study.

    Parameters
    ----------
    heterogeneity, step_size, batch_size
        Of every run.
    recovering, pooling : tuple of str
        Algorithms that are to end at the invariant part, and at the pooled solution.
    record_every : int
        Steps between rows.
    tolerance : float
        How far from there, relative to the norm of A*, is still there.
    """

    heterogeneity: float = 6.0
    step_size: float = 0.1
    batch_size: int = 1_000_000
    recovering: tuple[str, ...] = ("HeteroSGD",)
    pooling: tuple[str, ...] = ("PooledSGD", "PooledGD")
    record_every: int = 10
    tolerance: float = 0.05
    repetitions: int = 20
    core_seconds: float = 3.0


QUICK = Config(repetitions=4, record_every=20, core_seconds=1.0)


def cell(
    *, rng: np.random.Generator, algorithm: str, repetition: int, **settings: Any
) -> list[Mapping[str, Any]]:
    """Run one algorithm, and return its distances over time relative to the norm of A*."""
    problem, path = run(algorithm, rng, **settings)
    norm = float(np.linalg.norm(problem.invariant))
    columns = {
        "step": path.steps,
        "error": path.error / norm,
        "pooled_error": path.pooled_error / norm,
        "invariant_signal": path.invariant_signal,
        "spurious_signal": path.spurious_signal,
        "residual": path.residual / norm,
    }
    return [
        {name: values[t].item() for name, values in columns.items()} for t in range(len(path.steps))
    ]


def sweep(config: Config) -> Sweep:
    """Return the grid: algorithms by repetitions, the same problem for all algorithms."""
    return Sweep(
        name="trajectories",
        function=cell,
        axes={
            "algorithm": (*config.recovering, *config.pooling),
            "repetition": range(config.repetitions),
        },
        problem=(),
        fixed={
            **config.fixed(),
            "heterogeneity": config.heterogeneity,
            "step_size": config.step_size,
            "batch_size": config.batch_size,
            "record_every": config.record_every,
        },
    )


def summarise(rows: "DataFrame", config: Config) -> "DataFrame":
    """Return where each algorithm ended: averages over the last third, quartiles over runs."""
    late = rows[rows["step"] > config.steps * 2 / 3]
    ends = late.groupby(["algorithm", "repetition"], sort=False)[list(_DISTANCES)].mean()
    table = quartiles(ends.groupby(level="algorithm", sort=False), _DISTANCES)
    names = [*config.recovering, *config.pooling]
    table = table.reindex(names).rename_axis("algorithm").reset_index()
    return table.assign(runs=table["runs"].fillna(0).astype(int))


def picture(rows: "DataFrame", summary: "DataFrame", config: Config) -> "Axes":
    """Draw both distances over time, medians and quartiles over runs."""
    by_step = rows.groupby(["algorithm", "step"], sort=False)
    return plot_distances(quartiles(by_step, _DISTANCES).reset_index())


def judge(summary: "DataFrame", config: Config) -> Verdict:
    """Judge where each algorithm ended."""
    rows = {row["algorithm"]: row for row in summary.to_dict("records")}
    claims = [
        _claim(rows[name], "error", "the invariant part A*", config) for name in config.recovering
    ]
    claims += [
        _claim(rows[name], "pooled_error", "the pooled solution, A* plus the mean of A^(e)", config)
        for name in config.pooling
    ]
    return Verdict(claims=tuple(claims))


def _claim(row: Mapping[Any, Any], key: str, where: str, config: Config) -> Claim:
    other = next(name for name in _DISTANCES if name != key)
    return Claim(
        holds=bool(row["runs"] == config.repetitions and row[key] <= config.tolerance < row[other]),
        sentence=(
            f"{row['algorithm']} ends at {where}: {percent(row[key])} of |A*| from it (median of "
            f"{row['runs']} runs; quartiles {percent(row[f'{key}_low'])} to "
            f"{percent(row[f'{key}_high'])}; needed: at most {percent(config.tolerance)}), and "
            f"{percent(row[other])} from the other solution."
        ),
    )


STUDY = Study(
    name="trajectories",
    title="Where three algorithms go",
    claim="HeteroSGD recovers the invariant part A*, while PooledSGD and PooledGD end at A* plus "
    "the mean of the spurious parts A^(e).",
    full=Config(),
    quick=QUICK,
    sweep=sweep,
    summarise=summarise,
    picture=picture,
    judge=judge,
)
