"""The compiled trajectory of the stochastic gates; loaded when a trajectory is first run."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

# Amplitudes stop here instead of becoming denormal, which is slow and cannot grow back.
FLOOR = 1e-100


class RowSource(NamedTuple):
    """Rows to draw batches from, environment after environment; none where moments suffice.

    Parameters
    ----------
    X, y : ndarray of shape (n, p) and (n,)
        Scaled rows.
    offsets : ndarray of shape (E + 1,)
        Rows ``offsets[e]:offsets[e + 1]`` belong to environment e.
    cumulative : ndarray of shape (n,)
        Cumulated weights within each environment; empty if all are alike.
    """

    X: Floats
    y: Floats
    offsets: Indices
    cumulative: Floats


@compiled()
def _moment_gradient(gram: Floats, cross: Floats, coef: Floats, gradient: Floats) -> None:
    """Write S w - c into ``gradient``."""
    p = coef.shape[0]
    for j in range(p):
        gradient[j] = -cross[j]
    for k in range(p):
        weight = coef[k]
        if weight != 0.0:
            for j in range(p):
                gradient[j] += gram[k, j] * weight


@compiled()
def _draw_row(rows: RowSource, environment: int, rng: np.random.Generator) -> int:
    low, high = int(rows.offsets[environment]), int(rows.offsets[environment + 1])
    draw = rng.random()
    # a draw next to 1 can be rounded up to the end of the environment, hence the minima
    if rows.cumulative.shape[0] == 0:
        return low + min(int(draw * (high - low)), high - low - 1)
    within = rows.cumulative[low:high]
    place = np.searchsorted(within, draw * within[-1], side="right")
    return low + min(int(place), high - low - 1)


@compiled()
def _batch_gradient(
    rows: RowSource,
    weights: Floats,
    environment: int,
    batch_size: int,
    rng: np.random.Generator,
    coef: Floats,
    gradient: Floats,
) -> None:
    """Write the mean of r x over drawn rows into ``gradient``; environment -1: of all of them."""
    p = coef.shape[0]
    gradient[:] = 0.0
    for _ in range(batch_size):
        drawn = environment
        if environment < 0:
            place = np.searchsorted(weights, rng.random() * weights[-1], side="right")
            drawn = min(int(place), weights.shape[0] - 1)
        row = _draw_row(rows, drawn, rng)
        residual = -rows.y[row]
        for j in range(p):
            residual += rows.X[row, j] * coef[j]
        for j in range(p):
            gradient[j] += residual * rows.X[row, j]
    for j in range(p):
        gradient[j] /= batch_size


@compiled()
def _step_gates(
    gates: Floats, gradient: Floats, step_size: float, bound: float, coef: Floats
) -> bool:
    """Multiply the gates and renew ``coef``; tell whether all of it stayed below ``bound``."""
    bounded = True
    for j in range(coef.shape[0]):
        for side in range(2):
            # u <- u (1 - 2 eta g), v <- v (1 + 2 eta g): w = u u - v v moves against g
            sign = 1.0 if side == 0 else -1.0
            gate = gates[side, j] * (1.0 - sign * 2.0 * step_size * gradient[j])
            if -FLOOR < gate < FLOOR:
                gate = FLOOR if gate >= 0.0 else -FLOOR
            gates[side, j] = gate
        coef[j] = gates[0, j] * gates[0, j] - gates[1, j] * gates[1, j]
        # in these words NaN is not bounded either
        if not abs(coef[j]) <= bound:
            bounded = False
    return bounded


@compiled()
def run_trajectory(
    gram: Floats,
    cross: Floats,
    rows: RowSource,
    weights: Floats,
    schedule: Indices,
    batch_size: int,
    gain: float,
    step_size: float,
    bound: float,
    average_from: int,
    record_every: int,
    rng: np.random.Generator,
    gates: Floats,
    records: Floats,
    mean: Floats,
) -> int:
    """Take the scheduled steps in place; return how many kept the coefficients below ``bound``.

    With ``batch_size`` 0 the gradients come from ``gram[e]``, ``cross[e]``; otherwise from rows
    drawn from environment e (from all of them where the schedule says -1), and ``gram[0]``,
    ``cross[0]`` are the pooled moments that the gain needs.
    """
    n_steps: int = schedule.shape[0]
    p = gates.shape[1]
    coef = np.empty(p)
    gradient = np.empty(p)
    pooled = np.empty(p)
    for j in range(p):
        coef[j] = gates[0, j] * gates[0, j] - gates[1, j] * gates[1, j]
    recorded = 0
    for step in range(n_steps):
        environment = schedule[step]
        if batch_size == 0:
            _moment_gradient(gram[environment], cross[environment], coef, gradient)
        else:
            _batch_gradient(rows, weights, environment, batch_size, rng, coef, gradient)
            if gain != 1.0:
                _moment_gradient(gram[0], cross[0], coef, pooled)
                for j in range(p):
                    # the gain's step, on g + kappa (g_e - g): docs/theory.md, section 2
                    gradient[j] = pooled[j] + gain * (gradient[j] - pooled[j])
        if not _step_gates(gates, gradient, step_size, bound, coef):
            return step
        # a running mean of the last steps, in which spurious effects come in bursts
        if step >= average_from:
            weight = 1.0 / (step - average_from + 1)
            for j in range(p):
                mean[j] += weight * (coef[j] - mean[j])
        if (step + 1) % record_every == 0 or step == n_steps - 1:
            records[recorded] = coef
            recorded += 1
    return n_steps
