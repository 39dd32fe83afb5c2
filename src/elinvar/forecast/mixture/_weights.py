"""Weights of learners: the best forecast of environments left out, each counting the same."""

import numpy as np

from elinvar.forecast._sample import Floats, Sample


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
    """Return the convex weights with the smallest error on rows that learners did not see.

    Parameters
    ----------
    sample : Sample
    left_out : (n, M, k) array
        Predictions of each row by fits without its environment.

    Returns
    -------
    (M,) array
    """
    if sample.n_classes:
        return _likeliest(sample, left_out)
    residuals = sample.y[:, None] - left_out[:, :, 0]
    gram = (residuals * balanced(sample)[:, None]).T @ residuals
    return convex_minimum(gram)


def convex_minimum(gram: Floats) -> Floats:
    """Return w that minimises wᵀ G w with w >= 0 and sum 1.

    Parameters
    ----------
    gram : (M, M) array
        Positive semi-definite.
    """
    from scipy.optimize import nnls

    # min |L w|² + c² (1ᵀw - 1)²: its solution has the right direction for every c
    values, vectors = np.linalg.eigh(gram / max(np.trace(gram), 1e-300))
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    found = nnls(np.vstack([root, np.ones(len(gram))]), np.append(np.zeros(len(gram)), 1.0))[0]
    return np.asarray(found / found.sum())


def _likeliest(sample: Sample, left_out: Floats) -> Floats:
    """Maximise Σ v_i log Σ_m w_m p_im by expectation and maximisation, which keeps w convex."""
    likelihood = np.exp(-row_losses(sample, left_out))
    rows = balanced(sample)
    weights = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
    for _ in range(500):
        joint = likelihood * weights
        weights = rows @ (joint / joint.sum(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum())
