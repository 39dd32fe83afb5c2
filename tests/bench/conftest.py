from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from elinvar.baselines import Baseline
from elinvar.bench import Case, Split
from elinvar.datasets import make_problem


class Shrunk(RegressorMixin, BaseEstimator):
    """Least squares through 0 on one column, times ``factor``; notes what it is given."""

    seen: ClassVar = []

    def __init__(self, factor=1.0, fails=False):
        self.factor = factor
        self.fails = fails

    def fit(self, X, y, environments=None):
        if self.fails or self.factor is None:
            raise ValueError("no such\nfactor")
        type(self).seen.append(frozenset(environments.tolist()))
        self.coef_ = self.factor * np.array([X[:, 0] @ y / (X[:, 0] @ X[:, 0])])
        return self

    def predict(self, X):
        return X[:, 0] * self.coef_[0]


@pytest.fixture
def shrunk():
    """Return a maker of toy methods; ``seen`` of the estimator lists the environments of fits."""
    Shrunk.seen = []

    def make(grid=(), default=1.0, **more):
        return Baseline(
            name=more.pop("name", "shrunk"),
            title="toy",
            estimator=Shrunk(factor=default),
            grid={"factor": tuple(grid)} if grid else {},
            **more,
        )

    return make


@pytest.fixture
def seen():
    return lambda: Shrunk.seen


def line_rows(slopes, n=40, seed=0, prefix="e"):
    """Return rows of y = slope x without noise, an environment a slope."""
    x = np.random.default_rng(seed).normal(size=(n * len(slopes), 1))
    names = np.repeat([f"{prefix}{k}" for k in range(len(slopes))], n)
    return Split(X=x, y=x[:, 0] * np.repeat(slopes, n), environments=names)


@pytest.fixture
def lines():
    return line_rows


@pytest.fixture
def case():
    """A case of one true slope, 2."""
    return Case(
        task="regression",
        train=line_rows((2.0, 2.0, 2.0)),
        test=line_rows((2.0, 2.0), seed=1, prefix="new"),
        known=make_problem("random-10", 0, n_samples=20),
        support=np.array([True]),
        coef=np.array([2.0]),
    )
