"""
Digits whose colour misleads
============================

The classic trap for learning machines, small enough to look at: in all data to learn from the
colour tells more than the shape, and in the new place it says the opposite.
"""

# %%
# Is the digit below five? One answer in four is noted wrongly, so that nobody can be right more
# often than in three of four. Red goes with "below five" in nine of ten images of the first
# environment and in eight of ten of the second. In the new one it goes with it in one of ten.
import matplotlib.pyplot as plt
import numpy as np

from elinvar.datasets import make_coloured_digits

digits = make_coloured_digits(n_samples=1500, rng=0)
new = digits.new_environments(1500, rng=1)
print(digits)


def images(X):
    """Return rows as 8 x 8 pictures, red or green."""
    grey = np.zeros((len(X), 64))
    grey[:, [int(name.removeprefix("pixel")) for name in digits.feature_names[:-1]]] = X[:, :-1]
    red = X[:, -1:] == 1
    pictures = np.stack([grey * red, grey * ~red, 0 * grey], axis=-1)
    return pictures.reshape(-1, 8, 8, 3)


fig, axes = plt.subplots(3, 10, figsize=(8, 2.8), layout="constrained")
first = digits.environments == digits.environments[0]
shown = {
    "environment 1": (digits.X[first], digits.y[first]),
    "environment 2": (digits.X[~first], digits.y[~first]),
    "the new one": (new.X, new.y),
}
for row, (name, (X, y)) in zip(axes, shown.items(), strict=True):
    order = np.concatenate([np.flatnonzero(y == 1)[:5], np.flatnonzero(y == 0)[:5]])
    for ax, image in zip(row, images(X[order]), strict=True):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
fig.suptitle("noted as below five (left half), and as five or more (right half)", fontsize=10)

# %%
# One model pools all rows, one is not shown the colour, and one keeps what both environments agree
# about.
from elinvar import InvariantClassifier
from elinvar.baselines import LogisticRegressor

pooled = LogisticRegressor().fit(digits.X, digits.y)
shapes = LogisticRegressor().fit(digits.X[:, :-1], digits.y)
model = InvariantClassifier(predictor="invariant")
model.fit(digits.X, digits.y.astype(int), environments=digits.environments)


def share_right(X, y):
    """Return how often each model is right."""
    return {
        "all rows pooled": np.mean((pooled.predict(X) > 0.5) == y),
        "shapes alone": np.mean((shapes.predict(X[:, :-1]) > 0.5) == y),
        "what holds": np.mean(model.predict(X) == y),
    }


fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for place, (name, (X, y)) in enumerate(shown.items()):
    ax.bar(np.arange(3) + 0.25 * place, share_right(X, y).values(), 0.22, label=name)
ax.axhline(0.75, color="0.3", linestyle="--", linewidth=1)
ax.set_xticks(np.arange(3) + 0.25, share_right(X, y))
ax.set(ylabel="share that is right", ylim=(0, 1), title="Above the dashed line by colour alone")
ax.legend(frameon=False, bbox_to_anchor=(1, 1))

# %%
# **What to take away.** The colour is not in the model that looks for what holds, though nobody
# said that it misleads:
print("uses the colour:", bool(model.selected_[-1]))

# %%
# It is less often right than one that is told to leave the colour out, as two environments leave
# much open. What :func:`~elinvar.datasets.make_coloured_digits` returns is a
# :class:`~elinvar.datasets.KnownAnswer`, and new rows are a :class:`~elinvar.datasets.Sample`;
# real handwriting comes from :func:`~elinvar.datasets.load_mnist_digits` as
# :class:`~elinvar.datasets.Digits`. Networks on such images: ``elinvar reproduce coloured-digits``.
