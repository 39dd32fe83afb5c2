"""Rows that are not independent, noise that depends on a feature: size, power, coverage.

    python benchmarks/robust.py [--only size power coverage classes] [--quick]

Each table is drawn anew, with all features in the model; the classical test and intervals, which
take rows as independent and of one variance in each environment, stand beside the robust ones.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from _table import Row, Suite, parser, run
from elinvar import InvariantClassifier, InvariantRegressor

Floats = np.ndarray

_K = 3
_SEED = 20_240


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One table: features (n, k), noise (n,), environments and clusters of the rows."""

    X: Floats
    noise: Floats
    environment: Floats
    cluster: Floats | None


def panel(rng: np.random.Generator) -> Draw:
    """100 units in 6 years, which are the environments: levels of units, and AR(1) noise."""
    units, years = 100, 6
    x = 0.9 * rng.normal(size=(units, 1, _K)) + 0.44 * rng.normal(size=(units, years, _K))
    noise = np.empty((units, years))
    noise[:, 0] = rng.normal(size=units)
    for year in range(1, years):
        noise[:, year] = 0.6 * noise[:, year - 1] + 0.8 * rng.normal(size=units)
    noise += rng.normal(size=(units, 1))
    return Draw(
        X=x.reshape(-1, _K),
        noise=noise.ravel(),
        environment=np.tile(np.arange(years), units),
        cluster=np.repeat(np.arange(units), years),
    )


def firms(rng: np.random.Generator, each: int = 25, rows: int = 8) -> Draw:
    """Firms within 6 regions, half of the variance of features and noise between firms."""
    many = 6 * each
    x = rng.normal(size=(many, 1, _K)) + rng.normal(size=(many, rows, _K))
    noise = rng.normal(size=(many, 1)) + rng.normal(size=(many, rows))
    cluster = np.repeat(np.arange(many), rows)
    return Draw(
        X=x.reshape(-1, _K) / np.sqrt(2),
        noise=noise.ravel(),
        environment=cluster // each,
        cluster=cluster,
    )


def uneven_firms(rng: np.random.Generator) -> Draw:
    """25 firms in each of 6 regions, of 2 to 20 rows."""
    whole = firms(rng, rows=20)
    keep = np.tile(np.arange(20), 150) < np.repeat(rng.integers(2, 21, size=150), 20)
    return Draw(
        X=whole.X[keep],
        noise=whole.noise[keep],
        environment=whole.environment[keep],
        cluster=None if whole.cluster is None else whole.cluster[keep],
    )


def fan(rng: np.random.Generator, rows: int = 100, environments: int = 6) -> Draw:
    """Noise that grows with the size of the first feature."""
    x = rng.normal(size=(environments * rows, _K))
    noise = rng.normal(size=len(x)) * (0.2 + 1.5 * np.abs(x[:, 0]))
    return Draw(X=x, noise=noise, environment=np.arange(len(x)) // rows, cluster=None)


def plain(rng: np.random.Generator) -> Draw:
    """6 environments of 100 independent rows: the classical test is valid."""
    x = rng.normal(size=(600, _K))
    return Draw(X=x, noise=rng.normal(size=600), environment=np.arange(600) // 100, cluster=None)


DRAWS: dict[str, tuple[Callable[[np.random.Generator], Draw], float]] = {
    "panel, 100 units x 6 years": (panel, 0.15),
    "firms in regions, 6 x 25 x 8": (firms, 0.3),
    "firms in regions, 2 to 20 rows": (uneven_firms, 0.3),
    "few firms, 6 x 10 x 12": (lambda rng: firms(rng, 10, 12), 0.4),
    "noise grows with x, 6 x 100": (fan, 0.4),
    "noise grows with x, 10 x 20": (lambda rng: fan(rng, 20, 10), 0.6),
    "independent rows, 6 x 100": (plain, 0.2),
}


def fitted(draw: Draw, slopes: Floats, *, robust: bool) -> InvariantRegressor:
    """Fit all features, whose slopes (E, k) are those of each environment."""
    y = (draw.X * slopes[draw.environment]).sum(axis=1) + draw.noise
    model = InvariantRegressor(robust=robust, features_always=list(range(_K)))
    cluster = draw.cluster if robust else None
    return model.fit(draw.X, y, environments=draw.environment, cluster=cluster)


def slopes_of(draw: Draw, spread: float, rng: np.random.Generator) -> Floats:
    """Slopes of 1, the first one's with this spread between environments."""
    slopes = np.ones((draw.environment.max() + 1, _K))
    slopes[:, 0] += spread * rng.normal(size=len(slopes))
    return slopes


def share(found: list[bool]) -> str:
    return f"{np.mean(found):.1%}"


def size(options: Namespace) -> Iterator[Row]:
    for name, (draw, _) in DRAWS.items():
        found: dict[tuple[bool, str], list[bool]] = {}
        for seed in range(30 if options.quick else 300):
            rng = np.random.default_rng([_SEED, seed])
            one = draw(rng)
            for robust in (True, False):
                model = fitted(one, slopes_of(one, 0.0, rng), robust=robust)
                tests = model.tests_.set_index("test").p_value
                found.setdefault((robust, "model"), []).append(tests["coefficients"] < 0.05)
                effects = model.evidence_.heterogeneity_p < 0.05
                found.setdefault((robust, "effect"), []).extend(effects)
        for what in ("model", "effect"):
            value = float(np.mean(found[True, what]))
            yield Row(
                what=f"size of the 5% test of {what}, {name}",
                figure=f"{value:.1%}",
                target="3 to 8%",
                passed=0.03 <= value <= 0.08,
                reference=f"classical {share(found[False, what])}",
            )


def power(options: Namespace) -> Iterator[Row]:
    for name, (draw, spread) in DRAWS.items():
        found: dict[bool, list[bool]] = {True: [], False: []}
        for seed in range(20 if options.quick else 150):
            for robust, hits in found.items():
                rng = np.random.default_rng([_SEED, 1, seed])
                one = draw(rng)
                model = fitted(one, slopes_of(one, spread, rng), robust=robust)
                hits.append(bool(model.tests_.p_value[0] < 0.05))
        yield Row(
            what=f"power, first slope with sd {spread:g}, {name}",
            figure=share(found[True]),
            reference=f"classical {share(found[False])}",
        )


def coverage(options: Namespace) -> Iterator[Row]:
    for name, (draw, spread) in DRAWS.items():
        common: dict[bool, list[bool]] = {True: [], False: []}
        new: dict[bool, list[bool]] = {True: [], False: []}
        for seed in range(20 if options.quick else 150):
            for robust in common:
                rng = np.random.default_rng([_SEED, 2, seed])
                one = draw(rng)
                # slopes agree in half of the tables, and differ in the other
                wide = spread * (seed % 2)
                model = fitted(one, slopes_of(one, wide, rng), robust=robust)
                row = model.evidence_.iloc[0]
                if not wide:
                    common[robust].append(bool(row.low <= 1 <= row.high))
                fresh = 1 + wide * rng.normal()
                new[robust].append(bool(row.new_low <= fresh <= row.new_high))
        value = float(np.mean(new[True]))
        yield Row(
            what=f"90% interval for a new environment, {name}",
            figure=f"{value:.1%}",
            target=">= 85%",
            passed=value >= 0.85,
            reference=f"classical {share(new[False])}",
        )
        value = float(np.mean(common[True]))
        yield Row(
            what=f"95% interval of the common effect, {name}",
            figure=f"{value:.1%}",
            target=">= 91%",
            passed=value >= 0.91,
            reference=f"classical {share(common[False])}",
        )


def classes(options: Namespace) -> Iterator[Row]:
    for name, draw in (
        ("firms in regions, 6 x 25 x 8", firms),
        ("panel, 100 units x 6 years", panel),
        ("independent rows, 6 x 100", plain),
    ):
        found: dict[bool, list[bool]] = {True: [], False: []}
        for seed in range(20 if options.quick else 150):
            for robust, hits in found.items():
                rng = np.random.default_rng([_SEED, 3, seed])
                one = draw(rng)
                y = one.X.sum(axis=1) + one.noise + rng.logistic(size=len(one.noise)) > 0
                model = InvariantClassifier(robust=robust, features_always=list(range(_K)))
                cluster = one.cluster if robust else None
                model.fit(one.X, y, environments=one.environment, cluster=cluster)
                hits.append(bool(model.tests_.p_value[0] < 0.05))
        value = float(np.mean(found[True]))
        yield Row(
            what=f"size of the 5% test of log odds, {name}",
            figure=f"{value:.1%}",
            target="3 to 8%",
            passed=0.03 <= value <= 0.08,
            reference=f"classical {share(found[False])}",
        )


SUITES: dict[str, Suite] = {
    "size": size,
    "power": power,
    "coverage": coverage,
    "classes": classes,
}


def main() -> None:
    run("Robust", SUITES, parser(__doc__ or "", SUITES).parse_args())


if __name__ == "__main__":
    main()
