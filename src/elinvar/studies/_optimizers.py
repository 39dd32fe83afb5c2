"""Which optimisers of torch keep the bias towards A*, over step sizes, and how the others fail."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from elinvar._base._numbers import figure
from elinvar.plots import plot_outcomes
from elinvar.studies._setting import Setting
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import rows_of
from elinvar.studies._training import settle
from elinvar.studies._types import Axes, DataFrame

RECOVERS, SPURIOUS, NOTHING, DIVERGES = OUTCOMES = (
    "recovers A*",
    "learns the spurious part",
    "learns nothing",
    "diverges",
)

# Names, classes of torch.optim and what is not a default; weights decay in none.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "RMSprop": ("RMSprop", {}),
    "Adagrad": ("Adagrad", {}),
    "AdamW": ("AdamW", {"weight_decay": 0.0}),
    "Muon": ("Muon", {"weight_decay": 0.0}),
}
_PLAIN = ("SGD", "momentum", "Nesterov")

TITLE = "Adam and other optimisers"
CLAIM = (
    "Only plain SGD forgets what changes in every run, in a window of step sizes; optimisers "
    "that remember past gradients (momentum, Adam) mix environments, and forget less surely."
)
QUESTION = 3
AXES = {"optimizer": "optimizers", "step_size": "step_sizes"}
EXTRAS = ("torch",)


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study.

    Parameters
    ----------
    optimizers : tuple of str
        Names in ``OPTIMIZERS``.
    step_sizes : tuple of float
        Of all of them; torch's ``lr``, which falls to 0 over the last third of the steps.
    dim, rank : int
        Inputs; directions of the invariant and of the spurious part.
    heterogeneity : float
        M.
    batch_size, steps : int
        Fresh inputs a step, all of one environment that is drawn anew, and steps.
    recovered : float
        Distance of the averaged network to A*, relative to its norm, at most.
    learnt : float
        Share of A* that a run which learns anything has at least.
    """

    optimizers: tuple[str, ...] = tuple(OPTIMIZERS)
    step_sizes: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
    dim: int = 12
    rank: int = 1
    heterogeneity: float = 6.0
    batch_size: int = 1000
    steps: int = 400
    recovered: float = 0.25
    learnt: float = 0.5
    repetitions: int = 7
    core_seconds: float = 70.0


QUICK = Config(
    optimizers=("SGD", "momentum", "RMSprop", "AdamW"),
    step_sizes=(1e-2, 1e-1, 3e-1),
    dim=8,
    batch_size=500,
    steps=200,
    recovered=0.35,
    repetitions=4,
    core_seconds=4.0,
)


def cell(
    *,
    rng: np.random.Generator,
    optimizer: str,
    step_size: float,
    repetition: int,
    dim: int,
    rank: int,
    heterogeneity: float,
    batch_size: int,
    steps: int,
) -> Row:
    """Train a quadratic network, and return where the average of its last third is."""
    import torch

    from elinvar.neural import FreshBatches, QuadraticNetwork

    torch.set_num_threads(1)
    setting = Setting(dim=dim, invariant_rank=rank, spurious_rank=rank)
    problem = setting.problem(heterogeneity, rng)
    seed = int(rng.integers(2**31))
    network = QuadraticNetwork(dim, 2 * dim, seed=seed)
    name, options = OPTIMIZERS[optimizer]
    taker = getattr(torch.optim, name)(network.parameters(), lr=step_size, **options)
    averaged, diverged = settle(network, taker, FreshBatches(problem, batch_size, seed=seed), steps)
    matrix = averaged.matrix.double().numpy()
    invariant, spurious = problem.invariant, problem.pooled - problem.invariant
    size = float(np.linalg.norm(invariant))
    # parts: least-squares multiples of A* and of the mean A^(e), which are orthogonal
    return {
        "error": float(np.linalg.norm(matrix - invariant)) / size,
        "pooled_error": float(np.linalg.norm(matrix - problem.pooled)) / size,
        "invariant_part": float(np.vdot(matrix, invariant)) / size**2,
        "spurious_part": float(np.vdot(matrix, spurious) / np.vdot(spurious, spurious)),
        "diverged": diverged,
    }


def outcomes(rows: DataFrame, config: Config) -> DataFrame:
    """Return how each optimiser ends at each step size: medians over runs, and what they mean.

    A median counts as that of a run: it has diverged, recovers A*, has learnt too little of A* to
    speak of, or is kept from A* by what is spurious.
    """
    # infinite and not missing: a median over runs must see those that diverged
    bounded = rows.assign(error=rows["error"].where(~rows["diverged"], np.inf))
    groups = bounded.groupby(["optimizer", "step_size"], sort=False)
    table = groups[["error", "invariant_part", "spurious_part"]].median()
    table["low"], table["high"] = groups["error"].min(), groups["error"].max()
    table["recovering"] = groups["error"].agg(lambda error: int((error <= config.recovered).sum()))
    # a run may blow up without being infinite after so few steps
    far = ~np.isfinite(table["error"]) | (table["error"] > 100.0)
    table["outcome"] = np.select(
        [far, table["error"] <= config.recovered, table["invariant_part"] < config.learnt],
        [DIVERGES, RECOVERS, NOTHING],
        SPURIOUS,
    )
    return table.reset_index()


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return a row an optimiser: its best step size, and the step sizes of each outcome.

    The best is where most runs recover A*, and of these the one with the smallest median distance.
    """
    import pandas as pd

    table = outcomes(rows, config)
    lines = []
    for optimizer, mine in table.groupby("optimizer", sort=False):
        best = mine.sort_values(["recovering", "error"], ascending=[False, True]).iloc[0]
        lines.append(
            {
                "optimizer": optimizer,
                "best_step_size": best["step_size"],
                "error": best["error"],
                "error_low": best["low"],
                "error_high": best["high"],
                "runs_that_recover": best["recovering"],
                "runs": config.repetitions,
                **{
                    outcome.replace(" ", "_").replace("*", ""): _sizes(mine, outcome)
                    for outcome in OUTCOMES
                },
            }
        )
    return pd.DataFrame(lines)


def _sizes(table: DataFrame, outcome: str) -> str:
    found = table.loc[table["outcome"] == outcome, "step_size"]
    return ", ".join(f"{size:g}" for size in found) or "nowhere"


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the outcome of each optimiser at each step size."""
    keep = list(summary.loc[summary["runs_that_recover"] == summary["runs"], "optimizer"])
    return plot_outcomes(
        outcomes(rows, config),
        name="optimizer",
        parameter="step_size",
        outcomes=OUTCOMES,
        value="error",
        xlabel="step size (lr); numbers: distance to A* over its norm, median of "
        f"{config.repetitions} runs",
        title=f"{len(keep)} of {len(summary)} optimisers recover{'s' * (len(keep) == 1)} A* in "
        f"every run at some step size{': ' * bool(keep)}{', '.join(keep)}",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge plain steps beside those with memory and normalised ones."""
    rows = {row["optimizer"]: row for row in rows_of(summary)}
    sgd, plain = rows["SGD"], [row for name, row in rows.items() if name in _PLAIN]
    others = [row for name, row in rows.items() if name not in _PLAIN]
    return (
        Claim(
            holds=bool(sgd["runs_that_recover"] == sgd["runs"]),
            sentence=f"Plain SGD recovers A* in every run at a step size of "
            f"{sgd['best_step_size']:g}: {_ends(sgd)} (needed: all within "
            f"{config.recovered:g}); it learns nothing in {config.steps} steps at "
            f"{sgd['learns_nothing']}, and diverges at {sgd['diverges']}.",
        ),
        Claim(
            holds=all(row["recovers_A"] != "nowhere" for row in plain),
            sentence="With momentum the median run still does, at smaller steps: "
            f"{_each(plain[1:])} (needed: a median within {config.recovered:g}).",
        ),
        Claim(
            holds=all(row["runs_that_recover"] < row["runs"] for row in others),
            sentence="No optimiser that normalises its steps does so in every run, at any step "
            f"size: {_each(others)} (needed: fewer than all runs).",
        ),
        Claim(
            holds=all((row["diverges"] == "nowhere") == (row in others) for row in rows.values()),
            sentence="They fail in different ways: steps in proportion to the gradient diverge "
            "where they are large ("
            + ", ".join(f"{row['optimizer']} at {row['diverges']}" for row in plain)
            + "); normalised ones diverge nowhere, and learn the spurious part instead ("
            + "; ".join(
                f"{row['optimizer']} at {row['learns_the_spurious_part']}" for row in others
            )
            + ").",
        ),
    )


def _each(rows: list[Row]) -> str:
    return "; ".join(
        f"{row['optimizer']} in {row['runs_that_recover']} of {row['runs']} at best, at "
        f"{row['best_step_size']:g}, with {_ends(row)}"
        for row in rows
    )


def _ends(row: Row) -> str:
    middle, low, high = (figure(row[key], 2) for key in ("error", "error_low", "error_high"))
    return f"a relative distance of {middle} ({low} to {high})"
