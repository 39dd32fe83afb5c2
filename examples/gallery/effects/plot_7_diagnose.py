"""
Before any fit: can this table answer at all?
=============================================

Environments that are copies of each other refute nothing, however many rows they have. It is good
to know that before a model says something pleasant.
"""

# %%
# Months of bicycle hire differ in weather: they can answer.
import numpy as np

from elinvar import Environments, diagnose
from elinvar.datasets import load_bikes

bikes = load_bikes()
answer = diagnose(bikes.environments())
print(answer)

# %%
# The picture has two numbers for each feature and environment: how far its mean lies from that of
# the others, and how many times as large its variance is. What nothing moves was hardly put to
# the test.
answer.plot()

# %%
# How large would an effect's differences have to be to be seen? More rows help less than more
# environments.
from elinvar.plots import plot_power

plot_power(answer.power)

# %%
# Now the same rows with environments drawn by lot. Nothing differs but luck, and elinvar will not
# call anything invariant there, whatever the p-value.
shuffled = bikes.frame.assign(month=np.random.default_rng(0).permutation(bikes.frame["month"]))
lots = Environments.from_frame(
    shuffled, target=bikes.target, environment="month", features=bikes.features
)
print(diagnose(lots).reason)

# %%
# What ``diagnose`` returns is a :class:`~elinvar.inference.Diagnosis`; ``write_report`` makes a
# page of it.
