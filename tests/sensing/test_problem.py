"""Problems are what they say: ranks, angles, laws of environments, data, and bad input."""

import numpy as np
import pytest
from scipy import stats

from elinvar.errors import DataError
from elinvar.sensing import HeteroSGD, SensingProblem, SparseSign

RANKS = {"dim": 20, "invariant_rank": 3, "spurious_rank": 2, "rng": 1}


def test_two_point_is_the_papers_problem():
    problem = SensingProblem.two_point(heterogeneity=6.0, **RANKS)
    values = np.linalg.eigvalsh(problem.invariant)
    np.testing.assert_allclose(values[-3:], 1.0)
    np.testing.assert_allclose(values[:-3], 0.0, atol=1e-12)
    spurious = problem.pooled - problem.invariant
    np.testing.assert_allclose(np.linalg.eigvalsh(spurious)[-2:], 1.0)
    np.testing.assert_allclose(problem.invariant @ spurious, 0.0, atol=1e-12)
    signs = [np.linalg.eigvalsh(S) for S in problem.spurious_matrices]
    np.testing.assert_allclose(signs, [[7.0, 7.0], [-5.0, -5.0]])
    np.testing.assert_allclose(problem.environment_weights, 0.5)


def test_signs_can_be_independent():
    problem = SensingProblem.two_point(heterogeneity=6.0, signs="independent", **RANKS)
    diagonals = {tuple(np.diag(S)) for S in problem.spurious_matrices}
    assert diagonals == {(7.0, 7.0), (7.0, -5.0), (-5.0, 7.0), (-5.0, -5.0)}


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, np.pi / 2])
@pytest.mark.parametrize(("invariant_rank", "spurious_rank"), [(3, 2), (2, 3)])
def test_the_angle_is_the_one_asked_for(angle, invariant_rank, spurious_rank):
    problem = SensingProblem.two_point(
        dim=20,
        invariant_rank=invariant_rank,
        spurious_rank=spurious_rank,
        heterogeneity=2.0,
        angle=angle,
        rng=0,
    )
    cosines = np.linalg.svd(problem.overlap, compute_uv=False)
    np.testing.assert_allclose(cosines[:2], np.sin(angle), atol=1e-12)
    truth = problem.truth
    size = truth.basis.shape[1]
    np.testing.assert_allclose(truth.basis.T @ truth.basis, np.eye(size), atol=1e-12)
    np.testing.assert_allclose(truth.frame.T @ truth.frame, np.eye(20), atol=1e-12)
    V = truth.spurious_basis
    for core, S in zip(truth.cores, problem.spurious_matrices, strict=True):
        whole = problem.invariant + V @ S @ V.T
        np.testing.assert_allclose(truth.basis @ core @ truth.basis.T, whole, atol=1e-12)


def test_a_general_symmetric_truth():
    problem = SensingProblem.two_point(
        heterogeneity=1.0, invariant_eigenvalues=[2.0, 1.0, -1.5], **RANKS
    )
    values = np.linalg.eigvalsh(problem.invariant)
    np.testing.assert_allclose([values[0], *values[-2:]], [-1.5, 1.0, 2.0])


@pytest.mark.parametrize(
    ("law", "expected"), [("uniform", stats.uniform(-1, 4)), ("gaussian", stats.norm(1, 2))]
)
def test_continuous_laws(law, expected):
    make = getattr(SensingProblem, law)
    common = make(heterogeneity=2.0, **RANKS)
    drawn = common.truth.law.draw(np.random.default_rng(0), 4000)
    first, second = drawn[:, 0, 0], drawn[:, 1, 1]
    assert stats.kstest(first, expected.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(common.truth.law.mean, np.eye(2), atol=1e-12)
    apart = make(heterogeneity=2.0, signs="independent", **RANKS)
    drawn = apart.truth.law.draw(np.random.default_rng(0), 4000)
    assert abs(np.corrcoef(drawn[:, 0, 0], drawn[:, 1, 1])[0, 1]) < 0.06
    representative = apart.spurious_matrices[:, 1, 1]
    assert stats.kstest(representative, expected.cdf).pvalue > 1e-3


def test_a_continuum_along_an_axis():
    def curve(t):
        return np.column_stack([1 + np.cos(2 * np.pi * t), t])

    problem = SensingProblem.continuum(dim=10, invariant_rank=1, curve=curve, rng=0)
    assert problem.spurious_rank == 2
    np.testing.assert_allclose(problem.truth.law.mean, np.diag([1.0, 0.5]), atol=1e-12)
    drawn = problem.truth.law.draw(np.random.default_rng(0), 500)
    np.testing.assert_allclose(drawn[:, 0, 0], 1 + np.cos(2 * np.pi * drawn[:, 1, 1]))


def test_a_list_of_environments_with_matrices():
    first, second = np.array([[2.0, 1.0], [1.0, 0.0]]), -np.eye(2)
    problem = SensingProblem.finite(
        dim=10, invariant_rank=1, values=[first, second], weights=[3, 1], rng=0
    )
    np.testing.assert_allclose(problem.environment_weights, [0.75, 0.25])
    V = problem.truth.spurious_basis
    mean = 0.75 * first + 0.25 * second
    np.testing.assert_allclose(problem.pooled - problem.invariant, V @ mean @ V.T, atol=1e-12)


@pytest.mark.parametrize("measurements", ["gaussian", "rank_one"])
def test_a_data_set_is_drawn_from_the_problem(measurements):
    problem = SensingProblem.two_point(
        dim=6, invariant_rank=1, spurious_rank=1, heterogeneity=2.0, noise=0.3, rng=0,
        measurements=measurements,
    )  # fmt: skip
    data = problem.sample(4000, rng=0).data
    assert data.names == ("0", "1")
    np.testing.assert_array_equal(data.offsets, [0, 4000, 8000])
    V = problem.truth.spurious_basis
    for e, S in enumerate(problem.spurious_matrices):
        rows = slice(data.offsets[e], data.offsets[e + 1])
        matrix = problem.invariant + V @ S @ V.T
        residual = data.y[rows] - problem.measurements.apply(data.X[rows], matrix)
        assert abs(residual.std() - 0.3) < 0.02
        assert abs(residual.mean()) < 0.02


def test_a_sample_of_a_continuum_has_its_own_environments():
    problem = SensingProblem.uniform(heterogeneity=2.0, **RANKS)
    sampled = problem.sample(50, rng=0, n_environments=7)
    assert len(sampled.data.names) == 7
    assert len(sampled.data.y) == 350


def test_own_measurements_are_sorted_by_environment():
    X = np.arange(6 * 4, dtype=float).reshape(6, 2, 2)
    problem = SensingProblem.from_measurements(X, np.arange(6.0), ["b", "a", "b", "a", "c", "b"])
    assert problem.data.names == ("a", "b", "c")
    np.testing.assert_array_equal(problem.data.y, [1, 3, 0, 2, 5, 4])
    np.testing.assert_array_equal(problem.data.X[0], X[1])
    with pytest.raises(DataError, match="truth behind your own measurements is not known"):
        _ = problem.invariant


def test_the_same_seed_gives_the_same_problem():
    first, second, other = (
        SensingProblem.two_point(heterogeneity=6.0, **(RANKS | {"rng": rng})) for rng in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.invariant, second.invariant)
    assert not np.allclose(first.invariant, other.invariant)


def test_theory_can_read_it():
    problem = SensingProblem.two_point(heterogeneity=6.0, **RANKS)
    assert problem.dim == 20
    assert problem.curvature == 1.0
    assert problem.noise == 0.0
    assert problem.overlap.shape == (3, 2)
    algorithm = HeteroSGD(step_size=0.1, batch_size=10)
    assert algorithm.sampling == "one"


TWO = {"dim": 10, "invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 1.0}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"invariant_rank": 11}, "need 13 dimensions to lie at an angle, but dim is 10"),
        ({"invariant_rank": 9}, "need 11 dimensions"),
        ({"invariant_rank": 0}, "invariant_rank must be an integer of at least 1; got 0"),
        ({"spurious_rank": 0}, "spurious_rank must be an integer of at least 1; got 0"),
        ({"dim": 2.5}, "dim must be an integer of at least 1; got 2.5"),
        ({"heterogeneity": np.nan}, "heterogeneity must be a finite number of at least 0"),
        ({"heterogeneity": np.inf}, "heterogeneity must be a finite number of at least 0"),
        ({"heterogeneity": -1.0}, "heterogeneity must be a finite number of at least 0"),
        ({"mean": np.nan}, "mean must be a finite number; got nan"),
        ({"angle": 2.0}, r"angle must lie between 0 \(orthogonal\) and pi/2"),
        ({"angle": np.nan}, "angle must lie between"),
        ({"noise": -0.1}, "noise must be a finite number of at least 0"),
        ({"signs": "mixed"}, "signs must be one of 'common', 'independent'; got 'mixed'"),
        ({"measurements": "cauchy"}, "measurements must be one of 'gaussian', 'goe'"),
        ({"invariant_eigenvalues": [1.0]}, "must be 2 finite numbers other than 0"),
        ({"invariant_eigenvalues": 0.0}, "must be 2 finite numbers other than 0"),
        ({"dim": 40, "spurious_rank": 13, "signs": "independent"}, r"2\^13 environments"),
        ({"spurious_rank": 10**9}, "1000000000 spurious directions need 1000000002 dimensions"),
        ({"heterogeneity": 1e300}, r"heterogeneity must be at most 1e\+100 in size; got 1e\+300"),
        ({"noise": 1e200}, r"noise must be at most 1e\+100 in size"),
        ({"angle": "steep"}, "angle must lie between"),
        ({"angle": [0.1, 0.2, 0.3]}, "one for each of the 2 spurious directions that can lean"),
        ({"angle": [0.1, -0.2]}, "angle must lie between"),
        ({"columns": 3}, "need 4 dimensions to lie at an angle, but columns is 3"),
        ({"columns": 0}, "columns must be an integer of at least 1"),
        ({"columns": 12, "invariant_eigenvalues": -1.0}, "singular values and must be above 0"),
        (
            {"columns": 12, "measurements": "goe"},
            "measured by measurements=\"gaussian\"; got 'goe'",
        ),
        ({"invariant_eigenvalues": "one"}, "invariant_eigenvalues must be numbers in an array"),
        ({"invariant_eigenvalues": 1e200}, "invariant_eigenvalues must be at most"),
        ({"measurements": ["goe"]}, "measurements must be one of 'gaussian', 'goe'"),
        ({"rng": "seed"}, "rng must be an integer of at least 0"),
        ({"rng": -1}, "rng must be an integer of at least 0"),
        ({"rng": np.random.RandomState(0)}, "rng must be an integer of at least 0"),
    ],
)
def test_bad_settings_are_one_clear_sentence(setting, message):
    with pytest.raises(DataError, match=message):
        SensingProblem.two_point(**(TWO | setting))


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([1.0, 2.0], None, "values must be eigenvalues of shape"),
        ([[1.0, 2.0], [3.0]], None, "values must be numbers in an array, with rows of one length"),
        ([["a"]], None, "values must be numbers in an array"),
        ([[1.0], [2.0]], "ab", "weights must be numbers in an array"),
        ([[1.0], [np.nan]], None, "values must be finite"),
        ([[[0.0, 1.0], [2.0, 0.0]]], None, "must be symmetric"),
        ([[1.0], [2.0]], [1.0], "weights must hold one number for each of the 2 environments"),
        ([[1.0], [2.0]], [0.0, 0.0], "weights must be finite, at least 0 and not all 0"),
    ],
)
def test_bad_lists_of_environments(values, weights, message):
    with pytest.raises(DataError, match=message):
        SensingProblem.finite(dim=10, invariant_rank=1, values=values, weights=weights)


def test_bad_curves_data_and_densities():
    with pytest.raises(DataError, match="curve must turn times of shape"):
        SensingProblem.continuum(dim=10, invariant_rank=1, curve=lambda t: t)
    with pytest.raises(DataError, match="What curve returns must be numbers in an array"):
        SensingProblem.continuum(dim=10, invariant_rank=1, curve=lambda t: "up")
    with pytest.raises(DataError, match="curve must be a function of times; got int"):
        SensingProblem.continuum(dim=10, invariant_rank=1, curve=3)
    with pytest.raises(DataError, match=r"density must lie in \(0, 1\]"):
        SparseSign(density=0.0)
    problem = SensingProblem.two_point(**TWO)
    with pytest.raises(DataError, match="n_samples must be an integer of at least 1"):
        problem.sample(0)
    with pytest.raises(DataError, match="is for continuous laws"):
        problem.sample(5, n_environments=3)
    with pytest.raises(DataError, match="n_environments must be an integer"):
        SensingProblem.uniform(**TWO).sample(5)
    with pytest.raises(DataError, match="has a finite data set already"):
        problem.sample(5, rng=0).sample(5)


@pytest.mark.parametrize(
    ("X", "y", "environments", "message"),
    [
        (np.ones((4, 2, 3, 2)), np.ones(4), None, r"X has the shape \(4, 2, 3, 2\)"),
        (np.ones(4), np.ones(4), None, r"X has the shape \(4,\)"),
        (np.ones((0, 2)), np.ones(0), None, "n and d at least 1"),
        (np.ones((4, 2)), np.ones(3), None, r"X has 4 measurements, but y has the shape \(3,\)"),
        (np.full((4, 2), np.nan), np.ones(4), None, "X and y must be finite"),
        (np.ones((4, 2)), [1, 2, np.inf, 4], None, "X and y must be finite"),
        (np.ones((4, 2)), np.ones(4), ["a"], "environments"),
        ([[1, 2], [3]], np.ones(2), None, "X must be numbers in an array, with rows of one length"),
        (np.ones((2, 2)), ["a", "b"], None, "y must be numbers in an array"),
        (np.ones((2, 2)), np.ones(2), [None, "b"], "label is missing in 1 row"),
        (np.ones((2, 2)), np.ones(2), [np.nan, 1.0], "label is missing in 1 row"),
    ],
)
def test_bad_measurements(X, y, environments, message):
    with pytest.raises(DataError, match=message):
        SensingProblem.from_measurements(X, y, environments)


def test_angles_may_differ_and_directions_be_shared():
    angles = [0.2, np.pi / 2, 0.0]
    problem = SensingProblem.two_point(
        dim=9, invariant_rank=4, spurious_rank=3, heterogeneity=2.0, angle=angles, rng=0
    )
    np.testing.assert_allclose(problem.overlap, np.eye(4, 3) * np.sin(angles), atol=1e-12)
    np.testing.assert_allclose(
        problem.truth.spurious_basis.T @ problem.truth.spurious_basis, np.eye(3), atol=1e-12
    )
    assert problem.truth.basis.shape == (9, 6)


def test_shared_directions_take_no_room_of_their_own():
    setting = {"invariant_rank": 4, "spurious_rank": 3, "heterogeneity": 2.0, "rng": 0}
    problem = SensingProblem.two_point(dim=5, angle=[np.pi / 2, np.pi / 2, 0.0], **setting)
    np.testing.assert_allclose(np.linalg.norm(problem.overlap, axis=0), [1, 1, 0], atol=1e-12)
    assert problem.truth.basis.shape == (5, 5)
    with pytest.raises(DataError, match="need 6 dimensions to lie at an angle, but dim is 5"):
        SensingProblem.two_point(dim=5, angle=[np.pi / 2, 1.0, 0.0], **setting)


@pytest.mark.parametrize(
    "make",
    [
        lambda **told: SensingProblem.two_point(**TWO, **told),
        lambda **told: SensingProblem.uniform(**TWO, **told),
        lambda **told: SensingProblem.gaussian(**TWO, **told),
        lambda **told: SensingProblem.finite(
            dim=4, invariant_rank=1, values=[[1.0], [-1.0]], **told
        ),
        lambda **told: SensingProblem.continuum(
            dim=4, invariant_rank=1, curve=lambda t: t[:, None], **told
        ),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(make):
    assert make(noise=0.5).noise == 0.5
    with pytest.raises(TypeError, match="unexpected keyword argument 'nosie'"):
        make(nosie=0.5)
