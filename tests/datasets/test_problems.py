"""What holds for every problem with a known answer, whichever generator draws it."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from elinvar.datasets import PROBLEMS, SUITES, KnownAnswer, Problem, make_problem
from elinvar.errors import DataError

Array = NDArray[np.float64]

# Their twins differ in size alone, or in their new environments.
SMALL = [
    problem
    for problem in PROBLEMS.values()
    if problem.name not in ("sparse-2000", "genes-64", "genes-107")
    and not ("-e10" in problem.name or problem.name.endswith("-turned"))
]
each_problem = pytest.mark.parametrize("problem", SMALL, ids=lambda problem: problem.name)


def error(problem: Problem, answer: Array, y: Array) -> float:
    if problem.task == "regression":
        return float(np.mean((answer - y) ** 2))
    return float(np.mean((answer > 0.5) != (y > 0.5)))


def worst_moment(data: KnownAnswer, X: Array, y: Array, environments: NDArray[np.str_]) -> float:
    """Largest |z| of the oracle's residual against 1 and the invariant columns, an environment."""
    everything = data.invariance == "everything"
    columns = X if everything else data.invariant_columns(X)
    columns = np.column_stack([np.ones(len(X)), columns])
    largest = 0.0
    for name in np.unique(environments):
        rows = environments == name
        score = (y[rows] - data.oracle(X[rows]))[:, None] * columns[rows]
        spread = score.std(axis=0) / np.sqrt(rows.sum())
        z = np.abs(score.mean(axis=0))[spread > 0] / spread[spread > 0]
        # rare columns (the end of a spline basis) are far from normal: too few rows to judge
        enough = (np.abs(columns[rows]) > 1e-6).sum(axis=0)[spread > 0] > 100
        largest = max(largest, float(z[enough].max(initial=0.0)))
    return largest


@each_problem
def test_one_shape_and_one_seed(problem: Problem) -> None:
    first, again, other = (problem.draw(seed, n_samples=60) for seed in (3, 3, 4))
    n, p = first.X.shape
    assert first.y.shape == first.environments.shape == (n,)
    assert first.support.shape == (p,) and first.support.any()
    assert len(set(first.feature_names)) == p
    assert first.task == problem.task
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)
    one, two = first.new_environments(20, 5), again.new_environments(20, np.random.default_rng(5))
    np.testing.assert_array_equal(one.X, two.X)
    many = first.new_environments(10, 1, n_environments=7)
    assert many.X.shape == (70, p) and np.unique(many.environments).size == 7
    assert np.isfinite(many.X).all() and np.isfinite(many.y).all()


@each_problem
def test_the_answer_is_whole(problem: Problem) -> None:
    data = problem.draw(0, n_samples=60)
    if data.task == "classification":
        assert data.coef is None and set(np.unique(data.y)) <= {0.0, 1.0}
    elif data.curved:
        assert data.coef is None
    else:
        assert data.coef is not None
        if data.rotation is None:
            np.testing.assert_array_equal(data.coef != 0, data.support)
    if data.rotation is not None:
        size = len(data.rotation)
        np.testing.assert_allclose(data.rotation @ data.rotation.T, np.eye(size), atol=1e-12)
    assert (data.rotation is not None) == (data.invariance == "subspace")
    if data.invariance in ("none", "everything"):
        assert data.identified is False
    if data.invariance == "none":
        assert data.risk is None
        with pytest.raises(
            DataError, match=r"no oracle for the .*: the target given its causes is not"
        ):
            data.oracle(data.X)
    else:  # Bayes' risk of curved classes has no closed form
        assert (data.risk is None) == (data.curved and data.task == "classification")
    assert data.curved == (problem.suite in ("curved", "curved-classes", "fair"))


@pytest.mark.parametrize(
    "problem",
    [
        p
        for p in SMALL
        if p.suite not in ("broken", "digits") and p.name not in ("eills-100", "curved-target")
    ],
    ids=lambda problem: problem.name,
)
def test_the_oracle_is_right_in_every_environment(problem: Problem) -> None:
    """Its residuals have mean zero given the invariant columns, in training and unseen data.

    About 20 to 400 z scores each, one seed: below 5 by chance in all but 1 of 4,000 problems.
    """
    data = problem.draw(11, n_samples=4000 if problem.name != "sparse-500" else 1000)
    new = data.new_environments(4000, 12, n_environments=3)
    assert worst_moment(data, data.X, data.y, data.environments) < 5
    assert worst_moment(data, new.X, new.y, new.environments) < 5
    if data.risk is None:  # it has no closed form
        return
    found = error(problem, data.oracle(data.X), data.y)
    assert found == pytest.approx(data.risk, rel=0.08, abs=1e-9)


@pytest.mark.parametrize(
    "name", ["unit-test-1", "eills-1000", "random-10", "random-shift", "chain-fou", "additive"]
)
def test_an_oracle_of_all_columns_would_be_wrong_somewhere(name: str) -> None:
    """The negative control of the test above: pooled least squares, given all columns, fails it."""
    data = make_problem(name, 11, n_samples=4000)
    X = np.column_stack([np.ones(len(data.X)), data.X])
    w = np.linalg.lstsq(X, data.y, rcond=None)[0]
    pooled = replace(data, _oracle=lambda X: w[0] + X @ w[1:], invariance="everything")
    assert worst_moment(pooled, data.X, data.y, data.environments) > 10


def disagreement(data: KnownAnswer, columns: NDArray[np.bool_] | tuple[int, ...]) -> float:
    """Largest |z| between two environments' least-squares coefficients on these columns."""
    fits, variances = [], []
    for e in np.unique(data.environments):
        rows = data.environments == e
        A = np.column_stack([np.ones(rows.sum()), data.X[rows][:, columns]])
        inverse = np.linalg.inv(A.T @ A)
        fits.append(inverse @ A.T @ data.y[rows])
        score = A * (data.y[rows] - A @ fits[-1])[:, None]
        variances.append(np.diag(inverse @ score.T @ score @ inverse))
    w, v = np.array(fits), np.array(variances)
    z = np.abs(w[:, None] - w) / np.sqrt(v[:, None] + v + 1e-30)
    return float(z.max())


def subsets(p: int) -> list[tuple[int, ...]]:
    return [s for k in range(p + 1) for s in combinations(range(p), k)]


@pytest.mark.parametrize("name", [p.name for p in SMALL if p.suite == "broken"])
def test_where_nothing_is_invariant_no_subset_of_columns_is(name: str) -> None:
    data = make_problem(name, 0, n_features=5, n_samples=15_000, in_degree=2)
    assert data.invariance == "none"
    assert min(disagreement(data, list(s)) for s in subsets(5)) > 6


@pytest.mark.parametrize("broken", [{"broken": "fixed_confounder"}, {"measurement_error": 1.0}])
def test_without_changing_levels_only_trivial_sets_are_left(broken) -> None:
    data = make_problem("random-10", 0, n_features=5, n_samples=40_000, in_degree=2, **broken)
    assert data.invariance == "trivial" and data.identified is False
    assert disagreement(data, []) < 4.5 and disagreement(data, data.support) > 6


@pytest.mark.parametrize("name", [p.name for p in SMALL if p.suite == "random"])
def test_where_identified_every_invariant_subset_predicts_worse(name: str) -> None:
    data = make_problem(name, 2, n_features=5, n_samples=15_000, in_degree=2, n_environments=6)
    assert data.identified and disagreement(data, data.support) < 4.5

    def residual(columns: list[int] | NDArray[np.intp]) -> float:
        A = np.column_stack([np.ones(len(data.X)), data.X[:, columns]])
        return float(np.linalg.lstsq(A, data.y, rcond=None)[1][0])

    truth = residual(np.flatnonzero(data.support))
    rivals = [
        list(s)
        for s in subsets(5)
        if data.support[list(s)].sum() < len(s) and residual(list(s)) < 0.999 * truth
    ]
    assert rivals and min(disagreement(data, s) for s in rivals) > 6


def test_every_suite_has_a_name_a_task_and_a_sentence() -> None:
    assert len(PROBLEMS) > 40 and len(SUITES) >= 10
    for name, problem in PROBLEMS.items():
        assert name == problem.name == name.lower() and " " not in name
        assert problem.suite in SUITES and problem.task in ("regression", "classification")
        assert problem.tests
    with pytest.raises(TypeError):
        PROBLEMS["mine"] = PROBLEMS["additive"]  # type: ignore[index]


def test_settings_of_a_call_go_before_the_problems_own() -> None:
    data = make_problem("unit-test-1-e10", 0, n_samples=20, n_environments=4)
    assert np.unique(data.environments).size == 4
    assert PROBLEMS["unit-test-1-e10"].settings["n_environments"] == 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_problem("unit-test-4", 0), "no problem 'unit-test-4'. Did you mean unit-te"),
        (lambda: make_problem("zzz", 0), "no problem 'zzz'. PROBLEMS has all names"),
        (lambda: make_problem("eills-100", 0, rows=3), "no setting 'rows'; it has n_samples"),
        (lambda: make_problem("eills-100", 0, n_samples=1), "n_samples must be .*got 1"),
    ],
)
def test_unknown_names_are_refused(call, message) -> None:
    with pytest.raises(DataError, match=message):
        call()
