"""Steps on quadratic features: their direction, their limit, and where they lead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing._run import DIVERGED
from elinvar.sensing.quadratic._moments import CentredMoments
from elinvar.sensing.quadratic._rows import QuadraticRows
from elinvar.sensing.quadratic._units import Floats, packing

Gradient: TypeAlias = Callable[[Floats, int], Floats]
# both have cross moments (``pull``) and second moments of target and features (``power``,
# ``spread``), T_e(A) = E_e <f, A> f (``apply``), and pooled least squares
QuadraticData: TypeAlias = CentredMoments | QuadraticRows

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


def moment_direction(moments: CentredMoments) -> Gradient:
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


def row_direction(
    rows: QuadraticRows,
    *,
    gain: float,
    pooled: bool,
    batch_size: int | None,
    rng: np.random.Generator,
) -> Gradient:
    """Return gradients over rows: of whole environments, or of batches drawn from them."""

    def one(A: Floats, e: int) -> Floats:
        if batch_size is None:
            return rows.gradient(e, A)
        return rows.drawn_gradient(e, A, batch_size, rng)

    def mixed(A: Floats) -> Floats:
        if batch_size is None:
            parts = [s * rows.gradient(e, A) for e, s in enumerate(rows.weights)]
        else:
            counts = rng.multinomial(batch_size, rows.weights)
            parts = [
                n / batch_size * rows.drawn_gradient(e, A, n, rng)
                for e, n in enumerate(counts)
                if n > 0
            ]
        total: Floats = np.sum(parts, axis=0)
        return total

    def direction(A: Floats, e: int) -> Floats:
        if pooled:
            return mixed(A)
        own = one(A, e)
        if gain == 1.0 or len(rows.weights) == 1:
            return own
        middle = mixed(A)
        return middle + gain * (own - middle)

    return direction


def step_limit(
    data: QuadraticData, pooled: Floats, *, gain: float = 1.0, batch_size: int | None = None
) -> float:
    r"""Return the largest step size that keeps the steps bounded.

    :math:`1 / L` with :math:`L` the largest, over environments (extrapolated by the gain), of
    :math:`\|C_e\|_2`, the strongest pull on a small factor, and half of
    :math:`\lambda_{\max}(S \mapsto T_e(P S + S P))`, the sharpness; :math:`P = |A|` at the pooled
    solution A. Batches of m rows add three times the norm that the sampling noise of their
    gradients has, about :math:`2 \kappa \sqrt{p\, E_e y^2\, \mathrm{tr}(T_e) / (q m)}`.

    Parameters
    ----------
    data : CentredMoments or QuadraticRows
        In the direction of the steps: with slopes, the moments of slopes.
    pooled : ndarray of shape (p, p)
        Pooled least squares.
    gain : float
        :math:`\kappa`; moments may be extrapolated already.
    batch_size : int, optional
        m; None: whole environments.

    Returns
    -------
    float
    """
    pull = data.pull
    # the strongest pull on a small factor, |C_e|_2, of environments moved apart by the gain
    middle = np.tensordot(data.weights, pull, axes=1)
    strongest = np.abs(np.linalg.eigvalsh(middle + gain * (pull - middle))).max()
    # |A| = U U' + V V' at the solution U U' - V V' = A
    values, vectors = np.linalg.eigh(pooled)
    P = (vectors * np.abs(values)) @ vectors.T
    sharpest = max(1.0, gain) * max(_sharpness(data, e, P) for e in range(len(pull)))
    noise = 0.0
    if batch_size is not None:
        size = np.max(data.power * data.spread) / (len(P) * batch_size)
        noise = 6 * max(1.0, gain) * float(np.sqrt(size))
    largest = float(max(strongest + noise, sharpest / 2))
    return 1.0 / largest if largest > 1e-100 else 1.0


def _sharpness(data: QuadraticData, e: int, P: Floats) -> float:
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


def bound_of(data: QuadraticData, pooled: Floats, init_scale: float) -> float:
    """Return the size of the matrix beyond which steps have diverged."""
    largest = max(float(np.abs(data.pull).max()), float(np.abs(pooled).max()), 1e-100)
    return DIVERGED * (largest + init_scale**2)


def component_slopes(data: QuadraticData, A: Floats, directions: Floats, *, slopes: bool) -> Floats:
    """Return by how much each environment would change the eigenvalue of each direction, (E, r).

    Parameters
    ----------
    data : CentredMoments or QuadraticRows
        Moments of slopes, or of gradients.
    A : ndarray of shape (p, p)
        The matrix.
    directions : ndarray of shape (r, p)
        Dual to the components: u' R u is the coefficient of a component in R.
    slopes : bool
        Which of the two they are.
    """
    change = np.zeros((len(data.weights), len(directions)))
    for e, pull in enumerate(data.pull):
        R = pull - data.apply(e, A)
        for j, u in enumerate(directions):
            S = np.outer(u, u)
            curvature = 1.0 if slopes else float((S * data.apply(e, S)).sum()) / (u @ u) ** 2
            change[e, j] = (u @ R @ u) / max(curvature, np.finfo(float).tiny)
    return change
