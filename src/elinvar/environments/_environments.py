"""Rows in memory seen as environments."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._display import html_table, text_table
from elinvar.environments._accumulate import accumulate
from elinvar.environments._checks import Floats
from elinvar.environments._display import heading, table_rows
from elinvar.environments._files import Paths
from elinvar.environments._moments import Moments, kept
from elinvar.environments._read_arrays import read_arrays
from elinvar.environments._read_files import read_files
from elinvar.environments._read_frames import read_frame
from elinvar.environments._roles import Missing, Names, Roles
from elinvar.environments._rows import Rows, gather


class Environments(Rows):
    """Rows of numbers, each in one environment.

    Parameters
    ----------
    X : (n, n_columns) array
        Columns of ``schema``; categorical features are one column a level.
    y : (n,) array
        Target.
    codes : (n,) array of intp
        Index into ``names``.
    names : tuple of str
        Environments, in natural order.
    schema : Schema
        What the columns mean.
    sample_weight : (n,) array, optional
        Frequency weights, all positive.
    n_dropped : int
        Rows left out because a value was missing.

    Examples
    --------
    >>> from elinvar import Environments
    >>> data = Environments.from_arrays([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], [2020, 2021, 2021])
    >>> data.names, data.n_rows
    (('2020', '2021'), 3)
    """

    X: Floats
    y: Floats

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None = None,
        *,
        feature_names: Sequence[str] | None = None,
        sample_weight: ArrayLike | None = None,
        target: str = "target",
        missing: Missing = "error",
    ) -> "Environments":
        """Take arrays as they are; the parameters are those of :meth:`Moments.from_arrays`."""
        rows = read_arrays(
            X,
            y,
            environments,
            sample_weight,
            feature_names=feature_names,
            target=target,
            missing=missing,
        )
        return cls(**vars(gather([rows])))

    @classmethod
    def from_frame(
        cls,
        frame: object,
        *,
        target: str,
        environment: Names,
        features: Names = None,
        drop: Names = None,
        categorical: Names = None,
        sample_weight: str | None = None,
        missing: Missing = "error",
    ) -> "Environments":
        """Read a frame; the parameters are those of :meth:`Moments.from_frame`."""
        roles = Roles(
            target=target,
            environment=environment,
            features=features,
            drop=drop,
            categorical=categorical,
            sample_weight=sample_weight,
            missing=missing,
        )
        return cls(**vars(gather(read_frame(frame, roles))))

    @classmethod
    def from_files(
        cls,
        path: Paths,
        *,
        target: str,
        environment: Names,
        features: Names = None,
        drop: Names = None,
        categorical: Names = None,
        sample_weight: str | None = None,
        missing: Missing = "error",
    ) -> "Environments":
        """Read CSV, Parquet or Arrow files into memory.

        Parameters
        ----------
        path : path, pattern or list of paths
            CSV, Parquet or Feather/Arrow files of the same columns.
        target, environment, features, drop, categorical, sample_weight, missing
            As in :meth:`Moments.from_frame`.

        Raises
        ------
        FileError
            If a file is missing, empty, damaged or of another format.
        DataError
            If a column is missing or cannot be used as asked.
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
        return cls(**vars(read_files(path, roles, gather)))

    def moments(self) -> Moments:
        """Return the moments of each environment."""
        return Moments(**vars(accumulate([self])))

    def exclude(self, names: str | Iterable[str]) -> "Environments":
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
        lookup = np.full(len(self.names), -1, dtype=np.intp)
        lookup[at] = np.arange(len(at))
        codes = lookup[self.codes]
        rows = codes >= 0
        return replace(
            self,
            X=self.X[rows],
            y=self.y[rows],
            codes=codes[rows],
            names=tuple(self.names[e] for e in at),
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
        )

    @property
    def n_environments(self) -> int:
        """Number of environments, E."""
        return len(self.names)

    def __repr__(self) -> str:
        return text_table(*self._table())

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _table(self) -> tuple[str, list[tuple[str, ...]], int]:
        weight = np.ones(self.n_rows) if self.sample_weight is None else self.sample_weight
        E = self.n_environments
        count = np.bincount(self.codes, weight, E).astype(np.float64)
        mean = np.bincount(self.codes, weight * self.y, E) / count
        var = np.bincount(self.codes, weight * (self.y - mean[self.codes]) ** 2, E) / count
        head = heading("Environments", self.names, float(count.sum()), self.schema, self.n_dropped)
        rows = table_rows(self.names, count, mean, var)
        return head, rows, E + 1 - len(rows)
