"""
Many small schools: rows that belong together
=============================================

Pupils of one school share a teacher, a building and a neighbourhood. Two thousand pupils are then
not two thousand independent witnesses. Whoever forgets this finds differences that are not there.
"""

# %%
# Six districts with twenty small schools each, twelve pupils a school. A smaller class raises the
# score by one point for every two pupils less, everywhere. Each school is also a bit better or
# worse than its numbers say, for reasons that its pupils share.
import numpy as np
import pandas as pd

from elinvar import InvariantRegressor


def draw(rng):
    """Return the pupils of six districts; the effect of the class size is -.5 in all of them."""
    schools = 120
    district = np.repeat(["A", "B", "C", "D", "E", "F"], 20)
    size = rng.normal(np.repeat([18, 20, 22, 24, 26, 28], 20), np.repeat([3, 4, 5, 3, 4, 5], 20))
    luck = rng.normal(0, 3, schools)
    school = np.repeat(np.arange(schools), 12)
    reading = rng.normal(2, 1, len(school))
    score = 60 - 0.5 * size[school] + 2 * reading + luck[school] + rng.normal(0, 5, len(school))
    return pd.DataFrame(
        {
            "class_size": size[school],
            "reading_hours": reading,
            "score": score,
            "school": school,
            "district": district[school],
        }
    )


pupils = draw(np.random.default_rng(1))
features = ["class_size", "reading_hours"]


def fit(pupils, **how):
    """Return the model of a table of pupils."""
    return InvariantRegressor(intercept="environment").fit(
        pupils[features], pupils["score"], environments=pupils["district"], **how
    )


# %%
# Without a word about schools, the effect of the class size seems to differ between districts.
# With ``cluster=`` elinvar counts schools rather than pupils where that is what counts:
plain, honest = fit(pupils), fit(pupils, cluster=pupils["school"])
for name, model in {"pupils": plain, "schools": honest}.items():
    p = model.all_features_["heterogeneity_p"].iloc[0]
    print(
        f"counting {name}: p = {p:.3f} for an effect of the class size that is the same everywhere"
    )

# %%
# One table proves little, so we draw fifty. How often does the test see a difference between
# districts that are all the same, if it is to be wrong in 5% of them?
import matplotlib.pyplot as plt

seen = {"pupils": 0, "schools": 0}
for seed in range(50):
    table = draw(np.random.default_rng(seed))
    for name, how in {"pupils": {}, "schools": {"cluster": table["school"]}}.items():
        seen[name] += fit(table, **how).all_features_["heterogeneity_p"].iloc[0] < 0.05

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar(
    [f"counting {name}" for name in seen],
    [100 * count / 50 for count in seen.values()],
    color=["0.7", "C0"],
    width=0.6,
)
ax.axhline(5, color="k", linestyle="--", linewidth=1)
ax.text(0.5, 7, "promised", ha="center")
ax.set_ylabel("% of the tables")
ax.set_title("A difference is seen that is not there")

# %%
# **What to take away.** Say who or what each row belongs to: a person, a firm, a school, a field.
# On the command line it is ``--cluster school``. Clusters may span environments, as persons do
# who are asked every year.
