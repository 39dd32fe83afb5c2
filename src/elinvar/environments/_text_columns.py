"""Columns of text: whether they hold numbers, labels, or numbers written in a way of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import counted
from elinvar._base._voice import on_command_line, option
from elinvar._base._warn import warn
from elinvar._base._words import listed
from elinvar.environments._checks import Floats, RowName
from elinvar.environments._frames import Frame, as_frame
from elinvar.environments._labels import Factor, merged_order, natural_order
from elinvar.environments._notation import Writing, unit_of
from elinvar.environments._roles import Columns
from elinvar.environments._schema import MAX_LEVELS
from elinvar.errors import DataError, DataTypeError

# so many distinct numbers that other texts beside them are no levels
_SEVERAL = 3
# up to so many distinct amounts with a unit are taken for levels (2wd, 4wd), with a warning
_FEW = 5


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """Why a column of text is neither numbers nor levels, in words that several may share."""

    key: tuple[object, ...]
    name: str
    row: str
    value: str
    words: Callable[[Sequence["Complaint"]], str]


@dataclass(kw_only=True)
class TextSummary:
    """What a column of labels holds, gathered over all chunks."""

    n_values: int = 0
    n_numbers: int = 0
    n_missing: int = 0
    n_unclear: int = 0
    n_pointed: int = 0
    first_bad: tuple[str, str] | None = None
    first_written: tuple[str, str] | None = None
    first_unclear: tuple[str, str] | None = None
    writing: Writing = field(default_factory=Writing)
    levels: set[str] = field(default_factory=set)
    numbers: set[float] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    orders: dict[tuple[str, ...], None] = field(default_factory=dict)
    total: float = 0.0
    mass: float = 0.0

    def update(
        self,
        frame: Frame,
        name: str,
        weight: Floats | None,
        times: NDArray[np.intp] | None = None,
    ) -> None:
        """Take in a chunk, each row of which stands for as many as ``times`` says."""
        factor, row = frame.factor(name), frame.row
        present = factor.codes >= 0
        counts = np.bincount(factor.codes[present], minlength=len(factor.labels))
        if times is not None:
            counts = np.bincount(factor.codes, times, len(factor.labels)).astype(np.intp)
        self.n_values += int(counts.sum())
        self.n_missing += int((factor.codes < 0).sum())
        parsed = list(map(frame.notation.reader(name), factor.labels))
        numeric = np.array([v is not None for v in parsed], dtype=bool)
        mass = counts
        if weight is not None:
            mass = np.bincount(factor.codes[present], weight[present], len(factor.labels))
        self.mass += float(mass.sum())
        with np.errstate(all="ignore"):
            self.total += float(mass @ np.array([v or 0.0 for v in parsed]))
        self.n_numbers += int(counts[numeric].sum())
        if len(self.numbers) < _SEVERAL:
            found = zip(parsed, counts, strict=True)
            self.numbers.update(v for v, k in found if k and v is not None)
        if name in frame.notation.numeric and len(self.units) < _FEW:
            used = np.flatnonzero((counts > 0) & numeric)
            self.units.update(unit_of(factor.labels[k]) for k in used)
        if len(self.words) < _SEVERAL:
            self.words.update(factor.labels[k] for k in np.flatnonzero((counts > 0) & ~numeric))
        # only the first value that is no number is kept, for the sentence
        if self.first_bad is None and (counts[~numeric] > 0).any():
            self.first_bad = _first(factor, ~numeric, row)
        self._learn_writing(factor, counts, numeric, frame)
        # beyond the limit more of them say nothing: a column of identifiers must not fill memory
        if len(self.levels) <= MAX_LEVELS:
            self.levels.update(v for v, k in zip(factor.labels, counts, strict=True) if k)
            if factor.ranked:
                self.orders[factor.labels] = None

    def _learn_writing(
        self, factor: Factor, counts: NDArray[np.intp], numeric: NDArray[np.bool_], frame: Frame
    ) -> None:
        """Look at how those texts are written that are no numbers as they stand."""
        if len(self.levels) > MAX_LEVELS and not self.n_numbers + self.writing.n_written:
            return
        for k in np.flatnonzero((counts > 0) & numeric):
            self.writing.see_number(factor.labels[k])
        written = np.zeros(len(counts), dtype=bool)
        for k in np.flatnonzero((counts > 0) & ~numeric):
            written[k] = self.writing.add(factor.labels[k], int(counts[k]))
        if self.first_written is None and written.any():
            self.first_written = _first(factor, written, frame.row)
        if frame.notation.decimal == "," and not frame.notation.thousands:
            unclear = np.array([frame.notation.is_unclear(v) for v in factor.labels], dtype=bool)
            pointed = np.array(["." in v and "," not in v for v in factor.labels], dtype=bool)
            self.n_unclear += int(counts[unclear].sum())
            self.n_pointed += int(counts[pointed & numeric].sum())
            if self.first_unclear is None and (counts[unclear] > 0).any():
                self.first_unclear = _first(factor, unclear, frame.row)

    def ordered_levels(self, *more: str) -> tuple[str, ...]:
        """Return the levels found, and ``more``: those of ordered categories in their order."""
        ranked = [level for level in merged_order(*self.orders) if level in self.levels]
        return (*ranked, *natural_order({*self.levels, *more}.difference(ranked)))

    def is_number(self, name: str, columns: Columns) -> bool | Complaint:
        """Whether text stands for numbers; a complaint if it is neither numbers nor levels."""
        if self.n_values and self.n_numbers == self.n_values:
            if self.n_unclear and self.n_unclear == self.n_pointed:
                return self._unclear(name)
            # 5% is not 5; but $5 and 5 may be the same
            if len(self.units - {""}) > 1 or {"%", ""} <= self.units:
                return self._several_units(name, self.units, columns)
            return True
        if self.writing.n_dates and self.writing.n_dates + self.writing.n_marked == self.n_values:
            return self._dates(name, columns)
        written = self.writing.n_written if self.writing.unit is not None else 0
        like = self.n_numbers + written
        if written and like + self.writing.n_marked == self.n_values:
            if not self._few_amounts(name, columns):
                return self._written(name, columns)
            return False
        if self.writing.n_written == self.n_values and len(self.writing.distinct) > _FEW:
            return self._several_units(name, set(self.writing.units), columns)
        # more numbers than words, or several numbers and a word or two, such as a sign that says
        # nothing: a column of numbers with a mistake in it, not a category
        mostly = 2 * like > self.n_values
        marked = like + self.writing.n_marked == self.n_values or len(self.words) < _SEVERAL
        if (mostly or (len(self.numbers) >= _SEVERAL and marked)) and self.first_bad is not None:
            return self._mixed(name, columns)
        self._warn_of_digits(name, columns)
        return False

    def _warn_of_digits(self, name: str, columns: Columns) -> None:
        """Warn of labels that could be meant as numbers: beside some, or behind some."""
        begin = [level for level in sorted(self.levels) if level.lstrip("+-. ")[:1].isdecimal()]
        mixed = len(self.numbers) > 1
        said = f"{name} holds numbers beside words such as {min(self.words, default='')!r}"
        if not mixed:
            said = f"{name} holds texts that begin with numbers, such as {min(begin, default='')!r}"
        amounts = _FEW < len(begin) == len(self.levels)
        if (mixed or amounts) and len(self.levels) <= MAX_LEVELS:
            way = "" if not columns.by_name else f", and {option('categorical', name)} says so"
            warn(
                f"{said}: it counts as a category of {len(self.levels)} levels. If that is meant, "
                f"all is well{way}; otherwise turn it into numbers first."
            )

    def _few_amounts(self, name: str, columns: Columns) -> bool:
        """Whether amounts with a unit are so few that they count as levels, with a warning."""
        unit, found = self.writing.unit or "", self.writing.distinct
        if not unit[:1].isalpha() or self.n_numbers or len(found) > _FEW:
            return False
        if len(found) == 1:
            return True
        meant = f"say {option('numeric', name)}" if columns.by_name else "write numbers alone"
        warn(
            f"{name} holds numbers with a unit, such as {min(found)!r}, which count as categories. "
            f"Where amounts are meant, {meant}."
        )
        return True

    def _written(self, name: str, columns: Columns) -> Complaint:
        row, value = self.first_written or ("", "")

        def words(those: Sequence[Complaint]) -> str:
            names = [one.name for one in those]
            said, way = self.writing.way_out(names, value)
            if not columns.by_name:
                way = "turn them into numbers first"
                if not self.writing.unit and not self.writing.signed:
                    decimal, thousands = self.writing.ways[0]
                    given = [f"decimal={decimal!r}"] if decimal != "." else []
                    given += [f"thousands={thousands!r}"] if thousands else []
                    way += f" (pandas reads them with {', '.join(given)})"
            verb = "hold" if len(names) > 1 else "holds"
            of = f" of {name}" if len(names) > 1 else ""
            return (
                f"{listed(names)} {verb} numbers written {said}, such as {value!r}{of} in row "
                f"{row} (the first row is 1): {way}. {as_category(names, columns)}"
            )

        return Complaint(
            key=("written", *self.writing.key), name=name, row=row, value=value, words=words
        )

    def _dates(self, name: str, columns: Columns) -> Complaint:
        row, value = self.first_bad or ("", "")

        def words(those: Sequence[Complaint]) -> str:
            names = [one.name for one in those]
            return (
                f"{listed(names)} {'hold' if len(names) > 1 else 'holds'} dates or times, such as "
                f"{value!r}: turn them into numbers (days since a date, hours, the month) or leave "
                f"them out{columns.way_to_drop(names)}. {as_category(names, columns)}"
            )

        return Complaint(key=("dates",), name=name, row=row, value=value, words=words)

    def _several_units(self, name: str, units: set[str], columns: Columns) -> Complaint:
        def words(_: Sequence[Complaint]) -> str:
            found = listed([repr(unit) if unit else "none" for unit in sorted(units)])
            return (
                f"{name} holds numbers with several units ({found}): write all with the same. "
                f"{as_category([name], columns)}"
            )

        return Complaint(key=("units", name), name=name, row="", value="", words=words)

    def _unclear(self, name: str) -> Complaint:
        row, value = self.first_unclear or ("", "")

        def words(those: Sequence[Complaint]) -> str:
            names = [one.name for one in those]
            return (
                f"{listed(names)}: {value!r} in row {row} (the first row is 1) may be "
                f"{float(value):g} or {float(value.replace('.', '')):,.0f}. With "
                f"{option('thousands', '.')} points keep thousands apart; otherwise write a comma."
            )

        return Complaint(key=("unclear",), name=name, row=row, value=value, words=words)

    def _mixed(self, name: str, columns: Columns) -> Complaint:
        row, value = self.first_bad or ("", "")
        like = self.n_numbers + (self.writing.n_written if self.writing.unit is not None else 0)

        def words(those: Sequence[Complaint]) -> str:
            absent = sorted(self.words) if len(self.words) < _SEVERAL else self.writing.marks
            correct = "Correct or leave out that row."
            if value == name and 2 * like > self.n_values:
                correct = "It is a second line of column names: leave it out."
            elif len(self.words) < _SEVERAL or like + self.writing.n_marked == self.n_values:
                marks = listed([repr(mark) for mark in absent])
                way = f"say {option('na', *absent)}" if columns.by_name else "use NaN"
                verb = "mean" if len(absent) > 1 else "means"
                correct = (
                    f"If {marks} {verb} a missing value, {way}; else correct or leave out that row."
                )
            return (
                f"{name} is text, though {like:,} of its {self.n_values:,} values are numbers; the "
                f"first that is not is {value!r} in row {row} (the first row is 1). {correct} "
                f"{as_category([name], columns)}"
            )

        return Complaint(key=("mixed", name), name=name, row=row, value=value, words=words)


def _first(factor: Factor, wanted: NDArray[np.bool_], row: RowName) -> tuple[str, str]:
    """Return the first row of a wanted label, and the label."""
    at = int(np.append(wanted, False)[factor.codes].argmax())
    return row(at), factor.labels[factor.codes[at]]


def as_category(names: Sequence[str], columns: Columns) -> str:
    """Say how columns are made categories."""
    what = f"If {names[0] if len(names) == 1 else 'one'} is a category, "
    typed = f"give it that type (X[{names[0]!r}].astype('category'))"
    if on_command_line():
        return f"{what}name it: {option('categorical', names[0])}."
    if not columns.by_name:
        return f"{what}{typed}."
    return f"{what}{typed}, or name it in {option('categorical')}."


def check_no_numbers(name: str, summary: TextSummary, columns: Columns) -> None:
    """Refuse text that stands for numbers, where its type cannot be changed any more.

    Raises
    ------
    DataError
    """
    found = summary.n_values and summary.is_number(name, columns)
    if isinstance(found, Complaint):
        check_complaints([found])
    if found:
        raise DataTypeError(
            f"{name} is text, though all its values are numbers; convert it to numbers, or "
            f"name it in {option('categorical')} if it is a category."
        )


def check_counted(counts: Mapping[str, Mapping[str, float]], columns: Columns) -> None:
    """Judge columns of text by how many rows each level has.

    Parameters
    ----------
    counts : mapping of column to mapping of level to rows
    columns : Columns

    Raises
    ------
    DataError
        If the levels of one are numbers.
    """
    import pyarrow as pa

    for name, rows in counts.items():
        frame = as_frame(pa.table({name: pa.array(rows, pa.string())}), source="its levels")
        summary = TextSummary()
        # a level of few rows counts as one at least
        times = np.maximum(np.rint(list(rows.values())), 1).astype(np.intp)
        summary.update(frame, name, None, times)
        check_no_numbers(name, summary, columns)


def check_complaints(complaints: Sequence[Complaint]) -> None:
    """Refuse columns that are neither numbers nor levels, all in one message."""
    groups: dict[tuple[object, ...], list[Complaint]] = {}
    for one in complaints:
        groups.setdefault(one.key, []).append(one)
    if groups:
        said = [group[0].words(group) for group in list(groups.values())[:_FEW]]
        more = len(groups) - len(said)
        said += [f"So with {counted(more, 'more column')}."] if more else []
        raise DataError(" ".join(said))
