"""
Inside a fit: from moments to verdicts, step by step
====================================================

``InvariantRegressor().fit(...)`` is one line. Here are the steps behind it, each with a picture,
for those who want to check, change or extend them.
"""

# %%
# Data of which the answer is known: some features are causes of the target, others consequences.
import matplotlib.pyplot as plt
import numpy as np

from elinvar import Moments
from elinvar.datasets import make_random_linear

known = make_random_linear(n_features=6, n_environments=10, n_samples=60, shift_spread=0.5, rng=3)
moments = Moments.from_arrays(known.X, known.y, environments=known.environments)
names = list(known.feature_names)
print("causes:", [name for name, cause in zip(names, known.support, strict=True) if cause])

# %%
# 1. A loss on every environment
# ------------------------------
# Moments in common units, and the squared loss on them. It can test any set of features: does the
# set have the same coefficients everywhere? Here are all 64 sets; below 1e-12 they are drawn there.
from itertools import product

from elinvar.inference import LinearProblem, SquaredLoss, assess

weights = moments.count / moments.count.sum()
asked = dict(
    intercept="shared", weights=weights, always=np.zeros(len(names), dtype=bool), t_threshold=2.0
)
problem = LinearProblem.from_moments(moments, **asked)
sets = np.array(list(product([False, True], repeat=len(names))))
tested = assess(problem, sets)

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
truth = (sets == known.support).all(axis=1)
size = sets.sum(axis=1) + np.random.default_rng(0).uniform(-0.2, 0.2, len(sets))
p_values = np.maximum(tested.p_value, 1e-12)
ax.semilogy(size[~truth], p_values[~truth], "x", color="0.5", label="other sets")
ax.semilogy(size[truth], p_values[truth], "o", color="C0", label="the causes")
ax.set(xlabel="features in the set", ylabel="p value that all places agree")
ax.legend(frameon=False, loc="upper right")

# %%
# 2. The search
# -------------
# A rule says how strict to be. Among the sets that no test contradicts, the one that explains most:
from elinvar.inference import SelectionRule, select, status_of

loss = SquaredLoss.from_moments(moments, **asked)
selection = select(loss, SelectionRule(level=0.01))
print("selected:", [name for name, used in zip(names, selection.gates, strict=True) if used])
print(
    f"p value {selection.p_value:.2f}:",
    status_of(selection.outcome, selection.p_value, differ=True),
)

# %%
# 3. What is said of each feature
# -------------------------------
from elinvar.inference import gather_evidence

evidence = gather_evidence(loss, selection.gates, "accepted", 0.01)
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for place, said in enumerate(evidence.features):
    colour = "C0" if said.verdict == "invariant" else "0.6"
    ax.plot([said.low, said.high], [place, place], color=colour)
    ax.plot(said.effect, place, "o", color=colour)
    ax.annotate(f"  {said.verdict}", (said.high, place), va="center", fontsize=9)
ax.set_yticks(range(len(names)), names)
ax.axvline(0, color="0.8", zorder=0)
ax.margins(x=0.3)
ax.set(xlabel="effect, with its 95% interval")
ax.invert_yaxis()

# %%
# 4. The path
# -----------
# What leaves the model as disagreement between places is punished more and more:
from elinvar.plots import plot_path

path = loss.path(None)
verdicts = {name: said.verdict for name, said in zip(names, evidence.features, strict=True)}
plot_path(path.strength, path.coef, names, verdicts=verdicts)

# %%
# 5. All of it in one call
# ------------------------
# What the estimators do: ask, learn, and keep what was found. Places are left out in turn, and the
# margin that held in most of them is what to expect in a new one.
from elinvar.inference import LearningTask, forecast, learn

task = LearningTask(
    intercept="shared",
    predictor="auto",
    always=asked["always"],
    t_threshold=2.0,
    rule=SelectionRule(level=0.01),
)
findings = learn(moments, weights, task)
left_out = findings.left_out()
margin = forecast(left_out)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.bar([one.environment for one in left_out], [one.errors["used"] for one in left_out])
ax.axhline(margin.margin, color="0.3", linestyle="--", linewidth=1)
ax.set(xlabel="place left out", ylabel="error there")
print(margin)

# %%
# **What to take away.** Each step is a function on plain records, and can be replaced.
#
# Records: :class:`~elinvar.inference.Selection`, :class:`~elinvar.inference.InvariancePath`,
# :class:`~elinvar.inference.Evidence` of a :class:`~elinvar.inference.FeatureEvidence` a feature
# and an :class:`~elinvar.inference.EnvironmentEffect` a place,
# :class:`~elinvar.inference.LeftOut`, :class:`~elinvar.inference.Forecast`, a
# :class:`~elinvar.inference.LinearModel` by a :class:`~elinvar.inference.Choice`, and
# :class:`~elinvar.inference.Findings` of all. For classes the loss is
# :class:`~elinvar.inference.LogisticLoss`; what any must do says :class:`~elinvar.inference.Loss`.
