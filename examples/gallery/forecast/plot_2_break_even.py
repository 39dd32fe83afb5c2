"""
Break-even: when does it pay to trust only what holds?
======================================================

Effects that come and go may still help a forecast, as long as new places look like old ones. From
some difference on they hurt. elinvar says from which.
"""

# %%
# Rain makes the crop grow; pickers are a consequence of the harvest, and each region hires in its
# own way. ``stretch`` says how many times as far regions lie from the usual way.
import matplotlib.pyplot as plt
import numpy as np

# sphinx_gallery_thumbnail_number = 2
from elinvar import InvariantRegressor

rng = np.random.default_rng(0)


def region(stretch, farms=300):
    """Return features and harvest of the farms of a region."""
    rain = rng.normal(0, 1, farms)
    harvest = 3 * rain + rng.normal(0, 2, farms)
    hired = 1 + 0.3 * stretch * rng.standard_normal()
    return np.column_stack([rain, hired * harvest + rng.normal(0, 1, farms)]), harvest


regions = [region(stretch=1) for _ in range(12)]
X = np.vstack([x for x, _ in regions])
y = np.concatenate([harvest for _, harvest in regions])
where = np.repeat([f"region {k}" for k in range(12)], 300)

model = InvariantRegressor(predictor="invariant").fit(X, y, environments=where)
print(model.explain())

# %%
# Both models, and what their error will be in places that differ more and more from one another:
model.plot_break_even()

# %%
# Is that so? We draw regions that differ more and more, and measure.
import pandas as pd

pooled = InvariantRegressor(predictor="pooled").fit(X, y, environments=where)
rows = []
for times in np.linspace(0, 8, 17):
    for _ in range(200):
        x, harvest = region(stretch=np.sqrt(times), farms=100)
        errors = {
            "what holds": np.mean((harvest - model.predict(x)) ** 2),
            "all columns": np.mean((harvest - pooled.predict(x)) ** 2),
        }
        rows.append({"times": times, **errors})
measured = pd.DataFrame(rows).groupby("times").mean()

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(measured.index, np.sqrt(measured["what holds"]), "C0", label="what holds")
ax.plot(measured.index, np.sqrt(measured["all columns"]), "0.5", label="all columns")
even = model.break_even_
ax.axvspan(even.low, min(even.high, 8), color="C0", alpha=0.12, linewidth=0)
ax.axvline(even.shift, color="C0", linestyle="--", label="predicted break-even")
ax.set_xlabel("how many times as different new regions are (in variance)")
ax.set_ylabel("measured error (tonnes)")
ax.set_title("Measured in new regions")
ax.set_xlim(0, 8)
ax.legend(frameon=False)

# %%
# **What to take away.** For forecasts in places like yours, columns that come and go are welcome.
# If you do not know what comes, or if it will differ more than the number at the crossing, take
# ``predictor="invariant"``.
#
# The picture is that of :func:`~elinvar.plots.plot_break_even`.
