"""What the columns of a table mean, settled from all their values before rows are made of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from elinvar.environments._checks import Floats, RowName, check_weights
from elinvar.environments._frames import Frame, Kind, parse_number
from elinvar.environments._labels import MISSING_LEVEL, Factor, merged_order, natural_order
from elinvar.environments._roles import Columns
from elinvar.environments._rows import check_some_rows
from elinvar.environments._schema import MAX_LEVELS, Schema, check_levels
from elinvar.environments._target import target_column
from elinvar.errors import DataError


@dataclass(kw_only=True)
class TextSummary:
    """What a column of labels holds, gathered over all chunks."""

    n_values: int = 0
    n_numbers: int = 0
    n_missing: int = 0
    first_bad: tuple[str, str] | None = None
    levels: set[str] = field(default_factory=set)
    orders: dict[tuple[str, ...], None] = field(default_factory=dict)
    total: float = 0.0
    mass: float = 0.0

    def update(self, factor: Factor, row: RowName, weight: Floats | None) -> None:
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
        # only the first value that is no number is kept, for the sentence
        if self.first_bad is None and (counts[~numeric] > 0).any():
            at = int(np.append(~numeric, False)[factor.codes].argmax())
            self.first_bad = (row(at), factor.labels[factor.codes[at]])
        # beyond the limit more of them say nothing: a column of identifiers must not fill memory
        if len(self.levels) <= MAX_LEVELS:
            self.levels.update(v for v, k in zip(factor.labels, counts, strict=True) if k)
            if factor.ranked:
                self.orders[factor.labels] = None

    def ordered_levels(self, *more: str) -> tuple[str, ...]:
        """Return the levels found, and ``more``: those of ordered categories in their order."""
        ranked = [level for level in merged_order(*self.orders) if level in self.levels]
        return (*ranked, *natural_order({*self.levels, *more}.difference(ranked)))

    def is_number(self, name: str) -> bool:
        """Whether text stands for numbers; refuse what is neither numbers nor words."""
        if self.n_values and self.n_numbers == self.n_values:
            return True
        # more numbers than words is a column of numbers with a mistake in it, not a category
        if 2 * self.n_numbers > self.n_values and self.first_bad is not None:
            row, value = self.first_bad
            raise DataError(
                f"{name} is text, though {self.n_numbers:,} of its {self.n_values:,} values are "
                f"numbers; the first that is not is {value!r} in row {row} (the first row is 1). "
                "Correct it. If the column is a category, give it that type "
                f"(X[{name!r}].astype('category')), or name it in categorical= (--categorical)."
            )
        return False


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
    if seen:
        n_rows = 0
        for frame, weight in parts:
            n_rows += frame.n_rows
            for name, text in texts.items():
                text.update(frame.factor(name), frame.row, weight)
            for name, mean in means.items():
                mean.update(frame.numbers(name), weight)
        check_some_rows(n_rows)
    levels: dict[str, tuple[str, ...]] = {}
    fill: dict[str, float | str] = {}
    for name, text in texts.items():
        by_type = name in columns.categorical or kinds[name] == "category"
        if not by_type and text.is_number(name):
            means[name] = _Mean(total=text.total, weight=text.mass)
            continue
        check_levels(name, len(text.levels))
        absent = impute and text.n_missing > 0
        if absent:
            fill[name] = MISSING_LEVEL
        levels[name] = text.ordered_levels(*([MISSING_LEVEL] if absent else []))
        if not levels[name]:
            raise DataError(f"{name} has no values; drop it.")
    for name, mean in means.items() if impute else ():
        if not mean.weight:
            raise DataError(f"{name} has no values to take a mean of; drop it (--drop).")
        # A mean that is not finite stands for values that are refused when rows are made.
        if np.isfinite(mean.total):
            fill[name] = mean.total / mean.weight
    return columns.schema(levels, fill)


def counted_rows(frame: Frame, columns: Columns) -> tuple[Frame, Floats | None]:
    """Leave out rows of weight 0; return the rest with their weights."""
    if columns.sample_weight is None:
        return frame, None
    weight = frame.numbers(columns.sample_weight)
    check_weights(weight, columns.sample_weight, frame.row)
    keep = weight > 0
    return frame.take(keep), weight[keep]
