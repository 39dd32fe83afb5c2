"""Steps on a factor in numpy, wherever the averaged gradients come from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from elinvar.sensing._arrays import Reals
from elinvar.sensing._start import KINDS, Factor


def descend(
    factor: Factor,
    gradient: Callable[[Any, int], Reals],
    keep: Callable[[Any, int], None],
    *,
    steps: int,
    bound: float,
) -> int:
    """Take the steps in place, while the matrix A stays below ``bound``.

    Parameters
    ----------
    factor : Factor
        Where they start.
    gradient : callable
        Turns A and the number of a step into G, (d, d).
    keep : callable
        Is shown every A that stays bounded, and its number: 0 is the start, ``steps`` the end.
    steps : int
        How many.
    bound : float
        Frobenius norm beyond which the steps have diverged.

    Returns
    -------
    int
        How many A stayed bounded: one more than ``steps`` if all did.
    """
    from elinvar.sensing.kernels._update import renew

    P, signed = factor.P, factor.kind == KINDS["symmetric"]
    for step in range(steps + 1):
        A = factor.matrix()
        if not np.linalg.norm(A) <= bound:
            return step
        keep(A, step)
        if step < steps:
            G = gradient(A, step)
            # U <- U + eta G U, V <- V - eta G V; A itself follows G
            descent = np.ascontiguousarray(G if factor.kind == KINDS["direct"] else G @ P)
            renew(P, descent, factor.n_plus, signed, factor.rule, factor.memory, step + 1)
    return steps + 1
