"""What a table's other effects say of how much one effect differs between environments."""

import numpy as np
from scipy.special import ndtr

from elinvar.inference.problem._types import Floats

# prior weight of an effect that is like the others, and of one of its own kind
_ALIKE = 0.5
# medians and log-sds of the spreads of a table, in sd of the target per sd of the feature
_MEDIANS = np.geomspace(0.003, 3.0, 16)
_SHAPES = np.array([0.25, 0.5, 1.0, 2.0])
# the order of a median, beforehand: what matters at all, or what can be seen if that is more
_ORDER = 0.1
# a prior of its own kind ends where an effect moves the target by 3 sd per sd, unless it does more
_LARGEST = 3.0


def among_others(likelihood: Floats, reference: Floats, nodes: Floats, noise: Floats) -> Floats:
    r"""Probabilities of the variances between environments, given all effects of a table.

    Of the spreads :math:`\tau_j` a share is alike, :math:`\log \tau_j \sim N(\log m, s^2)` with m
    and s the table's, and the rest is of its own kind, where the one effect is all there is to
    learn from: exchangeable or not, each with prior probability 1/2. All other effects say what m
    and s are, and the effect itself how likely each is.

    Parameters
    ----------
    likelihood : array of shape (F, K)
        Likelihood of the variance, up to a factor an effect; its largest value is 1.
    reference : array of shape (F, K)
        Probabilities for an effect of its own kind: of 0, and between neighbouring nodes.
    nodes : array of shape (F, K)
        Between-environment variances, from 0; (sd of the target per sd of the feature) squared.
    noise : array of shape (F,)
        Sampling variance of the effect in a typical environment, in the same units.

    Returns
    -------
    array of shape (F, K)
        Probabilities like ``reference``.

    References
    ----------
    Neuenschwander, Wandel, Roychoudhury and Bailey (2016) for a mixture of exchangeable and other
    effects; the rest is derived in docs/evidence.md, section 1.
    """
    # prior of log tau between nodes, by median and shape: nothing lies at 0 exactly
    log_tau = 0.5 * np.log(np.maximum(nodes[:, 1:], 1e-300))
    z = (log_tau[:, None, None, :] - np.log(_MEDIANS)[:, None, None]) / _SHAPES[:, None]
    below = np.concatenate([np.zeros((*z.shape[:-1], 2)), ndtr(z)], axis=-1)
    below[..., -1] = 1.0
    alike = np.diff(below, axis=-1).reshape(len(nodes), -1, nodes.shape[1])
    own = _own_kind(nodes, noise, likelihood)
    of_own = np.einsum("fk,fk->f", own, likelihood)
    of_alike = np.einsum("fhk,fk->fh", alike, likelihood)
    each = np.log(_ALIKE * of_alike + (1.0 - _ALIKE) * of_own[:, None])
    # an effect's own likelihood is counted once: the others say what is likely beforehand
    others = each.sum(axis=0) - each + np.repeat(_medians_prior(noise), len(_SHAPES))
    weight = np.exp(others - others.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    joint = _ALIKE * np.einsum("fh,fhk->fk", weight, alike) * likelihood
    apart = (1.0 - _ALIKE) * of_own[:, None] * reference
    found: Floats = (joint + apart) / (joint.sum(axis=1) + apart.sum(axis=1))[:, None]
    return found


def _medians_prior(noise: Floats) -> Floats:
    """Log prior of the medians: half-Cauchy's, on a geometric grid x f(x)."""
    order = max(_ORDER, float(np.median(np.sqrt(noise))))
    prior: Floats = np.log(_MEDIANS / (order**2 + _MEDIANS**2))
    return prior


def _own_kind(nodes: Floats, noise: Floats, likelihood: Floats) -> Floats:
    r"""Prior (F, K) of an effect of its own kind: :math:`1 / (v + \tau^2)`, made proper.

    The confidence distribution of the variance is its posterior, all but for what lies below 0.
    """
    # effects of columns that are nearly copies move it by thousands
    peak = np.take_along_axis(nodes, likelihood.argmax(axis=1)[:, None], axis=1)
    most = np.maximum(np.maximum(_LARGEST**2, 10.0 * noise)[:, None], peak)
    grown = np.log1p(np.minimum(nodes, most) / noise[:, None]) / np.log1p(most / noise[:, None])
    grown[:, -1] = 1.0
    return np.diff(grown, axis=1, prepend=0.0)
