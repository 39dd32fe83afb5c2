"""HeteroSGD on many processes: ``torchrun --nproc-per-node 2 tests/neural/train_ddp.py``.

What a script for one process needs besides DistributedDataParallel is to build the sampler after
the processes have met; the audit says that it worked. With ``--out FOLDER --ranks 1 2 4`` the
script forks processes itself, once for each number, and keeps what they found.
"""

import argparse
import os
from itertools import islice
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

from elinvar.errors import DataError
from elinvar.neural import EnvironmentBatchSampler, WindowBatchSampler, audit

SITES = ["a"] * 200 + ["b"] * 300 + ["c"] * 50
STEPS = 100


def table():
    """Return rows whose second feature predicts with another sign in each environment."""
    torch.manual_seed(0)
    x = torch.randn(len(SITES), 4)
    sign = torch.tensor([{"a": 1.0, "b": -0.5, "c": 2.0}[site] for site in SITES])
    return TensorDataset(x, x[:, 0] + sign * x[:, 1] + 0.1 * torch.randn(len(SITES)))


def environments():
    return EnvironmentBatchSampler(SITES, batch_size=64, seed=3)


def windows():
    """Draw windows along the rows, as if they were in the order of time."""
    return WindowBatchSampler(range(len(SITES)), batch_size=64, seed=3)


def train(dtype, steps, make=environments):
    """Return the parameters after some steps, the first gradient, and what an audit says."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)).to(dtype)
    model = DistributedDataParallel(model) if dist.is_initialized() else model
    sampler = make()
    loader = DataLoader(table(), batch_sampler=sampler)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    first, rows, done, epoch = [], [], 0, 0
    while done < steps:
        sampler.set_epoch(epoch)
        rows += list(sampler)
        sampler.set_epoch(epoch)
        for x, y in islice(loader, steps - done):
            optimiser.zero_grad()
            loss = ((model(x.to(dtype))[:, 0] - y.to(dtype)) ** 2).mean()
            loss.backward()
            first = first or [p.grad.clone() for p in model.parameters()]
            optimiser.step()
            done += 1
        epoch += 1
    found = audit(loader, SITES)
    return {
        "parameters": nn.utils.parameters_to_vector(model.parameters()).detach(),
        "gradient": torch.cat([part.flatten() for part in first]),
        "rows": rows,
        "audit": (found.verdict, found.n_processes, found.notes),
    }


def both():
    """Train in single precision; in double, find the first gradient, of windows too."""
    return {
        "single": train(torch.float32, STEPS),
        "double": train(torch.float64, 1),
        "windows": train(torch.float64, 1, windows),
    }


def other_audits(early):
    """Return what the audit says of samplers that are not meant for several processes."""
    rank, data = dist.get_rank(), table()
    alone = {"num_replicas": 1, "rank": 0}
    samplers = {
        "own seeds": EnvironmentBatchSampler(SITES, 16, seed=rank),
        "one seed": EnvironmentBatchSampler(SITES, 16, **alone),
        "own lengths": EnvironmentBatchSampler(SITES, 16 + 64 * rank, **alone),
    }
    found = {name: audit(DataLoader(data, batch_sampler=s)) for name, s in samplers.items()}
    usual = torch.utils.data.DistributedSampler(data)
    found["usual"] = audit(DataLoader(data, batch_size=16, sampler=usual), SITES)
    try:
        next(iter(early))
    except DataError as error:
        refusal = str(error)
    return {name: (a.verdict, a.notes) for name, a in found.items()} | {"early": refusal}


def disagreements():
    """Return what processes are told whose samplers differ, and the epochs of those that agree."""
    rank, told = dist.get_rank(), {}
    ahead, agreed = environments(), environments()
    if rank:
        ahead.set_epoch(1)
    other_labels = [*SITES[rank:], *SITES[:rank]]
    for name, sampler in {
        "seed": EnvironmentBatchSampler(SITES, 64, seed=rank),
        "epoch": ahead,
        "data": EnvironmentBatchSampler(other_labels, 64),
    }.items():
        try:
            next(iter(sampler))
        except DataError as error:
            told[name] = str(error)
    return told | {"orders": [str(list(agreed)) for _ in range(3)]}


def in_process(rank, world, folder):
    """Train as one of several processes that meet in a file."""
    early = EnvironmentBatchSampler(SITES, batch_size=64)
    meeting = f"file://{folder}/meeting{world}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    found = both() | {"others": other_audits(early), "disagree": disagreements()}
    torch.save(found, Path(folder) / f"{world}-{rank}.pt")
    dist.destroy_process_group()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--out", type=Path)
    options.add_argument("--ranks", type=int, nargs="*", default=[])
    chosen = options.parse_args()
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
        found = train(torch.float32, STEPS)
        if dist.get_rank() == 0:
            print(found["audit"], found["parameters"].norm().item())
        dist.destroy_process_group()
        return
    torch.set_num_threads(1)
    folder = str(chosen.out.resolve())
    # This process first: what torch loads when it trains, those forked from it have already.
    torch.save(both(), chosen.out / "alone.pt")
    for world in chosen.ranks:
        start_processes(in_process, args=(world, folder), nprocs=world, start_method="fork")


if __name__ == "__main__":
    main()
