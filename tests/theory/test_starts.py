"""From any start: which direction is learned when, and which never."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import escape_steps, start_amplitudes


def steps_of_the_matrix(sigma, eta, start):
    """Return steps of U <- U + eta (Sigma - U U') U until every eigenvalue is half learned."""
    U, scale = start.copy(), 1 / np.sqrt(sigma)
    for step in range(20_000):
        A = scale[:, None] * (U @ U.T) * scale
        if np.linalg.eigvalsh(A)[0] >= 0.5:
            return step
        U = U + eta * (np.diag(sigma) - U @ U.T) @ U
    return np.inf


@pytest.mark.parametrize("columns", [3, 4, 20])
@pytest.mark.parametrize("condition", [1.0, 5.0, 40.0])
def test_times_from_any_start(columns, condition):
    rng, eta = np.random.default_rng(0), 0.1
    sigma = np.geomspace(1.0, 1.0 / condition, 3)
    for _ in range(3):
        start = 1e-3 * rng.standard_normal((3, columns)) / np.sqrt(columns)
        own = start_amplitudes(start, sigma)
        said = max(escape_steps(s, eta, a) for s, a in zip(sigma, own, strict=True))
        assert steps_of_the_matrix(sigma, eta, start) == pytest.approx(said, rel=0.01)


def test_the_smallest_singular_value_is_not_the_start_of_the_slowest():
    """Rows of larger eigenvalues lie in the way; only with equal ones all rows count alike."""
    rng = np.random.default_rng(3)
    start = 1e-3 * rng.standard_normal((3, 3))
    least = np.linalg.svd(start, compute_uv=False)[-1]
    assert start_amplitudes(start, np.ones(3)).min() == pytest.approx(least)
    slowest = start_amplitudes(start, [3.0, 2.0, 1.0])[-1]
    # the diagonal of the triangle of a QR decomposition
    assert slowest == pytest.approx(abs(np.linalg.qr(start.T)[1][-1, -1]))
    assert slowest > 1.05 * least


def test_the_order_of_eigenvalues_does_not_matter():
    start = np.random.default_rng(0).standard_normal((3, 3))
    turned = start_amplitudes(start[::-1], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(turned[::-1], start_amplitudes(start, [3.0, 2.0, 1.0]))


def test_missed_directions_are_never_learned():
    start = np.random.default_rng(0).standard_normal((3, 3))
    # one row is a combination of the others
    start[1] = start[0] - 2 * start[2]
    assert start_amplitudes(start, [1.0, 1.0, 1.0]).min() == 0.0
    assert start_amplitudes(start, [3.0, 2.0, 1.0])[2] == 0.0
    assert start_amplitudes(start[:, :2], np.ones(3))[2] == 0.0
    assert escape_steps(1.0, 0.1, 0.0) == np.inf
    wider = np.hstack([start, [[0.1], [0.0], [0.0]]])
    assert start_amplitudes(wider, np.ones(3)).min() > 0.01


def test_bad_starts():
    for start, sigma in (([[1.0]], [1.0, 2.0]), ([1.0], [1.0]), ([[np.nan]], [1]), ([[1.0]], [-1])):
        with pytest.raises(DataError, match="a positive eigenvalue for each of its rows"):
            start_amplitudes(start, sigma)
    with pytest.raises(DataError, match="start must be real numbers; got complex ones"):
        start_amplitudes(np.array([[1.0 + 1.0j]]), [1.0])


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_eigenvalues_are_told_apart_in_any_unit(unit):
    start = np.array([[3.0, 4.0], [0.0, 1.0]])
    assert start_amplitudes(start, [2 * unit, unit]) == pytest.approx([5.0, 0.6])
    # equal but for rounding
    together = start_amplitudes(start, [unit, unit])
    assert start_amplitudes(start, [unit * (1 + 1e-8), unit]) == pytest.approx(together)
