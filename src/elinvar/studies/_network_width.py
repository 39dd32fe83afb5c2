"""Width, depth and the scale of the start: where a network is rich, and where it is lazy."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_comparison
from elinvar.studies._setting import Setting
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import rows_of
from elinvar.studies._training import settle
from elinvar.studies._types import Axes, DataFrame

if TYPE_CHECKING:
    import torch

_WIDTH = "quadratic: units"
_DEPTH = "quadratic: linear layers"
_START = "quadratic: scale of the start"
_DEEP = "quadratic, 3 layers: scale of the start"
_GELU = "GELU: scale of the start"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network, and how it starts.

    Parameters
    ----------
    group : str
        What varies beside its neighbours.
    hidden : int
        Units of a layer.
    layers : int
        Linear layers before the squares; 0: a hidden layer of GELU units.
    init_scale : float
        Of the start.
    """

    group: str
    hidden: int = 32
    layers: int = 1
    init_scale: float = 0.01


NETWORKS = {
    **{f"{n} units": Network(group=_WIDTH, hidden=n) for n in (2, 8, 32, 128)},
    **{f"{n} deep": Network(group=_DEPTH, layers=n, init_scale=0.3) for n in (1, 2, 3)},
    **{f"start {a:g}": Network(group=_START, init_scale=a) for a in (0.1, 0.3, 1.0, 3.0)},
    **{f"deep, start {a:g}": Network(group=_DEEP, layers=3, init_scale=a) for a in (0.3, 1.0, 5.0)},
    **{
        f"GELU, start {a:g}": Network(group=_GELU, hidden=64, layers=0, init_scale=a)
        for a in (0.1, 0.3, 1.0, 3.0, 10.0)
    },
}

TITLE = "Width, depth and the scale of the start"
CLAIM = (
    "On fresh inputs networks of any width and depth forget what changes, if they start small; "
    "from a large start they learn as a linear model of fixed features, and forget nothing."
)
QUESTION = 4
AXES = {"network": "networks", "order": ("cyclic", "pooled")}
EXTRAS = ("torch",)


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study.

    Parameters
    ----------
    networks : tuple of str
        Names in ``NETWORKS``.
    dim : int
        Inputs.
    heterogeneity : float
        M.
    batch_size, steps : int
        Fresh inputs a step, environments in turn, and steps.
    rich, lost : float
        Share of the output's gradient in the invariant subspace: at least that of what keeps the
        bias; by how much at most what has lost it is ahead of pooled training.
    """

    networks: tuple[str, ...] = tuple(NETWORKS)
    dim: int = 8
    heterogeneity: float = 6.0
    batch_size: int = 600
    steps: int = 400
    rich: float = 0.9
    lost: float = 0.1
    repetitions: int = 5
    core_seconds: float = 55.0


QUICK = Config(
    networks=(
        "2 units", "32 units", "1 deep", "2 deep", "start 0.1", "start 3",
        "deep, start 0.3", "deep, start 5", "GELU, start 0.1", "GELU, start 10",
    ),
    batch_size=400,
    steps=200,
    repetitions=3,
    core_seconds=10.0,
)  # fmt: skip


def make_network(network: Network, dim: int, seed: int) -> "tuple[torch.nn.Module, float]":
    r"""Return the network and its step size.

    The quadratic one is :math:`\lVert P x \rVert^2 - \lVert Q x \rVert^2`, P and Q products of L
    layers that start alike, so that it starts as 0 at any scale. A step moves the function by about
    :math:`4 L \alpha^{4 - 2 / L}` times the step size at the start, which bounds lazy steps.
    """
    import torch

    # lazy from a large start: the step on the function, not on the weights, must stay below 1
    damped = max(1.0, 4.0 * network.init_scale ** (4 - 2 / max(network.layers, 1)))
    if not network.layers:
        from elinvar.neural import TwoLayerNetwork

        model = TwoLayerNetwork(
            dim, network.hidden, activation="gelu", init_scale=network.init_scale, seed=seed
        )
        return model, 0.4 / damped
    generator = torch.Generator().manual_seed(seed)
    scale = network.init_scale ** (1 / network.layers) / network.hidden**0.5

    def side() -> "torch.nn.Sequential":
        sizes = [dim, *[network.hidden] * network.layers]
        return torch.nn.Sequential(*(torch.nn.Linear(a, b, bias=False) for a, b in pairwise(sizes)))

    class Difference(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = side(), side()
            with torch.no_grad():
                for one, other in zip(self.up.parameters(), self.down.parameters(), strict=True):
                    one.normal_(generator=generator).mul_(scale)
                    other.copy_(one)

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            up: torch.Tensor = self.up(x).square().sum(1)
            down: torch.Tensor = self.down(x).square().sum(1)
            return up - down

    return Difference(), 0.1 / network.layers / damped


def cell(
    *,
    rng: np.random.Generator,
    network: str,
    order: Literal["cyclic", "pooled"],
    repetition: int,
    dim: int,
    heterogeneity: float,
    batch_size: int,
    steps: int,
) -> Row:
    """Train one network, and return what its output has learnt and how far its weights moved."""
    import torch

    from elinvar import neural

    torch.set_num_threads(1)
    problem = Setting(dim=dim, invariant_rank=1, spurious_rank=1).problem(heterogeneity, rng)
    assert problem.truth is not None
    seed = int(rng.integers(2**31))
    model, step_size = make_network(NETWORKS[network], dim, seed)
    flat = torch.nn.utils.parameters_to_vector
    start = flat(model.parameters()).detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=step_size)
    batches = neural.FreshBatches(problem, batch_size, order=order, seed=seed)
    averaged, diverged = settle(model, optimizer, batches, steps)
    probes = torch.randn(512, dim, generator=torch.Generator().manual_seed(seed))
    # what the output depends on, at inputs that no step has seen
    gradients = neural.input_gradients(averaged, probes)
    moved = (flat(model.parameters()).detach() - start).norm() / start.norm()
    return {
        "invariant": neural.alignment(gradients, problem.truth.invariant_basis),
        "spurious": neural.alignment(gradients, problem.truth.spurious_basis),
        "moved": float(moved),
        "diverged": diverged,
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return shares of the output's gradient, medians over runs, one environment a step and pooled.

    ``moved``: how far the weights went, relative to their start; far below 1 is lazy.
    """
    import pandas as pd

    lines = []
    for network, mine in rows.groupby("network", sort=False):
        one, pooled = (mine[mine["order"] == order] for order in ("cyclic", "pooled"))
        lines.append(
            {
                "group": NETWORKS[str(network)].group,
                "network": network,
                "invariant": one["invariant"].median(),
                "invariant_low": one["invariant"].min(),
                "invariant_high": one["invariant"].max(),
                "spurious": one["spurious"].median(),
                "pooled_invariant": pooled["invariant"].median(),
                "pooled_spurious": pooled["spurious"].median(),
                "moved": one["moved"].median(),
                "diverged": int(mine["diverged"].sum()),
                "runs": len(one),
            }
        )
    return pd.DataFrame(lines)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the invariant share of every run, beside that of pooled training."""
    wide = rows.pivot_table(
        index=["network", "repetition"], columns="order", values="invariant", sort=False
    ).reset_index()
    group = wide["network"].map({name: one.group for name, one in NETWORKS.items()})
    keep = int((summary["invariant"] >= config.rich).sum())
    return plot_comparison(
        wide.assign(group=group),
        name="network",
        values=("cyclic", "pooled"),
        labels=("one environment a step", "pooled"),
        xlabel="share of the output's gradient in the invariant subspace",
        title=f"{keep} of {len(summary)} networks learn the invariant feature alone: it is the "
        "scale of the start that decides",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge width, depth and starts."""
    rows = rows_of(summary)
    groups = {
        group: [row for row in rows if row["group"] == group]
        for group in (_WIDTH, _DEPTH, _START, _DEEP, _GELU)
    }
    return (
        _keeps(groups[_WIDTH], "Width is no matter from a small start", config),
        _keeps(groups[_DEPTH], "Nor is depth, from a start of 0.3", config),
        *(_loses(groups[group], group, config) for group in (_START, _DEEP, _GELU)),
        _moves([groups[group][-1] for group in (_START, _DEEP, _GELU)], groups[_WIDTH][-1]),
    )


def _keeps(rows: list[Row], what: str, config: Config) -> Claim:
    said = ", ".join(f"{row['network']} {percent(row['invariant'])}" for row in rows)
    pooled = max(row["pooled_invariant"] for row in rows)
    return Claim(
        holds=bool(min(row["invariant"] for row in rows) >= config.rich > pooled + config.lost),
        sentence=f"{what}: of the gradient of the output this share lies in the invariant "
        f"subspace: {said} "
        f"(medians of {rows[0]['runs']} runs; needed: {percent(config.rich)}), pooled by at most "
        f"{percent(pooled)}.",
    )


def _loses(rows: list[Row], group: str, config: Config) -> Claim:
    first, last = rows[0], rows[-1]
    ahead = last["invariant"] - last["pooled_invariant"]
    said = ", ".join(f"{row['network']} {percent(row['invariant'])}" for row in rows)
    return Claim(
        holds=bool(first["invariant"] >= config.rich and ahead <= config.lost),
        sentence=f"A large start loses the bias ({group}): {said} (needed: at least "
        f"{percent(config.rich)} from the smallest; from the largest no more than "
        f"{percent(config.lost)} ahead of pooled training, which has "
        f"{percent(last['pooled_invariant'])}).",
    )


def _moves(lazy: list[Row], rich: Row) -> Claim:
    most = max(row["moved"] for row in lazy)
    return Claim(
        holds=bool(most <= 0.1 and rich["moved"] >= 1.0),
        sentence=f"The large starts are lazy: their weights move by at most {percent(most)} of "
        f"their size (needed: 10%), those of {rich['network']} from a start of 0.01 by "
        f"{figure(rich['moved'], 2)} times theirs (needed: 1).",
    )
