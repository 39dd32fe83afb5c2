"""Moments of each environment: everything that squared loss needs to know of the data."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._display import html_table, text_table
from elinvar.environments._display import heading, table_rows
from elinvar.environments._labels import natural_order
from elinvar.environments._names import nearest
from elinvar.environments._schema import Schema
from elinvar.errors import DataError

if TYPE_CHECKING:
    from elinvar.environments._read_files import Paths
    from elinvar.environments._recipe import Missing

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Moments:
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
        Rows of each, or the sum of their frequency weights.
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

    names: tuple[str, ...]
    count: Floats
    mean_x: Floats
    mean_y: Floats
    cov_xx: Floats
    cov_xy: Floats
    var_y: Floats
    schema: Schema
    n_dropped: int = 0

    def __post_init__(self) -> None:
        E, p = len(self.names), self.schema.n_columns
        object.__setattr__(self, "names", tuple(self.names))
        shapes = {
            "count": (E,),
            "mean_x": (E, p),
            "mean_y": (E,),
            "cov_xx": (E, p, p),
            "cov_xy": (E, p),
            "var_y": (E,),
        }
        for name, shape in shapes.items():
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
        if (self.count <= 0).any():
            raise DataError("Every environment needs a positive count.")
        if (self.var_y < 0).any() or (np.einsum("ejj->ej", self.cov_xx) < 0).any():
            raise DataError("Variances must not be negative.")

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        target: str = "target",
        missing: "Missing" = "error",
    ) -> "Moments":
        """Take the moments of arrays, without copying ``X``.

        Parameters
        ----------
        X : (n, n_features) array, or a frame
        y : (n,) array
            Target.
        environments : (n,) array of labels, optional
            Environment of each row; None puts all rows in one, named ``"all"``.
        sample_weight : (n,) array, optional
            Frequency weights: weight 2 counts a row twice, weight 0 not at all.
        feature_names : sequence of str, optional
            Names of the columns; ``x0, x1, ...`` if not given.
        target : str
            Name of the target.
        missing : {"error", "drop", "impute"}
            Refuse missing values, drop their rows, or fill in the mean.

        Raises
        ------
        DataError
            If shapes, values or weights cannot be used.
        """
        from elinvar.environments._readers import moments_from_arrays

        return moments_from_arrays(
            X,
            y,
            environments=environments,
            sample_weight=sample_weight,
            feature_names=feature_names,
            target=target,
            missing=missing,
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        target: str,
        environment: str | Sequence[str] | None,
        features: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        categorical: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        missing: "Missing" = "error",
    ) -> "Moments":
        """Take the moments of a pandas or polars frame or pyarrow table.

        Parameters
        ----------
        frame : frame
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
            Column of frequency weights.
        missing : {"error", "drop", "impute"}
            Refuse missing values, drop their rows, or fill in the mean (in categories, a level
            of their own). A row whose target is missing is dropped, never filled in.

        Raises
        ------
        DataError
            If a column is missing or cannot be used as asked.
        """
        from elinvar.environments._readers import moments_from_frame

        return moments_from_frame(
            frame,
            missing,
            target=target,
            environment=environment,
            features=features,
            drop=drop,
            categorical=categorical,
            sample_weight=sample_weight,
        )

    @classmethod
    def from_files(
        cls,
        path: "Paths",
        *,
        target: str,
        environment: str | Sequence[str] | None,
        features: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        categorical: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        missing: "Missing" = "error",
    ) -> "Moments":
        """Take the moments of CSV, Parquet or Arrow files in bounded memory.

        Files are read once. Columns of text are read once more before that, to settle what they
        mean; with ``missing="impute"`` all columns are.

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
        from elinvar.environments._readers import moments_from_files

        return moments_from_files(
            path,
            missing,
            target=target,
            environment=environment,
            features=features,
            drop=drop,
            categorical=categorical,
            sample_weight=sample_weight,
        )

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[Any],
        *,
        target: str | None = None,
        environment: str | Sequence[str] | None = None,
        features: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        categorical: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        feature_names: Sequence[str] | None = None,
        missing: "Missing" = "error",
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
        from elinvar.environments._batches import moments_from_batches

        return moments_from_batches(
            batches,
            missing,
            feature_names,
            target=target,
            environment=environment,
            features=features,
            drop=drop,
            categorical=categorical,
            sample_weight=sample_weight,
        )

    def __add__(self, other: "Moments") -> "Moments":
        """Merge: environments by name, features by name, categorical levels united."""
        if not isinstance(other, Moments):
            return NotImplemented
        from elinvar.environments._merge import merge

        return merge(self, other)

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
        gone = excluded(self.names, names)
        return self._select([e for e, name in enumerate(self.names) if name not in gone])

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
        from elinvar.environments._store import save_moments

        save_moments(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Moments":
        """Read what :meth:`save` wrote; nothing in the file is ever run.

        Raises
        ------
        FileError
            If the file is missing, damaged, of another kind, or newer than this version.
        """
        from elinvar.environments._store import load_moments

        return load_moments(path)

    def _select(self, index: Sequence[int]) -> "Moments":
        at = np.asarray(index, dtype=np.intp)
        return replace(
            self,
            names=tuple(self.names[e] for e in at),
            count=self.count[at],
            mean_x=self.mean_x[at],
            mean_y=self.mean_y[at],
            cov_xx=self.cov_xx[at],
            cov_xy=self.cov_xy[at],
            var_y=self.var_y[at],
        )

    def without_empty_levels(self) -> "Moments":
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
    def n_environments(self) -> int:
        """Number of environments, E."""
        return len(self.names)

    @property
    def n_columns(self) -> int:
        """Number of columns, p."""
        return self.schema.n_columns

    @property
    def n_rows(self) -> float:
        """Rows in all environments, or the sum of their weights."""
        return float(self.count.sum())

    def __repr__(self) -> str:
        return text_table(*self._table())

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _table(self) -> tuple[str, list[tuple[str, ...]], int]:
        head = heading("Moments", self.names, self.n_rows, self.schema, self.n_dropped)
        rows = table_rows(self.names, self.count, self.mean_y, self.var_y)
        return head, rows, len(self.names) + 1 - len(rows)


def excluded(names: Sequence[str], out: str | Iterable[str]) -> set[str]:
    """Check the environments to leave out against those there are."""
    gone = {out} if isinstance(out, str) else {str(name) for name in out}
    for name in natural_order(gone):
        if name not in names:
            raise DataError(f"There is no environment {name!r}{nearest(name, names)}.")
    if len(gone) == len(names):
        raise DataError("All environments would be excluded; keep at least one.")
    return gone
