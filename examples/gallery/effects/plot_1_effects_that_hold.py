"""
Effects that hold, and one that only seems to
=============================================

Five regions grow the same crop. Rain and fertiliser make it grow, everywhere alike. Pickers do
not: they are hired once farmers see how much there is to pick, many in one region, fewer in the
next, and where machines do the work hardly any. The number of pickers still tells a good harvest
from a bad one, so any method that looks for a low error will use it, and be misled where pickers
are hired in another way. Can the table tell?
"""

# %%
# We make the table ourselves, so that we know the truth: a decimetre of rain is worth 3 tonnes, a
# bag of fertiliser 2, and pickers are a consequence of the harvest.
import numpy as np
import pandas as pd

# sphinx_gallery_thumbnail_number = 2

rng = np.random.default_rng(3)


def season(region, hired):
    """Return 200 farms of a region, where ``hired`` more pickers come for each tonne."""
    rain = rng.normal(5, rng.uniform(0.5, 1.5), 200)
    fertiliser = rng.normal(4, rng.uniform(0.5, 1.5), 200)
    harvest = 3 * rain + 2 * fertiliser + rng.normal(0, 2, 200)
    pickers = 30 + hired * (harvest - 23) + rng.normal(0, 2, 200)
    columns = {"rain": rain, "fertiliser": fertiliser, "pickers": pickers, "harvest": harvest}
    return pd.DataFrame(columns).assign(region=region)


hired = {"north": 0.8, "south": 1.0, "east": 1.2, "west": 1.4, "plain": -0.2}
table = pd.concat([season(region, more) for region, more in hired.items()])
table.head().round(1)

# %%
# One call looks for the effects that are the same in all regions, and says in words what it found:
from elinvar import InvariantRegressor

features = ["rain", "fertiliser", "pickers"]
model = InvariantRegressor(predictor="invariant")
model.fit(table[features], table["harvest"], environments=table["region"])
print(model.explain())

# %%
# Rain and fertiliser are found, with their sizes of 3 and 2. Pickers are called **spurious**:
# beside the two they change from region to region.
columns = ["feature", "verdict", "effect", "low", "high"]
model.evidence_[columns].round(2)

# %%
# The picture shows why. Each dot is the effect of a column in one region, with its 95% interval.
model.plot_forest()

# %%
# Now a new region, where farms with a large harvest bring a machine and send pickers home. Least
# squares on all rows together trusts the pickers, and pays for it.
import matplotlib.pyplot as plt
from sklearn.linear_model import LinearRegression

pooled = LinearRegression().fit(table[features], table["harvest"])
island = season("island", hired=-0.5)


def error(predicted):
    """Return the root mean squared error on the island, in tonnes."""
    return float(np.sqrt(np.mean((island["harvest"] - predicted) ** 2)))


errors = {
    "least squares\non all rows": error(pooled.predict(island[features])),
    "elinvar,\nwhat holds": error(model.predict(island[features])),
}
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar(list(errors), list(errors.values()), color=["0.7", "C0"], width=0.6)
ax.axhline(2, color="0.3", linestyle="--", linewidth=1)
ax.text(-0.3, 2.03, "what no column knows", va="bottom", color="0.2")
ax.set_ylabel("error on the island (tonnes)")
ax.set_title("In a new region, what holds still holds")

# %%
# **What to take away.** A column can help in every place that you have seen, and mislead in the
# next. What gives it away is that it does not help by the *same amount*. That takes environments
# that differ: had all regions hired alike, nothing in the table could have told pickers from a
# cause, and :func:`elinvar.diagnose` says so before any fit.
