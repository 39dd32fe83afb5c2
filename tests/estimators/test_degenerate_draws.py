"""Columns that are degenerate in some environments: an answer without NaN, or our own error."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantClassifier, InvariantRegressor, TransferRegressor, diagnose
from elinvar.environments import Environments
from elinvar.errors import ElinvarError

KINDS = {
    "plain": lambda x, e, some, y: x,
    "constant in some": lambda x, e, some, y: np.where(some, 1.5, x),
    "constant everywhere": lambda x, e, some, y: np.full_like(x, 5.0),
    "one environment": lambda x, e, some, y: (e == 0).astype(float),
    "of the environment": lambda x, e, some, y: np.sqrt(e + 1.0),
    "missing in some": lambda x, e, some, y: np.where(some, np.nan, x),
    "tiny in some": lambda x, e, some, y: np.where(some, 1e-170 * x, x),
    "tiny": lambda x, e, some, y: 1e-310 * x,
    "huge in some": lambda x, e, some, y: np.where(some, 1e150 * x, x),
    "far away in some": lambda x, e, some, y: np.where(some, 1e13 + x, x),
    "the target in some": lambda x, e, some, y: np.where(some, y, x),
    "binary, constant in some": lambda x, e, some, y: np.where(some, 1.0, x > 0),
}
TARGETS = [lambda y, e: y, lambda y, e: 1e13 + y, lambda y, e: 1e-170 * y, lambda y, e: y * (e > 0)]


def draw(seed):
    rng = np.random.default_rng(seed)
    n_environments, n = int(rng.integers(2, 5)), int(rng.choice([6, 12, 30]))
    e = np.repeat(np.arange(n_environments), n)
    x = rng.normal(size=(len(e), int(rng.integers(1, 4)))) * (1.0 + e[:, None])
    y = TARGETS[seed % 7 if seed % 7 < len(TARGETS) else 0](x[:, 0] + rng.normal(size=len(e)), e)
    some = np.isin(e, rng.choice(n_environments, rng.integers(1, n_environments + 1)))
    kinds = rng.choice(list(KINDS), x.shape[1])
    return pd.DataFrame({f"x{j}": KINDS[k](x[:, j], e, some, y) for j, k in enumerate(kinds)}), y, e


def said(make):
    """Return the words of a model; none if it was refused."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = make()
            return model if isinstance(model, str) else f"{model.explain()} {model.summary()}"
        except ElinvarError as error:
            return str(error)


@pytest.mark.filterwarnings("ignore::elinvar.errors.ElinvarWarning")
@pytest.mark.parametrize("part", range(6))
def test_degenerate_columns_end_in_an_answer_or_our_own_error(part):
    for seed in range(10 * part, 10 * part + 10):
        X, y, e = draw(seed)
        intercept = ("shared", "environment")[seed % 2]
        data = Environments.from_arrays(X.fillna(0.0), y, e)
        above = np.where(y > np.median(y), "high", "low")
        makers = [
            lambda: str(diagnose(data, intercept=intercept)),  # noqa: B023
            lambda: InvariantRegressor(intercept=intercept).fit_rows(data),  # noqa: B023
            lambda: InvariantClassifier().fit(X.fillna(0.0), above, environments=e),  # noqa: B023
        ]
        if seed % 20 == 0:
            makers.append(lambda: TransferRegressor().fit(X, y, environments=e))  # noqa: B023
        for make in makers:
            words = said(make)
            assert words and not re.search(r"\b(nan|inf)\b", words), (seed, words)


def test_targets_too_large_for_a_forecast_are_refused():
    X, e = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 3
    with pytest.raises(ElinvarError, match=r"target are too large.*a larger unit"):
        TransferRegressor().fit(X, 1e150 * X[:, 0], environments=e)
