r"""One environment a step: the paper's algorithm on the gated linear model.

The coefficients are :math:`w = u \odot u - v \odot v` (element by element), the diagonal case of
the factored :math:`A = U U^\top`, from the small start :math:`u = v = \alpha 1`. Each step
draws one environment :math:`e` and takes

.. math:: u \leftarrow u \odot (1 - 2 \eta g_e), \qquad v \leftarrow v \odot (1 + 2 \eta g_e),

the gradient step of size :math:`\eta` on :math:`\tfrac12 E_e (y - x^\top w)^2`, so that
:math:`g_e = S_e w - c_e` with the environment's second moments :math:`S_e, c_e`.

**Limits of the step** (own derivation). At a solution the step's Jacobian is
:math:`I - 4 \eta D S D`, :math:`D = \mathrm{diag}(|w|^{1/2})`, so it is stable for
:math:`2 \eta \lambda_{\max}(D S D) < 1`: half the limit of the matrix step
:math:`U \leftarrow U (1 + \eta (A^* - U U^\top))`, whose :math:`\eta` is our :math:`2 \eta`. A
feature that should die has, near 0, the growth exponent
:math:`\gamma_j = E_e \log |1 - 2 \eta g_{ej}|` for u, and for v with a plus: it dies if both are
negative, although pooled steps would make one grow. For two equally likely gradients
:math:`-(\mu \pm M)`, :math:`\mu > 0`, that is so between :math:`M^2 = \mu^2 + \mu / \eta` (the
critical heterogeneity), where u begins to die, and
:math:`M^2 = (1/(2\eta) - \mu)^2 + 1/(4\eta^2)`, where v, which sees effects of the other sign,
begins to grow; u alone would die up to :math:`M^2 = (1/(2\eta) + \mu)^2 + 1/(4\eta^2)`.

References
----------
Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The gated linear
form, the gain and the limits are own derivations.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from elinvar.environments import Environments, Moments
from elinvar.inference.problem._scaling import GateScaling, ScaledMoments, scale_moments
from elinvar.inference.problem._types import Floats, Places


@dataclass(frozen=True, kw_only=True)
class GateSteps:
    r"""How to step.

    Parameters
    ----------
    step_size : float
        :math:`\eta`, per unit of (feature scale x target scale).
    n_steps : int
        Number of steps.
    init_scale : float
        :math:`\alpha`, the start of every gate.
    gain : float
        :math:`\kappa`: step on :math:`\bar g + \kappa (g_e - \bar g)`. 1 is the paper's step.
    order : {"random", "cyclic"}
        Environments drawn with their probabilities, or in turn (visited in these proportions).
    pooled : bool
        Step on the pooled gradient :math:`\bar g` instead of one environment's.
    batch_size : int or None
        Rows drawn with replacement from the step's environment (pooled: from all of them). None:
        the whole environment, from its moments.
    average : float
        Share of the steps, at the end, over which the coefficients are averaged; 0: the last step.
    record_every : int
        Distance between recorded steps; the last one is always recorded.
    bound : float
        The steps count as diverged once a coefficient is larger than this, times the largest ratio
        of the target's standard deviation to a feature's if that is above 1.
    """

    step_size: float
    n_steps: int = 5000
    init_scale: float = 1e-3
    gain: float = 1.0
    order: Literal["random", "cyclic"] = "random"
    pooled: bool = False
    batch_size: int | None = None
    average: float = 0.25
    record_every: int = 10
    bound: float = 1e6


@dataclass(frozen=True, kw_only=True)
class GateTrajectory:
    """What the steps did.

    Parameters
    ----------
    steps : ndarray of shape (T,)
        Recorded steps, counted from 1.
    coef : ndarray of shape (T, p)
        Coefficients after each recorded step.
    environment : ndarray of shape (T,)
        Index of the environment used in that step; -1 in pooled steps.
    gates : ndarray of shape (2, p)
        The final gates u and v.
    mean_coef : ndarray of shape (p,)
        Average over the last steps; zeros if the steps diverged.
    n_steps : int
        Steps taken before the end or the divergence.
    status : {"completed", "diverged"}
        Whether all steps kept the coefficients below the bound.
    """

    steps: Places
    coef: Floats
    environment: Places
    gates: Floats
    mean_coef: Floats
    n_steps: int
    status: Literal["completed", "diverged"]

    def __repr__(self) -> str:
        return (
            f"GateTrajectory({self.status}, {self.n_steps} steps, {len(self.steps)} recorded, "
            f"{self.coef.shape[1]} columns)"
        )


def draw_schedule(
    n_steps: int,
    weights: Floats,
    order: Literal["random", "cyclic"],
    rng: np.random.Generator,
) -> Places:
    """Return which environment each step uses.

    Parameters
    ----------
    n_steps : int
        Number of steps.
    weights : ndarray of shape (E,)
        Probability of each environment; 0: never used.
    order : {"random", "cyclic"}
        "random": independent draws. "cyclic": in turn; with unequal shares the k-th visit to
        environment e comes at time k / weights[e], ties in the order of the environments.
    rng : Generator
        Used by "random" alone.

    Returns
    -------
    ndarray of shape (n_steps,)
        Indices of environments.
    """
    if order == "random":
        cumulative = np.cumsum(weights)
        last = int(np.flatnonzero(weights > 0)[-1])
        drawn = np.searchsorted(cumulative, rng.random(n_steps) * cumulative[-1], side="right")
        chosen: Places = np.minimum(drawn, last).astype(np.intp)
        return chosen
    visited = np.flatnonzero(weights > 0)
    # the k-th visit of e comes at time k / weight: a merge of the visits, sorted by time
    visits = [np.arange(1, int((n_steps + len(visited)) * weights[e]) + 3) for e in visited]
    time = np.concatenate([k / weights[e] for e, k in zip(visited, visits, strict=True)])
    environment = np.repeat(visited, [len(k) for k in visits])
    turn: Places = environment[np.lexsort((environment, time))][:n_steps]
    return turn


def run_gates(
    moments: ScaledMoments,
    weights: Floats,
    steps: GateSteps,
    rng: np.random.Generator,
    *,
    rows: Environments | None = None,
    scaling: GateScaling | None = None,
    gates: Floats | None = None,
    schedule: Places | None = None,
    mixture: ScaledMoments | None = None,
) -> GateTrajectory:
    """Take one-environment (or pooled) steps on the gated linear model.

    Every encoded column has a gate of its own, those of one categorical feature too: the
    element-by-element step is the paper's, and has no counterpart for a group of columns.

    Parameters
    ----------
    moments : ScaledMoments
        Second moments of the environments.
    weights : ndarray of shape (E,)
        Probability of each environment.
    steps : GateSteps
        How to step.
    rng : Generator
        Draws environments and rows.
    rows, scaling : Environments, GateScaling, optional
        The rows and their centre and units; needed when ``steps.batch_size`` is not None.
    gates : ndarray of shape (2, p), optional
        Where to go on from; not changed. None: ``init_scale``.
    schedule : ndarray of shape (n_steps,), optional
        The environment of each step; None: drawn.
    mixture : ScaledMoments, optional
        The mixture that the gain refers to; None: of ``moments``.

    Returns
    -------
    GateTrajectory
        In the units of ``moments``; ``status`` says whether the steps diverged.
    """
    from elinvar.inference.kernels._stochastic import RowSource, run_trajectory

    p = moments.cross.shape[1]
    mixture = moments.pooled(weights) if mixture is None else mixture
    if steps.pooled:
        schedule = np.zeros(steps.n_steps, dtype=np.intp)
    elif schedule is None:
        schedule = draw_schedule(steps.n_steps, weights, steps.order, rng)
    if steps.batch_size is None:
        step_moments = mixture if steps.pooled else moments.extrapolated(mixture, steps.gain)
        data = np.zeros((0, p)), np.zeros(0), np.zeros(1, dtype=np.intp), np.zeros(0)
    else:
        if rows is None or scaling is None:
            raise ValueError("batch_size needs rows and their scaling.")
        step_moments = mixture
        data = _sorted_rows(rows, scaling)
    start = np.full((2, p), float(steps.init_scale)) if gates is None else gates.astype(np.float64)
    # rounded up: the last step is recorded, whatever the interval
    n_records = -(-len(schedule) // steps.record_every)
    records, mean = np.zeros((n_records, p)), np.zeros(p)
    tail = max(1, round(steps.average * len(schedule)))
    # coefficients are measured in sd(y) / sd(x) of the column that varies least
    variance = np.diag(mixture.gram[0])
    smallest = variance[variance > 0].min(initial=np.inf)
    bound = steps.bound * min(1e200, max(1.0, float(np.sqrt(mixture.power[0]) / np.sqrt(smallest))))
    taken = run_trajectory(
        np.ascontiguousarray(step_moments.gram),
        np.ascontiguousarray(step_moments.cross),
        RowSource(*data),
        np.cumsum(weights),
        np.full_like(schedule, -1) if steps.pooled and steps.batch_size else schedule,
        steps.batch_size or 0,
        1.0 if steps.pooled else float(steps.gain),
        float(steps.step_size),
        bound,
        len(schedule) - tail,
        steps.record_every,
        rng,
        start,
        records,
        mean,
    )
    return _trajectory(int(taken), schedule, steps, start, records, mean)


def stream_gates(
    batch: Moments,
    mixture: ScaledMoments,
    scaling: GateScaling,
    steps: GateSteps,
    rng: np.random.Generator,
    gates: Floats,
) -> GateTrajectory:
    """Take one step for each environment in a batch of a stream (a single one if pooled).

    Parameters
    ----------
    batch : Moments
        Of the batch; its environments are among those of ``scaling``.
    mixture : ScaledMoments
        The pooled moments that the gain refers to.
    scaling : GateScaling
        Centre and units.
    steps : GateSteps
        How to step; the order decides only the order within the batch.
    rng : Generator
        Draws a random order.
    gates : ndarray of shape (2, p)
        Where to go on from, in units of the data.

    Returns
    -------
    GateTrajectory
        Every step, in units of the data.
    """
    n_present = len(batch.names)
    turn = np.arange(n_present) if steps.order == "cyclic" else rng.permutation(n_present)
    turn = turn[:1] if steps.pooled else turn
    trajectory = run_gates(
        scale_moments(batch, scaling),
        batch.count / batch.count.sum(),
        replace(steps, n_steps=len(turn), batch_size=None, record_every=1),
        rng,
        gates=scaling.gates_from_units(gates, steps.init_scale),
        schedule=turn.astype(np.intp),
        mixture=None if steps.pooled else mixture,
    )
    return in_units(trajectory, scaling)


def in_units(trajectory: GateTrajectory, scaling: GateScaling) -> GateTrajectory:
    """Return the trajectory with coefficients and gates in units of the data."""
    return replace(
        trajectory,
        coef=scaling.to_units(trajectory.coef),
        mean_coef=scaling.to_units(trajectory.mean_coef),
        gates=scaling.gates_to_units(trajectory.gates),
    )


def _trajectory(
    taken: int,
    schedule: Places,
    steps: GateSteps,
    gates: Floats,
    records: Floats,
    mean: Floats,
) -> GateTrajectory:
    n_steps = len(schedule)
    recorded = np.append(np.arange(steps.record_every, n_steps, steps.record_every), n_steps)
    kept = int(np.searchsorted(recorded, taken, side="right"))
    recorded = recorded[:kept]
    environment = np.full(kept, -1) if steps.pooled else schedule[recorded - 1]
    return GateTrajectory(
        steps=recorded.astype(np.intp),
        coef=records[:kept],
        environment=environment.astype(np.intp),
        gates=gates,
        mean_coef=mean if taken == n_steps else np.zeros_like(mean),
        n_steps=taken,
        status="completed" if taken == n_steps else "diverged",
    )


def _sorted_rows(rows: Environments, scaling: GateScaling) -> tuple[Floats, Floats, Places, Floats]:
    """Return scaled rows, environment after environment, with offsets and cumulated weights."""
    place = np.array([scaling.names.index(name) for name in rows.names], dtype=np.intp)
    codes = place[rows.codes]
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    X = (rows.X[order] - scaling.x_centre[codes]) * scaling.x_inverse
    y = (rows.y[order] - scaling.y_centre[codes]) / scaling.y_scale
    offsets = np.searchsorted(codes, np.arange(len(scaling.names) + 1)).astype(np.intp)
    cumulative = np.zeros(0)
    if rows.sample_weight is not None:
        weight = rows.sample_weight[order]
        # anew in every environment: a draw is a share of its own total
        cumulative = np.concatenate(
            [np.cumsum(weight[low:high]) for low, high in pairwise(offsets)]
        )
    return X, y, offsets, cumulative
