"""
Same direction everywhere, another size
=======================================

Heavier penguins seem to have shallower bills. Within every species it is the other way round.
"""

# %%
from elinvar import InvariantRegressor
from elinvar.datasets import load_penguins

data = load_penguins()
frame = data.frame
model = InvariantRegressor(intercept="environment")
model.fit(frame[list(data.features)], frame[data.target], environments=frame[data.environment])
print(model.explain())

# %%
model.plot_forest()
