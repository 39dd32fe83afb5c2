"""
A curve that holds, learnt by a small network
=============================================

On a table, too, effects need not be lines. A small network, trained on one environment at a time,
finds which columns have one curve everywhere; trained anew on these alone, it learns the curve.
"""

# %%
# Three farms. The yield depends on the rain by a curve: too little and too much are both bad. Each
# farm also notes the costs of the harvest: a consequence of it, large here and small there.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from elinvar.neural import InvariantMLPRegressor

torch.set_num_threads(1)
rng = np.random.default_rng(0)
strength = {"hill": 2.5, "valley": 1.2, "shore": 0.4, "a new farm": -1.0}


def farm(name, days=600):
    """Return the days of one farm."""
    rain, wind = rng.uniform(-2, 2, days), rng.normal(size=days)
    harvest = 1.5 - rain**2 + 0.7 * rng.normal(size=days)
    costs = strength[name] * harvest + 0.3 * rng.normal(size=days)
    columns = {"rain": rain, "wind": wind, "costs": costs, "harvest": harvest}
    return pd.DataFrame(columns).assign(farm=name)


table = pd.concat([farm(name) for name in ("hill", "valley", "shore")], ignore_index=True)
new = farm("a new farm")
names = ["rain", "wind", "costs"]
how = dict(n_steps=400, refit_steps=300, random_state=0)
model = InvariantMLPRegressor(**how).fit(table[names], table["harvest"], environments=table["farm"])
mixed = InvariantMLPRegressor(pooled=True, **how)
mixed.fit(table[names], table["harvest"], environments=table["farm"])
print(dict(zip(names, model.selected_, strict=True)), model.status_)

# %%
# At a farm that neither has seen: prediction against truth.
fig, axes = plt.subplots(1, 2, figsize=(8, 3.5), sharey=True, layout="constrained")
for ax, one, title in [(axes[0], model, "what holds"), (axes[1], mixed, "all columns, rows mixed")]:
    ax.plot(new["harvest"], one.predict(new[names]), ".", alpha=0.4)
    ax.axline((0, 0), slope=1, color="0.3", linestyle="--", linewidth=1)
    ax.set(title=title, xlabel="harvest at a new farm")
axes[0].set_ylabel("predicted")

# %%
# What has the network learnt?
# ----------------------------
# The gradient of its output says what moves it, place by place. It sees its columns standardised.
from elinvar.neural import alignment, input_gradients

rain = (new[["rain"]].to_numpy() - table["rain"].mean()) / table["rain"].std()
gradient = input_gradients(model.network_, torch.tensor(rain)).numpy()[:, 0]
truth = -2 * new["rain"] * table["rain"].std() / table["harvest"].std()
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
order = np.argsort(new["rain"].to_numpy())
ax.plot(new["rain"].iloc[order], gradient[order], label="network")
ax.plot(new["rain"].iloc[order], truth.iloc[order], "--", color="0.3", label="truth")
ax.set(xlabel="rain", ylabel="what a bit more rain does")
ax.legend(frameon=False)

# %%
# How much of what moves the network with all columns lies in the one that holds? At random it would
# be a third.
columns = (new[names].to_numpy() - table[names].mean().to_numpy()) / table[names].std().to_numpy()
everything = input_gradients(mixed.network_, torch.tensor(columns))
print(f"share of the rain: {alignment(everything, np.eye(3)[:, :1]):.0%}")

# %%
# **What to take away.** Where curves count and columns are few, a small network can look for what
# holds; where lines do, :class:`elinvar.InvariantRegressor` is exact, and far faster.
#
# For classes there is :class:`~elinvar.neural.InvariantMLPClassifier`; the network inside is a
# :class:`~elinvar.neural.TwoLayerNetwork`. Of networks of your own,
# :class:`~elinvar.neural.HeteroTrainer` takes the steps and returns a
# :class:`~elinvar.neural.Training`.
