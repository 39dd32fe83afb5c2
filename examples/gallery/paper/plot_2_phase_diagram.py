r"""
A phase diagram: where a run ends, said before it starts
========================================================

Step size against heterogeneity: a map with three countries. In one the run finds what holds, in
one it also learns what does not, in one it diverges. Theory draws the border beforehand.
"""

# %%
# One run first. The spurious part of each environment is its mean times :math:`1 \pm M`.
from elinvar.sensing import HeteroSGD, SensingProblem, solve
from elinvar.theory import critical_heterogeneity, growth_exponent, predict_outcome


def problem(heterogeneity):
    """Return a matrix of 20 x 20 with two invariant directions and two spurious ones."""
    return SensingProblem.two_point(
        dim=20, invariant_rank=2, spurious_rank=2, heterogeneity=heterogeneity, rng=0
    )


hetero = HeteroSGD(step_size=0.1, batch_size=100_000)
print(predict_outcome(problem(6.0), hetero).outcome)
print(solve(problem(6.0), hetero, steps=600, rng=0))

# %%
# Now a hundred and sixty-eight runs. A step with a hundred thousand measurements costs no more than
# one with a hundred, because the averaged gradient is drawn from its exact law.
import numpy as np

step_sizes = np.geomspace(0.02, 0.4, 12)
heterogeneities = np.geomspace(1.5, 16, 14)
left = np.full((len(step_sizes), len(heterogeneities)), np.nan)
for row, step_size in enumerate(step_sizes):
    for column, heterogeneity in enumerate(heterogeneities):
        algorithm = HeteroSGD(step_size=step_size, batch_size=100_000)
        run = solve(problem(heterogeneity), algorithm, steps=round(100 / step_size), rng=1)
        if run.status == "completed":
            late = run.spurious_signal[len(run.spurious_signal) * 2 // 3 :]
            left[row, column] = np.mean(late)

# %%
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.set_facecolor("0.25")
image = ax.pcolormesh(
    heterogeneities, step_sizes, left, norm=LogNorm(1e-3, 1), cmap="viridis_r", shading="nearest"
)
line = [critical_heterogeneity(step_size=step_size) for step_size in step_sizes]
ax.plot(line, step_sizes, "r--", linewidth=2, label="predicted border")
ax.set(xscale="log", yscale="log", xlabel="heterogeneity M", ylabel="step size")
ax.set_xlim(1.5, 16)
ax.set_xticks([2, 4, 8, 16], ["2", "4", "8", "16"])
ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.4], ["0.02", "0.05", "0.1", "0.2", "0.4"])
ax.minorticks_off()
fig.colorbar(image, label="spurious part that is left")
ax.legend(loc="upper right", frameon=False, labelcolor="w")
ax.set_title("Left of the border it is learnt, right of it it dies; grey: diverges", fontsize=10)

# %%
# Why there? A spurious direction is multiplied, step after step, by :math:`1 + \eta s_e`. It dies
# where the mean of the logarithm is below zero:
for heterogeneity in (3.0, 4.5, 6.0):
    growth = growth_exponent([1 - heterogeneity, 1 + heterogeneity], step_size=0.1)
    print(f"M = {heterogeneity}: exp({growth:+.3f}) a step")

# %%
# **What to take away.** The mean rate is positive everywhere on this map; it is the *product* of
# steps that shrinks. ``elinvar reproduce phase-diagram`` makes the same map from four thousand runs
# and measures how far the line is off.
#
# What is said before a run is a :class:`~elinvar.theory.Prediction`;
# :func:`~elinvar.plots.plot_phase_diagram` and :func:`~elinvar.plots.plot_outcomes` draw such
# maps from tables.
