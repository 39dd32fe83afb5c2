"""How effects of numbers may bend in a new place, apart from how steep they are there."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Mask, Places

# with more numbers than this their bends would outnumber all that else may differ
_MOST_BENT: Final = 12
_FEWEST_VALUES = 6
# as the curves of the forecast: flat beyond, with knots that cut the rows in three
_ENDS, _KNOTS = (0.02, 0.98), (1 / 3, 2 / 3)
PER_COLUMN: Final = len(_KNOTS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bends:
    r"""Two columns for each number, :math:`\max(\tilde x - t, 0) - s\, \tilde x`.

    :math:`\tilde x` is x within its 2% and 98% quantiles, t are its terciles, and the slope s makes
    the column uncorrelated with :math:`\tilde x`: what is learnt of it changes no average slope.

    Attributes
    ----------
    columns : (b,) array of int
        Columns of X that bend.
    ends, knots, slopes : (b, 2) array
    """

    columns: Places
    ends: Floats
    knots: Floats
    slopes: Floats

    @classmethod
    def of(cls, X: Floats, numbers: Mask) -> "Bends":
        """Learn ends, knots and slopes from rows.

        Parameters
        ----------
        X : (n, n_columns) array
            NaN where a value is missing.
        numbers : (n_columns,) array of bool
            Columns that are no levels of categories; of these, those with six values and more bend,
            and none if they are more than 12.
        """
        found = []
        for j in np.flatnonzero(numbers):
            values = X[np.isfinite(X[:, j]), j]
            if len(np.unique(values)) >= _FEWEST_VALUES:
                low, *knots, high = np.quantile(values, [_ENDS[0], *_KNOTS, _ENDS[1]])
                within = np.clip(values, low, high)
                centred = within - within.mean()
                power = centred @ centred
                hinges = np.maximum(within[:, None] - knots, 0.0)
                slopes = centred @ hinges / power if power > 0 else np.zeros(PER_COLUMN)
                found.append((j, (low, high), knots, slopes))
        if not found or len(found) > _MOST_BENT:
            return cls.none()
        columns, ends, at, slope = zip(*found, strict=True)
        return cls(
            columns=np.array(columns, dtype=np.intp),
            ends=np.array(ends),
            knots=np.array(at),
            slopes=np.array(slope),
        )

    @classmethod
    def none(cls) -> "Bends":
        """Return the bends of no column."""
        empty = np.zeros((0, PER_COLUMN))
        return cls(columns=np.zeros(0, dtype=np.intp), ends=empty, knots=empty, slopes=empty)

    def expand(self, X: Floats) -> Floats:
        """Return the columns of rows, (n, 2 b), NaN where a value is missing.

        Parameters
        ----------
        X : (n, n_columns) array
        """
        within = np.clip(X[:, self.columns], *self.ends.T)[:, :, None]
        bent = np.maximum(within - self.knots, 0.0) - self.slopes * within
        return np.asarray(bent.reshape(len(X), -1))

    def entries(self) -> dict[str, object]:
        """Return what a model file needs, as JSON can write it."""
        return {
            "columns": self.columns.tolist(),
            "ends": self.ends.tolist(),
            "knots": self.knots.tolist(),
            "slopes": self.slopes.tolist(),
        }


def read_bends(entries: Reader, *, n_columns: int) -> Bends:
    """Return what `Bends.entries` has written.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    columns = entries.wholes("columns")
    known = ((columns >= 0) & (columns < n_columns)).all() and (np.diff(columns) > 0).all()
    entries.must(known, "columns", "known columns, rising")
    ends, knots, slopes = (
        entries.array(key, (len(columns), PER_COLUMN)) for key in ("ends", "knots", "slopes")
    )
    rising = (ends[:, 0] <= ends[:, 1]).all() and (knots[:, 0] <= knots[:, 1]).all()
    entries.must(rising, "ends", "rising pairs, as the knots")
    return Bends(columns=columns, ends=ends, knots=knots, slopes=slopes)
