"""
The direction holds, the size does not
======================================

Do heavier penguins have deeper bills? Ask all penguins at once, and the answer is no. Ask each
species, and it is yes, every time. A new species should say yes too, but how much is another
matter.
"""

# %%
# Body measurements of 333 penguins of three species. The line through all of them falls; the line
# within every species rises. What differs between species hides what holds within each of them.
import numpy as np

from elinvar import InvariantRegressor
from elinvar.datasets import load_penguins
from elinvar.plots import plot_environments

data = load_penguins()
frame = data.frame
depth, mass = frame["bill_depth_mm"], frame["body_mass_g"]


def line(x, y):
    """Return slope and intercept of the best line."""
    return tuple(np.polyfit(x, y, 1))


plot_environments(
    depth,
    mass,
    frame["species"],
    lines={
        name: line(rows["bill_depth_mm"], rows["body_mass_g"])
        for name, rows in frame.groupby("species")
    },
    pooled=line(depth, mass),
    xlabel="bill depth (mm)",
    ylabel="body mass (g)",
)

# %%
# Species also differ in how heavy they are to begin with. That is no contradiction, so each gets
# a level of its own: ``intercept="environment"``.
model = InvariantRegressor(intercept="environment")
model.fit(frame[list(data.features)], mass, environments=frame["species"])
print(model.explain())

# %%
# The table has a row for each feature. ``new_low`` and ``new_high`` are the range to expect in a
# species that nobody has measured; made for 90% of them.
columns = ["feature", "verdict", "effect", "new_low", "new_high", "pooled_effect"]
model.all_features_[columns].round(1)

# %%
# "Same direction" says just what can be carried over: the sign. The picture has the range for a
# new species at the foot of each panel, and the pooled effect in grey, which for bills is on the
# wrong side of zero.
model.plot_forest()

# %%
# **What to take away.** "How large?" and "which way?" are two questions. With three environments
# the first often has no answer that would fit a fourth, and the second has one.
