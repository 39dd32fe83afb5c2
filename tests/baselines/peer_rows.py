"""Data that the tests of peer methods share."""

import numpy as np


def rows(seed=0, n=(200, 300, 250), levels=True):
    """Three environments, three causes, two spurious columns; unequal sizes."""
    rng = np.random.default_rng(seed)
    place = np.repeat(["a", "b", "c", "d", "e", "f", "g", "h"][: len(n)], n)
    code = np.unique(place, return_inverse=True)[1]
    spread, strength = np.array([0.5, 1.0, 2.0, 1.5] * 2), np.array([2.0, 0.5, -1.0, 1.0] * 2)
    X = spread[code][:, None] * rng.normal(size=(len(place), 5)) + levels * 0.5 * code[:, None]
    y = 3.0 + X[:, :3] @ [1.0, -2.0, 0.5] + rng.normal(size=len(place))
    X[:, 3] = strength[code] * y + rng.normal(size=len(place))
    X[:, 4] = y + spread[code] * rng.normal(size=len(place))
    return X, y, place
