"""A few rows of files with their target, features encoded by a schema that is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._checks import Floats
from elinvar.environments._column_names import check_columns
from elinvar.environments._csv_files import NotNumbers, is_rewritten
from elinvar.environments._files import Files
from elinvar.environments._notation import PLAIN, Notation, hint
from elinvar.environments._paths import Paths
from elinvar.environments._schema import Schema, Unknown
from elinvar.environments._target import check_target
from elinvar.errors import DataError


def read_labelled(
    path: Paths,
    schema: Schema,
    *,
    classes: bool = False,
    unknown: Unknown = "error",
    notation: Notation = PLAIN,
) -> tuple[Floats, NDArray[Any]]:
    """Read rows and their target into memory.

    Parameters
    ----------
    path : path, pattern or list of paths
    schema : Schema
    classes : bool
        Whether the target names classes.
    unknown : {"error", "zero", "warn"}
        What to do with a level not seen in training: see :meth:`Schema.encode`.
    notation : Notation
        How numbers and missing values are written.

    Returns
    -------
    (n, n_columns) array, and (n,) array of numbers or of labels of classes

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a column is missing or holds values that cannot be used, or there are no rows.
    """
    files = Files(path, notation)
    wanted = tuple(dict.fromkeys((*schema.features, schema.target)))
    check_columns(files.names, wanted)
    # levels that a column of labels would not have come from a column of text
    texts = {name for name, known in schema.levels.items() if any(map(is_rewritten, known))}
    labels = {*schema.levels, *[schema.target] * classes} - texts
    parts: list[Floats] = []
    numbers: list[Floats] = []
    outcomes: list[str | None] = []
    try:
        for frame in files.frames(wanted, labels=labels, texts=texts):
            parts.append(schema.encode(frame, unknown=unknown))
            if classes:
                factor = frame.factor(schema.target)
                outcomes += [None if code < 0 else factor.labels[code] for code in factor.codes]
            else:
                numbers.append(frame.numbers(schema.target))
    except NotNumbers as surprise:
        raise DataError(
            f"{surprise.column} must hold numbers, but does not in all rows: it holds "
            f"{surprise.value!r}{hint(surprise.column, surprise.value)}."
        ) from surprise
    if not sum(map(len, parts)):
        raise DataError("The table has no rows: at least one labelled row is needed.")
    y = np.array(outcomes, dtype=object) if classes else np.concatenate(numbers)
    check_target(y, numbers=not classes)
    return np.concatenate(parts), y
