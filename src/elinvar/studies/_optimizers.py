"""Which optimisers of torch keep the bias towards A*, over step sizes, and how the others fail."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar.plots import plot_outcomes
from elinvar.studies._study import Claim, Study, StudyConfig, Verdict
from elinvar.studies._words import figure
from elinvar.sweeps import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

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
    recovered: float = 0.3
    learnt: float = 0.5
    repetitions: int = 7
    core_seconds: float = 140.0


QUICK = Config(
    step_sizes=(1e-2, 1e-1, 3e-1),
    dim=8,
    batch_size=500,
    steps=200,
    repetitions=2,
    core_seconds=10.0,
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
) -> dict[str, Any]:
    """Train a quadratic network, and return where the average of its last third is."""
    import warnings

    import torch

    from elinvar._base import ElinvarWarning
    from elinvar.neural import FreshBatches, HeteroTrainer, QuadraticNetwork, centred_squared_loss
    from elinvar.sensing import SensingProblem

    torch.set_num_threads(1)
    problem = SensingProblem.two_point(
        dim=dim, invariant_rank=rank, spurious_rank=rank, heterogeneity=heterogeneity, rng=rng
    )
    seed = int(rng.integers(2**31))
    network = QuadraticNetwork(dim, 2 * dim, seed=seed)
    name, options = OPTIMIZERS[optimizer]
    taker = getattr(torch.optim, name)(network.parameters(), lr=step_size, **options)
    trainer = HeteroTrainer(
        network,
        taker,
        lambda output, target: centred_squared_loss(output, target) / 8,
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            taker, lambda step: min(1.0, 3.0 * (steps - step) / steps)
        ),
        average=1 / 3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElinvarWarning)
        training = trainer.fit(FreshBatches(problem, batch_size, seed=seed), steps=steps)
    averaged: Any = trainer.averaged
    matrix = averaged.matrix.double().numpy()
    invariant, spurious = problem.invariant, problem.pooled - problem.invariant
    size = float(np.linalg.norm(invariant))
    return {
        "error": float(np.linalg.norm(matrix - invariant)) / size,
        "pooled_error": float(np.linalg.norm(matrix - problem.pooled)) / size,
        "invariant_part": float(np.vdot(matrix, invariant)) / size**2,
        "spurious_part": float(np.vdot(matrix, spurious) / np.vdot(spurious, spurious)),
        "diverged": training.status == "diverged",
    }


def sweep(config: Config) -> Sweep:
    """Return the grid: optimisers by step sizes by repetitions, the same problem for all."""
    names = ("dim", "rank", "heterogeneity", "batch_size", "steps")
    return Sweep(
        name="optimizers",
        function=cell,
        axes={
            "optimizer": config.optimizers,
            "step_size": config.step_sizes,
            "repetition": range(config.repetitions),
        },
        problem=(),
        fixed={name: getattr(config, name) for name in names},
    )


def outcomes(rows: "DataFrame", config: Config) -> "DataFrame":
    """Return how each optimiser ends at each step size: medians over runs, and what they mean.

    A median counts as that of a run: it has diverged, recovers A*, has learnt too little of A* to
    speak of, or is kept from A* by what is spurious.
    """
    bounded = rows.assign(error=rows["error"].where(~rows["diverged"], np.inf))
    groups = bounded.groupby(["optimizer", "step_size"], sort=False)
    table = groups[["error", "invariant_part", "spurious_part"]].median()
    table["low"], table["high"] = groups["error"].min(), groups["error"].max()
    table["recovering"] = groups["error"].agg(lambda error: int((error <= config.recovered).sum()))
    far = ~np.isfinite(table["error"]) | (table["error"] > 100.0)
    table["outcome"] = np.select(
        [far, table["error"] <= config.recovered, table["invariant_part"] < config.learnt],
        [DIVERGES, RECOVERS, NOTHING],
        SPURIOUS,
    )
    return table.reset_index()


def summarise(rows: "DataFrame", config: Config) -> "DataFrame":
    """Return a row an optimiser: its best step size, and the step sizes of each outcome."""
    import pandas as pd

    table = outcomes(rows, config)
    lines = []
    for optimizer, mine in table.groupby("optimizer", sort=False):
        best = mine.iloc[int(mine["error"].argmin())]
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


def _sizes(table: "DataFrame", outcome: str) -> str:
    found = table.loc[table["outcome"] == outcome, "step_size"]
    return ", ".join(f"{size:g}" for size in found) or "nowhere"


def picture(rows: "DataFrame", summary: "DataFrame", config: Config) -> "Axes":
    """Draw the outcome of each optimiser at each step size."""
    keep = summary.loc[summary["recovers_A"] != "nowhere", "optimizer"]
    return plot_outcomes(
        outcomes(rows, config),
        name="optimizer",
        parameter="step_size",
        outcomes=OUTCOMES,
        value="error",
        xlabel="step size (lr)",
        title=f"One environment a step: {' and '.join(keep) or 'no optimiser'} recover A*",
    )


def judge(summary: "DataFrame", config: Config) -> Verdict:
    """Judge plain steps beside normalised ones."""
    rows = {str(row["optimizer"]): row for row in summary.to_dict("records")}
    claims = [_keeps(name, rows[name], config) for name in _PLAIN if name in rows]
    others = [row for name, row in rows.items() if name not in _PLAIN]
    least = min(others, key=lambda row: float(row["error"]))
    claims.append(
        Claim(
            holds=bool(least["error"] > config.recovered),
            sentence="Optimisers that scale each entry or direction by its own size "
            f"({', '.join(row['optimizer'] for row in others)}) recover A* at no step size: even "
            f"the best, {least['optimizer']} at {least['best_step_size']:g}, ends {_error(least)} "
            f"from it (needed: more than {config.recovered:g}).",
        )
    )
    lost = [name for name, row in rows.items() if row["learns_the_spurious_part"] == "nowhere"]
    claims.append(
        Claim(
            holds=not lost,
            sentence="Every optimiser learns the spurious part at some step size"
            + (
                f", but for {', '.join(lost)}."
                if lost
                else "; one environment a step is not enough."
            ),
        )
    )
    return Verdict(claims=tuple(claims))


def _keeps(name: str, row: dict[Any, Any], config: Config) -> Claim:
    return Claim(
        holds=bool(row["error"] <= config.recovered),
        sentence=f"{name} recovers A* at step size {row['best_step_size']:g}: relative distance "
        f"{_error(row)} (needed: a median of at most {config.recovered:g}); it learns the spurious "
        f"part at {row['learns_the_spurious_part']}, nothing at {row['learns_nothing']}, and "
        f"diverges at {row['diverges']}.",
    )


def _error(row: dict[Any, Any]) -> str:
    middle, low, high = (figure(row[key], 2) for key in ("error", "error_low", "error_high"))
    return f"{middle} (median of {row['runs']} runs; {low} to {high})"


STUDY = Study(
    name="optimizers",
    title="Optimisers of torch",
    claim="The bias needs steps in proportion to the gradient: SGD, with or without momentum, "
    "keeps it in a window of step sizes; optimisers that normalise their steps do not.",
    full=Config(),
    quick=QUICK,
    sweep=sweep,
    summarise=summarise,
    picture=picture,
    judge=judge,
    extras=("torch",),
    backend="processes",
)
