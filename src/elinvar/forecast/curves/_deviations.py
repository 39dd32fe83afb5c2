r"""How environments' own curves differ from the common ones: empirical Bayes on residuals.

The residuals of environment e, left out, are

.. math:: r_e = a_e + \sum_j B_j b_{ej} + \varepsilon_e,\qquad
          b_{ej} \sim N(\mu_j, T_j),\quad \varepsilon_e \sim N(0, \sigma_e^2 V^{-1}),

with :math:`B_j` the columns of feature j. A variance T for the level, for each feature's line (or
levels) and for its bends is learnt from all environments; where chance explains what differs it
goes to 0, and environments' curves are the common one. The means :math:`\mu` are what the forecast
misses everywhere, which is no difference between environments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from elinvar.forecast._sample import Floats, Places, Sample
from elinvar.forecast.curves._shape import Shape

_ROUNDS = 40
# a variance that falls below this share of the residuals' is taken for 0
_NOTHING = 1e-6
# the least noise of an environment, in shares of the noisiest one's and of the residuals': beyond,
# what differs is so sure that 1 is lost beside it in I + sqrt(T) A'A sqrt(T) / sigma^2
_LEAST_OF_NOISE, _LEAST_OF_WHOLE = 1e-6, 1e-9
# and they are settled once none moves by more than this share
_SETTLED = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """What a forecast misses in environments that it was learnt without.

    Attributes
    ----------
    value : (n,) array
        Residuals; of classes working residuals on the scale of log odds.
    precision : (n,) array
        What each row counts for: 1; of classes p (1 - p).
    fixed : bool
        Whether the noise is 1 / precision, as it is for classes.
    """

    value: Floats
    precision: Floats
    fixed: bool = False

    @classmethod
    def of_class(cls, target: Floats, probability: Floats) -> "Residuals":
        """Return those of one class against the rest: one step of Newton's about the forecast.

        Parameters
        ----------
        target : (n,) array
            1 where a row is of the class.
        probability : (n,) array
        """
        p = np.clip(probability, 0.01, 0.99)
        return cls(value=(target - p) / (p * (1 - p)), precision=p * (1 - p), fixed=True)

    @classmethod
    def of_number(cls, target: Floats, prediction: Floats) -> "Residuals":
        """Return target less prediction.

        Parameters
        ----------
        target, prediction : (n,) array
        """
        return cls(value=target - prediction, precision=np.ones(len(target)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviations:
    """What differs between environments.

    Attributes
    ----------
    variance : (m,) array
        T of each column of all features.
    mean : (E, m) array
        Posterior mean of b, about what environments have in common.
    cov : (E, m, m) array
        Its posterior covariance.
    part : (m,) array
        Mean over environments of what b explains of squared residuals, split by column: its own
        products with all of them, so that the parts sum to the whole.
    parts : tuple of slice
        Columns of each shape.
    """

    variance: Floats
    mean: Floats
    cov: Floats
    part: Floats
    parts: tuple[slice, ...]


def deviations(
    sample: Sample, residuals: Residuals, shapes: Sequence[Shape], n_environments: int
) -> Deviations:
    """Learn the variances, and each environment's deviations.

    Parameters
    ----------
    sample : Sample
    residuals : Residuals
    shapes : sequence of Shape
        Features that vary.
    n_environments : int
        One without rows has the common curves.
    """
    A = np.hstack([np.ones((sample.n_rows, 1)), *(shape.basis for shape in shapes)])
    group = [np.zeros(1, dtype=np.intp)]
    for k, shape in enumerate(shapes):
        group.append(1 + 2 * k + shape.bends.astype(np.intp))
    # groups without columns, such as the bends of a category, are left out
    groups = np.unique(np.concatenate(group), return_inverse=True)[1].astype(np.intp)
    variance, mean, cov, part = _empirical_bayes(A, sample, residuals, groups, n_environments)
    edges = 1 + np.cumsum([0, *(shape.basis.shape[1] for shape in shapes)])
    return Deviations(
        variance=variance,
        mean=mean,
        cov=cov,
        part=part,
        parts=tuple(slice(a, b) for a, b in pairwise(edges.tolist())),
    )


def _empirical_bayes(
    A: Floats, sample: Sample, residuals: Residuals, groups: Places, E: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return variances (m,), posterior means (E, m), covariances (E, m, m) and parts (m,)."""
    codes, r = sample.codes, residuals.value
    weight = sample.weight * residuals.precision
    m = A.shape[1]
    gram, cross, square, count = np.empty((E, m, m)), np.empty((E, m)), np.empty(E), np.empty(E)
    for e in range(E):
        here = codes == e
        part = A[here] * weight[here, None]
        gram[e], cross[e] = part.T @ A[here], part.T @ r[here]
        square[e], count[e] = float(weight[here] @ r[here] ** 2), float(sample.weight[here].sum())
    whole = float(square.sum() / weight.sum())
    noise = np.ones(E) if residuals.fixed else _floored(square / np.maximum(count, 1.0), whole)
    T = np.full(m, 0.1 * whole)
    mean, cov = np.zeros((E, m)), np.zeros((E, m, m))
    size = np.bincount(groups)
    for _ in range(_ROUNDS):
        # a variance of 0 stays 0, and its columns have no part any more
        at = np.flatnonzero(T > 0)
        root = np.sqrt(T[at])
        told = gram / noise[:, None, None]
        inside = told[:, at[:, None], at]
        half = np.linalg.inv(np.eye(len(at)) + root[:, None] * inside * root)
        known_cov = root[:, None] * half * root
        common = _common(told, cross / noise[:, None], known_cov, at)
        apart = cross - gram @ common
        mean[:], cov[:] = 0.0, 0.0
        mean[:, at] = np.einsum("eij,ej->ei", known_cov, apart[:, at]) / noise[:, None]
        cov[:, at[:, None], at] = known_cov
        # MacKay's fixed point: what is known of b, less what its mean took, against the prior
        spent = np.einsum("eii->i", half)
        known = (E - 1) / E * np.bincount(groups[at], E - spent, len(size))
        found = np.bincount(groups, (mean**2).sum(axis=0))
        before, T = T, (found / np.maximum(known, 1e-3 * E * size))[groups]
        T = np.where(_NOTHING * whole < T, T, 0.0)
        if not residuals.fixed:
            left = square - 2 * cross @ common + common @ gram @ common
            spent_here = len(at) - np.einsum("eii->e", half)
            noise = _floored(_noise(gram, apart, left, count, mean, spent_here), whole)
        if np.abs(T - before).max() < _SETTLED * whole:
            break
    # E[(A b)^2] split by column; with the means, without which what is left is not the residual
    whole_mean = mean + common
    second = whole_mean[:, :, None] * whole_mean[:, None] + cov
    part = (second * gram).sum(axis=2) / np.maximum(count, 1.0)[:, None]
    return T, mean, cov, part[count > 0].mean(axis=0)


def _common(told: Floats, cross: Floats, cov: Floats, at: Places) -> Floats:
    """Return the mean of all environments by generalised least squares, (m,)."""
    # A' S^-1 A with S = noise + A T A', by Woodbury's identity
    part = told[:, :, at] @ cov
    normal = (told - part @ told[:, at]).sum(axis=0)
    aim = (cross - np.einsum("eij,ej->ei", part, cross[:, at])).sum(axis=0)
    # indicators of levels sum to 0: of all solutions the shortest
    return np.asarray(np.linalg.lstsq(normal, aim, rcond=1e-9)[0])


def _noise(
    gram: Floats,
    cross: Floats,
    square: Floats,
    count: Floats,
    mean: Floats,
    spent: Floats,
) -> Floats:
    """Return each environment's variance about its own curves."""
    left = square - 2 * (mean * cross).sum(axis=1) + np.einsum("ei,eij,ej->e", mean, gram, mean)
    return np.asarray(np.maximum(left, 0.0) / np.maximum(count - spent, 1.0))


def _floored(noise: Floats, whole: float) -> Floats:
    least = max(_LEAST_OF_NOISE * noise.max(), _LEAST_OF_WHOLE * whole, 1e-300)
    return np.asarray(np.maximum(noise, least))
