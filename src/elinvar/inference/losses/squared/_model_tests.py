"""Tests of a linear model as a whole and part by part."""

import numpy as np
from scipy.special import fdtrc

from elinvar.inference.losses._records import ModelTest, Part
from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._own_slopes import OwnSlopes
from elinvar.inference.losses.squared._parts import settled_intercepts, settled_slopes
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._overidentification import Law, estimated_law

Tested = tuple[float, float, float]

_QUESTIONS: dict[Part, str] = {
    "coefficients": "Are the coefficients, intercept included, the same in all environments?",
    "residual mean": "Given the same slopes, is the mean residual the same in all environments?",
    "slopes": "Are the slopes the same in all environments, whatever their intercepts?",
    "scale": (
        "Is the residual variance the same in all environments? Coefficients can hold without it; "
        "where it is large, predictions are less sure. It takes the noise as normal: with heavier "
        "tails p is too small."
    ),
}


def model_tests(problem: LinearProblem, gates: Bools) -> list[ModelTest]:
    """Test the support ``gates`` (n_gates,) as a whole and part by part.

    "coefficients" is the test of ``assess``. Its statistic splits into "slopes", with an intercept
    for each environment, and "residual mean", of one intercept given common slopes. "scale" tests
    the residual variances about each environment's own fit.

    Returns
    -------
    list of ModelTest
        Without those that the data cannot answer; empty for a single environment. With own
        intercepts "coefficients" are the slopes, and the two parts are left out.

    References
    ----------
    Bartlett (1937) and Box (1949) for the scale; the others are our own derivation, see
    docs/evidence.md.
    """
    if len(problem.count) < 2:
        return []
    found: dict[Part, Tested | None] = {"coefficients": _coefficients(problem, gates)}
    columns = np.flatnonzero(gates[problem.gate_of[problem.offset :]])
    own = OwnSlopes.of(problem, columns[None])
    if not own.short[0]:
        if not problem.absorbed:
            found["residual mean"] = _residual_mean(
                problem, own, settled_slopes(problem, columns[None])
            )
            found["slopes"] = _tested(own.slopes_test(), own.rank.sum() > own.common_rank[0])
        found["scale"] = _scale(problem, own)
    return [
        ModelTest(
            test=test,
            statistic=tested[0],
            df1=tested[1],
            df2=tested[2],
            p_value=float(fdtrc(tested[1], tested[2], tested[0])),
            question=question(test, problem),
        )
        for test, tested in found.items()
        if tested is not None
    ]


def question(test: Part, problem: LinearProblem) -> str:
    """Return what a test asks, in words."""
    return _QUESTIONS["slopes" if problem.absorbed and test == "coefficients" else test]


def _coefficients(problem: LinearProblem, gates: Bools) -> Tested | None:
    table = assess(problem, gates[None])
    if np.isnan(table.p_value[0]) or table.residual_freedom[0] == np.inf:
        return None
    f = float(table.freedom[0])
    return float(table.statistic[0]) / f, f, float(table.residual_freedom[0])


def _residual_mean(
    problem: LinearProblem, own: OwnSlopes, few: tuple[Bools, OwnSlopes, Floats] | None
) -> Tested | None:
    r"""Test one intercept, given common slopes.

    The intercepts :math:`a_e = \bar y_e - \bar x_e' b` have the covariance
    :math:`D + \bar X \Phi \bar X'` with :math:`D = \mathrm{diag}(\sigma_e^2 / n_e)`, and their
    contrasts the precision :math:`\Theta = D^{-1} - D^{-1} W S^{-1} W' D^{-1}` with
    :math:`W = (1, \bar X)` and S the precision of the refit with one intercept. Slopes that only
    the means can tell are fitted with that. The law has the traces of :math:`\Theta V_e`, of its
    square, and of :math:`\Theta` with the part of the slopes' weights.
    """
    if few is not None:
        own = few[1]
    count = problem.count
    mean, freedom, sampling = own.mean[0], own.freedom[0], own.noise[0] / count
    covariance = own.covariance[0]
    design = np.column_stack([np.ones(len(sampling)), mean])
    # S = W' D^-1 W + sum P_e: by Woodbury's identity no E x E matrix is formed
    total = design.T @ (design / sampling[:, None])
    total[1:, 1:] += own.precision[0].sum(axis=0)
    inverse, estimable = pseudo_inverses(total)

    def contrasts(values: Floats) -> Floats:
        fitted = design @ (inverse @ (design.T @ (values / sampling[:, None])))
        left: Floats = (values - fitted) / sampling[:, None]
        return left

    intercepts = own.intercepts[0]
    q = float(intercepts @ contrasts(intercepts[:, None])[:, 0])
    # f_m = E - 1 less the slopes that only the means can tell
    lost = (len(estimable) - ranks(estimable)) - (len(covariance) - own.common_rank[0])
    f = np.array([len(sampling) - 1.0 + lost])
    if few is not None:
        return _tested(settled_intercepts(np.array([q]), f, own, count, few[2]), f[0] > 0)
    # D_ee Theta_ee: what the environment's own noise has of V_e
    weight = 1 - np.einsum("ej,jk,ek->e", design, inverse, design) / sampling
    pulled = contrasts(mean)
    part = covariance @ own.precision[0]
    covered = part @ covariance
    spread = (mean.T @ pulled) @ covered
    first = np.einsum("ejj->e", spread)
    cross = np.einsum("ej,ejk,ek->e", pulled, covered, pulled)
    eta = weight**2 + 2 * sampling * cross + np.einsum("ejk,ekj->e", spread, spread)
    chi = first - np.einsum("ejk,ejk->e", spread, part)
    # m = 2 sum (eta_e + 2 chi_e) / nu_e and h = sum (d_e^2 + 2 eta_e) / nu_e, d_e = weight + first:
    # docs/evidence.md, section 2
    excess = 2 * ((eta + 2 * chi) / freedom).sum()
    half = (((weight + first) ** 2 + 2 * eta) / freedom).sum()
    return _tested(estimated_law(np.array([q]), f, excess, half), f[0] > 0)


def _scale(problem: LinearProblem, own: OwnSlopes) -> Tested | None:
    r"""Test equal residual variances: Bartlett's statistic, its law by Box's F approximation."""
    if (own.residual <= 2 * problem.floor).any():
        return None
    nu, noise, f = own.freedom[0], own.noise[0], float(len(problem.count) - 1)
    pooled = nu @ noise / nu.sum()
    statistic = max(float(nu @ np.log(pooled / noise)), 0.0)
    # Box (1949): f2 M / (f (b - M)) ~ F(f, f2) with f2 = (f + 2) / a^2, b = f2 / (1 - a + 2 / f2)
    a = ((1 / nu).sum() - 1 / nu.sum()) / (3 * f)
    second = (f + 2) / a**2
    b = second / (1 - a + 2 / second)
    statistic = min(statistic, b * (1 - 1e-12))  # beyond b the approximation has no mass
    return float(second * statistic / (f * (b - statistic))), f, float(second)


def _tested(law: Law, tested: bool) -> Tested | None:
    """Return the statistic of a single test and its degrees of freedom, if it tests anything."""
    if not tested:
        return None
    return float(law.ratio[0]), float(law.first[0]), float(law.second[0])
