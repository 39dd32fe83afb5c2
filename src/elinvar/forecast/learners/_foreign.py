"""Any scikit-learn estimator as a learner."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elinvar.errors import DataError
from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.learners._basis import Basis, basis_of


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A clone of an estimator, on one-hot columns with means and indicators for missing values.

    Parameters
    ----------
    name : str
    estimator : estimator of scikit-learn
        A regressor; for classes a classifier with `predict_proba`.
    """

    name: str
    estimator: Any

    def fit(self, sample: Sample) -> "LearntForeign":
        """Learn from rows.

        Parameters
        ----------
        sample : Sample

        Raises
        ------
        DataError
            If a classifier has no `predict_proba`.
        """
        from sklearn.base import clone
        from sklearn.utils.validation import has_fit_parameter

        if sample.n_classes and not hasattr(self.estimator, "predict_proba"):
            raise DataError(
                f"The learner {self.name!r} must say how likely each class is, but has no "
                "predict_proba: take another classifier, or wrap it in CalibratedClassifierCV."
            )
        basis, design = basis_of(sample, n_knots=0)
        # how far it runs on is its own matter
        ends = np.full(len(basis.fill), np.inf)
        basis = replace(basis, low=-ends, high=ends)
        estimator = clone(self.estimator)
        weighs = has_fit_parameter(estimator, "sample_weight")
        options = {"sample_weight": sample.weight} if weighs else {}
        y = sample.y.astype(np.intp) if sample.n_classes else sample.y
        estimator.fit(design, y, **options)
        return LearntForeign(
            name=self.name, basis=basis, estimator=estimator, n_classes=sample.n_classes
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntForeign:
    """A fitted estimator.

    Attributes
    ----------
    name : str
    basis : Basis
    estimator : estimator of scikit-learn
    n_classes : int
    """

    name: str
    basis: Basis
    estimator: Any
    n_classes: int

    def predict(self, X: Floats) -> Floats:
        """Predict rows: numbers (n, 1), or probabilities (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        A = self.basis.expand(X)
        if not self.n_classes:
            return np.asarray(self.estimator.predict(A), dtype=np.float64).reshape(len(X), 1)
        # classes without rows in training have no column of their own
        found = np.zeros((len(X), self.n_classes))
        found[:, self.estimator.classes_] = self.estimator.predict_proba(A)
        return found

    def entries(self) -> dict[str, object]:
        """Refuse: a model file holds numbers alone.

        Raises
        ------
        DataError
            Always.
        """
        raise DataError(
            f"A model file cannot hold the learner {self.name!r}, an estimator that elinvar does "
            "not know: save the model with skops, or fit it without this learner."
        )
