"""Weights of learners: the best forecast of environments left out, each counting the same."""

from collections.abc import Callable

import numpy as np

from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.mixture._blend import sharpened

Loss = Callable[[Floats], tuple[float, Floats]]

# chosen on tables as a whole: how much an environment says of numbers and of classes; the part of
# the loss that is the mean's own, and not its learners'; and how often the first learner counts
# before anything is known, the simplest
_NUMBERS, _CLASSES = 3.0, 5.0
_OF_THE_MEAN = 0.75
_FIRST = 3.0
# that probabilities are right as they are counts as one environment
_AS_IT_IS = 1.0
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

    .. math:: w = \arg\min_w\ c E\, \ell(w) + \sum_m w_m \log (w_m / q_m),

    with E environments and prior weights q, equal but for the first learner, which counts three
    times. The loss counts the mean forecast three quarters and its learners, one by one, the rest
    (Q-aggregation), since a learner that is far from the others is far from the truth somewhere.
    For numbers, with :math:`G_{mk}` the mean over environments of products of residuals, and c = 3,

    .. math:: \ell(w) = \log(.75\, w^\top G w + .25 \sum_m w_m G_{mm});

    for classes, with :math:`p_{mi}` the probability of row i's class, environments weighing
    equally, and c = 5, :math:`\ell(w)` is the mean of :math:`-.75 \log \sum_m w_m p_{mi} - .25
    \sum_m w_m \log p_{mi}`.

    Parameters
    ----------
    sample : Sample
    left_out : (n, M, k) array
        Predictions of each row by fits without its environment.

    Returns
    -------
    (M,) array
        Not negative, with sum 1; 0 for learners that would have less than .02.

    References
    ----------
    D. Dai, P. Rigollet and T. Zhang (2012), "Deviation optimal learning using greedy
    Q-aggregation", Annals of Statistics 40.
    """
    # one environment is judged on five parts of its rows
    n = max(len(np.unique(sample.codes)), 2)
    if sample.n_classes:
        return _aggregated(_of_classes(sample, left_out), left_out.shape[1], _CLASSES * n)
    return _aggregated(_of_numbers(sample, left_out), left_out.shape[1], _NUMBERS * n)


def _of_numbers(sample: Sample, left_out: Floats) -> Loss:
    residuals = left_out[:, :, 0] - sample.y[:, None]
    # not in units of what is usual in an environment: where learners fail is what counts
    products = (residuals * balanced(sample)[:, None]).T @ residuals
    each = np.diag(products)
    # of two perfect learners neither is better
    least = 1e-12 * each.max() + 1e-300

    def loss(weights: Floats) -> tuple[float, Floats]:
        joint = products @ weights
        value = _OF_THE_MEAN * weights @ joint + (1 - _OF_THE_MEAN) * each @ weights + least
        slope = 2 * _OF_THE_MEAN * joint + (1 - _OF_THE_MEAN) * each
        return float(np.log(value)), slope / value

    return loss


def _of_classes(sample: Sample, left_out: Floats) -> Loss:
    losses, rows = row_losses(sample, left_out), balanced(sample)
    likelihood, each = np.exp(-losses), rows @ losses

    def loss(weights: Floats) -> tuple[float, Floats]:
        mixed = likelihood @ weights
        value = (1 - _OF_THE_MEAN) * each @ weights - _OF_THE_MEAN * rows @ np.log(mixed)
        slope = (1 - _OF_THE_MEAN) * each - _OF_THE_MEAN * (rows / mixed) @ likelihood
        return float(value), slope

    return loss


def _aggregated(loss: Loss, n_learners: int, strength: float) -> Floats:
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    prior = np.ones(n_learners)
    prior[0] = _FIRST
    prior = np.log(prior / prior.sum())

    def objective(free: Floats) -> tuple[float, Floats]:
        logs = log_softmax(free)
        weights = np.exp(logs)
        value, slope = loss(weights)
        slope = strength * slope + logs - prior
        return strength * value + float(weights @ (logs - prior)), weights * (
            slope - weights @ slope
        )

    weights = np.exp(log_softmax(minimize(objective, prior, jac=True, method="BFGS").x))
    weights[weights < min(_LEAST, weights.max())] = 0.0
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
    rows, share = balanced(sample), _AS_IT_IS / len(np.unique(sample.codes))

    def loss(log_power: float) -> float:
        losses = row_losses(sample, sharpened(mixed, float(np.exp(log_power))))
        return float(rows @ losses + share * log_power**2)

    found = minimize_scalar(loss, bounds=(-np.log(4), np.log(4)), method="bounded")
    return float(np.exp(found.x))
