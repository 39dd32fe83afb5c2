"""Every law has the moments that it states."""

import numpy as np
import pytest

from elinvar.sensing import (
    CentredRankOne,
    Gaussian,
    RankOne,
    SensingProblem,
    SparseSign,
    SymmetricGaussian,
)
from elinvar.sensing._measurements import pieces

LAWS = {
    law.name: law
    for law in (Gaussian(), SymmetricGaussian(), RankOne(), CentredRankOne(), SparseSign())
}


@pytest.fixture
def residual():
    rng = np.random.default_rng(4)
    R = rng.standard_normal((5, 5))
    return (R + R.T) / 2 + 0.3 * np.eye(5)


@pytest.mark.parametrize("name", LAWS)
def test_the_expected_step_is_that_of_the_draws(name, residual):
    law, n = LAWS[name], 400_000
    X = law.draw(np.random.default_rng(1), n, 5, np.float64)
    r = law.apply(X, residual)
    mean = law.average(X, r) / n
    np.testing.assert_allclose(mean, law.expected(residual), atol=0.12)
    np.testing.assert_allclose(mean, mean.T, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_apply_and_average_are_adjoint(name, residual):
    """<r, apply(X, R)> = <average(X, r), R>: what a gradient rests on."""
    law = LAWS[name]
    X = law.draw(np.random.default_rng(1), 7, 5, np.float64)
    r = np.random.default_rng(2).standard_normal(7)
    left = r @ law.apply(X, residual)
    assert np.isclose(left, (law.average(X, r) * residual).sum(), rtol=1e-12)


def test_only_gaussian_matrices_are_isotropic():
    assert {name for name, law in LAWS.items() if law.isotropic} == {"gaussian", "goe"}
    X = LAWS["goe"].draw(np.random.default_rng(0), 20_000, 3, np.float64)
    np.testing.assert_array_equal(X, X.transpose(0, 2, 1))
    np.testing.assert_allclose(X.var(axis=0), (1 + np.eye(3)) / 2, atol=0.03)


def test_sparse_signs_have_their_density():
    X = SparseSign(density=0.25).draw(np.random.default_rng(0), 3000, 6, np.float64)
    assert set(np.unique(X)) == {-2.0, 0.0, 2.0}
    assert abs((X != 0).mean() - 0.25) < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAWS)
def test_precision_is_kept(name, dtype, residual):
    law = LAWS[name]
    X = law.draw(np.random.default_rng(1), 4, 5, dtype)
    R = residual.astype(dtype)
    assert X.dtype == law.apply(X, R).dtype == law.expected(R).dtype == dtype


def test_pieces_fit_in_memory_and_add_up():
    sizes = pieces(Gaussian(), 100_001, 50)
    assert sum(sizes) == 100_001
    assert max(sizes) * 2500 <= 2**22
    assert pieces(Gaussian(), 2, 5000) == [1, 1]


def test_a_law_can_be_given_itself():
    law = SparseSign(density=0.5)
    place = {"dim": 5, "invariant_rank": 1, "spurious_rank": 1, "heterogeneity": 1.0}
    assert SensingProblem.two_point(measurements=law, **place).measurements is law
    named = SensingProblem.two_point(measurements="rank_one", **place).measurements
    assert named == RankOne()
