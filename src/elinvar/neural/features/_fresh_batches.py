"""Endless fresh inputs with the labels of the paper's matrix problem."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from elinvar._base._check import check_choice, check_count
from elinvar.errors import DataError
from elinvar.sensing import SensingProblem

Order = Literal["random", "cyclic", "pooled"]


class FreshBatches:
    r"""Endless batches of fresh inputs with the labels of one environment.

    .. math:: x \sim N(0, I), \qquad y = x^\top (A^* + A^{(e)}) x + \sigma \varepsilon

    Going through them again gives the same batches.

    Parameters
    ----------
    problem : SensingProblem
        A* and the environments A^(e), finitely many.
    batch_size : int
        Inputs of a batch.
    order : {"random", "cyclic", "pooled"}
        Environments drawn, in turn, or one for each input.
    seed : int
        Of environments, inputs and noise.
    device : device
        Where the batches are made.

    Raises
    ------
    DataError
        If a value is out of its range, or there is a continuum of environments.

    Examples
    --------
    >>> from elinvar.neural import FreshBatches
    >>> from elinvar.sensing import SensingProblem
    >>> problem = SensingProblem.two_point(
    ...     dim=5, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ... )
    >>> x, y = next(iter(FreshBatches(problem, 10)))
    >>> x.shape, y.shape
    (torch.Size([10, 5]), torch.Size([10]))
    """

    def __init__(
        self,
        problem: SensingProblem,
        batch_size: int,
        *,
        order: Order = "random",
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        check_count("batch_size", batch_size)
        check_choice("order", order, ("random", "cyclic", "pooled"))
        if problem.truth is None or not problem.truth.law.finite:
            raise DataError("FreshBatches needs a problem with a list of environments.")
        self.order, self.batch_size, self.seed = order, batch_size, seed
        self.noise, self.device = problem.noise, torch.device(device)
        self.basis = self._tensor(problem.truth.basis)
        self.cores = self._tensor(problem.truth.cores)
        self.weights = self._tensor(problem.environment_weights)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator(self.device).manual_seed(self.seed)
        step, shape = 0, (self.batch_size, len(self.basis))
        while True:
            which = self._environments(step, generator)
            x = torch.randn(shape, generator=generator, device=self.device)
            # A* + A^(e) = B C_e B' with few columns: x' (A* + A^(e)) x = (x' B) C_e (x' B)'
            inside = x @ self.basis
            if self.order == "pooled":
                values = ((inside @ self.cores) * inside).sum(2)
                y = values.gather(0, which[None]).squeeze(0)
            else:
                y = ((inside @ self.cores[int(which)]) * inside).sum(1)
            if self.noise:
                y += self.noise * torch.randn(len(y), generator=generator, device=self.device)
            yield x, y
            step += 1

    def _environments(self, step: int, generator: torch.Generator) -> Tensor:
        if self.order == "cyclic":
            return torch.tensor(step % len(self.weights))
        count = self.batch_size if self.order == "pooled" else 1
        return torch.multinomial(self.weights, count, replacement=True, generator=generator)

    def _tensor(self, values: ArrayLike) -> Tensor:
        return torch.tensor(np.asarray(values), dtype=torch.float32, device=self.device)
