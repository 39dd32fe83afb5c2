"""Log-odds of classes as a sum of one line, or one curve, a feature."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.learners._basis import Basis, basis_of, whitening
from elinvar.forecast.learners._boosting import probabilities

# a Newton step solves for all coefficients of all classes at once; with more of them than this
# many cheap steps are faster
_MANY_COEFFICIENTS = 600


@dataclass(frozen=True, kw_only=True)
class Logistic:
    r"""Multinomial logistic regression on a basis, penalised.

    .. math:: \min_{b, g}\; -\sum_i w_i \log p_{y_i}(x_i) + \tfrac12 \lambda \sum |\gamma|^2,
        \qquad p_c(x) \propto \exp\{b_c + \sum_j g_{cj}(x_j)\},

    with g a line, or a line that bends at knots and is flat beyond the 2% and 98% quantiles; the
    basis of each feature is whitened, γ are its coefficients, and λ is 1, or ``ridge`` times the
    rows if that is more: classes that can be separated have finite log-odds.

    Parameters
    ----------
    name : str
    n_knots : int
        Bends of each curve; 0: lines.
    ridge : float
        Penalty a row.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning" (2009), 4.4, 5.2.
    """

    name: str = "logistic"
    n_knots: int = 0
    ridge: float = 0.0

    def fit(self, sample: Sample) -> "LearntLogistic":
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
            With two classes at least, each with rows.
        """
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        basis, design = basis_of(sample, n_knots=self.n_knots)
        weight = sample.weight / sample.weight.mean()
        centre = weight @ design / weight.sum()
        white = whitening(design - centre, weight, sample.columns.groups[basis.columns])
        if white.shape[1] == 0:  # nothing varies: a direction of zeros leaves the level alone
            white = np.zeros((len(white), 1))
        many = white.shape[1] * (sample.n_classes - 1) > _MANY_COEFFICIENTS
        model = LogisticRegression(
            C=1 / max(1.0, self.ridge * sample.n_rows),
            solver="lbfgs" if many else "newton-cholesky",
            tol=1e-6,
            max_iter=200,
        )
        with warnings.catch_warnings():
            # what is left to gain after so many steps changes no forecast
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit((design - centre) @ white, sample.y, sample_weight=weight)
        coef = white @ model.coef_.T
        return LearntLogistic(basis=basis, coef=coef, intercept=model.intercept_ - centre @ coef)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntLogistic:
    """Coefficients of the columns of a basis.

    Attributes
    ----------
    basis : Basis
    coef : (n_basis, n_outputs) array
        One output for two classes: the log-odds of the second.
    intercept : (n_outputs,) array
    """

    basis: Basis
    coef: Floats
    intercept: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict rows: the probability of each class, (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        return probabilities(self.intercept + self.basis.expand(X) @ self.coef)

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "logistic",
            "basis": self.basis.entries(),
            "coef": self.coef.tolist(),
            "intercept": self.intercept.tolist(),
        }

    @classmethod
    def read(cls, entries: Reader) -> "LearntLogistic":
        """Return what `entries` has written.

        Raises
        ------
        ModelFileError
            If it is damaged.
        """
        basis = Basis.read(entries.inner("basis"))
        intercept = entries.numbers("intercept")
        return cls(
            basis=basis,
            coef=entries.array("coef", (len(basis.columns), len(intercept))),
            intercept=intercept,
        )
