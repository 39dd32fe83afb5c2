"""The one record of rows: what every reader makes, and what moments are taken of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._checks import Floats, Numbers, RowName, counted_from
from elinvar.environments._labels import Factor, concatenate_factors
from elinvar.environments._schema import Schema, check_encoded
from elinvar.environments._weights import scaled
from elinvar.errors import DataError

MANY_ENVIRONMENTS = 1_000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rows:
    """Rows of numbers, each in one environment: a whole table, or a chunk of it.

    Attributes
    ----------
    X : (n, n_columns) array
        Columns of ``schema``. Bare arrays keep their type and may hold NaN; what is read from
        frames and files is float64 and finite, but for NaN where the schema keeps missing values.
    y : (n,) array
        Target.
    codes : (n,) array of intp
        Index into ``names``.
    names : tuple of str
        Environments; in a chunk, in any order and perhaps without rows.
    schema : Schema
        What the columns mean.
    sample_weight : (n,) array, optional
        Weights, all positive.
    cluster : Factor, optional
        Who or what each row belongs to; rows of one cluster are not independent.
    n_dropped : int
        Rows left out because a value was missing.
    classes : tuple of str
        What the target counts, if it names classes; in a chunk, in any order.
    ranked : bool
        Whether ``names`` are in an order of their own, as ordered categories are.
    """

    X: Numbers
    y: Numbers
    codes: NDArray[np.intp]
    names: tuple[str, ...]
    schema: Schema
    sample_weight: Floats | None = None
    cluster: Factor | None = None
    n_dropped: int = 0
    classes: tuple[str, ...] = ()
    ranked: bool = False

    def __post_init__(self) -> None:
        n, p = len(self.y), self.schema.n_columns
        weighted = () if self.sample_weight is None else self.sample_weight.shape
        if self.X.shape != (n, p) or self.codes.shape != (n,) or weighted not in ((), (n,)):
            raise DataError(
                f"Rows do not fit together: X has shape {self.X.shape}, but {n} targets and {p} "
                "columns need one code and weight a row."
            )
        for name in ("X", "y", "codes", "sample_weight"):
            array = getattr(self, name)
            if array is not None:
                # a view, so that the user's own array stays writeable
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    @property
    def n_rows(self) -> int:
        """Number of rows, n."""
        return len(self.y)

    def take(self, keep: NDArray[np.bool_]) -> Self:
        """Return the rows where ``keep`` is True."""
        if keep.all():
            return self
        weight, cluster = self.sample_weight, self.cluster
        return replace(
            self,
            X=self.X[keep],
            y=self.y[keep],
            codes=self.codes[keep],
            sample_weight=None if weight is None else weight[keep],
            cluster=None if cluster is None else cluster.take(keep),
        )

    def drop(self, missing: NDArray[np.bool_]) -> Self:
        """Leave out the rows where ``missing`` is True, and count them."""
        n_dropped = self.n_dropped + int(missing.sum())
        return replace(self.take(~missing), n_dropped=n_dropped)

    def check_finite(self, row: RowName, *, allow_nan: bool = False) -> None:
        """Say where a value is infinite or NaN, if anywhere."""
        check_encoded(self.X, self.schema, row, self.y, allow_nan=allow_nan)


def gather(chunks: Iterable[Rows]) -> Rows:
    """Put chunks of one schema below each other: names in order, levels in use only.

    Raises
    ------
    DataError
        If no row is left, a value is not finite, or the environments look like single rows.
    """
    parts = list(chunks)
    check_some_rows(sum(rows.n_rows for rows in parts))
    environment = concatenate_factors(
        [Factor(codes=rows.codes, labels=rows.names, ranked=rows.ranked) for rows in parts]
    ).ordered()
    check_no_identifier(len(environment.labels), len(environment.codes))
    target = _target(parts)
    weights = [rows.sample_weight for rows in parts if rows.sample_weight is not None]
    clusters = [rows.cluster for rows in parts if rows.cluster is not None]
    rows = replace(
        parts[0],
        X=_joined([rows.X for rows in parts]),
        y=_joined([rows.y for rows in parts]) if target is None else target.codes.astype(float),
        classes=() if target is None else target.labels,
        codes=environment.codes,
        names=environment.labels,
        ranked=environment.ranked,
        sample_weight=scaled(np.concatenate(weights), environment.codes, len(environment.labels))
        if weights
        else None,
        cluster=concatenate_factors(clusters) if clusters else None,
        n_dropped=sum(rows.n_dropped for rows in parts),
    )
    rows.check_finite(counted_from(), allow_nan=rows.schema.keeps_missing)
    _check_some_values(rows)
    whole = rows.schema
    # a level may have lost its last row where rows with missing values were left out
    schema = whole.without_levels(np.all(~(rows.X > 0), axis=0)) if whole.levels else whole
    if schema is whole:
        return rows
    return replace(rows, X=rows.X[:, schema.position_in(whole)], schema=schema)


def _check_some_values(rows: Rows) -> None:
    """Refuse features of which every value is missing."""
    if not rows.schema.keeps_missing:
        return
    absent = np.flatnonzero(np.all(np.isnan(rows.X), axis=0))
    if len(absent):
        name = rows.schema.features[rows.schema.groups[absent[0]]]
        raise DataError(f"{name} has no values in any row that counts; drop it.")


def _target(parts: list[Rows]) -> Factor | None:
    """Return classes as one column, in natural order; None where the target is a number."""
    if not any(rows.classes for rows in parts):
        return None
    return concatenate_factors(
        [Factor(codes=rows.y.astype(np.intp), labels=rows.classes) for rows in parts]
    ).ordered()


def _joined(parts: list[Numbers]) -> Floats:
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return np.asarray(whole, dtype=np.float64)


def check_some_rows(n_rows: int) -> None:
    """Refuse data of which no row counts."""
    if not n_rows:
        raise DataError(
            "No rows are left once those with a missing target or value, or of weight zero, are "
            "out: 0 sample(s) while a minimum of 1 is required."
        )


def check_no_identifier(n_environments: int, n_rows: int) -> None:
    """Refuse many environments of about one row each.

    Raises
    ------
    DataError
    """
    if n_environments > MANY_ENVIRONMENTS and n_rows < 2 * n_environments:
        raise DataError(identifier_message(n_environments, n_rows))


def identifier_message(n_environments: int, n_rows: float) -> str:
    """Return the sentence for environments that are single rows."""
    return (
        f"{n_environments:,} environments for {n_rows:,.0f} rows: that looks like a row "
        "identifier, not an environment; name a column whose values repeat, such as a place or a "
        "year."
    )
