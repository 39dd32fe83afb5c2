"""One problem of the paper, small enough to draw every measurement."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from elinvar.sensing import SensingProblem


@pytest.fixture
def make_problem():
    """Return a function that makes a two-point problem, d = 12 unless said otherwise."""

    def make(**setting):
        plain = {"dim": 12, "invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 4.0, "rng": 0}
        return SensingProblem.two_point(**(plain | setting))

    return make


@pytest.fixture
def smallest_p():
    """Return a function that compares two samples (n, k) column by column."""

    def compare(first, second):
        columns = zip(np.transpose(first), np.transpose(second), strict=True)
        return min(ks_2samp(a, b).pvalue for a, b in columns)

    return compare
