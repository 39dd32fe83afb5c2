r"""Networks on tables: gates that HeteroSGD opens and closes, then a refit of what stays.

The network :math:`f(x) = h(u \odot u \odot x)` has a gate for each feature in front of a two-layer
network. Steps multiply the gates, so that a feature whose effect differs between environments
loses its gate. What stays is learned anew, without gates, from all rows: nothing is shrunk.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from elinvar.neural.batches._environment_sampler import EnvironmentBatchSampler
from elinvar.neural.batches._epoch_sampler import EpochSampler
from elinvar.neural.batches._pooled_sampler import PooledBatchSampler
from elinvar.neural.networks._two_layer import TwoLayerNetwork
from elinvar.neural.rules._hetero_step import HeteroStep
from elinvar.neural.training._trainer import HeteroTrainer

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_INITIAL_ROOT, _HALVINGS, _MOST_ENVIRONMENTS = 0.3, 12, 8
# steps times one plus the gain, where features (and a target that is a number) have variance 1;
# the loss of classes bends less
_STEP_SIZE, _STEP_SIZE_CLASSES = 0.3, 1.2
_REFIT_STEP, _REFIT_DECAY = 1e-2, 1e-4
# the smallest supports are all tried, larger ones at such ratios
_ALL_UP_TO, _RATIO = 6, 1.4


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """How a network is made and trained; the estimators explain it.

    Parameters
    ----------
    hidden, activation, gain, step_size, batch_size, n_steps, refit_steps
        As in `InvariantMLPRegressor`.
    n_outputs : int, optional
        Classes; None: a number.
    """

    hidden: int
    activation: Literal["relu", "gelu"]
    gain: float
    step_size: float | None
    batch_size: int
    n_steps: int
    refit_steps: int
    n_outputs: int | None = None

    @property
    def loss(self) -> Callable[[Any, Any], Tensor]:
        """Squared loss, or that of classes."""
        return nn.functional.mse_loss if self.n_outputs is None else nn.functional.cross_entropy

    def network(self, n_columns: int, seed: int) -> TwoLayerNetwork:
        """Return a network at its start."""
        return TwoLayerNetwork(
            n_columns,
            self.hidden,
            activation=self.activation,
            init_scale=1.0,
            n_outputs=self.n_outputs,
            seed=seed,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRows:
    """Standardised rows of several environments.

    Parameters
    ----------
    x : Tensor of shape (n, q)
    y : Tensor of shape (n,)
        Standardised target, or number of the class.
    codes : ndarray of shape (n,)
        Environment of each row.
    gate_of : ndarray of shape (q,)
        Gate of each column.
    """

    x: Tensor
    y: Tensor
    codes: NDArray[np.intp]
    gate_of: NDArray[np.intp]

    @property
    def n_gates(self) -> int:
        """Gates, one a feature."""
        return int(self.gate_of.max()) + 1

    @property
    def n_environments(self) -> int:
        """Environments."""
        return int(self.codes.max()) + 1


class GatedNetwork(nn.Module):
    """A gate for each feature, and a two-layer network behind them.

    Parameters
    ----------
    network : TwoLayerNetwork
    gate_of : ndarray of shape (q,)
        Gate of each column.
    """

    def __init__(self, network: TwoLayerNetwork, gate_of: NDArray[np.intp]) -> None:
        super().__init__()
        self.network = network
        self.root = nn.Parameter(torch.full((int(gate_of.max()) + 1,), _INITIAL_ROOT))
        self.gate_of: Tensor
        self.register_buffer("gate_of", torch.as_tensor(gate_of))

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs of rows (n, q)."""
        # h(u * u * x): steps multiply u, so that a gate whose feature differs dies out
        # (docs/networks.md, sections 1 and 7)
        out: Tensor = self.network(x * self.root.square()[self.gate_of])
        return out


class _Batches:
    """Rows of a table as a sampler chooses them."""

    def __init__(self, table: TrainingRows, sampler: EpochSampler) -> None:
        self._table, self.batch_sampler = table, sampler

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in self.batch_sampler:
            yield self._table.x[rows], self._table.y[rows]


def find_gates(table: TrainingRows, settings: NetworkSettings, seed: int) -> tuple[Floats, float]:
    """Train a gated network one environment at a time.

    Parameters
    ----------
    table : TrainingRows
    settings : NetworkSettings
    seed : int

    Returns
    -------
    gates : ndarray of shape (n_gates,)
        Averages over the last quarter of the steps; all NaN if every step size diverged.
    step_size : float
        The one that was used; without a given one it is halved until training is bounded.
    """
    count = min(table.n_environments, _MOST_ENVIRONMENTS)
    sampler = EnvironmentBatchSampler(
        table.codes,
        settings.batch_size,
        order="cyclic",
        small="shrink",
        seed=seed,
        # each process of a group, if there is one, trains a network of its own
        num_replicas=1,
        rank=0,
    )
    # the gain extrapolates curvatures too, so that the stable step falls as 1 / (1 + kappa)
    # (docs/networks.md, section 4)
    unit = _STEP_SIZE if settings.n_outputs is None else _STEP_SIZE_CLASSES
    size = settings.step_size or unit / (1.0 + settings.gain)
    for _ in range(_HALVINGS if settings.step_size is None else 1):
        network = GatedNetwork(settings.network(table.x.shape[1], seed), table.gate_of)
        network.to(table.x.device)
        trainer = HeteroTrainer(
            network,
            torch.optim.SGD(network.parameters(), lr=size),
            settings.loss,
            rule=HeteroStep(gain=settings.gain, environments=1 if settings.gain == 1.0 else count),
            average=0.25,
            warn=False,
        )
        if trainer.fit(_Batches(table, sampler), steps=settings.n_steps).status == "completed":
            # gates come in bursts near the critical heterogeneity: their average is what counts
            root = trainer.averaged.get_parameter("root").detach()
            return root.double().square().cpu().numpy(), size
        size /= 2
    return np.full(table.n_gates, np.nan), size


def refit(
    table: TrainingRows, gates: Bools, settings: NetworkSettings, seed: int
) -> TwoLayerNetwork:
    """Train a network on all rows with the features of some gates.

    Parameters
    ----------
    table : TrainingRows
    gates : boolean ndarray of shape (n_gates,)
        One at least.
    settings : NetworkSettings
    seed : int

    Returns
    -------
    TwoLayerNetwork
        In double precision, on the CPU.
    """
    columns = np.flatnonzero(gates[table.gate_of])
    chosen = replace(table, x=table.x[:, torch.as_tensor(columns)], gate_of=columns)
    network = settings.network(len(columns), seed).to(table.x.device)
    size = min(2 * settings.batch_size, len(table.y))
    sampler = PooledBatchSampler(
        table.codes, size, weights="size", seed=seed, num_replicas=1, rank=0
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=_REFIT_STEP, weight_decay=_REFIT_DECAY)
    trainer = HeteroTrainer(
        network,
        optimizer,
        settings.loss,
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1.0 - step / settings.refit_steps
        ),
    )
    trainer.fit(_Batches(chosen, sampler), steps=settings.refit_steps)
    network.requires_grad_(False)
    return network.double().cpu().eval()


def supports(gates: Floats) -> list[Bools]:
    """Return nested supports in the order of the gates, from the widest open one to all."""
    sizes, size = [], 1
    while size < len(gates):
        sizes.append(size)
        size = size + 1 if size < _ALL_UP_TO else math.ceil(_RATIO * size)
    rank = np.argsort(np.argsort(-gates, kind="stable"))
    return [rank < size for size in [*sizes, len(gates)]]
