"""A list of data sets, one an environment, as DomainBed has them."""

import numpy as np
import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit

x, y, source = rows()
ENVIRONMENTS = sorted(set(source))
masks = [torch.tensor([name == own for name in source]) for own in ENVIRONMENTS]
environments = [TensorDataset(x[mask], y[mask]) for mask in masks]  # what DomainBed gives

labels = np.repeat(ENVIRONMENTS, [len(data) for data in environments])
sampler = EnvironmentBatchSampler(labels, batch_size=200)
loader = DataLoader(ConcatDataset(environments), batch_sampler=sampler)
print(audit(loader))

model = Gates()
optimizer = torch.optim.SGD(model.parameters(), lr=STEP)
for _ in range(30):
    for inputs, targets in loader:
        optimizer.zero_grad()
        half_squared_loss(model(inputs), targets).backward()
        optimizer.step()
report(model)
