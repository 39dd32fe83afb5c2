"""How far rows of a new environment may be from their predictions, each row by what it is like."""

from dataclasses import dataclass, replace

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast._spread import LEVELS, Spread
from elinvar.forecast.learners import Boosting, Learnt, read_learnt

# small trees, few of them: sizes of residuals are noisy, and these are judged on their own rows
_SIZES = Boosting(name="size of residuals", n_trees=60, n_leaves=4, learning_rate=0.05, min_rows=30)
# no row is expected to be nearer than this share of the average distance
_NEAREST = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Margin:
    r"""Half-widths of intervals, wide for rows that are hard to predict.

    With :math:`r_i` the residual of row i where its environment was left out and s(x) a small
    booster's prediction of :math:`|r|`, relative to its mean, the half-width at x is
    :math:`h\, s(x)`, h the margin of the relative residuals :math:`r_i / s(x_i)` over environments
    (`Spread`).

    Attributes
    ----------
    sizes : Learnt
        Predicts the size of a residual over the mean size.
    spread : Spread
        Of relative residuals.

    References
    ----------
    Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), "Distribution-free predictive inference
    for regression", JASA 113, for locally weighted conformal intervals; here environments are the
    unit.
    """

    sizes: Learnt
    spread: Spread

    @classmethod
    def of(cls, sample: Sample, left_out: Floats) -> "Margin":
        """Return the margin about predictions of environments that were left out.

        Parameters
        ----------
        sample : Sample
            Of numbers.
        left_out : (n,) array
        """
        residuals = sample.y - left_out
        mean = float(np.average(np.abs(residuals), weights=sample.weight))
        sizes = _SIZES.fit(sample.aimed_at(np.abs(residuals) / max(mean, 1e-300)))
        relative = residuals / _at_least(sizes.predict(sample.X))
        # environments without rows say nothing
        codes = np.unique(sample.codes, return_inverse=True)[1].astype(np.intp)
        compact = replace(sample.aimed_at(relative), codes=codes)
        return cls(sizes=sizes, spread=Spread.of(compact, np.zeros(sample.n_rows)))

    def half_widths(self, X: Floats, coverage: float = 0.9) -> Floats:
        """Return half-widths that hold ``coverage`` of rows in ``coverage`` of new environments.

        Parameters
        ----------
        X : (n, n_columns) array
        coverage : float in [0.5, 0.99]

        Returns
        -------
        (n,) array
            In units of the target; NaN if there are too few environments.

        Raises
        ------
        DataError
            If ``coverage`` is out of range.
        """
        return self.spread.margin(coverage) * _at_least(self.sizes.predict(X))

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {"sizes": self.sizes.entries(), "half_widths": self.spread.half_widths.tolist()}

    @classmethod
    def read(cls, entries: Reader, *, n_columns: int) -> "Margin":
        """Return what `entries` has written.

        Parameters
        ----------
        entries : mapping
            As JSON has read it.
        n_columns : int
            Columns that rows to predict will have.

        Raises
        ------
        ModelFileError
            If an entry is missing or not what it must be.
        """
        rows = entries.take("half_widths")
        entries.must(isinstance(rows, list), "half_widths", "a list")
        widths = entries.array("half_widths", (len(rows), len(LEVELS)))
        rising = (widths >= 0).all() and (np.diff(widths, axis=1) >= 0).all()
        entries.must(rising, "half_widths", "rising numbers from 0 on")
        sizes = read_learnt(entries.inner("sizes"), n_columns=n_columns, n_classes=0)
        return cls(sizes=sizes, spread=Spread(widths))


def _at_least(sizes: Floats) -> Floats:
    return np.maximum(sizes[:, 0], _NEAREST)
