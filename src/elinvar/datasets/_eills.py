"""The twelve-variable model on which subset search over environments was introduced."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._known import (
    KnownAnswer,
    Labelled,
    Rng,
    Sample,
    check_counts,
    numbered,
    stack,
)

N_FEATURES = 12


@dataclass(frozen=True, kw_only=True)
class _Mechanism:
    """How x4 and x7 arise in an environment.

    x4 = (1 - curved) u4 + curved (u4^2 - 1); x7 = cause x3 + linear y + bent tanh(y) + u7.
    """

    curved: float
    cause: float
    linear: float
    bent: float


_TRAINING = (
    _Mechanism(curved=0.0, cause=0.5, linear=1.0, bent=0.0),
    _Mechanism(curved=1.0, cause=4.0, linear=0.0, bent=1.0),
)


def make_eills(*, n_samples: int = 1000, rng: Rng) -> KnownAnswer:
    r"""Draw the EILLS model: twelve features, two environments, three true causes.

    All :math:`u \sim N(0, 1)`, independent. Environment ``E0``: :math:`x_4 = u_4`,
    :math:`x_7 = .5 x_3 + y + u_7`; ``E1``: :math:`x_4 = u_4^2 - 1`,
    :math:`x_7 = 4 x_3 + \tanh y + u_7`. In both:

    .. math::
        x_1 &= u_1, \quad x_2 = \sin x_4 + u_2, \quad x_3 = \cos x_4 + u_3, \\
        x_5 &= \sin(x_3 + u_5), \quad x_{10} = 2.5 x_1 + 1.5 x_2 + u_{10}, \\
        y &= 3 x_1 + 2 x_2 - .5 x_3 + u_0, \quad x_6 = .8\, y\, u_6, \\
        x_8 &= .5 x_7 - y + x_{10} + u_8, \quad x_9 = \tanh x_7 + .1 \cos x_8 + u_9, \\
        x_{11} &= .4 (x_7 + x_8) u_{11}, \quad x_{12} = u_{12}.

    Parameters
    ----------
    n_samples : int, at least 2
        Rows an environment.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        Its ``new_environments`` draws the two interventions anew (this library's own choice):
        x4 is :math:`(1 - c) u_4 + c (u_4^2 - 1)` with :math:`c \sim U(0, 1)`, and
        :math:`x_7 = a x_3 + b y + d \tanh y + u_7` with :math:`a \sim U(-4, 4)` and
        :math:`b, d \sim U(-1, 1)`.

    References
    ----------
    J. Fan, C. Fang, Y. Gu, T. Zhang, "Environment invariant linear least squares", Annals of
    Statistics (2024), arXiv:2303.03092.

    Examples
    --------
    >>> make_eills(n_samples=100, rng=0)
    KnownAnswer(EILLS model: 200 rows, 12 features, 2 environments, 3 invariant)
    """
    check_counts(n_samples=n_samples)
    rng = generator(rng)
    sample = stack([_sample(mechanism, n_samples, rng) for mechanism in _TRAINING], "E")
    coef = np.zeros(N_FEATURES)
    coef[:3] = 3.0, 2.0, -0.5
    return KnownAnswer(
        name="EILLS model",
        **sample._asdict(),
        feature_names=numbered("x", N_FEATURES),
        coef=coef,
        support=coef != 0,
        risk=1.0,
        _draw=_new,
        _oracle=lambda X: X @ coef,
    )


def _new(n_samples: int, rng: np.random.Generator, n_environments: int | None) -> Sample:
    mechanisms = [
        _Mechanism(
            curved=rng.uniform(0, 1),
            cause=rng.uniform(-4, 4),
            linear=rng.uniform(-1, 1),
            bent=rng.uniform(-1, 1),
        )
        for _ in range(n_environments or len(_TRAINING))
    ]
    return stack([_sample(mechanism, n_samples, rng) for mechanism in mechanisms], "new")


def _sample(mechanism: _Mechanism, n: int, rng: np.random.Generator) -> Labelled:
    # u[0] is the noise of y, u[j] that of x_j; the order follows the causal graph
    u = rng.standard_normal((N_FEATURES + 1, n))
    x1 = u[1]
    x4 = (1 - mechanism.curved) * u[4] + mechanism.curved * (u[4] ** 2 - 1)
    x2 = np.sin(x4) + u[2]
    x3 = np.cos(x4) + u[3]
    x5 = np.sin(x3 + u[5])
    x10 = 2.5 * x1 + 1.5 * x2 + u[10]
    y = 3 * x1 + 2 * x2 - 0.5 * x3 + u[0]
    x6 = 0.8 * y * u[6]
    x7 = mechanism.cause * x3 + mechanism.linear * y + mechanism.bent * np.tanh(y) + u[7]
    x8 = 0.5 * x7 - y + x10 + u[8]
    x9 = np.tanh(x7) + 0.1 * np.cos(x8) + u[9]
    x11 = 0.4 * (x7 + x8) * u[11]
    return np.column_stack([x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, u[12]]), y
