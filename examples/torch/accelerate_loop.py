"""Accelerate: prepare model and optimiser, and leave the loader out of ``prepare``."""

import torch
from accelerate import Accelerator
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch.utils.data import DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit

accelerator = Accelerator(cpu=True)
x, y, source = rows()

sampler = EnvironmentBatchSampler(source, batch_size=200)
loader = DataLoader(TensorDataset(x, y), batch_sampler=sampler)
found = audit(loader)
accelerator.print(found)

model = Gates()
optimizer = torch.optim.SGD(model.parameters(), lr=STEP)
model, optimizer = accelerator.prepare(model, optimizer)
for _ in range(30):
    for inputs, labels in loader:
        inputs, labels = inputs.to(accelerator.device), labels.to(accelerator.device)
        optimizer.zero_grad()
        accelerator.backward(half_squared_loss(model(inputs), labels))
        optimizer.step()
if accelerator.is_main_process:
    report(accelerator.unwrap_model(model))
