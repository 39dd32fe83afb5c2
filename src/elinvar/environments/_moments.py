"""Moments of each environment: everything that squared loss needs to know of the data."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from elinvar.environments._accumulate import accumulate
from elinvar.environments._checks import Floats
from elinvar.environments._column_names import nearest
from elinvar.environments._databases import opened
from elinvar.environments._disclosure import check_counts
from elinvar.environments._labels import natural_order
from elinvar.environments._push_down import push_down
from elinvar.environments._raw_moments import ARRAYS, RawMoments, merge
from elinvar.environments._read_batches import read_batches
from elinvar.environments._read_cluster import is_cluster, read_cluster
from elinvar.environments._read_streams import read_stream
from elinvar.environments._roles import Missing, Names, Roles
from elinvar.environments._rows import Rows, identifier_message
from elinvar.environments._schema import check_levels
from elinvar.environments._store import load_moments, save_moments
from elinvar.environments._ways_in import WaysIn
from elinvar.errors import DataError


class Moments(WaysIn, RawMoments):
    r"""Count, means and centred second moments of each environment.

    .. math::

        \bar x_e = \tfrac1{n_e} \sum_i x_i,\quad
        C_e = \tfrac1{n_e} \sum_i (x_i - \bar x_e)(x_i - \bar x_e)^T,\quad
        c_e = \tfrac1{n_e} \sum_i (x_i - \bar x_e)(y_i - \bar y_e)

    They add up over chunks, files and sites: ``a + b`` holds the moments of the rows of both.

    Parameters
    ----------
    names : tuple of str
        Environments, E of them, in natural order.
    count : (E,) array
        Rows of each: the sum of their frequency weights, or what sampling weights are worth.
    mean_x : (E, p) array
        Means of the p columns of ``schema``, in their own units.
    mean_y : (E,) array
        Means of the target.
    cov_xx : (E, p, p) array
        Centred second moments of the columns, divisor ``count``.
    cov_xy : (E, p) array
        Centred cross moments of columns and target.
    var_y : (E,) array
        Centred second moment of the target.
    schema : Schema
        What the columns mean.
    n_dropped : int
        Rows left out because a value was missing.
    weight_sum, weight_squares : (E,) array, optional
        Sums of the weights and of their squares; ``count`` if not given.
    sampling : bool
        Whether some weight is not whole, so that all are sampling weights: only their ratios
        within an environment matter, and ``count`` is ``weight_sum**2 / weight_squares`` (Kish).

    Raises
    ------
    DataError
        If shapes disagree, a number is not finite, or a variance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar import Moments
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    >>> site = np.repeat(["north", "south"], 30)
    >>> whole = Moments.from_arrays(X, y, site)
    >>> parts = Moments.from_arrays(X[:40], y[:40], site[:40])
    >>> parts += Moments.from_arrays(X[40:], y[40:], site[40:])
    >>> parts.names, bool(np.allclose(parts.cov_xx, whole.cov_xx))
    (('north', 'south'), True)
    """

    _at_most = 65_536

    @classmethod
    def _from_rows(cls, chunks: Iterable[Rows]) -> Self:
        return cls(**vars(accumulate(chunks)))

    @classmethod
    def _from_lazy(cls, frame: object, roles: Roles) -> Self:
        if is_cluster(frame):
            return cls(**vars(read_cluster(frame, roles)))
        return cls._from_rows(read_stream(frame, roles))

    @classmethod
    def from_query(
        cls,
        source: object,
        *,
        target: str,
        environment: Names,
        table: str | None = None,
        query: str | None = None,
        features: Names = None,
        drop: Names = None,
        categorical: Names = None,
        sample_weight: str | None = None,
        missing: Missing = "error",
    ) -> "Moments":
        """Let a database add up the moments of a table; no row leaves it.

        Parameters
        ----------
        source : Ibis table, connection, or address
            A table or connection of Ibis, a connection of DuckDB, or an address such as
            ``"duckdb:///sales.db?table=visits"`` or ``"postgresql://user@host/base?table=visits"``
            (also ``&schema=``). DuckDB files are opened to read only.
        target, environment, features, drop, categorical, sample_weight
            As in :meth:`from_frame`. Columns of text become categories by their type.
        table : str, optional
            Name of the table, if ``source`` does not say it.
        query : str, optional
            A SELECT in place of a table.
        missing : {"error", "drop"}
            Refuse missing values (NULL, NaN), or drop their rows.

        Notes
        -----
        The database passes over the rows for the means of each environment, and again for products
        about them. Of more than 40 columns, blocks are taken in turn. It needs the extra ``sql``.

        Raises
        ------
        DataError
            If there is no such table or column, or a value cannot be used.
        FileError
            If the database cannot be reached or does not answer.
        MissingExtraError
            If Ibis, or the driver of the database, is not installed.

        Examples
        --------
        >>> import duckdb
        >>> from elinvar import Moments
        >>> base = duckdb.connect()
        >>> _ = base.execute("create table visits as select i % 2 as site, i as x, 2 * i as y "
        ...                  "from range(100) t(i)")
        >>> Moments.from_query(base, table="visits", target="y", environment="site").count
        array([50., 50.])
        """
        roles = Roles(
            target=target,
            environment=environment,
            features=features,
            drop=drop,
            categorical=categorical,
            sample_weight=sample_weight,
            missing=missing,
        )
        with opened(source, table, query) as rows:
            return cls(**vars(push_down(rows, roles)))._looked_over()

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[object],
        *,
        target: str | None = None,
        environment: Names = None,
        features: Names = None,
        drop: Names = None,
        categorical: Names = None,
        sample_weight: str | None = None,
        feature_names: Sequence[str] | None = None,
        missing: Missing = "error",
    ) -> "Moments":
        """Take the moments of any number of batches, each seen once.

        Parameters
        ----------
        batches : iterable of frames, or of tuples of arrays
            Frames of the same columns, or tuples ``(X, y)``, ``(X, y, environments)`` or
            ``(X, y, environments, sample_weight)``. Environments and levels of categorical
            features may turn up in any batch.
        target, environment, features, drop, categorical, sample_weight
            For frames, as in :meth:`Moments.from_frame`; ``target`` also names arrays' target.
        feature_names : sequence of str, optional
            For arrays, the names of the columns.
        missing : {"error", "drop"}
            Refuse missing values, or drop their rows.

        Notes
        -----
        Text in a frame is categorical. If over half its values in all batches turn out to be
        numbers it is refused: the types of a stream cannot be changed halfway.

        Raises
        ------
        DataError
            If a batch cannot be used as asked.
        """
        frames = None
        if target is not None and environment is not None:
            frames = Roles(
                target=target,
                environment=environment,
                features=features,
                drop=drop,
                categorical=categorical,
                sample_weight=sample_weight,
                missing=missing,
            )
        arrays = Roles(
            target=target or "target", environment=None, features=feature_names, missing=missing
        )
        return cls._from_rows(read_batches(batches, frames, arrays))._looked_over()

    def _looked_over(self) -> Self:
        # parts of streams and sums of sites are not surveyed as a whole
        levels = {name: len(labels) for name, labels in self.schema.levels.items()}
        check_levels(levels, self.n_rows)
        return super()._looked_over()

    def __add__(self, other: "Moments") -> "Moments":
        """Merge: environments by name, features by name, categorical levels united."""
        if not isinstance(other, Moments):
            return NotImplemented
        return merge(self, other)._looked_over()

    def exclude(self, names: str | Iterable[str]) -> "Moments":
        """Leave environments out.

        Parameters
        ----------
        names : str or iterable of str
            Environments to leave out.

        Raises
        ------
        DataError
            If there is no such environment, or none would be left.
        """
        at = kept(self.names, names)
        arrays = {name: getattr(self, name)[at] for name in ARRAYS}
        return replace(self, names=tuple(self.names[e] for e in at), **arrays)

    def check_counts(self, smallest: int) -> None:
        """Refuse moments in which an environment, or one of its levels, has very few rows.

        Levels are those of categories and of columns of zeros and ones. Tables that cross two
        columns, which covariances hold as well, are not looked at.

        Parameters
        ----------
        smallest : int
            How many rows each needs, 1 or more.

        Raises
        ------
        DataError
            If one has fewer; all are named.
        """
        check_counts(self, smallest)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a ``.npz`` file, which appears only when it is complete.

        Parameters
        ----------
        path : path
            File to write; its folder must exist.

        Raises
        ------
        FileError
            If the file cannot be written there.
        """
        save_moments(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Moments":
        """Read what :meth:`save` wrote; nothing in the file is ever run.

        Raises
        ------
        FileError
            If the file is missing, damaged, of another kind, or newer than this version.
        """
        return cls(**vars(load_moments(path)))

    @property
    def n_columns(self) -> int:
        """Number of columns, p."""
        return self.schema.n_columns

    def _weight_sums(self) -> tuple[float, float]:
        if self.sampling:
            return 0.0, 0.0
        return float(self.weight_sum.sum()), float(self.weight_squares.sum())

    def _targets(self) -> tuple[Floats, Floats, Floats]:
        return self.count, self.mean_y, self.var_y


def kept(names: Sequence[str], out: str | Iterable[str]) -> list[int]:
    """Return which environments remain when some are left out, all of which must exist."""
    gone = {out} if isinstance(out, str) else {str(name) for name in out}
    known = set(names)
    for name in natural_order(gone):
        if name not in known:
            raise DataError(f"There is no environment {name!r}{nearest(name, names)}.")
    if len(gone) == len(names):
        raise DataError("All environments would be excluded; keep at least one.")
    return [e for e, name in enumerate(names) if name not in gone]


def check_environments(moments: Moments) -> None:
    """Refuse moments that no model can be learned from.

    Parameters
    ----------
    moments : Moments
        Moments of all environments to be learned from.

    Raises
    ------
    DataError
        If every one of several environments holds a single row, or the target is
        constant over all rows.
    """
    E, rows = moments.n_environments, moments.n_rows
    if E > 1 and (moments.count <= 1).all():
        raise DataError(identifier_message(E, rows))
    within = moments.count @ moments.var_y / rows
    mean = moments.count @ moments.mean_y / rows
    between = moments.count @ (moments.mean_y - mean) ** 2 / rows
    # the total variance, by its two parts, is zero up to rounding of the mean
    if within + between <= (4 * np.finfo(float).eps * abs(mean)) ** 2:
        raise DataError(
            f"The target {moments.schema.target!r} is constant ({mean:g} in all {rows:,.0f} rows), "
            "so there is nothing to learn; is it the right column?"
        )
