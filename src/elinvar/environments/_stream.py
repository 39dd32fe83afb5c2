"""One pass over chunks of rows: moments whose environments and levels may still turn up."""

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._accumulate import Accumulator
from elinvar.environments._bare import refuse_overflow
from elinvar.environments._moments import Moments
from elinvar.environments._recipe import Rows, refuse_no_rows
from elinvar.environments._schema import Schema


class Stream:
    """Moments in the making."""

    def __init__(self) -> None:
        self._schema: Schema | None = None
        self._accumulator: Accumulator | None = None
        self._n_dropped = 0

    def add(self, rows: Rows, schema: Schema) -> None:
        """Add rows encoded by ``schema``; new levels make new columns."""
        self._n_dropped += rows.n_dropped
        if not len(rows.y):
            return
        if self._schema is None or self._accumulator is None:
            self._schema, self._accumulator = schema, Accumulator(schema.n_columns)
        X: NDArray[np.float64] = rows.X
        if schema is not self._schema and schema.columns != self._schema.columns:
            united = self._schema.unite(schema)
            if united.columns != self._schema.columns:
                self._accumulator.expand(self._schema.position_in(united), united.n_columns)
                self._schema = united
            X = np.zeros((len(rows.y), united.n_columns))
            X[:, schema.position_in(united)] = rows.X
        codes, labels = rows.environment.codes, rows.environment.labels
        if not self._accumulator.add(X, rows.y, codes, labels, rows.weight):
            refuse_overflow()

    def result(self) -> Moments:
        """Return the moments of all rows so far."""
        refuse_no_rows(0 if self._accumulator is None else self._accumulator.n_rows)
        assert self._schema is not None and self._accumulator is not None
        return moments_of(self._accumulator, self._schema, self._n_dropped)


def moments_of(accumulator: Accumulator, schema: Schema, n_dropped: int = 0) -> Moments:
    """Put environments in natural order and leave out levels that no row has."""
    raw, p = accumulator.result(), accumulator.n_columns
    moments = Moments(
        names=raw.names,
        count=raw.count,
        mean_x=raw.mean[:, :p],
        mean_y=raw.mean[:, p],
        cov_xx=raw.cov_xx,
        cov_xy=raw.cov_xy,
        var_y=raw.var_y,
        schema=schema,
        n_dropped=n_dropped,
    )
    return moments.without_empty_levels() if schema.levels else moments
