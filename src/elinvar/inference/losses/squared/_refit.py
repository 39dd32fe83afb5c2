"""The efficient refit of one support, with its covariance and each environment's own fit."""

import numpy as np

from elinvar.inference.losses._records import Refit
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._supports import by_size, fit_supports, moments_of
from elinvar.inference.problem._types import Bools, Places

_MIXED = 1e-8


def refit(problem: LinearProblem, gates: Bools) -> Refit:
    """Fit the support ``gates`` (n_gates,) in each environment and, by precision, in all."""
    return refit_many(problem, gates[None])[0]


def refit_many(problem: LinearProblem, masks: Bools) -> list[Refit]:
    """Fit every support in ``masks`` (M, n_gates), those of as many columns at once."""
    inside, fits = problem.column_masks(masks), dict[int, Refit]()
    for rows, columns in by_size(inside, len(problem.count)):
        fits |= zip(rows.tolist(), _refits(problem, columns), strict=True)
    return [fits[row] for row in range(len(masks))]


def _refits(problem: LinearProblem, columns: Places) -> list[Refit]:
    """Fit supports of k columns each, (M, k)."""
    fits = fit_supports(problem, columns)
    (gram, cross, _), residual = moments_of(problem, columns), fits.residual
    inverse, estimable = pseudo_inverses(gram)
    own = np.einsum("mejk,mek->mej", inverse, cross)
    spare = problem.count - fits.rank - problem.absorbed
    freedom = np.where(spare >= 1, spare, 0.0)
    # P_e = G_e nu_e / residual_e, 0 where an environment has no rows to spare
    weight = np.where(fits.few[:, None] | (freedom > 0), fits.weight, 0.0)
    known = estimable > 1 - _MIXED
    noise = np.where(freedom > 0, residual / np.maximum(freedom, 1.0), 0.0)
    own_covariance = inverse * noise[:, :, None, None] * (known[..., :, None] & known[..., None, :])
    precision = weight[:, :, None, None] * gram
    # Phi = (sum P_e)^+ and w = Phi sum P_e w_e; what no environment tells stays at 0
    covariance, common = pseudo_inverses(precision.sum(axis=1))
    coef = np.einsum("mjk,me,mek->mj", covariance, weight, cross)
    units = problem.target_scale / np.append(np.ones(problem.offset), problem.scale)
    return [
        Refit(
            columns=columns[m],
            units=units[columns[m]],
            coef=coef[m],
            known=common[m] > 1 - _MIXED,
            covariance=covariance[m],
            precision=precision[m],
            own=own[m],
            own_covariance=own_covariance[m],
            freedom=freedom[m],
        )
        for m in range(len(columns))
    ]
