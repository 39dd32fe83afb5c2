"""The window of step sizes against theory, and what it says when it cannot know."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from elinvar.errors import DataError
from elinvar.neural import (
    FreshBatches,
    HeteroTrainer,
    Learner,
    QuadraticNetwork,
    TwoLayerNetwork,
    centred_squared_loss,
    step_size_window,
)
from elinvar.neural.step_size._curvature import gradient, hessian_product, lanczos, spread_product
from elinvar.sensing import SensingProblem
from elinvar.theory import step_window

torch.set_num_threads(1)


def problem(heterogeneity=6.0, mean=1.0, **options):
    plain = {"dim": 6, "invariant_rank": 1, "spurious_rank": 1, "rng": 0}
    return SensingProblem.two_point(heterogeneity=heterogeneity, mean=mean, **plain | options)


def loss(output, target):
    return centred_squared_loss(output, target) / 8


def window(source=None, model=None, size=4000, **options):
    source = problem() if source is None else source
    batches = iter(FreshBatches(source, size, order="cyclic", seed=1))
    both = [next(batches), next(batches)]
    model = QuadraticNetwork(6, 8) if model is None else model
    return step_size_window(model, loss, both, **{"iterations": 12, "warmup": 60} | options)


@pytest.mark.parametrize("heterogeneity", [4.0, 6.0])
def test_it_is_the_window_of_theory(heterogeneity):
    found = window(problem(heterogeneity), size=20_000)
    theory = step_window(heterogeneity)
    assert found.lower == pytest.approx(theory.low, rel=0.15)
    assert found.upper == pytest.approx(theory.high, rel=0.15)
    assert found.sharpness == pytest.approx(2.0, rel=0.25)  # twice the largest eigenvalue
    np.testing.assert_allclose(
        found.growth[0], [1 + heterogeneity, 1 - heterogeneity], atol=0.1 * heterogeneity
    )
    assert found.notes == ()
    assert found.lower < found.suggestion < found.upper
    assert found.suggestion in found and 2 * found.upper not in found
    assert str(found).startswith("step sizes: lower limit 0.")


def trained(step_size):
    """Return how far from A* the average over the last third of the steps is."""
    network, steps = QuadraticNetwork(6, 8), int(14 / step_size)
    optimizer = torch.optim.SGD(network.parameters(), lr=step_size)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: min(1.0, 3.0 * (steps - done) / steps)
    )
    trainer = HeteroTrainer(network, optimizer, loss, scheduler=falling, average=1 / 3)
    trainer.fit(FreshBatches(problem(), 300, order="cyclic"), steps=steps)
    return float(np.linalg.norm(trainer.averaged.matrix.double().numpy() - problem().invariant))


def test_training_obeys_it():
    limits = window()
    assert trained(limits.suggestion) < 0.15 and trained(limits.lower / 3) > 0.5


def test_without_heterogeneity_sharpness_is_the_limit():
    """No heterogeneity: the upper limit is 2 over the sharpness at the solution, here 1."""
    found = window(problem(0.0))
    assert found.lower is None
    assert "no more between environments than chance" in found.notes[0]
    assert found.upper == pytest.approx(1.0, rel=0.2)


def test_effects_of_one_sign_need_a_gain():
    source = problem(1.5, mean=2.0)
    plain, gained = window(source), window(source, gain=6.0)
    assert plain.lower is None and "take a larger gain" in plain.notes[0]
    theory = step_window(9.0, mean=2.0)
    assert gained.lower == pytest.approx(theory.low, rel=0.25)
    assert gained.upper == pytest.approx(theory.high, rel=0.25)


def test_it_says_what_it_cannot_know():
    lazy = window(model=TwoLayerNetwork(6, 16, init_scale=10.0), size=1000)
    assert lazy.lower is None and "lazy regime" in lazy.notes[0]
    flat = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))
    linear = window(model=flat, size=1000)
    assert linear.lower is None and linear.notes
    x, y = next(iter(FreshBatches(problem(), 1000)))
    one = step_size_window(QuadraticNetwork(6, 8), loss, [(x, y)], warmup=60)
    assert one.lower is None and "One environment" in one.notes[0]
    short = window(warmup=2)
    assert "still falling after a warm-up of 2 steps" in short.notes[-1]
    gelu = window(model=TwoLayerNetwork(6, 16, activation="gelu", init_scale=0.05), size=1000)
    assert gelu.lower is None and "do not multiply" in gelu.notes[0]


def test_it_leaves_the_model_alone():
    model = QuadraticNetwork(6, 8)
    before = model.weight.detach().clone()
    window(model=model, size=400)
    assert torch.equal(model.weight, before) and model.weight.grad is None


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([], "got none"),
        ([(torch.ones(3, 6), torch.ones(3))], "at least 4"),
        ([(torch.ones(8, 6), torch.ones(7))], "as many rows"),
        ([(torch.full((8, 6), math.nan), torch.ones(8))], "finite numbers"),
        ([torch.ones(8, 6)], "pair"),
    ],
)
def test_bad_batches_are_one_sentence(batches, words):
    with pytest.raises(DataError, match=words):
        step_size_window(QuadraticNetwork(6, 8), loss, batches)


def test_products_are_those_of_the_hessian():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    batch = (torch.randn(9, 2).double(), torch.randn(9, 1).double())
    learner = Learner(model=model, loss=nn.functional.mse_loss)
    product = hessian_product(learner, batch)
    n = sum(part.numel() for part in model.parameters())
    H = torch.stack([product(row) for row in torch.eye(n).double()])
    torch.testing.assert_close(H, H.T)
    step = 1e-5 * torch.randn(n).double()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            parts = step.split([part.numel() for part in model.parameters()])
            for part, change in zip(model.parameters(), parts, strict=True):
                part.add_(sign * change.view_as(part))
        ends.append(gradient(learner, batch))
    torch.testing.assert_close(ends[0] - ends[1], H @ step, rtol=1e-3, atol=1e-9)


def test_lanczos_finds_both_ends_and_the_spread():
    generator = torch.Generator().manual_seed(0)
    matrices = []
    for _ in range(3):
        root = torch.randn(40, 40, generator=generator).double()
        matrices.append(root + root.T)
    start = torch.randn(40, generator=generator).double()
    values, vectors = lanczos(lambda v: matrices[0] @ v, start, 30)
    exact = torch.linalg.eigvalsh(matrices[0])
    torch.testing.assert_close(values[[0, -1]], exact[[0, -1]], rtol=1e-4, atol=0)
    residual = matrices[0] @ vectors[:, -1] - values[-1] * vectors[:, -1]
    assert residual.norm() < 0.05 * exact[-1]
    spread = spread_product([lambda v, H=H: H @ v for H in matrices])
    away = torch.stack(matrices) - torch.stack(matrices).mean(0)
    whole = (away @ away).mean(0)
    torch.testing.assert_close(spread(start), whole @ start)
    small, _ = lanczos(lambda v: 2.0 * v, start, 30)
    torch.testing.assert_close(small, torch.tensor([2.0]).double())
