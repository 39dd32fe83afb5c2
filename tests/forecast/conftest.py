"""Small samples that the tests of forecasts share."""

import json

import numpy as np
import pytest

from elinvar._base._reader import Reader
from elinvar.forecast import Columns, Sample


@pytest.fixture
def from_file():
    """Return what takes entries to how a model file gives them back."""
    return lambda entries: Reader(json.loads(json.dumps(entries)))


@pytest.fixture
def columns():
    """Two numbers, and one category of three levels."""
    return Columns(
        features=("a", "b", "c"),
        groups=np.array([0, 1, 2, 2, 2]),
        categorical=np.array([False, False, True]),
    )


@pytest.fixture
def curved(columns):
    """Return a maker of samples whose target bends, and whose environments differ in level."""

    def make(n=400, n_environments=5, seed=0, missing=0.0, n_classes=0):
        rng = np.random.default_rng(seed)
        codes = np.arange(n) % n_environments
        x = rng.normal(size=(n, 2))
        level = rng.integers(0, 3, n)
        y = np.abs(x[:, 0]) + 0.5 * x[:, 1] + (level == 1) + 0.1 * codes + 0.3 * rng.normal(size=n)
        X = np.column_stack([x, level[:, None] == np.arange(3)])
        X[rng.random(n) < missing, 0] = np.nan
        X[rng.random(n) < missing, 2:] = np.nan
        if n_classes:
            y = np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y) * 1.0
        return Sample(
            X=X, y=y, codes=codes, weight=np.ones(n), columns=columns, n_classes=n_classes
        )

    return make
