"""Focused adversarial invariance regularisation of networks, on random gates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elinvar.neural.peers._dense import (
    Batches,
    DenseNetworks,
    adam,
    descend,
    one_thread,
)

Floats = NDArray[np.float64]

_FIRST_TEMPERATURE, _LAST_TEMPERATURE, _COOLING = 5.0, 0.05, 0.9
_FIRST_LOGIT = -1.0
_OPPONENT_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class FairSettings:
    """How FAIR's networks are made and trained; `FAIRNetworkRegressor` explains it.

    Parameters
    ----------
    penalty : float
    hidden, opponent_hidden : tuple of int
        Units of each layer of the predictor, and of each opponent.
    n_steps, batch_size : int
    step_size, gate_step, weight_decay : float
    """

    penalty: float
    hidden: tuple[int, ...]
    opponent_hidden: tuple[int, ...]
    n_steps: int
    batch_size: int
    step_size: float
    gate_step: float
    weight_decay: float


def fair_gates(
    x: Floats,
    y: Floats,
    codes: NDArray[np.intp],
    gate_of: NDArray[np.intp],
    settings: FairSettings,
    seed: int,
) -> Floats:
    """Return the probability that each gate is open, once predictor and opponents are trained.

    Parameters
    ----------
    x : (n, p) array
        Standardised columns.
    y : (n,) array
        Standardised target.
    codes : (n,) array of intp
        Environment of each row.
    gate_of : (p,) array of intp
        Gate of each column.
    settings : FairSettings
    seed : int

    Returns
    -------
    (n_gates,) array in [0, 1]
    """
    with one_thread():
        game = _Game(x, y, codes, gate_of, settings, seed)
        for temperature in _temperatures(settings.n_steps):
            game.step(temperature)
        return torch.sigmoid(game.logits.detach()).double().numpy()


def _temperatures(n_steps: int) -> Iterator[float]:
    ratio = _LAST_TEMPERATURE / _FIRST_TEMPERATURE
    for step in range(n_steps):
        yield _FIRST_TEMPERATURE * ratio ** min(1.0, step / (_COOLING * n_steps))


class _Game:
    """Predictor and gates against an opponent in each environment."""

    def __init__(
        self,
        x: Floats,
        y: Floats,
        codes: NDArray[np.intp],
        gate_of: NDArray[np.intp],
        settings: FairSettings,
        seed: int,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._generator, self._settings = generator, settings
        self._batches = Batches(x, y, codes, settings.batch_size, generator)
        self._gate_of = torch.as_tensor(gate_of)
        p, E = x.shape[1], self._batches.n_environments
        self._predictor = DenseNetworks(p, settings.hidden, generator=generator)
        self._opponents = DenseNetworks(p, settings.opponent_hidden, copies=E, generator=generator)
        self.logits = torch.full((int(gate_of.max()) + 1,), _FIRST_LOGIT, requires_grad=True)
        size, decay = settings.step_size, settings.weight_decay
        self._opponent_adam = adam(list(self._opponents.parameters()), size, decay)
        self._predictor_adam = adam(list(self._predictor.parameters()), size, decay)
        self._gate_adam = adam([self.logits], settings.gate_step, 0.0)

    def step(self, temperature: float) -> None:
        """Let the opponents take their steps, then predictor and gates one."""
        for _ in range(_OPPONENT_STEPS):
            with torch.no_grad():
                x, residual = self._play(temperature)
            descend(self._opponent_adam, -self._gain(x, residual))
        x, residual = self._play(temperature)
        loss = residual.square().mean() / 2 + self._settings.penalty * self._gain(x, residual)
        parameters = [*self._predictor.parameters(), self.logits]
        gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self._predictor_adam.step()
        self._gate_adam.step()

    def _play(self, temperature: float) -> tuple[Tensor, Tensor]:
        """Return gated columns (E, b, p) of new rows, and what the predictor leaves of y (E, b)."""
        x, y = self._batches.draw()
        uniform = torch.rand(len(self.logits), generator=self._generator).clamp(1e-7, 1 - 1e-7)
        # a difference of two Gumbel variables is logistic; as the temperature falls, the gate is
        # open with probability sigmoid(logit)
        gate = torch.sigmoid((self.logits + torch.logit(uniform)) / temperature)
        x = x * gate[self._gate_of]
        return x, y - self._predictor(x.reshape(1, -1, x.shape[-1])).reshape(y.shape)

    def _gain(self, x: Tensor, residual: Tensor) -> Tensor:
        f = self._opponents(x)
        gain: Tensor = (residual * f - f.square() / 2).mean()
        return gain
