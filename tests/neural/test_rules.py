"""One suite over every rule of a step, and the linear peers of the same objective."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

from elinvar.baselines import (
    FishRegressor,
    FishrRegressor,
    GroupDRORegressor,
    IRMv1Regressor,
    VRExRegressor,
)
from elinvar.errors import DataError
from elinvar.neural import (
    Checkpoint,
    EnvironmentBatchSampler,
    Fish,
    Fishr,
    GroupDRO,
    HeteroStep,
    HeteroTrainer,
    IRMv1,
    Learner,
    StepRule,
    VREx,
)

sys.path.append(str(Path(__file__).parents[1] / "baselines"))
from peer_rows import rows

torch.set_num_threads(1)

RULES = {
    "plain": lambda: HeteroStep(),
    "gain": lambda: HeteroStep(gain=1.5, environments=3),
    "pooled": lambda: HeteroStep(gain=0.0, environments=3),
    "irmv1": lambda: IRMv1(penalty=0.3, environments=3),
    "vrex": lambda: VREx(penalty=2.0, environments=3),
    "fishr": lambda: Fishr(penalty=1e-3, environments=3),
    "groupdro": lambda: GroupDRO(environments=3, rate=0.1),
    "fish": lambda: Fish(inner_step=0.02, environments=3, seed=1),
}
PEERS = {
    "irmv1": (lambda k: IRMv1(penalty=k, environments=3), IRMv1Regressor),
    "vrex": (lambda k: VREx(penalty=k, environments=3), VRExRegressor),
    "fishr": (lambda k: Fishr(penalty=k, environments=3), FishrRegressor),
}


def batches(dtype=torch.float32, n=(90, 90, 90)):
    X, y, place = rows(n=n)
    found = []
    for name in np.unique(place):
        at = place == name
        found.append((torch.tensor(X[at], dtype=dtype), torch.tensor(y[at, None], dtype=dtype)))
    return found


def loader():
    X, y = (torch.cat(part) for part in zip(*batches(), strict=True))
    sampler = EnvironmentBatchSampler(np.repeat([0, 1, 2], 90), 30, order="cyclic", seed=2)
    return DataLoader(TensorDataset(X / 3, y / 3), batch_sampler=sampler)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))


def flat(model, grad=False):
    return torch.cat([(p.grad if grad else p).detach().ravel() for p in model.parameters()])


def trainer(rule, model=None, lr=None, **options):
    model = network() if model is None else model
    lr = (1.0 if isinstance(rule, Fish) else 0.02) if lr is None else lr
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return HeteroTrainer(model, optimizer, mse_loss, rule=rule, record_every=10, **options)


def linear(coef, intercept):
    model = nn.Linear(len(coef), 1, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.tensor(coef)[None])
        model.bias.fill_(intercept)
    return model


@pytest.mark.parametrize("name", RULES)
def test_it_trains_and_forgets_nothing(name, tmp_path):
    whole = trainer(RULES[name]())
    torch.manual_seed(3)
    training = whole.fit(loader(), steps=60)
    loss = training.metrics["loss"]
    assert training.status == "completed" and loss.iloc[-1] < 0.8 * loss.iloc[0]
    kept, model = Checkpoint(path=tmp_path / "run.pt", every=10), network()
    torch.manual_seed(3)
    trainer(RULES[name](), model, checkpoint=kept).fit(loader(), steps=37)
    again = trainer(RULES[name](), checkpoint=kept)
    again.fit(loader(), steps=60, resume=True)
    assert torch.equal(flat(whole.model), flat(again.model))


@pytest.mark.parametrize("name", RULES)
def test_classes_too(name):
    rule = RULES[name]()
    assert isinstance(rule, StepRule)
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
    label = (x[:, 0] > 0).long()
    parts = [(x[k::3], label[k::3]) for k in range(3)]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 2))
    learner = Learner(model=model, loss=cross_entropy)
    risk = rule.backward(learner, parts[: rule.environments])
    assert 0.4 < float(risk) < 1.0 and not risk.requires_grad
    assert torch.isfinite(flat(model, grad=True)).all() and flat(model, grad=True).norm() > 0


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("plain", "gain")])
def test_the_order_of_environments_means_nothing(name):
    found = []
    for order in ([0, 1, 2], [2, 0, 1]):
        # to first order in its step Fish is the sum of gradients, in any order
        rule = RULES[name]() if name != "fish" else Fish(inner_step=1e-7, environments=3)
        model = network().eval().double()
        parts = batches(torch.float64)
        rule.backward(Learner(model=model, loss=mse_loss), [parts[e] for e in order])
        found.append(flat(model, grad=True))
    assert (found[0] - found[1]).norm() < 1e-4 * found[0].norm()


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("penalty", [0.3, 20.0])
def test_the_gradient_is_that_of_the_linear_peer(name, penalty):
    """At any point, and zero at the peer's solution."""
    make, Peer = PEERS[name]
    X, y, place = rows(n=(90, 90, 90))
    peer = Peer(penalty=penalty, standardize=False)
    fitted = peer.fit(X, y, environments=place)
    rng = np.random.default_rng(0)
    for coef, intercept in ((fitted.coef_, fitted.intercept_), (rng.normal(size=5), 0.7)):
        model = linear(coef, intercept)
        make(penalty).backward(Learner(model=model, loss=mse_loss), batches(torch.float64))
        found = flat(model, grad=True).numpy() * max(penalty, 1.0)
        found = found[[5, 0, 1, 2, 3, 4]]
        expected = _slope(peer, X, y, place, np.r_[intercept, coef], penalty)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    assert np.abs(expected).max() > 0.1
    if fitted.converged_:
        at_end = _slope(peer, X, y, place, np.r_[fitted.intercept_, fitted.coef_], penalty)
        assert np.abs(at_end).max() < 1e-3 * np.abs(expected).max()


def _slope(peer, X, y, place, w, penalty):
    """The peer's own gradient, intercept first."""
    from elinvar.environments import Environments

    data = Environments.from_arrays(X, y, place)
    risks = peer._risks(data)
    design, target = risks.design(data)
    peer._rows = [(design[data.codes == e], target[data.codes == e]) for e in range(3)]
    return peer._objective(risks, w, penalty)[1] * (1 + penalty)


def test_group_dro_comes_to_the_exact_saddle_point():
    X, y, place = rows(n=(90, 90, 90))
    exact = GroupDRORegressor(standardize=False).fit(X, y, environments=place)
    rule, model = GroupDRO(environments=3, rate=0.1), linear(np.zeros(5), 0.0)
    parts = batches(torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.012)
    HeteroTrainer(model, optimizer, mse_loss, rule=rule).fit(parts, steps=1200)
    np.testing.assert_allclose(model.weight.detach()[0], exact.coef_, atol=0.02)
    np.testing.assert_allclose(rule.weights, exact.weights_, atol=0.02)
    with torch.no_grad():
        worst = [max(mse_loss(net(x), y) for x, y in parts) for net in (model, _least(X, y))]
    assert worst[0] < 0.9 * worst[1]


def _least(X, y):
    w = np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0]
    return linear(w[1:], w[0])


def test_fish_ends_where_its_linear_peer_does():
    X, y, place = rows(n=(90, 90, 90))
    X, y = X / 3, y / 3
    peer = FishRegressor(step_size=0.3, n_steps=500, standardize=False)
    exact = peer.fit(X, y, environments=place)
    largest = max(
        np.linalg.eigvalsh(D.T @ D / len(D))[-1]
        for D in (np.column_stack([np.ones(90), X[place == e]]) for e in np.unique(place))
    )
    rule = Fish(inner_step=0.3 / (2 * largest), environments=3)
    model = linear(np.zeros(5), 0.0)
    parts = [(x / 3, target / 3) for x, target in batches(torch.float64)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    run = HeteroTrainer(model, optimizer, mse_loss, rule=rule, average=0.5)
    run.fit(parts, steps=500)
    np.testing.assert_allclose(run.averaged.weight.detach()[0], exact.coef_, atol=0.02)
    pooled = _least(X, y).weight.detach()[0].numpy()
    assert np.abs(pooled - exact.coef_).max() > 0.06


def test_without_penalty_all_are_the_mixture():
    model = network().eval()
    HeteroStep(gain=0.0, environments=3).backward(Learner(model=model, loss=mse_loss), batches())
    expected = flat(model, grad=True)
    for rule in (IRMv1(penalty=0.0, environments=3), VREx(penalty=0.0, environments=3)):
        model.zero_grad()
        rule.backward(Learner(model=model, loss=mse_loss), batches())
        torch.testing.assert_close(flat(model, grad=True), expected)


def test_a_warm_up_bounds_the_penalty():
    model, grads = network().eval(), []
    for penalty, warmup in ((100.0, 5), (1.0, 0), (100.0, 0)):
        rule = VREx(penalty=penalty, environments=3, warmup=warmup)
        model.zero_grad()
        rule.backward(Learner(model=model, loss=mse_loss), batches(), step=4)
        grads.append(flat(model, grad=True))
    assert torch.equal(grads[0], grads[1]) and not torch.allclose(grads[0], grads[2])


def test_samplers_that_do_not_serve_a_rule_are_refused():
    X, y = torch.ones(90, 5), torch.ones(90, 1)
    place = np.repeat([0, 1, 2], 30)
    for options in ({"order": "random"}, {"order": "cyclic", "weights": [1, 2, 1]}):
        sampler = EnvironmentBatchSampler(place, 10, **options)
        batches = DataLoader(TensorDataset(X, y), batch_sampler=sampler)
        with pytest.raises(DataError, match="VREx needs a batch of each environment"):
            trainer(VREx(penalty=1.0, environments=3)).fit(batches, steps=1)
    sampler = EnvironmentBatchSampler(place, 10, order="cyclic")
    batches = DataLoader(TensorDataset(X, y), batch_sampler=sampler)
    with pytest.raises(DataError, match="environments=3"):
        trainer(GroupDRO(environments=2)).fit(batches, steps=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: IRMv1(penalty=-1.0, environments=2),
        lambda: VREx(penalty=1.0, environments=0),
        lambda: Fish(inner_step=0.0, environments=2),
        lambda: GroupDRO(environments=2, rate=-1.0),
        lambda: Fishr(penalty=1.0, environments=2, warmup=-3),
    ],
)
def test_settings_out_of_range(make):
    with pytest.raises(DataError, match="must be"):
        make()
