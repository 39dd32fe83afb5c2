"""The nonlinear model on which adversarial invariance learning with networks was introduced."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from elinvar._base._check import check_choice, generator
from elinvar.datasets._known import (
    Floats,
    KnownAnswer,
    Labelled,
    Rng,
    Sample,
    check_counts,
    numbered,
    stack,
)

N_PARENTS, N_CHILDREN, N_OTHERS = 5, 4, 17
_WIDTH = 1.5
# the sine is drawn twice as often as each other curve
_CURVES: tuple[Callable[[Floats], Floats], ...] = (
    np.sin,
    np.sin,
    np.tanh,
    lambda x: np.maximum(x, 0.0),
    lambda x: x,
)


def make_fair(
    *,
    form: Literal["additive", "composite"] = "additive",
    n_samples: int = 1000,
    n_environments: int = 2,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw the nonlinear FAIR model: 26 features, five curved causes, four effects that turn.

    With :math:`u \sim U(-1.5, 1.5)`, independent, and :math:`\varepsilon \sim N(0, 1)`:

    .. math::
        x_j &= u_j, \quad y = f(x_1, \dots, x_5) + \varepsilon, \quad
        z_k = c_{ek} \tanh y + s_{ek} u, \\
        w_l &= \sum_{v \in P_l} a_{elv} h_{elv}(v) + t_{el} u.

    Additive: :math:`f = \sum_j f_j(x_j)`, each :math:`f_j` the sine (probability 2/5), tanh,
    positive part or identity. Composite: :math:`f = x_1 x_2^3 + 2 \log(1 + e^{\tanh x_3} + e^{x_4})
    + \sin x_5`. In the first environment :math:`c \sim U(-1.5, 1.5)`, in the others :math:`U(-5,
    5)`, more than 3 from the first one's. :math:`s \sim U(1, 1.5)`; :math:`P_l` are up to four
    draws from causes and effects, the same in all environments; :math:`a \sim U(-1, 1)`; h is the
    sine (2/3) or tanh; :math:`t \sim U(2, 2.5)`, in later environments :math:`U(2.5, 3)`.

    Parameters
    ----------
    form : {"additive", "composite"}
        What the target is of its causes.
    n_samples : int, at least 2
        Rows an environment.
    n_environments : int, at least 1
        The paper's are 2.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        Its ``new_environments`` are drawn as the second one is.

    References
    ----------
    Y. Gu, C. Fang, P. Bühlmann, J. Fan, "Causality pursuit from heterogeneous environments via
    neural adversarial invariance learning", Annals of Statistics 53 (2025), arXiv:2405.04715,
    section 5. The paper draws again where linear fits of environments are close, which is rare.

    Examples
    --------
    >>> make_fair(n_samples=100, rng=0)
    KnownAnswer(FAIR model, additive: 200 rows, 26 features, 2 environments, 5 invariant)
    """
    check_choice("form", form, ("additive", "composite"))
    check_counts(n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    rng = generator(rng)
    curves = [_CURVES[k] for k in rng.integers(5, size=N_PARENTS)]
    first = rng.uniform(-_WIDTH, _WIDTH, N_CHILDREN)
    parts = [rng.integers(N_PARENTS + N_CHILDREN, size=rng.integers(5)) for _ in range(N_OTHERS)]

    def mean(X: Floats) -> Floats:
        if form == "composite":
            curved = np.log(1 + np.exp(np.tanh(X[:, 2])) + np.exp(X[:, 3]))
            return np.asarray(X[:, 0] * X[:, 1] ** 3 + 2 * curved + np.sin(X[:, 4]))
        return np.asarray(sum(f(X[:, j]) for j, f in enumerate(curves)))

    def environment(n: int, rng: np.random.Generator, effects: Floats, later: bool) -> Labelled:
        u = rng.uniform(-_WIDTH, _WIDTH, (n, N_PARENTS + N_CHILDREN + N_OTHERS))
        y = mean(u) + rng.standard_normal(n)
        X = u.copy()
        effect = slice(N_PARENTS, N_PARENTS + N_CHILDREN)
        X[:, effect] = (
            effects * np.tanh(y)[:, None] + rng.uniform(1, 1.5, N_CHILDREN) * u[:, effect]
        )
        for column, part in enumerate(parts, N_PARENTS + N_CHILDREN):
            X[:, column] *= rng.uniform(2, 2.5) + 0.5 * later
            for source in part:
                curve = _CURVES[rng.integers(3)]
                X[:, column] += rng.uniform(-1, 1) * curve(X[:, source])
        return X, y

    def later(n: int, rng: np.random.Generator) -> Labelled:
        return environment(n, rng, np.array([_far_from(c, rng) for c in first]), True)

    def new(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        return stack([later(n, rng) for _ in range(k or n_environments)], "new")

    start = environment(n_samples, rng, first, False)
    sample = stack([start] + [later(n_samples, rng) for _ in range(n_environments - 1)], "E")
    return KnownAnswer(
        name=f"FAIR model, {form}",
        **sample._asdict(),
        feature_names=(
            *numbered("x", N_PARENTS),
            *numbered("z", N_CHILDREN),
            *numbered("w", N_OTHERS),
        ),
        coef=None,
        curved=True,
        support=np.arange(sample.X.shape[1]) < N_PARENTS,
        identified=n_environments > 1,
        risk=1.0,
        _draw=new,
        _oracle=mean,
    )


def _far_from(value: float, rng: np.random.Generator) -> float:
    """Draw from U(-5, 5), more than 3 from ``value``."""
    while True:
        drawn = float(rng.uniform(-5, 5))
        if abs(drawn - value) > 3:
            return drawn
