"""Ground floor: errors, files, validation, and what every estimator face shares."""

from elinvar._base._errors import (
    DataError,
    DataTypeError,
    ElinvarError,
    ElinvarWarning,
    FileError,
    MissingExtraError,
    ModelFileError,
    import_extra,
)
from elinvar._base._files import atomic_save, atomic_write, check_writable
from elinvar._base._protocols import MatrixAlgorithm, MatrixProblem

__all__ = [
    "DataError",
    "DataTypeError",
    "ElinvarError",
    "ElinvarWarning",
    "FileError",
    "MatrixAlgorithm",
    "MatrixProblem",
    "MissingExtraError",
    "ModelFileError",
    "atomic_save",
    "atomic_write",
    "check_writable",
    "import_extra",
]
