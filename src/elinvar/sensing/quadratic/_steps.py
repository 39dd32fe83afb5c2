"""Steps on quadratic features: their direction, their limit, and where they lead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing._run import DIVERGED
from elinvar.sensing.quadratic._moments import CentredMoments
from elinvar.sensing.quadratic._units import Floats, packing

_POWER_STEPS = 40


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class QuadraticTrajectory:
    """What the steps did.

    Parameters
    ----------
    steps : ndarray of shape (T,)
        Recorded steps: 0 is the start, and the last one is always there.
    loss : ndarray of shape (T,)
        Mean squared error over all environments, with the best intercept.
    eigenvalues : ndarray of shape (T, p)
        Of the matrix, in the data's units, from the largest to the smallest.
    mean_matrix : ndarray of shape (p, p)
        Average over the last steps; zeros if the steps diverged.
    n_steps : int
        Steps taken before the end or the divergence.
    status : {"completed", "diverged"}
        Whether all steps stayed bounded.
    """

    steps: NDArray[np.int64]
    loss: Floats
    eigenvalues: Floats
    mean_matrix: Floats
    n_steps: int
    status: Literal["completed", "diverged"]

    def __repr__(self) -> str:
        return (
            f"QuadraticTrajectory({self.status} after {self.n_steps:,} steps, "
            f"{len(self.steps):,} recorded)"
        )


def direction_of(moments: CentredMoments) -> Callable[[Floats, int], Floats]:
    """Return directions C_e - T_e(A), with few operations."""
    pack, p = packing(moments.dim), moments.dim
    # the weights of the packing are folded into the moments
    gram = moments.gram / pack.weight[:, None] * pack.weight
    cross = moments.cross / pack.weight
    upper, back = pack.upper, pack.back

    def direction(A: Floats, e: int) -> Floats:
        packed: Floats = cross[e] - gram[e] @ A.ravel().take(upper)
        return packed.take(back).reshape(p, p)

    return direction


def step_limit(data: CentredMoments, pooled: Floats) -> float:
    r"""Return the largest step size that keeps the steps bounded.

    :math:`1 / L` with :math:`L` the largest, over environments, of :math:`\|C_e\|_2`, the strongest
    pull on a small factor, and half of :math:`\lambda_{\max}(S \mapsto T_e(P S + S P))`, the
    sharpness; :math:`P = |A|` at the pooled solution A.

    Parameters
    ----------
    data : CentredMoments
        In the direction of the steps: with slopes, the moments of slopes; extrapolated by the gain.
    pooled : ndarray of shape (p, p)
        Pooled least squares.

    Returns
    -------
    float
    """
    strongest = np.abs(np.linalg.eigvalsh(data.pull)).max()
    # |A| = U U' + V V' at the solution U U' - V V' = A
    values, vectors = np.linalg.eigh(pooled)
    P = (vectors * np.abs(values)) @ vectors.T
    sharpest = max(_sharpness(data, e, P) for e in range(len(data.weights)))
    largest = float(max(strongest, sharpest / 2))
    return 1.0 / largest if largest > 1e-100 else 1.0


def _sharpness(data: CentredMoments, e: int, P: Floats) -> float:
    """Return the largest eigenvalue of S -> T_e(P S + S P), by power iteration."""
    S = P / max(float(np.linalg.norm(P)), np.finfo(float).tiny)
    value = 0.0
    for _ in range(_POWER_STEPS):
        PS = P @ S
        S = data.apply(e, PS + PS.T)
        before, value = value, float(np.linalg.norm(S))
        if not value > 0 or abs(value - before) < 1e-3 * value:
            break
        S = S / value
    return value


def bound_of(data: CentredMoments, pooled: Floats, init_scale: float) -> float:
    """Return the size of the matrix beyond which steps have diverged."""
    largest = max(float(np.abs(data.pull).max()), float(np.abs(pooled).max()), 1e-100)
    return DIVERGED * (largest + init_scale**2)
