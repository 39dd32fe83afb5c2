"""Which files a path means, and of what format they are."""

import glob
import os
from collections.abc import Iterable, Sequence
from lzma import LZMAError
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal
from urllib.parse import unquote

from elinvar._base import import_extra
from elinvar.environments._column_names import nearest
from elinvar.environments._labels import natural_order
from elinvar.environments._packed import PACKED, opened
from elinvar.errors import ElinvarError, FileError

Format = Literal["csv", "parquet", "arrow", "json"]
PathLike = str | os.PathLike[str]
Paths = PathLike | Sequence[PathLike]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".data": "csv",
    ".asc": "csv",
    ".xlsx": "csv",
    ".xlsm": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
# what of a folder is read: a file of JSON is often something else
_TABLES = FORMATS.keys() - {".json"}
KNOWN = (
    "CSV (.csv, .tsv, .txt) and JSON lines (.jsonl), also packed (.gz, .bz2, .xz, .zst, .zip), "
    "Parquet (.parquet), Arrow (.feather, .arrow) and Excel (.xlsx)"
)
_FOREIGN = {
    ".dta": "read_stata",
    ".sav": "read_spss",
    ".sas7bdat": "read_sas",
    ".xpt": "read_sas",
    ".orc": "read_orc",
    ".h5": "read_hdf",
    ".hdf5": "read_hdf",
    ".pkl": "read_pickle",
    ".pickle": "read_pickle",
    ".xls": "read_excel",
    ".ods": "read_excel",
    ".xml": "read_xml",
    ".html": "read_html",
}


def find_files(path: Paths) -> tuple[Path, ...]:
    """Return the files that a path, a folder, a glob pattern or a list of these names, in order.

    Parameters
    ----------
    path : path, pattern or list of paths
        Of a folder all files count that can be read, those in its folders too.

    Raises
    ------
    FileError
        If a file does not exist, a folder holds none, or no file matches.
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
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    if "://" in text:
        return _elsewhere(text)
    if not text or "\0" in text:
        raise FileError(f"{text!r} cannot be opened: it is not a path.")
    try:
        if glob.has_magic(text) and not os.path.exists(text):
            found = sorted(Path(name) for name in glob.glob(text, recursive=True))
            files = tuple(file for file in found if file.is_file())
            files = files or tuple(file for name in found for file in _inside(name))
            if not files:
                raise FileError(f"No file matches {text}.")
            return files
        file = Path(text)
        if file.is_dir():
            files = tuple(_inside(file))
            if not files:
                raise FileError(f"The folder {file} holds no files that can be read: {KNOWN}.")
            return files
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


def _elsewhere(address: str) -> tuple[Path, ...]:
    """Return the files that an address (s3://, https://, memory://, ...) leads to."""
    core = import_extra("fsspec.core", "fsspec")
    path_of = import_extra("upath", "fsspec").UPath
    try:
        system, root = core.url_to_fs(address)
        if glob.has_magic(root):
            names = sorted(system.glob(root))
        else:
            names = [root] if system.isfile(root) else _known(system.find(root), root)
        found = tuple(path_of(system.unstrip_protocol(name)) for name in names)
    except Exception as error:
        # whatever the library of a place raises: no such place, no rights, no connection
        why = " ".join(str(error).split()) or type(error).__name__
        raise FileError(f"{address} cannot be read: {why.rstrip('.')}.") from error
    if not found:
        raise FileError(f"There is no file {address}.")
    return found


def _known(names: Iterable[str], folder: str) -> list[str]:
    """Return those of the names in a folder whose ending is known and that are not hidden."""
    within = {name: PurePosixPath(name.removeprefix(folder).lstrip("/")) for name in names}
    seen = {
        name
        for name, inner in within.items()
        if not any(part.startswith((".", "_")) for part in inner.parts)
        and _ending(inner) in _TABLES
    }
    return natural_order(seen)


def _inside(folder: Path) -> list[Path]:
    """Return the files in a folder whose ending is known, natural order, hidden ones left out."""
    names = [str(file) for file in folder.rglob("*") if file.is_file()]
    return [Path(name) for name in _known(names, str(folder))]


def stem_of(path: Path) -> str:
    """Return a file's name without the endings that tell its format."""
    name = PurePosixPath(path.name)
    for known in (PACKED, FORMATS):
        if name.suffix.lower() in known:
            name = name.with_suffix("")
    return name.name


def _ending(path: PurePath) -> str:
    endings = [suffix.lower() for suffix in path.suffixes]
    if len(endings) > 1 and endings[-1] in PACKED:
        return endings[-2]
    return endings[-1] if endings else ""


def format_of(path: Path) -> Format:
    """Tell a file's format from its first bytes and its ending; they must agree.

    Raises
    ------
    FileError
        If the file is empty, cannot be opened, or is of no known format.
    """
    ending = _ending(path)
    named = FORMATS.get(ending)
    if ending in _FOREIGN:
        raise FileError(
            f"{path} is a file of another program: read it with pandas.{_FOREIGN[ending]}, and "
            "give the frame, or write it to Parquet (frame.to_parquet) and name that."
        )
    try:
        with path.open("rb") as file:
            whole = file.read(4096)
        head = whole
        if whole and not (named and path.suffix.lower() in FORMATS):
            with opened(path) as file:
                head = file.read(4096)
    except ElinvarError:
        raise
    except (OSError, EOFError, ValueError, LZMAError) as error:
        why = getattr(error, "strerror", None)
        said = f"opened: {why}" if why else "read: it is damaged or cut short"
        raise FileError(f"{path} cannot be {said}.") from error
    if not whole:
        raise FileError(f"{path} is empty (0 bytes).")
    found = _format_of_bytes(whole)
    if found and named and found != named:
        raise FileError(f"{path} ends in {ending}, but its content is {found.title()}; rename it.")
    if _format_of_bytes(head) != found:
        raise FileError(f"{path} is a packed {_format_of_bytes(head)} file; unpack it first.")
    result = found or named or _format_of_text(head)
    if result is None:
        raise FileError(
            f"{path} is of a format that is not known; files that can be read: {KNOWN}."
        )
    return result


def _format_of_bytes(head: bytes) -> Format | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    return "arrow" if head.startswith((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")) else None


def _format_of_text(head: bytes) -> Format | None:
    """Tell what text holds; None if it is none."""
    if head.lstrip().startswith((b"{", b"[{")):
        return "json"
    # text in UTF-16 has a mark of its byte order
    return None if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")) else "csv"
