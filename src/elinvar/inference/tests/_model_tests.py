"""Tests of a model part by part, and its residuals in every environment."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from elinvar.inference.effects._refit import refit
from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.selection._learn import LinearModel
from elinvar.inference.tests._overidentification import assess, matched_f

Bools = NDArray[np.bool_]
Part = Literal["coefficients", "residual mean", "slopes", "scale"]
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


@dataclass(frozen=True, kw_only=True)
class ModelTest:
    """One test of a model: ``statistic`` is held against F(``df1``, ``df2``).

    Attributes
    ----------
    test : {"coefficients", "residual mean", "slopes", "scale"}
    statistic, df1, df2, p_value : float
    question : str
        What the test asks, in words.
    """

    test: Part
    statistic: float
    df1: float
    df2: float
    p_value: float
    question: str


@dataclass(frozen=True, kw_only=True)
class EnvironmentResiduals:
    """Residuals of a model in one environment, in the target's units, with 95% intervals.

    The intervals are about this model in this environment: they take its coefficients as given.

    Attributes
    ----------
    environment : str
    rows : float
        Rows in it (sum of frequency weights).
    mean, mean_low, mean_high : float
        Mean residual; 0 where the environment has an intercept of its own.
    slope, slope_low, slope_high : float
        Slope of the target on the prediction; 1 if calibrated. NaN if predictions do not vary.
    sd : float
        Standard deviation about the mean residual.

    Notes
    -----
    ``sd`` and the limits are NaN where the environment has no rows to spare.
    """

    environment: str
    rows: float
    mean: float
    mean_low: float
    mean_high: float
    slope: float
    slope_low: float
    slope_high: float
    sd: float


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
    own = _own_slopes(problem, gates)
    if own is not None:
        if not problem.absorbed:
            found["residual mean"] = _residual_mean(own)
            found["slopes"] = _slopes(own)
        found["scale"] = _scale(problem, own)
    return [
        ModelTest(
            test=test,
            statistic=tested[0],
            df1=tested[1],
            df2=tested[2],
            p_value=float(fdtrc(tested[1], tested[2], tested[0])),
            question=_question(test, problem),
        )
        for test, tested in found.items()
        if tested is not None
    ]


def environment_residuals(
    problem: LinearProblem, model: LinearModel, gates: Bools
) -> list[EnvironmentResiduals]:
    r"""Mean, slope and spread of a model's residuals in each environment.

    With the model's predictions :math:`\hat y` taken as given, the error of the mean residual is
    the mean of the environment's noise, that of the slope its slope on :math:`\hat y`. An
    environment takes part in the fit of the slopes with :math:`\mathrm{tr}\, \Phi P_e` degrees of
    freedom (its centred precision in the covariance of the refit), so its residual variance has
    :math:`n_e - 1 - \mathrm{tr}\, \Phi P_e`. Own derivation, see docs/evidence.md.

    Parameters
    ----------
    problem : LinearProblem
    model : LinearModel
        The refit of ``gates``, in the data's units.
    gates : boolean array of shape (n_gates,)
        Its support.

    Returns
    -------
    list of EnvironmentResiduals
        An environment each.
    """
    moments, coef = problem.moments, model.coef
    level = moments.mean_y - moments.mean_x @ coef - model.intercept
    if model.intercepts is not None:
        level = np.zeros(len(level))
    signal = np.einsum("j,ejk,k->e", coef, moments.cov_xx, coef)
    joint = moments.cov_xy @ coef
    freedom = moments.count - 1 - _taken(problem, gates)
    return [
        _residuals(problem, e, float(level[e]), float(signal[e]), float(joint[e]), freedom[e])
        for e in range(len(level))
    ]


@dataclass(frozen=True, kw_only=True)
class _OwnSlopes:
    """Slopes of a support in every environment, each with its own intercept.

    ``precision`` (E, m, m) and ``pull`` (E, m), the precision times the slopes; ``rank``,
    ``freedom``, ``noise``, ``rows`` (E,); ``mean`` (E, m) and ``mean_y`` (E,). Over all of them,
    ``covariance`` (m, m), ``common`` slopes (m,), and ``blind``, how many directions no
    environment can tell. All standardised.
    """

    precision: Floats
    pull: Floats
    rank: Floats
    freedom: Floats
    noise: Floats
    rows: Floats
    mean: Floats
    mean_y: Floats
    covariance: Floats
    common: Floats
    blind: float
    explained: Floats


def _own_slopes(problem: LinearProblem, gates: Bools) -> _OwnSlopes | None:
    """Fit each environment by itself; None if one has no rows to spare."""
    moments = problem.moments
    places = np.flatnonzero(gates[problem.gate_of[problem.offset :]])
    inner, joint = problem.within
    gram, cross = inner[:, places[:, None], places], joint[:, places]
    inverse, told = pseudo_inverses(gram)
    rank = ranks(told)
    freedom = moments.count - rank - 1
    if (freedom < 1).any():
        return None
    explained = np.einsum("ej,ejk,ek->e", cross, inverse, cross)
    residual = np.maximum(moments.var_y / problem.target_scale**2 - explained, problem.floor)
    weight = freedom / residual
    precision, pull = weight[:, None, None] * gram, weight[:, None] * cross
    covariance, told = pseudo_inverses(precision.sum(axis=0))
    return _OwnSlopes(
        precision=precision,
        pull=pull,
        rank=rank,
        freedom=freedom,
        noise=residual * moments.count / freedom,
        rows=moments.count,
        mean=problem.level[:, problem.offset :][:, places],
        mean_y=problem.level_target,
        covariance=covariance,
        common=covariance @ pull.sum(axis=0),
        blind=float(len(told) - ranks(told)),
        explained=weight * explained,
    )


def _question(test: Part, problem: LinearProblem) -> str:
    return _QUESTIONS["slopes" if problem.absorbed and test == "coefficients" else test]


def _coefficients(problem: LinearProblem, gates: Bools) -> Tested | None:
    table = assess(problem, gates[None])
    if np.isnan(table.p_value[0]) or table.residual_freedom[0] == np.inf:
        return None
    f = float(table.freedom[0])
    return float(table.statistic[0]) / f, f, float(table.residual_freedom[0])


def _slopes(own: _OwnSlopes) -> Tested | None:
    """Test equal slopes: section 5 of docs/theory.md, with an intercept for each environment."""
    part = own.covariance @ own.precision
    first = np.einsum("ejj->e", part)
    second = np.einsum("ejk,ekj->e", part, part)
    f = own.rank.sum() - (len(own.common) - own.blind)
    q = own.explained.sum() - own.common @ own.pull.sum(axis=0)
    b1 = ((own.rank - 2 * first + second) / own.freedom).sum()
    b2 = ((own.rank - first) ** 2 / own.freedom).sum()
    return _ratio(q, f, 2 * b1, b2 + 2 * b1)


def _residual_mean(own: _OwnSlopes) -> Tested | None:
    r"""Test one intercept, given common slopes.

    The intercepts :math:`a_e = \bar y_e - \bar x_e' b` have the covariance
    :math:`D + \bar X \Phi \bar X'` with :math:`D = \mathrm{diag}(\sigma_e^2 / n_e)`, and their
    contrasts the precision :math:`\Theta = D^{-1} - D^{-1} W S^{-1} W' D^{-1}` with
    :math:`W = (1, \bar X)` and S the precision of the refit with one intercept. Slopes that only
    the means can tell are fitted with that.
    """
    sampling = own.noise / own.rows
    design = np.column_stack([np.ones(len(sampling)), own.mean])
    total = design.T @ (design / sampling[:, None])
    total[1:, 1:] += own.precision.sum(axis=0)
    inverse, told = pseudo_inverses(total)

    def contrasts(values: Floats) -> Floats:
        fitted = design @ (inverse @ (design.T @ (values / sampling[:, None])))
        left: Floats = (values - fitted) / sampling[:, None]
        return left

    intercepts = own.mean_y - own.mean @ own.common
    q = float(intercepts @ contrasts(intercepts[:, None])[:, 0])
    weight = 1 - np.einsum("ej,jk,ek->e", design, inverse, design) / sampling
    f = float(len(sampling) - 1 + (len(told) - ranks(told)) - own.blind)
    d, eta, chi = _mean_traces(own, weight, sampling, contrasts(own.mean))
    excess = 2 * ((eta + 2 * chi) / own.freedom).sum()
    half = ((d**2 + 2 * eta) / own.freedom).sum()
    return _ratio(q, f, excess, half)


def _mean_traces(
    own: _OwnSlopes, weight: Floats, sampling: Floats, pulled: Floats
) -> tuple[Floats, Floats, Floats]:
    """Traces of Theta V_e, of its square, and of Theta with the part of the slopes' weights."""
    inner = own.mean.T @ pulled
    part = own.covariance @ own.precision
    covered = part @ own.covariance
    spread = inner @ covered
    first = np.einsum("ejj->e", spread)
    cross = np.einsum("ej,ejk,ek->e", pulled, covered, pulled)
    eta = weight**2 + 2 * sampling * cross + np.einsum("ejk,ekj->e", spread, spread)
    chi = first - np.einsum("ejk,ejk->e", spread, part)
    return weight + first, eta, chi


def _scale(problem: LinearProblem, own: _OwnSlopes) -> Tested | None:
    r"""Test equal residual variances: Bartlett's statistic, its law by Box's F approximation."""
    smallest = own.noise * own.freedom / own.rows
    if (smallest <= 2 * problem.floor).any():
        return None
    nu, f = own.freedom, float(len(own.freedom) - 1)
    pooled = nu @ own.noise / nu.sum()
    statistic = max(float(nu @ np.log(pooled / own.noise)), 0.0)
    a = ((1 / nu).sum() - 1 / nu.sum()) / (3 * f)
    second = (f + 2) / a**2
    b = second / (1 - a + 2 / second)
    statistic = min(statistic, b * (1 - 1e-12))  # beyond b the approximation has no mass
    return float(second * statistic / (f * (b - statistic))), f, float(second)


def _ratio(q: float, f: float, excess: float, half: float) -> Tested | None:
    """Q / c with its degrees of freedom; None if there is nothing to test."""
    if f < 1:
        return None
    correction, second = matched_f(f, excess, half)
    return max(float(q), 0.0) / float(correction), float(f), float(second)


def _taken(problem: LinearProblem, gates: Bools) -> Floats:
    """Degrees of freedom that each environment's rows lose to the common slopes."""
    fit = refit(problem, gates)
    offset = problem.offset
    precision = fit.precision[:, offset:, offset:]
    if offset:
        border = fit.precision[:, 1:, 0]
        weight = np.maximum(fit.precision[:, 0, 0], 1e-300)
        precision = precision - border[:, :, None] * border[:, None, :] / weight[:, None, None]
    taken: Floats = np.einsum("jk,ekj->e", fit.covariance[offset:, offset:], precision)
    return np.maximum(taken, 0.0)


def _residuals(
    problem: LinearProblem, e: int, level: float, signal: float, joint: float, freedom: float
) -> EnvironmentResiduals:
    moments = problem.moments
    rows, variance = float(moments.count[e]), float(moments.var_y[e])
    floor = float(problem.floor[e]) * problem.target_scale**2
    told = signal > floor
    slope = joint / signal if told else np.nan
    about_line = max(variance - joint * slope, 0.0) if told else np.nan
    scatter = max(variance - 2 * joint + signal, 0.0)
    sd = np.sqrt(scatter * rows / freedom) if freedom > 0 else np.nan
    mean_margin = _quantile(freedom) * sd / np.sqrt(rows)
    slope_margin = np.nan
    if told and freedom > 1:
        slope_margin = _quantile(freedom - 1) * np.sqrt(about_line / ((freedom - 1) * signal))
    return EnvironmentResiduals(
        environment=moments.names[e],
        rows=rows,
        mean=level,
        mean_low=float(level - mean_margin),
        mean_high=float(level + mean_margin),
        slope=float(slope),
        slope_low=float(slope - slope_margin),
        slope_high=float(slope + slope_margin),
        sd=float(sd),
    )


def _quantile(freedom: float) -> float:
    """Half-width of Student's 95% interval, in standard errors."""
    return float(stdtrit(freedom, 0.975)) if freedom > 0 else np.nan
