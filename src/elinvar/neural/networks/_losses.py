"""Losses that an environment's own mean does not disturb."""

from torch import Tensor


def centred_squared_loss(output: Tensor, target: Tensor) -> Tensor:
    r"""Return the variance of the errors in a batch.

    .. math:: \min_b \frac1m \sum_i (f(x_i) + b - y_i)^2

    On batches of one environment this gives each environment an intercept of its own, at its best
    value, at every step. Without it, what is spurious shifts the mean of a whole batch, and the
    shift shakes everything that the network knows.

    Parameters
    ----------
    output : Tensor of shape (m,) or (m, k)
        Of the network.
    target : Tensor of the same shape
        Labels.

    Returns
    -------
    Tensor of shape ()

    Examples
    --------
    >>> import torch
    >>> from elinvar.neural import centred_squared_loss
    >>> y = torch.tensor([1.0, 2.0, 3.0])
    >>> centred_squared_loss(y + 5.0, y), centred_squared_loss(0 * y, y)
    (tensor(0.), tensor(0.6667))
    """
    # min over b of mean (e + b)^2 is at b = -mean e
    error = output - target
    return (error - error.mean(0)).square().mean()
