"""What the scripts here train: a small network, and rows from three sources."""

import torch
from torch import Tensor, nn

# rows of each source, and the effect of the second input there; that of the first is 1 everywhere
SOURCES = {"north": (900, 1.2), "south": (600, -0.9), "west": (300, 0.5)}
STEP = 0.4  # large: what differs between sources is to be thrown about, and to die


def rows(seed: int = 0) -> tuple[Tensor, Tensor, list[str]]:
    """Return inputs (n, 2), labels (n, 1) and the source of each row."""
    generator = torch.Generator().manual_seed(seed)
    inputs, labels, sources = [], [], []
    for name, (count, effect) in SOURCES.items():
        x = torch.randn(count, 2, generator=generator)
        noise = 0.3 * torch.randn(count, 1, generator=generator)
        inputs.append(x)
        labels.append(x[:, :1] + effect * x[:, 1:] + noise)
        sources += [name] * count
    return torch.cat(inputs), torch.cat(labels), sources


class Gates(nn.Module):
    """A linear model whose weights are products, u^2 - v^2, and begin near 0."""

    def __init__(self, n_inputs: int = 2) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.full((n_inputs,), 0.03))
        self.v = nn.Parameter(torch.full((n_inputs,), 0.03))

    @property
    def weight(self) -> Tensor:
        """The weight of each input."""
        return self.u**2 - self.v**2

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (n, 1) of inputs (n, n_inputs)."""
        return x @ self.weight[:, None]


def half_squared_loss(output: Tensor, label: Tensor) -> Tensor:
    """Return half the mean squared error."""
    return 0.5 * (output - label).square().mean()


def report(model: Gates) -> None:
    """Print what was learned."""
    same, other = model.weight.tolist()
    print(f"weight of what is the same everywhere: {same:.2f}; of what differs: {other:.2f}")
