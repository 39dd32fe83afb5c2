"""The start of a run: the factor, its coordinates, and what an optimiser remembers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from elinvar.errors import DataError
from elinvar.sensing._algorithms import Algorithm
from elinvar.sensing._arrays import Floats, Reals

KINDS = {"psd": 0, "symmetric": 1, "direct": 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class Factor:
    """What is trained; its arrays change in place.

    Parameters
    ----------
    P : ndarray of shape (d, K)
        The factor U, [U, V] side by side, or the matrix itself.
    n_plus : int
        Columns that count positive.
    kind : int
        Of `KINDS`.
    rule : ndarray of shape (5,)
        Of the optimiser.
    memory : ndarray of shape (2, d, K)
        What it remembers; empty if nothing.
    """

    P: Reals
    n_plus: int
    kind: int
    rule: Floats
    memory: Reals

    @cached_property
    def signs(self) -> Reals:
        """One for columns that count positive, minus one for the others."""
        signs = np.ones(self.P.shape[1], dtype=self.P.dtype)
        signs[self.n_plus :] = -1
        return signs

    def matrix(self) -> Reals:
        """Return A."""
        if self.kind == KINDS["direct"]:
            return self.P.copy()
        A: Reals = (self.P * self.signs) @ self.P.T
        return A


def start_factor(
    algorithm: Algorithm,
    dim: int,
    frame: Reals | None,
    dtype: DTypeLike,
    rng: np.random.Generator,
    start: Floats | None = None,
) -> Factor:
    """Return the start, in the coordinates of ``frame`` (d, d) if it is given.

    Parameters
    ----------
    algorithm : Algorithm
        Says where to start, and with how many columns.
    dim : int
        d.
    frame : ndarray of shape (d, d) or None
        Orthogonal.
    dtype : dtype
        Of the factor.
    rng : Generator
        Draws random starts.
    start : ndarray of shape (d, k), optional
        U_0 itself, in place of what the algorithm says.

    Raises
    ------
    DataError
        If the factor would have more columns than rows where that has no meaning.
    """
    width = dim if algorithm.width is None else int(algorithm.width)
    if start is not None:
        U, width = start, start.shape[1]
    else:
        U = algorithm.init_scale * _directions(algorithm, dim, width, rng)
    # alpha I needs no rotation: turning the columns of a factor changes nothing
    square = start is None and algorithm.init == "identity" and width == dim
    if frame is not None and not square:
        U = frame.T @ U
    kind = KINDS[algorithm.parameterization]
    if kind == KINDS["direct"]:
        # A itself starts where U U' would
        P = U @ U.T
    elif kind == KINDS["symmetric"]:
        # U U' - V V' starts at 0: V = U
        P = np.hstack([U, U])
    else:
        P = U
    # a copy: steps change it in place, and the start that was given stays as it is
    P = np.array(P, dtype=dtype, order="C")
    remembered = P.shape if algorithm.optimizer.remembers else (0, 0)
    return Factor(
        P=P,
        n_plus=width,
        kind=kind,
        rule=algorithm.optimizer.rule(float(algorithm.step_size)),
        memory=np.zeros((2, *remembered), dtype=dtype),
    )


def _directions(algorithm: Algorithm, dim: int, width: int, rng: np.random.Generator) -> Floats:
    if algorithm.init == "gaussian":
        normals: Floats = rng.standard_normal((dim, width)) / np.sqrt(width)
        return normals
    if width > dim:
        raise DataError(
            f'init="{algorithm.init}" has at most {dim} columns in {dim} dimensions; got '
            f'width={width}: use init="gaussian".'
        )
    if algorithm.init == "identity":
        return np.eye(dim, width)
    # signs make the law of Q uniform (F. Mezzadri, Notices of the AMS 54, 2007)
    Q, triangle = np.linalg.qr(rng.standard_normal((dim, width)))
    directions: Floats = Q * np.sign(np.diag(triangle))
    return directions
