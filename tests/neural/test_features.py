"""Two-layer networks: the paper's experiment in small, from rich to lazy."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from elinvar.errors import DataError
from elinvar.neural import (
    FreshBatches,
    HeteroStep,
    HeteroTrainer,
    QuadraticNetwork,
    TwoLayerNetwork,
    alignment,
    centred_squared_loss,
    input_gradients,
)
from elinvar.sensing import SensingProblem

torch.set_num_threads(1)


def problem(dim=8, **options):
    plain = {"invariant_rank": 1, "spurious_rank": 1, "heterogeneity": 6.0, "rng": 0}
    return SensingProblem.two_point(dim=dim, **plain | options)


def learn(
    network=None,
    source=None,
    *,
    order="cyclic",
    gain=1.0,
    step_size=0.1,
    batch_size=600,
    steps=300,
    settles=True,
):
    """Train on fresh inputs; return the average, and where units and output have ended."""
    network = QuadraticNetwork(8, 16) if network is None else network
    source = problem() if source is None else source
    optimizer = torch.optim.SGD(network.parameters(), lr=step_size)
    trainer = HeteroTrainer(
        network,
        optimizer,
        lambda output, target: centred_squared_loss(output, target) / 8,
        rule=HeteroStep(gain=gain, environments=1 if gain == 1.0 else 2),
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, 3.0 * (steps - step) / steps) if settles else 1.0
        ),
        average=1 / 3,
    )
    training = trainer.fit(FreshBatches(source, batch_size, order=order), steps=steps)
    assert training.status == "completed"
    output = input_gradients(
        network, torch.randn(512, 8, generator=torch.Generator().manual_seed(1))
    )
    bases = {"invariant": source.truth.invariant_basis, "spurious": source.truth.spurious_basis}
    return SimpleNamespace(
        averaged=trainer.averaged,
        units={name: alignment(network.weight, basis) for name, basis in bases.items()},
        output={name: alignment(output, basis) for name, basis in bases.items()},
    )


def error(run, source=None, end="invariant"):
    """Return how far the averaged quadratic network is from A*, or from the pooled solution."""
    goal = getattr(problem() if source is None else source, end)
    return float(np.linalg.norm(run.averaged.matrix.double().numpy() - goal))


@pytest.fixture(scope="module")
def rich():
    return learn()


def test_one_environment_a_step_learns_the_invariant_feature_alone(rich):
    pooled = learn(order="pooled")
    assert error(rich) < 0.15 and error(rich, end="pooled") > 0.8
    assert error(pooled) > 0.8 and error(pooled, end="pooled") < 0.3
    start = alignment(QuadraticNetwork(8, 16).weight, problem().truth.invariant_basis)
    assert start < 0.3 < 0.97 < rich.units["invariant"]
    assert rich.units["spurious"] < 0.02 and rich.output["invariant"] > 0.97
    assert pooled.units["spurious"] > 0.4 and pooled.output["spurious"] > 0.4


def test_the_lazy_start_loses_the_bias(rich):
    lazy = learn(QuadraticNetwork(8, 16, init_scale=10.0), step_size=0.002, steps=200)
    assert error(lazy) > 5 * error(rich)
    assert lazy.units["invariant"] < 0.4


def test_a_small_step_loses_the_bias():
    small = learn(step_size=0.01, steps=800, batch_size=200, settles=False)
    assert small.units["spurious"] > 0.3


def test_the_gain_removes_what_has_one_sign_everywhere():
    """Eigenvalues 3.5 and 0.5: without gain no step size is large enough."""
    source = problem(mean=2.0, heterogeneity=1.5)
    plain, gained = (
        learn(source=source, gain=gain, batch_size=400, steps=250) for gain in (1.0, 6.0)
    )
    assert error(plain, source) > 1.7 and plain.units["spurious"] > 0.6
    assert error(gained, source) < 0.4 and gained.units["spurious"] < 0.05


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_other_activations_lean_the_same_way(activation):
    def lean(scale, **options):
        return learn(TwoLayerNetwork(8, 32, activation=activation, init_scale=scale), **options)

    runs = [
        lean(0.3, step_size=0.4),
        lean(0.3, step_size=0.4, order="pooled"),
        lean(5.0, step_size=0.003),
    ]
    leaning = [run.output["invariant"] - run.output["spurious"] for run in runs]
    assert leaning[0] > 0.15 and abs(leaning[1]) < 0.1 and leaning[2] < 0.1
    assert runs[2].units["invariant"] < 0.2


def test_a_lazy_network_is_its_linearisation():
    """Its output moves as far as the first derivative says; that of a rich network does not."""
    x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    y = x[:, 0] * x[:, 1]
    bent = []
    for scale in (0.3, 30.0):
        network = TwoLayerNetwork(5, 64, activation="gelu", init_scale=scale, seed=1)
        start = copy.deepcopy(network).double().state_dict()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05 / scale**2)
        for _ in range(50):
            optimizer.zero_grad()
            (network(x) - y).square().mean().backward()
            optimizer.step()
        end, probe, sides = copy.deepcopy(network).double(), copy.deepcopy(network).double(), []
        for t in (-1e-4, 1e-4):
            probe.load_state_dict({k: v + t * (end.state_dict()[k] - v) for k, v in start.items()})
            sides.append(probe(x.double()).detach())
        linear = (sides[1] - sides[0]) / 2e-4
        output = network(x).detach()
        bent.append(float((output - linear).norm() / output.norm()))
    assert bent[1] < 0.02 < 0.2 < bent[0]


def test_the_network_is_the_matrix():
    network = QuadraticNetwork(5, 9, init_scale=2.0, seed=3)
    x = torch.randn(7, 5)
    torch.testing.assert_close(network(x).detach(), ((x @ network.matrix) * x).sum(1))
    torch.testing.assert_close(input_gradients(network, x), 2 * x @ network.matrix)


def test_networks_start_as_they_should():
    for outputs in (None, 3):
        network = TwoLayerNetwork(5, 8, init_scale=100.0, n_outputs=outputs)
        found = network(torch.randn(6, 5)).detach()
        assert found.shape == ((6,) if outputs is None else (6, 3))
        assert float(found.abs().max()) < 1e-2
    same = [QuadraticNetwork(4, 6, seed=seed).matrix for seed in (0, 0, 1)]
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])


def test_the_centred_loss_is_the_best_intercept():
    f, y = torch.randn(50), torch.randn(50)
    levels = torch.linspace(-2, 2, 4001)[:, None]
    best = (f + levels - y).square().mean(1).min()
    torch.testing.assert_close(centred_squared_loss(f, y), best, atol=1e-5, rtol=1e-5)


def test_alignment_of_what_is_known():
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.normal(size=(6, 2)))[0]
    assert alignment(rng.normal(size=(9, 2)) @ U.T, U) == pytest.approx(1.0)
    assert alignment(rng.normal(size=(20_000, 6)), U) == pytest.approx(2 / 6, abs=0.02)
    W = rng.normal(size=(9, 6))
    assert alignment(W, U @ [[2.0, 1.0], [0.0, 3.0]]) == pytest.approx(alignment(W, U))
    assert alignment(np.zeros((3, 6)), U) == 0.0
    with pytest.raises(DataError, match="directions must have"):
        alignment(np.ones((3, 5)), U)


def test_fresh_batches_are_of_one_environment_and_come_again():
    source = problem(noise=0.3)
    A = source.invariant
    V = source.truth.spurious_basis
    for order in ("random", "cyclic", "pooled"):
        batches = FreshBatches(source, 2000, order=order, seed=4)
        first = [batch for batch, _ in zip(batches, range(3), strict=False)]
        again = next(iter(batches))
        assert torch.equal(first[0][0], again[0]) and torch.equal(first[0][1], again[1])
        means = []
        for x, y in first:
            x, y = x.double().numpy(), y.double().numpy()
            inside = (x @ V) ** 2
            rest = y - ((x @ A) * x).sum(1)
            means.append(float((rest @ inside / (inside.T @ inside)).item()))
        if order == "pooled":
            assert np.allclose(means, 1.0, atol=0.8)
        else:
            assert all(min(abs(m - 7), abs(m + 5)) < 0.05 for m in means)
        if order == "cyclic":
            assert np.allclose(means, [7, -5, 7], atol=0.05)


def test_bad_settings_are_one_sentence():
    with pytest.raises(DataError, match="must be even"):
        TwoLayerNetwork(3, 5)
    with pytest.raises(DataError, match="init_scale"):
        QuadraticNetwork(3, 5, init_scale=0.0)
    with pytest.raises(DataError, match="activation"):
        TwoLayerNetwork(3, 6, activation="tanh")
    with pytest.raises(DataError, match="order"):
        FreshBatches(problem(), 10, order="blocks")
    continuum = SensingProblem.uniform(
        dim=5, invariant_rank=1, spurious_rank=1, heterogeneity=2.0, rng=0
    )
    with pytest.raises(DataError, match="list of environments"):
        FreshBatches(continuum, 10)
