"""
Classes: who is born too light?
===============================

The target need not be a number. Here it is a class: whether a newborn weighs less than 2.5 kg.
The environments are four groups of mothers, who differ in age, in weight gained, and in how often
their babies come early.
"""

# %%
from elinvar import InvariantClassifier
from elinvar.datasets import load_table

births = load_table("ncb_low")
features = ["Weeks", "Gained", "MomAge"]
model = InvariantClassifier()
model.fit(births.frame[features], births.frame["Low"], environments=births.frame["MomRace"])
print(model.explain())

# %%
# Effects are on the log odds: ``exp(effect)`` is what a week more does to the odds of a low weight.
import numpy as np

weeks = model.evidence_.set_index("feature").loc["Weeks"]
print(f"a week more: the odds times {np.exp(weeks['effect']):.2f}, in a new group, too")

# %%
# A week more in the womb about halves the odds, in every group of mothers.
model.plot_forest()

# %%
# How good are its probabilities in a group that it has not seen? Each is left out in turn; the
# error is the mean log loss, of which the column "constant" has what the share of light babies
# alone would give.
model.errors_.round(3)

# %%
# **What to take away.** ``InvariantClassifier`` is :class:`~elinvar.InvariantRegressor` for
# classes, two or more: same verdicts, same pages, same pictures. On the command line, add
# ``--classify``.
#
# Forecasts of a class: :class:`~elinvar.TransferClassifier`.
