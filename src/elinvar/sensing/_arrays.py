"""The kinds of arrays that steps work on."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
# single or double precision, as the run asks
Reals: TypeAlias = NDArray[np.floating[Any]]
Singles: TypeAlias = NDArray[np.float32]
Words: TypeAlias = NDArray[np.uint32]
Indices: TypeAlias = NDArray[np.int64]
