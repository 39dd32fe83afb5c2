"""
Every verdict, on schools whose truth is known
==============================================

Twenty schools and five things that may raise a score. We drew the pupils ourselves, so each
verdict can be held against the truth, school by school.
"""

# %%
# Homework raises the score by 1.5 points an hour in every school. A day of presence raises it by
# about .4, a shelf of books by about 2, a little more here and a little less there. A larger
# group helps in some schools and harms in others. The size of shoes does nothing.
from elinvar import InvariantRegressor
from elinvar.datasets import make_schools

schools = make_schools(rng=0)
schools.effects.agg(["mean", "std"]).round(2)

# %%
# elinvar sees the pupils alone.
model = InvariantRegressor(intercept="environment").fit_rows(schools.environments())
columns = ["feature", "verdict", "effect", "between_sd", "new_low", "new_high"]
model.all_features_[columns].round(2)

# %%
# How far do the true effects of the schools lie within what it expects of a new school? Dots are
# the truth, bars what was said without knowing it.
import matplotlib.pyplot as plt

found = model.all_features_
fig, axes = plt.subplots(1, len(found), figsize=(10, 3), layout="constrained")
for ax, row in zip(axes, found.itertuples(), strict=True):
    truth = schools.effects[row.feature]
    ax.axhspan(row.new_low, row.new_high, color="C0", alpha=0.25, linewidth=0)
    ax.axhline(row.effect, color="C0")
    ax.plot(range(len(truth)), truth, "k.")
    ax.axhline(0, color="0.6", linewidth=0.8, linestyle="--")
    ax.set_title(f"{row.feature}\n{row.verdict}", fontsize=9)
    ax.set_xticks([])
    ax.set_xlabel("schools")
axes[0].set_ylabel("points a unit")

# %%
# "Varies" for the size of the group is an answer too: it says that no single number would be true
# of the next school. "No effect" is a claim and has to be earned: the effect of shoes is sure to
# be smaller than the smallest effect of interest, in a new school as well.
#
# Are such claims right as often as they say? Each is made for nine in ten new schools.
# :func:`elinvar.bench.claims` holds the claims of a model against a school that it has not seen;
# here, each school in turn.
import pandas as pd

from elinvar.bench import claims

held = []
for school, pupils in schools.frame.groupby("school"):
    rows = schools.frame[schools.frame["school"] != school]
    others = InvariantRegressor(intercept="environment").fit(
        rows[list(schools.features)], rows["score"], environments=rows["school"]
    )
    held.append(claims(others, pupils[list(schools.features)], pupils["score"]))
held = pd.concat(held).query("checked and table == 'all_features'")
print(f"{len(held)} claims about schools left out, {held['contradicted'].mean():.0%} contradicted")
