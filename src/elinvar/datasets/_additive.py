"""An additive model of curved effects, each variable given by its columns in a spline basis."""

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._known import (
    Floats,
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    check_positive,
    drawn_anew,
    stack,
)

RANGE = 3.0
DEGREE = 3


def make_additive(
    *,
    n_parents: int = 3,
    n_children: int = 3,
    n_others: int = 3,
    n_environments: int = 5,
    n_samples: int = 1000,
    n_knots: int = 5,
    spread: float = 1.0,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a target that is a sum of curved functions of its parents, and their spline columns.

    .. math::
        x_1 &= s_{e1} N(0, 1), \quad x_j = a_{ej} x_{j-1} + s_{ej} N(0, 1), \quad
        y = \sum_j f_j(x_j) + N(0, 1), \\
        z_k &= 2 \theta_{ek} \tanh((y - m)/2) + N(0, 1), \quad w_l = s_{el} N(0, 1),

    with :math:`a \sim U(-.7, .7)`, :math:`\log s \sim N(0, .3^2)`, m the average of the
    coefficients of all :math:`f_j` times their number, and :math:`\theta_{ek} = \pm(1 +`
    ``spread`` :math:`N(0, 1))` whose sign goes with k. Each :math:`f_j` is a random cubic spline,
    with independent :math:`N(0, 2^2)` coefficients in the basis whose columns ``X`` holds, the last
    one 0: so the truth is linear in the columns.

    Every variable is given by ``n_knots + 1`` columns: the cubic B-splines with ``n_knots`` equally
    spaced knots from -3 to 3, constant beyond, without the last one (all together add up to 1).

    Parameters
    ----------
    n_parents, n_children, n_others : int, at least 1, 1 and 0
        Variables x, z and w.
    n_environments : int, at least 1
        Environments in the training data.
    n_samples : int, at least 2
        Rows an environment.
    n_knots : int, at least 2
        Knots of the basis.
    spread : float, at least 0
        Standard deviation of the factor on the target's effects.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        Columns are named ``x1:1, x1:2, ...``; ``groups`` says which belong together, and
        ``to_environments()`` treats them so. ``new_environments`` draws new scales and effects.

    References
    ----------
    This library's own yardstick. Basis: P. H. C. Eilers, B. D. Marx, "Flexible smoothing with
    B-splines and penalties", Statistical Science 11 (1996) 89-121.

    Examples
    --------
    >>> make_additive(n_samples=100, rng=0)
    KnownAnswer(additive model: 500 rows, 54 features, 5 environments, 18 invariant)
    """
    check_counts(n_samples=n_samples, n_knots=n_knots)
    check_counts(
        minimum=1, n_parents=n_parents, n_children=n_children, n_environments=n_environments
    )
    check_counts(minimum=0, n_others=n_others)
    check_positive(spread=spread)
    rng = generator(rng)
    width = n_knots + DEGREE - 2
    weights = 2 * rng.standard_normal((n_parents, width))
    sign = rng.choice([-1.0, 1.0], n_children)
    # the basis adds up to 1, so this is the average of sum_j f_j over its coefficients
    middle = float(weights.sum()) / (width + 1)

    def environment(n: int, rng: np.random.Generator) -> Labelled:
        scale = np.exp(0.3 * rng.standard_normal(n_parents + n_others))
        carry = rng.uniform(-0.7, 0.7, n_parents)
        theta = sign * (1 + spread * rng.standard_normal(n_children))
        noise = scale * rng.standard_normal((n, n_parents + n_others))
        x, w = noise[:, :n_parents], noise[:, n_parents:]
        for j in range(1, n_parents):
            x[:, j] += carry[j] * x[:, j - 1]
        basis = spline_columns(x, n_knots)
        y = basis @ weights.ravel() + rng.standard_normal(n)
        z = 2 * np.tanh((y - middle) / 2)[:, None] * theta + rng.standard_normal((n, n_children))
        return np.hstack([basis, spline_columns(np.hstack([z, w]), n_knots)]), y

    sample = stack([environment(n_samples, rng) for _ in range(n_environments)], "E")
    variables = [
        f"{letter}{j}"
        for letter, count in (("x", n_parents), ("z", n_children), ("w", n_others))
        for j in range(1, count + 1)
    ]
    coef = np.zeros(width * len(variables))
    coef[: weights.size] = weights.ravel()
    return KnownAnswer(
        name="additive model",
        **sample._asdict(),
        feature_names=tuple(f"{name}:{k}" for name in variables for k in range(1, width + 1)),
        coef=coef,
        support=np.arange(coef.size) < weights.size,
        identified=n_environments > 1 and spread > 0,
        risk=1.0,
        groups=np.repeat(np.arange(len(variables)), width),
        _draw=drawn_anew(environment, n_environments),
        _oracle=lambda X: X @ coef,
    )


def spline_columns(values: Floats, n_knots: int) -> Floats:
    """Return the cubic B-splines of every column, side by side, without each one's last."""
    from scipy.interpolate import BSpline

    step = 2 * RANGE / (n_knots - 1)
    knots = -RANGE + step * np.arange(-DEGREE, n_knots + DEGREE)
    inside = np.clip(values, -RANGE, RANGE)
    return np.hstack(
        [
            BSpline.design_matrix(column, knots, DEGREE).toarray()[:, :-1]
            for column in np.ascontiguousarray(inside.T)
        ]
    )
