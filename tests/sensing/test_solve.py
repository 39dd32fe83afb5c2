"""What runs lead to: the paper's claims, statuses, records, seeds and refusals."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.sensing import (
    SGD,
    Adam,
    HeteroSGD,
    Momentum,
    PooledGD,
    PooledSGD,
    RMSprop,
    SensingProblem,
    solve,
)

HETERO = HeteroSGD(step_size=0.1, batch_size=10**6)


@pytest.fixture(scope="module")
def paper():
    return SensingProblem.two_point(
        dim=50, invariant_rank=2, spurious_rank=2, heterogeneity=6.0, rng=0
    )


def test_hetero_sgd_recovers_the_invariant_part(paper):
    run = solve(paper, HETERO, steps=1500, rng=0)
    assert (run.status, run.method) == ("completed", "exact")
    assert run.relative_error[-1] < 0.02
    assert run.spurious_signal[-300:].mean() < 0.001 * run.invariant_signal[-300:].mean()


@pytest.mark.parametrize(
    "algorithm", [PooledSGD(step_size=0.1, batch_size=10**6), PooledGD(step_size=0.1)]
)
def test_pooled_training_ends_at_the_pooled_solution(paper, algorithm):
    run = solve(paper, algorithm, steps=1500, rng=0)
    assert run.pooled_error[-1] < 0.05
    assert abs(run.error[-1] - np.sqrt(2)) < 0.02
    assert abs(run.spurious_signal[-1] - 1) < 0.02


def test_the_matrix_itself_learns_associations(paper):
    """Averaged over steps the direct parameterisation is at the pooled solution, not at A*."""
    algorithm = HeteroSGD(step_size=0.1, batch_size=None, parameterization="direct")
    run = solve(paper, algorithm, steps=4000, rng=0)
    assert run.spurious_signal[1000:].mean() > 0.5
    # A <- A + eta (A_e - A) has the stationary variance eta / (2 - eta) Var A_e
    late = run.error[1000:] ** 2
    expected = 2 + 2 * 36 * 0.1 / 1.9
    assert abs(late.mean() / expected - 1) < 0.1


def test_one_environment_is_pooled():
    problem = SensingProblem.finite(dim=10, invariant_rank=1, values=[[2.0]], rng=0)
    hetero = solve(problem, HeteroSGD(step_size=0.1, batch_size=None), steps=50, rng=0)
    pooled = solve(problem, PooledGD(step_size=0.1), steps=50, rng=0)
    np.testing.assert_allclose(hetero.error, pooled.error, rtol=1e-12)


def test_a_gain_of_zero_is_pooled(make_problem):
    problem = make_problem()
    none = HeteroSGD(step_size=0.1, batch_size=None, gain=0.0)
    pooled = PooledSGD(step_size=0.1, batch_size=None)
    np.testing.assert_allclose(
        solve(problem, none, steps=80, rng=0).error,
        solve(problem, pooled, steps=80, rng=0).error,
        rtol=1e-12,
    )


def test_the_gain_suppresses_what_keeps_its_sign():
    problem = SensingProblem.finite(dim=10, invariant_rank=1, values=[[0.5], [1.5]], rng=0)
    start = {"step_size": 0.1, "batch_size": None, "init_scale": 1e-3}
    plain = solve(problem, HeteroSGD(**start), steps=2500, rng=0)
    gained = solve(problem, HeteroSGD(gain=12.0, **start), steps=2500, rng=0)
    assert plain.spurious_signal[-500:].mean() > 0.5
    assert gained.spurious_signal[-500:].mean() < 0.05
    assert abs(gained.invariant_signal[-1] - 1) < 0.05


def test_a_general_symmetric_truth_needs_two_sides():
    problem = SensingProblem.two_point(
        dim=12, invariant_rank=2, spurious_rank=1, heterogeneity=6.0, rng=0,
        invariant_eigenvalues=[1.0, -1.0],
    )  # fmt: skip
    two_sided = HeteroSGD(step_size=0.1, batch_size=None, parameterization="symmetric")
    one_sided = HeteroSGD(step_size=0.1, batch_size=None)
    assert solve(problem, two_sided, steps=1500, rng=0).relative_error[-1] < 0.02
    assert solve(problem, one_sided, steps=1500, rng=0).relative_error[-1] > 0.7


@pytest.mark.parametrize("method", ["exact", "plain"])
def test_divergence_is_a_result(method):
    problem = SensingProblem.two_point(
        dim=12, invariant_rank=2, spurious_rank=2, heterogeneity=30.0, rng=0
    )
    algorithm = replace(HETERO, batch_size=300)
    run = solve(problem, algorithm, steps=500, rng=0, method=method)
    assert run.status == "diverged"
    assert run.steps[-1] < 499
    assert len(run.steps) == len(run.error) == len(run.loss)
    assert np.isfinite(run.error).all()
    assert run.matrix is None
    assert "diverged" in repr(run)


@pytest.mark.parametrize("method", ["exact", "plain"])
@pytest.mark.parametrize("change", [{"step_size": 1e90}, {"gain": 1e90}, {"init_scale": 1e8}])
def test_a_run_that_diverges_at_once_keeps_its_start(make_problem, method, change):
    algorithm = HeteroSGD(**({"step_size": 0.1, "batch_size": 10} | change))
    run = solve(make_problem(), algorithm, steps=3, rng=0, method=method)
    assert (run.status, run.steps.tolist()) == ("diverged", [0])
    assert np.isfinite(run.error).all()
    assert repr(run).startswith("Trajectory: diverged after 0 steps")


def test_a_notebook_shows_some_of_the_steps(make_problem):
    run = solve(make_problem(), HETERO, steps=1, rng=0)
    assert repr(run).startswith("Trajectory: completed after 1 step (")
    longer = solve(make_problem(), HETERO, steps=500, rng=0)
    for shown, rows in ((run, 2), (longer, 8)):
        page = shown._repr_html_()
        assert " ".join(repr(shown).split()) in page
        assert page.count("<tr") == 1 + rows
        assert f"<td>{shown.steps[-1]}</td>" in page


def test_a_narrow_run_can_diverge():
    problem = SensingProblem.two_point(
        dim=40, invariant_rank=2, spurious_rank=2, heterogeneity=30.0, rng=0
    )
    run = solve(problem, HeteroSGD(step_size=0.1, batch_size=1000, width=4), steps=500, rng=0)
    assert run.status == "diverged"
    assert np.isfinite(run.error).all()


@pytest.mark.parametrize(("steps", "every"), [(10, 1), (10, 3), (10, 5), (7, 20), (2100, 700)])
@pytest.mark.parametrize("how", [{}, {"method": "plain"}])
def test_recorded_steps(make_problem, steps, every, how):
    if steps > 100 and how:
        return
    algorithm = HeteroSGD(step_size=0.05, batch_size=20)
    problem = make_problem()
    run = solve(problem, algorithm, steps=steps, rng=0, record_every=every, **how)
    expected = sorted({*range(0, steps, every), steps})
    assert run.steps.tolist() == expected
    full = solve(problem, algorithm, steps=steps, rng=0, **how)
    for name in (
        "invariant_signal",
        "spurious_signal",
        "residual",
        "error",
        "pooled_error",
        "loss",
    ):
        np.testing.assert_array_equal(getattr(run, name), getattr(full, name)[expected])


def test_signals_are_those_of_the_matrix(make_problem):
    problem = make_problem(angle=0.5)
    run = solve(
        problem, HeteroSGD(step_size=0.05, batch_size=100), steps=40, rng=0, dtype="float64"
    )
    A, truth = run.matrix, problem.truth
    U, B = truth.basis[:, :2], truth.basis[:, 2:]
    np.testing.assert_allclose(run.error[-1], np.linalg.norm(A - problem.invariant))
    np.testing.assert_allclose(run.pooled_error[-1], np.linalg.norm(A - problem.pooled))
    np.testing.assert_allclose(run.invariant_signal[-1], np.linalg.norm(U.T @ A @ U) / np.sqrt(2))
    np.testing.assert_allclose(run.spurious_signal[-1], np.linalg.norm(B.T @ A @ B) / np.sqrt(2))
    rest = A - U @ U.T @ A @ U @ U.T - B @ B.T @ A @ B @ B.T
    np.testing.assert_allclose(run.residual[-1], np.linalg.norm(rest))
    frame = run.to_frame()
    assert list(frame.columns) == [
        "step", "invariant_signal", "spurious_signal", "residual", "error", "pooled_error", "loss"
    ]  # fmt: skip
    assert len(frame) == 41


@pytest.mark.parametrize("measurements", ["gaussian", "rank_one", "rank_one_centred"])
def test_the_loss_is_the_expected_one(make_problem, measurements):
    problem = make_problem(dim=5, noise=0.5, measurements=measurements, angle=0.2)
    run = solve(
        problem, HeteroSGD(step_size=0.01, batch_size=500), steps=20, rng=0, dtype="float64"
    )
    law, rng, losses = problem.measurements, np.random.default_rng(0), []
    V = problem.truth.spurious_basis
    for S in problem.spurious_matrices:
        X = law.draw(rng, 300_000, 5, np.float64)
        r = law.apply(X, problem.invariant + V @ S @ V.T - run.matrix)
        losses.append(np.mean((r + 0.5 * rng.standard_normal(len(r))) ** 2))
    assert abs(np.mean(losses) / run.loss[-1] - 1) < 0.02


def test_a_finite_data_set_is_fitted():
    problem = SensingProblem.two_point(
        dim=8, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ).sample(15_000, rng=1)
    hetero = solve(problem, HeteroSGD(step_size=0.1, batch_size=None), steps=400, rng=0)
    assert (hetero.method, hetero.dtype) == ("plain", "float64")
    assert "finite data set" in hetero.reason
    assert hetero.relative_error[-1] < 0.12
    pooled = solve(problem, PooledGD(step_size=0.1), steps=400, rng=0)
    residual = problem.data.y - problem.measurements.apply(problem.data.X, pooled.matrix)
    np.testing.assert_allclose(pooled.loss[-1], np.mean(residual**2))
    # at the least-squares solution over factors the averaged gradient vanishes on the factor
    G = problem.measurements.average(problem.data.X, residual) / len(residual)
    assert np.linalg.norm(G @ pooled.matrix) < 1e-3 < np.linalg.norm(G)
    batches = solve(problem, HeteroSGD(step_size=0.05, batch_size=500), steps=50, rng=0)
    assert batches.loss[-1] != hetero.loss[-1]


def test_a_batch_larger_than_the_data_has_the_law_of_its_draws():
    problem = SensingProblem.two_point(
        dim=3, invariant_rank=1, spurious_rank=1, heterogeneity=2.0, rng=0
    ).sample(6, rng=1)
    rng = np.random.default_rng(2)
    X, y = problem.data.X, problem.data.y

    def gradients(batch):
        algorithm = PooledSGD(
            step_size=1.0, batch_size=batch, parameterization="direct", init_scale=1e-9
        )
        return np.array(
            [solve(problem, algorithm, steps=1, rng=rng).matrix.ravel() for _ in range(4000)]
        )

    each = np.array([problem.measurements.average(X[i : i + 1], y[i : i + 1]) for i in range(12)])
    each = each.reshape(12, 9)
    for batch in (12, 13, 60):  # rows are drawn, then counted
        G = gradients(batch)
        spread = each.var(axis=0) / batch
        off = np.abs(G.mean(axis=0) - each.mean(axis=0)) / np.sqrt(spread / 4000)
        assert off.max() < 4.5
        # the standard error of a variance of 4,000 draws is 2.3%
        np.testing.assert_allclose(G.var(axis=0), spread, rtol=0.12)


@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_own_measurements_have_a_loss_and_no_truth(gain):
    source = SensingProblem.two_point(
        dim=6, invariant_rank=1, spurious_rank=1, heterogeneity=2.0, rng=0
    ).sample(300, rng=1)
    data = source.data
    labels = np.repeat(data.names, np.diff(data.offsets))
    own = SensingProblem.from_measurements(data.X, data.y, labels)
    algorithm = HeteroSGD(step_size=0.05, batch_size=100, gain=gain)
    run = solve(own, algorithm, steps=30, rng=3)
    same = solve(source, algorithm, steps=30, rng=3)
    np.testing.assert_allclose(run.matrix, same.matrix, rtol=1e-12)
    np.testing.assert_allclose(run.loss, same.loss, rtol=1e-12)
    assert run.error is None
    assert "loss" in repr(run)
    assert list(run.to_frame().columns) == ["step", "loss"]


def test_own_data_can_diverge():
    own = SensingProblem.from_measurements(np.ones((4, 2)), np.ones(4), [0, 0, 1, 1])
    run = solve(own, HeteroSGD(step_size=50.0, batch_size=None, init_scale=1.0), steps=100, rng=0)
    assert run.status == "diverged"


@pytest.mark.parametrize("law", ["rank_one", "rank_one_centred", "sparse_sign"])
def test_other_laws_take_the_plain_step(make_problem, law):
    problem = make_problem(dim=6, measurements=law)
    run = solve(problem, HeteroSGD(step_size=0.01, batch_size=20), steps=5, rng=0)
    assert run.method == "plain"
    assert "not Gaussian in law" in run.reason
    with pytest.raises(DataError, match='method="exact" has no law here'):
        solve(problem, HETERO, steps=5, rng=0, method="exact")


def test_order_of_environments(make_problem):
    """In turn, an even number of steps is the square of one fixed product."""
    problem = make_problem(heterogeneity=6.0)
    cyclic = HeteroSGD(step_size=0.1, batch_size=None, order="cyclic", init_scale=1e-3)
    run = solve(problem, cyclic, steps=40, rng=0)
    factors = (1 + 0.1 * 7) * (1 - 0.1 * 5)
    expected = 1e-6 * factors ** (2 * np.arange(0, 21))
    np.testing.assert_allclose(run.spurious_signal[::2], expected, rtol=1e-3)
    blocks = HeteroSGD(step_size=0.1, batch_size=None, order="blocks", block=5, init_scale=1e-12)
    ratio = np.diff(np.log(solve(problem, blocks, steps=40, rng=0).spurious_signal))
    changes = np.flatnonzero(np.abs(np.diff(ratio)) > 0.5) + 1
    assert len(changes)
    assert set(changes % 5) == {0}


def test_the_same_seed_gives_the_same_numbers_in_any_thread(make_problem):
    problem = make_problem(dim=40)

    def run(seed):
        return solve(problem, HeteroSGD(step_size=0.1, batch_size=100), steps=60, rng=seed).error

    alone = [run(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, range(8)))
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(alone[0], alone[1])


def test_recording_and_chunks_do_not_change_a_run(make_problem, monkeypatch):

    problem = make_problem()
    algorithm = HeteroSGD(step_size=0.05, batch_size=None, optimizer=Momentum(beta=0.5))
    whole = solve(problem, algorithm, steps=100, rng=0)
    monkeypatch.setattr("elinvar.sensing._exact.MOST_STEPS", 7)
    parts = solve(problem, algorithm, steps=100, rng=0, record_every=9)
    np.testing.assert_array_equal(whole.matrix, parts.matrix)
    np.testing.assert_array_equal(whole.error[parts.steps], parts.error)


def test_precision_is_chosen_and_said(paper):
    assert solve(paper, HETERO, steps=2, rng=0).dtype == "float32"
    assert solve(paper, PooledGD(step_size=0.1), steps=2, rng=0).dtype == "float64"


def test_threads_of_blas_are_given_back(make_problem):
    from threadpoolctl import threadpool_info

    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    solve(make_problem(), HETERO, steps=2, rng=0)
    assert threads() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: HeteroSGD(step_size=0.0, batch_size=5),
            "step_size must be a finite number above 0",
        ),
        (lambda: HeteroSGD(step_size=np.inf, batch_size=5), "step_size must be a finite number"),
        (lambda: HeteroSGD(step_size="big", batch_size=5), "step_size must be a finite number"),
        (lambda: HeteroSGD(step_size=0.1, batch_size=0), "batch_size must be an integer of at"),
        (lambda: PooledSGD(step_size=0.1, batch_size=2.5), "batch_size must be an integer of at"),
        (lambda: HeteroSGD(step_size=0.1, batch_size=5, width=0), "width must be an integer of"),
        (lambda: PooledGD(step_size=0.1, init_scale=-1.0), "init_scale must be a finite number"),
        (lambda: PooledGD(step_size=0.1, init="zero"), "init must be one of 'identity'"),
        (lambda: HeteroSGD(step_size=0.1, batch_size=5, gain=np.nan), "gain must be a finite"),
        (lambda: HeteroSGD(step_size=0.1, batch_size=5, order="up"), "order must be one of"),
        (lambda: HeteroSGD(step_size=0.1, batch_size=5, block=3), 'block=3 needs order="blocks"'),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, order="window"),
            r'window must lie in \(0, 1\] with order="window"; got None',
        ),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, order="markov", stay=1),
            r'stay must lie in \[0, 1\) with order="markov"; got 1',
        ),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, order="drift", speed=0),
            r'speed must lie in \(0, 1\) with order="drift"; got 0',
        ),
        (lambda: HeteroSGD(step_size=0.1, batch_size=5, stay=0.5), 'stay=0.5 needs order="markov"'),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, environments=0),
            "environments must be an integer of at least 1",
        ),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, environments=2, order="cyclic"),
            'environments=2 needs order="random"; got',
        ),
        (
            lambda: HeteroSGD(step_size=0.1, batch_size=5, environments=6),
            "A batch of 5 cannot be shared by 6 environments",
        ),
        (
            lambda: PooledGD(step_size=0.1, parameterization="direct", width=3),
            "trains the matrix itself and has no width",
        ),
        (lambda: PooledGD(step_size=0.1, parameterization="both"), "parameterization must be one"),
        (lambda: PooledGD(step_size=0.1, optimizer="adam"), "optimizer must be one of elinvar"),
        (lambda: Momentum(beta=1.0), r"beta must lie in \[0, 1\)"),
        (lambda: Momentum(beta="big"), r"beta must lie in \[0, 1\); got 'big'"),
        (lambda: RMSprop(second_beta=-0.1), r"second_beta must lie in \[0, 1\)"),
        (lambda: Adam(epsilon=0.0), "epsilon must be a finite number above 0"),
    ],
)
def test_bad_algorithms_are_one_clear_sentence(make, message):
    with pytest.raises(DataError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be an integer of at least 1"),
        ({"record_every": 0}, "record_every must be an integer of at least 1"),
        ({"dtype": "float16"}, "dtype must be one of 'auto', 'float32', 'float64'"),
        ({"method": "fast"}, "method must be one of 'auto', 'plain', 'exact'"),
        ({"rng": "seed"}, "rng must be an integer of at least 0"),
        (
            {"algorithm": HeteroSGD(step_size=0.1, batch_size=5, init_scale=1e12)},
            r"init_scale=1e\+12 is too large for float32",
        ),
        ({"problem": 3}, "problem must be a SensingProblem; got int"),
        ({"algorithm": SGD()}, "algorithm must be HeteroSGD, PooledSGD or PooledGD; got SGD"),
    ],
)
def test_bad_runs_are_one_clear_sentence(make_problem, change, message):
    asked = {"problem": make_problem(), "algorithm": HETERO, "steps": 3} | change
    with pytest.raises(DataError, match=message):
        solve(asked.pop("problem"), asked.pop("algorithm"), **asked)


def test_what_cannot_start_or_take_turns(make_problem):
    wide = HeteroSGD(step_size=0.1, batch_size=5, width=13)
    with pytest.raises(DataError, match="has at most 12 columns in 12 dimensions; got width=13"):
        solve(make_problem(), wide, steps=3, rng=0)
    continuum = SensingProblem.uniform(
        dim=12, invariant_rank=1, spurious_rank=1, heterogeneity=1.0, rng=0
    )
    with pytest.raises(DataError, match="takes environments in turn"):
        solve(continuum, HeteroSGD(step_size=0.1, batch_size=5, order="cyclic"), steps=3, rng=0)


@pytest.mark.parametrize(
    "order", [{"order": "window", "window": 0.2}, {"order": "drift", "speed": 0.1}]
)
def test_what_has_no_axis_has_no_windows(make_problem, order):
    algorithm = HeteroSGD(step_size=0.1, batch_size=5, **order)
    uniform = SensingProblem.uniform(
        dim=12, invariant_rank=1, spurious_rank=1, heterogeneity=1.0, rng=0
    )
    for problem, what in (
        (make_problem(), "this problem has a list of them"),
        (make_problem().sample(20, rng=0), "this problem has a list of them"),
        (uniform, "a uniform law has none"),
    ):
        with pytest.raises(DataError, match=what):
            solve(problem, algorithm, steps=3, rng=0)
    with pytest.raises(DataError, match="a uniform law has none"):
        uniform.window_matrices(0.2)
