"""The compiled inner loop of the mean-field path."""

from typing import Any

import numba
import numpy as np

from elinvar.gates._kernel_support import FASTMATH


@numba.njit(nogil=True, cache=True, fastmath=FASTMATH)
def follow_path(
    gram: Any,
    cross: Any,
    power: Any,
    count: Any,
    share: Any,
    gate_start: Any,
    gate_stop: Any,
    gated: Any,
    curvature: Any,
    strengths: Any,
    debias: float,
    damping: float,
    tolerance: float,
    max_sweeps: int,
    start: Any,
) -> Any:
    """Block coordinate descent to the mean-field fixed point, warm started over ``strengths``."""
    n_environments, q = cross.shape
    n_gates = gate_start.shape[0]
    slope_noise = np.empty(n_environments)
    inverse = np.empty((n_environments, q))
    gradient = np.empty((n_environments, q))  # c_e - S_e w
    residual = np.empty(n_environments)
    coef = start.copy()
    for e in range(n_environments):
        for j in range(q):
            inverse[e, j] = 1.0 / max(gram[e, j, j], 1e-12)
    paths = np.empty((strengths.shape[0], q))
    sweeps = np.empty(strengths.shape[0], np.int64)
    widest = 1
    for g in range(n_gates):
        widest = max(widest, gate_stop[g] - gate_start[g])
    target = np.empty(widest)
    disagreement = np.zeros(n_gates)
    for step in range(strengths.shape[0]):
        strength = strengths[step]
        # start each strength from exact gradients, so that rounding cannot build up
        for e in range(n_environments):
            for i in range(q):
                gradient[e, i] = cross[e, i]
        for j in range(q):
            if coef[j] != 0.0:
                for e in range(n_environments):
                    for i in range(q):
                        gradient[e, i] -= gram[e, j, i] * coef[j]
        for e in range(n_environments):
            residual[e] = power[e]
            for j in range(q):
                residual[e] -= coef[j] * (cross[e, j] + gradient[e, j])
        done = max_sweeps + 1
        for sweep in range(max_sweeps):
            largest = 0.0
            for e in range(n_environments):
                slope_noise[e] = max(residual[e], 0.0) / count[e]
            for g in range(n_gates):
                first = gate_start[g]
                last = gate_stop[g]
                active = False
                for j in range(first, last):
                    if coef[j] != 0.0:
                        active = True
                spread = 0.0
                if gated[g]:
                    for j in range(first, last):
                        mean = 0.0
                        square = 0.0
                        noise = 0.0
                        for e in range(n_environments):
                            slope = gradient[e, j] * inverse[e, j]
                            mean += share[e] * slope
                            square += share[e] * slope * slope
                            noise += share[e] * slope_noise[e] * inverse[e, j]
                        spread += max(0.0, square - mean * mean - debias * noise)
                    if sweep == 0 and step == 0:
                        disagreement[g] = spread
                    else:
                        disagreement[g] += damping * (spread - disagreement[g])
                    if active:
                        drift = strength * abs(spread - disagreement[g]) / curvature[g]
                        largest = max(largest, drift)
                norm = 0.0
                for j in range(first, last):
                    value = curvature[g] * coef[j]
                    for e in range(n_environments):
                        value += share[e] * gradient[e, j]
                    target[j - first] = value
                    norm += value * value
                norm = np.sqrt(norm)
                threshold = strength * disagreement[g]
                if norm <= threshold:
                    if not active:
                        continue
                    shrink = 0.0
                elif norm > 0.0:
                    shrink = (1.0 - threshold / norm) / curvature[g]
                else:
                    continue
                for j in range(first, last):
                    goal = shrink * target[j - first]
                    change = goal - coef[j]
                    if change == 0.0:
                        continue
                    largest = max(largest, abs(change))
                    coef[j] += change
                    for e in range(n_environments):
                        residual[e] -= change * (2.0 * gradient[e, j] - change * gram[e, j, j])
                        for i in range(q):
                            gradient[e, i] -= gram[e, j, i] * change
            if largest <= tolerance:
                done = sweep + 1
                break
        sweeps[step] = done
        paths[step] = coef
    return paths, sweeps
