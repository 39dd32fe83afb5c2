"""The compiled trajectory of the stochastic gates; loaded when a trajectory is first run."""

from typing import Any

import numpy as np

from elinvar._base._compile import compiled

# Amplitudes stop here instead of becoming denormal, which is slow and cannot grow back.
FLOOR = 1e-100


@compiled()
def _moment_gradient(gram: Any, cross: Any, coef: Any, gradient: Any) -> None:
    p = coef.shape[0]
    for j in range(p):
        gradient[j] = -cross[j]
    for k in range(p):
        weight = coef[k]
        if weight != 0.0:
            for j in range(p):
                gradient[j] += gram[k, j] * weight


@compiled()
def _draw_row(rng: Any, low: int, high: int, cumulative: Any) -> int:
    draw = rng.random()
    if cumulative.shape[0] == 0:
        return low + min(int(draw * (high - low)), high - low - 1)
    within = cumulative[low:high]
    place = np.searchsorted(within, draw * within[-1], side="right")
    return low + min(int(place), high - low - 1)


@compiled()
def _batch_gradient(
    X: Any,
    y: Any,
    offsets: Any,
    cumulative: Any,
    share: Any,
    environment: int,
    batch_size: int,
    rng: Any,
    coef: Any,
    gradient: Any,
) -> None:
    p = coef.shape[0]
    gradient[:] = 0.0
    for _ in range(batch_size):
        drawn = environment
        if environment < 0:
            place = np.searchsorted(share, rng.random() * share[-1], side="right")
            drawn = min(int(place), share.shape[0] - 1)
        row = _draw_row(rng, offsets[drawn], offsets[drawn + 1], cumulative)
        residual = -y[row]
        for j in range(p):
            residual += X[row, j] * coef[j]
        for j in range(p):
            gradient[j] += residual * X[row, j]
    for j in range(p):
        gradient[j] /= batch_size


@compiled()
def _step_gates(gates: Any, gradient: Any, step_size: float, bound: float, coef: Any) -> bool:
    """Multiply the gates and renew ``coef``; tell whether all of it stayed below ``bound``."""
    bounded = True
    for j in range(coef.shape[0]):
        for side in range(2):
            sign = 1.0 if side == 0 else -1.0
            gate = gates[side, j] * (1.0 - sign * 2.0 * step_size * gradient[j])
            if -FLOOR < gate < FLOOR:
                gate = FLOOR if gate >= 0.0 else -FLOOR
            gates[side, j] = gate
        coef[j] = gates[0, j] * gates[0, j] - gates[1, j] * gates[1, j]
        if not abs(coef[j]) <= bound:
            bounded = False
    return bounded


@compiled()
def run_trajectory(
    gram: Any,
    cross: Any,
    X: Any,
    y: Any,
    offsets: Any,
    cumulative: Any,
    share: Any,
    schedule: Any,
    batch_size: int,
    gain: float,
    step_size: float,
    bound: float,
    average_from: int,
    record_every: int,
    rng: Any,
    gates: Any,
    records: Any,
    mean: Any,
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
            _batch_gradient(
                X, y, offsets, cumulative, share, environment, batch_size, rng, coef, gradient
            )
            if gain != 1.0:
                _moment_gradient(gram[0], cross[0], coef, pooled)
                for j in range(p):
                    gradient[j] = pooled[j] + gain * (gradient[j] - pooled[j])
        if not _step_gates(gates, gradient, step_size, bound, coef):
            return step
        if step >= average_from:
            weight = 1.0 / (step - average_from + 1)
            for j in range(p):
                mean[j] += weight * (coef[j] - mean[j])
        if (step + 1) % record_every == 0 or step == n_steps - 1:
            records[recorded] = coef
            recorded += 1
    return n_steps
