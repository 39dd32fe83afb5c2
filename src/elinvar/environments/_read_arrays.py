"""Arrays as rows: checked at the door, and copied only if rows or values must change."""

from dataclasses import replace

import numpy as np

from elinvar.environments._checks import (
    check_matrix,
    check_same_order,
    code_environments,
    finite,
    weights_of_rows,
)
from elinvar.environments._frames import as_frame, is_frame
from elinvar.environments._read_frames import encode_rows
from elinvar.environments._roles import Columns, Roles, as_tuple
from elinvar.environments._row_numbers import warn_of_no_amounts
from elinvar.environments._rows import Rows
from elinvar.environments._schema import Schema
from elinvar.environments._survey import survey
from elinvar.environments._target import target_of_rows
from elinvar.errors import DataError


def read_arrays(
    X: object,
    y: object,
    environments: object,
    sample_weight: object,
    roles: Roles,
    cluster: object = None,
) -> Rows:
    """Read arrays; ``X`` may be a frame of features, beside which stands the rest.

    Of ``roles`` count the name of the target, those of the features, and what to do with missing
    values.

    Raises
    ------
    DataError
        If shapes, lengths, labels or weights cannot be used.
    """
    check_same_order(X=X, y=y, environments=environments, sample_weight=sample_weight)
    read = _features_in_frame if is_frame(X) else read_part
    rows = read(X, y, environments, sample_weight, roles, cluster=cluster)
    if sample_weight is not None and not rows.n_rows + rows.n_dropped:
        raise DataError("sample_weight: all weights are zero, so no row would count.")
    warn_of_no_amounts(rows, by_name=False)
    return rows


def read_part(
    X: object,
    y: object,
    environments: object,
    sample_weight: object,
    roles: Roles,
    first_row: int = 0,
    *,
    cluster: object = None,
) -> Rows:
    """Read arrays that may be a part of the whole: no row of it needs to count."""
    X = check_matrix(X)
    n = len(X)
    y = target_of_rows(y, n)
    drop = roles.missing == "drop"
    environment = code_environments(environments, n, first_row, missing=drop)
    weight = None if sample_weight is None else weights_of_rows(sample_weight, n, first_row)
    names, named = _feature_names(roles, X.shape[1]), roles.features is not None
    keep = roles.missing == "keep"
    rows = Rows(
        X=X,
        y=y,
        codes=environment.codes,
        names=environment.labels,
        ranked=environment.ranked,
        schema=Schema(features=names, target=roles.target, named=named, keeps_missing=keep),
        sample_weight=weight,
        cluster=None if cluster is None else code_environments(cluster, n, name="cluster"),
    )
    if weight is not None:
        rows = rows.take(weight > 0)
    # a row without target is dropped before the means are taken, as in frames
    if roles.missing == "impute":
        return _impute(rows.drop(np.isnan(rows.y)))
    if keep:
        return rows.drop(np.isnan(rows.y))
    if drop and not (finite(rows.X) and finite(rows.y) and (rows.codes >= 0).all()):
        return rows.drop(np.isnan(rows.X).any(axis=1) | np.isnan(rows.y) | (rows.codes < 0))
    # whether all is finite shows in the sums of the moments, without a pass of its own
    return rows


def _feature_names(roles: Roles, p: int) -> tuple[str, ...]:
    if roles.features is None:
        return tuple(f"x{j}" for j in range(p))
    names = as_tuple(roles.features)
    if len(names) != p:
        raise DataError(f"feature_names has {len(names)} names, but X has {p} columns.")
    return names


def _impute(rows: Rows) -> Rows:
    filled = rows.X.astype(np.float64)
    fill: dict[str, float | str] = {}
    for j, name in enumerate(rows.schema.features):
        absent = np.isnan(filled[:, j])
        if absent.all():
            raise DataError(f"{name} has no values to take a mean of; drop it.")
        weights = None if rows.sample_weight is None else rows.sample_weight[~absent]
        with np.errstate(all="ignore"):
            mean = float(np.average(filled[~absent, j], weights=weights))
        # A mean that is not finite stands for values that are refused when they are added up.
        if np.isfinite(mean):
            fill[name] = mean
            filled[absent, j] = mean
    return replace(rows, X=filled, schema=replace(rows.schema, fill=fill))


def _features_in_frame(
    X: object,
    y: object,
    environments: object,
    sample_weight: object,
    roles: Roles,
    *,
    cluster: object = None,
) -> Rows:
    """Take features from a frame, target and environments from arrays beside it."""
    if roles.features is not None:
        raise DataError("A frame names its features itself; leave out feature_names.")
    frame = as_frame(X)
    n = frame.n_rows
    if not n:
        raise DataError("Found array with 0 sample(s) while a minimum of 1 is required.")
    drop = roles.missing == "drop"
    environment = code_environments(environments, n, missing=drop)
    clusters = None if cluster is None else code_environments(cluster, n, name="cluster")
    values = target_of_rows(y, n).astype(np.float64)
    weight = None if sample_weight is None else weights_of_rows(sample_weight, n)
    columns = Columns(
        features=frame.names,
        target=roles.target,
        environment=("environment",),
        missing=roles.missing,
        by_name=False,
    )
    keep = np.ones(n, dtype=bool) if weight is None else weight > 0
    absent = keep & (np.isnan(values) | (environment.codes < 0))
    if roles.missing != "error":
        keep &= ~absent
    part, kept = frame.take(keep), None if weight is None else weight[keep]
    schema = survey([(part, kept)], columns, {name: frame.kind(name) for name in frame.names})
    rows = encode_rows(
        part,
        schema,
        roles.missing,
        values[keep],
        environment.take(keep),
        kept,
        None if clusters is None else clusters.take(keep),
    )
    return replace(rows, n_dropped=rows.n_dropped + int(absent.sum()))
