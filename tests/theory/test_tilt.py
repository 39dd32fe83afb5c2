"""What an angle costs, against runs and against limits that are known."""

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.sensing import HeteroSGD, SensingProblem, solve
from elinvar.theory import tilt_response


@pytest.mark.parametrize(("heterogeneity", "step"), [(7.0, 0.06), (6.0, 0.1)])
@pytest.mark.parametrize(("ranks", "leaning"), [((1, 1), 1), ((3, 2), 2)])
def test_small_angles_cost_their_multiple(heterogeneity, step, ranks, leaning):
    angle, ends = np.deg2rad(2.0), []
    for seed in range(8):
        problem = SensingProblem.two_point(
            dim=8, invariant_rank=ranks[0], spurious_rank=ranks[1], heterogeneity=heterogeneity,
            angle=angle, rng=seed,
        )  # fmt: skip
        run = solve(problem, HeteroSGD(step_size=step, batch_size=None), steps=4000, rng=seed)
        ends.append(np.median(run.relative_error[800:]))
    c = tilt_response([1 + heterogeneity, 1 - heterogeneity], step)
    said = np.sqrt(2 * leaning / ranks[0]) * c * angle
    assert np.median(ends) == pytest.approx(said, rel=0.08)


def test_without_heterogeneity_it_is_the_fixed_point():
    # z = (1 + h (s - sigma)) z + h s stands still at s / (sigma - s)
    assert tilt_response([0.25], 0.1) == pytest.approx(1 / 3, rel=1e-6)
    assert tilt_response([0.25, 0.25], 0.1, 0.5, weights=[1, 3]) == pytest.approx(1.0, rel=1e-6)


def test_where_there_is_no_stationary_state():
    assert tilt_response([3.0], 0.1) == np.inf


def test_bad_values():
    with pytest.raises(DataError, match="eigenvalue must be"):
        tilt_response([1.0, 2.0], 0.1, eigenvalue=0.0)


def test_unequal_angles_add_in_squares():
    angles, ends = np.deg2rad([4.0, 1.0, 0.0]), []
    for seed in range(8):
        problem = SensingProblem.two_point(
            dim=8, invariant_rank=3, spurious_rank=3, heterogeneity=7.0, angle=angles, rng=seed
        )
        run = solve(problem, HeteroSGD(step_size=0.06, batch_size=None), steps=4000, rng=seed)
        ends.append(np.median(run.relative_error[800:]))
    c = tilt_response([8.0, -6.0], 0.06)
    said = np.sqrt(2 / 3) * c * np.linalg.norm(angles)
    assert np.median(ends) == pytest.approx(said, rel=0.08)
