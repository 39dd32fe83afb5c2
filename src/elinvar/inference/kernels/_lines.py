"""Compiled risk lines: what supports lose in environments that differ more, or less.

``data`` is that of the kernels on supports.
"""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.inference.kernels._support import (
    Bools,
    Data,
    Floats,
    back_solve,
    factor,
    fit_each,
    invert,
    support_columns,
    workspace,
)


@compiled(fastmath=True)
def risk_lines(data: Data, masks: Bools) -> tuple[Floats, Floats]:
    """Level and rise of each support's risk (M, 2), and its weighted least squares (M, q).

    Both are infinite where an environment has no rows to spare, or columns cannot be told apart.
    """
    gram, cross, power, count, weights, _, _ = data
    n_environments, q = len(count), masks.shape[1]
    work = workspace(n_environments, q)
    facts, total, inverse, coef, columns = work[2], work[3], work[4], work[6], work[7]
    noise = np.empty((q, q))
    lines = np.full((len(masks), 2), np.inf)
    coefs = np.zeros((len(masks), q))
    for i in range(len(masks)):
        size, kept = support_columns(masks[i], columns)
        if not fit_each(data, size, kept, work):
            continue
        level = 0.0
        own = 0.0
        chance = 0.0
        whole = 0.0
        for e in range(n_environments):
            own += weights[e] * facts[3, e]
            whole += weights[e] * power[e]
            # sigma_e^2 / n_e = residual_e / nu_e, and sigma_e^2 is n_e times that
            level += weights[e] * facts[3, e] * count[e] / facts[1, e]
            chance += weights[e] * facts[3, e] / facts[1, e] * facts[2, e]
        for a in range(size):
            pull = 0.0
            for e in range(n_environments):
                pull += weights[e] * cross[e, columns[a]]
            coef[a] = pull
            for b in range(a + 1):
                value = 0.0
                spread = 0.0
                for e in range(n_environments):
                    share = weights[e] * gram[e, columns[a], columns[b]]
                    value += share
                    spread += share * weights[e] * facts[3, e] / facts[1, e]
                total[a, b] = value
                noise[a, b] = spread
                noise[b, a] = spread
        if factor(total, coef, size) < size:
            continue
        fitted = 0.0
        for a in range(size):
            fitted += coef[a] * coef[a]
        back_solve(total, coef, size)
        invert(total, inverse, size)
        # tr T^-1 V with T^-1 = L^-T L^-1, of which each row of L^-1 has its part
        trace = 0.0
        for m in range(size):
            for a in range(m + 1):
                value = 0.0
                for b in range(m + 1):
                    value += noise[a, b] * inverse[m, b]
                trace += inverse[m, a] * value
        # E sum pi_e (w_e - w)' G_e (w_e - w) = sum pi_e s_e k_e - tr T^-1 V where nothing differs
        rise = whole - fitted - own - chance + trace
        lines[i, 0] = level
        lines[i, 1] = max(rise, 0.0)
        for a in range(size):
            coefs[i, columns[a]] = coef[a]
    return lines, coefs
