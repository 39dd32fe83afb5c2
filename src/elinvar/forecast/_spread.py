"""How far rows of new environments may be from their predictions: conformal over left-out ones."""

from dataclasses import dataclass

import numpy as np

from elinvar.errors import DataError
from elinvar.forecast._sample import Floats, Sample

LEVELS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99)
"""Shares of the rows of an environment for which half-widths are kept."""


@dataclass(frozen=True, eq=False)
class Spread:
    r"""Half-widths that hold shares of the rows of each environment, where it is left out.

    Attributes
    ----------
    half_widths : (E, len(LEVELS)) array
        A share ``LEVELS[k]`` of the rows of an environment lies within them. No rows: not known.

    Notes
    -----
    Let :math:`h_e` hold a share c of the rows of environment e. The k-th smallest of them,
    :math:`k = \lceil (E + 1)\,c \rceil`, holds a share c of the rows in a share c of new
    environments, if these and the new one are exchangeable and leaving one out hardly changes the
    forecast: a jackknife, without a guarantee for finite E.

    References
    ----------
    Dunn, Wasserman and Ramdas (2022) for groups of rows; Duchi, Gupta, Jiang and Sur (2024) for
    shares of rows in shares of environments; Barber, Candes, Ramdas and Tibshirani (2021) for the
    jackknife.
    """

    half_widths: Floats

    @classmethod
    def of(cls, sample: Sample, prediction: Floats) -> "Spread":
        """Return the spread about predictions of environments that were left out.

        Parameters
        ----------
        sample : Sample
            Every environment has rows.
        prediction : (n,) array
        """
        off = np.abs(sample.y - prediction)
        each = [
            _quantiles(off[here], sample.weight[here])
            for here in (sample.codes == e for e in range(int(sample.codes.max()) + 1))
        ]
        return cls(np.array(each))

    @classmethod
    def unknown(cls) -> "Spread":
        """Return that of a forecast for which no environment could be left out."""
        return cls(np.zeros((0, len(LEVELS))))

    def margin(self, coverage: float = 0.9) -> float:
        """Return the half-width that holds ``coverage`` of rows in ``coverage`` of environments.

        Parameters
        ----------
        coverage : float in [0.5, 0.99]

        Returns
        -------
        float
            NaN if there are too few environments.

        Raises
        ------
        DataError
            If ``coverage`` is out of range.
        """
        n = len(self.half_widths)
        if needed(coverage) > n:
            return float("nan")
        # a share such as 0.7 of 10 must not become 8 by rounding
        rank = int(np.ceil((n + 1) * coverage - 1e-9))
        widths = [float(np.interp(coverage, LEVELS, row)) for row in self.half_widths]
        return sorted(widths)[rank - 1]

    def why_unknown(self, coverage: float = 0.9) -> str:
        """Say why there is no margin; empty if there is one.

        Parameters
        ----------
        coverage : float in [0.5, 0.99]
        """
        n, wanted = len(self.half_widths), needed(coverage)
        if wanted <= n:
            return ""
        if n < 2:
            return f"It takes {wanted} environments to leave out in turn."
        return (
            f"With {n} environments, leaving each out in turn says something about {n} in {n + 1} "
            f"new ones at most ({n / (n + 1):.0%}); for {coverage:.0%} of them it takes {wanted}."
        )


def needed(coverage: float) -> int:
    """Return the fewest environments that allow a margin.

    Parameters
    ----------
    coverage : float in [0.5, 0.99]

    Raises
    ------
    DataError
        If ``coverage`` is out of range.
    """
    if not LEVELS[0] <= coverage <= LEVELS[-1]:
        raise DataError(
            f"coverage is {coverage}; it must be at least {LEVELS[0]} and at most {LEVELS[-1]}."
        )
    return int(np.ceil(coverage / (1 - coverage) - 1e-9))


def _quantiles(values: Floats, weight: Floats) -> Floats:
    """Return the smallest values that hold each level of the weight."""
    order = np.argsort(values)
    held = np.cumsum(weight[order]) / weight.sum()
    at = np.minimum(np.searchsorted(held, np.array(LEVELS) - 1e-12), len(order) - 1)
    found: Floats = values[order][at]
    return found
