"""The scale on which predictions are moved: the target's own, or log odds of classes."""

import numpy as np
from scipy.special import expit, logit

from elinvar.forecast._sample import Floats

# odds of one in a thousand: what is surer than that was never learnt from a few hundred rows
_SUREST = 1e-3
_LEAST = 1e-9


def outcomes(predicted: Floats, n_classes: int) -> Floats:
    """Return predictions (n, ..., k) on the scale on which they are moved, (n, ..., m).

    Numbers stay as they are; of two classes there are the log odds of the second, of more the log
    odds of each against all others.

    Parameters
    ----------
    predicted : (n, ..., k) array
        Numbers (k = 1), or probabilities of the classes.
    n_classes : int
        0: the target is a number.
    """
    if not n_classes:
        return predicted
    kept = predicted[..., 1:] if n_classes == 2 else predicted
    odds: Floats = logit(np.clip(kept, _SUREST, 1 - _SUREST))
    return odds


def targets(y: Floats, n_classes: int) -> Floats:
    """Return the target (n,) as numbers (n, 1), or as 0 and 1 for each outcome (n, m).

    Parameters
    ----------
    y : (n,) array
        Numbers, or positions of classes.
    n_classes : int
    """
    if not n_classes:
        return y[:, None]
    classes = np.arange(1, 2) if n_classes == 2 else np.arange(n_classes)
    return np.asarray(y[:, None] == classes, dtype=np.float64)


def predictions(moved: Floats, n_classes: int) -> Floats:
    """Return what `outcomes` came from: numbers, or probabilities with sum 1.

    Parameters
    ----------
    moved : (n, m) array
    n_classes : int
    """
    if not n_classes:
        return moved
    share = expit(moved)
    if n_classes == 2:
        return np.concatenate([1 - share, share], axis=-1)
    share = np.maximum(share, _LEAST)
    return np.asarray(share / share.sum(axis=-1, keepdims=True))


def mean_loss(moved: Floats, y: Floats, n_classes: int) -> float:
    """Return the mean squared error, or the mean log loss.

    Parameters
    ----------
    moved : (n, m) array
        Predictions, on the scale of `outcomes`.
    y : (n, m) array
        As `targets` gives it.
    n_classes : int
    """
    if not n_classes:
        return float(np.mean((y - moved) ** 2))
    share = predictions(moved, n_classes)
    right = share[:, 1:] * y + share[:, :1] * (1 - y) if n_classes == 2 else share * y
    return float(-np.mean(np.log(np.maximum(right.sum(axis=1), _LEAST))))
