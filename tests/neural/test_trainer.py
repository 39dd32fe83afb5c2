"""The loop: what a step is, exact resume, divergence, and what is refused."""

import copy
import math
import os
import pickle
import signal
import time
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from elinvar.errors import DataError, DataTypeError, ElinvarWarning, FileError
from elinvar.neural import (
    Checkpoint,
    EnvironmentBatchSampler,
    HeteroStep,
    HeteroTrainer,
    Learner,
    VREx,
    fingerprint,
)

torch.set_num_threads(1)

N, P = 360, 3


def data(seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    X = torch.tensor(rng.normal(size=(N, P)), dtype=torch.float32)
    y = X[:, :1] + torch.tensor(rng.normal(size=(N, 1)), dtype=torch.float32) + shift
    return TensorDataset(X, y)


PLACE = np.array(["a", "b", "c"] * (N // 3))


def loader(dataset=None, order="random", batch_size=40, **options):
    sampler = EnvironmentBatchSampler(PLACE, batch_size, order=order, seed=1)
    return DataLoader(data() if dataset is None else dataset, batch_sampler=sampler, **options)


def network(seed=0, dropout=0.2):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(P, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))


def trainer(model=None, lr=0.05, momentum=0.9, **options):
    model = network() if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    if options.pop("scheduled", False):
        options["scheduler"] = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 40)
    return HeteroTrainer(model, optimizer, mse_loss, **{"record_every": 10} | options)


def flat(model):
    return torch.cat([p.detach().ravel() for p in model.parameters()])


def test_the_loop_is_a_plain_loop():
    model = network(dropout=0.0)
    trainer(model).fit(loader(), steps=20)
    bare, batches = network(dropout=0.0), loader()
    optimizer = torch.optim.SGD(bare.parameters(), lr=0.05, momentum=0.9)
    step = 0
    for epoch in range(3):
        batches.batch_sampler.set_epoch(epoch)
        for x, y in batches:
            if step == 20:
                break
            optimizer.zero_grad()
            mse_loss(bare(x), y).backward()
            optimizer.step()
            step += 1
    assert step == 20
    assert torch.equal(flat(model), flat(bare))


@dataclass(frozen=True)
class Pair:
    """Inputs and labels by name."""

    x: torch.Tensor
    y: torch.Tensor


Triple = namedtuple("Triple", "x y site")


@pytest.mark.parametrize(
    ("collate", "of"),
    [
        (lambda x, y: {"x": x, "y": y}, lambda batch: (batch["x"], batch["y"])),
        (Pair, lambda batch: (batch.x, batch.y)),
        (lambda x, y: Triple(x, y, "north"), lambda batch: batch[:2]),
        (lambda x, y: (x, y), lambda batch: batch),
    ],
)
def test_batches_of_any_kind(collate, of):
    def make_loader():
        source = loader(collate_fn=lambda rows: collate(*map(torch.stack, zip(*rows, strict=True))))
        return source

    def loss(model, batch):
        x, y = of(batch)
        return mse_loss(model(x), y)

    def step(trainer, batch):
        risk = loss(trainer.model, batch)
        risk.backward()
        trainer.optimizer.step()
        return risk

    plain, whole, own = (network(dropout=0.0) for _ in range(3))
    trainer(plain).fit(loader(), steps=12)
    make(whole, loss).fit(make_loader(), steps=12)
    assert make(own, step=step).fit(make_loader(), steps=12).status == "completed"
    assert torch.equal(flat(whole), flat(plain)) and torch.equal(flat(own), flat(plain))


def make(model, loss=None, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return HeteroTrainer(model, optimizer, loss, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a loss or a step of your own"),
        ({"loss": mse_loss, "step": lambda trainer, batch: 0.0}, "either a loss or a step"),
        ({"step": lambda trainer, batch: 0.0, "autocast": "bfloat16"}, "leave out rule and autoc"),
        (
            {"loss": lambda model, batch: 0.0, "rule": VREx(penalty=1.0, environments=3)},
            "VREx compares outputs with labels",
        ),
    ],
)
def test_losses_and_steps_that_do_not_fit_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        make(network(), **options)


def test_a_loss_is_one_number():
    with pytest.raises(DataError, match=r"must be one number.*got shape \(40, 1\)"):
        make(network(), step=lambda trainer, batch: trainer.model(batch[0])).fit(loader(), steps=1)


def test_records_go_to_loggers(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    class Run:
        """Has the method of Weights & Biases."""

        told = ()

        def log(self, values, step):
            self.told = (*self.told, (step, values))

    run, writer = Run(), tensorboard.SummaryWriter(tmp_path)
    training = make(network(), mse_loss, loggers=[run, writer], record_every=5).fit(
        loader(), steps=20
    )
    writer.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    losses = training.metrics["loss"].tolist()
    assert [event.step for event in events.Scalars("loss")] == [5, 10, 15, 20]
    assert np.allclose([event.value for event in events.Scalars("loss")], losses, rtol=1e-6)
    assert [(step, values["loss"]) for step, values in run.told] == list(
        zip([5, 10, 15, 20], losses, strict=True)
    )
    with pytest.raises(DataTypeError, match="A logger must have log"):
        make(network(), mse_loss, loggers=["file.log"])


def test_the_gain_is_a_step_on_the_extrapolated_environment():
    x, y = data()[:]
    batches = [(x[k::3], y[k::3]) for k in range(3)]
    model = network(dropout=0.0)
    grads = []
    for batch in batches:
        model.zero_grad()
        mse_loss(model(batch[0]), batch[1]).backward()
        grads.append(torch.cat([p.grad.ravel() for p in model.parameters()]))
    mean = torch.stack(grads).mean(0)
    rule = HeteroStep(gain=2.5, environments=3)
    for own in (0, 2, 4):
        model.zero_grad()
        rule.backward(Learner(model=model, loss=mse_loss), batches, own)
        found = torch.cat([p.grad.ravel() for p in model.parameters()])
        expected = mean + 2.5 * (grads[own % 3] - mean)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert sum(rule.weights(1)) == pytest.approx(1.0)


def test_gain_one_and_gain_zero_are_the_environment_and_the_mixture():
    one = trainer(network(dropout=0.0), rule=HeteroStep(gain=0.0, environments=3))
    one.fit(loader(order="cyclic"), steps=8)
    pooled = network(dropout=0.0)
    optimizer = torch.optim.SGD(pooled.parameters(), lr=0.05, momentum=0.9)
    batches = loader(order="cyclic")
    groups = [batch for epoch in range(3) for batch in _epoch(batches, epoch)]
    for k in range(8):
        x, y = (torch.cat(part) for part in zip(*groups[3 * k : 3 * k + 3], strict=True))
        optimizer.zero_grad()
        mse_loss(pooled(x), y).backward()
        optimizer.step()
    torch.testing.assert_close(flat(one.model), flat(pooled), rtol=1e-5, atol=1e-6)


def _epoch(batches, epoch):
    batches.batch_sampler.set_epoch(epoch)
    return list(batches)


def shuffled(dataset=None):
    return DataLoader(data() if dataset is None else dataset, batch_size=40, shuffle=True)


def own_generator(dataset=None):
    generator = torch.Generator().manual_seed(3)
    dataset = data() if dataset is None else dataset
    return DataLoader(dataset, batch_size=40, shuffle=True, generator=generator)


def as_list(dataset=None):
    x, y = (data() if dataset is None else dataset)[:]
    return list(zip(x.split(40), y.split(40), strict=True))


@pytest.mark.parametrize("make", [loader, shuffled, own_generator, as_list])
@pytest.mark.parametrize("killed", [7, 18, 25])
def test_a_killed_run_resumes_exactly(make, killed, tmp_path):
    options = {"scheduled": True, "average": 0.5, "rule": HeteroStep(gain=1.5, environments=2)}
    torch.manual_seed(5)
    model = network()
    whole = trainer(model, **options)
    expected = whole.fit(make(), steps=40)
    path = tmp_path / "run.pt"
    kept = Checkpoint(path=path, every=6)

    def kill(trainer):
        if trainer.step >= killed:
            raise KeyboardInterrupt

    model = network()
    first = trainer(model, checkpoint=kept, callbacks=[kill], **options)
    with pytest.raises(KeyboardInterrupt):
        first.fit(make(), steps=40, identity="same")
    torch.manual_seed(99)  # whatever a new process starts with
    again = trainer(network(seed=7), checkpoint=kept, **options)
    torch.manual_seed(98)
    found = again.fit(make(), steps=40, resume=True, identity="same")
    assert torch.equal(flat(again.model), flat(whole.model))
    assert torch.equal(flat(again.averaged), flat(whole.averaged))
    assert found.metrics.equals(expected.metrics)
    finished = trainer(network(seed=8), checkpoint=kept, **options)
    assert finished.fit(make(), steps=40, resume=True, identity="same").steps == 40
    assert torch.equal(flat(finished.model), flat(whole.model))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_killed_resumes_exactly(tmp_path):
    """A real kill, at a moment that is nobody's choice."""
    path = tmp_path / "run.pt"
    child = os.fork()
    if child == 0:
        trainer(checkpoint=Checkpoint(path=path, every=7)).fit(loader(), steps=10**6)
        os._exit(0)
    deadline = time.time() + 60
    while not path.exists() and time.time() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [one.name for one in tmp_path.iterdir() if one.name[0] != "."] == ["run.pt"]
    kept = Checkpoint(path=path, every=10**6)
    stopped = kept.read()["step"]
    assert stopped > 0 and stopped % 7 == 0
    again = trainer(checkpoint=kept)
    again.fit(loader(), steps=stopped + 30, resume=True)
    whole = trainer()
    whole.fit(loader(), steps=stopped + 30)
    assert torch.equal(flat(again.model), flat(whole.model))


def test_calling_again_goes_on():
    once, twice = trainer(), trainer()
    torch.manual_seed(0)
    once.fit(loader(), steps=30)
    torch.manual_seed(0)
    same = loader()
    twice.fit(same, steps=13)
    assert twice.fit(same, steps=30).steps == 30
    assert torch.equal(flat(once.model), flat(twice.model))


def test_another_data_set_is_refused(tmp_path):
    kept = Checkpoint(path=tmp_path / "run.pt", every=5)
    trainer(checkpoint=kept).fit(loader(), steps=10)
    with pytest.raises(DataError, match="another data set"):
        trainer(checkpoint=kept).fit(loader(data(shift=1e-3)), steps=20, resume=True)
    with pytest.raises(DataError, match="another data set"):
        trainer(checkpoint=kept).fit(loader(), steps=20, resume=True, identity="other")
    global PLACE
    before, PLACE = PLACE, np.roll(PLACE, 1)
    try:
        with pytest.raises(DataError, match="another data set"):
            trainer(checkpoint=kept).fit(loader(), steps=20, resume=True)
    finally:
        PLACE = before


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    kept = Checkpoint(path=tmp_path / "run.pt", every=5)
    trainer(checkpoint=kept).fit(loader(), steps=10)
    with pytest.raises(FileError, match="does not fit this model"):
        other = trainer(nn.Linear(P, 1), checkpoint=kept)
        other.fit(loader(), steps=20, resume=True)
    with pytest.raises(FileError, match="has a scheduler"):
        trainer(checkpoint=kept, scheduled=True).fit(loader(), steps=20, resume=True)
    with pytest.raises(DataError, match="nothing to resume"):
        trainer().fit(loader(), steps=20, resume=True)
    with pytest.raises(FileError, match="there is no folder"):
        Checkpoint(path=tmp_path / "no" / "run.pt")


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["ELINVAR_BOMB"],))


@pytest.mark.parametrize("how", ["torch", "pickle", "text", "cut"])
def test_reading_a_checkpoint_runs_no_code(how, tmp_path, monkeypatch):
    monkeypatch.setenv("ELINVAR_BOMB", str(tmp_path / "exploded"))
    path = tmp_path / "run.pt"
    kept = Checkpoint(path=path, every=5)
    if how == "torch":
        torch.save({"elinvar": 1, "step": Bomb()}, path)
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif how == "text":
        path.write_text("step: 5")
    else:
        trainer(checkpoint=kept).fit(loader(), steps=5)
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileError, match=r"run\.pt is no checkpoint"):
        trainer(checkpoint=kept).fit(loader(), steps=10, resume=True)
    assert not (tmp_path / "exploded").exists()


def places_in(value, *way):
    """Yield the way to every value, however deep."""
    if way:
        yield way
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places_in(part, *way, key)


@pytest.mark.parametrize("other", [None, -1, "x", [], {}, torch.zeros(2, 3), math.nan, 2**70])
def test_a_checkpoint_that_was_changed_is_refused(other, tmp_path):
    kept = Checkpoint(path=tmp_path / "run.pt", every=5)
    trainer(checkpoint=kept).fit(loader(), steps=10)
    whole = torch.load(kept.path)
    for *way, last in places_in(whole):
        state = copy.deepcopy(whole)
        inner = state
        for key in way:
            inner = inner[key]
        if repr(inner[last]) == repr(other):
            continue
        inner[last] = other
        torch.save(state, kept.path)
        with pytest.raises(FileError, match=r"run\.pt is no checkpoint"):
            kept.read()


@pytest.mark.parametrize("part", ["optimizer", "batches", "random", "rows", "losses", "model"])
def test_a_checkpoint_of_a_stranger_is_refused_in_a_sentence(part, tmp_path):
    kept = Checkpoint(path=tmp_path / "run.pt", every=5)
    trainer(checkpoint=kept).fit(loader(), steps=10)
    # with the digest that it needs
    kept.write(kept.read() | {part: 3})
    with pytest.raises(FileError, match="does not fit this model"):
        trainer(checkpoint=kept).fit(loader(), steps=20, resume=True)


@pytest.mark.parametrize("lr", [3.0, 1e30])
def test_divergence_is_a_status_and_a_sentence(lr, tmp_path):
    kept = Checkpoint(path=tmp_path / "run.pt", every=5)
    model = nn.Sequential(nn.Linear(P, 8), nn.Linear(8, 1))
    run = trainer(model, lr=lr, checkpoint=kept)
    with pytest.warns(ElinvarWarning, match=r"Training diverged by step \d+, with step size"):
        training = run.fit(loader(), steps=500)
    assert training.status == "diverged" and training.steps < 500
    if kept.exists():
        assert all(torch.isfinite(value).all() for value in kept.read()["model"].values())


def test_a_last_step_to_infinity_is_seen():
    """The loss is finite at every step, and the parameters are not after the last one."""
    model = nn.Linear(P, 1)
    run = trainer(model, lr=1e38, momentum=0.0)
    with pytest.warns(ElinvarWarning, match="diverged by step 1,"):
        run.fit([(1e3 * torch.ones(4, P), torch.zeros(4, 1))], steps=1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_missing_values_are_one_sentence(bad):
    dataset = data()
    dataset.tensors[0][:] = bad
    with pytest.raises(DataError, match="loss of the first batch is nan, before any step"):
        trainer().fit(loader(dataset), steps=5)


def test_bad_loaders_are_one_sentence():
    with pytest.raises(DataError, match="gives no batch"):
        trainer().fit([], steps=5)
    with pytest.raises(DataError, match="gives no batch"):
        trainer().fit(iter(as_list()), steps=50)
    with pytest.raises(DataError, match=r"pair \(inputs, labels\); the loader gave 3 parts"):
        trainer().fit([(1, 2, 3)], steps=5)
    with pytest.raises(DataError, match="the loader gave Tensor"):
        trainer().fit([torch.ones(3)], steps=5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"autocast": "int8"}, "autocast must be"),
        ({"average": 1.5}, "at most 1"),
        ({"average": -0.1}, "average must be"),
        ({"bound": 0.5}, "bound must be"),
    ],
)
def test_settings_out_of_range(options, words):
    with pytest.raises(DataError, match=words):
        trainer(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gain": -1.0}, "at least 0"),
        ({"gain": math.inf}, "finite"),
        ({"gain": 2.0}, "a step has one batch"),
        ({"environments": 0}, "environments must be an integer"),
    ],
)
def test_rules_out_of_range(options, words):
    with pytest.raises(DataError, match=words):
        HeteroStep(**options)


def test_callbacks_join_the_table_and_stop():
    told = []

    def norm(trainer):
        if trainer.step == 30:
            trainer.stop()
        return {"norm": float(flat(trainer.model).norm())}

    run = trainer(callbacks=[norm, lambda trainer: None], progress=lambda *at: told.append(at))
    training = run.fit(loader(), steps=100)
    assert training.status == "stopped" and training.steps == 30
    assert told == [(10, 100), (20, 100), (30, 100)]
    assert list(training.metrics) == ["step", "epoch", "loss", "step_size", "norm"]
    assert list(training.metrics["epoch"]) == [1, 2, 3]  # 9 batches an epoch
    assert "stopped after 30 steps" in repr(training)
    assert "<table" in training._repr_html_()
    assert run.fit(loader(), steps=40).status == "completed"


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_autocast_trains_in_lower_precision(precision):
    seen = set()
    model = network(dropout=0.0)
    model[0].register_forward_hook(lambda module, x, out: seen.add(out.dtype))
    run = trainer(model, autocast=precision)
    training = run.fit(loader(), steps=60)
    full = trainer(network(dropout=0.0)).fit(loader(), steps=60)
    assert seen == {getattr(torch, precision)}
    assert model[0].weight.dtype == torch.float32
    assert training.metrics["loss"].iloc[-1] == pytest.approx(
        full.metrics["loss"].iloc[-1], rel=0.1
    )


def test_averages_are_of_the_last_steps():
    seen = []
    look = [lambda trainer: seen.append(flat(trainer.model).clone())]
    run = trainer(average=0.25, callbacks=look, record_every=1)
    assert run.averaged is run.model
    run.fit(loader(), steps=40)
    torch.testing.assert_close(flat(run.averaged), torch.stack(seen[-10:]).mean(0))


def test_the_fingerprint_sees_every_row_of_tensors():
    one, other = data(), data()
    other.tensors[0][17, 1] += 1e-4
    assert fingerprint(one) == fingerprint(data()) != fingerprint(other)

    class Noisy(torch.utils.data.Dataset):
        def __init__(self, n):
            self.n = n

        def __len__(self):
            return self.n

        def __getitem__(self, row):
            return {"x": torch.tensor(row) + torch.randn(2)}, [row, None]

    state = torch.get_rng_state()
    assert fingerprint(Noisy(100)) == fingerprint(Noisy(100)) != fingerprint(Noisy(101))
    assert torch.equal(state, torch.get_rng_state())
    assert fingerprint(iter([])) is None


def _replica(rank, folder, steps, stop):
    """Train on two processes with the gain and dropout; stop by a callback, or go on."""
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    meeting = f"file://{folder}/meet-{steps}-{stop}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    sampler = EnvironmentBatchSampler(PLACE, 40, order="cyclic", seed=1)
    batches = DataLoader(data(), batch_sampler=sampler)
    model = DistributedDataParallel(network())
    torch.manual_seed(10 + rank + 100 * (not stop))
    run = trainer(
        model,
        rule=HeteroStep(gain=1.5, environments=3),
        checkpoint=Checkpoint(path=f"{folder}/run{'' if stop is None else '-cut'}.pt", every=4),
        callbacks=[lambda trainer: trainer.stop() if trainer.step == stop else None],
        record_every=3,
    )
    torch.manual_seed(10 + rank)
    run.fit(batches, steps=steps, resume=True)
    torch.save(flat(model), f"{folder}/{rank}-{steps}-{stop}.pt")
    with pytest.raises(DataError, match="needs the gradients of whole batches"):
        trainer(model, rule=VREx(penalty=1.0, environments=3))


def _both(*arguments):
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _replica(rank, *arguments)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_processes_resume_exactly(tmp_path):
    _both(tmp_path, 14, None)
    _both(tmp_path, 14, 9)
    _both(tmp_path, 14, 0)
    whole, again = (
        [torch.load(tmp_path / f"{rank}-14-{stop}.pt") for rank in range(2)] for stop in (None, 0)
    )
    assert torch.equal(whole[0], whole[1]) and torch.equal(again[0], again[1])
    assert torch.equal(whole[0], again[0])
    with pytest.raises(FileError, match="of 2 processes, and this run has 1"):
        kept = Checkpoint(path=tmp_path / "run.pt")
        wrapped = nn.Module()
        wrapped.module = network()
        wrapped.forward = wrapped.module.forward
        rule = HeteroStep(gain=1.5, environments=3)
        alone = trainer(wrapped, rule=rule, checkpoint=kept)
        alone.fit(as_list(), steps=15, resume=True, identity=kept.read()["identity"])
