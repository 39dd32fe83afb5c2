"""A model in which whoever trusts the target's effects is misled in the next environment."""

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._known import (
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    check_positive,
    drawn_anew,
    numbered,
    stack,
)


def make_reversed(
    *,
    n_invariant: int = 5,
    n_spurious: int = 5,
    n_environments: int = 4,
    n_samples: int = 1000,
    spread: float = 0.5,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw spurious columns that help in every training environment and mislead in a new one.

    .. math::
        x \sim N(0, D_e^2), \qquad y = x\beta + N(0, 1), \qquad
        z_k = \theta_{ek} y + N(0, 1),

    with :math:`|\beta_j| \sim U(.5, 1.5)`, scales :math:`\log D_{ej} \sim N(0, .3^2)`, all signs
    random, and effects :math:`\theta_{ek} = \pm(1 +` ``spread`` :math:`\cdot\, U(-1, 1))` whose
    sign is the same in every training environment. In new environments it is turned round.

    Parameters
    ----------
    n_invariant, n_spurious : int, at least 1
        Columns of x and of z.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    spread : float, at least 0
        How much the spurious effects differ between environments; at 0 nothing in the training
        data tells x from z.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``support`` marks the columns of x; ``new_environments`` draws environments with reversed
        spurious effects.

    References
    ----------
    This library's own yardstick.

    Examples
    --------
    >>> make_reversed(n_samples=100, rng=0)
    KnownAnswer(reversed effects: 400 rows, 10 features, 4 environments, 5 invariant)
    """
    check_counts(n_samples=n_samples)
    check_counts(
        minimum=1, n_invariant=n_invariant, n_spurious=n_spurious, n_environments=n_environments
    )
    check_positive(spread=spread)
    rng = generator(rng)
    beta = rng.uniform(0.5, 1.5, n_invariant) * rng.choice([-1.0, 1.0], n_invariant)
    sign = rng.choice([-1.0, 1.0], n_spurious)

    def environment(n: int, rng: np.random.Generator, direction: float) -> Labelled:
        scale = np.exp(0.3 * rng.standard_normal(n_invariant))
        # direction -1: what helped in every training environment misleads as much in a new one
        theta = direction * sign * (1 + spread * rng.uniform(-1, 1, n_spurious))
        x = scale * rng.standard_normal((n, n_invariant))
        y = x @ beta + rng.standard_normal(n)
        z = y[:, None] * theta + rng.standard_normal((n, n_spurious))
        return np.hstack([x, z]), y

    sample = stack([environment(n_samples, rng, 1.0) for _ in range(n_environments)], "E")
    coef = np.concatenate([beta, np.zeros(n_spurious)])
    return KnownAnswer(
        name="reversed effects",
        **sample._asdict(),
        feature_names=numbered("x", n_invariant) + numbered("z", n_spurious),
        coef=coef,
        support=coef != 0,
        identified=spread > 0 and n_environments > 1,
        risk=1.0,
        _draw=drawn_anew(lambda n, rng: environment(n, rng, -1.0), n_environments),
        _oracle=lambda X: X @ coef,
    )
