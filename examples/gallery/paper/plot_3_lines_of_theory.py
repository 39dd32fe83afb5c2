r"""
Every line that theory draws
============================

How much spread, how large a step, how many environments in a batch, how wide a window, how many
measurements: each has a line, and each can be computed before anything runs.
"""

# %%
# What decides is the growth exponent of a spurious direction: the mean logarithm of what one step
# multiplies it by. It depends on the law from which environments come, and more than one line
# crosses zero.
import matplotlib.pyplot as plt
import numpy as np

from elinvar.theory import (
    critical_environments,
    heterogeneity_window,
    law_growth_exponent,
    step_window,
    width_window,
)

spreads = np.linspace(0, 20, 161)
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for law, line in (("two_point", "-"), ("gaussian", "--"), ("uniform", ":"), ("cosine", "-.")):
    growth = [law_growth_exponent(M, 0.1, law=law).exponent for M in spreads]
    ax.plot(
        spreads,
        np.maximum(growth, -0.5),
        line,
        label=f"{law}: {heterogeneity_window(0.1, law=law)}",
    )
ax.axhline(0, color="0.3", linewidth=1)
ax.set(xlabel="spread between environments M", ylabel="growth exponent", ylim=(-0.4, 0.4))
ax.set_title("Below 0 what changes dies; in the legend, from where to where")
ax.legend(frameon=False)

# %%
# At a spread of 6 the step may be neither small nor huge; a batch may mix few environments; and
# where they change gradually, it must be gathered within a part of the year:
print("step size:", step_window(6))
for spread in (6, 7, 9):
    print(f"M = {spread}: environments a batch up to {critical_environments(spread, 0.1):.0f}")
print("window, as a share of the year:", width_window(10, 0.1))

# %%
# Small batches add noise. The error that remains, the batch from which it is below the signal, and
# the rate at which noise alone makes directions grow:
from elinvar.theory import critical_batch_size, noise_floor, noise_growth_rate

batches = np.geomspace(500, 2e5, 30)
case = dict(dim=50, power=74.0)
floor = [noise_floor([1.0, 1.0], 0.1, batch_size=m, **case).error for m in batches]
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.loglog(batches, floor)
ax.axvline(critical_batch_size([1.0, 1.0], 0.1, **case), color="0.4", linestyle="--")
ax.set(xlabel="measurements a batch", ylabel="error that noise leaves")
ax.set_title("Left of the dashed line noise is as large as what is to be learnt")
print(f"growth by noise alone, m = 2,000: {noise_growth_rate(50, 0.1, 2000, 74.0):.4f} a step")

# %%
# And times: when what holds leaves its start, and when it is learnt. Where environments do not
# share their directions, the exponent is that of a random product; below 0 amplitudes still flare
# up at times, the less often the larger the burst exponent.
from elinvar.theory import (
    burst_exponent,
    convergence_steps,
    escape_steps,
    matrix_growth_exponent,
    step_limits,
)

print(f"escapes after {escape_steps(1.0, 0.1, 1e-3):.0f} steps")
print(f"learnt after {convergence_steps(1.0, 0.1, 1e-3):.0f}")
print(step_limits([1.0], [7.0, -5.0]))
turned = np.array([[[7.0, 0.0], [0.0, -5.0]], [[-5.0, 2.0], [2.0, 7.0]]])
print(matrix_growth_exponent(turned, 0.1, n_steps=2000))
print(f"burst exponent {burst_exponent([7.0, -5.0], 0.1):.2f}")

# %%
# For a table, where a feature has two gates, it is the gain that is chosen: which gains let a
# feature die whose slope is .4 here and .8 there, and which steps if its slopes have both signs?
from elinvar.theory import gate_growth_exponent, suppressing_gains, suppressing_steps

gains = np.linspace(0, 16, 200)
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(gains, [gate_growth_exponent([0.4, 0.8], 0.25, gain=gain) for gain in gains])
low, high = suppressing_gains([0.4, 0.8], 0.25)
ax.axvspan(low, high, color="C0", alpha=0.15)
ax.axhline(0, color="0.3", linewidth=1)
ax.set(xlabel="gain", ylabel="growth exponent", ylim=(-0.5, 0.5))
ax.set_title(f"Gains from {low:.1f} to {high:.1f} suppress it")
print("steps:", *(f"{step:.3f}" for step in suppressing_steps([-0.8, 1.0])))

# %%
# **What to take away.** None of these lines was fitted to a run. ``elinvar reproduce`` measures how
# far runs are from them, and ``elinvar reproduce --page`` lets you move along them.
#
# What these functions return is a :class:`~elinvar.theory.Window`, a
# :class:`~elinvar.theory.GrowthExponent`, a :class:`~elinvar.theory.NoiseFloor` or
# :class:`~elinvar.theory.StepLimits`. Environments that drift, and growth by bursts and noise
# together, are for :func:`~elinvar.theory.drift_peak`, :func:`~elinvar.theory.critical_speed` and
# :func:`~elinvar.theory.free_growth_exponent`.
