"""The efficient refit of one support, with its covariance and each environment's own fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.tests._overidentification import matched_f

_MIXED = 1e-8


@dataclass(frozen=True, kw_only=True)
class Refit:
    """Least squares on a support, in every environment and over all of them.

    Attributes
    ----------
    columns : array of shape (k,)
        Columns of the problem, intercept included.
    coef : array of shape (k,)
        Weighted by each environment's precision, which is 0 where it has no rows to spare.
    known : boolean array of shape (k,)
        Coefficients that the data can tell; the others are those of least norm.
    covariance : array of shape (k, k)
        Of ``coef``, if all environments share it; the weights are taken as known.
    precision : array of shape (E, k, k)
        Each environment's part in the inverse of ``covariance``.
    own : array of shape (E, k)
        Each environment's own coefficients.
    own_covariance : array of shape (E, k, k)
        Zero for coefficients that the environment cannot tell, its columns being collinear or
        its rows too few.
    freedom : array of shape (E,)
        Residual degrees of freedom of each environment; 0 where they are below 1.
    """

    columns: NDArray[np.intp]
    coef: Floats
    known: NDArray[np.bool_]
    covariance: Floats
    precision: Floats
    own: Floats
    own_covariance: Floats
    freedom: Floats

    def contrast(self, direction: Floats) -> tuple[float, float, float]:
        r"""Effect, standard error and degrees of freedom of ``direction`` (k,) of ``coef``.

        The weights are estimated, too: with :math:`\Phi` the covariance and :math:`P_e` the
        precisions, :math:`\Phi + 4 \Phi \sum_e (P_e - P_e \Phi P_e) \Phi / \nu_e` is the
        covariance, and with :math:`W_e` the share of environment e in the variance of the contrast
        it has :math:`1 / \sum W_e^2 / \nu_e` degrees of freedom.

        References
        ----------
        Kenward and Roger (1997), here for one variance an environment; Meier (1953) for a mean.
        """
        used = self.freedom > 0
        pull = self.precision[used] @ (self.covariance @ direction)
        variance = float(direction @ self.covariance @ direction)
        spread = np.einsum("ej,ej->e", pull @ self.covariance, pull)
        share = pull @ (self.covariance @ direction)
        excess = 4.0 * float(((share - spread) / self.freedom[used]).sum())
        weight = share / max(variance, 1e-300)
        freedom = 1.0 / max(float((weight**2 / self.freedom[used]).sum()), 1e-12)
        return float(direction @ self.coef), float(np.sqrt(variance + max(excess, 0.0))), freedom


def refit(problem: LinearProblem, gates: NDArray[np.bool_]) -> Refit:
    """Fit the support ``gates`` (n_gates,) in each environment and, by precision, in all."""
    return refit_many(problem, gates[None])[0]


def refit_many(problem: LinearProblem, masks: NDArray[np.bool_]) -> list[Refit]:
    """Fit every support in ``masks`` (M, n_gates), those of as many columns at once."""
    inside = problem.column_masks(masks)
    size = inside.sum(axis=1)
    fits: dict[int, Refit] = {}
    for k in np.unique(size):
        rows = np.flatnonzero(size == k)
        columns = np.nonzero(inside[rows])[1].reshape(len(rows), k)
        fits |= zip(rows.tolist(), _refits(problem, columns), strict=True)
    return [fits[row] for row in range(len(masks))]


def _refits(problem: LinearProblem, columns: NDArray[np.intp]) -> list[Refit]:
    """Fit supports of k columns each, (M, k)."""
    gram = np.moveaxis(problem.gram[:, columns[:, :, None], columns[:, None, :]], 1, 0)
    cross = np.moveaxis(problem.cross[:, columns], 1, 0)
    inverse, told = pseudo_inverses(gram)
    own = np.einsum("mejk,mek->mej", inverse, cross)
    residual = np.maximum(problem.power - np.einsum("mej,mej->me", cross, own), problem.floor)
    spare = problem.count - ranks(told) - problem.absorbed
    freedom = np.where(spare >= 1, spare, 0.0)
    weight = freedom / residual
    known = told > 1 - _MIXED
    noise = np.where(freedom > 0, residual / np.maximum(freedom, 1.0), 0.0)
    own_covariance = inverse * noise[:, :, None, None] * (known[..., :, None] & known[..., None, :])
    precision = weight[:, :, None, None] * gram
    covariance, common = pseudo_inverses(precision.sum(axis=1))
    coef = np.einsum("mjk,me,mek->mj", covariance, weight, cross)
    return [
        Refit(
            columns=columns[m],
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


def agreement_p_value(own: Floats, covariance: Floats, freedom: Floats) -> float:
    """p-value of equal coefficients, each in the environments that can tell it.

    The test of ``assess``, for some of the coefficients only: freedom is the sum of what each
    environment tells, less what all of them do.

    Parameters
    ----------
    own : array of shape (E, k)
    covariance : array of shape (E, k, k)
        Singular where the environment cannot tell all coefficients, 0 for those that it cannot.
    freedom : array of shape (E,)
        Residual degrees of freedom behind each covariance.

    Returns
    -------
    float
        1 if no coefficient is told by two environments.
    """
    weights, told = pseudo_inverses(covariance)
    able = ranks(told) > 0
    own, weights, told, freedom = own[able], weights[able], told[able], freedom[able]
    inverse, common = pseudo_inverses(weights.sum(axis=0))
    f = float(ranks(told).sum() - ranks(common))
    if f < 1:
        return 1.0
    mean = inverse @ np.einsum("ejk,ek->j", weights, own)
    statistic = float(np.einsum("ej,ejk,ek->", own - mean, weights, own - mean))
    # M_e = Pi_e - T^-1 P_e with Pi_e the projector P_e^+ P_e: what environment e can tell
    spread = covariance[able] @ weights - inverse @ weights
    traces = np.einsum("ejj->e", spread)
    b1 = float((np.einsum("ejk,ekj->e", spread, spread) / freedom).sum())
    b2 = float((traces**2 / freedom).sum())
    correction, second = matched_f(f, 2 * b1, b2 + 2 * b1)
    return float(fdtrc(f, second, statistic / correction))
