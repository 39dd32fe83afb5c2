"""Weights of learners: the best forecast of environments left out, each counting the same."""

import numpy as np

from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.mixture._blend import sharpened

# for classes, chosen on tables as a whole: what weights and the power of probabilities would be
# without data counts as this share of one environment, and the first learner, the simplest,
# counts twice
_PRIOR, _FIRST, _AS_IT_IS = 0.1, 2.0, 0.2

# how fast weights fall with errors; between 1 and 2 it makes no difference
_EVIDENCE = 1.5
# learners below it cost time and bytes, and carry nothing
_LEAST = 0.02


def balanced(sample: Sample) -> Floats:
    """Return weights of rows that sum to 1 / E in each of the E environments that have rows.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    (n,) array
    """
    total = np.bincount(sample.codes, weights=sample.weight)
    shares: Floats = sample.weight / total[sample.codes] / np.count_nonzero(total)
    return shares


def row_losses(sample: Sample, predicted: Floats) -> Floats:
    """Return the loss of each row: squared error, or minus the log of the class's probability.

    Parameters
    ----------
    sample : Sample
    predicted : (n, ..., k) array

    Returns
    -------
    (n, ...) array
    """
    if not sample.n_classes:
        y = sample.y.reshape(-1, *[1] * (predicted.ndim - 2))
        squared: Floats = (predicted[..., 0] - y) ** 2
        return squared
    likelihood = predicted[np.arange(sample.n_rows), ..., sample.y.astype(np.intp)]
    losses: Floats = -np.log(np.clip(likelihood, 1e-9, None))
    return losses


def environment_errors(sample: Sample, predicted: Floats) -> Floats:
    """Return the mean loss in each environment: squared error, or log loss.

    Parameters
    ----------
    sample : Sample
    predicted : (n, M, k) array

    Returns
    -------
    (E, M) array
        NaN for environments without rows.
    """
    losses = row_losses(sample, predicted) * sample.weight[:, None]
    total = np.bincount(sample.codes, weights=sample.weight)
    sums = np.stack([np.bincount(sample.codes, weights=column) for column in losses.T], axis=1)
    total = np.where(total > 0, total, np.nan)
    return np.asarray(sums / total[:, None])


def mixture_weights(sample: Sample, left_out: Floats) -> Floats:
    r"""Return convex weights by the errors on rows that learners did not see.

    For numbers, with :math:`Q_m` the mean over E environments of learner m's mean squared error,

    .. math:: w_m \propto Q_m^{-1.5 E},

    the posterior of "m is best" if each environment says as much as three normal residuals. Weights
    that minimise the error of the mean itself did worse: they trust differences between learners
    that are bad elsewhere. For classes they minimise the log loss of the mean.

    Parameters
    ----------
    sample : Sample
    left_out : (n, M, k) array
        Predictions of each row by fits without its environment.

    Returns
    -------
    (M,) array
        Not negative, with sum 1; 0 for learners that would have less than .02.
    """
    if sample.n_classes:
        return _kept(_likeliest(sample, left_out))
    errors = environment_errors(sample, left_out)
    present = np.isfinite(errors).any(axis=1)
    mean = errors[present].mean(axis=0)
    # of two perfect learners neither is better
    logs = np.log(np.maximum(mean, 1e-12 * mean.max() + 1e-300))
    # one environment is judged on five parts of its rows
    n = max(int(present.sum()), 2)
    return _kept(np.exp(-_EVIDENCE * n * (logs - logs.min())))


def _kept(weights: Floats) -> Floats:
    weights = weights / weights.sum()
    weights[weights < min(_LEAST, weights.max())] = 0.0
    return np.asarray(weights / weights.sum())


def _likeliest(sample: Sample, left_out: Floats) -> Floats:
    """Maximise Σ v_i log Σ_m w_m p_im + c / E Σ_m q_m log w_m, with q the prior weights."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    likelihood = np.exp(-row_losses(sample, left_out))
    rows, share = balanced(sample), _PRIOR / _groups(sample)
    prior = np.ones(likelihood.shape[1])
    prior[0] = _FIRST
    prior /= prior.sum()

    def loss(free: Floats) -> tuple[float, Floats]:
        logs = log_softmax(free)
        joint = likelihood * np.exp(logs)
        mixed = joint.sum(axis=1)
        counted = rows @ (joint / mixed[:, None]) + share * prior
        gain = rows @ np.log(mixed) + share * prior @ logs
        return -float(gain), np.asarray((1 + share) * np.exp(logs) - counted)

    found = minimize(loss, np.log(prior), jac=True, method="BFGS")
    weights = np.exp(log_softmax(found.x))
    return np.asarray(weights / weights.sum())


def sharpness(sample: Sample, mixed: Floats) -> float:
    """Return the power of mean probabilities that suits environments left out.

    A mean of forecasts that are each sure of other rows is less sure than it should be, and
    forecasts for a new environment are surer than they should be: the power s minimises
    log loss + c / E (log s)².

    Parameters
    ----------
    sample : Sample
    mixed : (n, n_classes) array
        Mean probabilities of rows by fits without their environments.
    """
    from scipy.optimize import minimize_scalar

    if not sample.n_classes:
        return 1.0
    rows, share = balanced(sample), _AS_IT_IS / _groups(sample)

    def loss(log_power: float) -> float:
        losses = row_losses(sample, sharpened(mixed, float(np.exp(log_power))))
        return float(rows @ losses + share * log_power**2)

    found = minimize_scalar(loss, bounds=(-np.log(4), np.log(4)), method="bounded")
    return float(np.exp(found.x))


def _groups(sample: Sample) -> int:
    """Return how many environments there are to learn from; more than eight teach no more."""
    return min(len(np.unique(sample.codes)), 8)
