r"""What a finite data set costs that every step uses again: its noise is learned like a signal.

Derivation and checks are in docs/theory-matrix.md, section 17.
"""

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import check_count, check_number
from elinvar.errors import DataError
from elinvar.theory._growth import Floats, checked, positive


def reused_data_error(
    eigenvalues: ArrayLike,
    *,
    dim: int,
    n_samples: float,
    power: float,
    width: int | None = None,
    step_size: float | None = None,
    steps: float | None = None,
    init_scale: float = 1e-3,
) -> float:
    r"""Return the error that a factored model ends with on a finite data set.

    The mean of the environments' gradients is that of :math:`A^* + \sqrt v N`, N from the GOE, with
    :math:`v = \text{power} / (E n)`. A factor of k columns learns the signal, turned by noise, and
    of the noise itself the largest k - r eigenvalues :math:`\lambda_j > 0`, quantiles of a
    semicircle of radius :math:`2 \sqrt t`, :math:`t = (d - r) v / 2`:

    .. math:: |A - A^*|^2 \approx v\, \tfrac{r (r + 1)}{2} + \sum_i \Bigl(2 t +
        \frac{3 t^2}{\sigma_i^2}\Bigr) + \sum_{j \le k - r} \lambda_j^2 - \sum_{ij}
        \frac{2 \sigma_i \lambda_j t / (d - r)}{\sigma_i^2 + t - \sigma_i \lambda_j}

    To leading order this is :math:`\tfrac12 d \sqrt v` at k = d, and :math:`\sqrt{r d v}` at k = r:
    width costs.

    Parameters
    ----------
    eigenvalues : array of shape (r,)
        Of the solution, positive.
    dim : int
        d; for steps on one environment without the spurious directions, which die, noise and all.
    n_samples : float
        Measurements in all environments together, :math:`E n`.
    power : float
        Mean of :math:`|R|_F^2 + \sigma^2` at the solution: what is not learned, and label noise.
    width : int, optional
        Columns k; d if not given.
    step_size, steps : float, optional
        With both, noise eigenvalues are counted as far as they are learned in so many steps.
    init_scale : float > 0
        The start.

    Returns
    -------
    float
        A Frobenius norm.

    Raises
    ------
    DataError
        If an argument cannot be used.

    References
    ----------
    Own derivation, docs/theory-matrix.md, section 17; how noise turns eigenvectors is that of F.
    Benaych-Georges and R. R. Nadakuditi, Advances in Mathematics 227 (2011).

    Examples
    --------
    >>> from elinvar.theory import reused_data_error
    >>> wide, narrow = (
    ...     reused_data_error([1.0], dim=19, n_samples=8000, power=37, width=k) for k in (19, 1)
    ... )
    >>> round(wide, 2), round(narrow, 2)
    (0.67, 0.31)
    """
    sigma = np.ravel(checked(np.ravel(eigenvalues), None)[0])
    v = positive("power", power) / positive("n_samples", n_samples)
    check_count("dim", dim)
    if width is not None:
        check_count("width", width)
    if steps is not None and step_size is None:
        raise DataError("steps need a step_size to tell how much is learned: give both, or none.")
    r, d = len(sigma), int(dim)
    if not (sigma > 0).all() or d < r:
        raise DataError("The eigenvalues must be positive, and at most dim in number.")
    k = d if width is None else min(int(width), d)
    t = (d - r) * v / 2
    noise = 2 * np.sqrt(t) * _semicircle(d - r)
    noise = noise[noise > 0][: max(k - r, 0)]
    # sigma becomes sigma + t / sigma, with the cosine 1 - t / sigma^2 squared; below sqrt(t) it is
    # lost, and the largest eigenvalue of the noise learned in its place
    turned = np.where(t < sigma**2, 2 * t + 3 * t**2 / sigma**2, sigma**2 + 4 * t).sum()
    pairs = sigma[:, None] * noise
    shared = 2 * pairs * t / (d - r + 1e-300) / (sigma[:, None] ** 2 + t - pairs)
    if steps is not None and step_size is not None:
        check_number("steps", steps, least=0.0)
        start = positive("init_scale", init_scale)
        learned = _after(noise, positive("step_size", step_size), steps, start)
        shared, noise = shared * learned / noise, learned
    return float(np.sqrt(v * r * (r + 1) / 2 + turned + (noise**2).sum() - shared.sum()))


def _semicircle(n: int) -> Floats:
    """Return the n quantiles (i - 1/2) / n of a semicircle on [-1, 1], the largest first."""
    # F(x) = 1/2 + (x sqrt(1 - x^2) + arcsin x) / pi on a fine grid, turned round
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 4001))
    share = 0.5 + (x * np.sqrt(1 - x**2) + np.arcsin(x)) / np.pi
    found: Floats = np.interp((np.arange(n, 0, -1) - 0.5) / max(n, 1), share, x)
    return found


def _after(values: Floats, step: float, steps: float, start: float) -> Floats:
    """Return how far eigenvalues are learned: the logistic curve of u^2 from start^2."""
    decay = np.exp(-np.minimum(2 * steps * np.log1p(step * values), 700.0))
    found: Floats = values / (1 + (values / start**2 - 1) * decay)
    return found
