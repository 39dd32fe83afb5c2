"""
The steps of the paper on a table
=================================

The same large steps, one environment at a time, on rows and columns: what holds grows, what changes
is pushed back again and again.
"""

# %%
# Four clinics. Dose and age prolong the stay everywhere. The price goes with the stay, too, but up
# in some clinics and down in others; what day it is has nothing to do with it.
import numpy as np
import pandas as pd

from elinvar import HeteroSGDRegressor, QuadraticInvariantRegressor

rng = np.random.default_rng(0)
clinic = np.repeat(["north", "south", "east", "west"], 5_000)
dose, age, price, weekday = rng.normal(size=(4, len(clinic)))
sign = pd.Series({"north": 3.0, "south": -2.0, "east": 2.5, "west": -2.5})[clinic].to_numpy()
days = dose + 0.5 * age + sign * price + rng.normal(size=len(clinic))
X = pd.DataFrame({"dose": dose, "age": age, "price": price, "weekday": weekday})

# %%
# Steps on one clinic at a time. Whenever the effect of the price begins to grow, a clinic that
# disagrees is drawn, and throws it back: its line stays at zero.
model = HeteroSGDRegressor(n_steps=1500, record_every=1, random_state=0)
model.fit(X, days, environments=clinic)
model.plot_trajectory()

# %%
# The same rows mixed in every step: the average effect of the price is learnt, too.
mixed = HeteroSGDRegressor(pooled=True, n_steps=1500, record_every=1, random_state=0)
mixed.fit(X, days, environments=clinic)
mixed.plot_trajectory()

# %%
# As a table, to go on with:
print(model.tidy()[["term", "estimate"]].round(2).to_string(index=False))

# %%
# Products of features
# --------------------
# The matrix of the paper is a table of weights for products of two columns. Here the product of
# dose and age counts everywhere, the square of the price changes its sign.
squares = 2 * dose * age + 2 * sign * price**2 + rng.normal(size=len(clinic))
form = QuadraticInvariantRegressor(random_state=0).fit(X, squares, environments=clinic)

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for ax, matrix, title in [
    (axes[0], form.matrix_, "one clinic at a time"),
    (axes[1], form.pooled_matrix_, "all clinics at once"),
]:
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_xticks(range(4), X.columns, rotation=30)
    ax.set_yticks(range(4), X.columns)
    ax.set_title(title)
fig.colorbar(image, ax=axes, label="weight of the product")

# %%
# Its steps. A product is one direction in which the sum of the two counts, and one in which their
# difference does, with the opposite sign:
form.plot_trajectory()

# %%
# **What to take away.** The steps find what tests find, and show why: a lesson, and a check. For a
# table :class:`elinvar.InvariantRegressor` is faster, and says how sure it is.
#
# Pictures of steps are :func:`~elinvar.plots.plot_trajectory` on a recorded run (here a
# :class:`~elinvar.sensing.quadratic.QuadraticTrajectory`); both models are a
# :class:`~elinvar.estimators.StochasticRegressor`, and their frames come from
# :class:`~elinvar.estimators.Tidied`.
