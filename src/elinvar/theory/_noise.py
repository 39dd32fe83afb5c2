r"""What finite batches do: noise that grows off the signal, and the floor that it leaves.

Given R, a step's :math:`G` is R plus :math:`\sqrt v` times a symmetric Gaussian matrix (diagonal
variance 1, off the diagonal 1/2), with :math:`v = (|R|_F^2 + \sigma^2) / m`. Derivations and checks
are in docs/theory-matrix.md, section 7.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from elinvar._base._check import generator
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, positive
from elinvar.theory._matrix import CHAINS, growth_of_chains, square
from elinvar.theory._results import GrowthExponent

_ROUNDS = 60


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """The stationary error that sampling noise leaves, and its parts, as Frobenius norms.

    Attributes
    ----------
    error : float
        Of A, typically; infinite if the batch is too small for any stationary state.
    aligned : float
        Jitter of the invariant subspace and its eigenvalues, linear in the noise.
    tilt : float
        What that jitter does in second order: it shrinks the invariant block.
    free : float
        Noise that has grown in directions of its own.
    variance : float
        v, with the residual's power including the error itself.

    Examples
    --------
    >>> floor = NoiseFloor(error=0.05, aligned=0.04, tilt=0.02, free=0.02, variance=1e-4)
    >>> print(floor)
    error 0.05 (aligned 0.04, tilt 0.02, free 0.02)
    """

    error: float
    aligned: float
    tilt: float
    free: float
    variance: float

    def __str__(self) -> str:
        parts = f"aligned {self.aligned:.2g}, tilt {self.tilt:.2g}, free {self.free:.2g}"
        return f"error {self.error:.2g} ({parts})"


def noise_growth_rate(dim: int, step_size: float, batch_size: float, power: float) -> float:
    r"""Return the growth exponent that sampling noise alone gives to all other directions.

    .. math:: \gamma = \frac{\eta^2 (|R|_F^2 + \sigma^2)(d - 3)}{4 m}

    A generic vector under :math:`I + \eta\sqrt v N`, to second order in :math:`\eta\sqrt v`. From
    the isotropic start :math:`\alpha I` the Frobenius norm first grows at d + 1 in place of d - 3.
    Bursts of spurious directions add to it: `free_growth_exponent`.

    Parameters
    ----------
    dim : int
        d.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    batch_size : float
        m.
    power : float
        Mean of :math:`|R|_F^2 + \sigma^2`, with R the residual matrix and sigma the label noise.

    Returns
    -------
    float
        Per step.

    Raises
    ------
    DataError
        If an argument is not a finite number above 0.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 7.

    Examples
    --------
    >>> from elinvar.theory import noise_growth_rate
    >>> round(noise_growth_rate(50, 0.1, 2000, power=74), 5)
    0.00435
    """
    v = positive("power", power) / positive("batch_size", batch_size)
    return positive("step_size", step_size) ** 2 * v * (positive("dim", dim) - 3) / 4


def free_growth_exponent(
    matrices: ArrayLike,
    step_size: float,
    *,
    dim: int,
    batch_size: int,
    power: float,
    weights: ArrayLike | None = None,
    n_steps: int = 256_000,
    rng: np.random.Generator | int | None = 0,
) -> GrowthExponent:
    r"""Return the exponent of the directions that only noise drives, spurious bursts included.

    .. math:: y \leftarrow \bigl(I + \eta (S_e \oplus 0) + \eta\sqrt v N\bigr) y

    Noise moves amplitude into the spurious directions, their bursts enlarge it, and noise moves it
    back. Where :math:`\nu < 1` (`burst_exponent`) this path wins as batches grow: it falls with
    :math:`v^\nu`, and noise alone with v.

    Parameters
    ----------
    matrices : array of shape (E, r2, r2)
        The spurious :math:`S_e`.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    dim : int
        d, less the invariant rank.
    batch_size : int
        m.
    power : float
        Mean of :math:`|R|_F^2 + \sigma^2`.
    weights : array of shape (E,), optional
        How often an environment is drawn; equally often if not given.
    n_steps : int
        Steps in total, over 64 chains.
    rng : Generator, int or None
        Source of randomness.

    Returns
    -------
    GrowthExponent
        Per step.

    Raises
    ------
    DataError
        If an argument cannot be used.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 7; the singular power is that of B. Derrida and
    H. J. Hilhorst, "Singular behaviour of certain infinite products of random 2 x 2 matrices",
    Journal of Physics A 16 (1983).

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.theory import free_growth_exponent
    >>> spurious = [7 * np.eye(2), -5 * np.eye(2)]
    >>> found = free_growth_exponent(spurious, 0.1, dim=48, batch_size=20_000, power=74)
    >>> round(found.exponent, 4)
    0.003
    """
    stack = square(matrices)
    weights = checked(np.zeros(len(stack)), weights)[1]
    eta = positive("step_size", step_size)
    scale = eta * np.sqrt(positive("power", power) / positive("batch_size", batch_size) / 2)
    rank, rng = stack.shape[1], generator(rng)
    if dim < rank + 2:
        raise DataError(f"dim must be at least {rank + 2}, two above the rank; got {dim!r}.")
    factors = np.eye(rank) + eta * stack
    rounds = max(int(n_steps) // CHAINS, 100)
    drawn = rng.choice(len(stack), size=(rounds, CHAINS), p=weights)
    # y: the spurious part, then the length of the rest; N y = (g + (sqrt(2) - 1) y y'g) / sqrt(2)
    y = np.zeros((CHAINS, rank + 1))
    y[:, -1] = 1.0
    total, counted = np.zeros(CHAINS), rounds - rounds // 5
    for t in range(rounds):
        g = rng.standard_normal(y.shape)
        along = np.einsum("ci,ci->c", g, y)[:, None]
        kick = scale * (g + (np.sqrt(2) - 1) * along * y)
        moved = np.einsum("cij,cj->ci", factors[drawn[t]], y[:, :-1]) + kick[:, :-1]
        across = scale**2 * rng.chisquare(dim - rank - 1, CHAINS)
        rest = np.sqrt((y[:, -1] + kick[:, -1]) ** 2 + across)
        y = np.column_stack([moved, rest])
        size = np.linalg.norm(y, axis=1)
        y /= size[:, None]
        if t >= rounds - counted:
            total += np.log(size)
    return growth_of_chains(total, total, counted)


def noise_floor(
    eigenvalues: ArrayLike,
    step_size: float,
    *,
    dim: int,
    batch_size: float,
    power: float,
    width: int | None = None,
    steps: float | None = None,
    init_scale: float = 1e-3,
) -> NoiseFloor:
    r"""Return the error that sampling noise leaves around a solution of low rank.

    .. math::

        |A - A^*|^2 \approx v \sum_{ij} \frac{1 + \delta_{ij}}{2} \frac{\eta(\sigma_i + \sigma_j)}
        {2 - \eta(\sigma_i + \sigma_j)} + 2 \sum_i D_i^2
        + (\eta v)^2\, n \frac{d'}{4} \Bigl(\frac{d'}{4} - \frac n2\Bigr)

    with :math:`\sigma_i = 0` off the signal, :math:`d' = d - r`,
    :math:`D_i = d' \eta v / (2 (2 - \eta\sigma_i))`, :math:`n = \min(d'/4, k - r)` and
    :math:`v = (\text{power} + |A - A^*|^2) / m`, solved for v. The third term is the stationary
    state of noise in directions of its own: a quarter of them survives.

    Parameters
    ----------
    eigenvalues : array of shape (r,)
        Of the solution, positive.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    dim : int
        d.
    batch_size : float
        m.
    power : float
        Mean of :math:`|R|_F^2 + \sigma^2` at the solution, that is of what is not learned.
    width : int, optional
        Columns k of U; d if not given.
    steps : float, optional
        With it, the third term is at most what ``steps`` can grow from ``init_scale``.
    init_scale : float > 0
        The start.

    Returns
    -------
    NoiseFloor
        Medians over time; spurious bursts come on top.

    Raises
    ------
    DataError
        If an argument cannot be used.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 7.

    Examples
    --------
    >>> from elinvar.theory import noise_floor
    >>> print(noise_floor([1.0, 1.0], 0.1, dim=50, batch_size=2000, power=74))
    error 0.47 (aligned 0.45, tilt 0.094, free 0.11)
    """
    parts = _FloorTerms.of(eigenvalues, step_size, dim, width)
    v, m = 0.0, positive("batch_size", batch_size)
    grown = None
    if steps is not None:
        rate = noise_growth_rate(dim + 4, step_size, m, power)
        log_grown = 2 * rate * steps + np.log(init_scale**2 * np.sqrt(max(dim - parts.rank, 1)))
        grown = float(np.exp(min(log_grown, 50.0)))
    # v = (power + error^2(v)) / m: from below the iteration climbs to its smallest solution
    for _ in range(_ROUNDS * 20):
        before, v = v, (positive("power", power) + sum(parts.squares(v, grown))) / m
        if not np.isfinite(v) or v > 1e6 * power / m:
            return NoiseFloor(error=np.inf, aligned=np.inf, tilt=np.inf, free=np.inf, variance=v)
        if v - before <= 1e-9 * v:
            break
    aligned, tilt, free = parts.squares(v, grown)
    return NoiseFloor(
        error=float(np.sqrt(aligned + tilt + free)),
        aligned=float(np.sqrt(aligned)),
        tilt=float(np.sqrt(tilt)),
        free=float(np.sqrt(free)),
        variance=float(v),
    )


def critical_batch_size(
    eigenvalues: ArrayLike,
    step_size: float,
    *,
    dim: int,
    power: float,
    width: int | None = None,
    steps: float | None = None,
    init_scale: float = 1e-3,
    share: float = 1.0,
) -> float:
    r"""Return the batch size at which sampling noise overtakes the signal.

    Where the error of `noise_floor` is ``share`` times the norm of the signal. Below
    :math:`m = C + 2 \sqrt{C_2 \cdot \text{power}}` (:math:`|A - A^*|^2 = C v + C_2 v^2`) there is
    no stationary state, and runs diverge.

    Parameters
    ----------
    eigenvalues : array of shape (r,)
        Of the solution, positive.
    step_size : float > 0
        :math:`\eta` of the matrix step, times the curvature of the measurements.
    dim : int
        d.
    power : float
        Mean of :math:`|R|_F^2 + \sigma^2` at the solution.
    width : int, optional
        Columns k of U; d if not given.
    steps : float, optional
        How long is trained; forever if not given.
    init_scale : float > 0
        The start.
    share : float > 0
        The error over the norm of the signal.

    Returns
    -------
    float
        m; below 1 if any batch is large enough.

    Raises
    ------
    DataError
        If an argument cannot be used.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 7.

    Examples
    --------
    >>> from elinvar.theory import critical_batch_size
    >>> round(critical_batch_size([1.0, 1.0], 0.1, dim=50, power=74))
    334
    """
    signal = positive("share", share) * float(np.linalg.norm(checked(eigenvalues, None)[0]))

    def excess(log_m: float) -> float:
        floor = noise_floor(
            eigenvalues, step_size, dim=dim, batch_size=float(np.exp(log_m)), power=power,
            width=width, steps=steps, init_scale=init_scale,
        )  # fmt: skip
        return float(np.log(max(floor.error, 1e-300) / signal)) if np.isfinite(floor.error) else 9.0

    return float(np.exp(brentq(excess, -60.0, 60.0, xtol=1e-6)))


@dataclass(frozen=True, kw_only=True)
class _FloorTerms:
    """Squares of the floor as polynomials of v."""

    rank: int
    linear: float
    tilt: float
    free: float

    @classmethod
    def of(
        cls, eigenvalues: ArrayLike, step_size: float, dim: int, width: int | None
    ) -> "_FloorTerms":
        sigma: Floats = checked(np.ravel(eigenvalues), None)[0]
        eta, rank = positive("step_size", step_size), len(sigma)
        if not (sigma > 0).all() or eta * sigma.max() >= 1 or dim < rank:
            raise DataError(
                "The eigenvalues must be positive, below 1 / step_size, and at most dim in number."
            )
        others = dim - rank
        # inside: pairs of learned directions; across: a learned with a free one, sigma_j = 0
        pair = eta * (sigma[:, None] + sigma)
        inside = (pair / (2 - pair) * (1 + np.eye(rank)) / 2).sum()
        across = others * (eta * sigma / (2 - eta * sigma)).sum()
        # D_i: second-order shrinkage of each learned eigenvalue
        sag = others * eta / (2 * (2 - eta * sigma))
        # of the directions left, d' / 4 survive in the stationary state, if U has columns for them
        quarter = others / 4
        n = max(0.0, min(quarter, (dim if width is None else min(width, dim)) - rank))
        free = eta**2 * n * quarter * (quarter - n / 2)
        linear, tilt = float(inside + across), float(2 * (sag**2).sum())
        return cls(rank=rank, linear=linear, tilt=tilt, free=free)

    def squares(self, v: float, grown: float | None) -> tuple[float, float, float]:
        free = self.free * v**2
        return self.linear * v, self.tilt * v**2, free if grown is None else min(free, grown**2)
