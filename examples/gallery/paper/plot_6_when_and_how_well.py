r"""
When it is learnt, and what error stays
=======================================

The open questions of the paper, each with a line that theory draws and a run beside it: what is
learnt when, what data that are used again cost, what directions at odd angles cost, and which
steps an optimiser needs that normalises them.
"""

# %%
# What is learnt when
# -------------------
# A model starts near zero, and learns one direction after another: the larger, the earlier, and the
# later, the less of it the start happens to have. Both are known beforehand.
import matplotlib.pyplot as plt
import numpy as np

from elinvar.sensing import HeteroSGD, SensingProblem, solve
from elinvar.theory import escape_steps, start_amplitudes

sizes = np.array([1.0, 0.5, 0.2])
case = dict(dim=20, spurious_rank=2, heterogeneity=7.0, rng=0)
problem = SensingProblem.two_point(invariant_rank=3, invariant_eigenvalues=sizes, **case)
start = 1e-3 * np.random.default_rng(1).standard_normal((20, 4)) / 2
directions = np.linalg.eigh(problem.invariant)[1][:, :-4:-1]

plain = HeteroSGD(step_size=0.08, batch_size=None)
run = solve(problem, plain, steps=900, rng=0, start=start, dtype="float64")
amplitudes = start_amplitudes(directions.T @ start, sizes)

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(run.steps, run.error)
for size, amplitude in zip(sizes, amplitudes, strict=True):
    when = escape_steps(size, 0.08, amplitude)
    ax.axvline(when, color="0.4", linestyle="--", linewidth=1)
    ax.annotate(f" {size:g}", (when, 1.1))
ax.set(xlabel="step", ylabel="distance to what holds", ylim=(0, 1.3))
ax.set_title("A stair for each direction; dashed: when theory expects it half learnt")

# %%
# Data that are used again
# ------------------------
# With fresh data in each step the error goes to zero. With a data set that is used again noise is
# learnt, too, the more of it the wider the model.
from elinvar.theory import reused_data_error

one = SensingProblem.two_point(invariant_rank=1, **case)
rows = np.array([1000, 2500, 6000])
fine = np.geomspace(800, 8000, 30)
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for width, colour in ((18, "C0"), (1, "C1")):
    how = dict(dim=18, power=2 * (7.0**2 + 1), width=width)
    expected = [reused_data_error([1.0], n_samples=2 * n, **how) for n in fine]
    ax.plot(fine, expected, color=colour, label=f"theory, width {width}")
    found = []
    for n in rows:
        begin = 1e-3 * np.random.default_rng(2).standard_normal((20, width)) / np.sqrt(width)
        run = solve(one.sample(n, rng=1), plain, steps=400, rng=0, start=begin)
        found.append(np.median(run.error[-130:]))
    ax.plot(rows, found, "o", color=colour, label=f"runs, width {width}")
ax.set(xlabel="measurements in each environment", ylabel="error that stays", ylim=0)
ax.set_title("A wide model learns noise that a narrow one cannot hold")
ax.legend(frameon=False)

# %%
# Directions that are not at right angles
# ---------------------------------------
# The paper asks that what changes lies at right angles to what holds. Where it leans by an angle,
# an error stays that grows in proportion.
from elinvar.theory import tilt_response

degrees = np.array([2, 5, 8, 12, 16])
share = np.sqrt(2.0) * tilt_response([8.0, -6.0], 0.08)
found = []
for degree in degrees:
    leaning = SensingProblem.two_point(
        dim=20,
        invariant_rank=1,
        spurious_rank=1,
        heterogeneity=7.0,
        angle=np.deg2rad(degree),
        rng=0,
    )
    run = solve(leaning, plain, steps=6000, rng=0)
    found.append(np.median(run.error[1000:]))
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot([0, 17], share * np.deg2rad([0, 17]), label="theory")
ax.plot(degrees, found, "o", label="runs")
ax.set(xlabel="angle, in degrees", ylabel="error that stays", ylim=0, xlim=0)
ax.set_title("A small angle costs a small error")
ax.legend(frameon=False)

# %%
# Steps that are normalised
# -------------------------
# RMSprop divides each step by its usual size. Then how different environments are no longer sets
# *whether* what changes dies, but from which step size on:
from elinvar.theory import critical_normalised_step

spread = np.linspace(2, 20, 60)
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(spread, critical_normalised_step(spread))
ax.fill_between(spread, critical_normalised_step(spread), 1, alpha=0.15)
ax.text(10, 0.35, "what changes dies")
ax.set(xlabel="spread between environments M", ylabel="step size of RMSprop", ylim=(0, 0.6))
ax.set_title("The more environments differ, the smaller a step will do")

# %%
# **What to take away.** None of these lines was fitted to the runs beside them. The questions, and
# the full studies that answer them:
from elinvar.studies import STUDIES, by_question

for question, studies in by_question(list(STUDIES.values()))[1:]:
    print(f"{question} {', '.join(study.name for study in studies)}")
