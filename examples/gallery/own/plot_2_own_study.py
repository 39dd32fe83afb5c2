"""
A study of your own: does momentum keep the bias?
=================================================

A question, a grid of runs, a table, a picture. :class:`elinvar.sweeps.Sweep` runs the cells, gives
each its seed, and goes on where a killed run stopped.
"""

# %%
# The bias towards what holds comes from large plain steps on one environment after another.
# Momentum adds up old gradients, and so mixes environments again. Does the bias survive? A cell
# of the grid is a function; what it returns is a row of the table.
import numpy as np

from elinvar.sensing import HeteroSGD, Momentum, SensingProblem, solve
from elinvar.sweeps import Sweep, run_sweep


def cell(*, heterogeneity, momentum, repetition, rng):
    """Return what one run leaves of the spurious part."""
    problem = SensingProblem.two_point(
        dim=15, invariant_rank=1, spurious_rank=1, heterogeneity=heterogeneity, rng=rng
    )
    algorithm = HeteroSGD(
        step_size=0.1 * (1 - momentum),
        batch_size=100_000,
        optimizer=Momentum(beta=momentum),
    )
    run = solve(problem, algorithm, steps=1200, rng=rng)
    late = run.spurious_signal[len(run.spurious_signal) * 2 // 3 :]
    return {"left": float(np.exp(np.mean(np.log(late + 1e-12))))}


sweep = Sweep(
    name="momentum",
    function=cell,
    axes={
        "heterogeneity": tuple(np.linspace(2, 14, 9)),
        "momentum": (0.0, 0.5, 0.8, 0.9),
        "repetition": tuple(range(4)),
    },
    problem=("heterogeneity",),
)
rows = run_sweep(sweep)
rows.head()

# %%
# Step sizes are such that momentum travels as far as plain steps would. The median of four runs:
import matplotlib.pyplot as plt

table = rows.pivot_table("left", "heterogeneity", "momentum", "median")
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for momentum, line in table.items():
    ax.plot(line.index, line, "o-", label=f"{momentum:g}")
ax.set_yscale("log")
ax.set_xlabel("heterogeneity M")
ax.set_ylabel("spurious part that is left")
ax.set_title("With much momentum the spurious part stays")
ax.legend(title="momentum", frameon=False)

# %%
# **What to take away.** A little momentum keeps the bias. With much of it a step follows the
# average of many environments, and what is spurious stays. Theory says so, too:
# :func:`elinvar.theory.momentum_growth_exponent`. To make such a grid a study with a claim and a
# verdict, see :class:`elinvar.studies.Study` and :class:`elinvar.studies.StudyConfig`. Where growth
# turns into decay is found by :func:`elinvar.studies.slope` and :func:`elinvar.studies.transition`,
# on a finer grid than this, as a :class:`elinvar.studies.Transition`.
