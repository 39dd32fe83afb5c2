"""
Rows stay at home: moments that add up over sites
=================================================

Four hospitals want one answer, and none may send its patients' rows. They need not. Each sends
counts, means and products of its columns, a few hundred numbers, and these add up to exactly the
answer that all rows would have given.
"""

# %%
# The simulated records of four hospitals; each has several wards, which are the environments.
import numpy as np
import pandas as pd

# sphinx_gallery_thumbnail_number = 2
from elinvar import InvariantRegressor, Moments

rng = np.random.default_rng(0)


def records(hospital, patients):
    """Return patients: age and dose prolong the stay; the bill is a consequence of it."""
    ward = rng.choice(["A", "B", "C"], patients)
    price = {"A": 0.5, "B": 1.0, "C": 1.6}
    age = rng.normal({"north": 50, "south": 62, "east": 56, "west": 70}[hospital], 12, patients)
    dose = rng.gamma(4, 1, patients)
    days = 0.1 * age + 0.8 * dose + rng.normal(0, 1.5, patients)
    bill = np.vectorize(price.get)(ward) * days + rng.normal(0, 1, patients)
    return pd.DataFrame({"age": age, "dose": dose, "bill": bill, "days": days, "ward": ward})


sizes = {"north": 4_000, "south": 9_000, "east": 2_500, "west": 6_000}
tables = {name: records(name, size) for name, size in sizes.items()}

# %%
# What a hospital sends is a file of moments. It holds no row.
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
for name, table in tables.items():
    moments = Moments.from_frame(table, target="days", environment="ward")
    moments.save(folder / f"{name}.npz")
print(Moments.load(folder / "north.npz"))

# %%
# Whoever receives the files adds them up, and fits. Wards of the same name become one environment.
received = [Moments.load(path) for path in sorted(folder.glob("*.npz"))]
together = sum(received[1:], start=received[0])
model = InvariantRegressor().fit_moments(together)
print(model.explain())

# %%
model.plot_forest()

# %%
# Is that what all rows in one place would have given? To the last digits, yes.
everything = pd.concat(tables.values())
rows = InvariantRegressor().fit(
    everything[["age", "dose", "bill"]], everything["days"], environments=everything["ward"]
)
print(f"largest difference of coefficients: {np.abs(rows.coef_ - model.coef_).max():.1e}")

# %%
# And what travelled?
import matplotlib.pyplot as plt

sent = {name: (folder / f"{name}.npz").stat().st_size / 1e3 for name in tables}
kept = {name: table.memory_usage(deep=True).sum() / 1e3 for name, table in tables.items()}
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
place = np.arange(len(tables))
ax.bar(place - 0.2, kept.values(), 0.4, color="0.7", label="rows, which stay")
ax.bar(place + 0.2, sent.values(), 0.4, color="C0", label="moments, which travel")
ax.set_ylabel("kB")
ax.set_xticks(place, list(tables))
ax.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.2))

# %%
# **What to take away.** More patients next month? Add their moments. Moments are not anonymous by
# themselves where a ward has very few patients: leave such wards out.
