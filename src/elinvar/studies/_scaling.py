"""How the steps to recovery grow with the dimension."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._setting import HUGE_BATCH, Setting
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import quartiles
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import convergence_steps

TITLE = "How long it takes in high dimension"
CLAIM = (
    "Size hardly matters: from a start of 1/d, HeteroSGD finds A* in a number of steps that "
    "grows as log d, d the size of the matrix."
)
AXES = {"dim": "dims"}
PROBLEM = ("dim",)


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study: a start of alpha = 1/d, a factor of fixed width.

    Parameters
    ----------
    dims : tuple of int
        Dimensions d.
    width : int
        Columns of the factor, Gaussian at the start: their law is the same in all directions, so
        that the exact step needs a narrow block of noise only.
    heterogeneity, step_size, batch_size
        Of all runs.
    steps : int
        At most.
    recovered : float
        Relative error to A* at which it counts as recovered.
    tolerance : float
        Largest deviation of the slope in log d from the predicted one, relative to it.
    """

    dims: tuple[int, ...] = (50, 100, 200, 400, 800)
    invariant_rank: int = 2
    spurious_rank: int = 2
    width: int = 20
    heterogeneity: float = 6.0
    step_size: float = 0.1
    batch_size: int = HUGE_BATCH
    steps: int = 400
    recovered: float = 0.05
    tolerance: float = 0.1
    repetitions: int = 20
    core_seconds: float = 60.0


QUICK = Config(dims=(50, 100, 200, 400), repetitions=8, core_seconds=6.0)


def cell(
    *,
    rng: np.random.Generator,
    dim: int,
    repetition: int,
    invariant_rank: int,
    spurious_rank: int,
    heterogeneity: float,
    step_size: float,
    batch_size: int,
    width: int,
    steps: int,
    recovered: float,
) -> Row:
    """Run once, and return the step from which A is within ``recovered`` of A*."""
    from elinvar.sensing import HeteroSGD, solve

    setting = Setting(dim=dim, invariant_rank=invariant_rank, spurious_rank=spurious_rank)
    problem = setting.problem(heterogeneity, rng)
    algorithm = HeteroSGD(
        step_size=step_size,
        batch_size=batch_size,
        width=width,
        init="gaussian",
        init_scale=1.0 / dim,
    )
    path = solve(problem, algorithm, steps=steps, rng=rng)
    size = float(np.linalg.norm(problem.invariant_eigenvalues))
    # the first time within reach; bursts may take it out again
    there = np.flatnonzero(path.error <= recovered * size)
    return {
        "steps_taken": int(path.steps[there[0]]) if len(there) else None,
        "recovered": bool(len(there)),
        "seconds": float(path.seconds),
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return the steps of each dimension, median and quartiles, beside the predicted ones."""
    groups = rows.groupby("dim", sort=True)
    table = quartiles(groups, ["steps_taken"])
    table.columns = table.columns.str.replace("_taken", "")
    table.insert(0, "recovered", groups["recovered"].sum())
    table["predicted"] = [
        convergence_steps(1.0, config.step_size, 1.0 / dim, accuracy=config.recovered)
        for dim in table.index
    ]
    table["seconds"] = groups["seconds"].median()
    return table.reset_index()


def _fit(summary: DataFrame, column: str) -> tuple[float, float]:
    """Return slope and intercept of a line in log d."""
    known = summary[summary[column].notna()]
    if len(known) < 2:
        return float("nan"), float("nan")
    slope, intercept = np.polyfit(np.log(known["dim"]), known[column], 1)
    return float(slope), float(intercept)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw steps against the dimension, with the prediction."""
    slope, _ = _fit(summary, "steps")
    return plot_lines(
        summary,
        "dim",
        {"steps": "measured"},
        xlabel="dimension d",
        ylabel="steps to recovery",
        title=f"Steps to recovery grow as log d: {slope * np.log(2.0):.1f} more when d doubles",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge whether all runs recover, and whether their time is a line in log d."""
    recovered, runs = int(summary["recovered"].sum()), int(summary["runs"].sum())
    every = Claim(
        holds=recovered == runs,
        sentence=f"{recovered} of {runs} runs from a start of 1/d recover A* within "
        f"{percent(config.recovered)} in {config.steps} steps (needed: all).",
    )
    slope, intercept = _fit(summary, "steps")
    # from alpha = 1/d, log(d) / log(1 + eta) steps until u ~ 1
    theory = 1.0 / np.log1p(config.step_size)
    line = intercept + slope * np.log(summary["dim"])
    off = float(np.max(np.abs(summary["steps"] - line) / summary["steps"]))
    law = Claim(
        holds=bool(abs(slope / theory - 1.0) <= config.tolerance and off <= 0.05),
        sentence=f"The steps are {figure(intercept)} + {figure(slope)} log d, a slope "
        f"{percent(abs(slope / theory - 1.0))} from the predicted 1 / log(1 + step size) = "
        f"{figure(theory)} (needed: within {percent(config.tolerance)}), and no dimension is "
        f"more than {percent(off)} off this line (needed: 5%).",
    )
    gap = float(np.max(np.abs(summary["steps"] / summary["predicted"] - 1.0)))
    time = Claim(
        holds=bool(gap <= 0.15),
        sentence=f"Theory, of one direction without noise, predicts the median steps within "
        f"{percent(gap)} (needed: 15%).",
    )
    return (every, law, time)
