"""Learnt predictors and their weights: what predicts, and what a model file holds."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats
from elinvar.forecast.learners import Learnt, read_learnt
from elinvar.forecast.mixture._margin import Margin


@dataclass(frozen=True, kw_only=True, eq=False)
class Blend:
    """A weighted mean of what was learnt.

    Attributes
    ----------
    names : tuple of str
        Learners.
    weights : (M,) array
        Not negative, with sum 1.
    learnt : tuple of Learnt or None
        From all rows; None for a learner without weight that a model file has not kept.
    sharpness : float
        Power of the mean probabilities of classes; 1 where the target is a number.
    margin : Margin or None
        Half-widths for rows of new environments; None for classes, and with one environment.
    """

    names: tuple[str, ...]
    weights: Floats
    learnt: tuple[Learnt | None, ...]
    sharpness: float = 1.0
    margin: Margin | None = None

    def predict(self, X: Floats) -> Floats:
        """Predict rows: numbers (n, 1), or probabilities (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        parts = [
            weight * learnt.predict(X)
            for weight, learnt in zip(self.weights, self.learnt, strict=True)
            if learnt is not None and weight > 0
        ]
        total: Floats = np.sum(parts, axis=0)
        return sharpened(total, self.sharpness)

    def each(self, X: Floats) -> Floats:
        """Predict rows with each learner that is there, in order, (n, M, k).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        return np.stack([learnt.predict(X) for learnt in self.learnt if learnt is not None], axis=1)

    def weighed(self, X: Floats) -> Floats:
        """Predict rows with each learner that has a weight, in order, (n, M, k).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        pairs = zip(self.learnt, self.weights, strict=True)
        kept = [learnt for learnt, weight in pairs if learnt is not None and weight > 0]
        return np.stack([learnt.predict(X) for learnt in kept], axis=1)

    def entries(self) -> dict[str, object]:
        """Return what a model file needs to predict the same; learners without weight are named.

        Raises
        ------
        DataError
            If a learner with weight is an estimator that a file cannot hold.
        """
        return {
            "names": list(self.names),
            "weights": self.weights.tolist(),
            "sharpness": self.sharpness,
            "learnt": [
                learnt.entries() if learnt is not None and weight > 0 else {}
                for weight, learnt in zip(self.weights, self.learnt, strict=True)
            ],
            "margin": None if self.margin is None else self.margin.entries(),
        }


def sharpened(mean: Floats, power: float) -> Floats:
    """Return probabilities raised to a power, with sum 1; a power of 1 leaves all as it is.

    Parameters
    ----------
    mean : (n, k) array
    power : float
    """
    if power == 1:
        return mean
    raised = mean**power
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def read_blend(entries: Reader, *, n_columns: int, n_classes: int) -> Blend:
    """Return what `Blend.entries` has written.

    Parameters
    ----------
    entries : mapping
        As JSON has read it.
    n_columns, n_classes : int
        Columns that rows to predict will have; classes, 0 for numbers.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    names = entries.texts("names")
    weights = entries.numbers("weights", length=len(names))
    fits = (weights >= 0).all() and abs(weights.sum() - 1) < 1e-6
    entries.must(fits, "weights", "numbers from 0 on with sum 1")
    power = entries.number("sharpness")
    entries.must(power > 0 and (n_classes or power == 1), "sharpness", "a power of probabilities")
    learnt = entries.records("learnt", length=len(names))
    margin = None
    if entries.take("margin") is not None:
        entries.must(n_classes == 0, "margin", "null for classes")
        margin = Margin.read(entries.inner("margin"), n_columns=n_columns)
    return Blend(
        names=names,
        weights=weights,
        sharpness=power,
        margin=margin,
        learnt=tuple(
            read_learnt(one, n_columns=n_columns, n_classes=n_classes) if weight > 0 else None
            for one, weight in zip(learnt, weights, strict=True)
        ),
    )
