"""Products of small matrices, and the step that is made of them."""

import numpy as np
import pytest

from elinvar.sensing import HeteroSGD, solve
from elinvar.sensing.kernels import _product as kernel

SHAPES = [(1, 1), (2, 3), (6, 8), (7, 5), (16, 16), (23, 40), (50, 50), (61, 17), (96, 97)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_products_are_those_of_numpy(rows, columns, dtype):
    rng = np.random.default_rng(rows)
    T, W = (rng.standard_normal((n, columns)).astype(dtype) for n in (rows, columns))
    tolerance = {"rtol": 0, "atol": 60 * columns * np.finfo(dtype).eps}
    held = kernel.padded(T)
    square = np.full((held.shape[1], held.shape[1]), 7, dtype)  # what lies around is not read
    square[:columns] = 0
    square[:columns, :columns] = W
    out = np.full_like(held, np.nan)
    kernel.product(held, square, columns, out)
    np.testing.assert_allclose(out[:rows, :columns], T @ W, **tolerance)
    assert not out[rows:].any() and not out[:, columns:].any()

    triangle = np.full(kernel.padded_shape(columns, columns), np.nan, dtype)
    kernel.gram(held, rows, triangle)
    found = np.tril(triangle[:columns, :columns])
    np.testing.assert_allclose(
        found, np.tril(T.T @ T), **(tolerance | {"atol": 1e3 * tolerance["atol"]})
    )


def test_padded_rows_can_be_read_as_columns():
    for n in range(1, 200):
        rows, columns = kernel.padded_shape(n, n)
        assert n <= rows <= columns < n + 16
        assert rows % kernel.ROWS == 0


@pytest.mark.parametrize("batch_size", [300, None])
@pytest.mark.parametrize("width", [None, 23])
def test_the_step_by_triangles_is_the_step_on_whole_matrices(
    batch_size, width, make_problem, take_kernel
):
    problem = make_problem(noise=0.4)
    algorithm = HeteroSGD(
        step_size=0.05, batch_size=batch_size, width=width, init="gaussian", init_scale=0.3
    )
    take_kernel("triangle")
    small = solve(problem, algorithm, steps=40, rng=3, dtype="float64")
    take_kernel("wide")
    large = solve(problem, algorithm, steps=40, rng=3, dtype="float64")
    np.testing.assert_allclose(small.error, large.error, rtol=1e-11)
    np.testing.assert_allclose(small.matrix, large.matrix, atol=1e-11)
