"""Tests that numbers are the same in all environments: effects, variances, shares of levels."""

import numpy as np
from scipy.special import chdtrc, fdtrc

from elinvar.inference.problem._types import Floats
from elinvar.inference.tests._overidentification import Estimates

# Moments know no fourth moments. Tests that depend on them hold their size up to this kurtosis,
# that of the exponential law; the normal law has 3, the uniform 1.8.
KURTOSIS = 9.0


def same_effect(
    effects: Floats, variances: Floats, freedom: Floats, noise: Floats | None = None
) -> Floats:
    """p-values of the same number in all environments, for many numbers at once.

    Welch's test (1951): the case k = 1 of ``agreement_p_value``.

    Parameters
    ----------
    effects, variances, freedom : array of shape (F, E)
        Estimates, their variances, and the degrees of freedom of these. An environment counts
        where the variance is positive and the freedom is at least 1.
    noise : array of shape (F, E), optional
        The rows' variances behind those of the estimates: where rows are few, what the weights of
        environments start from.

    Returns
    -------
    array of shape (F,)
        1 where fewer than two environments count.
    """
    able = (variances > 0) & (freedom >= 1)
    weight = np.where(able, 1.0 / np.where(able, variances, 1.0), 0.0)
    total = np.maximum(weight.sum(axis=1), 1e-300)[:, None]
    # about their mean, so that the digits that differ are kept
    shifted = effects - (weight * effects).sum(axis=1, keepdims=True) / total
    law = Estimates(
        precision=weight[..., None, None],
        pull=(weight * shifted)[..., None],
        explained=weight * shifted**2,
        rank=able.astype(np.float64),
        freedom=np.where(able, freedom, 1.0),
        noise=np.ones_like(weight) if noise is None else np.where(able, noise, 1.0),
    ).agreement()
    return np.where(able.sum(axis=1) > 1, law.p_value, 1.0)


def same_scale(variances: Floats, freedom: Floats, kurtosis: float = KURTOSIS) -> Floats:
    r"""p-values of the same variance in all environments, for many columns at once.

    Bartlett's statistic (1937), :math:`\sum \nu_e \log(\bar s^2 / s_e^2)` with his correction,
    divided by :math:`(\kappa - 1) / 2`: a logarithm of a variance has the variance
    :math:`(\kappa - 1) / \nu`, with :math:`\kappa` the kurtosis of the values. An upper limit in
    its place makes the test valid, if weak, below that limit. Own derivation, docs/evidence.md.

    Parameters
    ----------
    variances, freedom : array of shape (F, E)
        Unbiased variances and their degrees of freedom. An environment counts where the freedom
        is at least 1.
    kurtosis : float > 1
        Largest kurtosis that is allowed for.

    Returns
    -------
    array of shape (F,)
        1 where fewer than two environments count or the variance is 0 in all. Where it is 0 in
        some only, the p-value is at most that of a law with an atom: among those of this kurtosis
        the largest atom leaves out a share :math:`\epsilon` with
        :math:`\epsilon (1 - \epsilon) = 1 / (\kappa + 3)`, as in a 0/1 column.
    """
    able = freedom >= 1
    positive = able & (variances > 0)
    nu = np.where(positive, freedom, 0.0)
    total = np.maximum(nu.sum(axis=1), 1e-300)
    mean = (nu * variances).sum(axis=1) / total
    ratio = np.where(positive, variances, 1.0) / np.where(mean > 0, mean, 1.0)[:, None]
    statistic = -(nu * np.log(np.where(positive, ratio, 1.0))).sum(axis=1)
    f = positive.sum(axis=1) - 1.0
    tested = f >= 1
    f = np.where(tested, f, 1.0)
    inverse = np.where(positive, 1.0 / np.where(positive, freedom, 1.0), 0.0).sum(axis=1)
    # Bartlett's correction, then (kappa - 1) / 2 for the kurtosis of the values
    correction = 1 + (inverse - 1 / total) / (3 * f)
    p_value = chdtrc(f, np.maximum(statistic, 0.0) / correction * (2 / (kurtosis - 1)))
    p_value = np.where(tested, p_value, 1.0)
    fixed = able & ~positive & positive.any(axis=1, keepdims=True)
    # 1 - epsilon, the larger root of x (1 - x) = 1 / (kappa + 3)
    atom = 0.5 + np.sqrt(0.25 - 1 / (kurtosis + 3))
    rows = np.where(fixed, freedom + 1, 0.0).max(axis=1)
    # all n rows of one of E environments are at the atom: at most E (1 - epsilon)^n
    by_atom = np.minimum(1.0, able.sum(axis=1) * atom**rows)
    # Bonferroni, over this and Bartlett's test of the others
    both = np.minimum(1.0, (1 + tested) * np.minimum(p_value, by_atom))
    return np.where(fixed.any(axis=1), both, p_value)


def same_correlation(correlations: Floats, count: Floats, kurtosis: float = KURTOSIS) -> Floats:
    r"""p-values of the same correlation in all environments, for many pairs at once.

    Fisher's z, whose variance 1 / (n - 3) for normal columns is multiplied by
    :math:`\kappa / 3`: right for elliptical laws of kurtosis :math:`\kappa`.

    Parameters
    ----------
    correlations : array of shape (F, E)
        NaN where a column is constant: the environment then does not count for that pair.
    count : array of shape (E,)
        Rows.
    kurtosis : float > 1
        Largest kurtosis that is allowed for.

    Returns
    -------
    array of shape (F,)
        1 where fewer than two environments count.
    """
    able = np.isfinite(correlations) & (count > 3)
    weight = np.where(able, count - 3.0, 0.0)
    # Fisher's z = artanh(r) has the variance 1 / (n - 3), whatever the correlation
    z = np.arctanh(np.clip(np.where(able, correlations, 0.0), -1 + 1e-12, 1 - 1e-12))
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    mean = (weight * z).sum(axis=1, keepdims=True) / total
    statistic = (weight * (z - mean) ** 2).sum(axis=1) * (3 / kurtosis)
    f = able.sum(axis=1) - 1.0
    tested = f >= 1
    return np.where(tested, chdtrc(np.where(tested, f, 1.0), statistic), 1.0)


def same_fit(
    restricted: Floats,
    own: Floats,
    rows: float,
    ranks: tuple[Floats, Floats],
    allowance: float = 1.0,
) -> Floats:
    r"""p-values of one regression for all against one each, for many columns at once.

    :math:`\frac{(V_R - V_U) / (r_U - r)}{V_U / (N - r_U)} \sim F(r_U - r, N - r_U)`, with V_R and
    V_U the residual second moments: Chow's test (1960). It takes the variance as the same, too.

    Parameters
    ----------
    restricted, own : array of shape (F,)
        V_R and V_U.
    rows : float
        N.
    ranks : pair of arrays of shape (F,)
        r and r_U.
    allowance : float >= 1
        Divides the statistic.

    Returns
    -------
    array of shape (F,)
        1 if there is nothing to test; 0 where V_U is 0 and V_R is not.
    """
    rank, own_rank = ranks
    f, nu = own_rank - rank, rows - own_rank
    tested = (f > 0) & (nu >= 1) & (restricted > 0)
    f, nu = np.where(tested, f, 1.0), np.where(tested, nu, 1.0)
    exact = tested & (own <= 0)
    own = np.where(own > 0, own, 1.0)
    ratio = np.maximum(restricted - own, 0.0) / own * nu / f
    p_value = np.where(exact, 0.0, fdtrc(f, nu, ratio / allowance))
    return np.where(tested, p_value, 1.0)


def same_shares(
    restricted: Floats,
    own: Floats,
    rows: float,
    ranks: tuple[float, float],
    allowance: float = 1.0,
) -> float:
    r"""p-value of one regression of 0/1 columns for all environments against one each.

    :math:`(N - r)\, \mathrm{tr}\, V_R^{-1} (V_R - V_U)` against chi-squared with
    :math:`d (r_U - r)` degrees of freedom: V_R and V_U are the residual covariances (d, d). A 0/1
    column's variance follows from its mean, so one covariance for all is right if the law is
    the same. On a constant alone it is Pearson's test of a table of counts (with N - 1 for N).

    Parameters
    ----------
    restricted, own : array of shape (d, d)
        V_R and V_U.
    rows : float
        N.
    ranks : pair of float
        r and r_U.
    allowance : float >= 1
        Divides the statistic.

    Returns
    -------
    float
        1 if there is nothing to test.
    """
    rank, own_rank = ranks
    values, vectors = np.linalg.eigh(restricted)
    good = values > 1e-10 * max(float(values[-1]), 1e-300)
    freedom = float(good.sum() * (own_rank - rank))
    if freedom < 1 or rows - own_rank < 1:
        return 1.0
    root = vectors[:, good] / np.sqrt(values[good])
    # tr V_R^-1 (V_R - V_U) = d - tr V_R^-1 V_U
    excess = good.sum() - np.einsum("ja,jk,ka->", root, own, root)
    return float(chdtrc(freedom, max((rows - rank) * float(excess), 0.0) / allowance))
