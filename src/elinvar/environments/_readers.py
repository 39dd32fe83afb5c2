"""The ways in: arrays, frames, files and batches become rows, and rows become moments."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from elinvar.environments._accumulate import (
    MANY_ENVIRONMENTS,
    Accumulator,
    refuse_row_identifier,
)
from elinvar.environments._arrays import (
    check_environments_array,
    check_vector,
    check_weights,
    finite,
    refuse_no_weight,
)
from elinvar.environments._bare import Arrays, check_arrays
from elinvar.environments._choice import Choice, choose, require_columns
from elinvar.environments._environments import Environments
from elinvar.environments._frames import Frame, as_frame, is_frame
from elinvar.environments._labels import Factor, concatenate_factors, join_factors
from elinvar.environments._moments import Moments
from elinvar.environments._read_files import Files, NotNumbers, Paths
from elinvar.environments._recipe import (
    Missing,
    Rows,
    check_missing,
    counted_rows,
    encode_rows,
    environment_labels,
    make_rows,
    refuse_no_rows,
    survey,
    survey_columns,
)
from elinvar.environments._schema import Schema, Unknown
from elinvar.environments._stream import Stream, moments_of
from elinvar.errors import DataError, FileError

PIECE = 65_536
T = TypeVar("T")
Use = Callable[[Iterable[Rows], Schema], T]


def _accumulated(arrays: Arrays) -> Moments:
    accumulator = Accumulator(arrays.X.shape[1])
    environment = arrays.environment
    if not accumulator.add(
        arrays.X, arrays.y, environment.codes, environment.labels, arrays.weight
    ):
        arrays.refuse()
    return moments_of(accumulator, arrays.schema, arrays.n_dropped)


def moments_from_arrays(X: Any, y: Any, **given: Any) -> Moments:
    """See :meth:`Moments.from_arrays`."""
    if is_frame(X):
        return environments_from_arrays(X, y, **given).moments()
    return _accumulated(check_arrays(X, y, **given))


def environments_from_arrays(X: Any, y: Any, **given: Any) -> Environments:
    """See :meth:`Environments.from_arrays`."""
    if is_frame(X):
        return _environments_from_features(as_frame(X), y, **given)
    arrays = check_arrays(X, y, **given)
    if not (finite(arrays.X) and finite(arrays.y)):
        arrays.refuse()
    return Environments(
        X=np.asarray(arrays.X, dtype=np.float64),
        y=np.asarray(arrays.y, dtype=np.float64),
        codes=arrays.environment.codes,
        names=arrays.environment.labels,
        schema=arrays.schema,
        sample_weight=arrays.weight,
        n_dropped=arrays.n_dropped,
    )


def _environments_from_features(
    frame: Frame,
    y: Any,
    environments: Any,
    sample_weight: Any,
    feature_names: Any,
    target: str,
    missing: Missing,
) -> Environments:
    """Take features from a frame, target and environments from arrays beside it."""
    if feature_names is not None:
        raise DataError("A frame names its features itself; leave out feature_names.")
    check_missing(missing)
    n = frame.n_rows
    if not n:
        raise DataError("Found array with 0 sample(s) while a minimum of 1 is required.")
    factor = check_environments_array(environments, n)
    values = check_vector(y, "y", n).astype(np.float64)
    weight = None if sample_weight is None else check_weights(sample_weight, n)
    choice = Choice(
        features=frame.names,
        target=target,
        environment=("environment",),
        categorical=frozenset(),
        weight=None,
    )
    refuse_no_weight(weight)
    keep = np.ones(n, dtype=bool) if weight is None else weight > 0
    present = keep if missing == "error" else keep & ~np.isnan(values)
    kept = None if weight is None else weight[present]
    part = frame.take(present)
    kinds = {name: frame.kind(name) for name in frame.names}
    schema = survey([(part, kept)], choice, kinds, missing)
    chosen = Factor(codes=factor.codes[present], labels=factor.labels)
    rows = encode_rows(part, schema, missing, values[present], chosen, kept)
    return _environments([rows], schema, int(keep.sum() - present.sum()))


def _environments(parts: list[Rows], schema: Schema, n_dropped: int = 0) -> Environments:
    """Put chunks of rows together, environments in natural order, levels in use only."""
    n_dropped += sum(rows.n_dropped for rows in parts)
    refuse_no_rows(sum(len(rows.y) for rows in parts))
    X = parts[0].X if len(parts) == 1 else np.concatenate([rows.X for rows in parts])
    environment = concatenate_factors([rows.environment for rows in parts]).ordered()
    refuse_row_identifier(len(environment.labels), len(X))
    weights = [rows.weight for rows in parts if rows.weight is not None]
    lean = schema.without_levels(~(X != 0).any(axis=0)) if schema.levels else schema
    if lean is not schema:
        X = X[:, lean.position_in(schema)]
    return Environments(
        X=X,
        y=np.concatenate([rows.y for rows in parts]),
        codes=environment.codes,
        names=environment.labels,
        schema=lean,
        sample_weight=np.concatenate(weights) if weights else None,
        n_dropped=n_dropped,
    )


def moments_of_environments(data: Environments) -> Moments:
    """See :meth:`Environments.moments`."""
    arrays = Arrays(
        X=data.X,
        y=data.y,
        environment=Factor(codes=data.codes, labels=data.names),
        weight=data.sample_weight,
        schema=data.schema,
        n_dropped=data.n_dropped,
    )
    return _accumulated(arrays)


def _plan(frame: Frame, missing: Missing, roles: dict[str, Any]) -> tuple[Choice, Schema]:
    check_missing(missing)
    choice = choose(frame.names, **roles)
    if not frame.n_rows:
        raise DataError("The table has no rows: 0 sample(s) while a minimum of 1 is required.")
    if choice.environment:
        environment = join_factors([frame.factor(name) for name in choice.environment])
        refuse_row_identifier(len(environment.labels), frame.n_rows)
    kinds = {name: frame.kind(name) for name in choice.columns}
    return choice, survey(counted_rows([frame], choice, missing), choice, kinds, missing)


def _from_files(
    path: Paths, missing: Missing, roles: dict[str, Any], use: Callable[[Iterable[Rows], Schema], T]
) -> T:
    """Plan the reading of files and hand the plan to ``use``.

    A CSV column is taken for what its beginning shows. If it turns out otherwise further down,
    all starts again with that column as text, so that the outcome depends on the values alone.
    """
    check_missing(missing)
    files = Files(path)
    choice = choose(files.names, **roles)
    labels = {*choice.environment, *choice.categorical}
    texts: set[str] = set()
    while True:
        try:
            kinds = files.kinds(choice.columns, texts)
            seen = survey_columns(choice, kinds, missing)
            frames = files.frames(seen, labels=labels, texts=texts) if seen else ()
            schema = survey(counted_rows(frames, choice, missing), choice, kinds, missing)
            whole = files.frames(choice.columns, labels=labels, texts=texts)
            rows = (make_rows(frame, choice, schema, missing) for frame in whole)
            names = files.frames(choice.environment, labels=labels)
            return use(_watched(rows, names, choice), schema)
        except NotNumbers as surprise:
            if surprise.column in texts:
                raise FileError(f"{surprise.column}: {surprise.detail}") from surprise
            texts.add(surprise.column)


def _watched(rows: Iterable[Rows], names: Iterable[Frame], choice: Choice) -> Iterator[Rows]:
    """Pass rows on; when nearly each begins its own environment, look ahead at the names alone."""
    seen: set[str] = set()
    n_rows, watching = 0, True
    for chunk in rows:
        if watching:
            seen.update(chunk.environment.labels)
            n_rows += len(chunk.y)
            if len(seen) > MANY_ENVIRONMENTS and n_rows < 1.2 * len(seen):
                _refuse_single_rows(names, choice)
                watching = False
        yield chunk


def _refuse_single_rows(names: Iterable[Frame], choice: Choice) -> None:
    seen: set[str] = set()
    n_rows = 0
    for frame in names:
        seen.update(join_factors([frame.factor(name) for name in choice.environment]).labels)
        n_rows += frame.n_rows
    refuse_row_identifier(len(seen), n_rows)


def moments_from_files(path: Paths, missing: Missing, **roles: Any) -> Moments:
    """See :meth:`Moments.from_files`."""

    def accumulate(rows: Iterable[Rows], schema: Schema) -> Moments:
        stream = Stream()
        for chunk in rows:
            stream.add(chunk, schema)
        return stream.result()

    return _from_files(path, missing, roles, accumulate)


def environments_from_files(path: Paths, missing: Missing, **roles: Any) -> Environments:
    """See :meth:`Environments.from_files`."""
    return _from_files(path, missing, roles, lambda rows, schema: _environments(list(rows), schema))


def encode_files(
    path: Paths, schema: Schema, *, unknown: Unknown = "error", environments: bool = False
) -> Iterator[tuple[NDArray[np.float64], list[str] | None]]:
    """Encode the features in files, a bounded number of rows at a time.

    Parameters
    ----------
    path : path, pattern or list of paths
    schema : Schema
    unknown : {"error", "zero"}
        What to do with a level not seen in training.
    environments : bool
        Whether to read the environment columns as well, where the files have all of them.

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
    files = Files(path)
    environments = environments and set(schema.environment) <= set(files.names)
    wanted = (*schema.features, *(schema.environment if environments else ()))
    require_columns(files.names, wanted)
    labels = {*schema.levels, *(schema.environment if environments else ())}
    try:
        for frame in files.frames(wanted, labels=labels):
            X = schema.encode(frame, unknown=unknown)
            yield X, environment_labels(frame, schema.environment) if environments else None
    except NotNumbers as surprise:
        raise DataError(
            f"{surprise.column} must hold numbers, but does not in all rows: {surprise.detail}."
        ) from surprise


def moments_from_frame(frame: Any, missing: Missing, **roles: Any) -> Moments:
    """See :meth:`Moments.from_frame`."""
    table = as_frame(frame)
    choice, schema = _plan(table, missing, roles)
    stream = Stream()
    for piece in table.pieces(PIECE):
        stream.add(make_rows(piece, choice, schema, missing), schema)
    return stream.result()


def environments_from_frame(frame: Any, missing: Missing, **roles: Any) -> Environments:
    """See :meth:`Environments.from_frame`."""
    table = as_frame(frame)
    choice, schema = _plan(table, missing, roles)
    return _environments([make_rows(table, choice, schema, missing)], schema)
