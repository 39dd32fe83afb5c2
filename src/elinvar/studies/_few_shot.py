"""Environments and rows to learn from, against transfer with few labelled rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import figure
from elinvar.plots import plot_comparison
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import rows_of
from elinvar.studies._training import settle
from elinvar.studies._types import Axes, DataFrame

if TYPE_CHECKING:
    from elinvar.neural import QuadraticNetwork

HETERO, POOLED, SCRATCH = "HeteroSGD", "PooledSGD", "no training"
_NOISE = 0.5

Labelled = tuple[NDArray[np.float32], NDArray[np.float32]]

TITLE = "Few labelled rows of a new environment"
CLAIM = (
    "What HeteroSGD learns carries over to environments without the spurious part, and saves "
    "labelled rows there."
)
QUESTION = 8
AXES = {
    "algorithm": (HETERO, POOLED, SCRATCH),
    "environments": "environments",
    "rows": "rows",
}
PROBLEM = ("environments", "rows")
EXTRAS = ("torch",)


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study.

    Parameters
    ----------
    environments, rows : tuple of int
        Training environments, an even number, and rows of each.
    labelled : tuple of int
        Rows with labels of the new environment, on which training goes on; 0: none.
    dim : int
        Inputs.
    heterogeneity : float
        M: spurious eigenvalues are 1 + M s and 1 - M s in turn, s uniform from 0.8 to 1.2.
    batch_size, steps : int
        Rows a step, and steps.
    """

    environments: tuple[int, ...] = (2, 4, 16)
    rows: tuple[int, ...] = (50, 200, 800)
    labelled: tuple[int, ...] = (0, 10, 40)
    dim: int = 8
    heterogeneity: float = 6.0
    batch_size: int = 400
    steps: int = 400
    repetitions: int = 9
    core_seconds: float = 40.0


QUICK = Config(
    environments=(2, 16),
    rows=(50, 400),
    batch_size=200,
    steps=200,
    repetitions=2,
    core_seconds=3.0,
)


def draw(
    rng: np.random.Generator, directions: NDArray[np.float64], spurious: float, n: int
) -> Labelled:
    """Return inputs and labels (u'x)^2 + s (v'x)^2 + noise of one environment."""
    x = rng.standard_normal((n, len(directions)))
    inside = (x @ directions) ** 2
    y = inside @ [1.0, spurious] + _NOISE * rng.standard_normal(n)
    return x.astype(np.float32), y.astype(np.float32)


def cell(
    *,
    rng: np.random.Generator,
    algorithm: str,
    environments: int,
    rows: int,
    repetition: int,
    labelled: list[int],
    dim: int,
    heterogeneity: float,
    batch_size: int,
    steps: int,
) -> list[Row]:
    """Train on some environments, then on a few rows of a new one without the spurious part."""
    import torch

    torch.set_num_threads(1)
    directions = np.linalg.qr(rng.standard_normal((dim, 2)))[0]
    new = draw(rng, directions, 0.0, max(labelled))
    # in turn above and below: the mean over environments stays near 1, which is what pooling learns
    signs = np.resize([1.0, -1.0], environments)
    spurious = 1.0 + heterogeneity * signs * rng.uniform(0.8, 1.2, environments)
    seen = [draw(rng, directions, float(value), rows) for value in spurious]
    network = _train(algorithm, seen, batch_size, steps, repetition)
    target = np.outer(directions[:, 0], directions[:, 0])
    found: list[Row] = []
    for n in labelled:
        matrix = _go_on(network, (new[0][:n], new[1][:n]))
        found.append({"labelled": n, "error": float(np.linalg.norm(matrix - target))})
    return found


def _train(
    algorithm: str, seen: list[Labelled], batch_size: int, steps: int, seed: int
) -> "QuadraticNetwork":
    """Return a quadratic network, its parameters averaged over the last third of the steps."""
    import torch

    from elinvar import neural

    dim = seen[0][0].shape[1]
    if algorithm == SCRATCH:
        return neural.QuadraticNetwork(dim, 2 * dim, init_scale=0.3, seed=seed)
    # both see the same rows, as many a step and as often; only what a batch mixes differs
    network = neural.QuadraticNetwork(dim, 2 * dim, seed=seed)
    names = np.repeat(np.arange(len(seen)), len(seen[0][0]))
    size = min(batch_size, len(seen[0][0]))
    sampler = (
        neural.EnvironmentBatchSampler(names, size, order="cyclic", seed=seed)
        if algorithm == HETERO
        else neural.PooledBatchSampler(names, size, seed=seed)
    )
    tensors = [torch.from_numpy(np.concatenate(part)) for part in zip(*seen, strict=True)]
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*tensors), sampler=sampler, batch_size=None
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    averaged, _ = settle(network, optimizer, loader, steps)
    return averaged


def _go_on(network: "QuadraticNetwork", rows: Labelled) -> NDArray[np.float64]:
    """Return U U' after 100 small steps on these rows, or as it is if there are none."""
    from copy import deepcopy

    import torch

    # each number of labelled rows goes on from the same network
    tuned = deepcopy(network)
    x, y = (torch.from_numpy(part) for part in rows)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.02)
    for _ in range(100 if len(y) else 0):
        optimizer.zero_grad()
        ((tuned(x) - y).square().mean() / 8).backward()
        optimizer.step()
    matrix: NDArray[np.float64] = tuned.matrix.double().numpy()
    return matrix


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return a row for each number of environments and rows: median errors, and who is nearer.

    ``hetero_0`` is the median relative distance to A* of HeteroSGD without labelled rows,
    ``pooled_40`` that of PooledSGD after 40; ``nearer_0`` in how many runs HeteroSGD is nearer.
    """
    table = rows.pivot_table(
        index=["environments", "rows", "repetition", "labelled"],
        columns="algorithm",
        values="error",
        dropna=False,
    ).fillna(np.inf)
    short = {"hetero": HETERO, "pooled": POOLED, "scratch": SCRATCH}
    columns = {}
    for n in config.labelled:
        mine = table.xs(n, level="labelled")
        for word, name in short.items():
            columns[f"{word}_{n}"] = mine[name].groupby(level=[0, 1]).median()
        wins = (mine[HETERO] < mine[POOLED]).groupby(level=[0, 1]).sum()
        columns[f"nearer_{n}"] = wins
    import pandas as pd

    found = pd.DataFrame(columns).reset_index()
    found.insert(2, "runs", config.repetitions)
    return found


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw all runs with the most environments and rows, and with the fewest."""
    few, many = ((f(config.environments), f(config.rows)) for f in (min, max))
    parts = []
    for environments, n in (few, many):
        mine = rows[(rows["environments"] == environments) & (rows["rows"] == n)]
        names = [
            f"{algorithm}, then {labelled} rows" if labelled else f"{algorithm}, no labelled rows"
            for algorithm, labelled in zip(mine["algorithm"], mine["labelled"], strict=True)
        ]
        group = f"{environments} environments of {n} rows"
        parts.append(mine.assign(setting=names, group=group).sort_values("labelled", kind="stable"))
    import pandas as pd

    last = summary.iloc[-1]
    return plot_comparison(
        pd.concat(parts, ignore_index=True),
        values=("error",),
        xlabel="distance to A* in the new environment, relative to its norm",
        title=f"From {many[0]} environments of {many[1]} rows HeteroSGD starts "
        f"{figure(last[f'hetero_{config.labelled[0]}'], 2)} from A*, PooledSGD "
        f"{figure(last[f'pooled_{config.labelled[0]}'], 2)}",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge transfer without and with labelled rows, and what more data buy."""
    rows = rows_of(summary)
    first, last = rows[0], rows[-1]
    claims = [_transfers(last, n, config) for n in config.labelled]
    claims.append(
        Claim(
            holds=bool(last["hetero_0"] <= 0.5 * first["hetero_0"]),
            sentence="More data to learn from bring HeteroSGD nearer: from "
            f"{figure(first['hetero_0'], 2)} with {_data(first)} to {figure(last['hetero_0'], 2)} "
            f"with {_data(last)} (medians of {last['runs']} runs; needed: at most half), and "
            f"PooledSGD from {figure(first['pooled_0'], 2)} to {figure(last['pooled_0'], 2)}.",
        )
    )
    most = max(config.labelled)
    saved, spent = last["hetero_0"], last[f"scratch_{most}"]
    claims.append(
        Claim(
            holds=bool(saved < spent),
            sentence=f"Without a labelled row the invariant part is known better, "
            f"{figure(saved, 2)}, than it is learnt from {most} rows alone, {figure(spent, 2)}.",
        )
    )
    return tuple(claims)


def _transfers(row: Row, n: int, config: Config) -> Claim:
    wins, runs = int(row[f"nearer_{n}"]), int(row["runs"])
    needed = runs - runs // 4
    after = f"After {n} labelled rows" if n else "Without labelled rows"
    return Claim(
        holds=wins >= needed,
        sentence=f"{after} of a new environment, HeteroSGD trained on {_data(row)} is "
        f"{figure(row[f'hetero_{n}'], 2)} from A*, PooledSGD {figure(row[f'pooled_{n}'], 2)} and a "
        f"network without training {figure(row[f'scratch_{n}'], 2)}; HeteroSGD is nearer than "
        f"PooledSGD in {wins} of {runs} runs (needed: {needed}).",
    )


def _data(row: Row) -> str:
    return f"{row['environments']} environments of {row['rows']} rows"
