"""
Tables with a known answer
==========================

To see whether a method finds what holds, one must know what does. These generators draw tables from
several environments, say which features are causes, and draw new environments to test on.
"""

# %%
# Ten problems, from the literature and of our own. Each knows its causes (``support``).
import matplotlib.pyplot as plt
import numpy as np

from elinvar.datasets import (
    make_additive,
    make_curved,
    make_eills,
    make_fair,
    make_gene_network,
    make_irm_chain,
    make_linear_unit_test,
    make_random_linear,
    make_reversed,
    make_sparse_linear,
)

problems = {
    "EILLS": make_eills(n_samples=300, rng=0),
    "IRM's chain": make_irm_chain(n_samples=300, rng=0),
    "linear unit test 1": make_linear_unit_test(1, n_samples=300, rng=0),
    "random linear": make_random_linear(n_features=8, n_samples=300, rng=0),
    "additive curves": make_additive(n_samples=300, rng=0),
    "curved, a direction changes": make_curved(n_samples=300, rng=0),
    "FAIR, additive": make_fair(n_samples=300, rng=0),
    "reversed": make_reversed(n_samples=300, rng=0),
    "genes": make_gene_network(n_genes=20, n_edges=30, n_environments=4, n_samples=100, rng=0),
    "sparse": make_sparse_linear(n_features=60, n_environments=4, n_samples=300, rng=0),
}
for name, problem in problems.items():
    print(f"{name}: {problem.X.shape[1]} features, {problem.support.sum()} causes")


# %%
# How can a consequence be told from a cause? Fit the causes alone, environment by environment:
# their coefficients agree. Add one other feature: its coefficient is 0, or it changes.
def coefficient(problem, place, j):
    """Return the coefficient of feature j beside the causes, in one environment."""
    here = problem.environments == place
    columns = [*np.flatnonzero(problem.support & (np.arange(len(problem.support)) != j)), j]
    X, y = problem.X[here][:, columns], problem.y[here]
    X, y = X - X.mean(axis=0), y - y.mean()
    return np.linalg.lstsq(X, y, rcond=None)[0][-1]


fig, axes = plt.subplots(2, 5, figsize=(11, 5), layout="constrained")
for ax, (name, problem) in zip(axes.flat, problems.items(), strict=True):
    causes = np.flatnonzero(problem.support)[:6]
    others = np.flatnonzero(~problem.support)[:6]
    for at, j in enumerate([*causes, *others]):
        found = [coefficient(problem, place, j) for place in np.unique(problem.environments)]
        cause = problem.support[j]
        ax.plot([at] * len(found), found, "o" if cause else "x", color="C0" if cause else "C1")
    ax.axhline(0, color="0.8", zorder=0)
    ax.set_title(name, fontsize=9)
    ax.set_xticks([])
fig.supxlabel("feature (dots: causes; crosses: others); one mark an environment")
fig.supylabel("coefficient beside the causes")

# %%
# Two panels are traps. Where relations are curved, a line's coefficient changes even for causes, as
# the inputs move along the curve. In "reversed" consequences agree as well as causes do, in all
# environments to learn from, and turn round in new ones: no such data could tell.

# %%
# New environments, to test on, come from the same law:
new = problems["random linear"].new_environments(5, rng=1)
print(new.X.shape, np.unique(new.environments))

# %%
# **What to take away.** Among hundreds of sets of features the causes are the one whose
# coefficients agree in all environments and that misses nothing. To search for it is what
# :class:`elinvar.InvariantRegressor` does.
