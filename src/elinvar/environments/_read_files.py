"""Files as rows, and as encoded features: a bounded number at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from elinvar._base._voice import option
from elinvar.environments._checks import Floats
from elinvar.environments._column_names import as_spelled, check_columns, nearest
from elinvar.environments._csv_files import NotNumbers, is_rewritten
from elinvar.environments._files import Files
from elinvar.environments._frames import Frame
from elinvar.environments._labels import join_factors
from elinvar.environments._notation import PLAIN, Notation, hint
from elinvar.environments._paths import Paths
from elinvar.environments._read_frames import environment_labels, rows_of_frame
from elinvar.environments._roles import Columns, Roles, as_tuple
from elinvar.environments._row_numbers import warn_of_no_amounts
from elinvar.environments._rows import MANY_ENVIRONMENTS, Rows, check_no_identifier
from elinvar.environments._schema import Schema, Unknown
from elinvar.environments._survey import survey, survey_columns, surveyed_rows
from elinvar.errors import DataError, FileError

T = TypeVar("T")


def read_files(
    path: Paths, roles: Roles, use: Callable[[Iterable[Rows]], T], *, classes: bool = False
) -> T:
    """Read files in chunks and return what ``use`` makes of them.

    A CSV column is taken for what its beginning shows. If it turns out otherwise further down,
    all starts again with that column as text, so that the outcome depends on the values alone;
    this is why ``use`` is handed over, and may be called more than once.

    Raises
    ------
    FileError
        If a file is missing, empty, damaged or of another format.
    DataError
        If a column does not fit its role, or a value cannot be used.
    """
    import pyarrow as pa

    files = Files(path, roles.notation)
    files.warn_of_what_is_left_out()
    found = roles.find(_names(files, as_tuple(roles.environment)), files.files[0].index)
    columns = replace(found, classes=classes)
    files.check_all_have(columns.names)
    files.warn_of_more_columns()
    files.warn_of_points(set(columns.names) - columns.labels)
    try:
        return _used(files, columns, use)
    finally:
        # Arrow keeps what it has freed, as much as the rest of a fit takes
        pa.default_memory_pool().release_unused()


def _used(files: Files, columns: Columns, use: Callable[[Iterable[Rows]], T]) -> T:
    texts: set[str] = set()
    while True:
        try:
            return use(_check_early(_rows(files, columns, texts), files, columns))
        except NotNumbers as surprise:
            if surprise.column in texts:
                raise FileError(
                    f"{surprise.column} cannot be read: {surprise.value!r} is neither text nor a "
                    "number."
                ) from surprise
            # each round adds a column, so there are at most as many rounds as columns
            texts.add(surprise.column)


def _names(files: Files, environment: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all columns, what the paths say among them where it is asked for."""
    own = files.files[0].names
    said = [name for name in environment if name not in files.names and files.offers(name)]
    absent = [name for name in environment if name not in (*files.names, *said)]
    if absent and len(files.files) > 1:
        raise DataError(
            f"There is no environment column {absent[0]!r} in {files.files[0].path}"
            f"{nearest(absent[0], files.names)}. To "
            f"take each file as an environment, say {option('environment', 'file')}."
        )
    columns = [name for name in files.names if name in own or f"path:{name}" not in environment]
    return (*columns, *said)


def _rows(files: Files, columns: Columns, texts: set[str]) -> Iterator[Rows]:
    """Yield all rows; features of text are read through once before that."""
    labels = columns.labels
    kinds = files.kinds(columns.names, texts)
    seen = survey_columns(columns, kinds)
    frames = files.frames(seen, labels=labels, texts=texts) if seen else ()
    schema = survey(surveyed_rows(frames, columns), columns, kinds)
    for k, frame in enumerate(files.frames(columns.names, labels=labels, texts=texts)):
        rows = rows_of_frame(frame, columns, schema)
        if not k:
            warn_of_no_amounts(rows)
        yield rows


def _check_early(rows: Iterable[Rows], files: Files, columns: Columns) -> Iterator[Rows]:
    """Pass rows on; when nearly each begins its own environment, look ahead at the names alone."""
    seen: set[str] = set()
    n_rows, watching = 0, True
    for chunk in rows:
        if watching:
            seen.update(chunk.names)
            n_rows += chunk.n_rows
            # sites may come back later, so the rest is counted before anything is refused
            if len(seen) > MANY_ENVIRONMENTS and n_rows < 1.2 * len(seen):
                frames = files.frames(columns.environment, labels=columns.environment)
                _check_all_names(frames, columns)
                watching = False
        yield chunk


def _check_all_names(frames: Iterable[Frame], columns: Columns) -> None:
    seen: set[str] = set()
    n_rows = 0
    for frame in frames:
        seen.update(join_factors([frame.factor(name) for name in columns.environment]).labels)
        n_rows += frame.n_rows
    check_no_identifier(len(seen), n_rows)


def encode_files(
    path: Paths,
    schema: Schema,
    *,
    unknown: Unknown = "error",
    environments: bool = False,
    notation: Notation = PLAIN,
) -> Iterator[tuple[Floats, list[str] | None]]:
    """Encode the features in files, a bounded number of rows at a time.

    Parameters
    ----------
    path : path, pattern or list of paths
    schema : Schema
    unknown : {"error", "zero", "warn"}
        What to do with a level not seen in training: see :meth:`Schema.encode`.
    environments : bool
        Whether to read the environment columns as well, where the files have all of them.
    notation : Notation
        How numbers and missing values are written.

    Yields
    ------
    (n, n_columns) array and list of n labels, or None
        See :meth:`Schema.encode`.

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a feature is missing or holds values that cannot be used.
    """
    found = encode_and_keep(
        path, schema, (), unknown=unknown, environments=environments, notation=notation
    )
    for X, labels, _ in found:
        yield X, labels


def encode_and_keep(
    path: Paths,
    schema: Schema,
    keep: Sequence[str] | None,
    *,
    unknown: Unknown = "error",
    environments: bool = False,
    notation: Notation = PLAIN,
) -> Iterator[tuple[Floats, list[str] | None, Any]]:
    """Encode the features in files, and pass on columns as they are.

    Parameters
    ----------
    path, schema, unknown, environments, notation
        As in :func:`encode_files`.
    keep : sequence of str, or None
        Columns to pass on; None: all of them.

    Yields
    ------
    (n, n_columns) array, list of n labels or None, and pyarrow table of n rows
        In the order of the files.

    Raises
    ------
    FileError
        If a file cannot be read.
    DataError
        If a feature is missing or holds values that cannot be used.
    """
    files = Files(path, notation)
    kept = files.names if keep is None else tuple(dict.fromkeys(keep))
    wanted = (*schema.features, *schema.environment)
    names = (*files.names, *(n for n in wanted if n not in files.names and files.offers(n)))
    features, places, kept = (
        tuple(as_spelled(name, names) for name in wanted)
        for wanted in (schema.features, schema.environment, kept)
    )
    environments = environments and set(places) <= set(names)
    check_columns(names, features)
    check_columns(names, kept, "column to keep")
    needed = (*features, *(places if environments else ()))
    # levels that a column of labels would not have come from a column of text
    levels = {as_spelled(name, names): known for name, known in schema.levels.items()}
    texts = {name for name, known in levels.items() if any(map(is_rewritten, known))}
    labels = {*levels, *(places if environments else ())} - texts
    # what is only passed on stays as it is written
    texts |= set(kept).difference(needed)
    try:
        for frame in files.frames((*needed, *kept), labels=labels, texts=texts):
            X = schema.encode(frame, unknown=unknown)
            place = environment_labels(frame, places) if environments else None
            yield X, place, frame.arrow(kept)
    except NotNumbers as surprise:
        raise DataError(
            f"{surprise.column} must hold numbers, but does not in all rows: it holds "
            f"{surprise.value!r}{hint(surprise.column, surprise.value)}."
        ) from surprise
