"""Columns that linear models see: missing values filled, curves as lines that bend at knots."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Places, Sample

# a curve is flat outside these quantiles: lines that run on are what fails in new environments
_ENDS = (0.02, 0.98)
# and a line beyond the values seen by as much as they are apart: one odd value would cost more than
# all others together
_BEYOND = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """Columns (1, filled x, bends, where missing), written as one matrix.

    Attributes
    ----------
    fill : (n_columns,) array
        What stands for a missing value: the mean.
    low, high : (n_columns,) array
        Values are clipped to them; infinite where they are not.
    knots : tuple of (k_j,) arrays, one a column
        Column j also gives max(x_j - knot, 0) for each.
    indicators : (n_missing,) array of int
        Columns of which it is told whether the value is missing.
    """

    fill: Floats
    low: Floats
    high: Floats
    knots: tuple[Floats, ...]
    indicators: Places

    @classmethod
    def of(cls, sample: Sample, *, n_knots: int) -> "Basis":
        """Return the basis for these rows.

        Parameters
        ----------
        sample : Sample
        n_knots : int
            Knots of each numeric feature, at inner quantiles; 0: lines, flat far beyond all values.
        """
        X, columns = sample.X, sample.columns
        missing = np.isnan(X)
        known = np.where(missing, 0.0, sample.weight[:, None])
        total = known.sum(axis=0)
        fill = (np.where(missing, 0.0, X) * known).sum(axis=0) / np.where(total > 0, total, 1.0)
        low, high = np.full(len(fill), -np.inf), np.full(len(fill), np.inf)
        knots = [np.zeros(0)] * len(fill)
        for j in np.flatnonzero(~columns.categorical[columns.groups] & (total > 0)):
            values = X[~missing[:, j], j]
            if n_knots == 0:
                least, most = values.min(), values.max()
                low[j], high[j] = least - _BEYOND * (most - least), most + _BEYOND * (most - least)
            else:
                inner = np.linspace(0, 1, n_knots + 2)[1:-1]
                low[j], *bends, high[j] = np.quantile(values, [_ENDS[0], *inner, _ENDS[1]])
                at = np.unique(bends)
                knots[j] = at[(at > low[j]) & (at < high[j])]
                if low[j] == high[j]:  # nearly always one value: a line says more than nothing
                    low[j], high[j] = values.min(), values.max()
        return cls(
            fill=fill,
            low=low,
            high=high,
            knots=tuple(knots),
            indicators=columns.first[missing[:, columns.first].any(axis=0)],
        )

    def expand(self, X: Floats) -> Floats:
        """Return the matrix of these rows.

        Parameters
        ----------
        X : (n, n_columns) array

        Returns
        -------
        (n, n_basis) array
        """
        missing = np.isnan(X)
        filled = np.clip(np.where(missing, self.fill, X), self.low, self.high)
        bends = [
            np.maximum(filled[:, [j]] - at, 0.0) for j, at in enumerate(self.knots) if len(at) > 0
        ]
        return np.hstack([filled, *bends, missing[:, self.indicators]])

    @property
    def columns(self) -> Places:
        """Column of X that each column of the matrix comes from, (n_basis,)."""
        n = len(self.fill)
        bent = np.repeat(np.arange(n), [len(at) for at in self.knots])
        return np.concatenate([np.arange(n), bent, self.indicators]).astype(np.intp)

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "fill": self.fill.tolist(),
            "low": [None if np.isinf(value) else value for value in self.low.tolist()],
            "high": [None if np.isinf(value) else value for value in self.high.tolist()],
            "knots": [at.tolist() for at in self.knots],
            "indicators": self.indicators.tolist(),
        }

    @classmethod
    def read(cls, entries: Reader) -> "Basis":
        """Return what `entries` has written.

        Raises
        ------
        ModelFileError
            If it is damaged.
        """
        fill = entries.numbers("fill")
        low = entries.numbers("low", length=len(fill), missing=True)
        high = entries.numbers("high", length=len(fill), missing=True)
        knots = [np.array(at) for at in entries.get("knots", list[list[float]], "lists of numbers")]
        fits = len(knots) == len(fill) and all(np.isfinite(at).all() for at in knots)
        entries.must(fits, "knots", f"{len(fill)} lists of finite numbers")
        indicators = entries.wholes("indicators")
        entries.must(
            ((indicators >= 0) & (indicators < len(fill))).all(), "indicators", "known columns"
        )
        return cls(
            fill=fill,
            low=np.where(np.isnan(low), -np.inf, low),
            high=np.where(np.isnan(high), np.inf, high),
            knots=tuple(knots),
            indicators=indicators,
        )


def basis_of(sample: Sample, *, n_knots: int) -> tuple[Basis, Floats]:
    """Return the basis for these rows and their matrix, made once for all who ask.

    Parameters
    ----------
    sample : Sample
    n_knots : int
    """

    def make(rows: Sample) -> tuple[Basis, Floats]:
        basis = Basis.of(rows, n_knots=n_knots)
        return basis, basis.expand(rows.X)

    return sample.once(("basis", n_knots), make)


def whitening(centred: Floats, weight: Floats, groups: Places) -> Floats:
    """Return W with columns such that those of each feature in ``centred @ W`` are uncorrelated.

    Directions without variance are left out: their coefficient is 0.
    """
    blocks = []
    for feature in np.unique(groups):
        own = np.flatnonzero(groups == feature)
        part = centred[:, own]
        scale = np.sqrt(weight @ part**2 / weight.sum())
        scale[scale == 0] = 1.0
        part = part / scale
        values, vectors = np.linalg.eigh((part * weight[:, None]).T @ part / weight.sum())
        kept = values > 1e-8 * max(values.max(initial=0.0), 1e-12)
        block = np.zeros((len(groups), int(kept.sum())))
        block[own] = vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]
        blocks.append(block)
    return np.hstack(blocks) if blocks else np.zeros((len(groups), 0))
