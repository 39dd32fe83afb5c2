"""Two-layer networks, from rich to lazy."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from elinvar._base._check import check_choice, check_count, check_number
from elinvar.errors import DataError

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": nn.functional.relu,
    "gelu": nn.functional.gelu,
}


class QuadraticNetwork(nn.Module):
    r"""The paper's network: quadratic activation, and only the first layer learns.

    .. math:: f(x) = \sum_j (u_j^\top x)^2 = \langle x x^\top, U U^\top \rangle

    Parameters
    ----------
    n_features : int
        Inputs d.
    hidden : int
        Units.
    init_scale : float > 0
        Entries of U start as normals of this standard deviation over the root of ``hidden``. Small
        ones let features grow from nothing, as the bias towards invariance needs.
    seed : int
        Of the start.

    Attributes
    ----------
    weight : Parameter of shape (hidden, n_features)
        Rows :math:`u_j`.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, section 4.

    Examples
    --------
    >>> import torch
    >>> from elinvar.neural import QuadraticNetwork
    >>> network = QuadraticNetwork(3, 8, seed=0)
    >>> x = torch.ones(5, 3)
    >>> network(x).shape, bool(torch.allclose(network(x)[0], x[0] @ network.matrix @ x[0]))
    (torch.Size([5]), True)
    """

    def __init__(
        self, n_features: int, hidden: int, *, init_scale: float = 1e-2, seed: int = 0
    ) -> None:
        super().__init__()
        _check(n_features, hidden, init_scale)
        normals = torch.randn(hidden, n_features, generator=torch.Generator().manual_seed(seed))
        self.weight = nn.Parameter(init_scale * normals / hidden**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (n,) of inputs (n, n_features).

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Inputs.

        Returns
        -------
        Tensor of shape (n,)
        """
        return nn.functional.linear(x, self.weight).square().sum(1)

    @property
    def matrix(self) -> Tensor:
        """The matrix U U' that the network stands for, (n_features, n_features)."""
        weight = self.weight.detach()
        return weight.T @ weight


class TwoLayerNetwork(nn.Module):
    r"""A hidden layer of ReLU or GELU units, both layers learned.

    .. math:: f(x) = \sum_j a_j\, \phi(w_j^\top x + b_j) + c

    Units come in pairs with opposite outer weights, so the network starts as 0 at any scale. The
    scale moves it from the rich regime (small: units turn towards the features they learn) to the
    lazy one (large: weights hardly move, the network is its own linearisation, and the bias
    towards invariance is lost). Steps must shrink as one over the square of a large scale.

    Parameters
    ----------
    n_features, hidden : int
        Inputs and units; ``hidden`` must be even.
    activation : {"relu", "gelu"}
        :math:`\phi`.
    init_scale : float > 0
        Multiplies inner weights of variance 1 / n_features and outer ones of variance 1 / hidden.
    n_outputs : int, optional
        Outputs; None: one, as (n,).
    seed : int
        Of the start.

    Attributes
    ----------
    inner, outer : Linear
        Its layers.

    Raises
    ------
    DataError
        If a value is out of its range.

    Examples
    --------
    >>> import torch
    >>> from elinvar.neural import TwoLayerNetwork
    >>> network = TwoLayerNetwork(3, 8, activation="gelu", init_scale=10.0, seed=0)
    >>> network(torch.ones(2, 3)).detach().round(decimals=4).abs()
    tensor([0., 0.])
    """

    def __init__(
        self,
        n_features: int,
        hidden: int,
        *,
        activation: Literal["relu", "gelu"] = "relu",
        init_scale: float = 0.1,
        n_outputs: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check(n_features, hidden, init_scale)
        check_choice("activation", activation, tuple(_ACTIVATIONS))
        if hidden % 2:
            raise DataError(f"hidden must be even, for units come in pairs; got {hidden}.")
        if n_outputs is not None:
            check_count("n_outputs", n_outputs)
        self.activation, self.n_outputs = _ACTIVATIONS[activation], n_outputs
        generator = torch.Generator().manual_seed(seed)
        half = hidden // 2
        inner = torch.randn(half, n_features, generator=generator) / n_features**0.5
        outer = torch.randn(n_outputs or 1, half, generator=generator) / hidden**0.5
        with torch.random.fork_rng(devices=[]):  # layers draw a start that is not used
            self.inner = nn.Linear(n_features, hidden)
            self.outer = nn.Linear(hidden, n_outputs or 1)
        with torch.no_grad():
            # a (phi(w x) - phi(w x)) = 0: each unit has a twin with the opposite outer weight
            self.inner.weight.copy_(init_scale * inner.repeat(2, 1))
            self.outer.weight.copy_(init_scale * torch.cat([outer, -outer], dim=1))
            self.inner.bias.zero_()
            self.outer.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs of inputs (n, n_features).

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Inputs.

        Returns
        -------
        Tensor of shape (n,) or (n, n_outputs)
        """
        out: Tensor = self.outer(self.activation(self.inner(x)))
        return out.squeeze(1) if self.n_outputs is None else out

    @property
    def weight(self) -> Tensor:
        """Inner weights, (hidden, n_features)."""
        return self.inner.weight


def _check(n_features: int, hidden: int, init_scale: float) -> None:
    check_count("n_features", n_features)
    check_count("hidden", hidden)
    check_number("init_scale", init_scale, least=0.0, above=True)
