"""Linear unit tests for invariance: three small problems that defeat many methods."""

from collections.abc import Callable
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Literal

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._known import (
    Floats,
    KnownAnswer,
    Labelled,
    Oracle,
    Rng,
    Sample,
    check_counts,
    numbered,
    random_rotation,
    stack,
)
from elinvar.errors import DataError

N_INVARIANT = 5
N_SPURIOUS = 5

_Sampler = Callable[[int, np.random.Generator], Labelled]


@dataclass(frozen=True, kw_only=True)
class _Example:
    """Training environments, the law of further ones, and what is known of the answer."""

    samplers: list[_Sampler]
    fresh: Callable[[np.random.Generator], _Sampler]
    oracle: Oracle  # of the five invariant columns
    risk: float
    coef: Floats | None = None


def make_linear_unit_test(
    example: Literal[1, 2, 3] = 1,
    *,
    n_environments: int = 3,
    n_samples: int = 10_000,
    rotated: bool = False,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw a linear unit test: five invariant columns, then five spurious ones.

    With :math:`\mathbf{1}` the vector of ones and environment :math:`e`:

    1. *Cause and effect of the target, unequal noise* (regression).
       :math:`x \sim N(0, \sigma_e^2 I)`, :math:`t = xA + N(0, \sigma_e^2 I)`,
       :math:`z = tB + N(0, I)`, :math:`y = t\mathbf{1}`; :math:`A, B` have independent
       :math:`N(0, 1)/5` entries, and :math:`\sigma = 0.1, 1.5, 2`.
    2. *Cows and camels* (classes). Signs :math:`(a, b) = (+,+), (+,-), (-,-), (-,+)` with
       probability :math:`ps, (1-p)s, p(1-s), (1-p)(1-s)`;
       :math:`x = 0.01\,(a\mathbf{1} + N(0, I/10))`, :math:`z = b\mathbf{1} + N(0, I/10)`,
       :math:`y = 1[x\mathbf{1} > 0]`; :math:`(p, s) = (.95, .3), (.97, .5), (.99, .7)`.
    3. *Small invariant margin* (classes). :math:`\mu_e \sim N(0, I)`. Class 0:
       :math:`x \sim N(.1\,\mathbf{1}, .01 I)`, :math:`z \sim N(\mu_e, .01 I)`; class 1 has both
       means negated.

    Parameters
    ----------
    example : {1, 2, 3}
        Which of the three problems.
    n_environments : int, at least 1
        Environments; beyond the third they are drawn as in the authors' code: in example 1
        :math:`\log_{10}\sigma_e \sim U(-2, 1)` (called a variance there, but used as a standard
        deviation), in example 2 :math:`p \sim U(.9, 1)` and :math:`s \sim U(.3, .7)`.
    n_samples : int, at least 2
        Rows an environment.
    rotated : bool
        Mix all ten columns by one random orthogonal matrix, the same in every environment (the
        reference's variants "1s" to "3s").
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        Its ``new_environments`` draws the reference's test data: new rows of the same environments,
        with the spurious columns permuted within each. If ``n_environments`` is given, the
        environments are unseen ones by the laws above, permuted too (this library's own addition).
        ``coef`` is given for example 1 alone. ``identified`` takes a rotated test to need more
        environments than spurious columns.

    Raises
    ------
    DataError
        If ``example`` or a count is none of those above.

    References
    ----------
    B. Aubin, A. Slowik, M. Arjovsky, L. Bottou, D. Lopez-Paz, "Linear unit-tests for invariance
    discovery", arXiv:2102.10867 (2021).

    Examples
    --------
    >>> make_linear_unit_test(1, n_samples=100, rng=0)
    KnownAnswer(linear unit test 1: 300 rows, 10 features, 3 environments, 5 invariant)
    """
    check_counts(n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    rng = generator(rng)
    makers = {1: _cause_and_effect, 2: _cows_and_camels, 3: _small_margin}
    if example not in makers:
        raise DataError(f"example is {example!r}; the linear unit tests are 1, 2 and 3.")
    known = makers[example](n_environments, rng)
    n_columns = N_INVARIANT + N_SPURIOUS
    rotation = random_rotation(n_columns, rng) if rotated else None

    def invariant(X: Floats) -> Floats:
        return (X if rotation is None else X @ rotation.T)[:, :N_INVARIANT]

    def draw(
        n: int, rng: np.random.Generator, samplers: list[_Sampler], test: bool
    ) -> list[Labelled]:
        parts = []
        for sampler in samplers:
            X, y = sampler(n, rng)
            # the reference's test rows: nothing spurious predicts any more
            if test:
                X[:, N_INVARIANT:] = rng.permutation(X[:, N_INVARIANT:])
            parts.append((X if rotation is None else X @ rotation, y))
        return parts

    def new(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        if k is None:
            return stack(draw(n, rng, known.samplers, True), "E")
        return stack(draw(n, rng, [known.fresh(rng) for _ in range(k)], True), "new")

    sample = stack(draw(n_samples, rng, known.samplers, False), "E")
    names = numbered("x", N_INVARIANT) + numbered("z", N_SPURIOUS)
    return KnownAnswer(
        name=f"linear unit test {example}{'s' if rotated else ''}",
        task="regression" if example == 1 else "classification",
        **sample._asdict(),
        feature_names=numbered("mix", n_columns) if rotated else names,
        coef=known.coef if known.coef is None or rotation is None else known.coef @ rotation,
        support=np.arange(n_columns) < N_INVARIANT,
        invariance="subspace" if rotated else "columns",
        identified=n_environments > (N_SPURIOUS if rotated else 1),
        risk=known.risk,
        rotation=rotation,
        _draw=new,
        _oracle=lambda X: known.oracle(invariant(X)),
    )


def _cause_and_effect(n_environments: int, rng: np.random.Generator) -> _Example:
    def drawn(rng: np.random.Generator) -> float:
        return float(10 ** rng.uniform(-2, 1))

    scales = [0.1, 1.5, 2.0][:n_environments]
    scales += [drawn(rng) for _ in range(n_environments - 3)]
    A = rng.standard_normal((N_INVARIANT, N_INVARIANT)) / N_INVARIANT
    B = rng.standard_normal((N_INVARIANT, N_SPURIOUS)) / N_INVARIANT

    def sampler(scale: float) -> _Sampler:
        def sample(n: int, rng: np.random.Generator) -> Labelled:
            x = scale * rng.standard_normal((n, N_INVARIANT))
            t = x @ A + scale * rng.standard_normal((n, N_INVARIANT))
            z = t @ B + rng.standard_normal((n, N_SPURIOUS))
            return np.hstack([x, z]), t.sum(axis=1)

        return sample

    beta = A.sum(axis=1)
    return _Example(
        samplers=[sampler(scale) for scale in scales],
        fresh=lambda rng: sampler(drawn(rng)),
        oracle=lambda x: x @ beta,
        risk=N_INVARIANT * float(np.mean(np.square(scales))),
        coef=np.concatenate([beta, np.zeros(N_SPURIOUS)]),
    )


def _cows_and_camels(n_environments: int, rng: np.random.Generator) -> _Example:
    def drawn(rng: np.random.Generator) -> tuple[float, float]:
        return rng.uniform(0.9, 1), rng.uniform(0.3, 0.7)

    settings = [(0.95, 0.3), (0.97, 0.5), (0.99, 0.7)][:n_environments]
    settings += [drawn(rng) for _ in range(n_environments - 3)]
    animals = np.array([1.0, 1.0, -1.0, -1.0])
    grounds = np.array([1.0, -1.0, -1.0, 1.0])

    def sampler(p: float, s: float) -> _Sampler:
        weights = [p * s, (1 - p) * s, p * (1 - s), (1 - p) * (1 - s)]

        def sample(n: int, rng: np.random.Generator) -> Labelled:
            kind = rng.choice(4, size=n, p=weights)
            noise = rng.standard_normal((n, N_INVARIANT + N_SPURIOUS)) / np.sqrt(10)
            x = 0.01 * (animals[kind, None] + noise[:, :N_INVARIANT])
            z = grounds[kind, None] + noise[:, N_INVARIANT:]
            return np.hstack([x, z]), (x.sum(axis=1) > 0).astype(float)

        return sample

    return _Example(
        samplers=[sampler(p, s) for p, s in settings],
        fresh=lambda rng: sampler(*drawn(rng)),
        oracle=lambda x: (x.sum(axis=1) > 0).astype(float),
        risk=0.0,
    )


def _small_margin(n_environments: int, rng: np.random.Generator) -> _Example:
    def sampler(center: Floats) -> _Sampler:
        means = np.concatenate([np.full(N_INVARIANT, 0.1), center])

        def sample(n: int, rng: np.random.Generator) -> Labelled:
            y = (np.arange(n) >= n // 2).astype(float)
            X = (1 - 2 * y)[:, None] * means + 0.1 * rng.standard_normal((n, means.size))
            return X, y

        return sample

    def fresh(rng: np.random.Generator) -> _Sampler:
        return sampler(rng.standard_normal(N_SPURIOUS))

    # log odds of class 1: both means over the variance, 2 * .1 / .01 = 20 a column
    return _Example(
        samplers=[fresh(rng) for _ in range(n_environments)],
        fresh=fresh,
        oracle=lambda x: 1 / (1 + np.exp(20 * x.sum(axis=1))),
        risk=erfc(sqrt(N_INVARIANT / 2)) / 2,
    )
