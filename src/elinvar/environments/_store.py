"""Moments on disk: one ``.npz`` of plain arrays and a JSON description; no code runs on loading."""

import json
import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import numpy as np

from elinvar._base import atomic_save
from elinvar._base._believe import believe
from elinvar._base._check import check_unicode
from elinvar.environments._checks import Floats
from elinvar.environments._raw_moments import ARRAYS, RawMoments
from elinvar.environments._schema import Schema
from elinvar.errors import FileError

FORMAT = "elinvar-moments"
VERSION = 1
_ROUNDING = 1.001


@dataclass(frozen=True, kw_only=True)
class _About:
    """What the JSON description must say."""

    format: str
    names: tuple[str, ...]
    schema: dict[str, Any]
    n_dropped: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    sampling: bool = False


def save_moments(moments: RawMoments, path: str | os.PathLike[str]) -> None:
    """See :meth:`Moments.save`."""
    about = {
        "format": f"{FORMAT}/{VERSION}",
        "names": list(moments.names),
        "schema": moments.schema.to_dict(),
        "n_dropped": moments.n_dropped,
        "sampling": moments.sampling,
    }
    text = json.dumps(about, ensure_ascii=False)
    check_unicode(text)
    content = np.frombuffer(text.encode(), dtype=np.uint8)
    arrays: dict[str, Any] = {name: getattr(moments, name) for name in ARRAYS}
    atomic_save(path, lambda file: np.savez(file, about=content, **arrays))


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
    # zipfile, zlib and numpy raise errors of a dozen kinds for what is damaged
    except Exception as error:
        detail = f" ({str(error).rstrip('.')})" if isinstance(error, ValueError) else ""
        raise FileError(
            f"{path} is damaged or not a file of moments{detail}; make it again with Moments.save."
        ) from error


def _read(file: BinaryIO, path: Path) -> RawMoments:
    if file.read(4) != b"PK\x03\x04":
        raise FileError(f"{path} is not a file of moments, which Moments.save writes.")
    with zipfile.ZipFile(file) as archive:
        content = msgspec.json.decode(_array(archive, "about", None, "u").tobytes())
        kind, _, version = str(content["format"]).partition("/")
        if kind != FORMAT:
            raise FileError(f"{path} is not a file of moments, but of {kind[:40]!r}.")
        if int(version) > VERSION:
            raise FileError(
                f"{path} was written by a newer version of elinvar ({kind}/{version}; this one "
                f"reads up to {FORMAT}/{VERSION}); update elinvar."
            )
        about: _About = believe(content, _About)
        schema = Schema.from_dict(about.schema)
        size = {"E": len(about.names), "p": schema.n_columns}
        kept = archive.namelist()
        found = RawMoments(
            names=about.names,
            schema=schema,
            n_dropped=about.n_dropped,
            sampling=about.sampling,
            # older files have no sums of weights
            **{
                name: _array(archive, name, tuple(size[axis] for axis in axes), "f")
                for name, axes in ARRAYS.items()
                if f"{name}.npy" in kept
            },
        )
    _check_possible(found)
    return found


def _check_possible(moments: RawMoments) -> None:
    r"""Refuse second moments that no rows have: :math:`|c_{jk}| \le s_j s_k` up to rounding.

    Raises
    ------
    ValueError
        If some are.
    """
    sd = np.sqrt(np.einsum("ejj->ej", moments.cov_xx))
    sd_y = np.sqrt(moments.var_y)[:, None]
    with np.errstate(over="ignore", under="ignore"):
        fits = (np.abs(moments.cov_xy) <= _ROUNDING * sd * sd_y).all()
        fits &= (np.abs(moments.cov_xx) <= _ROUNDING * sd[:, :, None] * sd[:, None, :]).all()
    if not fits or not np.array_equal(moments.cov_xx, moments.cov_xx.swapaxes(1, 2)):
        raise ValueError("its covariances are larger than variances allow, or not symmetric")


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...] | None, kind: str) -> Floats:
    """Read an array that must have this type and shape, and take no more memory than its file.

    Raises
    ------
    ValueError
        If it has another, or is packed: then a few bytes could become gigabytes.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{name} is packed")
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{name} has another format")
        found, fortran, dtype = np.lib.format.read_array_header_1_0(member)
        n = math.prod(found)
        if dtype.kind != kind or dtype.itemsize > 8 or shape not in (None, found):
            raise ValueError(f"{name} is {dtype} of shape {found}, and {shape} is needed")
        content = member.read()
        if len(content) != n * dtype.itemsize:
            raise ValueError(f"{name} has not as many numbers as its shape")
    return np.frombuffer(content, dtype=dtype, count=n).reshape(
        found, order="F" if fortran else "C"
    )
