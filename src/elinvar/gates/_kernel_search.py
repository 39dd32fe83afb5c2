"""The compiled inner loop of the search for supports."""

from typing import Any

import numpy as np

from elinvar._base._compile import compiled
from elinvar.gates._kernel_support import evaluate_support, workspace


@compiled()
def _value(data: Any, mask: Any, gates: Any, kappa: float, work: Any, row: Any) -> float:
    """Log worst risk where environments differ kappa times as much, plus a price per column."""
    gate_of, tested, needed = gates
    columns = work[7]
    size = 0
    for j in range(len(gate_of)):
        if gate_of[j] < 0 or mask[gate_of[j]]:
            columns[size] = j
            size += 1
    evaluate_support(data, size, 0, tested, needed, True, work, row)
    if not np.isfinite(row[0]):
        return np.inf
    n_rows = data[3].sum()
    f = row[1]
    excess = 0.0
    if f > 0:
        half = row[3] + 2.0 * row[2]
        correction = f + 2.0 * row[2] - 2.0 * half / (f + 2.0)
        excess = max(0.0, row[0] * f / correction - f)
    price = needed[1] * len(data[3]) / n_rows
    return float(np.log(max(row[5], 1e-300)) + np.log1p(kappa * excess / n_rows) + size * price)


@compiled()
def _best_flip(
    data: Any, mask: Any, gates: Any, kappa: float, work: Any, row: Any, free: Any, room: bool
) -> Any:
    """Lowest value after adding or dropping one gate, and that gate."""
    best = np.inf
    gate = -1
    for a in free:
        if mask[a] or room:
            mask[a] = not mask[a]
            value = _value(data, mask, gates, kappa, work, row)
            mask[a] = not mask[a]
            if value < best:
                best = value
                gate = a
    return best, gate


@compiled()
def _best_swap(
    data: Any, mask: Any, gates: Any, kappa: float, work: Any, row: Any, free: Any
) -> Any:
    """Lowest value after swapping a gate for another, and both."""
    best = np.inf
    dropped = -1
    added = -1
    for a in free[mask[free]]:
        mask[a] = False
        for b in free:
            if mask[b] or b == a:
                continue
            mask[b] = True
            value = _value(data, mask, gates, kappa, work, row)
            mask[b] = False
            if value < best:
                best = value
                dropped = a
                added = b
        mask[a] = True
    return best, dropped, added


@compiled()
def descend(
    data: Any,
    gates: Any,
    starts: Any,
    kappas: Any,
    free: Any,
    largest: int,
    max_moves: int,
) -> Any:
    """Local search from every start, kappa after kappa: best add or drop, else best swap.

    Returns the local optima (n_starts * n_kappas, n_gates).
    """
    n_starts, n_gates = starts.shape
    work = workspace(len(data[3]), len(gates[0]))
    row = np.zeros(7)
    found = np.zeros((n_starts * len(kappas), n_gates), np.bool_)
    for s in range(n_starts):
        mask = starts[s].copy()
        for k in range(len(kappas)):
            kappa = kappas[k]
            current = _value(data, mask, gates, kappa, work, row)
            for _ in range(max_moves):
                room = mask.sum() < largest
                value, gate = _best_flip(data, mask, gates, kappa, work, row, free, room)
                if value < current - 1e-9:
                    mask[gate] = not mask[gate]
                    current = value
                    continue
                value, dropped, added = _best_swap(data, mask, gates, kappa, work, row, free)
                if not value < current - 1e-9:
                    break
                mask[dropped] = False
                mask[added] = True
                current = value
            found[s * len(kappas) + k] = mask
    return found
