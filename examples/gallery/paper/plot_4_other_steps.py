"""
Other measurements, other optimisers
====================================

The paper measures with Gaussian matrices and steps by plain SGD. What if measurements are sparse,
or rank one as in a network? What if the optimiser has momentum, or normalises its steps?
"""

# %%
# One problem, four laws of measurement. Each batch is fresh; ``x x'`` is met without its mean,
# which would move all directions at once.
import matplotlib.pyplot as plt

from elinvar.sensing import (
    CentredRankOne,
    Gaussian,
    HeteroSGD,
    PooledGD,
    PooledSGD,
    SensingProblem,
    SparseSign,
    SymmetricGaussian,
    solve,
)


def problem(measurements):
    """Return a matrix of 15 x 15 with two invariant directions and two spurious ones."""
    return SensingProblem.two_point(
        dim=15,
        invariant_rank=2,
        spurious_rank=2,
        heterogeneity=6.0,
        rng=0,
        measurements=measurements,
    )


laws = {
    "Gaussian": (Gaussian(), 0.1),
    "symmetric Gaussian": (SymmetricGaussian(), 0.1),
    "sparse signs": (SparseSign(density=0.2), 0.1),
    "rank one, centred": (CentredRankOne(), 0.05),
}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, (law, step_size) in laws.items():
    algorithm = HeteroSGD(step_size=step_size, batch_size=2_000)
    run = solve(problem(law), algorithm, steps=300, rng=0)
    # wide, since the next one lies on it
    ax.semilogy(run.steps, run.spurious_signal, label=name, lw=4 if name == "Gaussian" else 1.2)
for algorithm in (PooledSGD(step_size=0.1, batch_size=2_000), PooledGD(step_size=0.1)):
    run = solve(problem(Gaussian()), algorithm, steps=300, rng=0)
    ax.semilogy(run.steps, run.spurious_signal, "--", label=f"{type(algorithm).__name__}, Gaussian")
ax.set(xlabel="step", ylabel="spurious part that is there", ylim=(1e-4, 10))
ax.set_title("Small most of the time under every law, whole in mixed batches")
fig.legend(loc="outside lower center", ncols=3, frameon=False)

# %%
# Optimisers that remember past gradients see the average of environments, in part.
from elinvar.sensing import SGD, Adam, Momentum, Nesterov, RMSprop

optimizers = {
    "SGD": (SGD(), 0.1),
    "momentum .5": (Momentum(beta=0.5), 0.05),
    "Nesterov .5": (Nesterov(beta=0.5), 0.05),
    "RMSprop": (RMSprop(), 0.01),
    "Adam": (Adam(), 0.01),
}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, (optimizer, step_size) in optimizers.items():
    algorithm = HeteroSGD(step_size=step_size, batch_size=2_000, optimizer=optimizer)
    run = solve(problem(Gaussian()), algorithm, steps=300, rng=0)
    ax.semilogy(run.steps, run.error, label=name)
ax.set(xlabel="step", ylabel="distance to what holds")
ax.set_title("Plain steps come nearest")
ax.legend(frameon=False)

# %%
# What can be known beforehand, as a list of conditions:
from elinvar.theory import check_conditions

for condition in check_conditions(problem(Gaussian()), HeteroSGD(step_size=0.1, batch_size=2_000)):
    print(condition)

# %%
# **What to take away.** Which measurements hardly matters, which optimiser does. ``elinvar
# reproduce optimizers`` runs torch's own over many step sizes.
