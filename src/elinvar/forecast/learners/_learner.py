"""What every learner does: rows in, predictions out."""

from typing import Protocol

from elinvar.forecast._sample import Floats, Sample


class Learnt(Protocol):
    """What a learner made of rows."""

    def predict(self, X: Floats) -> Floats:
        """Predict rows.

        Parameters
        ----------
        X : (n, n_columns) array
            Columns of the sample it learnt from; NaN where a value is missing.

        Returns
        -------
        (n, k) array
            k = 1: the target; k = n_classes: the probability of each class.
        """

    def entries(self) -> dict[str, object]:
        """Return what a model file needs to predict the same, as JSON can write it."""


class Learner(Protocol):
    """A way to learn from rows, with its settings."""

    def __hash__(self) -> int:
        """Tell learners of other settings apart."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    def fit(self, sample: Sample) -> Learnt:
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
        """


def fit_once(learner: Learner, sample: Sample) -> Learnt:
    """Return what a learner makes of a sample; learners that build on it do not learn it again.

    Parameters
    ----------
    learner : Learner
    sample : Sample
    """
    if learner not in sample.learnt:
        sample.learnt[learner] = learner.fit(sample)
    learnt: Learnt = sample.learnt[learner]
    return learnt
