"""Curved causes, and consequences of the target whose mechanism may turn round elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice, generator
from elinvar.datasets._known import (
    Floats,
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    check_positive,
    drawn_anew,
    numbered,
    stack,
)

Changes = Literal["direction", "size", "noise", "inputs", "nothing", "target"]

CHANGES: Final[tuple[Changes, ...]] = ("direction", "size", "noise", "inputs", "nothing", "target")

N_CAUSES: Final = 4
N_CONSEQUENCES: Final = 3
_N_SIBLINGS: Final = 2

Curve = Callable[[Floats], Floats]


# each has about mean 0 and variance 1 where its argument is standard normal, and is flat or
# linear far out, so that a shifted input does not let one term run away with all the rest
CURVES: Final[Mapping[str, Curve]] = {
    "wave": lambda x: 1.4 * np.sin(2 * x),
    "step": lambda x: 1.3 * np.tanh(2 * x),
    "bowl": lambda x: (np.minimum(x**2, 6.0) - 1) / 1.3,
    "kink": lambda x: (np.abs(x) - 0.8) / 0.6,
    "hinge": lambda x: (np.maximum(x - 0.2, 0) - 0.3) / 0.5,
    "bump": lambda x: 3 * np.exp(-(x**2)) - 1.7,
}

_ANSWERS: Final[tuple[Curve, ...]] = (
    lambda u: u,
    lambda u: 1.3 * np.tanh(1.5 * u),
    lambda u: 0.7 * u + 0.3 * u * np.minimum(np.abs(u), 3.0),
)
"""How a consequence may answer to the target, always rising."""


@dataclass(frozen=True, kw_only=True)
class _Law:
    """What all environments have in common.

    Attributes
    ----------
    curves, amplitudes : of each cause
    products : (2,) array
        Coefficients of the products of causes 1 and 2, and 3 and 4.
    answers, signs, parents : of each consequence
        Its curve, the direction that is usual, and the cause that it also depends on.
    carried : (2,) array of int
        Cause behind each sibling.
    """

    curves: tuple[Curve, ...]
    amplitudes: Floats
    products: Floats
    answers: tuple[Curve, ...]
    signs: Floats
    parents: NDArray[np.intp]
    carried: NDArray[np.intp]

    def mean(self, x: Floats, factors: Floats | float = 1.0) -> Floats:
        """Return the mean of the target given its causes, (n,)."""
        terms = np.column_stack([curve(x[:, j]) for j, curve in enumerate(self.curves)])
        bent = np.tanh(x)
        products = np.column_stack([bent[:, 0] * bent[:, 1], bent[:, 2] * bent[:, 3]])
        mean: Floats = terms @ (self.amplitudes * factors) + 2.5 * products @ self.products
        return mean


def make_curved(
    *,
    changes: Changes = "direction",
    interacting: bool = False,
    turned: bool = False,
    classes: bool = False,
    n_environments: int = 5,
    n_samples: int = 500,
    noise: float = 1.0,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw curved effects of four causes, and columns that only seem to have some.

    .. math::
        y &= \sum_{j=1}^4 a_j f_j(x_j) + 2.5\,(c_1 t_1 t_2 + c_2 t_3 t_4) + N(0, \sigma^2),
            \qquad t_j = \tanh x_j, \\
        z_k &= \theta_{ek} h_k(y / 2) + \tfrac12 x_{\pi(k)} + s_{ek} N(0, 1), \qquad
        w_l = \sin(2 x_{\rho(l)}) + N(0, 1),

    with :math:`f_j` four of six curves (wave, step, bowl, kink, hinge, bump),
    :math:`|a_j| \sim U(.7, 1.3)`, :math:`c = \pm .4`, :math:`h_k` rising curves, and in each
    environment :math:`x_j \sim N(\mu_{ej}, d_{ej}^2)`, :math:`\mu_{ej} \sim N(0, .5^2)`,
    :math:`\log d_{ej} \sim N(0, .25^2)`. Three consequences z, two siblings w: nine columns.

    ``changes`` says what differs between environments besides the inputs x:

    ============= ===============================================================
    "direction"   :math:`\theta_{ek} = \pm U(-.3, 1)`: helps in most, turned in some
    "size"        :math:`\theta_{ek} = \pm U(.3, .9)`: the same sign in all
    "noise"       :math:`\theta_{ek} = \pm .6`, :math:`s_{ek} = \exp U(-1, 1)`; else s = 1
    "target"      as "direction", and :math:`a_j` is multiplied by :math:`1 + .4 N(0, 1)`
    "inputs"      nothing: z is caused by :math:`x_{\pi(k)}` alone (a control)
    "nothing"     not even the inputs differ (a control)
    ============= ===============================================================

    The sign of :math:`\theta` goes with k. New environments are drawn like the training ones, or
    turned: with the sign of every :math:`\theta_{ek}` opposite to the usual one, and the
    size U(.3, .9). What is trained on does not depend on ``turned``.

    Parameters
    ----------
    changes : {"direction", "size", "noise", "inputs", "nothing", "target"}
    interacting : bool
        Whether causes act mostly through each other (:math:`c = \pm 1.2`, a halved), and a
        consequence answers by the factor :math:`1 + .8 \tanh x_{\pi(k)}`.
    turned : bool
        Whether `new_environments` turns the consequences round; controls have none to turn.
    classes : bool
        Whether the target is a class: 1 with probability :math:`1/(1 + e^{-m})`, m the mean above
        (without noise); consequences then answer to :math:`\pm 2` in place of y.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    noise : float, at least 0
        :math:`\sigma`.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``support`` marks the causes, ``oracle`` is the target's mean (of a class, its probability)
        given them; ``coef`` is None. Nothing is invariant where the target's own effects vary.

    Raises
    ------
    DataError
        If an argument is out of range.

    References
    ----------
    This library's own yardstick.

    Examples
    --------
    >>> make_curved(n_samples=100, rng=0)
    KnownAnswer(curved effects, direction: 500 rows, 9 features, 5 environments, 4 invariant)
    """
    check_choice("changes", changes, CHANGES)
    check_counts(n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    check_positive(noise=noise)
    rng = generator(rng)
    law = _draw_law(rng, interacting=interacting)

    def environment(n: int, rng: np.random.Generator, turned: bool) -> Labelled:
        x = _causes(n, rng, shifted=changes != "nothing")
        factors = 1 + 0.4 * rng.standard_normal(N_CAUSES) if changes == "target" else 1.0
        mean = law.mean(x, factors)
        if classes:
            y = (rng.random(n) < _expit(mean)).astype(np.float64)
            told = 2 * y - 1
        else:
            y = mean + noise * rng.standard_normal(n)
            told = y / 2
        theta, scale = _mechanism(law, changes, rng, turned=turned)
        z = _consequences(law, x, told, theta, scale, interacting, rng)
        w = np.sin(2 * x[:, law.carried]) + rng.standard_normal((n, _N_SIBLINGS))
        return np.column_stack([x, z, w]), y

    sample = stack([environment(n_samples, rng, False) for _ in range(n_environments)], "E")
    holds = changes != "target"
    controls = changes in ("inputs", "nothing")
    return KnownAnswer(
        name=f"curved effects, {changes}" + ", classes" * classes,
        task="classification" if classes else "regression",
        **sample._asdict(),
        feature_names=numbered("x", N_CAUSES)
        + numbered("z", N_CONSEQUENCES)
        + numbered("w", _N_SIBLINGS),
        coef=None,
        curved=True,
        support=np.arange(sample.X.shape[1]) < N_CAUSES,
        invariance="none" if not holds else "everything" if changes == "nothing" else "columns",
        # in the controls all columns together predict as well, and hold as well
        identified=False if controls or not holds else None,
        risk=noise**2 if holds and not classes else None,
        _draw=drawn_anew(lambda n, rng: environment(n, rng, turned), n_environments),
        _oracle=_oracle(law, classes) if holds else None,
    )


def _draw_law(rng: np.random.Generator, *, interacting: bool) -> _Law:
    names = rng.permutation(list(CURVES))[:N_CAUSES]
    share = 0.5 if interacting else 1.0
    return _Law(
        curves=tuple(CURVES[name] for name in names),
        amplitudes=share * rng.uniform(0.7, 1.3, N_CAUSES) * rng.choice([-1.0, 1.0], N_CAUSES),
        products=(1.2 if interacting else 0.4) * rng.choice([-1.0, 1.0], 2),
        answers=tuple(_ANSWERS[k] for k in rng.integers(len(_ANSWERS), size=N_CONSEQUENCES)),
        signs=rng.choice([-1.0, 1.0], N_CONSEQUENCES),
        parents=rng.integers(N_CAUSES, size=N_CONSEQUENCES),
        carried=rng.integers(N_CAUSES, size=_N_SIBLINGS),
    )


def _causes(n: int, rng: np.random.Generator, *, shifted: bool) -> Floats:
    level = 0.5 * rng.standard_normal(N_CAUSES)
    scale = np.exp(0.25 * rng.standard_normal(N_CAUSES))
    x: Floats = rng.standard_normal((n, N_CAUSES))
    return level + scale * x if shifted else x


def _mechanism(
    law: _Law, changes: Changes, rng: np.random.Generator, *, turned: bool
) -> tuple[Floats, Floats]:
    """Return the effects of the target on its consequences, and the noise of these."""
    usual, size = rng.uniform(-0.3, 1.0, N_CONSEQUENCES), rng.uniform(0.3, 0.9, N_CONSEQUENCES)
    loud = np.exp(rng.uniform(-1, 1, N_CONSEQUENCES))
    one = np.ones(N_CONSEQUENCES)
    scale = loud if changes == "noise" else one
    if changes in ("inputs", "nothing"):
        return 0 * one, scale
    if turned:
        return -law.signs * (0.6 * one if changes == "noise" else size), scale
    theta = {"size": size, "noise": 0.6 * one}.get(changes, usual)
    return law.signs * theta, scale


def _consequences(
    law: _Law,
    x: Floats,
    told: Floats,
    theta: Floats,
    scale: Floats,
    interacting: bool,
    rng: np.random.Generator,
) -> Floats:
    parents = x[:, law.parents]
    answers = theta * np.column_stack([answer(told) for answer in law.answers])
    if interacting:
        answers *= 1 + 0.8 * np.tanh(parents)
    z: Floats = answers + 0.5 * parents + scale * rng.standard_normal(parents.shape)
    return z


def _oracle(law: _Law, classes: bool) -> Callable[[Floats], Floats]:
    def predict(X: Floats) -> Floats:
        mean = law.mean(X[:, :N_CAUSES])
        return _expit(mean) if classes else mean

    return predict


def _expit(values: Floats) -> Floats:
    found: Floats = 0.5 * (1 + np.tanh(values / 2))
    return found
