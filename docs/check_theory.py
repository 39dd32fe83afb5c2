"""Check the formulas of theory.md against exact or simulated values; prints one line a formula.

    python docs/check_theory.py

Each line ends in the section of theory.md that it belongs to; an AssertionError names a formula
that does not hold.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, fdtrc
from scipy.stats import ncx2

from elinvar import Moments
from elinvar.inference import LinearProblem
from elinvar.inference.losses.squared import assess, default_strengths, invariance_path
from elinvar.inference.tests import noncentrality_limit

Array = NDArray[np.float64]


def moments_of(X: Array, y: Array, codes: NDArray[np.intp]) -> Moments:
    return Moments.from_arrays(X, y, codes)


def drift() -> None:
    """E log of the factor of u against -2 eta (gbar + eta gbar^2 + lambda q)."""
    g, share, kappa = np.array([0.7, -0.2, 0.4]), np.array([0.2, 0.3, 0.5]), 3.0
    mean = share @ g
    q = share @ (g - mean) ** 2
    errors = []
    for eta in (1e-3, 5e-4):
        exact = share @ np.log(1 - 2 * eta * (mean + kappa * (g - mean)))
        errors.append(abs(exact + 2 * eta * (mean + eta * mean**2 + eta * kappa**2 * q)))
    print(f"drift of log u: error falls by {errors[0] / errors[1]:.2f} as eta halves (8)   [2]")
    assert abs(errors[0] / errors[1] - 8) < 0.2


def bounded_step() -> None:
    """The scalar iteration x <- x (a - x)^2 stays bounded for |s| < .93 / (2 eta)."""
    root = brentq(lambda t: 4 / 27 * (1 + t) ** 3 - 2 + t, 0.0, 2.0)
    rng = np.random.default_rng(0)
    limit, t = 4 / 27 * (1 + root) ** 3, 0.999 * root
    x, largest = rng.uniform(0, limit, 5000), 0.0
    for _ in range(2000):
        x = x * (rng.choice([1 - t, 1 + t], size=5000) - x) ** 2
        x = np.where(x < 1e-12, rng.uniform(0, limit, 5000), x)
        largest = max(largest, float(x.max()))
    print(f"2 eta |s| < {root:.3f} is bounded; largest iterate {largest:.3f} <= {limit:.3f}   [11]")
    assert largest <= limit


def quadratic_form(tau: Array, precision: Array) -> tuple[float, float]:
    """Mean and variance of Q given tau: traces, with P_e scaled by tau_e but not its estimate."""
    k = precision.shape[1]
    inverse = np.linalg.inv(np.einsum("e,ejk->jk", tau, precision))
    second = inverse @ np.einsum("e,ejk->jk", tau**2, precision)
    third = inverse @ np.einsum("e,ejk->jk", tau**3, precision)
    mean = k * tau.sum() - np.trace(second)
    variance = 2 * (k * (tau**2).sum() - 2 * np.trace(third) + np.trace(second @ second))
    return float(mean), float(variance)


def expansion() -> None:
    """E Q = f + 2 B1 and var Q = 2 f + 12 B1 + 2 B2, up to order 1 / nu^2."""
    rng = np.random.default_rng(1)
    k, size = 2, np.array([1.0, 2.0, 0.5])
    root = rng.normal(size=(3, k, 5))
    precision = size[:, None, None] * (root @ root.transpose(0, 2, 1))
    spread = np.eye(k) - np.linalg.inv(precision.sum(axis=0)) @ precision
    f, relative = (len(size) - 1) * k, []
    for nu in (40.0 * size, 160.0 * size):
        b1 = float((np.einsum("ejk,ekj->e", spread, spread) / nu).sum())
        b2 = float((np.einsum("ejj->e", spread) ** 2 / nu).sum())
        draws = np.array(
            [quadratic_form(tau, precision) for tau in nu / rng.chisquare(nu, (60_000, 3))]
        )
        mean, variance = draws[:, 0].mean(), draws[:, 1].mean() + draws[:, 0].var()
        relative.append((mean - f - 2 * b1, variance - 2 * f - 12 * b1 - 2 * b2))
        c = f + 2 * b1 - 2 * (b2 + 2 * b1) / (f + 2)
        second = f * (f + 2) / (b2 + 2 * b1)
        matched = (
            c * second / (second - 2),
            2 * (c * second / (second - 2)) ** 2 * (f + second - 2) / (f * (second - 4)),
        )
        print(
            f"Q, nu = {nu.min():.0f} to {nu.max():.0f}: mean {mean:.3f} (f + 2 B1 "
            f"{f + 2 * b1:.3f}, c F {matched[0]:.3f}), variance {variance:.2f} "
            f"({2 * f + 12 * b1 + 2 * b2:.2f}, c F {matched[1]:.2f})   [5]"
        )
    assert abs(relative[1][0]) < 0.01 and abs(relative[1][1]) < 0.1
    assert abs(relative[1][1]) < abs(relative[0][1]) / 6


def welch() -> None:
    """The test of the empty support is Welch's."""
    rng = np.random.default_rng(2)
    count = np.array([8, 20, 45, 11])
    codes = np.repeat(np.arange(4), count)
    y = rng.normal(size=count.sum()) * np.repeat([1.0, 3.0, 0.5, 2.0], count)
    problem = LinearProblem.from_moments(moments_of(rng.normal(size=(len(y), 1)), y, codes))
    ours = float(assess(problem, np.zeros((1, 1), dtype=bool)).p_value[0])
    means = np.array([y[codes == e].mean() for e in range(4)])
    weight = count / np.array([y[codes == e].var(ddof=1) for e in range(4)])
    centre = weight @ means / weight.sum()
    B = float(((1 - weight / weight.sum()) ** 2 / (count - 1)).sum())
    top = weight @ (means - centre) ** 2 / 3
    theirs = float(fdtrc(3, 15 / (3 * B), top / (1 + 2 * 2 / 15 * B)))
    print(f"empty support: p = {ours:.10f}, Welch {theirs:.10f}   [5]")
    assert abs(ours - theirs) < 1e-10


def sizes(repetitions: int = 4000) -> None:
    """Share of true supports rejected, with a column that one environment cannot tell."""
    rng = np.random.default_rng(3)
    for label, count, flat in (
        ("30 + 1000 rows", (30, 1000), False),
        ("4 x 25 rows, one column constant in one environment", (25, 25, 25, 25), True),
    ):
        codes = np.repeat(np.arange(len(count)), count)
        noise = np.repeat(np.linspace(0.5, 3.0, len(count))[::-1], count)
        X = rng.normal(size=(len(codes), 3))
        if flat:
            X[codes == 0, 1] = 0.3
        p_values = np.empty(repetitions)
        for i in range(repetitions):
            y = X @ [1.0, -2.0, 0.5] + noise * rng.normal(size=len(codes))
            problem = LinearProblem.from_moments(moments_of(X, y, codes))
            table = assess(problem, np.ones((1, 3), dtype=bool))
            p_values[i] = table.p_value[0]
        rejected = [100 * np.mean(p_values < level) for level in (0.05, 0.01)]
        print(
            f"size at 5% / 1%, {label}: {rejected[0]:.1f} / {rejected[1]:.1f}; "
            f"f = {table.freedom[0]:.0f}   [5]"
        )
        assert 3.5 < rejected[0] < 6.5


def noncentrality() -> None:
    """The closed form of the upper limit against the exact one."""
    below, above = 0.0, -np.inf
    for f in (1.0, 5.0, 20.0, 100.0):
        for x in (f, f + 3, f + 10, f + 100, f + 1000):
            exact = brentq(lambda d: ncx2.cdf(x, f, d) - 0.05, 1e-9, 10 * x + 100)  # noqa: B023
            error = float(noncentrality_limit(np.array([x]), np.array([f]))[0]) - exact
            below, above = min(below, error), max(above, error)
    print(f"upper limit of the noncentrality less the exact one: {below:.2f} to {above:.2f}   [8]")
    assert below > -2 and above < 0


def debiasing() -> None:
    """P(q > 0) for an invariant column: shares by size, equal noise."""
    shown = []
    for E in (2, 3, 5, 8):
        point = float(chdtri(E - 1, 0.02)) / (E - 1)
        shown.append(f"{E}: {100 * float(chdtrc(E - 1, E * point)):.2f}%")
    print(f"invariant columns with q > 0, by E: {', '.join(shown)}   [3]")


def fixed_point() -> None:
    """Distance of the path from the fixed point, its thresholds taken anew."""
    rng = np.random.default_rng(4)
    E, n = 4, 500
    codes = np.repeat(np.arange(E), n)
    X = rng.normal(size=(E * n, 6)) * np.repeat(rng.uniform(0.5, 2, (E, 6)), n, axis=0)
    y = X[:, :3] @ [1.0, -1.0, 0.5] + rng.normal(size=E * n)
    X[:, 4:] += y[:, None] * np.repeat(rng.normal(size=(E, 2)), n, axis=0)
    problem = LinearProblem.from_moments(moments_of(X, y, codes))
    z = float(chdtri(E - 1, 0.02)) / (E - 1)
    diagonal = np.einsum("ejj->ej", problem.gram)
    for tolerance in (1e-3, 1e-8):
        path = invariance_path(problem, tolerance=tolerance, max_sweeps=2000)
        intercept = _intercepts(problem, path.standardized)
        worst = 0.0
        coef = np.column_stack([intercept, path.standardized])
        for strength, w in zip(default_strengths(), coef, strict=True):
            g = problem.cross - problem.gram @ w
            slope = g / diagonal
            residual = problem.target_power - np.einsum("j,ej->e", w, problem.cross + g)
            mean = problem.weights @ slope
            noise = problem.weights @ (residual[:, None] / (problem.count[:, None] * diagonal))
            q = np.maximum(0, problem.weights @ slope**2 - mean**2 - z * noise)
            q[0] = 0.0
            curvature = problem.weights @ diagonal
            r = curvature * w + problem.weights @ g
            goal = np.sign(r) * np.maximum(0, np.abs(r) - strength * q) / curvature
            worst = max(worst, float(np.abs(goal - w).max()))
        print(
            f"path, tolerance {tolerance:g}: largest residual {worst:.1e}, "
            f"{path.converged.sum()} of {len(path.strength)} converged   [3]"
        )
    assert worst < 1e-6


def _intercepts(problem: LinearProblem, slopes: Array) -> Array:
    """Best shared intercept of each standardised model."""
    pooled = np.tensordot(problem.weights, problem.gram, axes=1)
    best: Array = (problem.weights @ problem.cross)[0] - slopes @ pooled[0, 1:]
    return best


if __name__ == "__main__":
    for check in (
        drift,
        debiasing,
        fixed_point,
        expansion,
        welch,
        sizes,
        noncentrality,
        bounded_step,
    ):
        check()
