"""Forecasts of classes in new environments: log loss over boosting and logistic regression.

    python benchmarks/forecast_classes.py [--only tables curved] [--specs FILE ...] [--rows N]

Of each table five parts of whole environments are left out in turn; the mixture weighs its learners
by environments left out of the rest. Losses are means over environments, ratios geometric means
over tables. In the curved simulations consequences of the class turn round in the new environments.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from _forecast import sample_of
from _table import Row, Suite, at_most, parser, run
from elinvar.datasets import make_curved, read_specs, table_specs
from elinvar.forecast import Columns, Sample
from elinvar.forecast.learners import Boosting, Learner, Logistic, learn
from elinvar.forecast.mixture import (
    default_learners,
    environment_errors,
    environment_folds,
    fit_mixture,
)

Array = NDArray[np.float64]

PEERS: dict[str, Learner] = {
    "LightGBM, 31 leaves": Boosting(n_leaves=31),
    "LightGBM, 8 leaves": Boosting(n_leaves=8),
    "logistic": Logistic(),
}


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Mean log loss and Brier score over new environments."""

    log: float
    brier: float


def forecast(train: Sample, X: Array, learner: Learner | None) -> Array:
    """Predict by one learner, or by the mixture."""
    if learner is not None:
        return learn(learner, train).predict(X)
    learners = default_learners(train.n_classes, train.columns)
    return fit_mixture(train, learners, seed=0).predict(X)


def losses(sample: Sample, predicted: Array) -> Losses:
    log = float(np.nanmean(environment_errors(sample, predicted[:, None])))
    squares = ((predicted - np.eye(sample.n_classes)[sample.y.astype(int)]) ** 2).sum(axis=1)
    each = [squares[sample.codes == code].mean() for code in np.unique(sample.codes)]
    return Losses(log=log, brier=float(np.mean(each)))


def on_table(sample: Sample) -> dict[str, Losses]:
    found = {name: np.empty((sample.n_rows, sample.n_classes)) for name in (*PEERS, "mixture")}
    for fold in environment_folds(sample, most=5, seed=0):
        out = np.isin(sample.codes, fold)
        train = sample.rows(~out)
        for name, predicted in found.items():
            predicted[out] = forecast(train, sample.X[out], PEERS.get(name))
    return {name: losses(sample, predicted) for name, predicted in found.items()}


def tables(options: argparse.Namespace) -> Iterator[Row]:
    specs = read_specs(*options.specs) if options.specs else None
    names = list(table_specs(specs))
    best = []
    over: dict[str, list[float]] = {name: [] for name in PEERS}
    brier = []
    for name in names:
        try:
            sample = sample_of(name, specs, options.rows, classes=True)
        except ValueError:
            continue
        if sample.n_classes > 10:  # a number
            continue
        found = on_table(sample)
        for peer in PEERS:
            over[peer].append(found["mixture"].log / found[peer].log)
        best.append(max(ratios[-1] for ratios in over.values()))
        brier.append(found["mixture"].brier / min(found[peer].brier for peer in PEERS))
        yield Row(
            what=f"{name}: log loss over the better of them",
            figure=f"{best[-1]:.3f}",
            reference="; ".join(f"{peer} {one.log:.4f}" for peer, one in found.items())
            + f"; Brier {found['mixture'].brier:.4f}, over the better {brier[-1]:.3f}",
        )
    for peer, ratios in over.items():
        what = f"log loss over {peer}, {len(ratios)} tables"
        if peer.endswith("31 leaves"):
            yield at_most(what, mean(ratios), 0.88)
        else:
            yield Row(what=what, figure=f"{mean(ratios):.3f}")
    yield at_most("over the better of all three", mean(best), 0.985)
    yield at_most("the same, worst table", max(best), 1.03)
    yield Row(what="Brier score over the better of all three", figure=f"{mean(brier):.3f}")


def mean(ratios: list[float]) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


CURVED = {
    "direction": {"changes": "direction"},
    "size": {"changes": "size"},
    "noise": {"changes": "noise"},
    "interacting": {"changes": "direction", "interacting": True},
    "10 environments": {"changes": "direction", "n_environments": 10},
    "inputs alone": {"changes": "inputs"},
    "nothing": {"changes": "nothing"},
}


def curved(options: argparse.Namespace) -> Iterator[Row]:
    for name, changes in CURVED.items():
        like, turned = [], []
        for seed in range(2 if options.quick else 5):
            ours, told = on_curved(seed, changes)
            like.append(ours[0] / told[0])
            turned.append(ours[1] / told[1])
        yield Row(
            what=f"{name}: log loss over boosting on the true causes, turned environments",
            figure=f"{mean(turned):.2f}",
            reference=f"environments like training {mean(like):.2f}",
        )


def on_curved(seed: int, changes: dict[str, object]) -> tuple[list[float], list[float]]:
    """Return losses of the mixture, and of boosting on the causes, in like and turned places."""
    known = make_curved(classes=True, rng=seed, **changes)
    train = _plain(known.X, known.y, known.environments)
    causes = known.support
    learnt = learn(PEERS["LightGBM, 8 leaves"], train.features(causes))
    mixture = fit_mixture(train, default_learners(2, train.columns), seed=0)
    ours, told = [], []
    for turned in (False, True):
        law = make_curved(classes=True, turned=turned, rng=seed, **changes)
        new = _plain(*law.new_environments(500, 1000 + seed, n_environments=10))
        ours.append(losses(new, mixture.predict(new.X)).log)
        told.append(losses(new, learnt.predict(new.X[:, causes])).log)
    return ours, told


def _plain(X: Array, y: Array, environments: NDArray[np.str_]) -> Sample:
    p = X.shape[1]
    return Sample(
        X=X,
        y=y,
        codes=np.unique(environments, return_inverse=True)[1].astype(np.intp),
        weight=np.ones(len(y)),
        columns=Columns(
            features=tuple(f"x{j}" for j in range(p)),
            groups=np.arange(p),
            categorical=np.zeros(p, dtype=np.bool_),
        ),
        n_classes=2,
    )


SUITES: dict[str, Suite] = {"tables": tables, "curved": curved}


def main() -> None:
    options = parser(__doc__ or "", SUITES)
    options.add_argument("--specs", nargs="+", help="JSON files with other tables")
    options.add_argument("--rows", type=int, default=2500, help="most rows of a table")
    run("Forecasts of classes", SUITES, options.parse_args())


if __name__ == "__main__":
    main()
