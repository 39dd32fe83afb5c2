"""How far what a network has learned lies in a subspace."""

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from elinvar.errors import DataError


def alignment(directions: ArrayLike, basis: ArrayLike) -> float:
    r"""Return the share of some directions that lies in a subspace.

    .. math:: \lVert W B \rVert_F^2 / \lVert W \rVert_F^2

    1: within it. Directions at random have the share r / d. Take rows of a first layer's weights
    for the features that units have, or :func:`input_gradients` for what the output makes of them.

    Parameters
    ----------
    directions : Tensor or array of shape (n, d)
        One a row.
    basis : Tensor or array of shape (d, r)
        Whose columns span the subspace.

    Returns
    -------
    float in [0, 1]
        0 if all directions are 0.

    Raises
    ------
    DataError
        If shapes do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.neural import alignment
    >>> alignment([[3.0, 4.0]], np.array([[1.0], [0.0]]))
    0.36
    """
    W, B = (torch.as_tensor(part).detach().to("cpu", torch.float64) for part in (directions, basis))
    if W.ndim != 2 or B.ndim != 2 or W.shape[1] != B.shape[0]:
        raise DataError(
            "directions must have the shape (n, d) and basis (d, r); got "
            f"{tuple(W.shape)} and {tuple(B.shape)}."
        )
    # ||W B||^2 for an orthonormal basis of the same subspace
    inside, total = W @ torch.linalg.qr(B).Q, float(W.square().sum())
    return round(float(inside.square().sum()) / total, 12) if total else 0.0


def input_gradients(model: nn.Module, x: Tensor) -> Tensor:
    """Return the gradient of a network's output in its inputs.

    Parameters
    ----------
    model : Module
        Whose rows do not act on each other; the sum of its outputs is taken, if it has several.
    x : Tensor of shape (n, d)
        Inputs.

    Returns
    -------
    Tensor of shape (n, d)

    Examples
    --------
    >>> import torch
    >>> from elinvar.neural import input_gradients
    >>> input_gradients(torch.nn.Linear(2, 1), torch.ones(3, 2)).shape
    torch.Size([3, 2])
    """
    inputs = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(model(inputs).sum(), inputs)
    return gradient
