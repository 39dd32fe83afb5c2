"""Slopes of supports in every environment, each with its own intercept."""

from dataclasses import dataclass

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses, ranks
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._overidentification import Estimates, Law


@dataclass(frozen=True, kw_only=True)
class OwnSlopes:
    """Slopes of M supports of up to k columns, standardised.

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
    def of(
        cls, problem: LinearProblem, columns: Places, weight: Floats | None = None
    ) -> "OwnSlopes":
        """Fit supports of up to k columns each, (M, k), counted without the constant.

        ``weight`` (M, E) is n_e over the noise, by default that of each environment's own fit.
        """
        moments, inside = problem.moments, columns >= 0
        used, place = np.unique(np.maximum(columns, 0), return_inverse=True)
        inner, joint = problem.within_of(used)
        place = place.reshape(columns.shape)
        gram = np.moveaxis(inner[:, place[:, :, None], place[:, None, :]], 1, 0)
        gram = gram * (inside[:, None, :, None] & inside[:, None, None])
        cross = np.moveaxis(joint[:, place], 1, 0) * inside[:, None]
        mean = problem.means[:, np.maximum(columns, 0) + problem.offset]
        inverse, estimable = pseudo_inverses(gram)
        explained = np.einsum("mej,mejk,mek->me", cross, inverse, cross)
        rank = ranks(estimable)
        # nu_e = n_e - r_e - 1: each environment has its own intercept
        spare = problem.count - rank - 1
        freedom = np.maximum(spare, 1.0)
        variance = moments.var_y / problem.target_scale**2
        residual = np.maximum(variance - explained, problem.floor)
        # precision of the slopes: centred gram over the noise
        weight = freedom / residual if weight is None else weight
        precision, pull = weight[..., None, None] * gram, weight[..., None] * cross
        covariance, common_estimable = pseudo_inverses(precision.sum(axis=1))
        return cls(
            precision=precision,
            pull=pull,
            explained=weight * explained,
            rank=rank,
            freedom=freedom,
            residual=residual,
            noise=problem.count / weight,
            short=np.asarray((spare < 1).any(axis=1)),
            mean=np.moveaxis(mean, 1, 0) * inside[:, None],
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

    def slopes_test(self) -> Law:
        """Hold the disagreement of slopes, whatever the intercepts, against its law, (M,)."""
        return Estimates(
            precision=self.precision,
            pull=self.pull,
            explained=self.explained,
            rank=self.rank,
            freedom=self.freedom,
            noise=self.noise,
        ).agreement()
