"""How kernels are compiled: when it pays, without the GIL, and kept on disk if there is a place."""

import sys
from collections.abc import Callable
from functools import cached_property, update_wrapper
from types import FunctionType
from typing import Any, TypeVar, cast

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# never plain fast-math, which would assume that NaN cannot happen
FASTMATH = {"reassoc", "contract", "arcp", "nsz"}
# so many operations on numbers take Python half a second, and the compiler two or three
_PAYS = 4e6


def compiled(
    *, fastmath: bool = False, work: Callable[..., float] | None = None
) -> Callable[[Kernel], Kernel]:
    """Compile a kernel when it is first called or, with ``work``, when it pays.

    numba is loaded then, and not before. A line on stderr says so if the compiled kernel was not
    kept on disk by an earlier run.

    Parameters
    ----------
    fastmath : bool
        Let sums be reordered and fused, but keep NaN and infinity. Without it the kernel is to the
        last bit what Python makes of it.
    work : callable, optional
        Number of operations that a call takes, given its arguments: Python runs the kernel itself
        until they add up to what it takes to compile it.
    """

    def decorate(function: Kernel) -> Kernel:
        return cast(Kernel, _Kernel(function, fastmath, work))

    return decorate


class _Kernel:
    """A function on numbers and arrays, and its compiled twin."""

    def __init__(
        self, function: Callable[..., Any], fastmath: bool, work: Callable[..., float] | None
    ) -> None:
        update_wrapper(self, function)
        self._function = cast(FunctionType, function)
        self._fastmath = fastmath
        self._work = work
        self._done = 0.0

    def __call__(self, *arguments: Any) -> Any:
        if self._work is not None and self._done <= _PAYS:
            self._done += self._work(*arguments)
            if self._done <= _PAYS:
                return self.python(*arguments)
        return self.machine(*arguments)

    @cached_property
    def python(self) -> Callable[..., Any]:
        """The function, which calls other kernels as functions."""
        return self._calling("python")

    @cached_property
    def machine(self) -> Callable[..., Any]:
        """The compiled function, which calls compiled ones."""
        import numba

        _announce_compiling()
        options: dict[str, Any] = {
            "nogil": True,
            "fastmath": FASTMATH if self._fastmath else False,
            # a check for 0 before each division would keep loops from becoming vectors
            "error_model": "numpy",
        }
        function = self._calling("machine")
        kernel: Any
        try:
            kernel = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            kernel = numba.njit(**options)(function)
        return cast(Callable[..., Any], kernel)

    def _calling(self, form: str) -> FunctionType:
        """Return the function with the kernels that it calls in this form."""
        own = self._function
        names = {
            name: own.__globals__[name] for name in own.__code__.co_names if name in own.__globals__
        }
        kernels = {k: getattr(v, form) for k, v in names.items() if isinstance(v, _Kernel)}
        twin = FunctionType(
            own.__code__,
            {**own.__globals__, **kernels},
            own.__name__,
            own.__defaults__,
            own.__closure__,
        )
        return cast(FunctionType, update_wrapper(twin, own))


_announced: list[Any] = []


def _announce_compiling() -> None:
    """Have the first kernel of this process that is compiled, and not read from disk, say so."""
    if _announced:
        return
    from numba.core import event

    class Announcer(event.Listener):
        def on_start(self, event: Any) -> None:
            module = str(event.data["dispatcher"].py_func.__module__)
            if len(_announced) == 1 and module.startswith("elinvar."):
                _announced.append(module)
                line = "elinvar: compiling once, a few seconds"
                print(line, file=sys.stderr, flush=True)

        def on_end(self, event: Any) -> None:
            pass

    _announced.append(Announcer())
    cast(Any, event).register("numba:compile", _announced[0])
