"""From rows to steps on a quadratic form, and the errors where an environment is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError
from elinvar.inference import moment_error
from elinvar.inference.stochastic import halve_until_bounded
from elinvar.sensing import HeteroSGD, PooledSGD
from elinvar.sensing._algorithms import Init
from elinvar.sensing._descent import descend
from elinvar.sensing._schedule import environment_order
from elinvar.sensing._start import start_factor
from elinvar.sensing._threads import one_blas_thread
from elinvar.sensing.quadratic._moments import CentredMoments, product_moments
from elinvar.sensing.quadratic._rows import QuadraticRows
from elinvar.sensing.quadratic._steps import (
    Gradient,
    QuadraticData,
    QuadraticTrajectory,
    bound_of,
    component_slopes,
    moment_direction,
    row_direction,
    step_limit,
)
from elinvar.sensing.quadratic._units import Floats, Intercept, QuadraticUnits, packing

# step_size="auto" starts at this share of the limit
AUTO = 0.9
# most columns, and most numbers in the moments of all environments, for moments of products
_MOST_COLUMNS = 63
_MOST_NUMBERS = 2**26


@dataclass(frozen=True, kw_only=True)
class QuadraticSteps:
    """How to step; `QuadraticInvariantRegressor` explains its parameters."""

    width: int | None
    parameterization: Literal["symmetric", "psd"]
    direction: Literal["auto", "slopes", "gradient"]
    batch_size: int | None
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
            batch_size=self.batch_size,
            width=self.width,
            init_scale=self.init_scale,
            init=init,
            parameterization=self.parameterization,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticLearner:
    """Data in the direction of the steps.

    Parameters
    ----------
    steps : QuadraticSteps
        How to step.
    data : CentredMoments or QuadraticRows
        The environments, as they are.
    step_data : CentredMoments or QuadraticRows
        What the steps follow: of moments, extrapolated or pooled, and turned into slopes.
    moments : Moments or None
        Of the packed products of columns, where there are not too many.
    direction : {"slopes", "gradient"}
        Of the steps.
    pooled : ndarray of shape (p, p)
        Pooled least squares.
    limit : float
        The largest step size that keeps the steps bounded.
    """

    steps: QuadraticSteps
    data: QuadraticData
    step_data: QuadraticData
    moments: Moments | None
    direction: Literal["slopes", "gradient"]
    pooled: Floats
    limit: float

    def run(
        self, step_size: float, rng: np.random.Generator, units: QuadraticUnits | None = None
    ) -> QuadraticTrajectory:
        """Take the steps; with ``units``, loss and eigenvalues are recorded in them."""
        how, p = self.steps, len(self.pooled)
        step_rng, batch_rng = rng.spawn(2)
        start_rng, order_rng = step_rng.spawn(2)
        algorithm = how.algorithm(step_size, p)
        factor = start_factor(algorithm, p, None, np.float64, start_rng)
        order = np.zeros(how.n_steps, dtype=np.intp)
        if isinstance(algorithm, HeteroSGD):
            order = environment_order(algorithm, self.step_data.weights, how.n_steps, order_rng)
        environments, gradient = order.tolist(), self._gradient(batch_rng)
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
                lambda A, step: gradient(A, environments[step]),
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

    def _gradient(self, rng: np.random.Generator) -> Gradient:
        if isinstance(self.step_data, CentredMoments):
            return moment_direction(self.step_data)
        how = self.steps
        return row_direction(
            self.step_data, gain=how.gain, pooled=how.pooled, batch_size=how.batch_size, rng=rng
        )

    def changes(self, A: Floats, directions: Floats) -> Floats:
        """Return by how much each environment would change each component, (E, r)."""
        slopes = isinstance(self.data, CentredMoments)
        data = self.data.slopes() if isinstance(self.data, CentredMoments) else self.data
        return component_slopes(data, A, directions, slopes=slopes)


def learner_of(
    rows: Environments, units: QuadraticUnits, weights: Floats, steps: QuadraticSteps
) -> QuadraticLearner:
    """Prepare the steps on rows.

    Raises
    ------
    DataError
        If slopes are asked for where they cannot be had.
    """
    p = rows.X.shape[1]
    small = p <= _MOST_COLUMNS and len(weights) * (p * (p + 1) // 2) ** 2 <= _MOST_NUMBERS
    if steps.direction == "slopes" and steps.batch_size is not None:
        raise DataError(
            f'direction="slopes" needs whole environments, but batch_size={steps.batch_size} draws '
            'rows: use batch_size=None, or direction="gradient".'
        )
    if steps.direction == "slopes" and not small:
        raise DataError(
            f'direction="slopes" works on the products of columns, which are too many for {p} '
            f'columns in {len(weights)} environments: use direction="gradient", or fewer columns.'
        )
    moments = product_moments(rows, units) if small else None
    if moments is not None and steps.batch_size is None:
        return learner_on(moments, weights, steps)
    data = QuadraticRows.of(rows, units, steps.intercept, weights)
    pooled = data.pooled_solution()
    return QuadraticLearner(
        steps=steps,
        data=data,
        step_data=data,
        moments=moments,
        direction="gradient",
        pooled=pooled,
        limit=step_limit(data, pooled, gain=steps.gain, batch_size=steps.batch_size),
    )


def learner_on(moments: Moments, weights: Floats, steps: QuadraticSteps) -> QuadraticLearner:
    """Prepare steps of whole environments on moments."""
    data = CentredMoments.of(moments, steps.intercept, weights)
    pooled = data.pooled_solution()
    step_data = data.mixture() if steps.pooled else data
    slopes = steps.direction == "slopes" or (steps.direction == "auto" and steps.batch_size is None)
    if slopes:
        step_data = step_data.slopes()
    step_data = step_data.extrapolated(steps.gain)
    return QuadraticLearner(
        steps=steps,
        data=data,
        step_data=step_data,
        moments=moments,
        direction="slopes" if slopes else "gradient",
        pooled=pooled,
        limit=step_limit(step_data, pooled, batch_size=steps.batch_size),
    )


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
        Those of the fit; batches become whole environments.
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
        learner = learner_on(others, rest, steps)

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
