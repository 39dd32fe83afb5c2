r"""A problem and an algorithm, reduced to what the theory works on.

In an orthonormal frame of :math:`U^*` and of the part of :math:`V^*` that is orthogonal to it, a
step with the gain :math:`\kappa` and the curvature c is the plain step with
:math:`h = c \eta` on :math:`\bar S + \kappa (S_e - \bar S)`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, growth_exponent, positive
from elinvar.theory._matrix import common_eigenvalues

_ZERO = 1e-10
# what environments of a batch can be together, if they are more than can be listed
_DRAWS = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduced:
    """What drives the spurious directions, and how strongly.

    Attributes
    ----------
    sigma : array of shape (r1,)
        Invariant eigenvalues.
    within : array of shape (r1, r2)
        V* in the frame: its part along U*, the overlap.
    across : array of shape (r, r2)
        Its part orthogonal to U*; r is the rank of that.
    spurious : array of shape (E, r2, r2)
        The matrices S_e that the steps see: of one environment, extrapolated, or the mean.
    weights : array of shape (E,)
        How often each is seen.
    mean : array of shape (r2, r2)
        Their mean.
    step : float
        h, the step times the curvature.
    power : float
        Mean squared residual that sampling noise has at the solution: A* for steps on one
        environment, A* plus the mean for pooled ones.
    batch_size : int or None
        m.
    trace : float
        tau: a step follows R + tau tr(R) I.
    """

    sigma: Floats
    within: Floats
    across: Floats
    spurious: Floats
    weights: Floats
    mean: Floats
    step: float
    power: float
    batch_size: int | None
    trace: float = 0.0

    @classmethod
    def of(cls, problem: MatrixProblem, algorithm: MatrixAlgorithm) -> "Reduced":
        """Reduce a problem and an algorithm.

        Raises
        ------
        DataError
            If their shapes do not fit, their numbers are not finite, or environments cannot come
            in the order of the algorithm.
        """
        sigma = np.asarray(problem.invariant_eigenvalues, dtype=np.float64)
        stack = np.asarray(problem.spurious_matrices, dtype=np.float64)
        overlap = np.asarray(problem.overlap, dtype=np.float64)
        weights = checked(np.zeros(len(stack)), problem.environment_weights)[1]
        if overlap.shape != (len(sigma), stack.shape[-1]) or not np.isfinite(stack).all():
            raise DataError(
                f"The overlap must be of shape {(len(sigma), stack.shape[-1])} and the spurious "
                f"matrices finite; the overlap is {overlap.shape}."
            )
        left, basis = np.linalg.eigh(np.eye(stack.shape[1]) - overlap.T @ overlap)
        kept = left > _ZERO
        across = np.sqrt(left[kept])[:, None] * basis[:, kept].T
        mean, shares = np.tensordot(weights, stack, axes=1), weights
        curvature = positive("curvature", problem.curvature)
        one, gain = algorithm.sampling == "one", float(algorithm.gain)
        order = getattr(algorithm, "order", "random")
        if hasattr(problem, "check_order"):
            problem.check_order(order)
        own, weights = _own(problem, algorithm, stack, weights) if one else (stack, weights)
        seen = mean + gain * (own - mean) if one else mean[None]
        if one and order == "cyclic":
            # in turn, each comes as often as any other
            weights = shares = np.full(len(stack), 1 / len(stack))
            mean = seen.mean(axis=0)
        rest = stack if one else stack - mean
        power = float(shares @ (rest**2).sum((1, 2))) + problem.noise**2 / curvature
        if one:
            # with a gain, kappa times the batch of e, and 1 - kappa times a mixed one
            power *= gain**2 + (1 - gain) ** 2
        return cls(
            sigma=sigma,
            within=overlap,
            across=across,
            spurious=seen,
            weights=weights if one else np.ones(1),
            mean=mean,
            step=curvature * positive("step_size", algorithm.step_size),
            power=power,
            batch_size=None if algorithm.sampling == "population" else algorithm.batch_size,
            trace=getattr(getattr(problem, "measurements", None), "trace", 0.0) / curvature,
        )

    @cached_property
    def matrices(self) -> Floats:
        """The B'A^(e)B, (E, r, r), and what the trace adds to them."""
        found: Floats = self.across @ self.spurious @ self.across.T
        if self.trace:
            found = found + self._lifts[:, None, None] * np.eye(len(self.across))
        return found

    @property
    def _lifts(self) -> Floats:
        """What every direction gets of the trace of the residual at A*, (E,)."""
        lifts: Floats = self.trace * np.trace(self.spurious, axis1=1, axis2=2)
        return lifts

    @property
    def trace_growth(self) -> float:
        """Growth exponent of a direction that is neither invariant nor spurious."""
        return float(growth_exponent(self._lifts, self.step, self.weights))

    @property
    def trace_variance(self) -> float:
        """Variance of the trace of S over environments."""
        traces = np.trace(self.spurious, axis1=1, axis2=2)
        return float(self.weights @ (traces - self.weights @ traces) ** 2)

    @cached_property
    def eigenvalues(self) -> Floats:
        """Of each spurious direction in each environment, (E, r); in the mean's basis if mixed."""
        found = common_eigenvalues(self.matrices)
        if found is not None:
            return found
        basis = np.linalg.eigh(np.tensordot(self.weights, self.matrices, axes=1))[1]
        turned: Floats = np.einsum("ij,eik,kj->ej", basis, self.matrices, basis)
        return turned

    @cached_property
    def commute(self) -> bool:
        """Whether the spurious directions are the same in all environments."""
        return common_eigenvalues(self.matrices) is not None

    @cached_property
    def reach(self) -> tuple[float, float]:
        """Smallest and largest eigenvalue of any matrix that a step sees."""
        values = np.linalg.eigvalsh(self.matrices)
        return float(values.min(initial=0.0)), float(values.max(initial=0.0))

    @cached_property
    def cores(self) -> Floats:
        """A* + A^(e) in the frame of U* and B, (E, r1 + r, r1 + r)."""
        frame = np.vstack([self.within, self.across])
        cores: Floats = frame @ self.spurious @ frame.T
        index = np.arange(len(self.sigma))
        cores[:, index, index] += self.sigma
        return cores

    @cached_property
    def signal(self) -> float:
        """Norm of A*."""
        return float(np.linalg.norm(self.sigma))

    @property
    def unseen_power(self) -> float:
        """The part of ``power`` that is no residual of the matrices that steps see: label noise."""
        seen = float(self.weights @ (self.spurious**2).sum((1, 2))) if len(self.spurious) > 1 else 0
        return max(self.power - seen, 0.0)

    @property
    def oblique(self) -> bool:
        """Whether the invariant and the spurious subspace are not orthogonal."""
        return bool(np.abs(self.within).max(initial=0.0) > 1e-8)


def _own(
    problem: MatrixProblem, algorithm: MatrixAlgorithm, stack: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return the S that batches of their own environments have on average, and their weights."""
    mixed = int(getattr(algorithm, "environments", 1))
    if getattr(algorithm, "order", "random") == "window":
        means = np.asarray(problem.window_matrices(algorithm.window))  # type: ignore[attr-defined]
        return means, np.full(len(means), 1 / len(means))
    count = len(stack)
    if 1 in (mixed, count):
        return stack, weights
    if count**mixed <= _DRAWS:
        which = np.indices((count,) * mixed).reshape(mixed, -1)
        return stack[which].mean(axis=0), weights[which].prod(axis=0)
    which = np.random.default_rng(0).choice(count, size=(mixed, _DRAWS), p=weights)
    return stack[which].mean(axis=0), np.full(_DRAWS, 1 / _DRAWS)
