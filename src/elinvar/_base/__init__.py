"""The ground: validation, files, optional packages, numbers and lists in words."""

from elinvar._base._extras import import_extra
from elinvar._base._files import PAGES, atomic_save, atomic_write, check_page, check_writable
from elinvar._base._leftovers import temporary_folder
from elinvar._base._protocols import MatrixAlgorithm, MatrixProblem

__all__ = [
    "PAGES",
    "MatrixAlgorithm",
    "MatrixProblem",
    "atomic_save",
    "atomic_write",
    "check_page",
    "check_writable",
    "import_extra",
    "temporary_folder",
]
