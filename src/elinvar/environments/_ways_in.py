"""What Moments and Environments share: the ways in from arrays, frames and files, and a face."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._display import SHOWN, ShownTable, card, text_table
from elinvar._base._numbers import count, counted
from elinvar._base._warn import warn
from elinvar.environments._checks import Floats
from elinvar.environments._column_names import is_nameless
from elinvar.environments._frames import is_lazy
from elinvar.environments._paths import Paths
from elinvar.environments._read_arrays import read_arrays
from elinvar.environments._read_files import read_files
from elinvar.environments._read_frames import read_frame
from elinvar.environments._roles import Missing, Names, Roles
from elinvar.environments._rows import Rows
from elinvar.environments._schema import Schema
from elinvar.environments._spelling import warn_of_sums, warn_of_twins
from elinvar.environments._weights import warn_of_heavy_rows


class WaysIn(ABC):
    """What can be made of rows, wherever they come from.

    A new kind of source needs a reader that yields `Rows`, and a class method here.
    """

    names: tuple[str, ...]
    schema: Schema
    n_dropped: int

    # rows of a frame that are encoded at a time; None: all at once
    _at_most: ClassVar[int | None] = None

    @classmethod
    @abstractmethod
    def _from_rows(cls, chunks: Iterable[Rows]) -> Self:
        """Make one of chunks of rows, each seen once."""

    @abstractmethod
    def _targets(self) -> tuple[Floats, Floats, Floats]:
        """Return rows, mean and variance of the target of each environment, three times (E,)."""

    @classmethod
    def _from_lazy(cls, frame: object, roles: Roles) -> Self:
        """Make one of a table whose rows are not in memory."""
        return cls._from_rows(read_frame(frame, roles))

    def _looked_over(self) -> Self:
        """Return the same, after a warning of labels and weights that look like a mistake."""
        warn_of_heavy_rows(*self._weight_sums())
        for what, labels in {"environments": self.names, **self.schema.levels}.items():
            warn_of_twins(labels, what)
            warn_of_sums(labels, what)
        return self

    @abstractmethod
    def _weight_sums(self) -> tuple[float, float]:
        """Return the sums of frequency weights and of their squares; 0 if there are none."""

    @property
    def n_environments(self) -> int:
        """Number of environments, E."""
        return len(self.names)

    def __repr__(self) -> str:
        return text_table(*self._overview())

    def _repr_html_(self) -> str:
        head, (header, *rows), more = self._overview()
        return card(
            type(self).__name__, head, [ShownTable(title="", header=header, rows=rows)], more=more
        )

    def _overview(self) -> tuple[str, list[tuple[str, ...]], int]:
        """Return a sentence, a table of the first environments, and how many more there are."""
        rows, mean, var = self._targets()
        features = counted(len(self.schema.features), "feature")
        if self.schema.levels:
            features += f" in {counted(self.schema.n_columns, 'column')}"
        dropped = f", {self.n_dropped:,} dropped" if self.n_dropped else ""
        sentence = (
            f"{type(self).__name__}: {counted(self.n_environments, 'environment')}, "
            f"{counted(float(rows.sum()), 'row')}{dropped}, {features}, "
            f"target {self.schema.target!r}"
        )
        shown = self.n_environments if self.n_environments <= SHOWN else SHOWN - 1
        table: list[tuple[str, ...]] = [("environment", "rows", "target mean", "target sd")]
        for e in range(shown):
            sd = f"{np.sqrt(var[e]):.4g}"
            table.append((self.names[e], count(rows[e]), f"{mean[e]:.4g}", sd))
        return sentence, table, self.n_environments - shown

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        target: str = "target",
        missing: Missing = "error",
    ) -> Self:
        """Take arrays as they are, without copying ``X``.

        Parameters
        ----------
        X : (n, n_features) array, or a frame
        y : (n,) array
            Target.
        environments : (n,) array of labels, optional
            Environment of each row; None puts all rows in one, named ``"all"``.
        sample_weight : (n,) array, optional
            Whole numbers are frequency weights: weight 2 counts a row twice, weight 0 not at
            all. Others are sampling weights (of a survey, or that sum to 1): only their ratios
            within an environment matter, and it has as many rows as they are worth,
            ``sum(w)**2 / sum(w**2)`` (Kish 1965).
        cluster : (n,) array of labels, optional
            Who or what each row belongs to, where rows of one are not independent. `Environments`
            keep it; `Moments` have no use for it.
        feature_names : sequence of str, optional
            Names of the columns; ``x0, x1, ...`` if not given.
        target : str
            Name of the target.
        missing : {"error", "drop", "impute", "keep"}
            Refuse missing values, drop their rows, fill in the mean, or leave them as NaN, which
            `Moments` cannot.

        Raises
        ------
        DataError
            If shapes, values or weights cannot be used.
        """
        roles = Roles(target=target, environment=None, features=feature_names, missing=missing)
        rows = read_arrays(X, y, environments, sample_weight, roles, cluster)
        for name in filter(is_nameless, rows.schema.features):
            warn(f"X has a column {name!r}: if it is only row numbers, leave it out of X.")
        return cls._from_rows([rows])._looked_over()

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
        cluster: str | None = None,
        missing: Missing = "error",
        decimal: str = ".",
        thousands: str | None = None,
        na: Names = None,
        no_na: bool = False,
        numeric: Names = None,
    ) -> Self:
        """Read a table of any library, in memory or not.

        `Moments` read in one bounded pass what is not in memory: a polars LazyFrame, a DuckDB
        relation, a pyarrow Dataset or RecordBatchReader, an Ibis table, and whatever exports an
        Arrow stream. Dask and PySpark add up the moments of their partitions on the cluster, which
        sends nothing else. `Environments` hold rows, so they must be collected first.

        Parameters
        ----------
        frame : frame
            pandas, polars, pyarrow, DuckDB, Ibis, Dask, PySpark or any that narwhals knows.
        target : str
            Column to predict.
        environment : str, sequence of str, or None
            One or several columns whose values name the environment; None: all rows are in one.
        features : sequence of str, optional
            Columns to predict from; all the others if not given.
        drop : sequence of str, optional
            Columns to leave out.
        categorical : sequence of str, optional
            Features to take as categories though they are numbers.
        sample_weight : str, optional
            Column of weights: frequencies if whole, sampling weights if not, as in
            :meth:`from_arrays`.
        cluster : str, optional
            Column that names who or what a row belongs to, where rows of one are not independent.
            `Environments` keep it; `Moments` have no use for it.
        missing : {"error", "drop", "impute", "keep"}
            Refuse missing values, drop their rows, fill in the mean (in categories, a level of
            their own), or leave them as NaN, which `Moments` cannot. A row whose target is missing
            is dropped, never filled in.
        decimal : {".", ","}
            What parts whole from broken in numbers that are written as text.
        thousands : str, optional
            What keeps thousands apart in them.
        na : str or sequence of str, optional
            Further texts, or numbers such as "-999", that mean a missing value.
        no_na : bool
            Whether NA, null and the like are labels in CSV files.
        numeric : sequence of str, optional
            Columns of numbers beside a sign or a unit ("12%", "$5", "3 kg"), which is left out.

        Raises
        ------
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
            cluster=cluster,
            missing=missing,
            decimal=decimal,
            thousands=thousands,
            na=na,
            no_na=no_na,
            numeric=numeric,
        )
        if is_lazy(frame):
            return cls._from_lazy(frame, roles)._looked_over()
        return cls._from_rows(read_frame(frame, roles, cls._at_most))._looked_over()

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
        cluster: str | None = None,
        missing: Missing = "error",
        decimal: str = ".",
        thousands: str | None = None,
        na: Names = None,
        no_na: bool = False,
        numeric: Names = None,
    ) -> Self:
        """Read CSV, Parquet or Arrow files, a bounded number of rows at a time.

        Files are read once. Columns of text are read once more before that, to settle what they
        mean; with ``missing="impute"`` all columns are. `Moments` need bounded memory, while
        `Environments` hold all rows.

        Parameters
        ----------
        path : path, pattern or list of paths
            CSV, JSON lines, Parquet or Feather/Arrow files of the same columns, or folders of them.
        environment : str, sequence of str, or None
            As in :meth:`from_frame`; also ``"file"``, ``"folder"`` (that a file lies in) or
            ``"path:key"`` (of folders ``key=value``), where no column is called so.
        target, features, drop, categorical, sample_weight, cluster, missing
            As in :meth:`from_frame`.
        decimal, thousands, na, no_na, numeric
            As in :meth:`from_frame`.

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
            cluster=cluster,
            missing=missing,
            decimal=decimal,
            thousands=thousands,
            na=na,
            no_na=no_na,
            numeric=numeric,
        )
        return read_files(path, roles, cls._from_rows)._looked_over()
