"""CSV, Parquet and Arrow files as frames, batch by batch, in bounded memory."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from elinvar.environments._column_names import check_no_duplicates, nearest
from elinvar.environments._frames import Frame, Kind, as_frame, merge_kinds
from elinvar.errors import DataError, ElinvarError, FileError

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
Format = Literal["csv", "parquet", "arrow"]
PathLike = str | os.PathLike[str]
Paths = PathLike | Sequence[PathLike]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
}
KNOWN = "CSV (.csv, .tsv, .txt, also .gz), Parquet (.parquet) and Arrow files (.feather, .arrow)"
BATCH_BYTES = 2_000_000
_WRITTEN = (r"^(-?\d+)\.0+$", r"^(\d{4}-\d\d-\d\d)[ T]00:00(:00(\.0+)?)?$")
NULLS = [
    *("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "None"),
    *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
]


class NotNumbers(Exception):
    """A CSV column that began with numbers holds something else further down."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(column)
        self.column = column
        self.detail = detail


def find_files(path: Paths) -> tuple[Path, ...]:
    """Return the files that a path, a glob pattern or a list of either names, in order.

    Parameters
    ----------
    path : path, pattern or list of paths

    Raises
    ------
    FileError
        If a file does not exist, is a folder, or no file matches.
    """
    if isinstance(path, str | os.PathLike):
        return _matching(path)
    if not isinstance(path, Iterable):
        raise FileError(f"A path, a pattern or a list of paths is needed; got {path!r}.")
    found = [file for item in path for file in _matching(item)]
    if not found:
        raise FileError("The list of files is empty; name at least one.")
    repeated = {str(file) for file in found if found.count(file) > 1}
    if repeated:
        raise FileError(f"The same file is named twice: {sorted(repeated)[0]}.")
    return tuple(found)


def _matching(path: PathLike) -> tuple[Path, ...]:
    if not isinstance(path, str | os.PathLike):
        raise FileError(f"A path is needed; got {path!r}.")
    text = os.path.expanduser(os.fspath(path))
    if not text or "\0" in text:
        raise FileError(f"{text!r} cannot be opened: it is not a path.")
    try:
        if glob.has_magic(text) and not os.path.exists(text):
            found = sorted(Path(name) for name in glob.glob(text, recursive=True))
            files = tuple(file for file in found if file.is_file())
            if not files:
                raise FileError(f"No file matches {text}.")
            return files
        file = Path(text)
        if file.is_dir():
            raise FileError(f"{file} is a folder; name the files in it, such as {file}/*.csv.")
        if not file.exists():
            siblings = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
            hint = nearest(file.name, siblings)
            raise FileError(
                f"There is no file {file}{hint if 'did you mean' in hint else ''}."
                if file.parent.is_dir()
                else f"There is no file {file}: the folder {file.parent} does not exist."
            )
    except (ValueError, PermissionError) as error:
        raise FileError(f"{text!r} cannot be opened: {error}.") from error
    return (file,)


def format_of(path: Path) -> Format:
    """Tell a file's format from its first bytes and its ending; they must agree.

    Raises
    ------
    FileError
        If the file is empty, cannot be opened, or is of no known format.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror}.") from error
    if not head:
        raise FileError(f"{path} is empty (0 bytes).")
    endings = [suffix.lower() for suffix in path.suffixes]
    packed = bool(endings) and endings[-1] == ".gz"
    ending = endings[-2] if packed and len(endings) > 1 else endings[-1] if endings else ""
    named = FORMATS.get(ending)
    found: Format | None = None
    if head.startswith(b"PAR1"):
        found = "parquet"
    elif head.startswith((b"ARROW1", b"FEA1")):
        found = "arrow"
    if found and named and found != named:
        raise FileError(f"{path} ends in {ending}, but its content is {found.title()}; rename it.")
    result = found or named
    if result is None:
        raise FileError(
            f"{path} is of a format that is not known; files that can be read: {KNOWN}."
        )
    if result == "csv" and not packed and b"\0" in head:
        raise FileError(f"{path} is named {ending}, but is not a text file; is it a CSV file?")
    return result


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file: its format and what its columns hold."""

    path: Path
    format: Format
    names: tuple[str, ...]
    types: tuple["pa.DataType", ...]
    delimiter: str = ","

    def kind(self, name: str) -> Kind:
        """Say what a column holds, from the file's schema (CSV: from its first megabyte)."""
        import pyarrow.types as t

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
    """

    def __init__(self, path: Paths) -> None:
        self.files = tuple(_open(file) for file in find_files(path))
        self.names = self.files[0].names

    def kinds(self, columns: Iterable[str], texts: Iterable[str] = ()) -> dict[str, Kind]:
        """Say what each column holds in all files together.

        Parameters
        ----------
        columns : names
        texts : names
            Columns to read as text whatever they seem to hold.
        """
        columns, texts = list(columns), set(texts)
        for file in self.files:
            absent = [name for name in columns if name not in file.names]
            if absent:
                raise DataError(
                    f"{file.path} lacks the column {absent[0]!r}, which {self.files[0].path} has"
                    f"{nearest(absent[0], file.names)}."
                )
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
        n_rows = 0
        for file in self.files:
            first = 0
            source = file.path.name if len(self.files) > 1 else ""
            for table in _batches(file, columns, set(labels), set(texts)):
                if table.num_rows:
                    yield as_frame(table, first_row=first, source=source)
                first += table.num_rows
            n_rows += first
        if not n_rows:
            where = str(self.files[0].path) if len(self.files) == 1 else "Files together"
            raise FileError(f"{where}: no rows, 0 sample(s) while a minimum of 1 is required.")


def _open(path: Path) -> DataFile:
    form = format_of(path)
    delimiter = _delimiter(path) if form == "csv" else ","
    schema = _guarded(path, partial(_schema, path, form, delimiter))
    try:
        names = tuple(schema.names)
    except UnicodeDecodeError as error:
        raise FileError(_encoding_message(path)) from error
    check_no_duplicates(names, f"The columns of {path}")
    if form == "csv" and any(str(kind) == "binary" for kind in schema.types):
        raise FileError(_encoding_message(path))
    return DataFile(
        path=path, format=form, names=names, types=tuple(schema.types), delimiter=delimiter
    )


def _encoding_message(path: Path) -> str:
    return f"{path} is not UTF-8 text; save it with encoding UTF-8."


def _delimiter(path: Path) -> str:
    """Take the character that splits the header into most columns."""
    if path.suffix.lower() == ".gz":
        import gzip

        opener: Any = gzip.open
    else:
        opener = open
    try:
        with opener(path, "rb") as file:
            header = file.readline(1 << 20)
    except (OSError, EOFError) as error:
        raise FileError(f"{path} cannot be read: {error}.") from error
    if not header.strip():
        raise FileError(f"{path} is empty: its first line, the column names, is blank.")
    return max([",", ";", "\t", "|"], key=lambda d: header.count(d.encode()))


def _schema(path: Path, form: Format, delimiter: str) -> "pa.Schema":
    if form == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            return file.schema_arrow
    import pyarrow.dataset as ds

    form_of = ds.IpcFileFormat() if form == "arrow" else ds.CsvFileFormat(**_csv(delimiter, {}))
    return ds.dataset(path, format=form_of).schema


def _csv(delimiter: str, types: dict[str, Any], columns: list[str] | None = None) -> dict[str, Any]:
    """Build the options with which a CSV file is parsed and converted."""
    import pyarrow.csv as pc

    return {
        "parse_options": pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pc.ConvertOptions(
            column_types=types,
            include_columns=columns,
            strings_can_be_null=True,
            null_values=NULLS,
        ),
    }


def _batches(
    file: DataFile, columns: list[str], labels: set[str], texts: set[str]
) -> Iterator["pa.Table"]:
    """Yield tables of these columns."""
    rows = max(1024, min(65_536, BATCH_BYTES // (8 * len(columns))))
    if file.format == "parquet":
        batches = _parquet_batches(file.path, columns, rows)
    elif file.format == "arrow":
        batches = _arrow_batches(file.path, columns, rows)
    else:
        batches = _csv_batches(file, columns, labels, texts)
    while (batch := _guarded(file.path, partial(_next_sound, batches), file)) is not None:
        yield batch


def _next_sound(batches: Iterator["pa.Table"]) -> "pa.Table | None":
    table = next(batches, None)
    if table is not None:
        # Reading a damaged offset or dictionary index unchecked would end the process.
        table.validate(full=True)
    return table


def _parquet_batches(path: Path, columns: list[str], rows: int) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Not through a dataset: that decodes whole row groups, a gigabyte where these are large.
    with pq.ParquetFile(path, buffer_size=4096, pre_buffer=False) as file:
        for batch in file.iter_batches(rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch]).select(columns)


def _arrow_batches(path: Path, columns: list[str], rows: int) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    for batch in ds.dataset(path, format=ds.IpcFileFormat()).to_batches(
        columns=columns, batch_size=rows, batch_readahead=2, fragment_readahead=1
    ):
        yield pa.Table.from_batches([batch])


def _csv_batches(
    file: DataFile, columns: list[str], labels: set[str], texts: set[str]
) -> Iterator["pa.Table"]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    types = {}
    for name in columns:
        kind = file.kind(name)
        if name in texts | labels or kind in ("text", "empty"):
            types[name] = pa.string()
        elif kind == "number" and not pa.types.is_boolean(file.types[file.names.index(name)]):
            types[name] = pa.float64()
    # Not through a dataset: that reads ahead without bound where computing is slower.
    for batch in pacsv.open_csv(file.path, **_csv(file.delimiter, types, columns)):
        table = pa.Table.from_batches([batch])
        for name in labels & set(types):
            # CSV has no types: what was written as 2020.0 is the label 2020, and a day is a day
            column = table[name]
            for written in _WRITTEN:
                column = pc.replace_substring_regex(column, written, r"\1")
            table = table.set_column(table.column_names.index(name), name, column)
        yield table


def is_rewritten(label: str) -> bool:
    """Whether a text would not stay as it is in a CSV column that is read as labels."""
    return any(re.search(written, label) for written in _WRITTEN)


def _guarded(path: Path, call: Callable[[], T], file: DataFile | None = None) -> T:
    """Turn what reading may raise into one sentence about the file."""
    import pyarrow as pa

    try:
        return call()
    except ElinvarError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, EOFError) as error:
        text = " ".join(str(error).split())
        if "UTF8" in text or isinstance(error, UnicodeDecodeError):
            raise FileError(_encoding_message(path)) from error
        match = re.search(r"In CSV column #(\d+): (.*)", text)
        if match and file is not None:
            raise NotNumbers(file.names[int(match[1])], match[2]) from error
        raise FileError(_damage(path, text)) from error


def _damage(path: Path, text: str) -> str:
    if "multiple columns named" in text:
        return f"{path} has duplicated column names: {text.rsplit(' named ', 1)[-1]!r}; rename one."
    row = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text)
    if row:
        return (
            f"{path} is damaged or cut short: line {row[1]} has {row[3]} fields where the "
            f"header has {row[2]}."
        )
    if "straddling" in text:
        return f"{path} has a line longer than 1 MB or an unclosed quote."
    detail = re.split(r"Invalid: |IOError: |CSV parse error: ", text)[-1]
    detail = "".join(c if c.isprintable() else "?" for c in detail).rstrip(". ")
    return f"{path} cannot be read; it is damaged, cut short or of another format ({detail[:120]})."
