r"""The numeric kernel: moments of each environment in one pass over blocks of rows.

Rows of a block that stays in cache are put in order of environment, shifted by a provisional
mean :math:`a_e` of their environment, and enter

.. math:: M_e \mathrel{+}= \sum_i w_i z_i z_i^T,\qquad z_i = (x_i - a_e^x,\; y_i - a_e^y,\; 1),

by one symmetric matrix product (BLAS ``dsyrk``) an environment. :math:`M_e` holds the weighted
count, sums and second moments of the shifted rows; the shift keeps the digits that raw second
moments lose. NaN or infinity anywhere in the rows shows in the sums.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from elinvar.environments._checks import Floats, counted_from
from elinvar.environments._labels import merged_order, natural_order
from elinvar.environments._raw_moments import RawMoments, check_size
from elinvar.environments._rows import Rows, check_no_identifier, check_some_rows
from elinvar.environments._schema import Schema
from elinvar.environments._weights import are_counts, effective_rows
from elinvar.errors import DataError

Codes = NDArray[np.int16] | NDArray[np.intp]

BLOCK_BYTES = 1_000_000
# the square root of the smallest number of full precision
_SMALLEST = float(np.sqrt(np.finfo(float).tiny))


class Accumulator:
    """Sums of shifted rows and of their products, one set an environment.

    Parameters
    ----------
    n_columns : int
        Columns of ``X``; the target is kept as one more.
    """

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.n_rows = 0
        self._slot: dict[str, int] = {}
        self._orders: dict[tuple[str, ...], None] = {}
        self._shift = np.zeros((0, n_columns + 1))
        self._sums = np.zeros((0, n_columns + 2, n_columns + 2))
        self._started = np.zeros(0, dtype=bool)
        self._squares = np.zeros(0)
        self._sampling = False
        self._buffer = np.zeros((0, n_columns + 2))
        self._gather = np.zeros((0, n_columns))

    @property
    def n_environments(self) -> int:
        """Number of environments so far."""
        return len(self._slot)

    def add(self, rows: Rows) -> bool:
        """Add rows of ``n_columns`` columns; return whether all sums are still finite."""
        squares = np.bincount(rows.codes, minlength=len(rows.names)).astype(np.float64)
        present = np.flatnonzero(squares)
        self.n_rows += rows.n_rows
        if rows.ranked:
            self._orders[rows.names] = None
        slots = self._register([rows.names[k] for k in present])
        if rows.sample_weight is not None:
            squares[:] = np.bincount(rows.codes, rows.sample_weight**2, len(rows.names))
            self._sampling = self._sampling or not are_counts(rows.sample_weight)
        self._squares[slots] += squares[present]
        lookup = np.zeros(len(rows.names), dtype=np.intp)
        lookup[present] = slots
        slot = lookup[rows.codes]
        # short integers are sorted by radix, in one pass instead of n log n steps
        if len(self._slot) < np.iinfo(np.int16).max:
            slot = slot.astype(np.int16)
        width = self.n_columns + 2
        # a block and its copy stay in cache, yet are thick enough for a product to be worth it
        block = max(BLOCK_BYTES // (8 * width), min(4 * width, 1024))
        # With few rows an environment in a block, order the whole chunk instead of each block.
        enough = max(64, min(width, 512))
        order = np.argsort(slot, kind="stable") if len(present) * enough > block else None
        with np.errstate(all="ignore"):
            for start in range(0, rows.n_rows, block):
                cut = slice(start, min(start + block, rows.n_rows))
                self._add_block(rows, slot, cut, None if order is None else order[cut])
            return bool(np.isfinite(self._sums[slots]).all())

    def _add_block(
        self, rows: Rows, slot: Codes, cut: slice, index: NDArray[np.intp] | None
    ) -> None:
        """Add the rows at ``index``, sorted by environment, or those of a slice still to sort."""
        # z = (x - a_x, y - a_y, 1) sqrt(w) of each row; then M_e += z z^T, all rows of e at once
        X, y, weight = rows.X, rows.y, rows.sample_weight
        if index is None:
            X, y, slot = X[cut], y[cut], slot[cut]
            weight = None if weight is None else weight[cut]
            index = np.argsort(slot, kind="stable")
        p, m = self.n_columns, len(index)
        work = self._work(m)
        if X.dtype == np.float64 and X.flags.c_contiguous:
            gathered = np.take(X, index, 0, out=self._gather[:m], mode="clip")
        else:
            gathered = np.ascontiguousarray(X[index], dtype=np.float64)
        target = y[index].astype(np.float64, copy=False)
        root = None if weight is None else np.sqrt(weight[index])
        slot = slot[index]
        edges = np.flatnonzero(slot[1:] != slot[:-1]) + 1
        starts = [0, *edges.tolist(), m]
        for begin, end in pairwise(starts):
            e = int(slot[begin])
            z = work[begin:end]
            if not self._started[e]:
                self._start(e, gathered[begin:end], target[begin:end])
            np.subtract(gathered[begin:end], self._shift[e, :p], out=z[:, :p])
            np.subtract(target[begin:end], self._shift[e, p], out=z[:, p])
            z[:, p + 1] = 1.0
            if root is not None:
                z *= root[begin:end, None]
            # the transposes are views in Fortran order: dsyrk adds to the sums where they lie
            dsyrk(1.0, z.T, beta=1.0, c=self._sums[e].T, overwrite_c=1)

    def _work(self, rows: int) -> Floats:
        if self._buffer.shape != (max(rows, len(self._buffer)), self.n_columns + 2):
            self._buffer = np.empty((rows, self.n_columns + 2))
            self._gather = np.empty((rows, self.n_columns))
        return self._buffer[:rows]

    def _start(self, e: int, X: Floats, y: Floats) -> None:
        # Taken relative to the first row, so that a constant column is shifted to exactly 0.
        p = self.n_columns
        self._shift[e, :p] = X[0] + (X - X[0]).mean(axis=0)
        self._shift[e, p] = y[0] + (y - y[0]).mean()
        self._started[e] = True

    def _register(self, names: Sequence[str]) -> NDArray[np.intp]:
        fresh = [name for name in names if name not in self._slot]
        total = len(self._slot) + len(fresh)
        check_size(total, self.n_rows, self.n_columns)
        for name in fresh:
            self._slot[name] = len(self._slot)
        if total > len(self._sums):
            # room for more than asked, as environments often turn up one by one
            grow = max(total, min(2 * len(self._sums), len(self._sums) + 64)) - len(self._sums)
            width = self.n_columns + 2
            self._shift = np.concatenate([self._shift, np.zeros((grow, width - 1))])
            self._sums = np.concatenate([self._sums, np.zeros((grow, width, width))])
            self._started = np.concatenate([self._started, np.zeros(grow, dtype=bool)])
            self._squares = np.concatenate([self._squares, np.zeros(grow)])
        return np.array([self._slot[name] for name in names], dtype=np.intp)

    def expand(self, position: NDArray[np.intp], n_columns: int) -> None:
        """Make room for new columns, zero in all rows so far.

        Parameters
        ----------
        position : (n_columns before,) array of intp
            Where each column so far goes.
        n_columns : int
            Columns from now on.
        """
        # Rows so far have 0 in a new column; with shift 0 their sums with it are 0 as well.
        kept = np.concatenate([position, [n_columns, n_columns + 1]])
        E = len(self._sums)
        shift = np.zeros((E, n_columns + 1))
        shift[:, kept[:-1]] = self._shift
        full = np.zeros((E, n_columns + 2, n_columns + 2))
        full[:, kept[:, None], kept[None, :]] = _symmetric(self._sums)
        self.n_columns, self._shift, self._sums = n_columns, shift, full

    def result(self, schema: Schema, n_dropped: int) -> RawMoments:
        r"""Return the centred moments of all rows so far, environments in order.

        With :math:`s_e` the mean of the shifted rows, the mean is :math:`a_e + s_e` and the
        centred second moment :math:`M_e / n_e - s_e s_e^T`.
        """
        ranked = [name for name in merged_order(*self._orders) if name in self._slot]
        names = [*ranked, *natural_order(set(self._slot).difference(ranked))]
        E, p = len(names), self.n_columns
        weight, mean = np.empty(E), np.empty((E, p + 1))
        squares = self._squares[[self._slot[name] for name in names]]
        cov_xx, cov_xy, var_y = np.empty((E, p, p)), np.empty((E, p)), np.empty(E)
        for e, name in enumerate(names):
            slot = self._slot[name]
            sums = _symmetric(self._sums[slot])
            n = weight[e] = sums[-1, -1]
            offset = sums[-1, :-1] / n
            mean[e] = self._shift[slot] + offset
            cov = sums[:-1, :-1] / n
            cov -= np.outer(offset, offset)
            # rounding may leave a variance a little below zero
            np.fill_diagonal(cov, np.maximum(np.diagonal(cov), 0.0))
            cov_xx[e], cov_xy[e], var_y[e] = cov[:p, :p], cov[:p, p], cov[p, p]
        return RawMoments(
            names=tuple(names),
            count=effective_rows(weight, squares) if self._sampling else weight,
            mean_x=mean[:, :p],
            mean_y=mean[:, p],
            cov_xx=cov_xx,
            cov_xy=cov_xy,
            var_y=var_y,
            schema=schema,
            n_dropped=n_dropped,
            weight_sum=weight,
            weight_squares=squares,
            sampling=self._sampling,
        )


def _symmetric(sums: Floats) -> Floats:
    """Fill in the upper triangles, which ``dsyrk`` leaves alone."""
    lower = np.tril(sums)
    return np.asarray(lower + np.swapaxes(np.tril(sums, -1), -1, -2))


def accumulate(chunks: Iterable[Rows]) -> RawMoments:
    """Take the moments of chunks of rows, each seen once.

    Environments, and levels of categorical features, may turn up in any chunk; levels that no row
    has are left out in the end.

    Raises
    ------
    DataError
        If no row is left, a value is not finite, or there are too many environments.
    """
    accumulator, schema, n_dropped = _add_up(chunks)
    check_some_rows(accumulator.n_rows)
    assert schema is not None
    check_no_identifier(accumulator.n_environments, accumulator.n_rows)
    return checked(accumulator.result(schema, n_dropped))


def accumulate_part(chunks: Iterable[Rows]) -> tuple[RawMoments | None, int]:
    """Take the moments of a part of the rows, and count those left out; None if no row is left.

    What can only be judged from the whole is not judged here.
    """
    accumulator, schema, n_dropped = _add_up(chunks)
    return None if schema is None else accumulator.result(schema, n_dropped), n_dropped


def checked(moments: RawMoments, n_dropped: int = 0) -> RawMoments:
    """Return moments of all rows without the levels that no row has.

    ``n_dropped`` more rows were left out.

    Raises
    ------
    DataError
        If a column is so small that its squares vanish.
    """
    _check_no_underflow(moments)
    moments = replace(moments, n_dropped=moments.n_dropped + n_dropped)
    return moments.without_empty_levels() if moments.schema.levels else moments


def _add_up(chunks: Iterable[Rows]) -> tuple[Accumulator, Schema | None, int]:
    schema: Schema | None = None
    accumulator = Accumulator(0)
    n_dropped = 0
    for rows in chunks:
        n_dropped += rows.n_dropped
        if not rows.n_rows:
            continue
        if schema is None:
            schema, accumulator = rows.schema, Accumulator(rows.schema.n_columns)
        if rows.schema is not schema and rows.schema.columns != schema.columns:
            # a chunk with a level that is new, or without one that is known
            united = schema.unite(rows.schema)
            if united.columns != schema.columns:
                accumulator.expand(schema.position_in(united), united.n_columns)
                schema = united
            X = np.zeros((rows.n_rows, united.n_columns))
            X[:, rows.schema.position_in(united)] = rows.X
            rows = replace(rows, X=X, schema=united)
        # Only rows whose sums are not finite are looked at one by one: that saves a pass over all.
        if not accumulator.add(rows):
            rows.check_finite(counted_from())
            raise DataError(
                "The values are so large that their squares overflow: rescale the columns."
            )
    return accumulator, schema, n_dropped


def _check_no_underflow(moments: RawMoments) -> None:
    """Refuse columns so small that all their squares are zero, as if they were constant."""
    schema = moments.schema
    means = np.abs(np.column_stack([moments.mean_x, moments.mean_y])).max(axis=0)
    powers = np.einsum("ejj->ej", moments.cov_xx).max(axis=0)
    powers = np.append(powers, moments.var_y.max())
    lost = np.flatnonzero((powers == 0) & (means > 0) & (means < _SMALLEST))
    if len(lost):
        name = (*schema.columns, schema.target)[lost[0]]
        raise DataError(
            f"The values of {name} are so small (their mean is {means[lost[0]]:.1g}) that their "
            "squares vanish: give it in smaller units."
        )
