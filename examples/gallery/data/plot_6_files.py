"""
From files to predictions in files
==================================

Twelve files of one month each, from three towns, with a decimal comma; and next year's rows, one
file after another.
"""

# %%
# Files as an office writes them.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from elinvar import InvariantRegressor
from elinvar.environments import find_files

rng = np.random.default_rng(0)
folder = Path(tempfile.mkdtemp())
habit = {"Bergen": 0.8, "Lund": 0.2, "Turku": -0.4}


def month(number, rows=300):
    """Return the rows of a month: what heating costs, in three towns."""
    town = rng.choice(list(habit), rows)
    cold, area = rng.normal(10 - 8 * np.cos(number / 2), 3, rows), rng.gamma(9, 10, rows)
    cost = 2 * cold + 0.5 * area + rng.normal(0, 4, rows)
    paid = np.array([habit[name] for name in town]) * cost + rng.normal(0, 4, rows)
    columns = {"town": town, "cold": cold, "area": area, "paid_early": paid, "cost": cost}
    return pd.DataFrame(columns).round(2)


for number in range(12):
    month(number).to_csv(folder / f"month-{number + 1}.csv", sep=";", decimal=",", index=False)
files = find_files(folder / "month-*.csv")
print(f"{len(files)} files, from {files[0].name} to {files[-1].name}")

# %%
# One fit on all of them; each file is read in pieces, and only sums are kept.
from elinvar import Moments

moments = Moments.from_files(files, target="cost", environment="town", decimal=",")
model = InvariantRegressor().fit_moments(moments)
print(model.explain())

# %%
# Next year's files have no cost yet. Predictions come out a piece at a time, beside whatever
# columns one wants to keep.
from elinvar.environments import Notation
from elinvar.estimators import describe_model, predict_and_keep, predict_files

truth = []
for number in range(12, 15):
    rows = month(number)
    truth.append(rows["cost"])
    new = rows.drop(columns="cost")
    new.to_csv(folder / f"next-{number + 1}.csv", sep=";", decimal=",", index=False)
comma = Notation(decimal=",")
pieces = predict_and_keep(model, find_files(folder / "next-*.csv"), ["town"], notation=comma)
for prediction, kept in pieces:
    print(kept.append_column("predicted", [prediction.round(1)]).slice(0, 2).to_pylist())

# %%
predicted = np.concatenate(list(predict_files(model, folder / "next-*.csv", notation=comma)))
fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
ax.plot(pd.concat(truth), predicted, ".", alpha=0.3)
ax.axline((50, 50), slope=1, color="0.3", linestyle="--", linewidth=1)
ax.set(xlabel="cost, once it was known", ylabel="predicted")

# %%
# What a model file would say of all this:
for name, value in list(describe_model(model).items())[:6]:
    print(f"{name}: {str(value)[:70]}")

# %%
# **What to take away.** No step had to hold all rows. The command line does the same:
# ``elinvar fit "month-*.csv" --decimal , ...``, then ``elinvar predict model.json "next-*.csv"``.
#
# What columns mean is a :class:`~elinvar.environments.Schema`, what you said of them
# :class:`~elinvar.environments.Roles`; features as numbers come from
# :func:`~elinvar.environments.encode_files`, and with their target from
# :func:`~elinvar.environments.read_labelled`. What a model keeps of its rows is
# :class:`~elinvar.estimators.DataFacts`.
