"""The tables of an answer: which columns they have, and how records become frames."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Schema
from elinvar.inference import (
    EnvironmentEffect,
    EnvironmentResiduals,
    FeatureEvidence,
    InvariancePath,
    LeftOut,
    LeftOutFit,
    ModelTest,
    largest_contrast,
)

if TYPE_CHECKING:
    import pandas as pd

MODELS = ("invariant", "pooled", "lasso", "mean", "used")
"""What predicts environments that are left out, in the order of the table."""

TEXTS = frozenset(
    {
        "feature",
        "verdict",
        "model",
        "odd_environment",
        "contrast",
        "environment",
        "test",
        "question",
        "outcome",
    }
)
"""Columns that hold text; the others hold numbers, which may be missing."""

_FIRST = (
    "feature", "verdict", "effect", "low", "high", "pooled_effect", "heterogeneity_p", "between_sd",
    "new_low", "new_high", "exit_strength",
)  # fmt: skip


def columns_of(name: str, *, classes: bool = False) -> tuple[str, ...]:
    """Return the columns of a table of an answer.

    Parameters
    ----------
    name : {"evidence", "all_features", "effects", "tests", "residuals", "errors", "left_out"}
    classes : bool
        Whether the target is a class.

    Returns
    -------
    tuple of str
    """
    if name in ("evidence", "all_features"):
        more = [key for key in _names(FeatureEvidence) if key not in _FIRST]
        return (*_FIRST, *more)
    if name == "errors":
        models = [model for model in MODELS if not classes or model != "lasso"]
        wrong = [f"{model}_wrong" for model in models if classes]
        return ("environment", "rows", *models, *wrong)
    if name == "left_out":
        return ("environment", *(key for key in _names(LeftOutFit) if key != "bias"))
    kinds = {"effects": EnvironmentEffect, "tests": ModelTest, "residuals": EnvironmentResiduals}
    return _names(kinds[name])


def table_of(
    name: str, records: Iterable[Mapping[str, object]], *, classes: bool = False
) -> "pd.DataFrame":
    """Return a table of an answer, whose columns are there even without rows.

    Parameters
    ----------
    name : {"evidence", "all_features", "effects", "tests", "residuals", "errors", "left_out"}
    records : iterable of mappings
        A row each; what is no column of the table is left out.
    classes : bool
        Whether the target is a class.
    """
    import pandas as pd

    rows = list(records)
    columns: dict[str, object] = {}
    for key in columns_of(name, classes=classes):
        values = [row[key] for row in rows]
        # pandas takes arrays of numbers as they are, which saves a millisecond a table
        columns[key] = values if key in TEXTS else np.array(values, dtype=np.float64)
    return pd.DataFrame(columns)


def evidence_table(
    schema: Schema,
    found: Sequence[FeatureEvidence],
    pooled: NDArray[np.float64],
    path: InvariancePath,
) -> "pd.DataFrame":
    """Return a row a feature, with what the pooled model says, and where it leaves the path.

    Parameters
    ----------
    schema : Schema
    found : list of FeatureEvidence
    pooled : array of shape (m, n_columns)
        Coefficients of the pooled model.
    path : InvariancePath
    """
    # on the path a feature is all of its columns: it leaves with the last of them
    leaves = path.exit_strength(schema.groups, len(schema.features))
    more = [
        {
            "feature": feature,
            "pooled_effect": _pooled_effect(schema, pooled, j),
            "exit_strength": leaves[j],
        }
        for j, feature in enumerate(schema.features)
    ]
    return table_of("evidence", [vars(row) | known for row, known in zip(found, more, strict=True)])


def errors_table(left_out: Sequence[LeftOut], *, classes: bool) -> "pd.DataFrame":
    """Return a row an environment: the error of each model where it is left out.

    Root mean squared errors, in the unit of the target, or mean log losses.
    """
    records = [
        {
            "environment": row.environment,
            "rows": row.rows,
            **{
                model: loss if classes else float(np.sqrt(loss))
                for model, loss in row.errors.items()
            },
            **{f"{model}_wrong": share for model, share in (row.wrong or {}).items()},
        }
        for row in left_out
    ]
    return table_of("errors", records, classes=classes)


def overall_errors(
    errors: "pd.DataFrame",
    names: Sequence[str] = ("invariant", "pooled", "mean", "used"),
    *,
    classes: bool,
) -> dict[str, float]:
    """Return the error of each model over all rows left out; empty where none was.

    Parameters
    ----------
    errors : DataFrame
        A row an environment: ``rows``, and the error of each model.
    names : sequence of str
        The models.
    classes : bool
        Whether the target is a class.
    """
    if not len(errors):
        return {}
    # every row counts once; the root of mean squares is taken last, over all of them
    weight, power = (errors["rows"] / errors["rows"].sum()).to_numpy(), 1 if classes else 2
    return {name: float(weight @ errors[name].to_numpy() ** power) ** (1 / power) for name in names}


def left_out_table(left_out: Sequence[LeftOut]) -> "pd.DataFrame":
    """Return a row an environment and model: predictions against the truth."""
    return table_of(
        "left_out",
        [{"environment": row.environment} | vars(fit) for row in left_out for fit in row.fits],
    )


def _pooled_effect(schema: Schema, pooled: NDArray[np.float64], feature: int) -> float:
    inside = (schema.groups == feature) & ~schema.reference
    if not inside.any():  # a category of one level
        return 0.0
    coef = pooled[:, inside]
    categorical = schema.features[feature] in schema.levels
    return float(largest_contrast(coef.ravel(), len(coef), categorical))


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
