"""Hugging Face: a Trainer whose batches come from one source each."""

import tempfile

import torch
from three_sources import STEP, Gates, half_squared_loss, report, rows
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from datasets import Dataset
from elinvar.neural import EnvironmentBatchSampler, audit


class Network(nn.Module):
    """The network, as Trainer calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = Gates()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the loss and the outputs."""
        output = self.gates(x)
        return {"loss": half_squared_loss(output, labels), "logits": output}


class SourceTrainer(Trainer):
    """A Trainer that draws every batch from one source: the column "source" of its data."""

    def get_train_dataloader(self) -> DataLoader:
        """Return a loader; it is not prepared, as the sampler shares batches out itself."""
        size = self.args.train_batch_size * self.args.world_size
        sampler = EnvironmentBatchSampler(
            self.train_dataset["source"],
            size,
            seed=self.args.seed,
            # batches whose gradients are added up are from one source, too
            order="blocks",
            block=self.args.gradient_accumulation_steps,
        )
        data = self.train_dataset.remove_columns("source")
        loader = DataLoader(data, batch_sampler=sampler, collate_fn=self.data_collator)
        loader.set_epoch = sampler.set_epoch  # a run that is resumed goes on with its epoch
        return loader


x, y, source = rows()
data = Dataset.from_dict({"x": x.tolist(), "labels": y.tolist(), "source": source})

with tempfile.TemporaryDirectory() as folder:
    trainer = SourceTrainer(
        model=Network(),
        args=TrainingArguments(
            folder,
            per_device_train_batch_size=200,
            num_train_epochs=30,
            learning_rate=STEP,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=data,
        # plain SGD: AdamW divides out the size of gradients, and with it what differs
        optimizer_cls_and_kwargs=(torch.optim.SGD, {"lr": STEP}),
    )
    print(
        audit(trainer.get_train_dataloader(), accumulate=trainer.args.gradient_accumulation_steps)
    )
    trainer.train()
report(trainer.model.gates)
