"""Dense networks: as they are trained, several at once, and as they are kept."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseModel:
    r"""A trained network of ReLU layers beside a linear map, in numpy.

    .. math:: f(x) = x^\top v + W_L \phi(\dots \phi(W_1 x + b_1) \dots) + b_L

    Attributes
    ----------
    layers : tuple of ((k, m) array, (m,) array)
        Weights and offsets.
    skip : (p, 1) array
        v.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    skip: Floats

    def predict(self, X: Floats) -> Floats:
        """Return outputs (n,) of rows (n, p).

        Parameters
        ----------
        X : (n, p) array
        """
        out = X
        for weight, offset in self.layers[:-1]:
            out = np.maximum(out @ weight + offset, 0.0)
        weight, offset = self.layers[-1]
        prediction: Floats = (out @ weight + offset + X @ self.skip)[:, 0]
        return prediction


class DenseNetworks(nn.Module):
    """Independent networks of one shape, each on rows of its own.

    Parameters
    ----------
    n_columns : int
        Inputs p.
    hidden : sequence of int
        Units of each ReLU layer; none: a linear model.
    copies : int
        Networks.
    generator : torch.Generator
        Draws the start: U(-1, 1) over the root of a layer's inputs.
    """

    def __init__(
        self,
        n_columns: int,
        hidden: Sequence[int],
        *,
        copies: int = 1,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        def start(*shape: int, inputs: int) -> nn.Parameter:
            drawn = torch.rand(copies, *shape, generator=generator)
            return nn.Parameter((2 * drawn - 1) / inputs**0.5)

        sizes = [n_columns, *hidden, 1]
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList([start(k, m, inputs=k) for k, m in pairs])
        self.offsets = nn.ParameterList([start(1, m, inputs=k) for k, m in pairs])
        self.skip = nn.Parameter(torch.zeros(copies, n_columns, 1))

    def features(self, x: Tensor) -> Tensor:
        """Return what the last hidden layer makes of rows (copies, n, p); them, without any."""
        for weight, offset in zip(self.weights[:-1], self.offsets[:-1], strict=True):
            x = torch.relu(torch.baddbmm(offset, x, weight))
        return x

    def head(self, features: Tensor, x: Tensor) -> Tensor:
        """Return outputs (copies, n) from the last hidden layer and the rows."""
        out = torch.baddbmm(self.offsets[-1], features, self.weights[-1])
        return torch.baddbmm(out, x, self.skip)[..., 0]

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (copies, n) of rows (copies, n, p)."""
        return self.head(self.features(x), x)

    def model(self) -> DenseModel:
        """Return the first network, in numpy."""

        def numbers(parameter: Tensor) -> Floats:
            return parameter.detach()[0].double().numpy()

        return DenseModel(
            layers=tuple(
                (numbers(weight), numbers(offset)[0])
                for weight, offset in zip(self.weights, self.offsets, strict=True)
            ),
            skip=numbers(self.skip),
        )


class Batches:
    """Rows drawn anew for each step, as many from every environment.

    Parameters
    ----------
    x : (n, p) array
    y : (n,) array
    codes : (n,) array of intp
        Environment of each row.
    size : int
        Rows of an environment in a step.
    generator : torch.Generator
    """

    def __init__(
        self,
        x: Floats,
        y: Floats,
        codes: NDArray[np.intp],
        size: int,
        generator: torch.Generator,
    ) -> None:
        order = np.argsort(codes, kind="stable")
        self.x = torch.as_tensor(x[order], dtype=torch.float32)
        self.y = torch.as_tensor(y[order], dtype=torch.float32)
        count = torch.as_tensor(np.bincount(codes))
        self._count, self._first = count[:, None], (count.cumsum(0) - count)[:, None]
        self._size, self._generator = size, generator

    @property
    def n_environments(self) -> int:
        """Environments."""
        return len(self._count)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return columns (E, size, p) and target (E, size)."""
        share = torch.rand(len(self._count), self._size, generator=self._generator)
        at = self._first + (share * self._count).long()
        return self.x[at], self.y[at]


def adam(parameters: Sequence[Tensor], step_size: float, decay: float) -> torch.optim.Adam:
    """Return Adam on parameters."""
    return torch.optim.Adam(parameters, lr=step_size, weight_decay=decay, fused=True)


def descend(optimizer: torch.optim.Adam, loss: Tensor) -> None:
    """Take a step on the optimiser's own parameters, and leave no gradient on others."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: these networks are too small for more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
