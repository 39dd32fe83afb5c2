"""What training frameworks really do with our samplers, with the real packages."""

from itertools import chain

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from elinvar.errors import DataError
from elinvar.neural import EnvironmentBatchSampler, audit

SITES = np.repeat(["a", "b", "c"], [60, 40, 20])
ROWS = torch.arange(120.0)
CPU = torch.device("cpu")


def loader(**settings):
    sampler = EnvironmentBatchSampler(SITES, 10, seed=1, **settings)
    return DataLoader(TensorDataset(ROWS), batch_sampler=sampler)


def epochs(count):
    """Return the rows of each batch of each epoch, as a plain loop has them."""
    plain = loader()
    return [[batch.tolist() for (batch,) in plain] for _ in range(count)]


def in_lightning(folder, max_epochs, from_checkpoint=None, **settings):
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        """Remembers the rows that it is given."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))
            self.seen = []

        def training_step(self, batch, index):
            self.seen.append(batch[0].tolist())
            return (self.weight - 1) ** 2

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    module = Module()
    trainer = lightning.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(module, loader(), ckpt_path=from_checkpoint)
    return module.seen, trainer


quiet = pytest.mark.filterwarnings("ignore")


@quiet
def test_lightning_goes_through_the_epochs_and_resumes_in_the_right_one(tmp_path):
    seen, trainer = in_lightning(tmp_path, 3)
    assert seen == [*chain(*epochs(3))]
    trainer.save_checkpoint(tmp_path / "third.ckpt")
    resumed, _ = in_lightning(tmp_path, 5, tmp_path / "third.ckpt")
    assert resumed == [*chain(*epochs(5)[3:])]


@quiet
def test_what_lightning_makes_of_a_batch_sampler_on_two_processes():
    pytest.importorskip("lightning")
    from lightning.pytorch.utilities.data import _update_dataloader
    from torch.utils.data import DistributedSampler

    # use_distributed_sampler=True, its default: it tries to build our sampler anew, around its own
    shared = DistributedSampler(TensorDataset(ROWS), num_replicas=2, rank=0)
    with pytest.raises(DataError, match=r"Trainer\(use_distributed_sampler=False\)"):
        _update_dataloader(loader(), shared)


@quiet
def test_accelerate_shares_out_what_it_is_told(tmp_path):
    accelerate = pytest.importorskip("accelerate")
    from accelerate.data_loader import prepare_data_loader

    accelerator = accelerate.Accelerator(cpu=True)
    prepared = accelerator.prepare(loader())
    found = [[batch.tolist() for (batch,) in prepared] for _ in range(3)]
    assert found == epochs(3)
    assert audit(prepared).verdict == "hetero"
    shared = prepare_data_loader(loader(), num_processes=2, process_index=0, device=CPU)
    mixed = audit(shared)
    assert (mixed.verdict, mixed.n_processes) != ("hetero", 2)
    assert "gives each process another batch" in mixed.notes[0]
    split = prepare_data_loader(
        loader(), num_processes=2, process_index=0, split_batches=True, device=CPU
    )
    assert audit(split).verdict == "hetero"
    dispatched = prepare_data_loader(
        loader(),
        num_processes=2,
        process_index=0,
        dispatch_batches=True,
        put_on_device=True,
        device=torch.device("cpu"),
    )
    with pytest.raises(ValueError, match="dispatch_batches=False"):
        audit(dispatched)


@quiet
def test_hugging_face_resumes_in_mid_epoch(tmp_path):
    transformers = pytest.importorskip("transformers")
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"x": ROWS.tolist(), "source": SITES.tolist()})

    class Network(nn.Module):
        """Remembers the rows that it is given."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))
            self.seen = []

        def forward(self, x):
            self.seen.append(x.tolist())
            return {"loss": (self.weight - 1) ** 2}

    class Trainer(transformers.Trainer):
        """As in examples/torch/hugging_face_trainer.py."""

        def get_train_dataloader(self):
            source = self.train_dataset["source"]
            sampler = EnvironmentBatchSampler(source, self.args.train_batch_size, seed=1)
            rows = self.train_dataset.remove_columns("source")
            found = DataLoader(rows, batch_sampler=sampler, collate_fn=self.data_collator)
            found.set_epoch = sampler.set_epoch
            return found

    def train(**settings):
        network = Network()
        arguments = transformers.TrainingArguments(
            str(tmp_path),
            per_device_train_batch_size=10,
            num_train_epochs=3,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            save_steps=17,
        )
        trainer = Trainer(model=network, args=arguments, train_dataset=data)
        trainer.train(**settings)
        return network.seen

    whole = train()
    assert whole == [*chain(*epochs(3))]
    assert train(resume_from_checkpoint=str(tmp_path / "checkpoint-17")) == whole[17:]
