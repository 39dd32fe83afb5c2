"""Verdicts and intervals of whole fits, against random models with known answers."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from _table import Row, at_least, at_most
from elinvar import InvariantRegressor
from elinvar.datasets import KnownAnswer, make_random_linear
from elinvar.inference.effects import random_effects

Model = Callable[..., KnownAnswer]
SIZES = ((2, 300, 8), (2, 1000, 10), (3, 300, 10), (3, 1000, 10), (5, 1000, 10), (10, 300, 8))


def verdicts(options: argparse.Namespace) -> Iterator[Row]:
    seeds = 20 if options.quick else 200
    yield from _known_parents(seeds)
    for broken in ("target", "confounder"):
        yield from _broken(broken, seeds // 2)
    yield from _controls(seeds // 2)


def _known_parents(seeds: int) -> Iterator[Row]:
    """Models whose target is never intervened on: parents are invariant, and nothing else is."""
    many: list[Counter[str]] = []
    for environments, rows, features in SIZES:
        make = partial(
            make_random_linear, n_features=features, n_environments=environments, n_samples=rows
        )
        count = sum(_repeat(make, seeds, _judged), Counter())
        where = f"{environments} x {rows} rows, {features} features"
        right = count["right"] / max(count["invariant"], 1)
        told = count["right"] / count["parents"]
        yield Row(
            what=f"  'invariant' right, {where}",
            figure=f"{right:.3f}",
            reference=f"says so of {told:.0%} of the parents",
        )
        many.append(count if environments > 2 else Counter())
        covered = count["covered"] / count["selected"]
        yield Row(
            what=f"  95% effect interval covers, {where}",
            figure=f"{covered:.3f}",
            target=".93-.97",
            passed=0.93 <= covered <= 0.97,
            reference=f"{count['selected']} selected effects of accepted models",
        )
    total = sum(many, Counter())
    what = "verdict 'invariant' right, random models, 3+ environments"
    yield at_least(what, total["right"] / total["invariant"], 0.97)


def _broken(broken: str, seeds: int) -> Iterator[Row]:
    for environments, rows, features in SIZES:
        make = partial(
            make_random_linear,
            n_features=features,
            n_environments=environments,
            n_samples=rows,
            broken=broken,  # type: ignore[arg-type]
        )
        count = sum(_repeat(make, seeds, _judged), Counter())
        yield at_least(
            f"no invariant set ({broken}), {environments} x {rows} rows: none is said to be there",
            count["careful"] / seeds,
            0.8,
            reference=f"rejected {count['rejected'] / seeds:.2f}",
        )


def _controls(seeds: int) -> Iterator[Row]:
    """Rows of one environment, dealt out at random: nothing differs."""
    for parts in (2, 3, 8):
        make = partial(_dealt, parts)
        count = sum(_repeat(make, seeds, _judged), Counter())
        yield at_most(
            f"no heterogeneity, {parts} parts: share of features called spurious",
            count["spurious"] / count["features"],
            0.05,
            reference=f"called invariant {count['invariant'] / count['features']:.3f}",
        )


def _dealt(parts: int, *, rng: int) -> KnownAnswer:
    from dataclasses import replace

    data = make_random_linear(n_features=10, n_environments=1, n_samples=600 * parts, rng=rng)
    labels = np.random.default_rng([3, rng]).integers(parts, size=len(data.y)).astype(str)
    return replace(data, environments=labels)


def _judged(data: KnownAnswer) -> Counter[str]:
    model = InvariantRegressor().fit(data.X, data.y, environments=data.environments)
    table = model.evidence_
    invariant = (table["verdict"] == "invariant").to_numpy()
    assert data.coef is not None
    count = Counter(
        features=len(table),
        parents=int(data.support.sum()),
        invariant=int(invariant.sum()),
        right=int((invariant & data.support).sum()),
        spurious=int((table["verdict"] == "spurious").sum()),
        rejected=int(model.status_ == "rejected"),
        careful=int(not table["verdict"].isin(("invariant", "spurious")).any()),
    )
    if model.status_ in ("accepted", "borderline", "untested"):
        inside = (table["low"] <= data.coef) & (data.coef <= table["high"])
        of_set = table["model"] == "invariant set"
        count["selected"], count["covered"] = int(of_set.sum()), int(inside[of_set].sum())
    return count


def _repeat(
    make: Model, seeds: int, one: Callable[[KnownAnswer], Counter[str]]
) -> list[Counter[str]]:
    def task(seed: int) -> Counter[str]:
        return one(make(rng=seed))

    return list(Parallel(n_jobs=2)(delayed(task)(10_000 + seed) for seed in range(seeds)))


def coverage(options: argparse.Namespace) -> Iterator[Row]:
    """Cover the effect in a new environment, for effects of every spread."""
    repetitions = 2_000 if options.quick else 20_000
    for environments in (2, 3, 5, 10, 20):
        for ratio in (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0):
            ours, theirs = _new_effects(environments, ratio, repetitions)
            aimed = ratio >= 10 and environments in (5, 10)
            yield Row(
                what=f"90% interval of a new effect, {environments} environments, "
                f"tau² = {ratio:g} se²",
                figure=f"{ours:.3f}",
                target=".87-.93" if aimed else "",
                passed=0.87 <= ours <= 0.93 if aimed else None,
                reference=f"Hartung-Knapp {theirs:.3f}",
            )
    yield from _tables(repetitions // 20)


EFFECTS = 8
SPREADS = {
    "none differs": [0.0] * EFFECTS,
    "all: tau² = se²": [1.0] * EFFECTS,
    "all: tau² = 10 se²": [10**0.5] * EFFECTS,
    "half: tau² = 10 se²": [10**0.5] * (EFFECTS // 2) + [0.0] * (EFFECTS // 2),
    "one: tau² = se²": [1.0] + [0.0] * (EFFECTS - 1),
    "one: tau² = 10 se²": [10**0.5] + [0.0] * (EFFECTS - 1),
}


def _tables(repetitions: int) -> Iterator[Row]:
    """Judge effects of one table beside each other and alone; averages have an sd of 4 errors."""
    for environments in (3, 5, 10, 30):
        for name, spreads in SPREADS.items():
            differ = np.array(spreads) > 0 if any(spreads) else np.ones(EFFECTS, dtype=bool)
            counts = _of_tables(environments, np.array(spreads), repetitions)
            told = [
                f"{one.inside[:, differ].mean():.3f} ({one.inside.mean():.3f}); "
                f"{one.mean.mean():.3f}; {one.said.mean():.0%}, "
                f"{one.wrong.sum() / max(one.said.sum(), 1):.1%}"
                for one in counts
            ]
            yield Row(
                what=f"8 effects of a table, {environments} environments, {name}: 90% interval of "
                "those that differ (of all); 95% of the average; directions said, wrong",
                figure=told[0],
                reference=f"alone {told[1]}",
            )


class _Counts(NamedTuple):
    """What was right (repetitions, effects): intervals, and directions that were said."""

    inside: NDArray[np.bool_]
    mean: NDArray[np.bool_]
    said: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def _of_tables(
    environments: int, spreads: NDArray[np.float64], repetitions: int
) -> tuple[_Counts, _Counts]:
    """Count what holds beside the other effects, and alone; sampling errors are about .05."""
    rng = np.random.default_rng([environments, *(10 * spreads).astype(int)])
    found: tuple[list[object], list[object]] = ([], [])
    for _ in range(repetitions):
        middle, scale = 0.2 * rng.normal(size=EFFECTS), 0.05 * spreads
        variance = 0.05**2 * np.exp(0.5 * rng.normal(size=(EFFECTS, environments)))
        effects = middle[:, None] + scale[:, None] * rng.normal(size=variance.shape)
        effects += np.sqrt(variance) * rng.normal(size=variance.shape)
        seen = variance * rng.chisquare(60, size=variance.shape) / 60
        new = middle + scale * rng.normal(size=EFFECTS)
        for kept, unit in zip(found, (np.ones(EFFECTS), None), strict=True):
            one = random_effects(effects, seen, np.full(environments, 60.0), unit=unit)
            said = one.low * one.high > 0
            kept.append(
                (
                    (one.low <= new) & (new <= one.high),
                    (one.mean_low <= middle) & (middle <= one.mean_high),
                    said,
                    said & (new * one.low < 0),
                )
            )
    beside, alone = (_Counts(*np.swapaxes(np.array(kept), 0, 1)) for kept in found)
    return beside, alone


def _new_effects(environments: int, ratio: float, repetitions: int) -> tuple[float, float]:
    """Coverage of ours and of Hartung and Knapp's; variances have 60 degrees of freedom."""
    rng = np.random.default_rng([environments, int(1000 * ratio)])
    variance = np.exp(0.7 * rng.normal(size=(repetitions, environments)))
    tau = np.sqrt(ratio * variance.mean(axis=1))
    effects = tau[:, None] * rng.normal(size=variance.shape)
    effects += np.sqrt(variance) * rng.normal(size=variance.shape)
    seen = variance * rng.chisquare(60, size=variance.shape) / 60
    new = tau * rng.normal(size=repetitions)
    found = random_effects(effects, seen, np.full(environments, 60.0))
    low, high = hartung_knapp(effects, seen, found.between_sd)
    ours = np.mean((found.low <= new) & (new <= found.high))
    return float(ours), float(np.mean((low <= new) & (new <= high)))


def hartung_knapp(
    effects: NDArray[np.float64], variances: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The usual 90% prediction interval, with Student's t of E - 1 degrees of freedom."""
    from scipy.stats import t

    weight = 1 / (variances + spread[:, None] ** 2)
    total = weight.sum(axis=1)
    mean = (weight * effects).sum(axis=1) / total
    freedom = effects.shape[1] - 1
    factor = (weight * (effects - mean[:, None]) ** 2).sum(axis=1) / freedom
    half = t.ppf(0.95, freedom) * np.sqrt(spread**2 + factor / total)
    return mean - half, mean + half
