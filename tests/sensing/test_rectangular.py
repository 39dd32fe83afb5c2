"""Rectangular matrices: what they are, how they are measured, and how factors U V' learn them."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.sensing import HeteroSGD, PooledSGD, Rectangular, SensingProblem, solve
from elinvar.theory import convergence_steps


@pytest.fixture
def make_wide():
    def make(heterogeneity=6.0, **setting):
        plain = {"dim": 8, "columns": 13, "invariant_rank": 2, "spurious_rank": 2, "rng": 0}
        return SensingProblem.two_point(heterogeneity=heterogeneity, **(plain | setting))

    return make


@pytest.mark.parametrize("angle", [0.0, 0.4, [0.3, np.pi / 2]])
def test_a_rectangular_truth(make_wide, angle):
    problem = make_wide(invariant_eigenvalues=[2.0, 1.0], angle=angle)
    assert problem.shape == problem.invariant.shape == (8, 13)
    np.testing.assert_allclose(
        np.linalg.svd(problem.invariant, compute_uv=False), [2.0, 1.0, *[0.0] * 6], atol=1e-12
    )
    spurious = problem.pooled - problem.invariant
    np.testing.assert_allclose(
        np.linalg.svd(spurious, compute_uv=False)[:3], [1.0, 1.0, 0.0], atol=1e-12
    )
    left, _, right = np.linalg.svd(problem.invariant)
    there = left[:, :2].T @ np.linalg.svd(spurious)[0][:, :2]
    cosines = np.linalg.svd(there, compute_uv=False)
    np.testing.assert_allclose(
        sorted(cosines), sorted(np.sin(np.broadcast_to(angle, 2))), atol=1e-9
    )
    np.testing.assert_allclose(np.abs(problem.overlap), np.diag(np.sin(np.broadcast_to(angle, 2))))
    assert problem.spurious_matrices.shape == (2, 2, 2)
    assert right.shape == (13, 13)


def test_each_singular_value_is_learned_as_by_u_u_from_a_smaller_start(make_wide):
    """The sum and the difference of U and V are two symmetric factors, from alpha / sqrt(2)."""
    run = solve(make_wide(), HeteroSGD(step_size=0.1, batch_size=None), steps=400, rng=0)
    assert run.matrix.shape == (8, 13)
    assert run.error[-1] == pytest.approx(
        np.linalg.norm(run.matrix - make_wide().invariant), abs=1e-12
    )
    assert np.argmax(run.invariant_signal >= 0.95) == convergence_steps(1.0, 0.1, 1e-3 / 2**0.5)
    assert run.relative_error[-1] < 1e-6


def test_pooled_factors_and_the_matrix_itself_learn_the_pooled_part(make_wide):
    pooled = solve(make_wide(), PooledSGD(step_size=0.1, batch_size=None), steps=400, rng=0)
    assert pooled.pooled_error[-1] < 1e-6
    problem = make_wide()
    for truth, errors in ((problem.invariant, pooled.error), (problem.pooled, pooled.pooled_error)):
        assert errors[-1] == pytest.approx(np.linalg.norm(pooled.matrix - truth), abs=1e-9)
    # E |A* + A^(e) - A|^2 over fresh measurements: both spurious directions are 6 from their mean
    assert pooled.loss[-1] == pytest.approx(2 * 6.0**2)
    direct = HeteroSGD(step_size=0.02, batch_size=None, parameterization="direct")
    assert solve(make_wide(), direct, steps=600, rng=0).relative_error[-1] > 0.5


@pytest.mark.parametrize(("n", "size"), [(7, 1.0), (3, 0.1)])
def test_the_law_of_a_sum_of_measurements(n, size, smallest_p):
    law, noise = Rectangular(rows=3, columns=4), 0.5
    rng = np.random.default_rng(0)
    R = np.zeros((7, 7))
    R[:3, 3:] = size * rng.normal(size=(3, 4))
    R += R.T

    def plain():
        X = law.draw(rng, n, 7, np.float64)
        return law.average(X, law.apply(X, R) + noise * rng.standard_normal(n))

    views = [np.outer(R[0], R[:, 0]), rng.normal(size=(7, 7)), R]
    drawn = [
        [[np.vdot(G, view) for view in views] + [np.linalg.norm(G)] for G in sums]
        for sums in (
            [law.total(rng, R, n, noise) for _ in range(3000)],
            [plain() for _ in range(3000)],
        )
    ]
    assert smallest_p(*drawn) > 1e-3
    wrong = np.array(drawn[0]) * np.array([1, 1, 1, 1.1])
    assert smallest_p(wrong, drawn[1]) < 1e-6


def test_runs_agree_by_either_way(make_wide, smallest_p):
    problem, algorithm = make_wide(4.0, noise=0.2), HeteroSGD(step_size=0.05, batch_size=60)
    ends = {
        method: [
            [path.error[-1], path.invariant_signal[-1], path.loss[-1]]
            for path in (
                solve(problem, algorithm, steps=60, rng=seed, method=method) for seed in range(60)
            )
        ]
        for method in ("exact", "plain")
    }
    assert smallest_p(ends["exact"], ends["plain"]) > 1e-3


def test_finite_data_and_own_measurements(make_wide):
    problem = make_wide().sample(300, rng=0)
    assert problem.data.X.shape == (600, 8, 13)
    algorithm = HeteroSGD(step_size=0.05, batch_size=None)
    first = solve(problem, algorithm, steps=50, rng=0)
    own = SensingProblem.from_measurements(problem.data.X, problem.data.y, [0] * 300 + [1] * 300)
    assert own.shape == (8, 13)
    np.testing.assert_allclose(solve(own, algorithm, steps=50, rng=0).matrix, first.matrix)


def test_a_start_of_ones_own(make_wide):
    problem = SensingProblem.two_point(
        dim=12, invariant_rank=2, spurious_rank=1, heterogeneity=4.0, rng=0
    )
    algorithm, start = HeteroSGD(step_size=0.1, batch_size=50), 1e-3 * np.eye(12)
    for method in ("exact", "plain"):
        usual = solve(problem, algorithm, steps=30, rng=0, method=method, dtype="float64")
        same = solve(
            problem, algorithm, steps=30, rng=0, method=method, dtype="float64",
            start=start,
        )  # fmt: skip
        np.testing.assert_allclose(same.error, usual.error, rtol=1e-9)
        np.testing.assert_array_equal(start, 1e-3 * np.eye(12))
    for start, message in (
        (np.ones((3, 3)), r"start must be of shape \(12, k\); got \(3, 3\)"),
        (np.full((12, 1), np.nan), "start must be finite"),
    ):
        with pytest.raises(DataError, match=message):
            solve(problem, algorithm, steps=1, start=start)
    with pytest.raises(DataError, match=r"start must be of shape \(12, 3\)"):
        solve(
            problem,
            HeteroSGD(step_size=0.1, batch_size=9, width=3),
            steps=1,
            start=np.ones((12, 2)),
        )


def test_two_sided_factors_are_for_symmetric_matrices(make_wide):
    algorithm = HeteroSGD(step_size=0.1, batch_size=10, parameterization="symmetric")
    with pytest.raises(DataError, match="is for symmetric matrices"):
        solve(make_wide(), algorithm, steps=1)


def test_rectangular_matrices_along_an_axis():
    problem = SensingProblem.continuum(
        dim=6, columns=9, invariant_rank=1, rng=0,
        curve=lambda t: 1 + 9 * np.cos(2 * np.pi * t)[:, None],
    )  # fmt: skip
    assert problem.window_matrices(0.2).shape[1:] == (1, 1)
    for width in (0.0, 1.5, np.nan, "wide"):
        with pytest.raises(DataError, match=r"width must lie in \(0, 1\]"):
            problem.window_matrices(width)
    ends = {
        width: solve(
            problem,
            HeteroSGD(step_size=0.1, batch_size=None, order="window", window=width),
            steps=600,
            rng=0,
        ).relative_error[-1]
        for width in (0.1, 0.9)
    }
    assert ends[0.1] < 1e-6
    assert ends[0.9] > 0.3
