"""What differs between environments: the laws of the features, alone and within a support."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._equality import (
    KURTOSIS,
    same_correlation,
    same_effect,
    same_fit,
    same_scale,
    same_shares,
)

if TYPE_CHECKING:
    from elinvar.environments import Moments

_RANK = 1e-10
_MIXED = 1e-8
_ZERO_ONE = 1e-9
# a variance below this share of the squared mean is rounding
_CONSTANT = 1e-24
# fewest rows that tell a correlation, as in a cell of Pearson's test
_SPARSE = 5.0
_FLOOR = 1e-12
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class MarginalLaws:
    """Whether each feature's own law is the same in all environments.

    Attributes
    ----------
    mean_p, scale_p : array of shape (n_features,)
        p-values of the same mean and of the same variance. A 0/1 column or a categorical feature
        has one test for both, of the shares of its levels. 1 where there is nothing to test.
    """

    mean_p: Floats
    scale_p: Floats


def two_valued(moments: "Moments") -> Bools:
    """Return which columns hold only 0 and 1: their variance is m (1 - m) everywhere."""
    expected = moments.mean_x * (1 - moments.mean_x)
    variance = np.einsum("ejj->ej", moments.cov_xx)
    size = np.abs(moments.mean_x) + variance
    return np.asarray((np.abs(variance - expected) <= _ZERO_ONE * size).all(axis=0))


def share_features(moments: "Moments") -> Bools:
    """Return which features have a law that is a matter of shares: categories and 0/1 columns."""
    schema = moments.schema
    first = np.searchsorted(schema.groups, np.arange(len(schema.features)))
    categorical = np.array([name in schema.levels for name in schema.features])
    return np.asarray(categorical | two_valued(moments)[first])


def marginal_laws(moments: "Moments") -> MarginalLaws:
    """Test every feature's mean and variance: Welch's and Bartlett's tests, or Pearson's.

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    MarginalLaws
        In the order of the schema's features.
    """
    count, first = moments.count, _first_columns(moments)
    variance = np.einsum("ejj->je", moments.cov_xx)[first]
    mean = moments.mean_x.T[first]
    variance = np.where(variance > _CONSTANT * mean**2, variance, 0.0)
    freedom = np.broadcast_to(count - 1, variance.shape)
    unbiased = variance * (count / np.maximum(count - 1, 1.0))
    mean_p = same_effect(mean, unbiased / count, freedom, unbiased)
    scale_p = same_scale(unbiased, freedom)
    # Welch's test leaves out environments without variance: two of these with unlike means differ
    fixed = np.where(variance > 0, np.nan, mean)
    moved = np.nanmax(fixed, axis=1, initial=-np.inf) > np.nanmin(fixed, axis=1, initial=np.inf)
    mean_p = np.where(moved, 0.0, mean_p)
    for feature in np.flatnonzero(share_features(moments)):
        mean_p[feature] = scale_p[feature] = share_p_value(moments, int(feature))
    return MarginalLaws(mean_p=mean_p, scale_p=scale_p)


def share_p_value(moments: "Moments", feature: int) -> float:
    """Pearson's test of the shares of a categorical feature's levels, or of one 0/1 column."""
    columns = np.flatnonzero(moments.schema.groups == feature)
    weight = moments.count / moments.count.sum()
    own = np.tensordot(weight, moments.cov_xx[:, columns[:, None], columns], 1)
    total = own + _between(weight, moments.mean_x[:, columns])
    return same_shares(total, own, moments.n_rows, (1.0, float(len(weight))))


def nothing_moved(problem: LinearProblem, level: float = 0.01) -> bool:
    """Whether no feature's law differs between environments by more than noise.

    Means (unless environments have their own intercepts), variances, correlations between
    features, and the target's slopes on single features are tested, each of these families with a
    quarter of ``level``, divided by its size (Bonferroni). If nothing differs, environments are
    copies of each other: every support is invariant, and none could have been refuted.

    Parameters
    ----------
    problem : LinearProblem
    level : float in (0, 1)
        Largest probability that copies are found to differ.
    """
    if len(problem.moments.names) < 2:
        return True

    def same(p_values: Floats) -> bool:
        # Bonferroni: over four families, then within each
        return bool(4 * max(len(p_values), 1) * p_values.min(initial=1.0) > level)

    # the pairs of columns last: there are many
    return (
        all(map(same, _marginal_p(problem)))
        and same(_slope_p(problem))
        and same(_correlation_p(problem))
    )


def law_p_values(problem: LinearProblem, gates: Bools) -> Floats:
    r"""p-values of each feature's law, given the others of a support, being the same everywhere.

    The law of a numeric column is its regression on the support's other columns and the variance
    around it. Three questions are asked: the same slopes, the same level given these (not with own
    intercepts), the same variance? The p-value is the smallest one times their number, at most 1.
    Since one law has one variance, Chow's test with a common one does for the first two. The first
    and the last allow for a kurtosis of 9, as :math:`\kappa / 3` and :math:`(\kappa - 1) / 2` times
    the sampling variance of normal columns.

    For categorical features and 0/1 columns the variance follows from the mean, and the slopes and
    levels of all their columns are tested together. With own intercepts the shares of the levels
    stand for the variance.

    A large value means that the feature's mechanism was never moved: the invariance of its effect
    was not put to the test. Own derivation, docs/evidence.md.

    Parameters
    ----------
    problem : LinearProblem
    gates : boolean array of shape (n_gates,)
        The support. A gate outside it is regressed on all of it.

    Returns
    -------
    array of shape (n_gates,)
        1 if there is nothing to compare; NaN where the feature is a combination of the others.
    """
    stages = _Stages.of(problem)
    gate_of = problem.gate_of[problem.offset :]
    shares = share_features(problem.moments)[problem.features]
    p_values = np.ones(problem.n_gates)
    numeric = np.flatnonzero(~shares)
    if len(numeric):
        columns = np.searchsorted(gate_of, numeric)
        p_values[numeric] = _column_p(problem, stages, gates[gate_of])[columns]
    for gate in np.flatnonzero(shares):
        columns = np.flatnonzero(gate_of == gate)
        rest = np.flatnonzero(gates[gate_of] & (gate_of != gate))
        p_values[gate] = _group_p(problem, stages, rest, columns)
    return p_values


@dataclass(frozen=True)
class _Stages:
    """Covariances of the columns: in each environment, within all of them, and pooled."""

    own: Floats
    within: Floats
    pooled: Floats
    weight: Floats

    @classmethod
    def of(cls, problem: LinearProblem) -> "_Stages":
        moments, columns, scale = problem.moments, problem.columns, problem.scale
        weight = problem.count / problem.count.sum()
        # what is constant in an environment has no law there to compare
        own = problem.within[0]
        within = average(weight, own)
        pooled = within + _between(weight, moments.mean_x[:, columns] / scale)
        return cls(own, within, pooled, weight)


def _column_p(problem: LinearProblem, stages: _Stages, support: Bools) -> Floats:
    """p-values of the laws of single columns, given those in ``support``."""
    n_environments, rows = len(problem.count), problem.moments.n_rows
    own, own_rank = residuals(stages.own, support)
    both, rank = residuals(np.stack([stages.within, stages.pooled]), support)
    within, within_rank = both[0], rank[0] + n_environments
    mean, mean_rank = stages.weight @ own, own_rank.sum(axis=0) + n_environments
    # an intercept in every environment takes one more
    freedom = (problem.count[:, None] - own_rank - 1).T
    variance = (own * problem.count[:, None]).T / np.maximum(freedom, 1.0)
    # the same slopes, then the same variance, then the same level given the slopes
    tests = [
        same_fit(within, mean, rows, (within_rank, mean_rank), KURTOSIS / 3),
        same_scale(variance, freedom),
    ]
    if not problem.absorbed:
        tests.append(same_fit(both[1], within, rows, (rank[1] + 1, within_rank)))
    # no law where the others make up the column: pooled or, with own intercepts, within
    return np.where(both[1 - problem.absorbed] > 0, _smallest(np.array(tests)), np.nan)


def _group_p(problem: LinearProblem, stages: _Stages, rest: Places, columns: Places) -> float:
    """p-value of the law of a categorical feature or a 0/1 column, given the columns ``rest``."""
    n_environments, rows = len(problem.count), problem.moments.n_rows
    used = np.concatenate([rest, columns])
    own, own_rank = schur(stages.own[:, used[:, None], used], len(rest))
    both = np.stack([stages.within, stages.pooled])[:, used[:, None], used]
    (within, pooled), rank = schur(both, len(rest))
    within_rank, mean_rank = rank[0] + n_environments, own_rank.sum() + n_environments
    mean = np.tensordot(stages.weight, own, 1)
    slopes_p = same_shares(within, mean, rows, (within_rank, mean_rank), KURTOSIS / 3)
    if problem.absorbed:
        feature = int(problem.features[problem.gate_of[columns[0]]])
        level_p = share_p_value(problem.moments, feature)
    else:
        level_p = same_shares(pooled, within, rows, (rank[1] + 1, within_rank))
    return float(_smallest(np.array([[slopes_p], [level_p]]))[0])


def _smallest(tests: Floats) -> Floats:
    """Smallest of several p-values, (T, F) to (F,), times the number of those that are tests."""
    # a p-value of 1, but for rounding, says that there was nothing to test
    asked = (tests < 1 - _ROUNDING).sum(axis=0).clip(1)
    p_value: Floats = np.minimum(1.0, tests.min(axis=0) * asked)
    return p_value


def residuals(matrices: Floats, support: Bools) -> tuple[Floats, Places]:
    """Residual second moments (M, q) of every column on the support's others, and their ranks."""
    inside = np.flatnonzero(support)
    inverse, share = pseudo_inverses(matrices[:, inside[:, None], inside])
    estimable = share > 1 - _MIXED
    cross = matrices[:, inside]
    power = np.einsum("ejj->ej", matrices)
    # one inverse for all: the Schur complement outside the support, 1 / (S^-1)_jj inside
    moment = power - np.einsum("eaj,eaj->ej", cross, inverse @ cross)
    moment = np.where(moment > _RANK * power, moment, 0.0)
    ranks = np.repeat(_ranks(share)[:, None], len(support), axis=1)
    moment[:, inside] = np.where(
        estimable, 1 / np.where(estimable, np.einsum("ejj->ej", inverse), 1), 0.0
    )
    # a column of the support is regressed on the others of it
    ranks[:, inside] -= estimable
    return moment, ranks


def schur(matrices: Floats, width: int) -> tuple[Floats, Places]:
    """Return what the first ``width`` columns leave of the others, and the ranks of the first."""
    inverse, share = pseudo_inverses(matrices[:, :width, :width])
    cross = matrices[:, :width, width:]
    left: Floats = matrices[:, width:, width:] - cross.transpose(0, 2, 1) @ inverse @ cross
    return left, _ranks(share)


def _ranks(share: Floats) -> Places:
    """Return ranks (M,) from the parts of coordinates (M, q) in the ranges."""
    ranks: Places = np.rint(share.sum(axis=1)).astype(np.intp)
    return ranks


def _marginal_p(problem: LinearProblem) -> tuple[Floats, Floats]:
    """p-values of the same levels, and of the same variances, of features one by one."""
    moments, count = problem.moments, problem.count
    first = _first_columns(moments)
    shares = share_features(moments)
    first = first[~shares]
    weight = count / count.sum()
    variance = np.einsum("ejj->ej", moments.cov_xx)[:, first]
    mean = moments.mean_x[:, first]
    within = weight @ np.where(variance > _CONSTANT * mean**2, variance, 0.0)
    pooled = within + weight @ (mean - weight @ mean) ** 2
    size = weight @ mean**2
    pooled = np.where(pooled > _CONSTANT * size, pooled, 0.0)
    level_p = [share_p_value(moments, int(feature)) for feature in np.flatnonzero(shares)]
    if not problem.absorbed:
        ranks = (np.ones(len(first)), np.full(len(first), float(len(count))))
        level_p.extend(same_fit(pooled, within, moments.n_rows, ranks))
    unbiased = variance * (count / np.maximum(count - 1, 1.0))[:, None]
    freedom = np.broadcast_to(count - 1, unbiased.T.shape)
    return np.array(level_p), same_scale(unbiased.T, freedom)


def _correlation_p(problem: LinearProblem) -> Floats:
    """p-values for all pairs of columns that belong to different features."""
    covariance = problem.moments.cov_xx[:, problem.columns[:, None], problem.columns]
    gate = problem.gate_of[problem.offset :]
    i, j = np.nonzero(gate[:, None] < gate)
    variance = np.einsum("ejj->ej", covariance)
    root = np.sqrt(variance)
    size = root[:, i] * root[:, j]
    # the shares of a level that is rare say how many rows tell its correlations
    rare = np.where(two_valued(problem.moments)[problem.columns], variance, 1.0)
    estimable = (size > 0) & (problem.count[:, None] * rare[:, i] * rare[:, j] >= _SPARSE)
    correlation = np.where(estimable, covariance[:, i, j] / np.where(estimable, size, 1.0), np.nan)
    return same_correlation(correlation.T, problem.count)


def _slope_p(problem: LinearProblem) -> Floats:
    """p-values of the same slope of the target on single columns, with own intercepts."""
    moments, count = problem.moments, problem.count[:, None]
    variance = np.einsum("ejj->ej", moments.cov_xx)[:, problem.columns]
    estimable = (variance > 0) & (count >= 3)
    safe = np.where(estimable, variance, 1.0)
    slope = moments.cov_xy[:, problem.columns] / safe
    power = moments.var_y[:, None]
    residual = np.maximum(power - slope**2 * safe, _FLOOR * power)
    # a slope and an intercept of its own in each environment
    freedom = np.where(estimable, count - 2, 0.0)
    noise = residual / np.maximum(freedom, 1.0)
    error = np.where(estimable, noise / safe, 0.0)
    # the noise of rows has the divisor nu_e, that of the slope n_e nu_e
    return same_effect(slope.T, error.T, freedom.T, (noise * count).T)


def _between(weight: Floats, means: Floats) -> Floats:
    """Covariance of the environments' means (E, q)."""
    shift = means - weight @ means
    between: Floats = (weight[:, None] * shift).T @ shift
    return between


def _first_columns(moments: "Moments") -> Places:
    groups = moments.schema.groups
    return np.searchsorted(groups, np.arange(len(moments.schema.features)))
