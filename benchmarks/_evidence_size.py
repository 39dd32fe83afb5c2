"""Size and power of the tests of a model, on moments drawn without rows."""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from _table import Row
from elinvar.environments import Moments, Schema
from elinvar.inference import LinearProblem, SquaredLoss, assess, noncentrality_limit
from elinvar.inference.losses.squared import refit
from elinvar.inference.tests import agreement_p_value

Array = NDArray[np.float64]
Rows = tuple[int, ...]

PARTS = ("coefficients", "residual mean", "slopes", "scale")
FEATURE = "one feature"


def size(options: argparse.Namespace) -> Iterator[Row]:
    """Shares of true supports that are rejected, for supports fixed beforehand."""
    repetitions = 400 if options.quick else 2_000
    for environments in (2, 3, 5, 10):
        unequal = tuple(int(n) for n in np.geomspace(50, 1000, environments))
        cells = [
            (rows, k)
            for rows in (*((n,) * environments for n in (50, 200, 1000)), unequal)
            for k in (1, 3, 6)
        ]
        where = f"{environments} environments"
        yield from _sizes(cells, repetitions, where, aimed=not options.quick)
    for rows, k in (((20,) * 10, 6), ((20,) * 20, 6), ((12,) * 10, 3), ((10,) * 10, 6)):
        yield from _sizes([(rows, k)], repetitions, f"{len(rows)} x {rows[0]} rows, {k} features")


def _sizes(
    cells: list[tuple[Rows, int]], repetitions: int, where: str, *, aimed: bool = False
) -> Iterator[Row]:
    """Smallest and largest size over ``cells``, at 5% and at 1%."""
    found = Parallel(n_jobs=2)(delayed(_cell)(rows, k, repetitions) for rows, k in cells)
    for part in (*PARTS, FEATURE):
        at_5, at_1 = (
            [100 * float(np.mean(p_values[part] < level)) for p_values in found]
            for level in (0.05, 0.01)
        )
        inside = 3 <= min(at_5) and max(at_5) <= 7
        yield Row(
            what=f"{'' if aimed else '  '}size at 5%, {part}, {where}",
            figure=_range(at_5),
            target="3-7%" if aimed else "",
            passed=inside if aimed else None,
            reference=f"at 1%: {_range(at_1)}" + f"; {len(cells)} settings" * aimed,
        )


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low}%" if len(values) == 1 else f"{low}-{high}%"


def _cell(rows: Rows, k: int, repetitions: int) -> dict[str, Array]:
    """p-values with noise from .5 to 2; those of the scale with the same noise everywhere."""
    rng = np.random.default_rng([*rows, k])
    unequal = rng.permutation(np.linspace(0.5, 2.0, len(rows)))
    found = _p_values(draw(rows, np.ones((len(rows), k)), unequal, repetitions, rng))
    equal = draw(rows, np.ones((len(rows), k)), np.ones(len(rows)), repetitions, rng)
    found["scale"] = _p_values(equal)["scale"]
    return found


def draw(
    rows: Rows,
    slopes: Array,
    noise: Array,
    repetitions: int,
    rng: np.random.Generator,
    level: Array | float = 0.0,
) -> Iterator[Moments]:
    r"""Draw moments of normal rows, by their sufficient statistics.

    With :math:`n C = L L'` from Bartlett's decomposition of the Wishart law, the noise has the
    cross moments :math:`\sigma L z` and the sum of squares
    :math:`\sigma^2 (z'z + \chi^2_{n - 1 - k})`. Inputs have other means and scales in each
    environment.
    """
    n, (E, k) = np.array(rows, dtype=np.float64), slopes.shape
    scale = np.exp(0.4 * rng.normal(size=(E, k)))
    mean_x = rng.normal(size=(E, k)) + scale * rng.normal(size=(repetitions, E, k)) / np.sqrt(
        n[:, None]
    )
    root = np.tril(rng.normal(size=(repetitions, E, k, k)), -1)
    freedom = np.broadcast_to(n[:, None] - 1 - np.arange(k), (repetitions, E, k))
    root[..., np.arange(k), np.arange(k)] = np.sqrt(rng.chisquare(freedom))
    root = root * scale[:, :, None]
    cov_xx = root @ np.swapaxes(root, -1, -2) / n[:, None, None]
    z = rng.normal(size=(repetitions, E, k))
    spare = rng.chisquare(np.broadcast_to(n - 1 - k, (repetitions, E)))
    with_noise = np.einsum("reij,rej->rei", root, z) * (noise / n)[:, None]
    explained = np.einsum("reij,ej->rei", cov_xx, slopes)
    var_y = np.einsum("rei,ei->re", explained + 2 * with_noise, slopes)
    var_y += noise**2 * ((z**2).sum(axis=-1) + spare) / n
    mean_y = np.einsum("rej,ej->re", mean_x, slopes) + level
    mean_y += noise / np.sqrt(n) * rng.normal(size=(repetitions, E))
    schema = Schema(features=tuple(f"x{j}" for j in range(k)))
    for r in range(repetitions):
        yield Moments(
            names=tuple(f"{e:03d}" for e in range(E)),
            count=n,
            mean_x=mean_x[r],
            mean_y=mean_y[r],
            cov_xx=cov_xx[r],
            cov_xy=explained[r] + with_noise[r],
            var_y=var_y[r],
            schema=schema,
        )


def _p_values(many: Iterator[Moments]) -> dict[str, Array]:
    found: dict[str, list[float]] = {name: [] for name in (*PARTS, FEATURE)}
    for moments in many:
        problem = LinearProblem.from_moments(moments)
        everything = np.ones(problem.n_gates, dtype=bool)
        for test in SquaredLoss(problem=problem, shared=problem).tests(everything):
            found[test.test].append(test.p_value)
        fit = refit(problem, everything)
        own, covariance = fit.own[:, -1:], fit.own_covariance[:, -1:, -1:]
        found[FEATURE].append(agreement_p_value(own, covariance, fit.freedom))
    return {name: np.array(values) for name, values in found.items()}


def power(options: argparse.Namespace) -> Iterator[Row]:
    """Shares rejected at 5%, by how much environments differ, and in what; the noise has sd 1."""
    repetitions = 200 if options.quick else 1_000
    rows, k = (200,) * 5, 3
    for kind in ("intercept", "one slope", "log noise"):
        for spread in (0.05, 0.1, 0.2, 0.4):
            found = _power(kind, spread, rows, k, repetitions)
            shares = {name: float(np.mean(values < 0.05)) for name, values in found.items()}
            yield Row(
                what=f"power, {len(rows)} x {rows[0]} rows, sd of the {kind} {spread:g}",
                figure=f"{shares[_meant(kind)]:.2f}",
                reference=", ".join(f"{name} {share:.2f}" for name, share in shares.items()),
            )
    yield from _limits(options)


def _meant(kind: str) -> str:
    return {"intercept": "residual mean", "one slope": "slopes", "log noise": "scale"}[kind]


def _power(kind: str, spread: float, rows: Rows, k: int, repetitions: int) -> dict[str, Array]:
    """p-values where ``kind`` has the given sd between environments; the noise has sd 1."""
    rng = np.random.default_rng([len(kind), round(1000 * spread)])
    E = len(rows)
    pull = np.linspace(-1, 1, E)
    pull *= spread / pull.std(ddof=1)
    slopes, level, noise = np.ones((E, k)), np.zeros(E), np.ones(E)
    if kind == "intercept":
        level = pull
    elif kind == "one slope":
        slopes[:, -1] += pull
    else:
        noise = np.exp(pull)
    return _p_values(draw(rows, slopes, noise, repetitions, rng, level))


def _limits(options: argparse.Namespace) -> Iterator[Row]:
    """Upper 95% limit of the disagreement, where there is some."""
    repetitions = 200 if options.quick else 1_000
    for E, n, spread in ((2, 1000, 0.15), (5, 200, 0.1), (10, 200, 0.05), (10, 1000, 0.05)):
        rng = np.random.default_rng([E, n])
        slopes = 1 + spread * rng.normal(size=(E, 3))
        covered, true = [], []
        for moments in draw((n,) * E, slopes, np.ones(E), repetitions, rng):
            problem = LinearProblem.from_moments(moments)
            table = assess(problem, np.ones((1, 3), dtype=bool))
            true.append(_noncentrality(moments, slopes))
            limit = noncentrality_limit(table.statistic, table.freedom)[0]
            covered.append(float(limit >= true[-1]))
        share = float(np.mean(true)) / (E * n)
        yield Row(
            what=f"95% limit of the disagreement holds, {E} x {n} rows",
            figure=f"{np.mean(covered):.3f}",
            target=">= .9",
            passed=bool(np.mean(covered) >= 0.9),
            reference=f"true disagreement {share:.4f} of the residual variance",
        )


def _noncentrality(moments: Moments, slopes: Array) -> float:
    """Sum of (w_e - w)' P_e (w_e - w) for noise of variance 1 and intercepts 0."""
    E = len(slopes)
    mean = np.concatenate([np.ones((E, 1)), moments.mean_x], axis=1)
    precision = mean[:, :, None] * mean[:, None, :]
    precision[:, 1:, 1:] += moments.cov_xx
    precision *= moments.count[:, None, None]
    own = np.concatenate([np.zeros((E, 1)), slopes], axis=1)
    common = np.linalg.solve(precision.sum(axis=0), np.einsum("ejk,ek->j", precision, own))
    away = own - common
    return float(np.einsum("ej,ejk,ek->", away, precision, away))
