"""What may differ from place to place: the level, the forecast's scale, learners, effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Mask, Places
from elinvar.forecast.adaptation._bends import PER_COLUMN, Bends, read_bends

LEVEL, FORECAST, LEARNER, NUMBER, CATEGORY, BEND = range(6)

WIDE: Final = 100
"""With more columns than this, effects of single features are not told apart in a new place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    r"""Columns a of the model :math:`r = a^\top b_e + \text{noise}` of left-out residuals.

    They are 1; the forecast; how far each learner is from it; the features; and their bends. All
    but the first are centred (learners apart) and scaled, so that one prior variance fits all of a
    kind.

    Attributes
    ----------
    names : tuple of str
        "level", "forecast", the learners, the columns of the features, those of them that bend.
    kinds : (q,) array of int
        LEVEL, FORECAST, LEARNER, NUMBER, CATEGORY or BEND.
    center, scale : (q,) array
    bends : Bends
    """

    names: tuple[str, ...]
    kinds: Places
    center: Floats
    scale: Floats
    bends: Bends

    @property
    def n_whole(self) -> int:
        """Terms of the forecast as a whole, which come first: not of single features."""
        return int((self.kinds <= LEARNER).sum())

    @classmethod
    def of(
        cls,
        X: Floats,
        forecast: Floats,
        learners: Floats,
        *,
        columns: Sequence[str],
        categorical: Mask,
        learner_names: Sequence[str],
        bending: bool = True,
    ) -> "Terms":
        """Learn centres and scales from rows.

        Parameters
        ----------
        X : (n, n_columns) array
            NaN where a value is missing.
        forecast : (n, m) array
            Forecast of each outcome, from a fit without the row's environment.
        learners : (n, M, m) array
            The same by each learner.
        columns, categorical : names of the columns of X, and which of them are of categories
        learner_names : sequence of str, of length M
        bending : bool
            Whether effects may bend otherwise in a new place.
        """
        bends = Bends.of(X, ~categorical) if bending else Bends.none()
        if len(columns) > WIDE:
            columns, categorical, bends = (), categorical[:0], Bends.none()
        bent = [
            f"{columns[j]}, bend {k + 1}" for j in bends.columns.tolist() for k in range(PER_COLUMN)
        ]
        names = ("level", "forecast", *learner_names, *columns, *bent)
        n_learners = len(learner_names)
        kinds = np.array(
            [
                LEVEL,
                FORECAST,
                *[LEARNER] * n_learners,
                *np.where(categorical, CATEGORY, NUMBER),
                *[BEND] * len(bent),
            ],
            dtype=np.intp,
        )
        zeros, ones = np.zeros(len(names)), np.ones(len(names))
        terms = cls(names=names, kinds=kinds, center=zeros, scale=ones, bends=bends)
        raw = terms.columns(X, forecast, learners, filled=False).reshape(-1, len(names))
        seen = np.isfinite(raw)
        count = np.maximum(seen.sum(axis=0), 1)
        center = np.where(seen, raw, 0.0).sum(axis=0) / count
        center[(kinds == LEVEL) | (kinds == LEARNER)] = 0.0
        scale = np.sqrt((np.where(seen, raw - center, 0.0) ** 2).sum(axis=0) / count)
        # a learner that hardly differs from the others must not be blown up
        apart = kinds == LEARNER
        scale[apart] = np.sqrt(np.mean(scale[apart] ** 2)) if n_learners else 1.0
        scale[scale <= 1e-9 * np.maximum(np.abs(center), 1e-30)] = 1.0
        return cls(names=names, kinds=kinds, center=center, scale=scale, bends=bends)

    def columns(
        self, X: Floats, forecast: Floats, learners: Floats, *, filled: bool = True
    ) -> Floats:
        """Return the terms of rows for each outcome, (n, m, q).

        Parameters
        ----------
        X : (n, n_columns) array
        forecast : (n, m) array
        learners : (n, M, m) array
        filled : bool
            Whether missing values become the average, 0.
        """
        n, m = forecast.shape
        wide = int(np.isin(self.kinds, (NUMBER, CATEGORY)).sum())
        features = np.hstack([X[:, :wide], self.bends.expand(X)])
        raw = np.concatenate(
            [
                np.ones((n, m, 1)),
                forecast[:, :, None],
                (learners - forecast[:, None, :]).swapaxes(1, 2),
                np.broadcast_to(features[:, None], (n, m, features.shape[1])),
            ],
            axis=2,
        )
        standard: Floats = (raw - self.center) / self.scale
        return np.nan_to_num(standard, nan=0.0, posinf=0.0, neginf=0.0) if filled else standard

    def entries(self) -> dict[str, object]:
        """Return what a model file needs, as JSON can write it."""
        return {
            "names": list(self.names),
            "kinds": self.kinds.tolist(),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "bends": self.bends.entries(),
        }


def kinds_of_difference(kinds: Places) -> list[Mask]:
    """Return the terms of each kind of difference but "nothing", growing.

    The level; also the forecast's scale and the learners; also the features; also their bends. A
    kind that adds no term is left out.

    Parameters
    ----------
    kinds : (q,) array of int
    """
    nested = [kinds <= last for last in (LEVEL, LEARNER, CATEGORY, BEND)]
    sizes = [int(inside.sum()) for inside in nested]
    return [inside for k, inside in enumerate(nested) if sizes[k] not in sizes[:k]]


def read_terms(entries: Reader, *, n_learners: int, n_columns: int) -> Terms:
    """Return what `Terms.entries` has written.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    names = entries.texts("names")
    kinds = entries.wholes("kinds", length=len(names))
    wide = n_columns if n_columns <= WIDE else 0
    bends = Bends.none()
    if "bends" in entries.values:  # files of before know none
        bends = read_bends(entries.inner("bends"), n_columns=wide)
    n_bent = PER_COLUMN * len(bends.columns)
    fits = len(names) == 2 + n_learners + wide + n_bent
    ranks = np.where(kinds == CATEGORY, NUMBER, kinds)
    wanted = [LEVEL, FORECAST, *[LEARNER] * n_learners, *[NUMBER] * wide, *[BEND] * n_bent]
    entries.must(fits and ranks.tolist() == wanted, "kinds", "those of the terms")
    scale = entries.numbers("scale", length=len(names))
    entries.must((scale > 0).all(), "scale", "positive numbers")
    center = entries.numbers("center", length=len(names))
    return Terms(names=names, kinds=kinds, center=center, scale=scale, bends=bends)
