"""From the columns of frames to rows of numbers: one survey, then chunk by chunk."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._arrays import (
    ALL,
    finite,
    refuse_bad_weights,
    refuse_missing_label,
)
from elinvar.environments._choice import Choice, refuse_kinds, require_columns
from elinvar.environments._frames import Frame, Kind, as_frame, parse_number
from elinvar.environments._labels import MISSING_LEVEL, Factor, join_factors, natural_order
from elinvar.environments._schema import (
    MAX_LEVELS,
    Schema,
    encode_features,
    refuse_many_levels,
    refuse_missing_features,
)
from elinvar.errors import DataError, DataTypeError

Missing = Literal["error", "drop", "impute"]


def check_missing(missing: str) -> None:
    """Refuse a word that is no policy for missing values."""
    if missing not in ("error", "drop", "impute"):
        raise DataError(f"missing must be 'error', 'drop' or 'impute'; got {missing!r}.")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows as numbers.

    Attributes
    ----------
    X : (n, n_columns) array
    y : (n,) array
    environment : Factor
    weight : (n,) array of positive numbers, or None
    n_dropped : int
        Rows left out because a value was missing.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    environment: Factor
    weight: NDArray[np.float64] | None
    n_dropped: int = 0


@dataclass(kw_only=True)
class TextSummary:
    """What a column of labels holds, gathered over all chunks."""

    n_values: int = 0
    n_numbers: int = 0
    n_missing: int = 0
    first_bad: tuple[str, str] | None = None
    levels: set[str] = field(default_factory=set)
    total: float = 0.0
    mass: float = 0.0

    def update(
        self, factor: Factor, row: Callable[[int], str], weight: NDArray[np.float64] | None
    ) -> None:
        present = factor.codes >= 0
        counts = np.bincount(factor.codes[present], minlength=len(factor.labels))
        self.n_values += int(counts.sum())
        self.n_missing += int((factor.codes < 0).sum())
        parsed = [parse_number(v) for v in factor.labels]
        numeric = np.array([v is not None for v in parsed], dtype=bool)
        mass = counts
        if weight is not None:
            mass = np.bincount(factor.codes[present], weight[present], len(factor.labels))
        self.mass += float(mass.sum())
        with np.errstate(all="ignore"):
            self.total += float(mass @ np.array([v or 0.0 for v in parsed]))
        self.n_numbers += int(counts[numeric].sum())
        if self.first_bad is None and (counts[~numeric] > 0).any():
            at = int(np.append(~numeric, False)[factor.codes].argmax())
            self.first_bad = (row(at), factor.labels[factor.codes[at]])
        if len(self.levels) <= MAX_LEVELS:
            self.levels.update(v for v, k in zip(factor.labels, counts, strict=True) if k)

    def is_number(self, name: str) -> bool:
        """Whether text stands for numbers; refuse what is neither numbers nor words."""
        if self.n_values and self.n_numbers == self.n_values:
            return True
        if 2 * self.n_numbers > self.n_values and self.first_bad is not None:
            row, value = self.first_bad
            raise DataError(
                f"{name} is text, though {self.n_numbers:,} of its {self.n_values:,} values are "
                f"numbers; the first that is not is {value!r} in row {row} (the first row is 1). "
                f"Correct it, or name {name} in categorical= (--categorical) if it is one."
            )
        return False


@dataclass(kw_only=True)
class _Mean:
    total: float = 0.0
    weight: float = 0.0

    def update(self, values: NDArray[np.float64], weight: NDArray[np.float64] | None) -> None:
        good = ~np.isnan(values)
        w = np.ones(len(values)) if weight is None else weight
        with np.errstate(all="ignore"):
            self.total += float(values[good] @ w[good])
        self.weight += float(w[good].sum())


def refuse_no_rows(n_rows: int) -> None:
    """Refuse data of which no row counts."""
    if not n_rows:
        raise DataError(
            "No rows are left once those with a missing target or value, or of weight zero, are "
            "out: 0 sample(s) while a minimum of 1 is required."
        )


def survey_columns(choice: Choice, kinds: Mapping[str, Kind], missing: Missing) -> tuple[str, ...]:
    """Return the columns that must be seen in full before rows can be made; none if empty."""
    seen = [
        name
        for name in choice.features
        if missing == "impute" or name in choice.categorical or kinds[name] in ("text", "category")
    ]
    if not seen:
        return ()
    extra = [] if choice.weight is None else [choice.weight]
    return (*seen, *([choice.target] if missing == "impute" else []), *extra)


def counted_rows(
    frames: Iterable[Frame], choice: Choice, missing: Missing
) -> Iterator[tuple[Frame, NDArray[np.float64] | None]]:
    """Yield the rows that a survey counts, with their weights."""
    for whole in frames:
        frame, weight = count_rows(whole, choice)
        if missing == "impute":
            keep = ~np.isnan(_target(frame, choice))
            frame, weight = frame.take(keep), None if weight is None else weight[keep]
        yield frame, weight


def survey(
    parts: Iterable[tuple[Frame, NDArray[np.float64] | None]],
    choice: Choice,
    kinds: Mapping[str, Kind],
    missing: Missing,
) -> Schema:
    """Settle each feature's meaning, its levels and what fills it in, from all its values.

    Parameters
    ----------
    parts : iterable of (Frame, weights or None)
        From :func:`counted_rows`; not touched if no column needs to be seen in full.

    Raises
    ------
    DataError
        If text is mostly numbers, or has too many levels.
    """
    refuse_kinds(choice, kinds)
    columns = survey_columns(choice, kinds, missing)
    texts = {
        name: TextSummary()
        for name in choice.features
        if name in choice.categorical or kinds[name] in ("text", "category")
    }
    means = {name: _Mean() for name in choice.features if missing == "impute" and name in columns}
    if columns:
        n_rows = 0
        for frame, weight in parts:
            n_rows += frame.n_rows
            for name, text in texts.items():
                text.update(frame.factor(name), frame.row, weight)
            for name, mean in means.items():
                if name not in texts:
                    mean.update(frame.numbers(name), weight)
        refuse_no_rows(n_rows)
    return _settle(choice, kinds, texts, means, missing)


def _settle(
    choice: Choice,
    kinds: Mapping[str, Kind],
    texts: Mapping[str, TextSummary],
    means: Mapping[str, _Mean],
    missing: Missing,
) -> Schema:
    levels: dict[str, tuple[str, ...]] = {}
    fill: dict[str, float | str] = {}
    for name, text in texts.items():
        decided = name in choice.categorical or kinds[name] == "category"
        if not decided and text.is_number(name):
            if missing == "impute":
                _fill(fill, name, text.total / text.mass)
            continue
        refuse_many_levels(name, len(text.levels))
        found = set(text.levels)
        if missing == "impute" and text.n_missing:
            found.add(MISSING_LEVEL)
            fill[name] = MISSING_LEVEL
        if not found:
            raise DataError(f"{name} has no values; drop it.")
        levels[name] = tuple(natural_order(found))
    for name, mean in means.items():
        if name in texts:
            continue
        if not mean.weight:
            raise DataError(f"{name} has no values to take a mean of; drop it (--drop).")
        _fill(fill, name, mean.total / mean.weight)
    return Schema(
        features=choice.features,
        levels=levels,
        target=choice.target,
        environment=choice.environment,
        fill=fill,
    )


def _fill(fill: dict[str, float | str], name: str, mean: float) -> None:
    # A mean that is not finite stands for values that are refused when rows are made.
    if np.isfinite(mean):
        fill[name] = mean


def make_rows(frame: Frame, choice: Choice, schema: Schema, missing: Missing) -> Rows:
    """Turn a chunk into rows of numbers.

    Raises
    ------
    DataError
        If a value is missing where it may not be, or infinite, or no number.
    """
    frame, weight = count_rows(frame, choice)
    environment = _environment(frame, choice.environment)
    return encode_rows(frame, schema, missing, _target(frame, choice), environment, weight)


def _environment(frame: Frame, names: Sequence[str]) -> Factor:
    if not names:
        return Factor(codes=np.zeros(frame.n_rows, dtype=np.intp), labels=(ALL,))
    factors = [frame.factor(name) for name in names]
    for name, factor in zip(names, factors, strict=True):
        refuse_missing_label(factor, name, frame.row)
    return join_factors(factors)


def environment_labels(frame: Any, names: Sequence[str]) -> list[str]:
    """Return the environment of each row of a frame, read from one or several columns.

    Parameters
    ----------
    frame : frame
        pandas, polars or Arrow table.
    names : sequence of str
        Environment columns.

    Raises
    ------
    DataError
        If a column does not exist or a label is missing.
    """
    table = as_frame(frame)
    require_columns(table.names, names, "environment column")
    factor = _environment(table, names)
    return [factor.labels[code] for code in factor.codes]


def encode_rows(
    frame: Frame,
    schema: Schema,
    missing: Missing,
    y: NDArray[np.float64],
    environment: Factor,
    weight: NDArray[np.float64] | None,
) -> Rows:
    """Turn features into numbers and deal with what is missing; the rest is at hand."""
    X = encode_features(frame, schema)
    rows = Rows(X=X, y=y, environment=environment, weight=weight)
    if finite(X) and finite(y):
        return rows
    if missing == "error":
        refuse_missing_features(X, schema, frame, y)
        return rows
    refuse_missing_features(_no_nan(X), schema, frame, _no_nan(y))
    keep = ~(np.isnan(X).any(axis=1) | np.isnan(y))
    return select_rows(rows, keep, n_dropped=int(len(keep) - keep.sum()))


def select_rows(rows: Rows, keep: NDArray[np.bool_], n_dropped: int = 0) -> Rows:
    """Keep the rows where ``keep`` is True."""
    return Rows(
        X=rows.X[keep],
        y=rows.y[keep],
        environment=Factor(codes=rows.environment.codes[keep], labels=rows.environment.labels),
        weight=None if rows.weight is None else rows.weight[keep],
        n_dropped=n_dropped,
    )


def _no_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(values), 0.0, values)


def count_rows(frame: Frame, choice: Choice) -> tuple[Frame, NDArray[np.float64] | None]:
    """Leave out rows of weight 0; return the rest with their weights."""
    if choice.weight is None:
        return frame, None
    weight = frame.numbers(choice.weight)
    refuse_bad_weights(weight, choice.weight, frame.row)
    keep = weight > 0
    return frame.take(keep), weight[keep]


def _target(frame: Frame, choice: Choice) -> NDArray[np.float64]:
    if frame.kind(choice.target) in ("text", "category"):
        try:
            return frame.numbers(choice.target)
        except DataError as error:
            raise DataTypeError(
                f"The target must be a number: {error} A two-way outcome can be given as 0/1."
            ) from error
    return frame.numbers(choice.target)
