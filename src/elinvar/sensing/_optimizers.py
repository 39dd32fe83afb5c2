"""Update rules beside plain SGD: small interchangeable pieces, with the defaults of the field."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elinvar._base._check import check_number, is_number
from elinvar.errors import DataError
from elinvar.sensing._arrays import Floats


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """What all update rules share; use one of the others."""

    code: ClassVar[int] = 0
    # does a rotation of the factor's rows go through the rule unchanged?
    equivariant: ClassVar[bool] = True
    remembers: ClassVar[bool] = True

    def rule(self, step_size: float) -> Floats:
        """Return (code, step size, beta, second beta, epsilon), as the kernels read it."""
        values = [getattr(self, name, 0.0) for name in ("beta", "second_beta", "epsilon")]
        return np.array([float(self.code), step_size, *values])

    def __post_init__(self) -> None:
        for name in ("beta", "second_beta"):
            value = getattr(self, name, 0.0)
            if not (is_number(value) and 0.0 <= value < 1.0):
                raise DataError(f"{name} must lie in [0, 1); got {value!r}.")
        check_number("epsilon", getattr(self, "epsilon", 1.0), least=0.0, above=True)


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    r"""Plain steps: :math:`P \leftarrow P - \eta g`."""

    remembers: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    r"""Heavy ball: :math:`m \leftarrow \beta m + g,\ P \leftarrow P - \eta m`.

    Parameters
    ----------
    beta : float in [0, 1)
        How much of the last move is kept.

    References
    ----------
    B. T. Polyak (1964); the form of ``torch.optim.SGD``.
    """

    beta: float = 0.9
    code: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class Nesterov(Momentum):
    r"""Momentum that looks ahead: :math:`P \leftarrow P - \eta (g + \beta m)`.

    Parameters
    ----------
    beta : float in [0, 1)
        How much of the last move is kept.

    References
    ----------
    Y. Nesterov (1983); the form of ``torch.optim.SGD``.
    """

    code: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    r"""Each entry by its recent size: :math:`P \leftarrow P - \eta\, g / (\sqrt{v} + \epsilon)`.

    Parameters
    ----------
    second_beta : float in [0, 1)
        How much of v, the running mean of squares, is kept. 0: only the signs of the entries count
        (signSGD of J. Bernstein et al., 2018).
    epsilon : float > 0
        Keeps the quotient finite.

    References
    ----------
    T. Tieleman, G. Hinton (2012), lecture 6.5.
    """

    second_beta: float = 0.99
    epsilon: float = 1e-8
    code: ClassVar[int] = 3
    equivariant: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    r"""Momentum over root mean squares, both corrected for their start.

    Parameters
    ----------
    beta : float in [0, 1)
        How much of the running mean is kept.
    second_beta : float in [0, 1)
        How much of the running mean of squares is kept.
    epsilon : float > 0
        Keeps the quotient finite.

    References
    ----------
    D. P. Kingma, J. Ba (2015), "Adam: a method for stochastic optimization", Algorithm 1.
    """

    beta: float = 0.9
    second_beta: float = 0.999
    epsilon: float = 1e-8
    code: ClassVar[int] = 4
    equivariant: ClassVar[bool] = False
