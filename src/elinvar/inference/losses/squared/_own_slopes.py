"""Slopes of supports in every environment, each with its own intercept."""

from dataclasses import dataclass

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._types import Bools, Floats, Places


@dataclass(frozen=True, kw_only=True)
class OwnSlopes:
    """Slopes of M supports of k columns, standardised.

    Attributes
    ----------
    precision : array of shape (M, E, k, k)
    pull : array of shape (M, E, k)
        The precision times the slopes.
    explained : array of shape (M, E)
        What they explain, over the noise.
    rank, freedom, residual, noise : array of shape (M, E)
        Noise: the residual second moment, unbiased. Freedom is at least 1; where ``short``, there
        was less.
    short : boolean array of shape (M,)
        Whether an environment has no rows to spare.
    mean : array of shape (M, E, k)
    target : array of shape (E,)
        Means of the columns and of the target.
    covariance, common : array of shape (M, k, k), (M, k)
        Slopes over all environments, by precision.
    common_rank : array of shape (M,)
    """

    precision: Floats
    pull: Floats
    explained: Floats
    rank: Floats
    freedom: Floats
    residual: Floats
    noise: Floats
    short: Bools
    mean: Floats
    target: Floats
    covariance: Floats
    common: Floats
    common_rank: Floats

    @classmethod
    def of(cls, problem: LinearProblem, columns: Places) -> "OwnSlopes":
        """Fit supports of k columns each, (M, k), counted without the constant."""
        moments, (inner, joint) = problem.moments, problem.within
        gram = np.moveaxis(inner[:, columns[:, :, None], columns[:, None, :]], 1, 0)
        cross = np.moveaxis(joint[:, columns], 1, 0)
        inverse, estimable = pseudo_inverses(gram)
        explained = np.einsum("mej,mejk,mek->me", cross, inverse, cross)
        rank = ranks(estimable)
        # nu_e = n_e - r_e - 1: each environment has its own intercept
        spare = problem.count - rank - 1
        freedom = np.maximum(spare, 1.0)
        variance = moments.var_y / problem.target_scale**2
        residual = np.maximum(variance - explained, problem.floor)
        # precision of the slopes: centred gram over the noise
        weight = freedom / residual
        precision, pull = weight[..., None, None] * gram, weight[..., None] * cross
        covariance, common_estimable = pseudo_inverses(precision.sum(axis=1))
        return cls(
            precision=precision,
            pull=pull,
            explained=weight * explained,
            rank=rank,
            freedom=freedom,
            residual=residual,
            noise=residual * problem.count / freedom,
            short=np.asarray((spare < 1).any(axis=1)),
            mean=np.moveaxis(problem.means[:, columns + problem.offset], 1, 0),
            target=problem.target_means,
            covariance=covariance,
            common=np.einsum("mjk,mek->mj", covariance, pull),
            common_rank=ranks(common_estimable),
        )

    @property
    def intercepts(self) -> Floats:
        """Intercepts in every environment, given the common slopes, (M, E)."""
        own: Floats = self.target - np.einsum("mej,mj->me", self.mean, self.common)
        return own

    def slopes_test(self) -> tuple[Floats, Floats, Floats, Floats]:
        r"""Q of equal slopes, f, and what `matched_f` needs: section 5 of docs/theory.md.

        With :math:`K_e = \Phi P_e` the statistic is
        :math:`\sum_e b_e' P_e b_e - b' \sum_e P_e b_e`, and :math:`M_e = \Pi_e - K_e` there.
        """
        part = self.covariance[:, None] @ self.precision
        first, second = np.einsum("mejj->me", part), np.einsum("mejk,mekj->me", part, part)
        # tr M_e^2 = r_e - 2 tr K_e + tr K_e^2, and tr M_e = r_e - tr K_e
        b1 = ((self.rank - 2 * first + second) / self.freedom).sum(axis=1)
        b2 = ((self.rank - first) ** 2 / self.freedom).sum(axis=1)
        q = self.explained.sum(axis=1) - np.einsum("mj,mej->m", self.common, self.pull)
        return q, self.rank.sum(axis=1) - self.common_rank, 2 * b1, b2 + 2 * b1
