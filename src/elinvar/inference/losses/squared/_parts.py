"""The parts of invariance, for many supports at once: slopes, intercepts and noise."""

import numpy as np

from elinvar.inference.losses._records import Parts
from elinvar.inference.losses.squared._own_slopes import OwnSlopes
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._supports import by_width, fit_supports, may_be_few
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._equality import same_scale
from elinvar.inference.tests._overidentification import Law, estimated_law, restricted_law

# Bartlett's test as for normal noise: it decides who goes first, and refuses nobody
_NORMAL = 3.0


def parts(problem: LinearProblem, masks: Bools) -> Parts:
    r"""Test slopes, intercepts and noise of every support by themselves.

    The statistic of ``assess`` is the sum of two, of slopes with :math:`(E - 1)(k - 1)` degrees of
    freedom and of intercepts with :math:`E - 1`; what concerns one alone is diluted in the sum.
    With :math:`\bar x_e, \bar y_e` the means, b the common slopes with covariance
    :math:`\Phi` and :math:`D = \mathrm{diag}(\sigma_e^2 / n_e)`, the intercepts
    :math:`a_e = \bar y_e - \bar x_e' b` have the covariance :math:`V = D + \bar X \Phi \bar X'`:

    .. math:: Q_a = \min_\mu (a - \mu 1)' V^{-1} (a - \mu 1) .

    Parameters
    ----------
    problem : LinearProblem
    masks : boolean array of shape (M, n_gates)

    Returns
    -------
    Parts
        1 where there is nothing to test.

    References
    ----------
    As in ``assess``; Welch (1951) for the intercepts' denominator; Bartlett (1937) for the noise.
    The split is our own derivation, see docs/theory.md.
    """
    inside = problem.column_masks(masks)[:, problem.offset :]
    table = np.ones((3, len(masks)))
    for rows, columns in by_width(problem, inside):
        table[:, rows] = _tests(problem, columns)
    return Parts(slopes=table[0], intercepts=table[1], scale=table[2])


def _tests(problem: LinearProblem, columns: Places) -> Floats:
    """p-values (3, M) of supports of up to k columns each, (M, k)."""
    own = OwnSlopes.of(problem, columns)
    found = np.ones((3, len(columns)))
    found[0] = own.slopes_test().p_value
    if problem.offset:
        found[1] = _intercepts_test(problem, columns, own).p_value
    # what is fitted without error has no noise to compare
    exact = (own.residual <= 2 * problem.floor).any(axis=1)
    found[2] = np.where(exact, 1.0, same_scale(own.noise, own.freedom, _NORMAL))
    return found


def _intercepts_test(problem: LinearProblem, columns: Places, own: OwnSlopes) -> Law:
    """Hold the disagreement of intercepts, given common slopes, against its law, (M,)."""
    q, share = _intercepts(own, problem.count)
    # Welch: the noise of estimated weights, as far as an environment is not alone in the mean
    b = ((1 - share) ** 2 / own.freedom).sum(axis=1)
    f = np.full(len(q), len(problem.count) - 1.0)
    law = estimated_law(q, f, 2 * b, 3 * b)
    found = settled_slopes(problem, columns)
    if found is None:
        return law
    few, settled, freedom = found
    q = _intercepts(settled, problem.count)[0]
    return law.replaced(few, settled_intercepts(q, f[few], settled, problem.count, freedom))


def settled_slopes(
    problem: LinearProblem, columns: Places
) -> tuple[Bools, OwnSlopes, Floats] | None:
    """Supports whose rows are few, their slopes at weights that the common model settled.

    And the freedoms of ``settle`` (M, E), for a shared intercept. None if there are no such ones.
    """
    if not may_be_few(problem, columns.shape[1] + 1):
        return None
    # the shared intercept is column 0
    shifted = np.where(columns < 0, -1, columns + 1)
    fits = fit_supports(problem, np.insert(shifted, 0, 0, axis=1))
    few = fits.few
    if not few.any():
        return None
    return few, OwnSlopes.of(problem, columns[few], fits.weight[few]), fits.freedom[few]


def settled_intercepts(
    q: Floats, f: Floats, settled: OwnSlopes, count: Floats, freedom: Floats
) -> Law:
    """Law of the intercepts' statistic at settled weights, for `settled_slopes`."""
    # what own intercepts and common slopes fit of an environment, less what the common model does
    slopes = np.einsum("mjk,mekj->me", settled.covariance, settled.precision)
    taken = np.clip(1 + slopes - (count + 2 - freedom), 0.0, 1.0)
    b = (taken**2 / freedom).sum(axis=1)
    return restricted_law(q, f, b, b, (freedom - 2).sum(axis=1))


def _intercepts(own: OwnSlopes, count: Floats) -> tuple[Floats, Floats]:
    """Q_a (M,), and the share of each environment in the mean of intercepts (M, E)."""
    sampling = own.noise / count
    # V^-1 = D^-1 - D^-1 W (1 + W' D^-1 W)^-1 W' D^-1 with W = X C and C C' = Phi (Woodbury): what
    # is inverted has no eigenvalue below 1, however small the noise of an environment
    values, vectors = np.linalg.eigh(own.covariance)
    design = own.mean @ (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
    weighted = design / sampling[..., None]
    inner = np.swapaxes(design, 1, 2) @ weighted
    inner += np.eye(inner.shape[1])
    levels = own.intercepts
    both = np.stack([levels, np.ones_like(levels)], axis=2)
    pulled = pseudo_inverses(inner)[0] @ (np.swapaxes(weighted, 1, 2) @ both)
    solved = both / sampling[..., None] - weighted @ pulled
    total = np.einsum("me,mea->ma", levels, solved)
    # the minimum over mu in closed form: a'V^-1 a - (a'V^-1 1)^2 / 1'V^-1 1
    q = total[:, 0] - total[:, 1] ** 2 / solved[..., 1].sum(axis=1)
    share = 1 / sampling
    return q, share / share.sum(axis=1, keepdims=True)
