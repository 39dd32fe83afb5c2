"""Several processes: DistributedDataParallel, with the sampler built after they have met."""

import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit

PROCESSES = 2


def train(rank: int, folder: str) -> None:
    """Train as one of the processes; ``torchrun`` would start them as well."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=PROCESSES
    )
    x, y, source = rows()
    sampler = EnvironmentBatchSampler(source, batch_size=200)  # 100 rows for each process
    loader = DataLoader(TensorDataset(x, y), batch_sampler=sampler)
    found = audit(loader)  # asks all processes, so all call it
    if rank == 0:
        print(found)
    model = Gates()
    replica = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=STEP)
    for _ in range(30):
        for inputs, labels in loader:
            optimizer.zero_grad()
            half_squared_loss(replica(inputs), labels).backward()
            optimizer.step()
    if rank == 0:
        report(model)
    dist.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        spawn(train, args=(str(Path(folder)),), nprocs=PROCESSES)
