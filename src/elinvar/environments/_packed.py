"""Files as streams of bytes: unpacked whatever packs them, workbooks as CSV, addresses as files."""

import csv
import io
import lzma
import mmap
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from elinvar._base import import_extra
from elinvar._base._lent import lent
from elinvar._base._warn import warn
from elinvar._base._words import some
from elinvar.errors import FileError

PACKED = (".gz", ".bz2", ".zst", ".lz4", ".xz", ".zip")
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}


def opened(path: Path) -> Any:
    """Return a stream of the bytes in a file, unpacked if they are packed.

    Raises
    ------
    FileError
        If it is an archive of several files.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        head = file.read(8)
    packed = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    if packed == "zip":
        return pa.input_stream(lent(_unzipped(path)), compression=None)
    if packed == "xz":
        return pa.input_stream(lent(lzma.open(raw(path))), compression=None)
    return pa.input_stream(raw(path), compression=packed)


def raw(path: Path) -> Any:
    """Return what pyarrow reads a file by: its name, or a file object if it has none to say."""
    if not type(path).__module__.startswith("pathlib"):
        return lent(path.open("rb"))
    try:
        str(path).encode()
    except UnicodeEncodeError:
        import pyarrow as pa

        # Arrow cannot say a name that is no Unicode; the content need not be in memory for that
        with path.open("rb") as file:
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return pa.BufferReader(pa.py_buffer(held))
    return str(path)


def _unzipped(path: Path) -> Any:
    try:
        archive = zipfile.ZipFile(raw(path))
    except zipfile.BadZipFile as error:
        raise FileError(f"{path} cannot be read: it is damaged or cut short.") from error
    members = [name for name in archive.namelist() if not name.endswith("/")]
    if "xl/workbook.xml" in members:
        return io.BytesIO(_sheet(path, path.stat().st_mtime))
    tables = [name for name in members if not name.startswith(("__MACOSX", "."))]
    if len(tables) != 1 or "mimetype" in members:
        found = f"{len(tables)} files ({some(tables)})"
        raise FileError(f"{path} is an archive of {found}: unpack it, and name one.")
    return archive.open(tables[0])


@lru_cache(maxsize=4)
def _sheet(path: Path, changed: float) -> bytes:
    """Return the first sheet of a workbook as CSV; ``changed`` tells versions of it apart."""
    workbook = import_extra("openpyxl", "excel").load_workbook(
        io.BytesIO(path.read_bytes()), read_only=True, data_only=True
    )
    first, *others = workbook.worksheets
    if others:
        names = some([repr(sheet.title) for sheet in others])
        warn(f"{path.name}: only its first sheet, {first.title!r}, is read, not {names}.")
    text = io.StringIO()
    csv.writer(text).writerows(map(_cells, first.iter_rows(values_only=True)))
    workbook.close()
    return text.getvalue().encode()


def _cells(row: Iterable[object]) -> list[str]:
    shown = [cell.isoformat(" ") if hasattr(cell, "isoformat") else cell for cell in row]
    return ["" if cell is None else str(cell) for cell in shown]
