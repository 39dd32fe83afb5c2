"""Where a CSV file's table begins, what parts its columns, and what they are called.

Judged from the records at its head, quotes counted: titles, comments and blank lines above the
names, a line ``sep=;``, a header that has no name for the row names (as R writes it), columns
without a name, text in UTF-16.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elinvar._base._warn import warn
from elinvar.environments._notation import PLAIN, Notation
from elinvar.environments._packed import opened
from elinvar.errors import FileError

_DELIMITERS = (",", ";", "\t", "|")
# tried where these part nothing
_RARE = ("\x01", "\x1f", "^", "~", ":", " ")
_FIRST = 1 << 16
# a header may be long, but not without end
_MOST = 1 << 28
_RECORDS = 400
_TITLES = 100
_BLOCK = 1 << 20
# text that is not of western Europe: other letters, or several in a row that are not ASCII
_FOREIGN = re.compile(
    r"[^\x00-\x7f]{3}|[^\x00-\x7f\u00c0-\u00ff\u20ac\u00a3\u00b0\u00b2\u00b3\u00b5\u0152\u0153]"
)
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# so many numbers tell how all are written
_SEVERAL = 5
NULLS = [
    *("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "None"),
    *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
]
_NOTATION = Notation(decimal=",")
_SEP = re.compile(r'"?sep=(.)"?\s*', re.I)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a CSV file is laid out.

    Attributes
    ----------
    delimiter : str
    padded : bool
        Whether blanks beside the delimiter say nothing; if it is one, whether there are several.
    encoding : str
    skipped : int
        Lines above the first row, the names among them.
    rows : bool
        Whether there are any below.
    names : tuple of str
        Names of all columns; those that have none got one that no one can mean.
    nameless : tuple of str
        The columns among them that have no name.
    above : tuple of str
        What stands above the names and is no comment, such as a title.
    below : tuple of str
        What stands between the names and the rows, such as units.
    grouped : tuple of str
        Columns in which points may keep thousands apart.
    block : int
        Bytes to parse at a time, so that a line fits.
    """

    delimiter: str = ","
    padded: bool = False
    encoding: str = "utf8"
    skipped: int = 1
    rows: bool = True
    names: tuple[str, ...]
    nameless: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    block: int = _BLOCK


def layout_of(path: Path) -> Layout:
    """Judge a file's layout from its first records.

    Raises
    ------
    FileError
        If it is blank, or not text that can be read.
    """
    size = _FIRST
    while True:
        with opened(path) as file:
            head = file.read(size)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            raise FileError(
                f"{path} is a workbook of an old format; save its table as CSV or .xlsx."
            )
        if head[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
            raise FileError(f"{path} is a web page or XML, not a table; save the table as CSV.")
        whole = len(head) < size
        encoding, text = _decoded(path, head, whole)
        lines = _lines(text, whole)
        found = _judged(path, lines, encoding, whole)
        if found is not None:
            return found
        if whole or size >= _MOST:
            raise FileError(f"{path} has no line of column names in its first {size:,} bytes.")
        size *= 16


def _encoding(head: bytes) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[0:2000:2].count(0), head[1:2000:2].count(0)
    if min(even, odd) == 0 and max(even, odd) > 0.4 * len(head[:2000]) / 2:
        return "utf-16-le" if odd else "utf-16-be"
    return "utf8"


def _decoded(path: Path, head: bytes, whole: bool) -> tuple[str, str]:
    """Return the encoding and the text."""
    encoding = _encoding(head)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError as error:
        encoding = "cp1252"
        text = head.decode(encoding, errors="replace")
        if _FOREIGN.search(text):
            raise FileError(not_utf8(path)) from error
        example = re.search(r"\S*[^\x00-\x7f]\S*", text)
        warn(
            f"{path.name} is not UTF-8, and read as Windows-1252: {example and example[0][:40]!r}. "
            "If letters look wrong, save it as UTF-8."
        )
    if "\0" in text:
        raise FileError(f"{path} is named {path.suffix}, but is not a text file; is it a CSV file?")
    return encoding, text


def not_utf8(path: Path) -> str:
    """Return the sentence for text in another encoding."""
    return (
        f"{path} is not UTF-8 text; save it with encoding UTF-8, or convert it: "
        "iconv -f ENCODING -t UTF-8 OLD > NEW."
    )


def _lines(text: str, whole: bool) -> list[str]:
    lines = list(io.StringIO(text, newline=""))
    # the last line of a part may go on behind it
    return lines if whole else lines[:-1]


def _judged(path: Path, lines: list[str], encoding: str, whole: bool) -> Layout | None:
    """Return the layout; None if more of the file must be seen."""
    start, given = 0, None
    said = _SEP.fullmatch(lines[0].rstrip("\r\n")) if lines else None
    if said:
        start, given = 1, said[1]
    if not any(line.strip(' \t\r\n,;|"') for line in lines[start:]):
        if whole:
            raise FileError(f"{path} is empty: its first line, the column names, is blank.")
        return None
    candidates = (given,) if given else _DELIMITERS
    found = [_Table.of(lines, start, delimiter) for delimiter in candidates]
    if not given and all(table.width < 2 for table in found):
        found += [_Table.of(lines, start, delimiter) for delimiter in _RARE]
    best = max(found, key=lambda table: table.rank)
    if best.end == 0:
        return None
    names, nameless = _named(best)
    return Layout(
        delimiter=best.delimiter,
        padded=best.padded,
        encoding="utf8" if encoding == "utf-8-sig" else encoding,
        skipped=best.end,
        rows=not whole or any(line.strip() for line in lines[best.end :]),
        names=names,
        nameless=nameless,
        above=tuple(best.above),
        below=tuple(best.below),
        grouped=tuple(names[k] for k in best.grouped),
        block=max(_BLOCK, 4 * max(map(len, lines))),
    )


def _named(table: "_Table") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all columns, and those of columns that have none."""
    header = [name.strip() for name in table.header]
    if table.row_names:
        header = ["", *header]
    if table.trailing:
        header = [*header, ""]
    taken = set(header)
    names, nameless = [], []
    for k, name in enumerate(header):
        if not name.strip():
            name = f"column {k + 1}"
            while name in taken:
                name += " "
            nameless.append(name)
        names.append(name)
    return tuple(names), tuple(nameless)


@dataclass(kw_only=True)
class _Table:
    """The head of a file, its columns parted by one sign."""

    delimiter: str
    header: list[str]
    end: int = 0
    above: list[str]
    below: list[str] = field(default_factory=list)
    width: int = 0
    padded: bool = False
    share: float = 0.0
    row_names: bool = False
    trailing: bool = False
    grouped: tuple[int, ...] = ()

    @property
    def rank(self) -> tuple[bool | int, ...]:
        """Tables whose header fits their rows go first, then those of most columns."""
        several = len(self.header) > 1
        fits = (
            several
            and self.share > 0.5
            and len(self.header) + self.row_names + self.trailing == self.width
        )
        words = not any(map(_is_number, self.header))
        return (
            fits and not (self.row_names or self.trailing),
            fits,
            fits and words,
            several,
            self.width,
        )

    @classmethod
    def of(cls, lines: list[str], start: int, delimiter: str) -> "_Table":
        """Find header and rows with this delimiter."""
        records = list(_records(lines, start, delimiter))
        filled = [(end, row) for end, row in records if any(cell.strip() for cell in row)]
        if not filled:
            return cls(delimiter=delimiter, header=[], above=[])
        width = _width([row for _, row in filled])
        at = _header_at([row for _, row in filled], width)
        end, header = filled[at]
        above, below = [row for _, row in filled[:at]], []
        if _is_second_header([row for _, row in filled], at, width):
            # names of groups or, apart by a blank line, a title above the names; units below them
            apart = not all(line.strip() for line in lines[end : filled[at + 1][0]])
            if apart or _names_better(filled[at + 1][1], header):
                above.append(header)
                header = filled[at + 1][1]
            else:
                below.append(filled[at + 1][1])
            at, end = at + 1, filled[at + 1][0]
        body = [row for _, row in filled[at + 1 :]]
        whole = [row for row in body if len(row) == width]
        fitting = len(whole)
        longer = bool(header and body) and len(header) == width - 1 and fitting == len(body)
        # a sign at the end of every row but the first begins no column
        trailing = longer and not any(row[-1].strip() for row in body)
        said = [row for row in above if not row[0].lstrip().startswith("#")]
        return cls(
            delimiter=delimiter,
            header=header,
            end=end,
            above=[_joined(row, delimiter) for row in said],
            below=[_joined(row, delimiter) for row in below],
            width=width,
            padded=_is_padded(lines, delimiter, whole),
            share=fitting / len(body) if body else 1.0,
            row_names=longer and not trailing,
            trailing=trailing,
            grouped=tuple(k for k in range(width) if _is_grouped([row[k] for row in whole])),
        )


def _records(lines: list[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield records with the number of the line they end in; stop at what is none."""
    reader = csv.reader(iter(lines[start:]), delimiter=delimiter, skipinitialspace=delimiter == " ")
    usual = csv.field_size_limit(_MOST)
    try:
        for k, row in enumerate(reader):
            if k >= _RECORDS:
                return
            # blanks at the end of a line part nothing
            yield (
                start + reader.line_num,
                row[:-1] if delimiter == " " and row[-1:] == [""] else row,
            )
    except csv.Error:
        return
    finally:
        csv.field_size_limit(usual)


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how many fields most rows have, those at the very top apart if there are others."""
    rest = rows[1:] if len(rows) > 1 else rows
    counts = Counter(map(len, rest[_TITLES:] if len(rest) > 2 * _TITLES else rest))
    most = max(counts.values())
    # of widths that are as common, that of the first row, or else the largest
    common = [width for width, times in counts.items() if times == most]
    return len(rows[0]) if len(rows[0]) in common else max(common)


def _header_at(rows: Sequence[Sequence[str]], width: int) -> int:
    """Return which row has the names: the first that is no title and no comment."""
    filled = max(map(_n_filled, rows))
    for k, row in enumerate(rows[:_TITLES]):
        # a title has too few filled cells to name the columns below it
        title = _n_filled(row) <= filled / 2 if filled > 2 else len(row) < width == 2
        if not title and not _is_comment(rows, k, width):
            return k
    return 0


def _joined(row: Sequence[str], delimiter: str) -> str:
    return delimiter.join(row).strip(" \t" + delimiter)


def _is_padded(lines: Sequence[str], delimiter: str, rows: Sequence[Sequence[str]]) -> bool:
    """Whether all cells but the first begin with a blank, or blanks part cells in runs."""
    if delimiter == " ":
        return any(re.search(r"  |^ | [\r\n]*$", line) for line in lines)
    cells = [cell for row in rows for cell in row[1:]]
    return bool(cells) and all(cell.startswith(" ") for cell in cells)


def _is_second_header(rows: Sequence[Sequence[str]], at: int, width: int) -> bool:
    """Whether the first row below the names holds no number where all others do: units, types."""
    body = [row for row in rows[at + 1 :] if len(row) == width]
    if len(body) < _SEVERAL or len(rows[at + 1]) != width or len(rows[at]) != width:
        return False
    first, rest = body[0], body[1:]
    numbers = [k for k in range(width) if all(_like_number(row[k]) for row in rest)]
    named = [cell.strip() for cell in first if cell.strip()]
    if not numbers or any(_like_number(cell) or cell in NULLS for cell in named):
        return False
    return any(re.search(r"[^\W\d]|[%\u00b0]", first[k]) for k in numbers)


def _names_better(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row rather than the one above it names columns: that has blanks or twins."""
    names = [name.strip() for name in header if name.strip()]
    other = [name.strip() for name in row if name.strip()]
    plain = len(set(names)) == len(names) >= len(other)
    return not plain and len(set(other)) == len(other) >= len(header) - 1


def _like_number(cell: str) -> bool:
    return bool(re.match(r"[^\w]*\d", cell)) or _is_number(cell)


def _n_filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_number(cell: str) -> bool:
    return PLAIN.number(cell) is not None


def _is_grouped(cells: Sequence[str]) -> bool:
    """Whether points may keep thousands apart: three digits behind each, and numbers without."""
    pointed = [cell for cell in cells if "." in cell]
    whole = [cell for cell in cells if cell.strip().lstrip("+-").isdecimal()]
    return len(pointed) >= _SEVERAL and bool(whole) and all(map(_NOTATION.is_unclear, pointed))


def _is_comment(rows: Sequence[Sequence[str]], at: int, width: int) -> bool:
    """Whether a row that begins with # is no header: it has another width, or names follow."""
    row, after = rows[at], rows[at + 1 : at + 12]
    if not row[0].lstrip().startswith("#") or not after:
        return False
    if len(row) != width:
        return True
    named = len(after[0]) == width and not any(map(_is_number, after[0]))
    return named and any(_is_number(cell) for cells in after[1:] for cell in cells)
