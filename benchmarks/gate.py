"""The gate of the forecast: what leaving out features whose relation changes gives and costs.

    python benchmarks/gate.py [--quick] [--only curved classes peers tables]

On the ten curved simulations (`elinvar bench curved`) errors are over those of LightGBM that is
told the causes: in new environments like the training ones, and in environments where consequences
of the target are turned round. A figure is a geometric mean over environments, data sets and
simulations. On real tables environments are left out, and the error is over that of all features.
"""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from _table import Row, Suite, at_most, parser, run
from elinvar.baselines import BASELINES
from elinvar.datasets import PROBLEMS, Dataset, KnownAnswer, load_table, make_problem
from elinvar.environments import Environments
from elinvar.forecast import Columns, Sample
from elinvar.forecast.gate import Choice, at_premium, choose
from elinvar.forecast.mixture import default_learners, environment_errors, environment_folds

Array = NDArray[np.float64]

CONTROLS = ("curved-inputs", "curved-nothing")
TURNING = tuple(
    name
    for name, problem in PROBLEMS.items()
    if problem.suite == "curved" and f"{name}-turned" in PROBLEMS
)
PREMIUMS = {1.15: 1.5, 1.5: 1.15}
PEERS = ("boosting", "forest", "anchorboosting", "elinvar-invariant")
# every third of those whose target is a number, in their order
TABLES = (
    "ames", "budgetfood", "deliveries", "epa", "fastfood", "hi", "ncbirths", "pines", "sacramento",
    "star", "wage_islr",
)  # fmt: skip
FOLDS, MOST_ROWS = 3, 2_000


def sample_of(rows: Environments, n_classes: int = 0) -> Sample:
    """Return rows as the forecast takes them."""
    schema = rows.schema
    return Sample(
        X=np.asarray(rows.X, dtype=np.float64),
        y=np.asarray(rows.y, dtype=np.float64),
        codes=rows.codes,
        weight=np.ones(rows.n_rows),
        columns=Columns(
            features=schema.features,
            groups=schema.groups,
            categorical=np.array([name in schema.levels for name in schema.features]),
        ),
        n_classes=n_classes,
    )


def log_error(rows: Sample, predicted: Array) -> float:
    """Return the mean log error over environments."""
    errors = environment_errors(rows, predicted.reshape(rows.n_rows, 1, -1))
    return float(np.nanmean(np.log(errors)))


def boosting(data: KnownAnswer, columns: NDArray[np.bool_], X: Array) -> Array:
    """Return predictions of LightGBM with its defaults: numbers, or probabilities."""
    import lightgbm

    kind = lightgbm.LGBMRegressor if data.task == "regression" else lightgbm.LGBMClassifier
    model = kind(n_jobs=1, verbose=-1).fit(data.X[:, columns], data.y)
    classes = data.task == "classification"
    booster = model.booster_.predict(X[:, columns])
    return np.column_stack([1 - booster, booster]) if classes else np.asarray(booster)


@cache
def drawn(name: str, seed: int, classes: bool) -> tuple[KnownAnswer, tuple[Sample, ...]]:
    """Return a simulation, and rows of new environments: like the training ones, and turned."""
    settings = {"classes": True} if classes else {}
    data = make_problem(name, seed, **settings)
    kinds = [data] if name in CONTROLS else [data, make_problem(f"{name}-turned", seed, **settings)]
    new = [one.new_environments(500, 1000 + seed, n_environments=10) for one in kinds]
    return data, tuple(sample_of(data.to_environments(rows), 2 * classes) for rows in new)


@cache
def decided(name: str, seed: int, classes: bool) -> tuple[Sample, Choice]:
    data, _ = drawn(name, seed, classes)
    sample = sample_of(data.to_environments(), 2 * classes)
    return sample, choose(sample, default_learners(sample.n_classes, sample.columns), seed=seed)


def over_causes(
    name: str, seed: int, classes: bool, premium: float | None
) -> tuple[list[float], bool]:
    """Return log errors over boosting on the causes, and whether the gate is open.

    Without a premium: those of LightGBM on all columns.
    """
    data, new = drawn(name, seed, classes)
    everything = np.ones(data.X.shape[1], dtype=bool)
    found, opened = [], False
    for rows in new:
        told = boosting(data, data.support, rows.X)
        if premium is None:
            predicted = boosting(data, everything, rows.X)
        else:
            sample, choice = decided(name, seed, classes)
            choice = at_premium(choice, sample, premium)
            predicted, opened = choice.mixture.predict(rows.X), choice.share > 0
        found.append(log_error(rows, predicted) - log_error(rows, told))
    return found, opened


def mean(
    names: Sequence[str], seeds: int, classes: bool, premium: float | None
) -> tuple[Array, float]:
    """Return geometric means over simulations and seeds, and the share of open gates."""
    runs = [over_causes(*cell, classes, premium) for cell in product(names, range(seeds))]
    logs, opened = zip(*runs, strict=True)
    return np.exp(np.mean(logs, axis=0)), float(np.mean(opened))


def curved(options: argparse.Namespace) -> Iterator[Row]:
    seeds, names = (1, TURNING[::3]) if options.quick else (3, TURNING)
    plain, _ = mean(names, seeds, False, None)
    for premium, most in PREMIUMS.items():
        found, opened = mean(names, seeds, False, premium)
        note = f"LightGBM {plain[1]:.2f}; open in {opened:.0%}"
        yield at_most(f"turned, premium {premium}", found[1], most, reference=note)
        note, target = f"LightGBM {plain[0]:.2f}", 0.9
        yield at_most(f"like training, premium {premium}", found[0], target, reference=note)
    for name in names:
        found, opened = mean([name], seeds, False, 1.15)
        plain, _ = mean([name], seeds, False, None)
        note = f"LightGBM {plain[1]:.2f} / {plain[0]:.2f}; open in {opened:.0%}"
        figure = f"{found[1]:.2f} / {found[0]:.2f}"
        yield Row(what=f"{name}: turned / like training", figure=figure, reference=note)
    for name in CONTROLS:
        found, opened = mean([name], seeds, False, 1.15)
        plain, _ = mean([name], seeds, False, None)
        note = f"LightGBM {plain[0]:.2f}; open in {opened:.0%}"
        yield at_most(f"{name}", found[0], 0.95, reference=note)


def classes(options: argparse.Namespace) -> Iterator[Row]:
    seeds, names = (1, TURNING[::3]) if options.quick else (3, TURNING)
    plain, _ = mean(names, seeds, True, None)
    found, opened = mean(names, seeds, True, 1.15)
    note = f"LightGBM {plain[1]:.2f} / {plain[0]:.2f}; open in {opened:.0%}"
    figure = f"{found[1]:.2f} / {found[0]:.2f}"
    yield Row(what="log loss: turned / like training", figure=figure, reference=note)
    for name in CONTROLS:
        found, opened = mean([name], seeds, True, 1.15)
        note = f"open in {opened:.0%}"
        yield Row(what=f"{name}, log loss", figure=f"{found[0]:.2f}", reference=note)


def peers(options: argparse.Namespace) -> Iterator[Row]:
    seeds, names = (1, TURNING[::3]) if options.quick else (3, TURNING)
    for peer in PEERS:
        logs = []
        for name, seed in product(names, range(seeds)):
            data, new = drawn(name, seed, False)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = BASELINES[peer].make().fit(data.X, data.y, environments=data.environments)
                logs.append(
                    [
                        log_error(rows, np.asarray(model.predict(rows.X)))
                        - log_error(rows, boosting(data, data.support, rows.X))
                        for rows in new
                    ]
                )
        like, turned = np.exp(np.mean(logs, axis=0))
        title = BASELINES[peer].title
        yield Row(
            what=f"{peer}: turned / like", figure=f"{turned:.2f} / {like:.2f}", reference=title
        )


def table_sample(table: Dataset) -> Sample:
    rows = sample_of(table.environments())
    few = np.random.default_rng(0).permutation(rows.n_rows)[:MOST_ROWS]
    return rows.rows(np.sort(few))


def tables(options: argparse.Namespace) -> Iterator[Row]:
    over: dict[str, list[float]] = {}
    opened = []
    for name in TABLES[:3] if options.quick else TABLES:
        sample = table_sample(load_table(name))
        for fold in environment_folds(sample, most=FOLDS, seed=1):
            out = np.isin(sample.codes, fold)
            learners = default_learners(0, sample.columns)
            choice = choose(sample.rows(~out), learners, seed=0)
            new = sample.rows(out)
            errors = [log_error(new, one.predict(new.X)) for one in (choice.mixture, choice.full)]
            over.setdefault(name, []).append(errors[0] - errors[1])
            opened.append(choice.share > 0)
    means = {name: float(np.exp(np.mean(logs))) for name, logs in over.items()}
    worst = max(means, key=lambda name: means[name])
    note = f"open in {np.mean(opened):.0%}; worst {worst} {means[worst]:.3f}"
    middle = float(np.exp(np.mean(np.log(list(means.values())))))
    yield at_most("left out, over all features", middle, 1.005, reference=note)


SUITES: dict[str, Suite] = {"curved": curved, "classes": classes, "peers": peers, "tables": tables}


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    run("The gate: errors over those of boosting on the causes", SUITES, options)


if __name__ == "__main__":
    main()
