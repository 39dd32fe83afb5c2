"""Forecasts of numbers in new environments: errors, margins and speed, against their targets.

    python benchmarks/forecast.py [--only tables margin speed] [--specs FILE ...] [--rows N]

Of each real table five parts of whole environments are left out in turn; the mixture weighs its
learners by environments left out of the rest. Errors are mean squared errors, means over
environments; ratios are geometric means over tables. "Boosting" is the better of LightGBM with 8
and with 31 leaves, in hindsight, and "the best" the best single learner of the mixture.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from _forecast import sample_of
from _table import Row, Suite, at_least, at_most, parser, run
from elinvar.datasets import read_specs, table_specs
from elinvar.forecast import Columns, Sample, Spread
from elinvar.forecast.learners import Boosting
from elinvar.forecast.mixture import (
    default_learners,
    environment_errors,
    environment_folds,
    fit_mixture,
)

Array = NDArray[np.float64]

LINES = "least squares"
BOOSTING = ("boosting, small trees", "boosting, large trees")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Shares of the rows of new environments within a margin, and its mean widths there."""

    held: list[float]
    widths: list[float]

    def look(self, out: Sample, predicted: Array, half: Array) -> None:
        inside = np.abs(out.y - predicted) <= half
        for code in np.unique(out.codes):
            here = out.codes == code
            self.held.append(float(inside[here].mean()))
            self.widths.append(float(half[here].mean()))


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Mean squared errors in new environments, and intervals if there are environments enough."""

    each: dict[str, float]
    mixture: float
    ours: Interval
    linear: Interval

    @property
    def boosting(self) -> float:
        return min(self.each[name] for name in BOOSTING)


@cache
def on_table(name: str, specs: str | None, most: int) -> Errors | None:
    sample = sample_of(name, specs, most, classes=False)
    if len(np.unique(sample.y)) == 2:  # a class
        return None
    learners = default_learners(0, sample.columns)
    names = [learner.name for learner in learners]
    predicted = np.empty((sample.n_rows, len(learners) + 1, 1))
    ours, linear = (Interval(held=[], widths=[]) for _ in range(2))
    for fold in environment_folds(sample, most=5, seed=0):
        out = np.isin(sample.codes, fold)
        train, new = sample.rows(~out), sample.rows(out)
        mixture = fit_mixture(train, learners, seed=0)
        predicted[out, :-1] = mixture.each(new.X)
        predicted[out, -1] = mixture.predict(new.X)
        if len(np.unique(train.codes)) >= 9 and mixture.margin is not None:
            ours.look(new, predicted[out, -1, 0], mixture.margin.half_widths(new.X))
            least = names.index(LINES)
            width = Spread.of(compact(train), mixture.left_out[:, least, 0]).margin()
            linear.look(new, predicted[out, least, 0], np.full(new.n_rows, width))
    errors = np.nanmean(environment_errors(sample, predicted), axis=0)
    each = dict(zip(names, errors.tolist(), strict=False))
    return Errors(each=each, mixture=float(errors[-1]), ours=ours, linear=linear)


def compact(sample: Sample) -> Sample:
    codes = np.unique(sample.codes, return_inverse=True)[1].astype(np.intp)
    return Sample(X=sample.X, y=sample.y, codes=codes, weight=sample.weight, columns=sample.columns)


def known(options: argparse.Namespace) -> Iterator[tuple[str, Errors]]:
    specs = read_specs(*options.specs) if options.specs else None
    for name in list(table_specs(specs))[:: 6 if options.quick else 1]:
        try:
            found = on_table(name, specs, options.rows)
        except ValueError:  # the target is text
            continue
        if found is not None:
            yield name, found


def tables(options: argparse.Namespace) -> Iterator[Row]:
    specs = table_specs(read_specs(*options.specs) if options.specs else None)
    found = dict(known(options))
    for name, one in found.items():
        yield Row(
            what=f"{name}: over least squares",
            figure=f"{one.mixture / one.each[LINES]:.3f}",
            reference=f"over boosting {one.mixture / one.boosting:.3f}, "
            f"over the best {one.mixture / min(one.each.values()):.3f}",
        )
    lines = {name: one.mixture / one.each[LINES] for name, one in found.items()}
    boosting = [one.mixture / one.boosting for one in found.values()]
    both = [one.mixture / min(one.each[LINES], one.boosting) for one in found.values()]
    best = [one.mixture / min(one.each.values()) for one in found.values()]
    panels = [ratio for name, ratio in lines.items() if not specs[name].by_year]
    yield at_most(f"over least squares, {len(lines)} tables", mean(list(lines.values())), 0.80)
    yield at_most("the same, tables whose environments are no years", mean(panels), 0.90)
    yield at_most("the same, worst table", max(lines.values()), 1.15)
    worse = float(np.mean([ratio > 1.02 for ratio in both]))
    yield at_most("worse by 2% than the better of least squares and boosting", worse, 0.08)
    yield at_most("over boosting", mean(boosting), 0.83)
    yield at_most("the same, worst table", max(boosting), 1.05)
    yield at_most("over the best", mean(best), 1.00)


def margin(options: argparse.Namespace) -> Iterator[Row]:
    found = {name: one for name, one in known(options) if one.ours.held}
    shares, linear, widths = [], [], []
    for name, one in found.items():
        shares.append(enough(one.ours))
        linear.append(enough(one.linear))
        widths.append(float(np.mean(one.ours.widths) / np.mean(one.linear.widths)))
        yield Row(
            what=f"{name}: new environments with 90% of their rows within",
            figure=f"{shares[-1]:.3f}",
            reference=f"rows {np.mean(one.ours.held):.3f}, width {widths[-1]:.3f}; "
            f"least squares {linear[-1]:.3f}",
        )
    share = float(np.mean(shares))
    what = f"90% of rows within: share of new environments, {len(found)} tables"
    yield at_least(what, share, 0.87, reference=f"least squares {np.mean(linear):.3f}")
    yield at_most("the same", share, 0.95)
    yield at_most("width over that of least squares, one width for all rows", mean(widths), 0.85)


def enough(interval: Interval) -> float:
    return float(np.mean(np.array(interval.held) >= 0.9))


def speed(options: argparse.Namespace) -> Iterator[Row]:
    Boosting(n_trees=1).fit(draw(200, 5))  # loads the library
    for rows, columns in ((2_000, 20),) if options.quick else ((20_000, 20), (100_000, 30)):
        sample = draw(rows, columns)
        alone = cpu(partial(Boosting().fit, sample.rows(np.arange(sample.n_rows))))
        learners = default_learners(0, sample.columns)
        whole = cpu(partial(fit_mixture, sample, learners, seed=0, n_jobs=1))
        yield at_most(
            f"fit, {rows:,} x {columns}: CPU time over LightGBM's", whole / alone, 60, digits=0,
            reference=f"{whole:.1f} s, LightGBM {alone:.2f} s",
        )  # fmt: skip
        if rows == 100_000:
            yield at_most("CPU seconds of two cores", whole / 2, 30, digits=0)


def draw(rows: int, columns: int) -> Sample:
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(rows, columns)), rng.integers(0, 10, rows)
    y = X[:, 0] + np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3] + 0.03 * codes + rng.normal(size=rows)
    return Sample(
        X=X,
        y=y,
        codes=codes.astype(np.intp),
        weight=np.ones(rows),
        columns=Columns(
            features=tuple(f"x{j}" for j in range(columns)),
            groups=np.arange(columns),
            categorical=np.zeros(columns, dtype=bool),
        ),
    )


def cpu(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def mean(ratios: list[float]) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


SUITES: dict[str, Suite] = {"tables": tables, "margin": margin, "speed": speed}


def main() -> None:
    options = parser(__doc__ or "", SUITES)
    options.add_argument("--specs", nargs="+", help="JSON files of other tables")
    options.add_argument("--rows", type=int, default=2500, help="most rows of a table")
    run("Forecasts of numbers in new environments", SUITES, options.parse_args())


if __name__ == "__main__":
    main()
