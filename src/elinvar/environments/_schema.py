"""What the columns mean, and how a frame becomes numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice
from elinvar._base._voice import option
from elinvar._base._warn import warn
from elinvar._base._words import listed, some
from elinvar.environments._checks import (
    Floats,
    Numbers,
    RowName,
    check_finite,
    check_matrix,
    counted_from,
    finite,
)
from elinvar.environments._column_names import as_spelled, duplicates, nearest
from elinvar.environments._frames import Frame, as_frame, is_frame
from elinvar.environments._labels import MISSING_LEVEL, merged_order
from elinvar.environments._spelling import Known, warn_of_strangers
from elinvar.errors import DataError, DataTypeError

# levels that a categorical feature may have: so many in any case, and up to so many, such as the
# countries of the world, where there are ten rows for each
_FEW_LEVELS, MAX_LEVELS, _ROWS_A_LEVEL = 50, 200, 10

Unknown = Literal["error", "zero", "warn"]


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Features, their categorical levels, and the columns of numbers they become.

    Parameters
    ----------
    features : tuple of str
        Input features, in order.
    levels : mapping of str to tuple of str
        Levels of each categorical feature in order (of the categories, the calendar or their
        size); the first is the reference.
    target : str
        Name of the target.
    environment : tuple of str
        Names of the environment columns.
    fill : mapping of str to float or str
        What replaces a missing value of a feature: its training mean, or the level
        ``"(missing)"``. Features not named here may not be missing.
    named : bool
        False when the names ``x0, x1, ...`` were made up for a bare array.
    keeps_missing : bool
        Whether a missing value that nothing replaces stays, as NaN, instead of being refused.
    """

    features: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target: str = "target"
    environment: tuple[str, ...] = ("environment",)
    fill: Mapping[str, float | str] = field(default_factory=dict)
    named: bool = True
    keeps_missing: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "environment", tuple(self.environment))
        object.__setattr__(self, "levels", {k: tuple(v) for k, v in self.levels.items()})
        object.__setattr__(self, "fill", dict(self.fill))
        if not self.features:
            raise DataError("There are no features: 0 feature(s) while a minimum of 1 is required.")
        repeated = duplicates(self.features)
        if repeated:
            raise DataError(f"Feature names must differ; given more than once: {repeated}.")
        for name, levels in self.levels.items():
            if name not in self.features or not levels or len(set(levels)) < len(levels):
                raise DataError(f"The levels of {name!r} are not those of a feature.")
        for name, value in self.fill.items():
            known, level = name in self.features, isinstance(value, str)
            if not known or level != (name in self.levels) or not (level or np.isfinite(value)):
                raise DataError(
                    f"fill.{name} must be of a feature: a level where it is categorical, else a "
                    "finite number."
                )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of numbers: the feature, or ``feature=level`` for each level."""
        return tuple(name if level is None else f"{name}={level}" for name, level in self._keys)

    @property
    def n_columns(self) -> int:
        """Number of columns of numbers."""
        return len(self.columns)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Feature that each column belongs to, (n_columns,)."""
        width = [len(self.levels.get(name, ("",))) for name in self.features]
        return np.repeat(np.arange(len(width), dtype=np.intp), width)

    @cached_property
    def reference(self) -> NDArray[np.bool_]:
        """True at the column of a categorical feature's reference level, (n_columns,)."""
        return np.array(
            [level is not None and level == self.levels[name][0] for name, level in self._keys]
        )

    def encode(self, X: object, *, unknown: Unknown = "error") -> Floats:
        """Turn a frame, or a bare array if no feature is categorical, into columns of numbers.

        Parameters
        ----------
        X : frame or (n, n_features) array
            A pandas or polars frame or pyarrow table, read by column name: further columns are
            ignored. A bare array is read by position.
        unknown : {"error", "zero", "warn"}
            What to do with a level not seen in training: refuse it, let all columns of its feature
            be 0, or do that with a warning that names it.

        Returns
        -------
        (n, n_columns) array of float64
            NaN where a value is missing, if the schema keeps missing values.

        Raises
        ------
        DataError
            If a feature is missing, or a value is missing, infinite or an unseen level.
        """
        check_choice("unknown", unknown, ("error", "zero", "warn"))
        if is_frame(X):
            frame = as_frame(X)
            encoded = encode_features(frame, self, unknown=unknown)
            check_encoded(encoded, self, frame.row, allow_nan=self.keeps_missing)
            return encoded
        array = check_matrix(X)
        if self.levels:
            raise DataTypeError(
                f"The features {sorted(self.levels)} are categorical, so a frame with named "
                "columns is needed (pandas, polars or pyarrow); got a bare array."
            )
        if array.shape[1] != len(self.features):
            raise DataError(
                f"X has {array.shape[1]} features, but {len(self.features)} are expected."
            )
        encoded = array.astype(np.float64)
        for j, name in enumerate(self.features):
            if name in self.fill:
                encoded[np.isnan(encoded[:, j]), j] = float(self.fill[name])
        check_encoded(encoded, self, counted_from(), allow_nan=self.keeps_missing)
        return encoded

    def unite(self, other: "Schema") -> "Schema":
        """Return the schema of both: the same features, the levels of either.

        Parameters
        ----------
        other : Schema
            Schema with the same features, in any order.

        Raises
        ------
        DataError
            If the features differ, or one is a number here and categorical there.
        """
        if set(self.features) != set(other.features):
            only = sorted(set(self.features) - set(other.features))
            more = sorted(set(other.features) - set(self.features))
            raise DataError(
                "Only moments of the same features can be merged; "
                f"only in the first: {only or 'none'}; only in the second: {more or 'none'}."
            )
        mixed = sorted(set(self.levels) ^ set(other.levels))
        if mixed:
            raise DataError(
                f"The feature {mixed[0]!r} is categorical in one part and a number in the other; "
                f"name it in {option('categorical')} in both."
            )
        levels = {
            name: tuple(merged_order(self.levels[name], other.levels[name])) for name in self.levels
        }
        check_levels({name: len(values) for name, values in levels.items()})
        return replace(self, levels=levels, fill={**other.fill, **self.fill})

    def without_levels(self, empty: NDArray[np.bool_]) -> "Schema":
        """Leave out the levels whose columns are marked; the same object if none is.

        Parameters
        ----------
        empty : (n_columns,) array of bool
        """
        gone = {
            key for key, out in zip(self._keys, empty, strict=True) if out and key[1] is not None
        }
        if not gone:
            return self
        levels = {
            name: tuple(level for level in values if (name, level) not in gone)
            for name, values in self.levels.items()
        }
        fill = {
            name: value
            for name, value in self.fill.items()
            if name not in levels or value in levels[name]
        }
        return replace(self, levels=levels, fill=fill)

    def position_in(self, larger: "Schema") -> NDArray[np.intp]:
        """Return where each of these columns stands in a schema that has them all.

        Parameters
        ----------
        larger : Schema
            Schema with these columns and perhaps more.
        """
        index = {column: j for j, column in enumerate(larger._keys)}
        return np.array([index[key] for key in self._keys], dtype=np.intp)

    @cached_property
    def _keys(self) -> tuple[tuple[str, str | None], ...]:
        return tuple(
            (name, level)
            for name in self.features
            for level in (self.levels[name] if name in self.levels else (None,))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can write."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Schema":
        """Rebuild what :meth:`to_dict` wrote.

        Raises
        ------
        DataError
            If a part is missing or of the wrong kind.
        """
        from elinvar._base._believe import believe

        # files of earlier versions do not say what became of missing values
        names = {one.name for one in fields(cls)} - {"keeps_missing"}
        try:
            if lacking := sorted(names - set(data)):
                raise ValueError(f"{lacking[0]} must be there, and it is missing")
            return believe(dict(data), cls)
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise DataError(f"What is said of the table's columns is wrong: {reason}.") from error


def check_levels(counts: Mapping[str, int], n_rows: float = np.inf) -> None:
    """Refuse categorical features with more levels than so many rows can tell apart."""
    most = int(max(_FEW_LEVELS, min(MAX_LEVELS, n_rows / _ROWS_A_LEVEL)))
    many = [name for name, count in counts.items() if count > most]
    if many:
        one = len(many) == 1
        within = f" in {n_rows:,.0f} rows" if most < MAX_LEVELS else ""
        raise DataError(
            f"{some(many)} {'has' if one else 'have'} more than {most} levels, too many for a "
            f"categorical feature{within}: drop {'it' if one else 'them'}, merge "
            f"{'its' if one else 'their'} levels, or use {'it' if one else 'one'} as the "
            "environment."
        )


def encode_features(frame: Frame, schema: Schema, *, unknown: Unknown = "error") -> Floats:
    """Turn a frame into columns of numbers, NaN where a value is missing and not filled in.

    Returns
    -------
    (n, n_columns) array
        A missing categorical value is NaN in all columns of its feature.
    """
    absent = [name for name in schema.features if as_spelled(name, frame.names) not in frame.names]
    if absent:
        raise DataError(
            f"The data lack the feature{'s' if len(absent) > 1 else ''} "
            f"{listed([repr(name) for name in absent])}{nearest(absent[0], frame.names)}."
        )
    encoded = np.zeros((frame.n_rows, schema.n_columns))
    start = 0
    for name in schema.features:
        if name in schema.levels:
            width = len(schema.levels[name])
            _encode_levels(frame, schema, name, unknown, encoded[:, start : start + width])
        else:
            width = 1
            values = frame.numbers(name)
            if name in schema.fill:
                values = np.where(np.isnan(values), float(schema.fill[name]), values)
            encoded[:, start] = values
        start += width
    return encoded


def _encode_levels(frame: Frame, schema: Schema, name: str, unknown: Unknown, out: Floats) -> None:
    factor, levels = frame.factor(name), schema.levels[name]
    known = {level: j for j, level in enumerate(levels)}
    # -1: the value is missing; -2: its level was not seen in training
    lookup = np.array([known.get(v, -2) for v in factor.labels] + [-1], dtype=np.intp)
    code = lookup[factor.codes]
    if name in schema.fill:
        code[code == -1] = known.get(str(schema.fill[name]), -2)
    if (code == -2).any():
        row = int((code == -2).argmax())
        value = factor.labels[factor.codes[row]] if factor.codes[row] >= 0 else MISSING_LEVEL
        if unknown == "error":
            near = Known(levels).nearest(value)
            raise DataError(
                f"{name}: the level {value!r} (first in row {frame.row(row)}) was not seen in "
                f"training, which had {listed([repr(level) for level in levels])}"
                f"{'' if near is None else f' (did you mean {near!r}?)'}; drop these rows, or "
                f"count them as no level with {option('unknown', 'zero')}."
            )
        unseen = np.unique(factor.codes[(code == -2) & (factor.codes >= 0)])
        _warn_of_unknown([factor.labels[k] for k in unseen], levels, name, every=unknown == "warn")
    rows = np.flatnonzero(code >= 0)
    out[rows, code[rows]] = 1.0
    out[code == -1] = np.nan


def _warn_of_unknown(
    labels: Sequence[str], levels: Sequence[str], name: str, *, every: bool
) -> None:
    """Warn of unseen labels that are probably miswritten levels, or of ``every`` one."""
    fate = "Such rows count as of no level."
    if every and labels:
        new = listed([repr(label) for label in labels], most=4, last="or")
        warn(f"{name}: training had no {new}. {fate}")
    else:
        warn_of_strangers(labels, levels, name, fate)


def check_encoded(
    X: Numbers,
    schema: Schema,
    row: RowName,
    y: Numbers | None = None,
    *,
    allow_nan: bool = False,
) -> None:
    """Raise the sentence that says where encoded features (and the target) are not finite."""
    if finite(X) and (y is None or finite(y)):
        return
    # a categorical value that is missing is NaN in all columns of its feature: one of them tells
    first = np.searchsorted(schema.groups, np.arange(len(schema.features)))
    values = np.zeros(len(X)) if y is None else np.asarray(y, dtype=np.float64)
    features = np.asarray(X[:, first], dtype=np.float64)
    check_finite(features, values, (*schema.features, schema.target), row, allow_nan=allow_nan)
