"""Networks on the average risk and a penalty on how environments differ."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elinvar.neural.peers._dense import (
    Batches,
    DenseModel,
    DenseNetworks,
    adam,
    descend,
    one_thread,
)

Floats = NDArray[np.float64]

_FREE = 0.2


@dataclass(frozen=True, kw_only=True)
class NetworkTraining:
    """How a network is made and trained; `IRMNetworkRegressor` explains it.

    Parameters
    ----------
    hidden : tuple of int
        Units of each layer.
    n_steps, batch_size : int
        Steps of Adam, and rows of an environment in each.
    step_size, weight_decay : float
        Of Adam; the step falls to 0 linearly.
    """

    hidden: tuple[int, ...]
    n_steps: int
    batch_size: int
    step_size: float
    weight_decay: float


def train_network(
    x: Floats,
    y: Floats,
    codes: NDArray[np.intp],
    training: NetworkTraining,
    *,
    rule: Literal["irm", "coral"] | None = None,
    penalty: float = 0.0,
    seed: int,
) -> DenseModel:
    r"""Return a network trained on squared loss, as many rows from each environment.

    .. math:: \min_f\ \frac1E \sum_e E_e (y - f)^2 + \lambda P(f)

    "irm" has :math:`P = \frac1E \sum_e (E_e [2 (f - y) f])^2`, "coral" the mean squared difference,
    over pairs of environments, of means and of covariances of the last hidden layer. The penalty is
    on after the first fifth of the steps; where :math:`\lambda > 1`, all is divided by it.

    Parameters
    ----------
    x : (n, p) array
        Standardised columns.
    y : (n,) array
        Standardised target.
    codes : (n,) array of intp
        Environment of each row.
    training : NetworkTraining
    rule : {"irm", "coral"}, optional
        None: no penalty.
    penalty : float
        :math:`\lambda`.
    seed : int
    """
    generator = torch.Generator().manual_seed(seed)
    with one_thread():
        batches = Batches(x, y, codes, training.batch_size, generator)
        network = DenseNetworks(x.shape[1], training.hidden, generator=generator)
        optimizer = adam(list(network.parameters()), training.step_size, training.weight_decay)
        for step in range(training.n_steps):
            done = step / training.n_steps
            optimizer.param_groups[0]["lr"] = training.step_size * (1 - done)
            rows, target = batches.draw()
            flat = rows.reshape(1, -1, rows.shape[-1])
            hidden = network.features(flat)
            out = network.head(hidden, flat).reshape(target.shape)
            loss = (target - out).square().mean()
            if rule is not None and done >= _FREE:
                apart = (
                    _irm(out, target)
                    if rule == "irm"
                    else _coral(hidden.reshape(*target.shape, -1))
                )
                loss = (loss + penalty * apart) / max(1.0, penalty)
            descend(optimizer, loss)
        return network.model()


def _irm(out: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared slope of risks along a factor on the output, from (E, b)."""
    return (2 * (out - target) * out).mean(dim=1).square().mean()


def _coral(hidden: Tensor) -> Tensor:
    """Return how far apart means and covariances of environments are, from (E, b, m)."""
    mean = hidden.mean(dim=1)
    centred = hidden - mean[:, None, :]
    cov = centred.transpose(1, 2) @ centred / hidden.shape[1]
    # the mean over pairs of a squared difference is 2 E / (E - 1) times the variance
    E = len(hidden)
    scale = 2 * E / max(E - 1, 1)
    means, covs = (mean - mean.mean(dim=0)).square(), (cov - cov.mean(dim=0)).square()
    return scale * (means.mean() + covs.mean())
