"""What differs from place to place, and by how much: variances by marginal likelihood."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places
from elinvar.forecast.adaptation._sums import Sums

# environments that the common variance of terms of one kind counts for, and rows that the common
# noise does: with few environments a term's own variance is hardly known
_OF_KIND = 3.0
_OF_NOISE = 2.0
_ROUNDS = 60
# shares of the mean squared residual below which no variance is told from 0
_SMALLEST, _LEAST = 1e-10, 1e-8


@dataclass(frozen=True, kw_only=True, eq=False)
class Prior:
    r"""Differences :math:`b_e \sim N(0, \operatorname{diag} T)` and noise of one variance.

    Attributes
    ----------
    variances : (q,) array
        T; 0 for terms that do not differ.
    noise : float
    """

    variances: Floats
    noise: float

    @property
    def differs(self) -> Mask:
        """Terms that may differ, (q,)."""
        return self.variances > 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """Where a search for a prior starts: variances (q,), and noise of each environment (B,)."""

    variances: Floats
    noise: Floats


def learn_prior(
    places: Sequence[Sums],
    kinds: Places,
    differs: Mask,
    *,
    classes: bool,
    start: Start | None = None,
    rounds: int = _ROUNDS,
) -> tuple[Prior, Start]:
    r"""Learn variances by expectation and maximisation over training environments.

    .. math:: V_e = (A_e^\top A_e / \sigma_e^2 + T^{-1})^{-1}, \quad m_e = V_e A_e^\top r_e /
        \sigma_e^2, \quad T_j \leftarrow \frac{\sum_e (m_{ej}^2 + V_{ejj}) + \nu \bar T_{k(j)}}
        {E + \nu}

    with :math:`\bar T_k` the mean over terms of a kind. What is used in a new environment is
    :math:`T E / (E + 1)`: the fewer environments, the less is known of what differs. Own
    derivation, of the usual steps for a linear mixed model (Laird and Ware, 1982).

    Parameters
    ----------
    places : sequence of Sums
        One for each environment.
    kinds : (q,) array of int
        Kind of each term.
    differs : (q,) array of bool
        Terms that may differ.
    classes : bool
        Whether the sums are those of classes, whose noise is 1.
    start : Start, optional
        Where a search on nearly the same environments ended.
    rounds : int
    """
    at = np.flatnonzero(differs)
    gram = np.concatenate([place.gram for place in places])[:, at[:, None], at]
    cross = np.concatenate([place.cross for place in places])[:, at]
    power = np.concatenate([place.power for place in places])
    count = np.repeat([place.count for place in places], len(places[0].power))
    _, group = np.unique(kinds[at], return_inverse=True)
    members = np.bincount(group)
    overall = 1.0 if classes else max(power.sum() / count.sum(), 1e-200)
    variances = np.full(len(at), 0.1 * overall) if start is None else start.variances[at]
    noise = np.full(len(cross), overall) if start is None else start.noise
    for _ in range(rounds):
        spread = _covariance(gram / noise[:, None, None], variances)
        mean = np.einsum("ejk,ek->ej", spread, cross) / noise[:, None]
        own = (mean**2 + np.einsum("ejj->ej", spread)).mean(axis=0)
        shared = (np.bincount(group, own) / members)[group]
        variances = (len(cross) * own + _OF_KIND * shared) / (len(cross) + _OF_KIND)
        variances = np.maximum(variances, _SMALLEST * overall)
        if not classes:
            left = power - 2 * np.einsum("ej,ej->e", mean, cross)
            left += np.einsum("ej,ejk,ek->e", mean, gram, mean)
            left += np.einsum("ejk,ekj->e", spread, gram)
            common = left.sum() / count.sum()
            noise = np.maximum((left + _OF_NOISE * common) / (count + _OF_NOISE), _LEAST * overall)
    full = np.zeros(len(differs))
    full[at] = variances
    n = len(places)
    prior = Prior(variances=full * n / (n + 1), noise=float(noise.mean()))
    return prior, Start(variances=np.where(differs, full, 1.0), noise=noise)


def posterior(prior: Prior, sums: Sums) -> tuple[Floats, Floats]:
    """Return mean (m, q) and covariance (m, q, q) of what differs in a place.

    Parameters
    ----------
    prior : Prior
    sums : Sums
        Of the place's labelled rows.
    """
    at = np.flatnonzero(prior.differs)
    mean, spread = np.zeros(sums.cross.shape), np.zeros(sums.gram.shape)
    if len(at):
        inside = _covariance(sums.gram[:, at[:, None], at] / prior.noise, prior.variances[at])
        spread[:, at[:, None], at] = inside
        mean[:, at] = np.einsum("mjk,mk->mj", inside, sums.cross[:, at]) / prior.noise
    return mean, spread


def _covariance(information: Floats, variances: Floats) -> Floats:
    """Return (G + T^-1)^-1 as D (D G D + 1)^-1 D with D = T^(1/2)."""
    root = np.sqrt(variances)
    outer = np.outer(root, root)
    told = np.nan_to_num(information * outer, posinf=1e150, neginf=-1e150)
    values, vectors = np.linalg.eigh(told)
    # no eigenvalue of G is below 0, but for rounding
    scaled = vectors / (1.0 + np.maximum(values, 0.0))[..., None, :]
    return np.asarray(outer * (scaled @ np.swapaxes(vectors, -1, -2)))
