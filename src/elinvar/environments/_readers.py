"""The ways in: arrays, frames, files and batches become rows, and rows become moments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base import DataError
from elinvar.environments._accumulate import Accumulator, refuse_too_many
from elinvar.environments._arrays import (
    check_environments_array,
    check_feature_names,
    check_matrix,
    check_vector,
    check_weights,
    finite,
    refuse_nonfinite,
)
from elinvar.environments._choice import Choice, choose
from elinvar.environments._environments import Environments
from elinvar.environments._frames import Frame, as_frame, is_frame
from elinvar.environments._labels import Factor, concatenate_factors
from elinvar.environments._moments import Moments
from elinvar.environments._recipe import (
    Missing,
    Rows,
    check_missing,
    counted_rows,
    encode_rows,
    make_rows,
    survey,
)
from elinvar.environments._schema import Schema
from elinvar.environments._stream import Stream, moments_of

PIECE = 65_536


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Checked arrays, as they came."""

    X: NDArray[Any]
    y: NDArray[Any]
    environment: Factor
    weight: NDArray[np.float64] | None
    schema: Schema
    n_dropped: int = 0
    checked: bool = False


def check_arrays(
    X: Any,
    y: Any,
    environments: Any,
    sample_weight: Any,
    feature_names: Any,
    target: str,
    missing: Missing,
) -> Arrays:
    """Check arrays at the door; ``X`` is copied only if rows or values must change."""
    check_missing(missing)
    X = check_matrix(X)
    n = len(X)
    y = check_vector(y, "y", n)
    environment = check_environments_array(environments, n)
    weight = None if sample_weight is None else check_weights(sample_weight, n)
    names, named = check_feature_names(feature_names, X.shape[1])
    schema = Schema(features=names, target=target, named=named)
    keep = np.ones(n, dtype=bool) if weight is None else weight > 0
    n_dropped = 0
    if missing != "error" and not (finite(X) and finite(y)):
        X, y = X.astype(np.float64), y.astype(np.float64)
        present = ~np.isnan(y)
        if missing == "drop":
            present &= ~np.isnan(X).any(axis=1)
        n_dropped = int((keep & ~present).sum())
        keep &= present
    if missing == "impute":
        X, fill = _impute(X, keep, weight, names)
        schema = Schema(features=names, target=target, named=named, fill=fill)
    if not keep.all():
        X, y = X[keep], y[keep]
        environment = Factor(codes=environment.codes[keep], labels=environment.labels)
        weight = None if weight is None else weight[keep]
    if not len(y):
        raise DataError("No rows are left: 0 sample(s) while a minimum of 1 is required.")
    environment = environment.ordered()
    refuse_too_many(len(environment.labels), len(y), X.shape[1])
    return Arrays(
        X=X, y=y, environment=environment, weight=weight, schema=schema, n_dropped=n_dropped
    )


def _impute(
    X: NDArray[Any],
    keep: NDArray[np.bool_],
    weight: NDArray[np.float64] | None,
    names: tuple[str, ...],
) -> tuple[NDArray[np.float64], dict[str, float | str]]:
    X = X.astype(np.float64)
    fill: dict[str, float | str] = {}
    for j, name in enumerate(names):
        good = keep & ~np.isnan(X[:, j])
        if not good.any():
            raise DataError(f"{name} has no values to take a mean of; drop it.")
        fill[name] = float(np.average(X[good, j], weights=None if weight is None else weight[good]))
        X[np.isnan(X[:, j]), j] = fill[name]
    return X, fill


def _refuse(arrays: Arrays) -> None:
    X, y = np.asarray(arrays.X, dtype=np.float64), np.asarray(arrays.y, dtype=np.float64)
    refuse_nonfinite(X, y, arrays.schema.features, arrays.schema.target)
    raise DataError("The values are so large that their squares overflow: rescale the columns.")


def _accumulated(arrays: Arrays) -> Moments:
    accumulator = Accumulator(arrays.X.shape[1])
    environment = arrays.environment
    if not accumulator.add(
        arrays.X, arrays.y, environment.codes, environment.labels, arrays.weight
    ):
        _refuse(arrays)
    return moments_of(accumulator, arrays.schema, arrays.n_dropped)


def moments_from_arrays(
    X: Any,
    y: Any,
    environments: Any,
    sample_weight: Any,
    feature_names: Any,
    target: str,
    missing: Missing,
) -> Moments:
    """See :meth:`Moments.from_arrays`."""
    if is_frame(X):
        return environments_from_arrays(
            X, y, environments, sample_weight, feature_names, target, missing
        ).moments()
    return _accumulated(
        check_arrays(X, y, environments, sample_weight, feature_names, target, missing)
    )


def environments_from_arrays(
    X: Any,
    y: Any,
    environments: Any,
    sample_weight: Any,
    feature_names: Any,
    target: str,
    missing: Missing,
) -> Environments:
    """See :meth:`Environments.from_arrays`."""
    if is_frame(X):
        return _environments_from_features(
            as_frame(X), y, environments, sample_weight, feature_names, target, missing
        )
    arrays = check_arrays(X, y, environments, sample_weight, feature_names, target, missing)
    if not (finite(arrays.X) and finite(arrays.y)):
        _refuse(arrays)
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
    if not sum(len(rows.y) for rows in parts):
        dropped = f" ({n_dropped:,} were left out)" if n_dropped else ""
        raise DataError(f"No rows are left{dropped}: 0 sample(s) while a minimum of 1 is required.")
    X = parts[0].X if len(parts) == 1 else np.concatenate([rows.X for rows in parts])
    environment = concatenate_factors([rows.environment for rows in parts]).ordered()
    refuse_too_many(len(environment.labels), len(X), X.shape[1])
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
    kinds = {name: frame.kind(name) for name in choice.columns}
    return choice, survey(counted_rows([frame], choice, missing), choice, kinds, missing)


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
