r"""The one record of moments, without ways in: what accumulating, merging and loading make.

Counts, means and centred moments of two parts combine as

.. math::

    n = n_a + n_b,\qquad \delta = \bar z_b - \bar z_a,\qquad
    \bar z = \bar z_a + \tfrac{n_b}{n} \delta,\qquad
    C = \tfrac{n_a}{n} C_a + \tfrac{n_b}{n} C_b + \tfrac{n_a n_b}{n^2} \delta \delta^T.

References
----------
T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances", COMPSTAT 1982.
"""

from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np

from elinvar.environments._checks import Floats
from elinvar.environments._labels import merged_order
from elinvar.environments._rows import MANY_ENVIRONMENTS, check_no_identifier
from elinvar.environments._schema import Schema
from elinvar.environments._weights import effective_rows
from elinvar.errors import DataError

MAX_BYTES = 4_000_000_000
SUSPECT_BYTES = 400_000_000
# the arrays of a record, and their shapes for E environments and p columns
ARRAYS = {
    "count": "E",
    "mean_x": "Ep",
    "mean_y": "E",
    "cov_xx": "Epp",
    "cov_xy": "Ep",
    "var_y": "E",
    "weight_sum": "E",
    "weight_squares": "E",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RawMoments:
    """Count, means and centred second moments; see :class:`elinvar.environments.Moments`."""

    names: tuple[str, ...]
    count: Floats
    mean_x: Floats
    mean_y: Floats
    cov_xx: Floats
    cov_xy: Floats
    var_y: Floats
    schema: Schema
    n_dropped: int = 0
    weight_sum: Floats = None  # type: ignore[assignment]
    weight_squares: Floats = None  # type: ignore[assignment]
    sampling: bool = False

    def __post_init__(self) -> None:
        E, p = len(self.names), self.schema.n_columns
        # what comes from a file, or from a site that is not ours, is checked as a user's is
        object.__setattr__(self, "names", tuple(self.names))
        size = {"E": E, "p": p}
        for name in ("weight_sum", "weight_squares"):
            # without weights, or with those of a file that knew frequencies only
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.count)
        for name, axes in ARRAYS.items():
            shape = tuple(size[axis] for axis in axes)
            array = np.array(getattr(self, name), dtype=np.float64, order="C", copy=None).view()
            if array.shape != shape:
                raise DataError(
                    f"{name} has shape {array.shape}, but {E} environments and {p} columns need "
                    f"{shape}."
                )
            if not np.isfinite(array).all():
                raise DataError(f"{name} holds NaN or infinity; moments must be finite.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not E:
            raise DataError(
                "There are no environments: 0 sample(s) while a minimum of 1 is required."
            )
        if len(set(self.names)) < E:
            raise DataError("Each environment may be named only once.")
        if min(self.count.min(), self.weight_sum.min(), self.weight_squares.min()) <= 0:
            raise DataError("Every environment needs a positive count.")
        if (self.var_y < 0).any() or (np.einsum("ejj->ej", self.cov_xx) < 0).any():
            raise DataError("Variances must not be negative.")

    def without_empty_levels(self) -> Self:
        """Leave out the columns of levels that occur in no row."""
        schema = self.schema.without_levels(~(self.mean_x != 0).any(axis=0))
        if schema is self.schema:
            return self
        at = schema.position_in(self.schema)
        return replace(
            self,
            mean_x=self.mean_x[:, at],
            cov_xx=self.cov_xx[:, at[:, None], at[None, :]],
            cov_xy=self.cov_xy[:, at],
            schema=schema,
        )

    @property
    def n_rows(self) -> float:
        """Rows in all environments, or what their weights are worth."""
        return float(self.count.sum())


M = TypeVar("M", bound=RawMoments)


def merge(a: M, b: RawMoments) -> M:
    """Return the moments of the rows of both."""
    if a.schema.target != b.schema.target:
        raise DataError(
            f"Only moments of the same target can be merged; got {a.schema.target!r} and "
            f"{b.schema.target!r}."
        )
    schema = a.schema.unite(b.schema)
    names = merged_order(a.names, b.names)
    check_size(len(names), int(a.n_rows + b.n_rows), schema.n_columns)
    p = schema.n_columns
    weight, squares = np.zeros(len(names)), np.zeros(len(names))
    mean = np.zeros((len(names), p + 1))
    cov = np.zeros((len(names), p + 1, p + 1))
    position = {name: e for e, name in enumerate(names)}
    # z = (x, y): the target is the last row and column, and levels that a part lacks are zero
    for part in (a, b):
        x = part.schema.position_in(schema)
        for e, name in enumerate(part.names):
            k = position[name]
            part_mean, part_cov = np.zeros(p + 1), np.zeros((p + 1, p + 1))
            part_mean[x], part_mean[p] = part.mean_x[e], part.mean_y[e]
            part_cov[np.ix_(x, x)], part_cov[p, p] = part.cov_xx[e], part.var_y[e]
            part_cov[x, p] = part_cov[p, x] = part.cov_xy[e]
            # an overflow shows as infinity, which the record refuses in a sentence
            with np.errstate(over="ignore", invalid="ignore"):
                added = part.weight_sum[e]
                weight[k] = _update(weight[k], mean[k], cov[k], added, part_mean, part_cov)
            squares[k] += part.weight_squares[e]
    sampling = a.sampling or b.sampling
    return replace(
        a,
        names=tuple(names),
        count=effective_rows(weight, squares) if sampling else weight,
        mean_x=mean[:, :p],
        mean_y=mean[:, p],
        cov_xx=cov[:, :p, :p],
        cov_xy=cov[:, :p, p],
        var_y=cov[:, p, p],
        schema=schema,
        n_dropped=a.n_dropped + b.n_dropped,
        weight_sum=weight,
        weight_squares=squares,
        sampling=sampling,
    )


def _update(
    n_a: float, mean_a: Floats, cov_a: Floats, n_b: float, mean_b: Floats, cov_b: Floats
) -> float:
    """Fold part b into part a, in place; return the joint sum of weights."""
    n = n_a + n_b
    delta = mean_b - mean_a
    weight = n_b / n
    mean_a += weight * delta
    cov_a *= n_a / n
    cov_a += weight * cov_b
    # for an environment new to a the term is 0 times delta^2, which may be infinite
    if n_a:
        cov_a += (weight * (n_a / n)) * np.outer(delta, delta)
    return n


def check_size(n_environments: int, n_rows: int, n_columns: int) -> None:
    """Refuse moments that would fill the memory, before they do.

    In a stream, environments of one row so far may get more rows later; they are refused here
    only when there are very many or they are about to take hundreds of megabytes.

    Raises
    ------
    DataError
    """
    needed = 8.0 * n_environments * (n_columns + 2) ** 2
    if needed > SUSPECT_BYTES or n_environments > 100 * MANY_ENVIRONMENTS:
        check_no_identifier(n_environments, n_rows)
    if needed > MAX_BYTES:
        raise DataError(
            f"The moments of {n_environments:,} environments with {n_columns:,} columns would "
            f"take {needed / 1e9:.1f} GB; use fewer columns or coarser environments."
        )
