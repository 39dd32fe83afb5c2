r"""
A penalty of your own
=====================

IRM, V-REx and their relatives are rules of a step: what happens to the losses of all environments
before the optimiser moves. A rule of your own is one method.
"""

# %%
# Ours asks that no environment does much better than another: :math:`\bar R + \lambda\, (\max_e
# R_e - \min_e R_e)`.
from dataclasses import dataclass
from typing import ClassVar

import torch

from elinvar.neural import HeteroTrainer, StepRule

torch.set_num_threads(1)


@dataclass(frozen=True, kw_only=True)
class SmallRange(StepRule):
    """The mean risk, and ``penalty`` times how far the risks are apart."""

    penalty: float
    environments: int
    every_environment: ClassVar[bool] = True

    def backward(self, learner, batches, step=0):
        """Leave the gradient of the objective, and return the mean risk."""
        risks = torch.stack([learner.compare(learner.output(x), y) for x, y in batches])
        apart = risks.max() - risks.min()
        learner.backward((risks.mean() + self.penalty * apart) / (1 + self.penalty))
        return risks.detach().mean()


# %%
# Two columns: a cause, and a consequence of the target that each site writes down in its own way. A
# loader may be any iterable of batches; here it is a list of one batch a site.
generator = torch.Generator().manual_seed(0)


def rows(strength):
    """Return the rows of a site as features (n, 2) and target (n, 1)."""
    cause, luck, error = torch.randn(3, 1_000, 1, generator=generator)
    target = 2 * cause + luck
    return torch.cat([cause, strength * target + error], 1), target


sites = [rows(0.3), rows(1.0), rows(2.0)]


def train(penalty):
    """Return the two coefficients that a penalty leads to."""
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    trainer = HeteroTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=0.02),
        torch.nn.functional.mse_loss,
        rule=SmallRange(penalty=penalty, environments=3),
    )
    trainer.fit(sites, steps=1_000)
    return model.weight.detach()[0].tolist()


penalties = [0.0, 0.1, 0.2, 0.5, 1.0, 2.0]
coefficients = torch.tensor([train(penalty) for penalty in penalties])

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
place = range(len(penalties))
ax.plot(place, coefficients[:, 0], "o-", label="cause (truth: 2)")
ax.plot(place, coefficients[:, 1], "o-", label="consequence (truth: 0)")
ax.axhline(2, color="C0", linestyle="--", linewidth=0.8)
ax.axhline(0, color="C1", linestyle="--", linewidth=0.8)
ax.set_xticks(place, [f"{penalty:g}" for penalty in penalties])
ax.set_xlabel("penalty")
ax.set_ylabel("coefficient")
ax.set_title("Risks that are alike everywhere leave the consequence out")
ax.legend(frameon=False)

# %%
# **What to take away.** The trainer keeps its bar, guards and checkpoints whatever the rule. A
# new rule that proves itself is one file in ``elinvar.neural``.
#
# Rules that are there: :class:`~elinvar.neural.HeteroStep`, :class:`~elinvar.neural.IRMv1`,
# :class:`~elinvar.neural.VREx`, :class:`~elinvar.neural.Fishr`, :class:`~elinvar.neural.GroupDRO`
# and :class:`~elinvar.neural.Fish`.
