"""Extreme curvatures of a loss from products with its Hessian, which is never formed."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from elinvar.neural.rules._learner import Batch, Learner

Product = Callable[[Tensor], Tensor]


def gradient(learner: Learner, batch: Batch, *, create_graph: bool = False) -> Tensor:
    """Return the flat gradient of the loss on a batch, (P,)."""
    return _gradient(learner.risk(batch), learner, create_graph=create_graph)


def hessian_product(learner: Learner, batch: Batch) -> Product:
    """Return what multiplies a flat vector (P,) with the Hessian of the loss on a batch."""
    slope = gradient(learner, batch, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        # H v is the gradient of the slope along v; a linear loss has none
        if not slope.requires_grad:
            return torch.zeros_like(vector)
        return _gradient(slope @ vector, learner, retain_graph=True)

    return product


def mean_product(products: Sequence[Product]) -> Product:
    """Return the product with the mean of some matrices."""
    return lambda vector: torch.stack([product(vector) for product in products]).mean(0)


def spread_product(products: Sequence[Product]) -> Product:
    r"""Return the product with :math:`\sum_e (H_e - \bar H)^2 / E`, how far matrices differ."""

    def product(vector: Tensor) -> Tensor:
        images = torch.stack([each(vector) for each in products])
        away = images - images.mean(0)
        # the deviations sum to 0, so the mean matrix drops out of the second product
        back = [each(part) for each, part in zip(products, away, strict=True)]
        return torch.stack(back).mean(0)

    return product


def lanczos(product: Product, start: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Approximate the ends of a symmetric matrix's spectrum.

    Parameters
    ----------
    product : callable
        Multiplies a vector (P,) with the matrix.
    start : Tensor of shape (P,)
        Not orthogonal to what is looked for.
    iterations : int
        Products taken, at most P.

    Returns
    -------
    values : Tensor of shape (k,)
        Ritz values, ascending; the extreme ones are the most accurate eigenvalues.
    vectors : Tensor of shape (P, k)
        Orthonormal.
    """
    basis = [start / start.norm()]
    diagonal, beside = [], []
    for _ in range(min(iterations, len(start))):
        image = product(basis[-1])
        diagonal.append(image @ basis[-1])
        # orthogonalised twice: rounding would bring found directions back
        for _ in range(2):
            known = torch.stack(basis, 1)
            image = image - known @ (known.T @ image)
        size = image.norm()
        if not size > 1e-6 * max(abs(float(value)) for value in diagonal):
            break
        beside.append(size)
        basis.append(image / size)
    k = len(diagonal)
    small = torch.diag(torch.stack(diagonal))
    if k > 1:
        off = torch.stack(beside[: k - 1])
        small = small + torch.diag(off, 1) + torch.diag(off, -1)
    values, mixing = torch.linalg.eigh(small)
    return values, torch.stack(basis[:k], 1) @ mixing


def _gradient(
    value: Tensor, learner: Learner, *, retain_graph: bool = False, create_graph: bool = False
) -> Tensor:
    """Return the gradient of a value in the parameters that are trained, flat."""
    parts = torch.autograd.grad(
        value,
        learner.parameters,
        retain_graph=retain_graph or create_graph,
        create_graph=create_graph,
        materialize_grads=True,
    )
    return torch.cat([part.reshape(-1) for part in parts])
