"""Real tables: error on an environment that was left out, automatic predictor over pooled.

    python benchmarks/real_tables.py [--only bikes penguins sachs]

Each environment is left out once, the default model is fitted on the others, and the mean squared
errors are averaged over environments. Pooled is least squares with one shared intercept.
"""

import argparse
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from _table import Row, Suite, at_most, parser, run
from elinvar import InvariantRegressor
from elinvar.datasets import Dataset, load_bikes, load_penguins, load_sachs

Array = NDArray[np.float64]


def pooled_prediction(data: Dataset, left_out: str) -> Array:
    """Least squares on the other environments; ``lstsq`` copes with one column a level."""
    rows = data.environments()
    inside = rows.codes != rows.names.index(left_out)
    X = np.column_stack([np.ones(rows.n_rows), rows.X])
    w = np.linalg.lstsq(X[inside], rows.y[inside], rcond=None)[0]
    prediction: Array = X[~inside] @ w
    return prediction


def left_out_errors(data: Dataset, intercept: str) -> tuple[Array, Array, Array, list[str]]:
    """Mean squared errors of auto, of the invariant model and of pooled, and what was decided."""
    ours, invariant, pooled, decided = [], [], [], []
    labels = data.frame[data.environment]
    features = list(data.features)
    for name in sorted(labels.unique()):
        train, test = data.frame[labels != name], data.frame[labels == name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = InvariantRegressor(intercept=intercept).fit(
                train[features], train[data.target], environments=train[data.environment]
            )
            answer = model.predict(test[features])
        decided.append(f"{model.status_} > {model.predictor_}")
        truth = test[data.target].to_numpy(float)
        ours.append(np.mean((answer - truth) ** 2))
        X = model.schema_.encode(test[features])
        invariant.append(
            np.mean((X @ model.invariant_coef_ + model.invariant_intercept_ - truth) ** 2)
        )
        pooled.append(np.mean((pooled_prediction(data, name) - truth) ** 2))
    return np.array(ours), np.array(invariant), np.array(pooled), decided


def judge(data: Dataset, intercept: str, what: str) -> tuple[Row, float]:
    ours, invariant, pooled, decided = left_out_errors(data, intercept)
    ratio = float(ours.mean() / pooled.mean())
    counts = ", ".join(f"{decided.count(choice)} {choice}" for choice in sorted(set(decided)))
    row = at_most(
        what,
        ratio,
        1.05,
        reference=f"invariant model {invariant.mean() / pooled.mean():.2f}; {counts}",
    )
    return row, ratio


def bikes(options: argparse.Namespace) -> Iterator[Row]:
    for intercept in ("shared", "environment"):
        yield judge(load_bikes(), intercept, f"bikes, season left out, {intercept} intercept")[0]


def penguins(options: argparse.Namespace) -> Iterator[Row]:
    for intercept in ("shared", "environment"):
        what = f"penguins, species left out, {intercept} intercept"
        yield judge(load_penguins(), intercept, what)[0]


def sachs(options: argparse.Namespace) -> Iterator[Row]:
    ratios = []
    targets = ("praf", *load_sachs("praf").features)
    for target in targets[:3] if options.quick else targets:
        row, ratio = judge(load_sachs(target), "shared", f"Sachs, target {target}")
        ratios.append(ratio)
        yield row
    yield at_most(
        "Sachs, mean over targets", float(np.mean(ratios)), 0.97,
        reference="prototype .96, worst target 1.03",
    )  # fmt: skip


SUITES: dict[str, Suite] = {"bikes": bikes, "penguins": penguins, "sachs": sachs}


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    run("Left-out environments: MSE of auto over pooled", SUITES, options)


if __name__ == "__main__":
    main()
