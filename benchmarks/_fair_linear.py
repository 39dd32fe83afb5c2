"""The linear example of FAIR's paper: a random graph whose target alone is linear."""

import numpy as np

Floats = np.ndarray

_CURVES = (
    lambda x: x,
    np.sin,
    lambda x: 1 / (1 + np.exp(-x)),
    np.cos,
    lambda x: np.sin(np.pi * x),
)


def draw(seed: int, n: int, n_features: int = 15) -> tuple[Floats, Floats, Floats, Floats]:
    """Return columns, target, environments and the target's coefficients; redrawn until biased.

    16 variables in causal order, the ninth the target with five or more causes, coefficients +-U(1,
    1.5), and five or six direct effects, coefficients +-U(.5, 1.5), in the two environments apart
    by .5 in size and in sign. Other variables have up to four causes, with curves and coefficients
    U(-1.5, 1.5) of each environment.
    """
    rng = np.random.default_rng(seed)
    while True:
        model = _model(rng, n_features + 1)
        X, y, _place = _sample(model, 50_000, rng)
        fit = np.linalg.lstsq(X, y, rcond=None)[0]
        if np.sum((fit - model[0]) ** 2) > 0.5:
            return *_sample(model, n, rng), model[0]


def _model(rng: np.random.Generator, size: int) -> tuple:
    target = size // 2
    edge = np.zeros((size, size), dtype=bool)
    for i in range(size):
        before = rng.permutation(i)
        edge[i, before[rng.random(i) < 0.4][:4]] = True
    effects = _resize(np.flatnonzero(edge[:, target]), np.arange(target + 1, size), 5, 6, rng)
    edge[:, target] = False
    edge[effects, target] = True
    causes = _resize(np.flatnonzero(edge[target]), np.arange(target), 5, target, rng)
    edge[target] = False
    edge[target, causes] = True
    coef = np.zeros(size)
    coef[causes] = rng.uniform(1, 1.5, len(causes)) * rng.choice([-1, 1], len(causes))
    base = rng.uniform(0.5, 1.5, len(effects)) * rng.choice([-1, 1], len(effects))
    mechanisms = []
    for _ in range(2):
        weight = np.where(edge, rng.uniform(-1.5, 1.5, edge.shape), 0)
        weight[target] = coef
        for child, first in zip(effects, base, strict=True):
            near = 0.0
            while abs(abs(near) - abs(first)) < 0.5 or near == 0.0:
                near = rng.uniform(0.5, 1.5) * rng.choice([-1, 1])
            weight[child, target] = near
        curve = rng.integers(5, size=edge.shape)
        curve[target] = 0
        noise = np.abs(rng.uniform(-1.5, 1.5, size)) + 0.5
        noise[target] = 1.0
        mechanisms.append((weight, curve, noise))
    return np.delete(coef, target), target, mechanisms


def _resize(
    chosen: Floats, pool: Floats, fewest: int, most: int, rng: np.random.Generator
) -> Floats:
    """Add members of the pool up to ``fewest``, or leave out members beyond ``most``."""
    rest = rng.permutation(np.setdiff1d(pool, chosen))
    return np.concatenate([rng.permutation(chosen), rest[: max(0, fewest - len(chosen))]])[:most]


def _sample(model: tuple, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    _, target, mechanisms = model
    columns, targets = [], []
    for weight, curve, noise in mechanisms:
        z = rng.standard_normal((n, len(noise))) * noise
        for i in range(len(noise)):
            for j in np.flatnonzero(weight[i]):
                z[:, i] += weight[i, j] * _CURVES[curve[i, j]](z[:, j])
        columns.append(np.delete(z, target, axis=1))
        targets.append(z[:, target])
    return np.vstack(columns), np.concatenate(targets), np.repeat(["E0", "E1"], n)
