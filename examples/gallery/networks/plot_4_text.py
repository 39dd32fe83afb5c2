r"""
Text: one source a step, counted in tokens
==========================================

In text the environments are sources: news, code, letters. Two habits of language models mix them
again without a word: documents of all sources are packed into one sequence, and rows are counted
where the loss counts tokens.
"""

# %%
# Three sources, whose documents differ in length. In place of words there are numbers, and the
# source of a token can be read off its thousands.
import numpy as np
import torch
from torch.utils.data import DataLoader

from elinvar.neural import PackedStream, audit

rng = np.random.default_rng(0)
lengths = {"code": 400, "letters": 60, "news": 150}
names = tuple(lengths)
documents = {
    name: [rng.integers(1000 * k, 1000 * (k + 1), n) for n in rng.poisson(lengths[name], 200)]
    for k, name in enumerate(names)
}
LENGTH, ROWS, STEPS = 128, 8, 12

# %%
# **As usual**: documents are shuffled, put one behind another and cut into sequences.
every = [document for of_source in documents.values() for document in of_source]
joined = torch.from_numpy(np.concatenate([every[k] for k in rng.permutation(len(every))]))
usual = joined[: STEPS * ROWS * LENGTH].reshape(STEPS, ROWS, LENGTH)

# %%
# **One source a step**: :class:`~elinvar.neural.PackedStream` packs the documents of each source by
# themselves, and fills every batch from one of them. No token is lost or padded. All sequences are
# equally long, so weights are shares of tokens: half of them from the news here.
stream = PackedStream(
    documents,
    LENGTH,
    batch_size=ROWS,
    n_batches=STEPS,
    order="cyclic",
    weights={"code": 1, "letters": 1, "news": 2},
)
loader = DataLoader(stream, batch_size=None)
pure = [batch["input_ids"] for batch in loader]

# %%
# A row of a picture is a sequence, a colour a source; lines part the steps of the optimiser.
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

colours = ListedColormap(["C0", "C1", "C2"])
fig, axes = plt.subplots(1, 2, figsize=(8, 4.5), sharey=True, layout="constrained")
for ax, batches, title in [
    (axes[0], usual, "packed from all sources"),
    (axes[1], torch.stack(pure), "PackedStream"),
]:
    source = batches.reshape(-1, LENGTH).numpy() // 1000
    ax.imshow(source, cmap=colours, aspect="auto", interpolation="nearest", vmin=0, vmax=2)
    for step in range(1, STEPS):
        ax.axhline(step * ROWS - 0.5, color="white", linewidth=2)
    ax.set_title(title)
    ax.set_xlabel("token")
axes[0].set_yticks(ROWS * np.arange(STEPS) + ROWS / 2 - 0.5, range(1, STEPS + 1))
axes[0].set_ylabel("step")
patches = [Patch(color=colours(k), label=name) for k, name in enumerate(names)]
fig.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False)

# %%
# No loss curve tells the two apart; ``audit`` does. Here the label of every token is known, so
# tokens are counted, also within a sequence.


def sources(batch):
    """Return the source of each token."""
    return np.array(names)[batch["input_ids"] // 1000]


print(audit([{"input_ids": ids} for ids in usual], sources))
print(audit(loader, sources))

# %%
# **Counting rows can mislead.** A loader of single documents, padded to the longest of the batch:
# of eight rows one is code, and more than a third of the tokens are.
rows = ["letters"] * 6 + ["news", "code"]
mask = torch.zeros(ROWS, max(lengths.values()))
for row, name in enumerate(rows):
    mask[row, : lengths[name]] = 1
padded = [{"source": rows, "attention_mask": mask}]

for tokens in (None, "attention_mask"):
    found = audit(padded, "source", tokens=tokens)
    print(f"{found.purity[0]:.0%} are from the commonest source, by {tokens or 'rows'}")

# %%
# **What to take away.** Give each source its own documents and let ``PackedStream`` pack them; ask
# ``audit`` before the run. Pure batches are needed for HeteroSGD, and are not enough: steps must be
# large and sources must differ, see :doc:`/networks`.
