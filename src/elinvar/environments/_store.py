"""Moments on disk: one ``.npz`` of plain arrays and a JSON description; no code runs on loading."""

import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from elinvar._base import atomic_save
from elinvar.environments._raw_moments import ARRAYS, RawMoments
from elinvar.environments._schema import Schema
from elinvar.errors import DataError, FileError

FORMAT = "elinvar-moments"
VERSION = 1


def save_moments(moments: RawMoments, path: str | os.PathLike[str]) -> None:
    """See :meth:`Moments.save`."""
    about = {
        "format": f"{FORMAT}/{VERSION}",
        "names": list(moments.names),
        "schema": moments.schema.to_dict(),
        "n_dropped": moments.n_dropped,
        "sampling": moments.sampling,
    }
    text = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    arrays: dict[str, Any] = {name: getattr(moments, name) for name in ARRAYS}
    atomic_save(path, lambda file: np.savez(file, about=text, **arrays))


def load_moments(path: str | os.PathLike[str]) -> RawMoments:
    """See :meth:`Moments.load`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror or error}.") from error
    # all that a damaged archive was seen to raise in numpy, zipfile and json
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError),
        *(ValueError, KeyError, TypeError, RuntimeError, AttributeError, SyntaxError),
    ) as error:
        detail = f" ({error})" if isinstance(error, DataError) else ""
        raise FileError(
            f"{path} is damaged or not a file of moments{detail}; make it again with Moments.save."
        ) from error


def _read(file: BinaryIO, path: Path) -> RawMoments:
    # np.load would try to unpickle what is no archive
    if file.read(4) != b"PK\x03\x04":
        raise FileError(f"{path} is not a file of moments, which Moments.save writes.")
    file.seek(0)
    with np.load(file, allow_pickle=False) as data:
        about = json.loads(bytes(data["about"]).decode())
        kind, _, version = str(about["format"]).partition("/")
        if kind != FORMAT:
            raise ValueError(f"format {kind}")
        if int(version) > VERSION:
            raise FileError(
                f"{path} was written by a newer version of elinvar ({about['format']}; this one "
                f"reads up to {FORMAT}/{VERSION}); update elinvar."
            )
        return RawMoments(
            names=tuple(str(name) for name in about["names"]),
            schema=Schema.from_dict(about["schema"]),
            n_dropped=int(about["n_dropped"]),
            sampling=bool(about.get("sampling", False)),
            # older files have no sums of weights
            **{name: data[name] for name in ARRAYS if name in data},
        )
