"""Steps on quadratic features: their direction, their limit, and where they lead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.sensing import HeteroSGD, PooledSGD
from elinvar.sensing._optimizers import renew_numpy
from elinvar.sensing._schedule import environment_order
from elinvar.sensing._start import start_factor
from elinvar.sensing._threads import one_blas_thread
from elinvar.sensing.quadratic._moments import CentredMoments
from elinvar.sensing.quadratic._rows import QuadraticRows
from elinvar.sensing.quadratic._units import Floats, QuadraticData, packing

Gradient = Callable[[Floats, int], Floats]

# a run has diverged when A is so many times as large as an environment's pull
_DIVERGED = 1e4
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """How to take the steps.

    Parameters
    ----------
    algorithm : HeteroSGD or PooledSGD
        Step size, start, order and parameterisation.
    n_steps, record_every : int
        Steps, and the distance between recorded ones.
    average : float
        Share of the steps, at the end, over which the matrix is averaged.
    share : ndarray of shape (E,)
        Probability of each environment; of length 1 for pooled steps.
    bound : float
        Size of the matrix beyond which the steps have diverged.
    """

    algorithm: HeteroSGD | PooledSGD
    n_steps: int
    record_every: int
    average: float
    share: Floats
    bound: float

    def go(
        self,
        gradient: Gradient,
        watch: Callable[[Floats], tuple[float, Floats]],
        rng: np.random.Generator,
        p: int,
    ) -> QuadraticTrajectory:
        """Take the steps.

        Parameters
        ----------
        gradient : callable
            Turns the matrix and an environment into the direction of the step, (p, p).
        watch : callable
            Turns the matrix into its loss and eigenvalues.
        rng : Generator
            Draws the start and the environments.
        p : int
            Size of the matrix.

        Returns
        -------
        QuadraticTrajectory
            Its matrices are in the units of ``gradient``.
        """
        start, order = rng.spawn(2)
        factor = start_factor(self.algorithm, p, None, np.float64, start)
        environments = self._order(order)
        signs = factor.signs
        first = min(int(np.floor((1 - self.average) * self.n_steps)) + 1, self.n_steps)
        mean, steps, watched = np.zeros((p, p)), [], []
        taken, diverged = self.n_steps, False
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for step in range(self.n_steps + 1):
                A = (factor.P * signs) @ factor.P.T
                if not np.abs(A).max() <= self.bound:
                    taken, diverged = step - 1, True
                    break
                if step % self.record_every == 0 or step == self.n_steps:
                    steps.append(step)
                    watched.append(watch(A))
                if step >= first:
                    mean += A
                if step < self.n_steps:
                    G = gradient(A, environments[step])
                    renew_numpy(
                        factor.P, (G @ factor.P) * signs, factor.rule, factor.memory, step + 1
                    )
        return QuadraticTrajectory(
            steps=np.array(steps, dtype=np.int64),
            loss=np.array([loss for loss, _ in watched]),
            eigenvalues=np.array([values for _, values in watched]).reshape(-1, p),
            mean_matrix=np.zeros((p, p)) if diverged else mean / (self.n_steps + 1 - first),
            n_steps=taken,
            status="diverged" if diverged else "completed",
        )

    def _order(self, rng: np.random.Generator) -> list[int]:
        if len(self.share) == 1 or isinstance(self.algorithm, PooledSGD):
            return [0] * self.n_steps
        order: list[int] = environment_order(self.algorithm, self.share, self.n_steps, rng).tolist()
        return order


def moment_direction(used: CentredMoments) -> Gradient:
    """Return directions C_e - T_e(A), with few operations."""
    pack, p = packing(used.dim), used.dim
    # the weights of the packing are folded into the moments
    gram = used.gram / pack.weight[:, None] * pack.weight
    cross = used.cross / pack.weight
    upper, back = pack.upper, pack.back

    def direction(A: Floats, e: int) -> Floats:
        packed: Floats = cross[e] - gram[e] @ A.ravel().take(upper)
        return packed.take(back).reshape(p, p)

    return direction


def row_direction(
    rows: QuadraticRows, *, gain: float, pooled: bool, batch_size: int | None, rng: Any
) -> Gradient:
    """Return gradients over rows: of whole environments, or of batches drawn from them."""

    def one(A: Floats, e: int) -> Floats:
        if batch_size is None:
            return rows.gradient(e, A)
        return rows.drawn_gradient(e, A, batch_size, rng)

    def mixed(A: Floats) -> Floats:
        if batch_size is None:
            parts = [s * rows.gradient(e, A) for e, s in enumerate(rows.share)]
        else:
            counts = rng.multinomial(batch_size, rows.share)
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
        if gain == 1.0 or len(rows.share) == 1:
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
    middle = np.tensordot(data.share, pull, axes=1)
    strongest = np.abs(np.linalg.eigvalsh(middle + gain * (pull - middle))).max()
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
    return _DIVERGED * (largest + init_scale**2)


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
    change = np.zeros((len(data.share), len(directions)))
    for e, pull in enumerate(data.pull):
        R = pull - data.apply(e, A)
        for j, u in enumerate(directions):
            S = np.outer(u, u)
            curvature = 1.0 if slopes else float((S * data.apply(e, S)).sum()) / (u @ u) ** 2
            change[e, j] = (u @ R @ u) / max(curvature, np.finfo(float).tiny)
    return change
