"""The efficient refit of one support, with its covariance and each environment's own fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from elinvar.inference.problem._linear import Floats, LinearProblem
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
    spare = problem.count - np.rint(told.sum(axis=2)) - problem.absorbed
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
    """p-value of equal coefficients in all environments that can tell them.

    The test of ``assess``, for some of the coefficients only.

    Parameters
    ----------
    own : array of shape (E, k)
    covariance : array of shape (E, k, k)
        Singular where the environment cannot tell the coefficients; it is then left out.
    freedom : array of shape (E,)
        Residual degrees of freedom behind each covariance.

    Returns
    -------
    float
        1 if fewer than two environments can tell.
    """
    k = own.shape[1]
    values = np.linalg.eigvalsh(covariance) if k else np.zeros((len(own), 1))
    able = values[:, 0] > 1e-14 * np.maximum(values[:, -1], 1e-300)
    if able.sum() < 2 or k == 0:
        return 1.0
    own, freedom = own[able], freedom[able]
    weights = np.linalg.inv(covariance[able])
    inverse = np.linalg.inv(weights.sum(axis=0))
    mean = inverse @ np.einsum("ejk,ek->j", weights, own)
    statistic = float(np.einsum("ej,ejk,ek->", own - mean, weights, own - mean))
    spread = np.eye(k) - inverse @ weights
    traces = np.einsum("ejj->e", spread)
    b1 = float((np.einsum("ejk,ekj->e", spread, spread) / freedom).sum())
    b2 = float((traces**2 / freedom).sum())
    f = float((able.sum() - 1) * k)
    correction, second = matched_f(f, 2 * b1, b2 + 2 * b1)
    return float(fdtrc(f, second, statistic / correction))


def pseudo_inverses(matrices: Floats) -> tuple[Floats, Floats]:
    """Pseudo-inverses, and the part of each coordinate in a matrix's range (sum: its rank)."""
    if matrices.shape[-1] == 0:
        return matrices, np.zeros(matrices.shape[:-1])
    values, vectors = np.linalg.eigh(matrices)
    good = values > 1e-10 * np.maximum(values[..., -1:], 1e-300)
    kept = vectors * good[..., None, :]
    scaled = kept / np.where(good, values, 1.0)[..., None, :]
    return scaled @ np.swapaxes(kept, -1, -2), np.square(kept).sum(axis=-1)
