"""The pre-flight: can these environments tell invariant effects from others, before any fit."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri, stdtrit

from elinvar._base._threads import one_blas_thread
from elinvar.environments import Environments, Moments, check_environments
from elinvar.errors import DataError
from elinvar.inference.diagnosis._diagnosis import Diagnosis
from elinvar.inference.diagnosis._power import detectable_sd
from elinvar.inference.diagnosis._row_hints import row_hints
from elinvar.inference.diagnosis._slopes import (
    MarginalSlopes,
    marginal_slopes,
    mean_shifts,
    scale_ratios,
    variance_inflation,
)
from elinvar.inference.diagnosis._verdict import Preflight, judge
from elinvar.inference.effects._effects import feature_effects
from elinvar.inference.effects._random_effects import between_sd
from elinvar.inference.losses.squared._loss import SquaredLoss
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._scaling import GateScaling, ScaledMoments, scale_moments, scaling_of
from elinvar.inference.problem._types import Bools, Floats, Intercept
from elinvar.inference.stochastic import step_limit
from elinvar.inference.tests._equality import same_effect
from elinvar.inference.tests._laws import law_p_values, marginal_laws, nothing_moved
from elinvar.theory import gate_growth_exponent, suppressing_gains, suppressing_steps

if TYPE_CHECKING:
    import pandas as pd

_COLLINEAR = 1e4
_MORE_ROWS = (1, 2, 4, 8, 16)
_MORE_ENVIRONMENTS = (2, 4, 8)


@one_blas_thread()
def diagnose(
    data: Moments | Environments,
    *,
    intercept: Intercept = "shared",
    step_size: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Diagnosis:
    r"""Say whether environments can tell invariant effects from others, before any model is fitted.

    An effect that stays the same while something else changes is evidence. So the pre-flight asks:
    do the features' laws differ between environments? Which of the target's slopes differ, or
    change sign? How large a difference of an effect could be missed? Which features would the
    paper's plain steps suppress? It looks at moments only, and decides nothing about any feature.

    The verdict is

    - "cannot" with a single environment; if fewer than two environments have three rows, the
      fewest that fit one feature; or if nothing differs by more than noise (no feature's level -
      unless intercepts are own -, variance or correlation, nor the target's slopes on them): such
      environments are copies, every set of features passes in them, and none could be refuted;
    - "can answer in part" with two environments; if features are duplicates or combinations of
      others; if a feature clearly goes with the target, and neither its law given the other
      features nor the target's slope on it clearly differs between environments; if fewer than two
      environments have the rows for all features at once; or if over the features with a clear
      effect the median of ``detectable_sd`` is larger than that of their sizes: then an effect
      that comes and goes between environments would more likely be missed than found;
    - "can answer" otherwise.

    "Clearly" means at the level ``alpha`` after Bonferroni's correction: over environments for
    ``positive`` and ``negative``, over features for ``moved`` and for effects.

    Parameters
    ----------
    data : Moments or Environments
        Of rows, which environments hold, it is also said who they seem to belong to, and whether
        their noise depends on a feature.
    intercept : {"shared", "environment"}
        As in the estimators. Own intercepts take differences in level out.
    step_size : float > 0, optional
        Step size of plain HeteroSGD, per unit of (feature sd x target sd), for which growth
        exponents and gains are given. By default half the limit for these data, where
        ``HeteroSGDRegressor`` starts.
    alpha : float in (0, 1)
        Level of the tests.
    power : float in (0, 1)
        Probability with which a difference of ``detectable_sd`` is found.

    Returns
    -------
    Diagnosis
        With a verdict, its reason, and the table of features.

    Raises
    ------
    DataError
        If ``data`` is something else, an argument is out of its range, or the target does not vary
        within an environment.

    References
    ----------
    Own derivation, docs/evidence.md; the tests and the law of the power are named there.

    Examples
    --------
    >>> from elinvar import Moments, diagnose
    >>> from elinvar.datasets import make_eills
    >>> known = make_eills(n_samples=300, rng=0)
    >>> found = diagnose(Moments.from_arrays(known.X, known.y, known.environments))
    >>> found.verdict
    'can answer in part'
    """
    moments = _checked(data, intercept, step_size, alpha, power)
    weights = moments.count / moments.n_rows
    problem = LinearProblem.from_moments(moments, intercept=intercept)
    scaling = scaling_of(moments, weights, intercept=intercept)
    scaled = scale_moments(moments, scaling)
    step = 0.5 * step_limit(scaled, weights) if step_size is None else float(step_size)
    slopes = marginal_slopes(moments, scaling)
    partial = _partial_effects(problem, slopes, alpha)
    signs = _clear_signs(slopes, alpha)
    features = _features(problem, scaling, slopes, signs, partial, alpha)
    features |= _growth(moments, scaled, scaling, step)
    power_rows, detectable = _power(moments, partial, alpha, power)
    apart = np.nan_to_num(features["vif"], nan=np.inf) < _COLLINEAR
    features["detectable_sd"] = np.where(apart | (not partial.whole), detectable, np.nan)
    features["effect_size"] = np.where(partial.clear, partial.size, np.nan)
    judgement = judge(
        Preflight(
            moments=moments,
            problem=problem,
            features=features,
            power=power_rows,
            signs=signs,
            size=partial.size,
            clear=partial.clear,
            whole=partial.whole,
            copies=nothing_moved(problem),
            alpha=alpha,
            wanted=power,
        )
    )
    hints = row_hints(data, moments) if isinstance(data, Environments) else ()
    judgement = replace(judgement, notes=(*judgement.notes, *hints))
    return Diagnosis(
        **vars(judgement),
        features=_frame(features),
        power=_frame(power_rows),
        environments=moments.names,
        rows=tuple(moments.count.tolist()),
        step_size=step,
    )


def _positive(value: object) -> bool:
    return isinstance(value, Real) and float(value) > 0


@dataclass(frozen=True, kw_only=True)
class _Partial:
    """Effects in the model of all features, in standard deviations, by feature of the schema.

    ``size`` is that of the effect in a typical environment, the root of its mean square, and
    ``clear`` says whether its average over environments is not 0.
    ``whole`` says whether at least two environments (or the only one) have the rows for that
    model; without them the variances are those of slopes on single features.
    """

    size: Floats
    clear: Bools
    variances: Floats
    freedom: Floats
    whole: bool


def _checked(
    data: object, intercept: str, step_size: float | None, alpha: float, power: float
) -> Moments:
    moments = data.moments() if isinstance(data, Environments) else data
    if not isinstance(moments, Moments):
        raise DataError(
            f"diagnose needs Moments or Environments; got {type(data).__name__}. "
            "Moments.from_arrays, from_frame and from_files make them."
        )
    if intercept not in ("shared", "environment"):
        raise DataError(f"intercept must be 'shared' or 'environment'; got {intercept!r}.")
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise DataError(f"{name} must be a number between 0 and 1; got {value!r}.")
    if step_size is not None and not _positive(step_size):
        raise DataError(f"step_size must be a number above 0; got {step_size!r}.")
    if not alpha < power:
        raise DataError(f"power ({power:g}) must be larger than alpha ({alpha:g}).")
    check_environments(moments)
    fixed = np.flatnonzero((moments.var_y <= 0) & (moments.count >= 2))
    if len(moments.names) > 1 and len(fixed):
        raise DataError(
            f"The target is constant in environment {moments.names[fixed[0]]!r}, which then says "
            "nothing about effects; leave it out with exclude."
        )
    return moments


def _features(
    problem: LinearProblem,
    scaling: GateScaling,
    slopes: MarginalSlopes,
    signs: Floats,
    partial: _Partial,
    alpha: float,
) -> dict[str, Any]:
    """Columns that don't depend on a step size."""
    moments, n_features = problem.moments, len(problem.moments.schema.features)
    laws = marginal_laws(moments)
    spread = between_sd(slopes.effects, slopes.variances, slopes.freedom)
    inflation = variance_inflation(moments, scaling)
    moved = _law_p(problem, partial.whole) < alpha / n_features
    positive, negative = ((signs == sign).sum(axis=1) for sign in (1, -1))
    able = slopes.freedom >= 1
    slope_p = same_effect(
        np.where(able, slopes.effects, 0.0), np.where(able, slopes.variances, 0.0), slopes.freedom
    )
    return {
        "feature": list(moments.schema.features),
        "mean_shift": mean_shifts(moments),
        "mean_p": laws.mean_p,
        "scale_ratio": scale_ratios(moments),
        "scale_p": laws.scale_p,
        "slope": _average(slopes.effects, slopes.variances, slopes.freedom)[0],
        "slope_sd": spread,
        "slope_p": slope_p,
        "positive": positive,
        "negative": negative,
        "flips": (positive > 0) & (negative > 0),
        "moved": moved,
        "tested": moved | (slope_p < alpha / n_features),
        "vif": inflation,
        "told_apart": (np.nan_to_num(inflation, nan=np.inf) < _COLLINEAR) & moved,
    }


def _clear_signs(slopes: MarginalSlopes, alpha: float) -> Floats:
    """1 or -1 where an environment's slope is clearly above or below 0, else 0; (F, E)."""
    able = slopes.freedom >= 1
    safe = np.where(able, slopes.freedom, 1.0)
    # two-sided, by Bonferroni over the environments that tell the slope
    bound = stdtrit(safe, 1 - alpha / (2 * np.maximum(able.sum(axis=1), 1))[:, None])
    with np.errstate(invalid="ignore"):
        t = np.where(able, slopes.effects / np.sqrt(slopes.variances), 0.0)
    return np.where(np.abs(t) > bound, np.sign(t), 0.0)


def _average(effects: Floats, variances: Floats, freedom: Floats) -> tuple[Floats, Floats, Floats]:
    """Random-effects average, its standard error and the spread (F,); NaN where none can tell."""
    estimable = freedom >= 1
    spread = np.nan_to_num(between_sd(effects, variances, freedom))
    total = np.where(estimable, variances, 1.0) + spread[:, None] ** 2
    weight = np.where(estimable, 1.0 / np.maximum(total, 1e-300), 0.0)
    mass = weight.sum(axis=1)
    mass = np.where(mass > 0, mass, np.nan)
    mean = (weight * np.where(estimable, effects, 0.0)).sum(axis=1) / mass
    return mean, 1.0 / np.sqrt(mass), spread


def _law_p(problem: LinearProblem, whole: bool) -> Floats:
    """p-values of each feature's law given all others; of its law alone where that has none."""
    schema, every = problem.moments.schema, np.ones(problem.n_gates, dtype=bool)
    given = law_p_values(problem, every if whole else ~every)
    if np.isnan(given).any():
        given = np.where(np.isnan(given), law_p_values(problem, ~every), given)
    p_values = np.ones(len(schema.features))
    p_values[problem.features] = np.nan_to_num(given, nan=1.0)
    for dropped, kept in problem.duplicates:
        place, other = (schema.groups[schema.columns.index(name)] for name in (dropped, kept))
        p_values[place] = min(p_values[place], p_values[other])
    return p_values


def _partial_effects(problem: LinearProblem, slopes: MarginalSlopes, alpha: float) -> _Partial:
    """Effects in the model of all features, or of each alone where rows are too few."""
    moments, level = problem.moments, alpha / len(slopes.effects)
    needed = len(problem.gate_of) + problem.absorbed + 1
    whole = bool((problem.count >= needed).sum() >= min(2, len(problem.count)))
    effects, variances, freedom = slopes.effects, slopes.variances, slopes.freedom
    if whole:
        effects, variances = (np.full_like(slopes.effects, np.nan) for _ in range(2))
        freedom = np.zeros_like(slopes.freedom)
        found = feature_effects(
            SquaredLoss(problem=problem, shared=problem), np.ones(problem.n_gates, dtype=bool)
        )
        for gate, effect in enumerate(found):
            if effect is None:
                continue
            place = problem.features[gate]
            column = int(np.argmax(problem.gate_of == gate)) - problem.offset
            numeric = moments.schema.features[place] not in moments.schema.levels
            unit = (problem.scale[column] if numeric else 1.0) / problem.target_scale
            effects[place], variances[place] = effect.own * unit, effect.own_variance * unit**2
            freedom[place] = np.where(np.isfinite(effect.own), effect.freedom, 0.0)
    mean, error, spread = _average(effects, variances, freedom)
    with np.errstate(invalid="ignore"):
        clear = np.abs(mean) > -ndtri(level / 2) * error
    return _Partial(
        # E theta^2 = mu^2 + tau^2
        size=np.hypot(mean, spread),
        clear=clear,
        variances=variances,
        freedom=freedom,
        whole=whole,
    )


def _growth(
    moments: Moments, scaled: ScaledMoments, scaling: GateScaling, step: float
) -> dict[str, Floats]:
    """Growth exponent of each feature's fastest gate, and what suppresses all of its gates."""
    weights = scaling.weights
    active = np.flatnonzero(scaling.x_inverse > 0)
    pull = scaled.cross[:, active].T
    n_features = len(moments.schema.features)
    groups = moments.schema.groups[active]
    columns = {"growth": np.full(n_features, -np.inf)}
    np.maximum.at(columns["growth"], groups, gate_growth_exponent(pull, step, 1.0, weights))
    absent = np.ones(n_features, dtype=bool)
    absent[groups] = False
    columns["growth"][absent] = np.nan
    windows = {
        "gain": suppressing_gains(pull, step, weights),
        "step": suppressing_steps(pull, 1.0, weights),
    }
    for name, (low, high) in windows.items():
        # a category dies where all of its columns do: windows intersect
        first, last = np.zeros(n_features), np.full(n_features, np.inf)
        np.maximum.at(first, groups, np.nan_to_num(low, nan=np.inf))
        np.minimum.at(last, groups, np.nan_to_num(high, nan=-np.inf))
        open_ = (first < last) & ~absent
        columns[f"{name}_low"] = np.where(open_, first, np.nan)
        columns[f"{name}_high"] = np.where(open_, last, np.nan)
    return columns


def _power(
    moments: Moments, partial: _Partial, alpha: float, power: float
) -> tuple[dict[str, Any], Floats]:
    """Table of what more rows or environments would find, and what each feature's test finds."""
    variances, freedom = partial.variances, partial.freedom
    rows = [*_MORE_ROWS] + [1] * len(_MORE_ENVIRONMENTS)
    copies = [1] * len(_MORE_ROWS) + [*_MORE_ENVIRONMENTS]
    # the freedom that the fit takes does not grow with the rows
    taken = moments.count - freedom
    found = detectable_sd(
        np.concatenate([variances / r for r in rows]),
        np.concatenate([np.where(freedom > 0, r * moments.count - taken, 0.0) for r in rows]),
        level=alpha,
        power=power,
        copies=np.repeat(np.array(copies, dtype=np.float64), len(variances)),
    ).reshape(len(rows), len(variances))
    median = [float(np.nanmedian(row)) if np.isfinite(row).any() else np.nan for row in found]
    table = {
        "environments": np.array(copies) * len(moments.names),
        "rows": np.array(rows) * (moments.n_rows / len(moments.names)),
        "detectable_sd": np.array(median),
        "is_now": np.array([r == m == 1 for r, m in zip(rows, copies, strict=True)]),
    }
    return table, found[0]


def _frame(columns: dict[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(columns)
