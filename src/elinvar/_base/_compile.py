"""How kernels are compiled: without the GIL, and kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# never plain fast-math, which would assume that NaN cannot happen
FASTMATH = {"reassoc", "contract", "arcp", "nsz"}


def compiled(*, fastmath: bool = False) -> Callable[[Kernel], Kernel]:
    """Compile a kernel when it is first called.

    Parameters
    ----------
    fastmath : bool
        Let sums be reordered and fused, but keep NaN and infinity.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": FASTMATH if fastmath else False}

    def decorate(function: Kernel) -> Kernel:
        try:
            kernel: Any = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            kernel = numba.njit(**options)(function)
        return cast(Kernel, kernel)

    return decorate
