"""Which files a path means, and of what format they are."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from elinvar.environments._column_names import nearest
from elinvar.environments._csv_layout import PACKED
from elinvar.environments._labels import natural_order
from elinvar.errors import FileError

Format = Literal["csv", "parquet", "arrow", "json"]
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
    ".jsonl": "json",
    ".ndjson": "json",
}
KNOWN = (
    "CSV (.csv, .tsv, .txt) and JSON lines (.jsonl), both also packed (.gz, .bz2, .zst), Parquet "
    "(.parquet) and Arrow files (.feather, .arrow)"
)


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
    if "://" in text:
        raise FileError(
            f"{text} is an address; copy what it leads to onto this machine, and name the file."
        )
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


def _inside(folder: Path) -> list[Path]:
    """Return the files in a folder whose ending is known, natural order, hidden ones left out."""
    found = [
        file
        for file in folder.rglob("*")
        if not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        and _ending(file) in FORMATS
        and file.is_file()
    ]
    order = {name: k for k, name in enumerate(natural_order({str(file) for file in found}))}
    return sorted(found, key=lambda file: order[str(file)])


def stem_of(path: Path) -> str:
    """Return a file's name without the endings that tell its format."""
    for known in (PACKED, FORMATS):
        if path.suffix.lower() in known:
            path = path.with_suffix("")
    return path.name


def _ending(path: Path) -> str:
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
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror}.") from error
    if not head:
        raise FileError(f"{path} is empty (0 bytes).")
    ending = _ending(path)
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
    return result
