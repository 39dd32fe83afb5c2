"""
The forecast for a month that nobody has seen
=============================================

Bicycle hire in Washington, January to November. How many riders will there be in December, hour
by hour, and how far off may the forecast be?
"""

# %%
# December stays in the drawer. Every second hour of the other months is enough here.
import matplotlib.pyplot as plt
import numpy as np

from elinvar import TransferRegressor
from elinvar.datasets import load_bikes

frame = load_bikes().frame
features = ["hour", "workingday", "weather", "temp", "humidity", "windspeed"]
seen = frame[frame["month"] != "Dec"].iloc[::2]
december = frame[frame["month"] == "Dec"]

model = TransferRegressor()
model.fit(seen[features], seen["log_bikers"], environments=seen["month"])
print(model.explain())

# %%
# The error that it states is not that of rows it has learnt from. Each month was left out in
# turn, forecast from the others, and compared with a line, with trees, and with the mean:
model.left_out_[["environment", "least squares", "mixture", "constant"]].round(2)

# %%
# Now December. In nine of ten new months, nine of ten hours should lie in the band.
hours = december.iloc[:168]
forecast = model.predict(hours[features])
low, high = model.predict_interval(hours[features]).T

fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
when = np.arange(len(hours)) / 24
ax.fill_between(when, np.exp(low), np.exp(high), alpha=0.25, linewidth=0, label="90% band")
ax.plot(when, np.exp(forecast), label="forecast")
ax.plot(when, hours["bikers"], "k.", markersize=3, label="what came")
ax.set_yscale("log")
ax.set_ylim(1, 3000)
ax.set_xlabel("day of December")
ax.set_ylabel("riders an hour")
ax.legend(ncols=3, loc="upper left", frameon=False)
ax.set_title("A week of December, forecast from January to November")

# %%
low, high = model.predict_interval(december[features]).T
inside = (december["log_bikers"] >= low) & (december["log_bikers"] <= high)
error = np.sqrt(np.mean((december["log_bikers"] - model.predict(december[features])) ** 2))
print(f"December: error {error:.2f}, {inside.mean():.0%} of the hours in the band")

# %%
# What drives the forecast, and what differs between months? Thin lines are single months, the
# band is where a new month should lie.
model.plot_curves()

# %%
# **What to take away.** An error is worth something if it was measured in places that were not
# learnt from, and a month is a place.
#
# The picture is that of :func:`~elinvar.plots.plot_curves`; what a forecast has found is a
# :class:`~elinvar.answer.TransferAnswer`, and of classes it comes from
# :class:`~elinvar.TransferClassifier`.
