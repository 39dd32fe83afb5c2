"""Arrays as rows: checked at the door, and copied only if rows or values must change."""

from collections.abc import Sequence

import numpy as np

from elinvar.environments._checks import (
    Floats,
    Numbers,
    check_matrix,
    code_environments,
    finite,
    weights_of_rows,
)
from elinvar.environments._frames import as_frame, is_frame
from elinvar.environments._labels import Factor
from elinvar.environments._read_frames import encode_rows
from elinvar.environments._roles import Columns, Missing, check_missing
from elinvar.environments._rows import Rows
from elinvar.environments._schema import Schema
from elinvar.environments._survey import survey
from elinvar.environments._target import target_of_rows
from elinvar.errors import DataError


def read_arrays(
    X: object,
    y: object,
    environments: object = None,
    sample_weight: object = None,
    *,
    feature_names: Sequence[str] | None = None,
    target: str = "target",
    missing: Missing = "error",
) -> Rows:
    """Read arrays; ``X`` may be a frame of features, beside which stands the rest.

    Raises
    ------
    DataError
        If shapes, lengths, labels or weights cannot be used.
    """
    if is_frame(X):
        if feature_names is not None:
            raise DataError("A frame names its features itself; leave out feature_names.")
        rows = _features_in_frame(X, y, environments, sample_weight, target, missing)
    else:
        rows = read_part(
            X,
            y,
            environments,
            sample_weight,
            feature_names=feature_names,
            target=target,
            missing=missing,
        )
    if sample_weight is not None and not rows.n_rows + rows.n_dropped:
        raise DataError("sample_weight: all weights are zero, so no row would count.")
    return rows


def read_part(
    X: object,
    y: object,
    environments: object,
    sample_weight: object,
    *,
    feature_names: Sequence[str] | None,
    target: str,
    missing: Missing,
    first_row: int = 0,
) -> Rows:
    """Read arrays that may be a part of the whole: no row of it needs to count."""
    check_missing(missing)
    X = check_matrix(X)
    n = len(X)
    y = target_of_rows(y, n)
    environment = code_environments(environments, n, first_row)
    weight = None if sample_weight is None else weights_of_rows(sample_weight, n, first_row)
    names = _feature_names(feature_names, X.shape[1])
    keep = np.ones(n, dtype=bool) if weight is None else weight > 0
    n_dropped = 0
    if missing != "error" and not (finite(X) and finite(y)):
        present = ~np.isnan(y.astype(np.float64))
        if missing == "drop":
            present &= ~np.isnan(X.astype(np.float64)).any(axis=1)
        n_dropped = int((keep & ~present).sum())
        keep &= present
    codes = environment.codes
    if not keep.all():
        X, y, codes = X[keep], y[keep], codes[keep]
        weight = None if weight is None else weight[keep]
    fill: dict[str, float | str] = {}
    if missing == "impute":
        X, fill = _impute(X, weight, names)
    named = feature_names is not None
    return Rows(
        X=X,
        y=y,
        codes=codes,
        names=environment.labels,
        schema=Schema(features=names, target=target, named=named, fill=fill),
        sample_weight=weight,
        n_dropped=n_dropped,
    )


def _feature_names(names: Sequence[str] | None, p: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"x{j}" for j in range(p))
    if len(names) != p:
        raise DataError(f"feature_names has {len(names)} names, but X has {p} columns.")
    return tuple(str(name) for name in names)


def _impute(
    X: Numbers, weight: Floats | None, names: tuple[str, ...]
) -> tuple[Floats, dict[str, float | str]]:
    filled = X.astype(np.float64)
    fill: dict[str, float | str] = {}
    for j, name in enumerate(names):
        absent = np.isnan(filled[:, j])
        if absent.all():
            raise DataError(f"{name} has no values to take a mean of; drop it.")
        weights = None if weight is None else weight[~absent]
        with np.errstate(all="ignore"):
            mean = float(np.average(filled[~absent, j], weights=weights))
        # A mean that is not finite stands for values that are refused when they are added up.
        if np.isfinite(mean):
            fill[name] = mean
            filled[absent, j] = mean
    return filled, fill


def _features_in_frame(
    X: object, y: object, environments: object, sample_weight: object, target: str, missing: Missing
) -> Rows:
    """Take features from a frame, target and environments from arrays beside it."""
    check_missing(missing)
    frame = as_frame(X)
    n = frame.n_rows
    if not n:
        raise DataError("Found array with 0 sample(s) while a minimum of 1 is required.")
    environment = code_environments(environments, n)
    values = target_of_rows(y, n).astype(np.float64)
    weight = None if sample_weight is None else weights_of_rows(sample_weight, n)
    columns = Columns(
        features=frame.names, target=target, environment=("environment",), missing=missing
    )
    counts = np.ones(n, dtype=bool) if weight is None else weight > 0
    present = counts if missing == "error" else counts & ~np.isnan(values)
    part, kept = frame.take(present), None if weight is None else weight[present]
    schema = survey([(part, kept)], columns, {name: frame.kind(name) for name in frame.names})
    chosen = Factor(codes=environment.codes[present], labels=environment.labels)
    n_dropped = int(counts.sum() - present.sum())
    return encode_rows(part, schema, missing, values[present], chosen, kept, n_dropped)
