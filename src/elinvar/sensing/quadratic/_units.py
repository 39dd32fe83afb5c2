"""Units of a quadratic form in rows of several environments, its centre and its packing."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Environments
from elinvar.errors import DataError

Floats = NDArray[np.float64]
Intercept = Literal["environment", "shared", "none"]

# sizes of features whose fourth powers, and of targets whose squares, stay far from overflow
_FEATURES = (1e-40, 1e40)
_TARGETS = (1e-100, 1e100)


@dataclass(frozen=True, kw_only=True, eq=False)
class Packing:
    r"""Where the entries of a packed symmetric matrix are.

    A is packed into the vector a of its q = p (p + 1) / 2 entries, those beside the diagonal times
    :math:`\sqrt 2`, so that :math:`\langle A, B \rangle = a^\top b`.

    Parameters
    ----------
    upper : ndarray of shape (q,)
        Flat index of each packed entry, in the upper triangle.
    back : ndarray of shape (p * p,)
        Packed entry of each flat index.
    weight : ndarray of shape (q,)
        1 on the diagonal, the root of 2 beside it.
    """

    upper: NDArray[np.intp]
    back: NDArray[np.intp]
    weight: Floats

    def pack(self, A: Floats) -> Floats:
        """Return vectors (..., q) of symmetric matrices (..., p, p)."""
        flat = A.reshape(*A.shape[:-2], -1)
        packed: Floats = flat[..., self.upper] * self.weight
        return packed

    def unpack(self, a: Floats) -> Floats:
        """Return the symmetric matrices (..., p, p) of vectors (..., q)."""
        p = round(len(self.back) ** 0.5)
        return (a / self.weight)[..., self.back].reshape(*a.shape[:-1], p, p)


@cache
def packing(p: int) -> Packing:
    """Return how symmetric p x p matrices are packed."""
    row, column = np.triu_indices(p)
    back = np.empty((p, p), dtype=np.intp)
    back[row, column] = back[column, row] = np.arange(len(row))
    weight = np.where(row == column, 1.0, np.sqrt(2.0))
    return Packing(upper=row * p + column, back=back.ravel(), weight=weight)


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticUnits:
    """Units in which the steps see the data; nothing is centred.

    Parameters
    ----------
    x_inverse : ndarray of shape (p,)
        One over the unit of each column; 0 for columns that take no part.
    y_scale : float
        Unit of the target.
    """

    x_inverse: Floats
    y_scale: float

    def restore(self, A: Floats) -> Floats:
        """Return matrices (..., p, p) in the data's units."""
        # y / y_scale = z'A z with z = x_inverse x
        scale = np.sqrt(self.y_scale) * self.x_inverse
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            restored = (scale[:, None] * A) * scale
            symmetric: Floats = (restored + np.swapaxes(restored, -1, -2)) / 2
        return symmetric


def units_of(
    rows: Environments, weights: Floats, *, intercept: Intercept, standardize: bool
) -> QuadraticUnits:
    """Return root mean squares of the columns, and the sd of the target about its centre.

    Raises
    ------
    DataError
        If the target does not vary.
    """
    weight = np.empty(len(rows.y))
    for e, (at, w) in enumerate(parts_of(rows)):
        weight[at] = weights[e] * w / w.sum()
    largest = np.abs(rows.X).max(axis=0)
    safe = np.where(largest > 0, largest, 1.0)
    # squares of values over their largest cannot overflow
    rms = safe * np.sqrt(weight @ (rows.X / safe) ** 2)
    centre = np.zeros(len(rows.y))
    if intercept != "none":
        means = np.array([np.average(rows.y[at], weights=w) for at, w in parts_of(rows)])
        means = means if intercept == "environment" else np.full(len(means), weights @ means)
        centre = means[rows.codes]
    residual = rows.y - centre
    most = np.abs(residual).max()
    if not most > 1e-13 * np.abs(rows.y).max():
        raise DataError("The target does not vary within environments: nothing to explain.")
    y_scale = float(most * np.sqrt(weight @ (residual / most) ** 2))
    active = (largest > 0) & ~rows.schema.reference
    if not standardize:
        return QuadraticUnits(x_inverse=active.astype(np.float64), y_scale=1.0)
    return QuadraticUnits(
        x_inverse=np.where(active, 1.0 / np.where(active, rms, 1.0), 0.0), y_scale=y_scale
    )


def centre(
    mean_f: Floats, mean_y: Floats, intercept: Intercept, weights: Floats
) -> tuple[Floats, Floats]:
    """Return the centre of features and target in each environment."""
    if intercept == "environment":
        return mean_f, mean_y
    if intercept == "none":
        return np.zeros_like(mean_f), np.zeros_like(mean_y)
    common = np.tensordot(weights, mean_f, axes=1)
    return np.broadcast_to(common, mean_f.shape), np.full_like(mean_y, weights @ mean_y)


def check_sizes(rows: Environments) -> None:
    """Refuse values whose products are too large or too small to be computed.

    Raises
    ------
    DataError
        If a value is.
    """
    for name, values, (low, high) in (
        *zip(rows.schema.columns, rows.X.T, [_FEATURES] * rows.X.shape[1], strict=True),
        ("the target", rows.y, _TARGETS),
    ):
        largest = float(np.abs(values).max())
        if largest > high or 0 < largest < low:
            raise DataError(
                f"Values of {name} reach {largest:.3g}, and their products cannot be computed: "
                "rescale them."
            )


def parts_of(rows: Environments) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield the rows of each environment, and their weights."""
    for e in range(len(rows.names)):
        at = np.flatnonzero(rows.codes == e)
        weight = rows.sample_weight
        yield at, np.ones(len(at)) if weight is None else weight[at]
