"""Accuracy where the answer is known: the library's defaults against oracles and pooled models.

    python benchmarks/accuracy.py [--only unit-tests eills random reversed] [--seeds N] [--jobs N]

Nothing is chosen by looking at test environments, and nothing is set but the data.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar import InvariantRegressor
from elinvar.datasets import (
    KnownAnswer,
    make_eills,
    make_linear_unit_test,
    make_random_linear,
    make_reversed,
)

Array = NDArray[np.float64]
Figures = dict[str, float]


def least_squares(X: Array, y: Array) -> Array:
    """Intercept, then slopes."""
    w: Array = np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0]
    return w


def predict(w: Array, X: Array) -> Array:
    prediction: Array = w[0] + X @ w[1:]
    return prediction


def fitted(data: KnownAnswer) -> InvariantRegressor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return InvariantRegressor().fit(data.X, data.y, environments=data.environments)


def repeat(one: Callable[[int], Figures], n: int, options: argparse.Namespace) -> dict[str, Array]:
    """Run ``one`` for the seeds 0 ... n-1; return each figure over seeds."""
    if options.seeds:
        n = options.seeds
    elif options.quick:
        n = max(3, n // 10)
    found = Parallel(n_jobs=options.jobs)(delayed(one)(seed) for seed in range(n))
    return {key: np.array([figures[key] for figures in found]) for key in found[0]}


def spread(values: Array, digits: int = 3) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"


# Linear unit tests


def unit_test(example: int, seed: int) -> Figures:
    data = make_linear_unit_test(example, rng=seed)  # type: ignore[arg-type]
    test = data.new_environments(10_000, np.random.default_rng([seed, 1]))
    model = fitted(data)
    oracle = least_squares(data.invariant_columns(data.X), data.y)
    pooled = least_squares(data.X, data.y)
    per_environment = np.concatenate(
        [
            np.full(rows.size, rows.mean())
            for rows in (data.y[data.environments == e] for e in np.unique(data.environments))
        ]
    )
    answers = {
        "ours": model.predict(test.X),
        "oracle": predict(oracle, data.invariant_columns(test.X)),
        "pooled": predict(pooled, test.X),
        "constant": per_environment,
    }
    if example == 1:
        figures = {key: float(np.mean((p - test.y) ** 2)) for key, p in answers.items()}
    else:
        figures = {key: float(np.mean((p > 0.5) != (test.y > 0.5))) for key, p in answers.items()}
    return figures | {"accepted": float(model.status_ not in ("rejected", "pooled_only"))}


def unit_tests(options: argparse.Namespace) -> Iterator[Row]:
    published = {
        1: "oracle 10.42, best published 10.59, ERM 13.36",
        2: "oracle 0, best published .42",
        3: "oracle .013, best published .34",
    }
    for example, error in ((1, "MSE"), (2, "0/1 error"), (3, "0/1 error")):
        found = repeat(partial(unit_test, example), 50, options)
        what = f"linear unit test {example}, {error}"
        ours, oracle = found["ours"].mean(), found["oracle"].mean()
        if example == 1:
            yield at_most(
                f"{what}, over the oracle's", ours / oracle, 1.002, digits=4,
                reference=published[example],
            )  # fmt: skip
            yield Row(what="  the same, absolute", figure=spread(found["ours"]))
        else:
            limit = 0.0005 if example == 2 else 0.015
            row = at_most(what, ours, limit, digits=4, reference=published[example])
            yield row if example == 3 else Row(**(vars(row) | {"target": "0.000"}))
        for other in ("oracle", "pooled", "constant"):
            label = "constant per environment" if other == "constant" else other
            yield Row(what=f"  {label}", figure=spread(found[other]))
        yield Row(what="  share of seeds accepted", figure=f"{found['accepted'].mean():.2f}")


# EILLS model


def eills_error(n: int, seed: int) -> Figures:
    data = make_eills(n_samples=n, rng=np.random.default_rng([n, seed]))
    assert data.coef is not None
    model = fitted(data)
    true_support = np.zeros_like(data.coef)
    true_support[data.support] = least_squares(data.X[:, data.support], data.y)[1:]
    estimates = {
        "ours": model.invariant_coef_,
        "true support": true_support,
        "pooled": least_squares(data.X, data.y)[1:],
    }
    figures = {key: float(np.sum((w - data.coef) ** 2)) for key, w in estimates.items()}
    return figures | {"found": float(np.array_equal(model.selected_, data.support))}


def eills(options: argparse.Namespace) -> Iterator[Row]:
    settings = (
        (1000, 100, 0.002, 0.0015, "2^12 search .006 (.002); true support .0012"),
        (300, 200, 0.008, 0.004, "2^12 search .068 (.009); true support .004"),
        (100, 200, 0.20, 0.02, "2^12 search .363 (.109); true support .013"),
    )
    for n, repetitions, mean, median, reference in settings:
        found = repeat(partial(eills_error, n), repetitions, options)
        what = f"EILLS model, 2 x {n} rows, squared error"
        yield at_most(f"{what}, mean", found["ours"].mean(), mean, digits=5, reference=reference)
        yield at_most(f"{what}, median", float(np.median(found["ours"])), median, digits=5)
        for other in ("true support", "pooled"):
            figure = f"{found[other].mean():.4f} ({np.median(found[other]):.4f})"
            yield Row(what=f"  {other}, mean (median)", figure=figure)
        yield Row(
            what="  true support found; errors above .5",
            figure=f"{found['found'].mean():.2f}; {int((found['ours'] > 0.5).sum())}",
        )


# Random linear models


def random_model(p: int, n_environments: int, n: int, seed: int) -> Figures:
    rng = np.random.default_rng([p, seed])
    data = make_random_linear(n_features=p, n_environments=n_environments, n_samples=n, rng=rng)
    new = data.new_environments(5000, np.random.default_rng([p, seed, 1]), n_environments=20)
    model = fitted(data)
    both = int((model.selected_ & data.support).sum())
    oracle = least_squares(data.X[:, data.support], data.y)
    pooled = least_squares(data.X, data.y)
    reference = worst(new.environments, predict(oracle, new.X[:, data.support]) - new.y)
    return {
        "f1": 2 * both / max(1, int(model.selected_.sum() + data.support.sum())),
        "ours": worst(new.environments, model.predict(new.X) - new.y) / reference,
        "pooled": worst(new.environments, predict(pooled, new.X) - new.y) / reference,
        "accepted": float(model.status_ not in ("rejected", "pooled_only")),
    }


def worst(environments: NDArray[np.str_], residual: Array) -> float:
    return max(float(np.mean(residual[environments == e] ** 2)) for e in np.unique(environments))


def random_models(options: argparse.Namespace) -> Iterator[Row]:
    for p, n_environments, n in ((20, 5, 2000), (30, 8, 300)):
        found = repeat(partial(random_model, p, n_environments, n), 50, options)
        what = f"random models, p = {p}, {n_environments} x {n}"
        yield at_least(
            f"{what}, mean F1 of the parents", found["f1"].mean(), 0.99, reference="prototype 1.000"
        )
        yield at_most(
            "  median of worst new-environment MSE over the oracle's",
            float(np.median(found["ours"])),
            1.005,
            digits=4,
        )
        yield Row(
            what="  the same: 95% quantile, largest",
            figure=f"{np.quantile(found['ours'], 0.95):.3f}, {found['ours'].max():.3g}",
        )
        yield Row(what="  the same: pooled", figure=f"{np.median(found['pooled']):.3f}")
        yield Row(
            what="  exact supports; accepted",
            figure=f"{(found['f1'] == 1).mean():.2f}; {found['accepted'].mean():.2f}",
        )


# Reversed spurious effects


def reversed_model(make: Callable[[np.random.Generator], KnownAnswer], seed: int) -> Figures:
    data = make(np.random.default_rng([7, seed]))
    new = data.new_environments(2000, np.random.default_rng([7, seed, 1]), n_environments=10)
    # "auto" forecasts places like those seen; these turn round, which "invariant" is for
    model = fitted(data)
    invariant = new.X @ model.invariant_coef_ + model.invariant_intercept_
    oracle = least_squares(data.X[:, data.support], data.y)
    pooled = np.mean((predict(least_squares(data.X, data.y), new.X) - new.y) ** 2)
    return {
        "auto": float(np.mean((model.predict(new.X) - new.y) ** 2) / pooled),
        "invariant": float(np.mean((invariant - new.y) ** 2) / pooled),
        "oracle": float(np.mean((predict(oracle, new.X[:, data.support]) - new.y) ** 2) / pooled),
    }


def reversed_suite(options: argparse.Namespace) -> Iterator[Row]:
    settings: dict[str, Callable[[np.random.Generator], KnownAnswer]] = {
        "10 columns, 4 x 1000": lambda rng: make_reversed(rng=rng),
        "10 columns, 3 x 200": lambda rng: make_reversed(n_environments=3, n_samples=200, rng=rng),
        "30 columns, 6 x 500": lambda rng: make_reversed(
            n_invariant=10, n_spurious=20, n_environments=6, n_samples=500, rng=rng
        ),
        "random graph, p = 12, 5 x 1000": lambda rng: make_random_linear(
            n_features=12, n_samples=1000, edge_spread=0.4, reverse_spurious=True, rng=rng
        ),
    }
    overall, rows = [], []
    for name, make in settings.items():
        found = repeat(partial(reversed_model, make), 20, options)
        overall.append(found["invariant"].mean())
        rows.append(
            at_most(f"  {name}", found["invariant"].mean(), 0.80,
                    reference=f"oracle {found['oracle'].mean():.3f}; "
                    f"auto {found['auto'].mean():.3f}")
        )  # fmt: skip
    what = "spurious effects reversed, MSE of the invariant model over pooled, mean"
    yield at_most(what, float(np.mean(overall)), 0.80)
    yield from rows


SUITES: dict[str, Suite] = {
    "unit-tests": unit_tests,
    "eills": eills,
    "random": random_models,
    "reversed": reversed_suite,
}


def main() -> None:
    options = parser(__doc__ or "", SUITES)
    options.add_argument("--seeds", type=int, help="repetitions of every suite")
    options.add_argument("--jobs", type=int, default=1, help="processes")
    run("Accuracy, default parameters", SUITES, options.parse_args())


if __name__ == "__main__":
    main()
