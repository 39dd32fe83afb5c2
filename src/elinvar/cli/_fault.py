"""What is said of an error that nobody foresaw, and where its details are kept."""

import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from pathlib import Path

from elinvar._base import atomic_write
from elinvar._base._secrets import without_secrets
from elinvar._base._version import versions
from elinvar.errors import printable

STATUS = 70
"""Exit status of a fault of elinvar itself, as in sysexits.h."""

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "scikit-learn", "matplotlib", "torch")


def report_fault(error: Exception) -> str:
    """Write the details of ``error`` to a temporary file; return the sentence to print."""
    words = without_secrets(" ".join(str(error).split()))
    name = type(error).__name__ + (f": {words}" if words else "")
    told = (
        f"elinvar stopped on an error that it did not foresee ({name.rstrip('.')}): "
        "this is a fault of elinvar; please report"
    )
    file_name = f"elinvar-fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        path = Path(tempfile.gettempdir(), file_name)
        with atomic_write(path) as file:
            file.write(printable(without_secrets(_details(error))))
    except OSError as refused:
        why = str(refused.strerror or refused).rstrip(".")
        return f"{told} the command and this line (its details could not be written: {why})."
    return f"{told} it with {path}, which holds the command, versions and the place, but no rows."


def _details(error: Exception) -> str:
    """Command, versions and traceback, without the values of variables."""
    return "\n".join(
        [
            f"command: elinvar {shlex.join(sys.argv[1:])}",
            f"system: {platform.platform()}",
            f"versions: {', '.join(versions(*_PACKAGES))}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )
