"""Small handwritten digits whose colour goes with the label, but not in the same way everywhere."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import generator
from elinvar.datasets._known import (
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    check_share,
    drawn_anew,
    stack,
)
from elinvar.errors import DataError

_N_TRAINING = 1200


def make_coloured_digits(
    *,
    flip_rates: Sequence[float] = (0.1, 0.2),
    new_flip_rate: float = 0.9,
    label_noise: float = 0.25,
    n_samples: int = 2000,
    channels: bool = False,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw coloured digits: their shape tells whether they are below five, their colour misleads.

    .. math::
        y = 1[\text{digit} < 5] \oplus B(\eta), \qquad c = y \oplus B(f_e),

    where :math:`\oplus B(f)` turns a label round with probability f and :math:`\eta` is
    ``label_noise``. Shapes tell the label with an error of :math:`\eta` at best, everywhere; the
    colour tells it with an error of :math:`f_e`, .1 and .2 in training but .9 in new environments.

    Parameters
    ----------
    flip_rates : sequence of float, 0 to 1
        :math:`f_e` of each training environment.
    new_flip_rate : float, 0 to 1
        :math:`f_e` of new environments.
    label_noise : float, 0 to 1
        Share of labels turned round.
    n_samples : int, at least 2
        Rows an environment.
    channels : bool
        False: 61 grey pixels (of 64, the three that are always empty left out) from 0 to 1, and
        the colour, 0 or 1. True: every pixel in a red and a green channel, one of which is empty,
        as in the reference; then no set of columns is invariant, but the sums of channels are.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        Training images are 1,200 random ones of the 1,797, drawn with replacement;
        ``new_environments`` draws the others. ``risk`` is that of a reader who is never wrong about
        a digit. There is no closed-form ``oracle``.

    Raises
    ------
    DataError
        If there is no flip rate, or a rate is not from 0 to 1.

    Notes
    -----
    Deviations from the reference: digits of 8 x 8 pixels, which come with scikit-learn, and images
    that may occur in more than one environment.

    References
    ----------
    M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant risk minimization",
    arXiv:1907.02893 (2019), section 5.2. Digits: E. Alpaydin, C. Kaynak, "Optical recognition of
    handwritten digits", UCI Machine Learning Repository, doi:10.24432/C50P49 (1998).

    Examples
    --------
    >>> make_coloured_digits(n_samples=100, rng=0)
    KnownAnswer(coloured digits: 200 rows, 62 features, 2 environments, 61 invariant)
    """
    from sklearn.datasets import load_digits

    check_counts(n_samples=n_samples)
    rates = [float(rate) for rate in flip_rates]
    if not rates:
        raise DataError("flip_rates is empty; give the share of turned colours an environment.")
    for rate in rates:
        check_share(flip_rate=rate)
    check_share(new_flip_rate=new_flip_rate, label_noise=label_noise)
    rng = generator(rng)
    pixels, digits = load_digits(return_X_y=True)
    seen = np.ptp(pixels, axis=0) > 0
    grey, below_five = pixels[:, seen] / 16, digits < 5
    images = rng.permutation(len(grey))
    training, other = images[:_N_TRAINING], images[_N_TRAINING:]

    def environment(
        n: int, images: NDArray[np.intp], rate: float, rng: np.random.Generator
    ) -> Labelled:
        chosen = rng.choice(images, n)
        y = below_five[chosen] ^ (rng.random(n) < label_noise)
        # y xor a flip: the colour tells the label with an error of the environment's rate
        colour = (y ^ (rng.random(n) < rate))[:, None]
        shapes = grey[chosen]
        X = np.hstack([shapes * colour, shapes * ~colour] if channels else [shapes, colour])
        return X, y.astype(float)

    sample = stack([environment(n_samples, training, rate, rng) for rate in rates], "E")
    names = [f"pixel{j}" for j in np.flatnonzero(seen)]
    rotation = None
    if channels:
        # (sum, difference) / sqrt 2 of the channels; the matrix is its own inverse
        rotation = np.kron([[1, 1], [1, -1]], np.eye(len(names))) / np.sqrt(2)
        columns = [f"{colour}_{name}" for colour in ("red", "green") for name in names]
    else:
        columns = [*names, "colour"]
    return KnownAnswer(
        name="coloured digits" + (" in two channels" if channels else ""),
        task="classification",
        **sample._asdict(),
        feature_names=tuple(columns),
        coef=None,
        support=np.arange(len(columns)) < len(names),
        invariance="subspace" if channels else "columns",
        identified=len(set(rates)) > 1,
        risk=label_noise,
        rotation=rotation,
        _draw=drawn_anew(lambda n, rng: environment(n, other, new_flip_rate, rng), len(rates)),
    )
