"""
A table larger than memory
==========================

Rows pass by once, a batch at a time; what is kept does not grow. An answer is there whenever one
wants it.
"""

# %%
# A stream of a million rows from eight sites, ten thousand at a time. No more than one batch is
# ever in memory. (Files do the same: ``Moments.from_files("part-*.parquet", ...)``, and
# ``elinvar fit "part-*.parquet" ...``.)
import numpy as np

from elinvar import InvariantRegressor, Moments

names = ["dose", "age", "weight", "marker"]
effects = np.array([0.5, -0.3, 0.0])


def batches(count, rows=10_000):
    """Yield batches (X, y, environments); the marker is a consequence of the target."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.7, 1.4, (8, 3))
    strength = rng.normal(0.5, 0.3, 8)
    site_names = np.array([f"site {number}" for number in range(8)])
    for _ in range(count):
        site = rng.integers(8, size=rows)
        causes = rng.normal(size=(rows, 3)) * spread[site]
        y = causes @ effects + rng.normal(size=rows)
        marker = strength[site] * y + rng.normal(size=rows)
        yield np.column_stack([causes, marker]), y, site_names[site]


# %%
# After each batch the moments so far are all that is kept. A fit takes milliseconds, whatever the
# number of rows behind it.
import tracemalloc

tracemalloc.start()
seen, looks = None, []
for number, batch in enumerate(batches(100), 1):
    new = Moments.from_batches([batch], feature_names=names)
    seen = new if seen is None else seen + new
    if number in {1, 3, 10, 30, 100}:
        model = InvariantRegressor(predictor="invariant").fit_moments(seen)
        looks.append((10_000 * number, model.evidence_.set_index("feature")))
peak = tracemalloc.get_traced_memory()[1] / 1e6
tracemalloc.stop()
print(f"memory at most {peak:.0f} MB; all rows together are {100 * 10_000 * 5 * 8 / 1e6:.0f} MB")

# %%
# The intervals close in on the truth, which is dashed.
import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
rows = [count for count, _ in looks]
for ax, name, truth in zip(axes, ["dose", "age"], effects[:2], strict=True):
    effect, low, high = np.array(
        [table.loc[name, ["effect", "low", "high"]] for _, table in looks], dtype=float
    ).T
    ax.errorbar(rows, effect, [effect - low, high - effect], fmt="o", capsize=3)
    ax.axhline(truth, color="k", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_xlabel("rows so far")
    ax.set_title(name)
axes[0].set_ylabel("effect, 95% interval")

# %%
print(model.explain())
