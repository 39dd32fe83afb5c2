"""Size and power of the test of a support with many small environments."""

import argparse
from collections.abc import Iterator
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
from joblib import Parallel, delayed

from _evidence_size import draw
from _table import Row
from elinvar.inference import LinearProblem, assess

Design: TypeAlias = tuple[int, int, int]
Intercept: TypeAlias = Literal["shared", "environment"]

# environments, rows of each, features
DESIGNS: tuple[Design, ...] = ((100, 6, 1), (100, 6, 3), (200, 8, 2), (60, 10, 3), (20, 12, 3))
NOISE = {"equal": 0.0, "unequal": 0.7}
INTERCEPTS: tuple[Intercept, ...] = ("shared", "environment")
SPREAD = 0.5


def few_rows(options: argparse.Namespace) -> Iterator[Row]:
    """Shares of true supports that are rejected at 5%, and of those with a slope that varies."""
    repetitions = 1_000 if options.quick else 4_000
    cells = list(product(DESIGNS, INTERCEPTS, NOISE))
    found = Parallel(n_jobs=2)(delayed(_shares)(*cell, repetitions) for cell in cells)
    for (design, intercept, noise), (size, power) in zip(cells, found, strict=True):
        environments, rows, features = design
        own = "one intercept" if intercept == "shared" else "own intercepts"
        yield Row(
            what=f"size at 5%, {environments} x {rows} rows, {features} features, {own}, "
            f"{noise} noise",
            figure=f"{100 * size:.1f}%",
            target="3-8%",
            passed=0.03 <= size <= 0.08,
            reference=f"power {power:.2f} where one slope has sd {SPREAD:g}",
        )


def _shares(
    design: Design, intercept: Intercept, noise: str, repetitions: int
) -> tuple[float, float]:
    """Shares rejected under the truth, and where one slope varies; the noise has sd 1 about."""
    environments, rows, features = design
    rng = np.random.default_rng([*design, len(intercept), len(noise)])
    sd = np.exp(NOISE[noise] * rng.normal(size=environments))
    true = np.ones((environments, features))
    varies = true.copy()
    varies[:, -1] += SPREAD * rng.normal(size=environments)
    shares = []
    for slopes, many in ((true, repetitions), (varies, repetitions // 5)):
        rejected = 0
        for moments in draw((rows,) * environments, slopes, sd, many, rng):
            problem = LinearProblem.from_moments(moments, intercept=intercept)
            rejected += assess(problem, np.ones((1, features), dtype=bool)).p_value[0] < 0.05
        shares.append(rejected / many)
    return shares[0], shares[1]
