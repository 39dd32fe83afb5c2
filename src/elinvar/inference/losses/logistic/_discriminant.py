"""Slopes compared as normal discriminants, where a likelihood has no maximum."""

import numpy as np

from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Bools
from elinvar.inference.tests._overidentification import agreement_p_value

FEWEST = 10
"""Rows of each class, for every coefficient, that an environment needs to be compared so."""

_OUTSIDE = 1e-6


def discriminant_p_value(problem: LogisticProblem, gates: Bools) -> tuple[float, float] | None:
    r"""p-value and freedom of equal slopes everywhere, by normal discriminants.

    If features are normal within classes, the slopes of the log odds of class c are
    :math:`w_c = \Sigma^{-1} d_c`, with :math:`d_c` the difference of means to the reference, and
    they are known even where classes are separated:

    .. math:: \mathrm{Cov}(w_c, w_d) \approx \Sigma^{-1} \Bigl( \frac{\delta_{cd}}{n_c} +
        \frac{1}{n_0} + \frac{d_c^\top \Sigma^{-1} d_d}{\nu} \Bigr) + \frac{w_d w_c^\top}{\nu}.

    An environment in which a column is constant, or a combination of others, compares the slopes
    that it can estimate; one whose classes differ in a direction that varies in none of them says
    nothing. Returns None if fewer than two environments compare, or have rows enough of each class.

    References
    ----------
    B. Efron, "The efficiency of logistic regression compared to normal discriminant analysis",
    JASA 70 (1975), for two classes; the covariance is that of a Wishart matrix's inverse.
    """
    inside = problem.columns(gates)[1:]
    k, m = len(inside), problem.m
    means, scatter = problem.within_classes
    own, covariances, freedom, alike = [], [], [], []
    for e, rows in enumerate(problem.present):
        nu = float(rows.sum()) - problem.n_classes - k
        if rows.min() < 2 or nu < FEWEST:
            continue
        sigma = scatter[e][inside[:, None], inside]
        inverse, part = pseudo_inverses(sigma)
        d = means[e][1:, inside] - means[e][0, inside]
        w = d @ inverse
        # what differs where nothing varies separates the classes, and has no slope
        if not part.any() or (np.abs(d - w @ sigma) > _OUTSIDE * np.abs(d).max()).any():
            continue
        # the bracket of the covariance above: delta_cd / n_c + 1 / n_0 + d_c' Sigma^-1 d_d / nu
        spread = np.diag(1.0 / rows[1:]) + 1.0 / rows[0] + (w @ d.T) / nu
        covariance = np.einsum("cd,jk->cjdk", spread, inverse)
        # w_d w_c' / nu, crosswise, is what the estimated Sigma adds
        covariance += np.einsum("dj,ck->cjdk", w, w) / nu
        known = part > 1 - _OUTSIDE
        covariance *= known[:, None, None] & known
        own.append(w.ravel())
        covariances.append(covariance.reshape(m * k, m * k))
        freedom.append(nu)
        alike.append(known)
    if len(own) < 2:
        return None
    p_value = agreement_p_value(np.array(own), np.array(covariances), np.array(freedom))
    both = np.array(alike)
    # what each environment tells, summed, less what any of them does
    equations = float(m * (both.sum() - both.any(axis=0).sum()))
    return (p_value, equations) if equations > 0 else None
