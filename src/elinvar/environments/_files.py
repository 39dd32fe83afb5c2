"""CSV, Parquet and Arrow files as frames, batch by batch, in bounded memory."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from elinvar._base._numbers import counted
from elinvar._base._voice import option
from elinvar._base._warn import warn
from elinvar._base._words import listed
from elinvar.environments._arrow_files import arrow_batches, open_arrow, parquet_batches
from elinvar.environments._column_names import check_no_duplicates, index_columns, nearest
from elinvar.environments._csv_files import NotNumbers, csv_batches, open_csv, ragged_line
from elinvar.environments._csv_layout import Layout, layout_of, not_utf8
from elinvar.environments._frames import Frame, Kind, as_frame, merge_kinds
from elinvar.environments._json_files import json_batches, open_json
from elinvar.environments._notation import PLAIN, Notation
from elinvar.environments._packed import raw
from elinvar.environments._paths import Format, Paths, find_files, format_of
from elinvar.environments._places import keys_of, places_of
from elinvar.errors import DataError, ElinvarError, FileError

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
BATCH_BYTES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file: its format and what its columns hold."""

    path: Path
    format: Format
    names: tuple[str, ...]
    types: tuple["pa.DataType", ...]
    layout: Layout | None = None
    index: frozenset[str] = frozenset()
    place: Mapping[str, str | None] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether there is such a column, or the path says as much."""
        return name in self.names or name in self.place

    def kind(self, name: str) -> Kind:
        """Say what a column holds, from the file's schema (CSV: from its first megabyte)."""
        import pyarrow.types as t

        if name not in self.names:
            return "text"
        kind = self.types[self.names.index(name)]
        if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_boolean(kind):
            return "number"
        if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
            return "text"
        if t.is_dictionary(kind):
            return "category"
        if t.is_temporal(kind):
            return "date"
        return "empty" if t.is_null(kind) else "other"


class Files:
    """One or several files of the same columns.

    Parameters
    ----------
    path : path, pattern or list of them
    notation : Notation
        How numbers and missing values are written in text.
    """

    def __init__(self, path: Paths, notation: Notation = PLAIN) -> None:
        self.notation = notation
        self._told: set[Path] = set()
        paths = find_files(path)
        self.files = tuple(
            _open(file, notation, place)
            for file, place in zip(paths, places_of(paths), strict=True)
        )
        first = self.files[0]
        # folders named key=value are a column like others, if they tell files apart
        keys = [key for key in keys_of(first.path) if key in first.place and self.offers(key)]
        told = [key for key in keys if len({file.place[key] for file in self.files}) > 1]
        self.names = (*first.names, *told)

    def offers(self, name: str) -> bool:
        """Whether the paths of the files say what a column of this name would."""
        return all(name in file.place for file in self.files)

    def warn_of_what_is_left_out(self) -> None:
        """Say which lines above the names, and which columns without one, are not read."""
        for file in self.files:
            layout = file.layout
            if layout is None or not (layout.above or layout.below or layout.nameless):
                continue
            said = []
            for where, lines in (("above", layout.above), ("below", layout.below)):
                if lines:
                    first = lines[0] if len(lines[0]) <= 60 else f"{lines[0][:57]}..."
                    said.append(
                        f"{counted(len(lines), 'line')} {where} the column names ({first!r})"
                    )
            if layout.nameless:
                at = [str(layout.names.index(name) + 1) for name in layout.nameless]
                said.append(
                    f"column{'s' if len(at) > 1 else ''} {listed(at)}, which "
                    f"{'have' if len(at) > 1 else 'has'} no name"
                )
            like = sum(other.layout is not None and other is not file for other in self.files)
            also = " Other files may have such lines or columns, too." if like else ""
            warn(f"{file.path.name}: left out {' and '.join(said)}.{also}")
            return

    def warn_of_more_columns(self) -> None:
        """Say which columns of later files are not read, because the first has none such."""
        head, *others = self.files
        more = {name: file for file in reversed(others) for name in file.names}
        extra = [name for name in more if not head.has(name) and name not in self.names]
        if extra:
            these = f"{listed(extra)} {'is' if len(extra) == 1 else 'are'}"
            lacking, having = head.path.name, more[extra[0]].path.name
            warn(f"{these} left out: {having} has such a column, but {lacking} has none.")

    def warn_of_points(self, columns: Iterable[str]) -> None:
        """Warn of columns in which points seem to keep thousands apart."""
        if not self.notation.plain:
            return
        doubtful = {n: None for file in self.files if file.layout for n in file.layout.grouped}
        found = [name for name in columns if name in doubtful]
        if found:
            warn(
                f"{listed(found)}: all numbers with a point have three digits behind it, and "
                "others have none. If points keep thousands apart, say "
                f"{option('decimal', ',')} {option('thousands', '.')}."
            )

    def _tell_notes(self, path: Path, notes: Sequence[str]) -> None:
        """Say once which lines among the rows of a file were passed over."""
        if notes and path not in self._told:
            self._told.add(path)
            warn(f"{path.name}: left out {counted(len(notes), 'line')} among rows ({notes[0]!r}).")

    def check_all_have(self, columns: Iterable[str]) -> None:
        """Refuse files that lack a column."""
        for file in self.files:
            absent = [name for name in columns if not file.has(name)]
            if absent:
                raise DataError(
                    f"{file.path} lacks the column {absent[0]!r}, which {self.files[0].path} has"
                    f"{nearest(absent[0], file.names)}. To leave this file out, name the others, "
                    "or a pattern of theirs."
                )

    def kinds(self, columns: Iterable[str], texts: Iterable[str] = ()) -> dict[str, Kind]:
        """Say what each column holds in all files together.

        Parameters
        ----------
        columns : names
        texts : names
            Columns to read as text whatever they seem to hold.
        """
        columns, texts = list(columns), set(texts)
        self.check_all_have(columns)
        kinds: dict[str, Kind] = {}
        for name in columns:
            found = {file.kind(name) for file in self.files}
            kinds[name] = "text" if name in texts or found == {"empty"} else merge_kinds(found)
        return kinds

    def frames(
        self, columns: Sequence[str], *, labels: Iterable[str] = (), texts: Iterable[str] = ()
    ) -> Iterator[Frame]:
        """Yield the rows of these columns, a bounded number at a time.

        Parameters
        ----------
        columns : names
        labels : names
            Columns that hold labels: a CSV file's are read as they are written.
        texts : names
            Columns to read as text whatever they seem to hold.

        Raises
        ------
        FileError
            If a file is damaged.
        NotNumbers
            If a CSV column turns out to hold text after all.
        """
        columns = list(dict.fromkeys(columns))
        self.check_all_have(columns)
        n_rows = 0
        for file in self.files:
            first = 0
            source = file.path.name if len(self.files) > 1 else ""
            own = [name for name in columns if name in file.names]
            notes: list[str] = []
            for table in _batches(file, own, set(labels), set(texts), self.notation, notes):
                table = _with_place(table, columns, file.place)
                if table.num_rows:
                    yield as_frame(table, first_row=first, source=source, notation=self.notation)
                first += table.num_rows
            n_rows += first
            self._tell_notes(file.path, notes)
        if not n_rows:
            where = str(self.files[0].path) if len(self.files) == 1 else "Files together"
            raise FileError(f"{where}: no rows, 0 sample(s) while a minimum of 1 is required.")


def _with_place(
    table: "pa.Table", columns: Sequence[str], place: Mapping[str, str | None]
) -> "pa.Table":
    """Add, as columns, what the path of a file says."""
    import pyarrow as pa

    for name in columns:
        if name not in table.column_names:
            said = pa.repeat(pa.scalar(place[name], pa.string()), table.num_rows)
            table = table.append_column(name, said)
    return table.select(columns)


def _open(path: Path, notation: Notation, place: Mapping[str, str | None]) -> DataFile:
    form = format_of(path)
    layout = _guarded(path, partial(layout_of, path)) if form == "csv" else None
    if layout is not None:
        check_no_duplicates(layout.names, f"The columns of {path}")
    schema = _guarded(path, partial(_schema, path, form, layout, notation), layout)
    try:
        names = tuple(schema.names)
    except UnicodeDecodeError as error:
        raise FileError(not_utf8(path)) from error
    check_no_duplicates(names, f"The columns of {path}")
    if form == "csv" and any(str(kind) == "binary" for kind in schema.types):
        raise FileError(not_utf8(path))
    types = dict(zip(names, schema.types, strict=True))
    for name in layout.nameless if layout is not None else ():
        del types[name]
    keys = {key: value for key, value in keys_of(path).items() if key not in types}
    return DataFile(
        path=path,
        format=form,
        names=tuple(types),
        types=tuple(types.values()),
        layout=layout,
        index=index_columns(schema),
        place={**place, **keys},
    )


def _schema(path: Path, form: Format, layout: Layout | None, notation: Notation) -> "pa.Schema":
    import pyarrow as pa

    if form == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(raw(path)) as file:
            return file.schema_arrow
    if layout is not None:
        if not layout.rows:
            return pa.schema([(name, pa.null()) for name in layout.names])
        with open_csv(path, layout, notation) as reader:
            return reader.schema
    if form == "json":
        return next(iter(open_json(path))).schema
    return open_arrow(path).schema


def _batches(
    file: DataFile,
    columns: list[str],
    labels: set[str],
    texts: set[str],
    notation: Notation,
    notes: list[str],
) -> Iterator["pa.Table"]:
    """Yield tables of these columns."""
    if file.layout is not None and not file.layout.rows:
        return
    # of a file that has none of the columns the rows are counted all the same
    columns = columns or list(file.names[:1])
    rows = max(1024, min(65_536, BATCH_BYTES // (8 * len(columns))))
    if file.format == "parquet":
        batches = parquet_batches(file.path, columns, rows)
    elif file.format == "json":
        types = dict(zip(file.names, file.types, strict=True))
        batches = json_batches(file.path, types, columns, labels)
    elif file.format == "arrow":
        batches = arrow_batches(file.path, columns, rows)
    else:
        types = _csv_types(file, columns, labels, texts)
        assert file.layout is not None
        batches = csv_batches(file.path, file.layout, types, columns, labels, notation, notes)
    read = partial(_next_sound, batches)
    while (batch := _guarded(file.path, read, file.layout, rows=True)) is not None:
        yield batch


def _next_sound(batches: Iterator["pa.Table"]) -> "pa.Table | None":
    table = next(batches, None)
    if table is not None:
        # Reading a damaged offset or dictionary index unchecked would end the process.
        table.validate(full=True)
    return table


def _csv_types(
    file: DataFile, columns: Sequence[str], labels: set[str], texts: set[str]
) -> dict[str, Any]:
    """Say as what the columns of a CSV file are to be read."""
    import pyarrow as pa

    types = {}
    for name in columns:
        kind = file.kind(name)
        if name in texts | labels or kind in ("text", "empty"):
            types[name] = pa.string()
        elif kind == "number" and not pa.types.is_boolean(file.types[file.names.index(name)]):
            types[name] = pa.float64()
    return types


def _guarded(
    path: Path, call: Callable[[], T], layout: Layout | None = None, *, rows: bool = False
) -> T:
    """Turn what reading may raise into one sentence about the file."""
    import pyarrow as pa

    try:
        return call()
    except ElinvarError:
        raise
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        LZMAError,
    ) as error:
        text = " ".join(str(error).split())
        if "UTF8" in text or isinstance(error, UnicodeDecodeError):
            raise FileError(not_utf8(path)) from error
        match = re.search(r"In CSV column #(\d+): .*invalid value '(.*)'", text)
        if match and rows and layout is not None:
            raise NotNumbers(layout.names[int(match[1])], match[2]) from error
        raise FileError(_damage(path, text, layout)) from error


def _damage(path: Path, text: str, layout: Layout | None) -> str:
    """Say in our own words what the parser found."""
    ragged = re.search(r"Expected (\d+) columns, got (\d+)", text)
    if ragged and layout is not None:
        line = ragged_line(path, layout)
        return (
            f"{path} is damaged or cut short: {line} has {counted(int(ragged[2]), 'field')} where "
            f"the header has {ragged[1]}."
        )
    if changed := re.search(r"Column\(/(.*?)\) (?:was|changed from) (\w+).*? to (\w+)", text):
        return (
            f"{path}: {changed[1]} holds a {changed[2]} in some rows and a {changed[3]} in others; "
            "write all of its values in one way."
        )
    if "unexpected field" in text:
        return f"{path} has keys further down that its first rows lack; write null for them there."
    if "straddling" in text:
        return f"{path} has a line much longer than those at its beginning, or an unclosed quote."
    return f"{path} cannot be read; it is damaged, cut short or of another format."
