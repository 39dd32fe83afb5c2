"""One learner on what another leaves."""

from dataclasses import dataclass

import numpy as np

from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.learners._boosting import Boosting, LearntTrees, probabilities
from elinvar.forecast.learners._learner import Learner, Learnt, fit_once


@dataclass(frozen=True, kw_only=True)
class OnResiduals:
    """Boosted trees on the residuals of a smoother learner; for classes, from its log-odds on.

    Parameters
    ----------
    name : str
    base : Learner
    trees : Boosting
    """

    name: str
    base: Learner
    trees: Boosting

    def fit(self, sample: Sample) -> "LearntOnResiduals":
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
        """
        base = fit_once(self.base, sample)
        predicted = base.predict(sample.X)
        if sample.n_classes:
            trees = self.trees.fit(sample, start=log_odds(predicted))
        else:
            # the same rows and columns, so the same bins
            residual = sample.aimed_at(sample.y - predicted[:, 0])
            trees = self.trees.fit(residual)
        return LearntOnResiduals(base=base, trees=trees)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntOnResiduals:
    """A base, and the trees that correct it.

    Attributes
    ----------
    base : Learnt
    trees : LearntTrees
    """

    base: Learnt
    trees: LearntTrees

    def predict(self, X: Floats) -> Floats:
        """Predict rows: numbers (n, 1), or probabilities (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        base, raw = self.base.predict(X), self.trees.raw(X)
        return probabilities(log_odds(base) + raw) if self.trees.n_classes else base + raw

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "residuals",
            "base": self.base.entries(),
            "trees": self.trees.entries(),
        }


def log_odds(probability: Floats) -> Floats:
    """Return what `probabilities` takes back: (n, 1) for two classes, else (n, n_classes).

    Parameters
    ----------
    probability : (n, n_classes) array
    """
    logs = np.log(np.clip(probability, 1e-9, None))
    return logs[:, [1]] - logs[:, [0]] if probability.shape[1] == 2 else logs
