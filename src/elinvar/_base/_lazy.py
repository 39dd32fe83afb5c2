"""Packages whose names are loaded when they are first used, from the stub that lists them once."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from elinvar._base._extras import import_extra

# one name a statement, as ruff writes imports that are meant to be seen from outside
_IMPORT = re.compile(r"^from (\S+) import \(?\s*(\w+) as \2\b", re.MULTILINE)


def attach(
    package: str, file: str, *, extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package from its stub.

    The names are in ``__init__.pyi`` alone, as imports that type checkers and editors read
    (Scientific Python's SPEC 1).

    Parameters
    ----------
    package : str
        Its ``__name__``.
    file : str
        Its ``__file__``; the stub lies beside it.
    extra : str, optional
        Optional package that all names need.
    """
    stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
    home = {name: module for module, name in _IMPORT.findall(stub)}

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if extra is not None:
            import_extra(extra, extra)
        if home[name] == package:
            return import_module(f"{package}.{name}")
        return getattr(import_module(home[name]), name)

    return load, lambda: sorted(home), sorted(home)
