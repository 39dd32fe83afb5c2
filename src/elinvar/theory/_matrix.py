r"""The top Lyapunov exponent of random products: spurious directions that do not commute."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import check_choice, check_count, generator
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, mean_log, positive
from elinvar.theory._results import GrowthExponent

Order = Literal["random", "cyclic"]

CHAINS = 64
_COMMUTE = 1e-10


def matrix_growth_exponent(
    matrices: ArrayLike,
    step_size: float,
    weights: ArrayLike | None = None,
    *,
    order: Order = "random",
    block: int = 1,
    n_steps: int = 64_000,
    rng: np.random.Generator | int | None = 0,
) -> GrowthExponent:
    r"""Return the top growth exponent of a spurious subspace under the paper's matrix step.

    .. math:: \gamma = \lim_T \frac1T E \log \lVert F_{e_T} \cdots F_{e_1} x \rVert,
        \qquad F_e = I + \eta S_e

    Matrices that commute have a closed form: the largest of their scalar exponents. Otherwise 64
    unit vectors are iterated (QR iteration with one column), and each step adds the *mean* of
    :math:`\log \lVert F_e x \rVert` over the environments, not only the one drawn (Furstenberg's
    formula), which leaves less noise.

    Parameters
    ----------
    matrices : array of shape (E, r, r)
        The :math:`S_e`, symmetric or not: of a problem, B'A^(e)B with B an orthonormal basis of
        the spurious directions that are orthogonal to the invariant ones.
    step_size : float > 0
        :math:`\eta`, times the curvature of the measurements.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.
    order : {"random", "cyclic"}
        Environments drawn at random, or in turn: then the exponent is the logarithm of the spectral
        radius of one round, over its length, exactly, and weights are not used.
    block : int >= 1
        Steps that an environment stays once drawn.
    n_steps : int
        Draws in total, a fifth of which are not counted.
    rng : Generator, int or None
        Source of randomness.

    Returns
    -------
    GrowthExponent
        Per step. The standard error is over the 64 chains.

    Raises
    ------
    DataError
        If the matrices are not finite or square, or another argument cannot be used.

    References
    ----------
    H. Furstenberg, H. Kesten, "Products of random matrices", Annals of Mathematical Statistics
    31 (1960); the use for spurious directions is an own derivation, docs/theory-matrix.md,
    section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.theory import matrix_growth_exponent
    >>> print(matrix_growth_exponent([np.diag([7.0, 1.0]), np.diag([-5.0, -2.0])], 0.1))
    -0.0639 a step (spread 0.16)
    """
    stack = square(matrices)
    weights = checked(np.zeros(len(stack)), weights)[1]
    check_count("block", block)
    check_choice("order", order, ("random", "cyclic"))
    factors = np.eye(stack.shape[1]) + positive("step_size", step_size) * stack
    if order == "cyclic":
        return _cyclic(factors, int(block))
    together = common_eigenvalues(stack)
    if together is not None:
        logarithm, drift = _logs(1.0 + step_size * together, weights)
        top = int(np.argmax(drift))
        # a block of b equal steps has b times the logarithm: the spread a step grows by sqrt(b)
        spread = _sd(logarithm[:, top], weights) * np.sqrt(block)
        return GrowthExponent(exponent=float(drift[top]), spread=float(spread))
    powers = np.linalg.matrix_power(factors, int(block))
    return _chains(powers, weights, int(block), n_steps, generator(rng))


def common_eigenvalues(matrices: Floats) -> Floats | None:
    """Eigenvalues (E, r) in a common orthonormal basis of symmetric matrices, if there is one."""
    scale = float(np.abs(matrices).max(initial=0.0))
    if np.abs(matrices - matrices.transpose(0, 2, 1)).max(initial=0.0) > _COMMUTE * scale:
        return None
    mixed = np.tensordot(np.random.default_rng(0).normal(size=len(matrices)), matrices, axes=1)
    basis = np.linalg.eigh(mixed)[1]
    rotated = basis.T @ matrices @ basis
    values: Floats = np.einsum("eii->ei", rotated).copy()
    off = np.abs(rotated - values[:, :, None] * np.eye(matrices.shape[1])).max(initial=0.0)
    return values if off <= 1e3 * _COMMUTE * scale else None


def _logs(factors: Floats, weights: Floats) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore"):
        return np.log(np.abs(factors)), mean_log(factors.T, weights)


def _sd(logarithm: Floats, weights: Floats) -> float:
    used = weights > 0
    with np.errstate(invalid="ignore"):
        mean = logarithm[used] @ weights[used]
        return float(np.sqrt((logarithm[used] - mean) ** 2 @ weights[used]))


def _cyclic(factors: Floats, block: int) -> GrowthExponent:
    # gamma = log rho(F_E^b ... F_1^b) / (E b), rho the spectral radius of one round
    product = np.eye(factors.shape[1])
    for factor in np.linalg.matrix_power(factors, block):
        product = factor @ product
    radius = np.abs(np.linalg.eigvals(product)).max()
    with np.errstate(divide="ignore"):
        exponent = float(np.log(radius)) / (len(factors) * block)
    return GrowthExponent(exponent=exponent, spread=0.0)


def _chains(
    factors: Floats, weights: Floats, block: int, n_steps: int, rng: np.random.Generator
) -> GrowthExponent:
    """Iterate 64 unit vectors; Furstenberg's mean at each step, the drawn one for the spread."""
    n_rounds = max(int(n_steps) // CHAINS, 50)
    drawn = rng.choice(len(factors), size=(n_rounds, CHAINS), p=weights)
    x = rng.normal(size=(CHAINS, factors.shape[1]))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    mean, walked = np.zeros(CHAINS), np.zeros(CHAINS)
    counted, row = n_rounds - n_rounds // 5, np.arange(CHAINS)
    for t in range(n_rounds):
        # Furstenberg: gamma = E_x E_e log|F_e x| over the stationary law of the direction x, so the
        # mean over all e is taken at each x, and only the walk follows the one drawn
        moved = np.einsum("eij,cj->eci", factors, x)
        size = np.linalg.norm(moved, axis=2)
        if t >= n_rounds - counted:
            with np.errstate(divide="ignore", invalid="ignore"):
                mean += np.where(weights[:, None] > 0, np.log(size), 0.0).T @ weights
                walked += np.log(size[drawn[t], row])
        size = size[drawn[t], row][:, None]
        x = np.where(size > 0, moved[drawn[t], row] / np.where(size > 0, size, 1.0), x)
    return growth_of_chains(mean, walked, counted, block)


def growth_of_chains(total: Floats, walked: Floats, counted: int, block: int = 1) -> GrowthExponent:
    """Return the exponent of chains over ``counted`` rounds of ``block`` steps each.

    Parameters
    ----------
    total : array of shape (C,)
        Sum of the logarithms of each chain, its mean over what is drawn next where that is known.
    walked : array of shape (C,)
        The same of what was drawn, for the spread.
    counted, block : int
        Rounds, and steps of each.
    """
    steps = counted * block
    with np.errstate(invalid="ignore"):
        error = float(total.std(ddof=1)) / steps / np.sqrt(len(total))
        spread = float(walked.std(ddof=1)) / np.sqrt(steps)
    return GrowthExponent(
        exponent=float(total.mean()) / steps, spread=spread, standard_error=float(error)
    )


def square(matrices: ArrayLike) -> Floats:
    stack = np.asarray(matrices, dtype=np.float64)
    if stack.ndim != 3 or stack.shape[1] != stack.shape[2] or 0 in stack.shape:
        raise DataError(f"matrices must have the shape (E, r, r); they have {stack.shape}.")
    if not np.isfinite(stack).all():
        raise DataError("matrices must be finite numbers.")
    return stack
