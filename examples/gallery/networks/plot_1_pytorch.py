r"""
In PyTorch: batches from one environment, and a large step
==========================================================

The same network, the same rows, the same number of steps. One run takes every batch from one
environment, the other mixes them. Only the first forgets what comes and goes.
"""

# %%
# The network of the paper: a hidden layer with quadratic activation. The labels have a part that is
# the same everywhere and a part that changes with the environment.
import torch

from elinvar.neural import FreshBatches, HeteroTrainer, QuadraticNetwork, centred_squared_loss
from elinvar.sensing import SensingProblem

torch.set_num_threads(1)
problem = SensingProblem.two_point(
    dim=15, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
)
invariant = torch.tensor(problem.invariant, dtype=torch.float32)
pooled = torch.tensor(problem.pooled, dtype=torch.float32)


def train(order):
    """Train one network, and return the table of its distances to both solutions."""

    def distances(trainer):
        matrix = trainer.model.matrix.detach()
        return {
            "to what holds": float(torch.linalg.norm(matrix - invariant)),
            "to the average": float(torch.linalg.norm(matrix - pooled)),
        }

    network = QuadraticNetwork(15, 30, init_scale=0.01, seed=0)
    trainer = HeteroTrainer(
        network,
        torch.optim.SGD(network.parameters(), lr=0.02),
        centred_squared_loss,
        record_every=10,
        callbacks=[distances],
    )
    return trainer.fit(FreshBatches(problem, 4096, order=order), steps=600).metrics


one_at_a_time, mixed = train("cyclic"), train("pooled")

# %%
import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for ax, run, title in [
    (axes[0], one_at_a_time, "one environment a step"),
    (axes[1], mixed, "all environments in every step"),
]:
    ax.plot(run["step"], run["to what holds"], label="distance to what holds")
    ax.plot(run["step"], run["to the average"], "--", label="distance to the average of all")
    ax.set_title(title)
    ax.set_xlabel("step")
axes[0].set_yscale("log")
axes[0].legend(frameon=False)

# %%
# For rows of your own the sampler does it. The trap is elsewhere: usual loaders mix environments
# without a word, and no loss curve tells. ``audit`` counts what a step really sees.
from torch.utils.data import DataLoader, TensorDataset

from elinvar.neural import EnvironmentBatchSampler, audit

rows = torch.randn(9_000, 5)
data = TensorDataset(rows, rows[:, :1])
site = ["north", "south", "west"] * 3_000

print(audit(DataLoader(data, batch_size=512, shuffle=True), site))
print(audit(DataLoader(data, batch_sampler=EnvironmentBatchSampler(site, batch_size=512))))

# %%
# **What to take away.** A sampler and a large step are all there is to it; :doc:`/networks` says
# when it works, and when it does not: small differences, small batches, optimisers that normalise
# steps.
#
# What ``audit`` returns is an :class:`~elinvar.neural.Audit`. Other orders of batches:
# :class:`~elinvar.neural.PooledBatchSampler`, :class:`~elinvar.neural.WindowBatchSampler` and
# :class:`~elinvar.neural.EnvironmentStream`; how large a step may be:
# :func:`~elinvar.neural.step_size_window`.
