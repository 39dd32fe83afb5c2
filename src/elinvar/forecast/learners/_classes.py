"""Classes that have rows are learnt; the others are unlikely, and none is impossible."""

from dataclasses import dataclass, replace

import numpy as np

from elinvar.forecast._sample import Floats, Places, Sample
from elinvar.forecast.learners._learner import Learner, Learnt, fit_once


def learn(learner: Learner, sample: Sample) -> Learnt:
    """Return what a learner makes of rows, whichever classes are among them.

    Without some environments a class may have no rows, or all rows one class.

    Parameters
    ----------
    learner : Learner
    sample : Sample
    """
    if not sample.n_classes:
        return fit_once(learner, sample)
    present, y = np.unique(sample.y, return_inverse=True)
    learnt = None
    if len(present) == sample.n_classes:
        learnt = fit_once(learner, sample)
    elif len(present) > 1:
        few = replace(sample, y=y.astype(np.float64), n_classes=len(present), learnt={})
        learnt = learner.fit(few)
    return LearntClasses(
        learnt=learnt,
        present=present.astype(np.intp),
        n_classes=sample.n_classes,
        n_rows=sample.n_rows,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntClasses:
    r"""A learner's probabilities with one row of each class added, after Laplace.

    .. math:: p_c(x) = \frac{n\, \hat p_c(x) + 1}{n + K}.

    Attributes
    ----------
    learnt : Learnt or None
        Of the classes that had rows; None: there was one.
    present : (n_present,) array of int
        These classes.
    n_classes : int
    n_rows : int
        Rows learnt from, n.
    """

    learnt: Learnt | None
    present: Places
    n_classes: int
    n_rows: int

    def predict(self, X: Floats) -> Floats:
        """Predict rows: the probability of each class, (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        found = np.zeros((len(X), self.n_classes))
        found[:, self.present] = 1.0 if self.learnt is None else self.learnt.predict(X)
        return (self.n_rows * found + 1) / (self.n_rows + self.n_classes)

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "classes",
            "learnt": {} if self.learnt is None else self.learnt.entries(),
            "present": self.present.tolist(),
            "n_rows": self.n_rows,
        }
