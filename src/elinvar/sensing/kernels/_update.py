"""The update rules of the optimisers, element by element, compiled."""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Floats, Reals

SGD, MOMENTUM, NESTEROV, RMSPROP, ADAM = 0, 1, 2, 3, 4


@compiled(fastmath=True)
def renew(
    P: Reals, descent: Reals, n_plus: int, signed: bool, rule: Floats, memory: Reals, step: int
) -> None:
    """Move P along ``descent``, the negative gradient, in place.

    ``rule`` is (code, step size, beta, second beta, epsilon), ``memory`` (2, d, K) what the rule
    remembers, ``step`` counts from 1. If ``signed``, columns from ``n_plus`` on go the other way.
    """
    code = int(rule[0])
    real = P.dtype.type
    one = real(1.0)
    eta, beta, second, epsilon = real(rule[1]), real(rule[2]), real(rule[3]), real(rule[4])
    first_bias, second_bias = one, one
    if code == ADAM:
        # means that start at 0 are too small at first (Kingma and Ba, section 3)
        first_bias, second_bias = real(1.0 - rule[2] ** step), real(1.0 - rule[3] ** step)
    for i in range(P.shape[0]):
        for j in range(P.shape[1]):
            g = -descent[i, j] if signed and j >= n_plus else descent[i, j]
            if code == SGD:
                move = g
            elif code == MOMENTUM or code == NESTEROV:
                memory[0, i, j] = beta * memory[0, i, j] + g
                move = g + beta * memory[0, i, j] if code == NESTEROV else memory[0, i, j]
            elif code == RMSPROP:
                memory[1, i, j] = second * memory[1, i, j] + (one - second) * g * g
                move = g / (np.sqrt(memory[1, i, j]) + epsilon)
            else:
                memory[0, i, j] = beta * memory[0, i, j] + (one - beta) * g
                memory[1, i, j] = second * memory[1, i, j] + (one - second) * g * g
                root = np.sqrt(memory[1, i, j] / second_bias)
                move = memory[0, i, j] / first_bias / (root + epsilon)
            P[i, j] += eta * move
