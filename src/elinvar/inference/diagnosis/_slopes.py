"""The target's slope on single features in every environment, and how features' laws shift."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.effects._random_effects import between_sd
from elinvar.inference.problem._linear import average
from elinvar.inference.problem._scaling import GateScaling
from elinvar.inference.problem._types import Floats, Places
from elinvar.inference.tests._laws import residuals, schur

if TYPE_CHECKING:
    from elinvar.environments import Moments

_CONSTANT = 1e-24
_FLOOR = 1e-12


@dataclass(frozen=True, kw_only=True)
class MarginalSlopes:
    """The target's slope on each feature alone, with an intercept in every environment.

    Attributes
    ----------
    effects, variances : array of shape (n_features, E)
        In standard deviations of the target per standard deviation of the feature; of a
        categorical feature, the difference between the two levels that are furthest apart on
        average within environments. NaN where an environment cannot tell.
    freedom : array of shape (n_features, E)
        Degrees of freedom behind each variance; 0 where an environment cannot tell.
    """

    effects: Floats
    variances: Floats
    freedom: Floats


def marginal_slopes(moments: "Moments", scaling: GateScaling) -> MarginalSlopes:
    """Regress the target on each feature alone, in every environment.

    Parameters
    ----------
    moments : Moments
    scaling : GateScaling
        Units of columns and target.
    """
    schema, count = moments.schema, moments.count
    first = first_columns(moments)
    inverse = scaling.x_inverse[first][:, None]
    variance = _varying(moments)[first] * inverse**2
    cross = moments.cov_xy.T[first] * inverse / scaling.y_scale
    power = moments.var_y / scaling.y_scale**2
    estimable = (variance > 0) & (count >= 3)
    safe = np.where(estimable, variance, 1.0)
    effects = np.where(estimable, cross / safe, np.nan)
    freedom = np.where(estimable, count - 2, 0.0)
    residual = np.maximum(power - cross**2 / safe, _FLOOR * power)
    variances = np.where(estimable, residual / (safe * np.maximum(freedom, 1.0)), np.nan)
    for feature, name in enumerate(schema.features):
        if name in schema.levels:
            columns = np.flatnonzero(schema.groups == feature)
            effects[feature], variances[feature], freedom[feature] = _level_contrast(
                moments, columns, scaling.y_scale
            )
    return MarginalSlopes(effects=effects, variances=variances, freedom=freedom)


def _level_contrast(
    moments: "Moments", columns: Places, unit: float
) -> tuple[Floats, Floats, Floats]:
    """Difference of the target between two levels of a category, (E,), its variance and freedom."""
    count, share = moments.count, np.maximum(moments.mean_x[:, columns], 0.0)
    present = share * count[:, None] > 0.5
    safe = np.where(present, share, 1.0)
    # cov(1{level}, y) over the level's share: its mean less that of all rows
    deviation = np.where(present, moments.cov_xy[:, columns] / safe, 0.0)
    # levels that few environments know do not stand for the feature
    common = present.sum(axis=0) == present.sum(axis=0).max()
    mean = (count[:, None] * share * deviation).sum(axis=0) / np.maximum(count @ share, 1e-300)
    top = int(np.argmax(np.where(common, mean, -np.inf)))
    bottom = int(np.argmin(np.where(common, mean, np.inf)))
    freedom = count - present.sum(axis=1)
    estimable = present[:, top] & present[:, bottom] & (freedom >= 1) & (top != bottom)
    freedom = np.where(estimable, freedom, 0.0)
    residual = moments.var_y - (share * deviation**2).sum(axis=1)
    residual = np.maximum(residual, _FLOOR * moments.var_y) / np.maximum(freedom, 1.0)
    # s^2 (1 / n_top + 1 / n_bottom), with n_level the rows times the share
    variance = residual * (1 / safe[:, top] + 1 / safe[:, bottom])
    effect = np.where(estimable, (deviation[:, top] - deviation[:, bottom]) / unit, np.nan)
    return effect, np.where(estimable, variance / unit**2, np.nan), freedom


def mean_shifts(moments: "Moments") -> Floats:
    """Between-environment sd of each feature's mean, by Paule and Mandel, in sds within.

    Returns
    -------
    array of shape (n_features,)
        For a categorical feature, root sums of squares over its levels. 0 for a constant feature,
        infinite for one that differs between environments only, NaN with a single environment.
    """
    count, mean = moments.count, moments.mean_x
    if len(count) < 2:
        return np.full(len(moments.schema.features), np.nan)
    weight, variance = count / count.sum(), _varying(moments)
    freedom = np.broadcast_to(count - 1, variance.shape)
    spread = between_sd(mean.T, variance / np.maximum(count - 1, 1.0), freedom) ** 2
    plain = weight @ (mean - weight @ mean) ** 2
    plain = np.where(plain > _CONSTANT * (weight @ mean**2), plain, 0.0)
    # sampling variances are unknown where fewer than two environments show any variance
    spread = np.where((variance > 0).sum(axis=1) < 2, plain, spread)
    between, within = _by_feature(moments, spread), _by_feature(moments, variance @ weight)
    shift = np.sqrt(between / np.where(within > 0, within, 1.0))
    return np.where((within > 0) | (between == 0), shift, np.inf)


def scale_ratios(moments: "Moments") -> Floats:
    """Largest sd of each feature in an environment, divided by its smallest one.

    Returns
    -------
    array of shape (n_features,)
        The variance of a categorical feature is that of its levels' columns together. 1 for a
        constant feature; infinite for one that is constant in some environments only.
    """
    rows = moments.count > 1
    variance = _varying(moments)[:, rows]
    if not rows.any():
        return np.ones(len(moments.schema.features))
    total = np.stack([_by_feature(moments, column) for column in variance.T], axis=1)
    low, high = total.min(axis=1), total.max(axis=1)
    ratio = np.where(low > 0, high, 1.0) / np.where(low > 0, low, 1.0)
    return np.asarray(np.sqrt(np.where(low > 0, ratio, np.where(high > 0, np.inf, 1.0))))


def variance_inflation(moments: "Moments", scaling: GateScaling) -> Floats:
    """Variance inflation of each feature by the others, within environments on average.

    :math:`W_{jj} (W^{-1})_{jj}` with W the average covariance within environments; for d columns
    of a categorical feature, the d-th root of the ratio of determinants (Fox and Monette 1992).

    Returns
    -------
    array of shape (n_features,)
        Infinite where a feature is a combination of others, or does not vary within environments;
        NaN where it is constant.
    """
    schema = moments.schema
    active = np.flatnonzero(scaling.x_inverse > 0)
    unit, groups = scaling.x_inverse[active], schema.groups[active]
    weight = moments.count / moments.count.sum()
    own = moments.cov_xx[:, active[:, None], active] * (unit[:, None] * unit)
    within = average(weight, np.ascontiguousarray(own))[None]
    left = residuals(within, np.ones(len(active), dtype=bool))[0][0]
    inflation = np.full(len(schema.features), np.nan)
    for feature in np.unique(groups):
        columns = np.flatnonzero(groups == feature)
        alone, given = within[0, columns[:, None], columns], left[columns][:, None]
        if len(columns) > 1:
            used = np.concatenate([np.flatnonzero(groups != feature), columns])
            given = schur(within[:, used[:, None], used], len(used) - len(columns))[0][0]
        inflation[feature] = _ratio(alone, given)
    return inflation


def _ratio(alone: Floats, given: Floats) -> float:
    """d-th root of det(alone) / det(given), matrices of shape (d, d)."""
    sign, size = np.linalg.slogdet(np.stack([alone, given]))
    if not (sign > 0).all() or np.linalg.eigvalsh(given)[0] <= 1e-10 * np.trace(alone):
        return np.inf
    return float(np.exp((size[0] - size[1]) / len(alone)))


def first_columns(moments: "Moments") -> Places:
    """Return the first column of every feature, (n_features,)."""
    groups = moments.schema.groups
    return np.searchsorted(groups, np.arange(len(moments.schema.features)))


def _varying(moments: "Moments") -> Floats:
    """Variances of the columns, (n_columns, E), 0 where they are mere rounding."""
    variance = np.einsum("ejj->je", moments.cov_xx)
    return np.where(variance > _CONSTANT * moments.mean_x.T**2, variance, 0.0)


def _by_feature(moments: "Moments", values: Floats) -> Floats:
    """Sum (n_columns,) over the columns of each feature."""
    return np.add.reduceat(values, first_columns(moments))
