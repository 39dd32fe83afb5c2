"""What was learnt from some of the features, given all of them."""

from dataclasses import dataclass

from elinvar.forecast._sample import Floats, Mask
from elinvar.forecast.learners._learner import Learnt


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntPart:
    """A learnt predictor that looks at some columns.

    Attributes
    ----------
    columns : (n_columns,) array of bool
    learnt : Learnt
        From these columns.
    """

    columns: Mask
    learnt: Learnt

    def predict(self, X: Floats) -> Floats:
        """Predict rows: numbers (n, 1), or probabilities (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        return self.learnt.predict(X[:, self.columns])

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "part",
            "columns": self.columns.tolist(),
            "learnt": self.learnt.entries(),
        }
