"""From rows to a learner of a quadratic form, and the errors where an environment is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators._quadratic_moments import CentredMoments, QuadraticMoments
from elinvar.estimators._quadratic_rows import QuadraticRows
from elinvar.estimators._quadratic_steps import (
    Gradient,
    QuadraticTrajectory,
    Run,
    bound_of,
    component_slopes,
    moment_direction,
    row_direction,
    step_limit,
)
from elinvar.estimators._quadratic_units import (
    Floats,
    Intercept,
    QuadraticData,
    QuadraticUnits,
)
from elinvar.sensing import HeteroSGD, PooledSGD

# step_size="auto" starts at this share of the limit, and is halved so often at most
AUTO = 0.9
HALVINGS = 20
# most columns, and most numbers in the moments of all environments, for moments of products
_MOST_COLUMNS = 63
_MOST_NUMBERS = 2**26


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a fit is asked for; the parameters of the estimator."""

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
        """Return the algorithm of `elinvar.sensing`."""
        width = p if self.width is None else self.width
        common: dict[str, Any] = {
            "step_size": step_size,
            "batch_size": self.batch_size,
            "width": self.width,
            "init_scale": self.init_scale,
            "init": "gaussian" if width > p else "orthogonal" if width < p else "identity",
            "parameterization": self.parameterization,
        }
        return PooledSGD(**common) if self.pooled else HeteroSGD(order=self.order, **common)


@dataclass(frozen=True, kw_only=True, eq=False)
class Learner:
    """Data in the direction of the steps.

    Parameters
    ----------
    task : Task
        What is asked for.
    data : CentredMoments or QuadraticRows
        The environments, as they are.
    used : CentredMoments or QuadraticRows
        What the steps follow: of moments, extrapolated or pooled, and turned into slopes.
    moments : QuadraticMoments or None
        Moments about each environment's own means, where there are not too many.
    direction : {"slopes", "gradient"}
        Of the steps.
    pooled : ndarray of shape (p, p)
        Pooled least squares.
    limit : float
        The largest step size that keeps the steps bounded.
    """

    task: Task
    data: CentredMoments | QuadraticRows
    used: CentredMoments | QuadraticRows
    moments: QuadraticMoments | None
    direction: Literal["slopes", "gradient"]
    pooled: Floats
    limit: float

    def run(
        self, step_size: float, rng: np.random.Generator, units: QuadraticUnits | None = None
    ) -> tuple[Floats, QuadraticTrajectory]:
        """Take the steps; with ``units``, eigenvalues are recorded in them."""
        task, p = self.task, len(self.pooled)
        steps, batches = rng.spawn(2)
        run = Run(
            algorithm=task.algorithm(step_size, p),
            n_steps=task.n_steps,
            record_every=task.record_every if units is not None else task.n_steps,
            average=task.average,
            share=np.ones(1) if task.pooled else self.used.share,
            bound=bound_of(self.used, self.pooled, task.init_scale),
        )
        gradient: Gradient
        if isinstance(self.used, CentredMoments):
            gradient = moment_direction(self.used)
        else:
            gradient = row_direction(
                self.used, gain=task.gain, pooled=task.pooled, batch_size=task.batch_size,
                rng=batches,
            )  # fmt: skip

        def watch(A: Floats) -> tuple[float, Floats]:
            if units is None:
                return 0.0, np.zeros(p)
            values = np.linalg.eigvalsh(units.restore(A))[::-1].astype(np.float64)
            return self.data.loss(A) * units.y_scale**2, values

        return run.go(gradient, watch, steps, p)

    def descend(
        self,
        step_size: float,
        rng: Callable[[], np.random.Generator],
        units: QuadraticUnits | None = None,
        *,
        halvings: int = 0,
    ) -> tuple[Floats, QuadraticTrajectory, float]:
        """Take the steps, and start again at half the step size while they diverge.

        Parameters
        ----------
        step_size : float
            At first.
        rng : callable
            Returns the generator of a run.
        units : QuadraticUnits, optional
            As in `run`.
        halvings : int
            How often at most.

        Returns
        -------
        ndarray of shape (p, p)
            As from `run`.
        QuadraticTrajectory
            The last run.
        float
            Its step size.
        """
        matrix, trajectory = self.run(step_size, rng(), units)
        while trajectory.status == "diverged" and halvings > 0:
            step_size, halvings = step_size / 2, halvings - 1
            matrix, trajectory = self.run(step_size, rng(), units)
        return matrix, trajectory, step_size

    def changes(self, A: Floats, directions: Floats) -> Floats:
        """Return by how much each environment would change each component, (E, r)."""
        slopes = isinstance(self.data, CentredMoments)
        data = self.data.slopes() if isinstance(self.data, CentredMoments) else self.data
        return component_slopes(data, A, directions, slopes=slopes)


def learner_of(rows: Environments, units: QuadraticUnits, share: Floats, task: Task) -> Learner:
    """Prepare the steps on rows.

    Raises
    ------
    DataError
        If slopes are asked for where they cannot be had.
    """
    p = rows.X.shape[1]
    small = p <= _MOST_COLUMNS and len(share) * (p * (p + 1) // 2) ** 2 <= _MOST_NUMBERS
    if task.direction == "slopes" and task.batch_size is not None:
        raise DataError(
            f'direction="slopes" needs whole environments, but batch_size={task.batch_size} draws '
            'rows: use batch_size=None, or direction="gradient".'
        )
    if task.direction == "slopes" and not small:
        raise DataError(
            f'direction="slopes" works on the products of columns, which are too many for {p} '
            f'columns in {len(share)} environments: use direction="gradient", or fewer columns.'
        )
    moments = QuadraticMoments.of(rows, units) if small else None
    if moments is not None and not all(np.isfinite(v).all() for v in vars(moments).values()):
        raise DataError("Values differ so much in size that products overflow: rescale them.")
    if moments is not None and task.batch_size is None:
        return learner_on(moments, share, task)
    data = QuadraticRows.of(rows, units, task.intercept, share)
    pooled = data.pooled_solution()
    limit = _limit(data, pooled, task, gain=task.gain)
    return Learner(
        task=task, data=data, used=data, moments=moments, direction="gradient", pooled=pooled,
        limit=limit,
    )  # fmt: skip


def learner_on(moments: QuadraticMoments, share: Floats, task: Task) -> Learner:
    """Prepare steps of whole environments on moments."""
    data = moments.about(task.intercept, share)
    pooled = data.pooled_solution()
    used = data.mixture() if task.pooled else data
    slopes = task.direction == "slopes" or (task.direction == "auto" and task.batch_size is None)
    if slopes:
        used = used.slopes()
    used = used.extrapolated(task.gain)
    return Learner(
        task=task, data=data, used=used, moments=moments,
        direction="slopes" if slopes else "gradient", pooled=pooled,
        limit=_limit(used, pooled, task, gain=1.0),
    )  # fmt: skip


def _limit(data: QuadraticData, pooled: Floats, task: Task, *, gain: float) -> float:
    return step_limit(data, pooled, gain=gain, batch_size=task.batch_size)


def left_out(
    moments: QuadraticMoments,
    share: Floats,
    task: Task,
    step_size: float,
    rng: Callable[[int], np.random.Generator],
) -> list[tuple[float, float, float]]:
    """Return errors of the model, pooled least squares and the mean on left-out environments.

    Parameters
    ----------
    moments : QuadraticMoments
        Of all environments.
    share : ndarray of shape (E,)
        Probability of each.
    task : Task
        What the fit was asked for; batches become whole environments.
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
    for e in range(len(share)):
        others = moments.without(e)
        rest = np.delete(share, e)
        rest = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / len(rest))
        learner = learner_on(others, rest, task)
        first = min(step_size, AUTO * learner.limit)
        matrix, _, _ = learner.descend(first, partial(rng, e), halvings=HALVINGS)
        models = (matrix, learner.pooled, np.zeros_like(matrix))
        errors.append(tuple(
            moments.error(e, A, _intercept(others, rest, A, task.intercept)) for A in models
        ))  # fmt: skip
    return [(model, pooled, mean) for model, pooled, mean in errors]


def _intercept(moments: QuadraticMoments, share: Floats, A: Floats, intercept: Intercept) -> float:
    return 0.0 if intercept == "none" else float(share @ moments.intercepts(A))
