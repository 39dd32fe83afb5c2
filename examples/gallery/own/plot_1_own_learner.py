"""
A learner of your own in the mixture
====================================

The forecast mixes lines, curves, boosting and trees by their errors in places left out. Anything
that scikit-learn can fit may join, and has to earn its weight.
"""

# %%
# House prices in five Californian cities. A method that looks for houses like yours, and a smooth
# surface: two learners that elinvar does not have.
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elinvar import TransferRegressor
from elinvar.datasets import load_table

houses = load_table("sacramento")
X, y = houses.frame[list(houses.features)], houses.frame[houses.target]
city = houses.frame[houses.environment]

surface = GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), normalize_y=True)
mine = {
    "neighbours": make_pipeline(StandardScaler(), KNeighborsRegressor(7)),
    "smooth surface": make_pipeline(StandardScaler(), surface),
}
model = TransferRegressor(learners=mine).fit(X, y, environments=city)
print(model.explain())

# %%
# Each city is left out in turn; weights come from the errors there, and from nothing else.
import matplotlib.pyplot as plt

table = model.weights_.sort_values("left_out_error", ascending=False)
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
colours = table["learner"].isin(mine).map({True: "C1", False: "0.75"})
ax.barh(table["learner"], table["left_out_error"], color=colours)
for place, weight in enumerate(table["weight"]):
    if weight > 0:
        ax.text(0.01, place, f"weight {weight:.0%}", va="center", fontsize=9)
ax.axvline(model.left_out_["mixture"].mean(), color="C0", linestyle="--", label="the mixture")
ax.set_xlabel("error in a city that was left out (log price)")
ax.legend(frameon=False, loc="upper right", facecolor="w")

# %%
# **What to take away.** A learner that is good at home and bad elsewhere gets no weight, and one
# that is bad everywhere does no harm. ``save_model`` writes no code, so a model with learners of
# your own is saved whole, by skops.
#
# A learner that lives in elinvar is given a :class:`~elinvar.forecast.Sample` with its
# :class:`~elinvar.forecast.Columns`, and how far off the mixture was in each place is a
# :class:`~elinvar.forecast.Spread`; CONTRIBUTING.md has the steps.
