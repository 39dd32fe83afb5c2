"""Train on two processes: ``torchrun --nproc-per-node 2 train_on_processes.py`` in this folder.

Each process prints which environment the rows of its batches come from, with the sampler of torch
and with that of elinvar.
"""

import json
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, HeteroTrainer, audit

SITES = ["north"] * 400 + ["south"] * 400 + ["west"] * 400


def main():
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    number = torch.arange(len(SITES))
    x = torch.randn(len(SITES), 3)
    data = TensorDataset(x, x[:, :1], number)

    usual = DataLoader(data, batch_size=64, sampler=DistributedSampler(data))
    # built after the processes have met: all of them draw the same environment, and other rows
    ours = DataLoader(data, batch_sampler=EnvironmentBatchSampler(SITES, batch_size=128))
    seen = {
        "DistributedSampler": [[SITES[i] for i in rows] for _, _, rows in usual],
        "EnvironmentBatchSampler": [[SITES[i] for i in rows] for _, _, rows in ours],
    }
    verdicts = {
        "DistributedSampler": audit(usual, SITES).verdict,
        "EnvironmentBatchSampler": audit(ours).verdict,
    }

    model = DistributedDataParallel(nn.Linear(3, 1))
    pairs = DataLoader(TensorDataset(x, x[:, :1]), batch_sampler=ours.batch_sampler)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    trainer = HeteroTrainer(model, optimizer, nn.functional.mse_loss, record_every=5)
    training = trainer.fit(pairs, steps=30)
    loss = float(training.metrics["loss"].iloc[-1])

    found = {"rank": dist.get_rank(), "seen": seen, "verdicts": verdicts, "loss": loss}
    sys.stdout.write(json.dumps(found) + "\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
