"""
A causal graph that is known, and one that is learnt
====================================================

How far can one trust the arrows of a learnt graph? Draw data from a graph that is known, learn it
from the data alone, and lay the two pictures side by side.
"""

# %%
# Six variables. Seven environments each act on one of them, and nobody says on which.
import numpy as np
import pandas as pd

# sphinx_gallery_thumbnail_number = 2
from elinvar import InvariantGraph
from elinvar.datasets import make_random_graph

known = make_random_graph(n_variables=6, n_environments=7, n_samples=400, in_degree=1.2, rng=4)
print(known)

# %%
# The truth. Beside each variable stand the environments that act on it.
from elinvar.plots import plot_graph

places = list(dict.fromkeys(known.environments.tolist()))
plot_graph(
    known.adjacency,
    names=known.names,
    acts_on=known.acts_on,
    environments=places,
    title="the truth",
)

# %%
# What the data tell:
table = pd.DataFrame(known.X, columns=list(known.names))
found = InvariantGraph().fit(table, environments=known.environments)
found.plot()

# %%
# Counted: arrows that are right, arrows that are not there, arrows that were missed.
right = found.adjacency_ & known.adjacency
print(f"{right.sum()} of {known.adjacency.sum()} arrows are found as they are")
print(f"{(found.adjacency_ & ~known.adjacency).sum()} are claimed and not there")

# %%
# How many rows does it take? Harder graphs, ten of each size: seven variables, five environments,
# and each only bends a mechanism in place of replacing it.
import matplotlib.pyplot as plt

sizes = [20, 40, 80, 160, 320]
share_found, share_wrong = [], []
for rows in sizes:
    hits = claims = wrong = arrows = 0
    for seed in range(10):
        one = make_random_graph(
            n_variables=7, n_environments=5, n_samples=rows, action="soft", rng=seed
        )
        graph = InvariantGraph().fit(one.X, environments=one.environments)
        hits += (graph.adjacency_ & one.adjacency).sum()
        claims += graph.adjacency_.sum()
        wrong += (graph.adjacency_ & ~one.adjacency).sum()
        arrows += one.adjacency.sum()
    share_found.append(hits / arrows)
    share_wrong.append(wrong / max(claims, 1))

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
place = np.arange(len(sizes))
ax.bar(place - 0.2, share_found, 0.38, label="of the true arrows: found")
ax.bar(place + 0.2, share_wrong, 0.38, label="of the arrows found: wrong")
ax.set_xticks(place, sizes)
ax.set(xlabel="rows in each environment", ylabel="share", ylim=(0, 1.25))
ax.legend(frameon=False, ncols=2, loc="upper center")

# %%
# What the estimator calls
# ------------------------
# It hands products of the variables to the engine, which returns a graph with its edges.
from elinvar.inference import GraphMoments, GraphTask, learn_graph

groups = [known.X[known.environments == place] for place in places]
moments = GraphMoments.of(
    np.array([len(rows) for rows in groups]),
    np.array([rows.mean(axis=0) for rows in groups]),
    np.array([np.cov(rows.T, bias=True) for rows in groups]),
    own_levels=False,
)
task = GraphTask(
    invariance="coefficients and noise", level=0.01, odds=3.0, exact_up_to=8, restarts=4, seed=0
)
graph = learn_graph(moments, task)
for edge in graph.edges[:3]:
    print(edge)

# %%
# **What to take away.** Where environments act on few things, most arrows are found and few are
# wrong, and an arrow whose direction the data leave open is drawn as a line. All this holds where
# nothing that matters is left unmeasured.
#
# The truth is a :class:`~elinvar.datasets.KnownGraph`; what is learnt a
# :class:`~elinvar.inference.Graph` of :class:`~elinvar.inference.Edge`. Where noises are far from
# normal, :func:`~elinvar.inference.noise_kurtosis` corrects the tests.
