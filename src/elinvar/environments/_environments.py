"""Rows in memory seen as environments."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Self

import numpy as np

from elinvar.environments._checks import Floats
from elinvar.environments._moments import Moments, kept
from elinvar.environments._paths import Paths
from elinvar.environments._read_files import read_files
from elinvar.environments._roles import Roles
from elinvar.environments._rows import Rows, gather
from elinvar.environments._spelling import warn_of_twins
from elinvar.environments._ways_in import WaysIn


class Environments(WaysIn, Rows):
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
        Frequency weights, all positive; or sampling weights, scaled so that they sum to the
        effective rows of each environment.
    cluster : Factor, optional
        Who or what each row belongs to.
    n_dropped : int
        Rows left out because a value was missing.
    classes : tuple of str
        What the target counts, in natural order, if it names classes.
    ranked : bool
        Whether ``names`` are in the order of an ordered category instead.

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
    def _from_rows(cls, chunks: Iterable[Rows]) -> Self:
        return cls(**vars(gather(chunks)))

    def _looked_over(self) -> Self:
        warn_of_twins(self.classes, self.schema.target)
        return super()._looked_over()

    def _weight_sums(self) -> tuple[float, float]:
        weight = self.sample_weight
        return (0.0, 0.0) if weight is None else (float(weight.sum()), float(weight @ weight))

    def moments(self) -> Moments:
        """Return the moments of each environment."""
        return Moments._from_rows([self])

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
        rows = self.take(lookup[self.codes] >= 0)
        return replace(rows, codes=lookup[rows.codes], names=tuple(self.names[e] for e in at))

    def _targets(self) -> tuple[Floats, Floats, Floats]:
        weight = np.ones(self.n_rows) if self.sample_weight is None else self.sample_weight
        E = self.n_environments
        count = np.bincount(self.codes, weight, E).astype(np.float64)
        mean = np.bincount(self.codes, weight * self.y, E) / count
        var = np.bincount(self.codes, weight * (self.y - mean[self.codes]) ** 2, E) / count
        return count, mean, var


def read_classes(path: Paths, roles: Roles) -> Environments:
    """Read files whose target names classes, in numbers or text.

    Parameters
    ----------
    path : path, pattern or list of paths
        CSV, Parquet or Feather/Arrow files of the same columns.
    roles : Roles

    Returns
    -------
    Environments
        The target is the number of the class among ``classes``.

    Raises
    ------
    FileError
        If a file is missing, empty, damaged or of another format.
    DataError
        If a column is missing or cannot be used as asked.
    """
    return read_files(path, roles, Environments._from_rows, classes=True)._looked_over()
