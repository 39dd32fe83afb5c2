"""The compiled inner loop of the mean-field path."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elinvar._base._compile import compiled

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.intp]

# a smaller step, in tolerances, waits until it has grown: each costs a pass over all gradients
_LEAST = 0.1


@compiled()
def _restart(
    coef: Floats, gram: Floats, cross: Floats, power: Floats, gradient: Floats, residual: Floats
) -> None:
    """Gradients c_e - S_e w and residual second moments from scratch: rounding cannot build up."""
    q = len(coef)
    n_environments = len(power)
    gradient[:] = cross
    for j in range(q):
        if coef[j] != 0.0:
            for i in range(q * n_environments):
                gradient[i] -= gram[j, i] * coef[j]
    residual[:] = power
    for j in range(q):
        for e in range(n_environments):
            place = j * n_environments + e
            # R_e = y'y - w'(2 c_e - S_e w), and the gradient is c_e - S_e w
            residual[e] -= coef[j] * (cross[place] + gradient[place])


@compiled()
def _disagreement(
    first: int,
    last: int,
    weights: Floats,
    gradient: Floats,
    inverse: Floats,
    noise: Floats,
    debias: float,
) -> float:
    """Spread of the marginal slopes over environments, beyond its sampling noise."""
    n_environments = len(weights)
    spread = 0.0
    # q_j = max(0, Var_e h_ej - z se_j^2), h_ej = g_ej / S_ejj the slope of e's residual on column j
    for j in range(first, last):
        mean = 0.0
        square = 0.0
        sampling = 0.0
        blind = 0.0
        for e in range(n_environments):
            place = j * n_environments + e
            slope = gradient[place] * inverse[place]
            mean += weights[e] * slope
            square += weights[e] * slope * slope
            sampling += noise[e] * inverse[place]
            if inverse[place] == 0.0:
                blind += weights[e]
        if blind > 0.0:
            # averages over the environments that can tell the slope, whatever the others weigh
            seen = max(1.0 - blind, 1e-12)
            mean, square, sampling = mean / seen, square / seen, sampling / seen
        spread += max(0.0, square - mean * mean - debias * sampling)
    return spread


def _work(gram: Floats, cross: Floats, power: Floats, *others: Any) -> float:
    """Operations of ``follow_path``: some six sweeps over q columns in E environments a step."""
    strengths, q = others[3], len(gram)
    return float(6 * len(strengths) * q * (3 * q + 15) * len(power))


@compiled(work=_work)
def follow_path(
    gram: Floats,
    cross: Floats,
    power: Floats,
    count: Floats,
    weights: Floats,
    gates: tuple[Ints, Ints, Bools, Floats],
    strengths: Floats,
    debias: float,
    damping: float,
    tolerance: float,
    max_sweeps: int,
    start: Floats,
) -> tuple[Floats, Ints]:
    """Block coordinate descent to the mean-field fixed point, warm started over ``strengths``.

    A gate that is closed at the end of one strength stays closed at the stronger ones.

    ``gram`` (q, q E) and ``cross`` (q E,) have the environment as their fastest index; ``gates``
    are the arrays (first column, last column + 1, whether it may close, curvature) of each gate.
    """
    first_of, last_of, gated, curvature = gates
    q = len(start)
    n_environments = len(power)
    coef = start.copy()
    gradient = np.empty(q * n_environments)
    residual = np.empty(n_environments)
    noise = np.empty(n_environments)
    inverse = np.empty(q * n_environments)
    for j in range(q):
        for e in range(n_environments):
            own = gram[j, j * n_environments + e]
            # 0 where the column does not vary: that environment has no slope on it
            inverse[j * n_environments + e] = 1.0 / own if own > 1e-12 else 0.0
    paths = np.empty((len(strengths), q))
    # one more than allowed stands for "not converged"
    sweeps = np.full(len(strengths), max_sweeps + 1)
    target = np.empty(q)
    left = np.zeros(len(first_of), np.bool_)
    disagreement = np.full(len(first_of), np.nan)
    for step in range(len(strengths)):
        strength = strengths[step]
        _restart(coef, gram, cross, power, gradient, residual)
        for sweep in range(max_sweeps):
            largest = 0.0
            for e in range(n_environments):
                # pi_e R_e / n_e, which over S_ejj is pi_e se_ej^2
                noise[e] = weights[e] * max(residual[e], 0.0) / count[e]
            for g in range(len(first_of)):
                first = first_of[g]
                last = last_of[g]
                if left[g]:
                    continue
                threshold = 0.0
                active = False
                for j in range(first, last):
                    active |= coef[j] != 0.0
                if gated[g]:
                    spread = _disagreement(first, last, weights, gradient, inverse, noise, debias)
                    # a running value has to start somewhere: at its first aim
                    if np.isnan(disagreement[g]):
                        disagreement[g] = spread
                    # undamped, thresholds and coefficients chase each other in cycles
                    disagreement[g] += damping * (spread - disagreement[g])
                    threshold = strength * disagreement[g]
                    if active:
                        # lambda |q - q_run| / L: while it moves, an open gate has not settled
                        drift = abs(strength * spread - threshold) / curvature[g]
                        largest = max(largest, drift)
                # r = S w - g of the pooled loss; w <- soft(r, lambda q) / S, a group by its norm
                norm = 0.0
                for j in range(first, last):
                    value = curvature[g] * coef[j]
                    for e in range(n_environments):
                        value += weights[e] * gradient[j * n_environments + e]
                    target[j] = value
                    norm += value * value
                norm = np.sqrt(norm)
                shrink = 0.0
                if norm > threshold:
                    shrink = (1.0 - threshold / norm) / curvature[g]
                elif not active:
                    continue
                for j in range(first, last):
                    aim = shrink * target[j]
                    change = aim - coef[j]
                    if change == 0.0 or (aim != 0.0 and abs(change) < _LEAST * tolerance):
                        continue
                    largest = max(largest, abs(change))
                    coef[j] += change
                    # what a change of one coefficient does to residuals and gradients, O(E q)
                    for e in range(n_environments):
                        place = j * n_environments + e
                        residual[e] -= change * (2.0 * gradient[place] - change * gram[j, place])
                    for i in range(q * n_environments):
                        gradient[i] -= gram[j, i] * change
            if largest <= tolerance:
                sweeps[step] = sweep + 1
                break
        paths[step] = coef
        for g in range(len(first_of)):
            # what could reopen could cycle, and would have no one strength of exit
            left[g] |= gated[g] and not coef[first_of[g] : last_of[g]].any()
    return paths, sweeps
