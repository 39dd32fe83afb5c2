"""The compiled inner loop of the search for supports."""

import numpy as np

from elinvar._base._compile import compiled
from elinvar.inference.kernels._support import (
    Bools,
    Data,
    Floats,
    Ints,
    Work,
    excess,
    few_rows,
    fit_all,
    fit_each,
    settle,
    workspace,
)


@compiled()
def _place(mask: Bools, gate_of: Ints, dropped: int, added: int, columns: Ints) -> tuple[int, int]:
    """Write the columns of the open gates but ``dropped``, then those of ``added``.

    Returns how many, and how many of the first ones stood there.
    """
    size = 0
    kept = 0
    # what is added comes last, so that the factors of all the others are kept
    for last in range(2):
        for j in range(len(gate_of)):
            gate = gate_of[j]
            open_gate = gate < 0 or (mask[gate] and gate != dropped)
            if (gate == added and gate >= 0) if last else open_gate:
                kept += kept == size and columns[size] == j
                columns[size] = j
                size += 1
        if added < 0:
            break
    columns[size:] = -1
    return size, kept


@compiled(fastmath=True)
def _value(
    data: Data,
    gate_of: Ints,
    price: float,
    mask: Bools,
    dropped: int,
    added: int,
    kappa: float,
    work: Work,
) -> float:
    """Log worst risk where environments differ kappa times as much, plus a price per column.

    The traces that correct the test for small samples are those of environments whose second
    moments are alike.
    """
    gram, count = data[0], data[3]
    facts, columns = work[2], work[7]
    size, kept = _place(mask, gate_of, dropped, added, columns)
    if not fit_each(data, size, kept, work):
        return np.inf
    few = few_rows(size, work)
    if few:
        settle(data, size, work)
    if fit_all(data, size, work, -1) < size:
        return np.inf
    statistic, worst, f, weight, whole = 0.0, 0.0, -float(size), 0.0, 0.0
    for e in range(len(count)):
        trace = 0.0
        for a in range(size):
            trace += gram[e, columns[a], columns[a]]
        lost = excess(e, size, work)
        statistic += facts[0, e] * lost
        if facts[2, e] > 0.0:
            whole += facts[0, e] * (facts[3, e] + lost)
        worst = max(worst, facts[3, e] + lost)
        f += facts[2, e]
        weight += facts[0, e] * trace
    beyond = 0.0
    if few:
        # f F - f for F of Chow's form, to which the test comes where environments are alike
        beyond = max(0.0, statistic * (whole - f) / max(whole - statistic, 1e-300) - f)
    elif f > 0.0:
        # B1 and B2 of the test with tr K_e / k in the place of each eigenvalue of K_e = T^-1 P_e
        b1, b2 = 0.0, 0.0
        for e in range(len(count)):
            trace = 0.0
            for a in range(size):
                trace += gram[e, columns[a], columns[a]]
            part = facts[0, e] * trace / weight if weight > 0.0 else 0.0
            b1 += facts[2, e] * (1.0 - part) ** 2 / facts[1, e]
            b2 += (facts[2, e] * (1.0 - part)) ** 2 / facts[1, e]
        correction = f + 2.0 * b1 - 2.0 * (b2 + 2.0 * b1) / (f + 2.0)
        beyond = max(0.0, statistic * f / correction - f)
    n_rows = count.sum()
    # the criterion of the homotopy: docs/theory.md, section 9
    return float(np.log(max(worst, 1e-300)) + np.log1p(kappa * beyond / n_rows) + size * price)


@compiled()
def _best_flip(
    data: Data, gate_of: Ints, price: float, mask: Bools, kappa: float, work: Work, free: Ints,
    room: bool,
) -> tuple[float, int]:  # fmt: skip
    """Lowest value after adding or dropping one gate, and that gate."""
    best = np.inf
    gate = -1
    for adding in (True, False):
        for a in free:
            if mask[a] == adding or (adding and not room):
                continue
            value = _value(
                data, gate_of, price, mask, -1 if adding else a, a if adding else -1, kappa, work
            )
            if value < best:
                best = value
                gate = a
    return best, gate


@compiled()
def _best_swap(
    data: Data, gate_of: Ints, price: float, mask: Bools, kappa: float, work: Work, free: Ints
) -> tuple[float, int, int]:
    """Lowest value after swapping a gate for another, and both."""
    best = np.inf
    dropped = -1
    added = -1
    for a in free[mask[free]]:
        for b in free:
            if mask[b]:
                continue
            value = _value(data, gate_of, price, mask, a, b, kappa, work)
            if value < best:
                best = value
                dropped = a
                added = b
    return best, dropped, added


@compiled()
def _met_before(found: Bools, s: int, k: int, n_kappas: int, mask: Bools) -> int:
    """Return an earlier start that stood at ``mask`` when it began rung ``k``, or -1."""
    for earlier in range(s):
        if (found[earlier * n_kappas + k - 1] == mask).all():
            return earlier
    return -1


@compiled()
def descend(
    data: Data,
    gate_of: Ints,
    price: float,
    starts: Bools,
    kappas: Floats,
    free: Ints,
    largest: int,
    max_moves: int,
) -> Bools:
    """Local search from every start, kappa after kappa: best add or drop, else best swap.

    ``gate_of`` says the gate of each column, -1 if it is always in; ``price`` is for a column.
    Returns the local optima (n_starts * n_kappas, n_gates).
    """
    n_starts, n_gates = starts.shape
    n_kappas = len(kappas)
    work = workspace(len(data[3]), len(gate_of))
    found = np.zeros((n_starts * n_kappas, n_gates), np.bool_)
    for s in range(n_starts):
        mask = starts[s].copy()
        for k in range(n_kappas):
            same = _met_before(found, s, k, n_kappas, mask) if k else -1
            if same >= 0:  # it went on from there already
                for rung in range(k, n_kappas):
                    found[s * n_kappas + rung] = found[same * n_kappas + rung]
                break
            kappa = kappas[k]
            current = _value(data, gate_of, price, mask, -1, -1, kappa, work)
            for _ in range(max_moves):
                room = mask.sum() < largest
                value, gate = _best_flip(data, gate_of, price, mask, kappa, work, free, room)
                # a gain within rounding could be undone by the next move, and so for ever
                if value < current - 1e-9:
                    mask[gate] = not mask[gate]
                    current = value
                    continue
                value, dropped, added = _best_swap(data, gate_of, price, mask, kappa, work, free)
                if not value < current - 1e-9:
                    break
                mask[dropped] = False
                mask[added] = True
                current = value
            found[s * n_kappas + k] = mask
    return found
