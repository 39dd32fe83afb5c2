"""
Other methods on one problem
============================

What other methods find, behind the same ``fit(X, y, environments=...)``: one simulated table with a
known answer, and the error of each in environments that it has not seen.
"""

# %%
# Twelve variables, five environments; some features are causes of the target, some consequences.
# What a method should find is known: the oracle fits it.
import matplotlib.pyplot as plt
import numpy as np

from elinvar import InvariantRegressor
from elinvar.baselines import (
    AnchorRegressor,
    ANDMaskRegressor,
    BoostingRegressor,
    CausalDantzigRegressor,
    ConstantRegressor,
    DRIGRegressor,
    EILLSRegressor,
    ElasticNetRegressor,
    FixedEffectsRegressor,
    ForestRegressor,
    GroupDRORegressor,
    ICPRegressor,
    IRMv1Regressor,
    LassoRegressor,
    MaximinRegressor,
    OracleRegressor,
    PooledRegressor,
    RandomInterceptRegressor,
    RidgeRegressor,
    StabilisedRegressor,
    VRExRegressor,
)
from elinvar.datasets import make_random_linear

problem = make_random_linear(n_features=8, n_environments=8, n_samples=400, shift_spread=1.0, rng=3)
truth = OracleRegressor(support=problem.support)
methods = {
    "elinvar": InvariantRegressor(predictor="invariant"),
    "oracle": truth,
    "mean alone": ConstantRegressor(),
    "least squares": PooledRegressor(),
    "ridge": RidgeRegressor(),
    "lasso": LassoRegressor(),
    "elastic net": ElasticNetRegressor(),
    "fixed effects": FixedEffectsRegressor(),
    "random intercept": RandomInterceptRegressor(),
    "boosting": BoostingRegressor(),
    "forest": ForestRegressor(),
    "anchor regression": AnchorRegressor(),
    "ICP": ICPRegressor(),
    "EILLS": EILLSRegressor(),
    "causal Dantzig": CausalDantzigRegressor(),
    "DRIG": DRIGRegressor(),
    "maximin": MaximinRegressor(),
    "stabilised": StabilisedRegressor(),
    "IRMv1": IRMv1Regressor(),
    "V-REx": VRExRegressor(),
    "GroupDRO": GroupDRORegressor(),
    "AND mask": ANDMaskRegressor(),
}

# %%
# Environments that nobody has seen, and the error in each.
new = problem.new_environments(400, rng=7)
errors = {}
for name, method in methods.items():
    method.fit(problem.X, problem.y, environments=problem.environments)
    missed = (method.predict(new.X) - new.y) ** 2
    errors[name] = np.sqrt(
        [missed[new.environments == e].mean() for e in np.unique(new.environments)]
    )

order = sorted(errors, key=lambda name: errors[name].mean())
fig, ax = plt.subplots(figsize=(7, 6), layout="constrained")
for place, name in enumerate(order):
    ax.plot(errors[name], np.full(len(errors[name]), place), "|", color="0.6")
    ax.plot(errors[name].mean(), place, "o", color="C1" if name == "elinvar" else "C0")
ax.set_yticks(range(len(order)), order)
ax.set(xscale="log", xlabel="root mean squared error in a new environment")
ax.set_title("A bar an environment, a dot their mean")
ax.invert_yaxis()

# %%
# **What to take away.** One draw of one problem is an anecdote. ``elinvar bench`` has all methods
# on all problems, with the hyper-parameters of each chosen by one rule; the leaderboard shows it.
#
# :class:`~elinvar.baselines.Baseline` describes a method. Slower ones, those that wrap another
# package (:class:`~elinvar.baselines.CausalICPRegressor`), and those for classes are left out here:
# :class:`~elinvar.baselines.FAIRRegressor`, :class:`~elinvar.baselines.FAIRNetworkRegressor`,
# :class:`~elinvar.baselines.NonlinearICPRegressor`,
# :class:`~elinvar.baselines.AnchorBoostingRegressor`,
# :class:`~elinvar.baselines.EraSplittingRegressor`,
# :class:`~elinvar.baselines.GroupDROBoostingRegressor`,
# :class:`~elinvar.baselines.ANDGradientRegressor`, :class:`~elinvar.baselines.FishRegressor`,
# :class:`~elinvar.baselines.FishrRegressor`, :class:`~elinvar.baselines.IGARegressor`,
# :class:`~elinvar.baselines.KClassRegressor`, :class:`~elinvar.baselines.NegDRORegressor`,
# :class:`~elinvar.baselines.IRMNetworkRegressor`,
# :class:`~elinvar.baselines.CORALNetworkRegressor`,
# :class:`~elinvar.baselines.LogisticRegressor`,
# :class:`~elinvar.baselines.LogisticBoostingRegressor`,
# :class:`~elinvar.baselines.InvariantLogisticRegressor` and
# :class:`~elinvar.baselines.TransferLogisticRegressor`.
