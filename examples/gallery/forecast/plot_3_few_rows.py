"""
Ten labelled rows from the new place
====================================

A school opens, and soon has ten pupils with a score. The other schools say how schools differ,
and so what may be learnt from ten rows and what must be left alone.
"""

# %%
# Fifteen simulated schools to learn from, and a sixteenth that is new.
import matplotlib.pyplot as plt
import numpy as np

# sphinx_gallery_thumbnail_number = 2
from elinvar import InvariantRegressor
from elinvar.datasets import make_schools

schools = make_schools(n_schools=16, n_pupils=150, rng=4)
features = list(schools.features)
is_new = schools.frame["school"] == "school 16"
known, new = schools.frame[~is_new], schools.frame[is_new]

model = InvariantRegressor(intercept="environment")
model.fit(known[features], known["score"], environments=known["school"])

# %%
# Before anyone labels a row, it says what rows will buy: the error to expect in a new school,
# after so many of its pupils.
model.plot_adaptation()

# %%
# ``adapt`` takes the rows. What it learns is told, too: this school is above or below the others,
# and by how much.
ten = model.adapt(new[features].iloc[:10], new["score"].iloc[:10], place="school 16")
print(ten.explain())

# %%
# Was the promise kept? For each number of rows we draw them many times from the new school, and
# measure on its other pupils. For comparison, the usual way: a regression on the labelled rows
# alone.
from sklearn.linear_model import LinearRegression

rng = np.random.default_rng(0)
counts, repeats = [0, 5, 10, 20, 50, 100], 40
adapted, alone = [], []
for count in counts:
    errors, errors_alone = [], []
    for _ in range(repeats):
        order = rng.permutation(len(new))
        few, rest = new.iloc[order[:count]], new.iloc[order[100:]]
        moved = model.adapt(few[features], few["score"]) if count else model
        errors.append(np.mean((rest["score"] - moved.predict(rest[features])) ** 2))
        if count > len(features) + 1:
            own = LinearRegression().fit(few[features], few["score"])
            errors_alone.append(np.mean((rest["score"] - own.predict(rest[features])) ** 2))
    adapted.append(np.sqrt(np.mean(errors)))
    alone.append(np.sqrt(np.mean(errors_alone)) if errors_alone else np.nan)

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(counts, adapted, "C0o-", label="adapted from fifteen schools")
ax.plot(counts, alone, "o-", color="0.5", label="its own rows alone")
ax.axhline(6, color="k", linestyle="--", linewidth=1, label="luck of the day")
ax.set_xlabel("labelled rows from the new school")
ax.set_ylabel("error (points)")
ax.set_title("Ten rows, and what was learnt elsewhere")
ax.legend(frameon=False)

# %%
# **What to take away.** What holds everywhere need not be learnt again. Ten rows are enough for
# the level, if that is what differs.
#
# The picture is that of :func:`~elinvar.plots.plot_adaptation`; what ``adapt`` returns is an
# :class:`~elinvar.estimators.AdaptedModel`.
