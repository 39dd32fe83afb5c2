"""What the path of a file says of its rows: the file, its folder, and ``key=value`` on the way."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote

from elinvar.environments._paths import stem_of

# as Hive writes a value that is missing
_NOTHING = "__HIVE_DEFAULT_PARTITION__"


def keys_of(path: Path) -> dict[str, str | None]:
    """Return what folders named ``key=value`` say of the rows in a file."""
    pairs = (part.split("=", 1) for part in path.parts[:-1] if "=" in part.strip("="))
    return {
        unquote(_unicode(key)): None if value == _NOTHING else unquote(_unicode(value))
        for key, value in pairs
    }


def _unicode(name: str) -> str:
    """Return a file's name with escapes for bytes that are no Unicode, which tables cannot hold."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def places_of(paths: Sequence[Path]) -> list[Mapping[str, str | None]]:
    """Return, for each file, what may name the environment of its rows.

    ``file`` is its name without ending, or if several files have the same, the path that tells
    them apart; ``folder`` is where it lies; ``path:key`` is the value of ``key``.
    """
    stems = [stem_of(path) for path in paths]
    if max(Counter(stems).values()) > 1:
        # file by file, the part of the paths that differs
        folders = [_absolute(path).parent for path in paths]
        around = os.path.commonpath(folders)
        whole = [os.path.relpath(folder, around) for folder in folders]
        stems = [
            (Path(folder) / stem).as_posix() for folder, stem in zip(whole, stems, strict=True)
        ]
    if len(set(stems)) < len(stems):
        stems = [str(path) for path in paths]
    return [
        {
            "file": _unicode(stem),
            "folder": _unicode(_absolute(path).parent.name),
            **{f"path:{key}": value for key, value in keys_of(path).items()},
        }
        for path, stem in zip(paths, stems, strict=True)
    ]


def _absolute(path: Path) -> PurePath:
    """Return a path from the root, also of a file that lies at an address."""
    where = getattr(path, "path", None)
    return path.absolute() if where is None else PurePosixPath("/", str(where))
