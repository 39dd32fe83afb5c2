"""Steps on a quadratic form, and the errors where an environment is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self

import numpy as np

from elinvar._base._threads import one_blas_thread
from elinvar.environments import Moments
from elinvar.inference import moment_error
from elinvar.inference.stochastic import halve_until_bounded
from elinvar.sensing import HeteroSGD, PooledSGD
from elinvar.sensing._algorithms import Init
from elinvar.sensing._descent import descend
from elinvar.sensing._own import environment_order
from elinvar.sensing._start import start_factor
from elinvar.sensing.quadratic._moments import CentredMoments
from elinvar.sensing.quadratic._steps import (
    QuadraticTrajectory,
    bound_of,
    direction_of,
    step_limit,
)
from elinvar.sensing.quadratic._units import Floats, Intercept, QuadraticUnits, packing

# step_size="auto" starts at this share of the limit
AUTO = 0.9


@dataclass(frozen=True, kw_only=True)
class QuadraticSteps:
    """How to step; `QuadraticInvariantRegressor` explains its parameters."""

    width: int | None
    parameterization: Literal["symmetric", "psd"]
    direction: Literal["slopes", "gradient"]
    gain: float
    order: Literal["random", "cyclic"]
    pooled: bool
    n_steps: int
    init_scale: float
    intercept: Intercept
    average: float
    record_every: int

    def algorithm(self, step_size: float, p: int) -> HeteroSGD | PooledSGD:
        """Return the algorithm of `elinvar.sensing` on p x p matrices."""
        width = p if self.width is None else self.width
        init: Init = "gaussian" if width > p else "orthogonal" if width < p else "identity"
        make = PooledSGD if self.pooled else partial(HeteroSGD, order=self.order)
        return make(
            step_size=step_size,
            batch_size=None,
            width=self.width,
            init_scale=self.init_scale,
            init=init,
            parameterization=self.parameterization,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticLearner:
    """Moments in the direction of the steps.

    Parameters
    ----------
    steps : QuadraticSteps
        How to step.
    data : CentredMoments
        The environments, as they are.
    step_data : CentredMoments
        What the steps follow: pooled or not, turned into slopes, and extrapolated.
    pooled : ndarray of shape (p, p)
        Pooled least squares.
    limit : float
        The largest step size that keeps the steps bounded.
    """

    steps: QuadraticSteps
    data: CentredMoments
    step_data: CentredMoments
    pooled: Floats
    limit: float

    @classmethod
    def of(cls, moments: Moments, weights: Floats, steps: QuadraticSteps) -> Self:
        """Prepare the steps on the moments of the packed products of columns."""
        data = CentredMoments.of(moments, steps.intercept, weights)
        step_data = data.mixture() if steps.pooled else data
        if steps.direction == "slopes":
            step_data = step_data.slopes()
        step_data, pooled = step_data.extrapolated(steps.gain), data.pooled_solution()
        return cls(
            steps=steps,
            data=data,
            step_data=step_data,
            pooled=pooled,
            limit=step_limit(step_data, pooled),
        )

    def run(
        self, step_size: float, rng: np.random.Generator, units: QuadraticUnits | None = None
    ) -> QuadraticTrajectory:
        """Take the steps; with ``units``, loss and eigenvalues are recorded in them."""
        how, p = self.steps, len(self.pooled)
        start_rng, order_rng = rng.spawn(2)
        algorithm = how.algorithm(step_size, p)
        factor = start_factor(algorithm, p, None, np.float64, start_rng)
        order = np.zeros((how.n_steps, 1), dtype=np.intp)
        if isinstance(algorithm, HeteroSGD):
            order = environment_order(algorithm, self.step_data.weights, how.n_steps, order_rng)
        environments, direction = order[:, 0].tolist(), direction_of(self.step_data)
        # the average is over the last share of the steps, and over the last one at least
        first = min(int(np.floor((1 - how.average) * how.n_steps)) + 1, how.n_steps)
        total, steps = np.zeros((p, p)), list[int]()
        losses, eigenvalues = list[float](), list[Floats]()

        def keep(A: Floats, step: int) -> None:
            if units is not None and (step % how.record_every == 0 or step == how.n_steps):
                steps.append(step)
                losses.append(self.data.loss(A) * units.y_scale**2)
                values = np.linalg.eigvalsh(units.restore(A))[::-1]
                eigenvalues.append(values.astype(np.float64))
            if step >= first:
                np.add(total, A, out=total)

        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            kept = descend(
                factor,
                lambda A, step: direction(A, environments[step]),
                keep,
                steps=how.n_steps,
                bound=bound_of(self.step_data, self.pooled, how.init_scale),
            )
        diverged = kept <= how.n_steps
        return QuadraticTrajectory(
            steps=np.array(steps, dtype=np.int64),
            loss=np.array(losses),
            eigenvalues=np.array(eigenvalues).reshape(-1, p),
            mean_matrix=np.zeros((p, p)) if diverged else total / (how.n_steps + 1 - first),
            n_steps=kept - 1,
            status="diverged" if diverged else "completed",
        )

    def changes(self, A: Floats, directions: Floats) -> Floats:
        """Return by how much each environment would change the eigenvalue of components, (E, r).

        Parameters
        ----------
        A : ndarray of shape (p, p)
            The matrix.
        directions : ndarray of shape (r, p)
            Dual to the components: u' R u is the coefficient of a component in R.
        """
        own = self.data.slopes()
        away = np.array([pull - own.apply(e, A) for e, pull in enumerate(own.pull)])
        changed: Floats = np.einsum("jp,epq,jq->ej", directions, away, directions)
        return changed


def left_out(
    moments: Moments,
    weights: Floats,
    steps: QuadraticSteps,
    step_size: float,
    rng: Callable[[int], np.random.Generator],
) -> list[tuple[float, float, float]]:
    """Return errors of the model, pooled least squares and the mean on left-out environments.

    Parameters
    ----------
    moments : Moments
        Of the packed products of columns, in all environments.
    weights : ndarray of shape (E,)
        Probability of each.
    steps : QuadraticSteps
        Those of the fit.
    step_size : float
        That of the fit; smaller where the others need it.
    rng : callable
        Returns the generator of an environment.

    Returns
    -------
    list of tuple of float
        In the units of the moments.
    """
    errors = []
    for e, name in enumerate(moments.names):
        others = moments.exclude(name)
        rest = np.delete(weights, e)
        rest = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / len(rest))
        learner = QuadraticLearner.of(others, rest, steps)

        def run(eta: float, learner: QuadraticLearner = learner, e: int = e) -> QuadraticTrajectory:
            return learner.run(eta, rng(e))

        trajectory, _ = halve_until_bounded(run, min(step_size, AUTO * learner.limit))
        found = []
        for A in (trajectory.mean_matrix, learner.pooled, np.zeros_like(learner.pooled)):
            a, b = packing(len(A)).pack(A), 0.0
            if steps.intercept != "none":
                b = float(rest @ (others.mean_y - others.mean_x @ a))
            found.append(moment_error(moments, e, a, b))
        errors.append((found[0], found[1], found[2]))
    return errors
