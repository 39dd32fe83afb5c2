"""What the columns of a table mean, settled from all their values before rows are made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elinvar._base._words import some
from elinvar.environments._checks import Floats, check_weights
from elinvar.environments._frames import Frame, Kind
from elinvar.environments._labels import MISSING_LEVEL
from elinvar.environments._roles import Columns, as_tuple
from elinvar.environments._rows import check_some_rows
from elinvar.environments._schema import Schema, check_levels
from elinvar.environments._target import target_column
from elinvar.environments._text_columns import Complaint, TextSummary, check_complaints
from elinvar.errors import DataError


@dataclass(kw_only=True)
class _Mean:
    total: float = 0.0
    weight: float = 0.0

    def update(self, values: Floats, weight: Floats | None) -> None:
        good = ~np.isnan(values)
        w = np.ones(len(values)) if weight is None else weight
        with np.errstate(all="ignore"):
            self.total += float(values[good] @ w[good])
        self.weight += float(w[good].sum())


def survey_columns(columns: Columns, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return the columns that must be seen in full before rows can be made; none if empty."""
    impute = columns.missing == "impute"
    seen = [name for name in columns.features if impute or _holds_labels(name, columns, kinds)]
    if not seen:
        return ()
    return (*seen, *([columns.target] if impute else []), *columns.weights)


def _holds_labels(name: str, columns: Columns, kinds: Mapping[str, Kind]) -> bool:
    return name in columns.categorical or kinds[name] in ("text", "category")


def surveyed_rows(
    frames: Iterable[Frame], columns: Columns
) -> Iterator[tuple[Frame, Floats | None]]:
    """Yield the rows that a survey counts, with their weights."""
    for whole in frames:
        frame, weight = counted_rows(whole, columns)
        # a row without target is dropped, so its features must not enter the means either
        if columns.missing == "impute":
            keep = ~np.isnan(target_column(frame, columns)[0])
            frame, weight = frame.take(keep), None if weight is None else weight[keep]
        yield frame, weight


def survey(
    parts: Iterable[tuple[Frame, Floats | None]], columns: Columns, kinds: Mapping[str, Kind]
) -> Schema:
    """Settle each feature's meaning, its levels and what fills it in, from all its values.

    Parameters
    ----------
    parts : iterable of (Frame, weights or None)
        From :func:`surveyed_rows`; not touched if no column needs to be seen in full.
    columns : Columns
    kinds : mapping of str to Kind
        What each column holds, by its type.

    Raises
    ------
    DataError
        If text is mostly numbers, or has too many levels.
    """
    columns.check_kinds(kinds)
    seen, impute = survey_columns(columns, kinds), columns.missing == "impute"
    texts = {n: TextSummary() for n in columns.features if _holds_labels(n, columns, kinds)}
    means = {n: _Mean() for n in columns.features if n in seen and n not in texts}
    n_rows = 0
    if seen:
        for frame, weight in parts:
            n_rows += frame.n_rows
            for name, text in texts.items():
                text.update(frame, name, weight)
            for name, mean in means.items():
                mean.update(frame.numbers(name), weight)
        check_some_rows(n_rows)
    levels: dict[str, tuple[str, ...]] = {}
    fill: dict[str, float | str] = {}
    by_type = {n for n in texts if n in columns.categorical or kinds[n] == "category"}
    judged = {n: text.is_number(n, columns) for n, text in texts.items() if n not in by_type}
    check_complaints([found for found in judged.values() if isinstance(found, Complaint)])
    named = {n: text for n, text in texts.items() if not judged.get(n)}
    check_levels({n: len(text.levels) for n, text in named.items()}, n_rows)
    _check_values(columns, [n for n, text in named.items() if not text.levels])
    hollow = [n for n, mean in means.items() if impute and not mean.weight]
    _check_values(columns, hollow, " to take a mean of")
    for name, text in texts.items():
        if name not in named:
            means[name] = _Mean(total=text.total, weight=text.mass)
            continue
        absent = impute and text.n_missing > 0
        if absent:
            fill[name] = MISSING_LEVEL
        levels[name] = text.ordered_levels(*([MISSING_LEVEL] if absent else []))
    for name, mean in means.items() if impute else ():
        # A mean that is not finite stands for values that are refused when rows are made.
        if np.isfinite(mean.total):
            fill[name] = mean.total / mean.weight
    return columns.schema(levels, fill)


def _check_values(columns: Columns, empty: Sequence[str], why: str = "") -> None:
    if empty:
        many = len(empty) > 1
        raise DataError(
            f"{some(empty)} {'have' if many else 'has'} no values{why}; leave "
            f"{'them' if many else 'it'} out{columns.way_to_drop(empty)}."
        )


def with_labels(frame: Frame, columns: Columns) -> Frame:
    """Leave out rows without anything in them, and if asked those without a label.

    A label is the environment of a row, or its cluster.
    """
    labels = [name for name in (*columns.environment, *as_tuple(columns.cluster))]
    missing = np.zeros(frame.n_rows, dtype=bool)
    for name in labels:
        missing |= frame.factor(name).codes < 0
    if not missing.any():
        return frame
    if columns.missing != "drop":
        # such rows stand below the tables of spreadsheets
        for name in columns.names:
            empty = frame.take(missing).factor(name).codes < 0
            missing[missing] = empty
            if not missing.any():
                return frame
    return frame.take(~missing)


def counted_rows(frame: Frame, columns: Columns) -> tuple[Frame, Floats | None]:
    """Leave out rows of weight 0; return the rest with their weights."""
    if columns.sample_weight is None:
        return frame, None
    weight = frame.numbers(columns.sample_weight)
    check_weights(weight, columns.sample_weight, frame.row)
    keep = weight > 0
    return frame.take(keep), weight[keep]
