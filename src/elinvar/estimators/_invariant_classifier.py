"""Classes: which effects on the log odds hold in all environments, and what predicts best."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar.estimators._environment_classifier import EnvironmentClassifier, check_classes
from elinvar.estimators._invariant_classifier_tables import ClassifierTables
from elinvar.estimators._invariant_classifier_words import explain, notes_on, summary_of
from elinvar.estimators._invariant_regressor import _labels, _mask
from elinvar.inference import SelectionRule, Status, nothing_moved
from elinvar.inference import standing as standing_of
from elinvar.inference.losses._logistic_learn import (
    LogisticModel,
    LogisticTask,
    learn_classes,
    softmax,
)

Floats = NDArray[np.float64]


class InvariantClassifier(ClassifierTables, EnvironmentClassifier):
    r"""Logistic regression on the effects that hold in every environment.

    `InvariantRegressor` for classes, two or more: it tests candidate supports for the same
    coefficients of the log odds everywhere, keeps the accepted one that would be least hurt by
    environments more different still, and fits it by maximum likelihood. Where invariance is
    rejected it says so, and the pooled model answers. It needs rows: moments do not determine a
    likelihood.

    Parameters
    ----------
    predictor : {"auto", "invariant", "pooled"}
        What predicts. "auto": the accepted model, or what ``notes_`` explains instead.
    calibrate : bool
        Correct log odds by one slope and a shift for each class, so that probabilities are right
        on environments left out.
    features_always : list of str or int, optional
        Features, by name or position, that always stay in the model.
    exclude_environments : list of labels, optional
        Environments to leave out of the fit.
    level : float in (0, 1), optional
        Level of the overidentification test. None: 1 / N with N the number of rows.
    min_t : float, at least 0
        Smallest root of the likelihood ratio, in standard errors, of an effect that stays in an
        invariant support.
    kappa : float, at least 0
        How many times more different, in variance, new environments may be than those seen.
    tolerance : float, at least 0
        Upper limit of the test's noncentrality a row (twice the log loss that environments' own
        coefficients would spare) for a rejected model to count as approximately invariant.
    effect_tolerance : float, at least 0
        As in `InvariantRegressor`.
    exact_up_to : int, at least 0
        All supports are compared, in quadratic pictures of the loss, up to this many features.
    random_state : int
        Seed of the search's random starts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shape (1 or n_classes, n_columns), (1 or n_classes,)
        What predicts, before calibration: log odds of the second of two classes; with more, of
        each class up to a term that all share, rows summing to zero.
    invariant_coef_, invariant_intercept_, pooled_coef_, pooled_intercept_ : ndarray
        Of the selected support, and of all features.
    calibration_ : float
        Slope of the calibrated log odds; below 1 where fits to other environments were too sure.
    selected_ : boolean ndarray of shape (n_features,)
        The invariant support; the best candidate even when rejected.
    status_ : {"accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"}
        As in `InvariantRegressor`.
    predictor_ : {"invariant", "pooled", "subspace"}
        What predicts; "subspace": combinations of columns, of two classes, that hold in all
        environments where no set of columns explains much.
    p_value_ : float
        Of the overidentification test of the selected support; 1 with a single environment.
    disagreement_ : float
        Upper 95% limit of the test's noncentrality, a row.
    evidence_ : DataFrame
        A row a feature, with the columns of `InvariantRegressor`; effects are on the log odds.
    effects_ : DataFrame
        A row a feature and environment: effect with interval.
    errors_ : DataFrame
        Log losses and shares of errors on environments left out of the choice.
    notes_ : tuple of str
        What the user should know, in sentences.
    environments_, excluded_environments_ : tuple of str
    schema_ : Schema
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    For a support of k coefficients with maximum likelihood estimates :math:`w_e` of each
    environment and w of all rows, the test is that of the likelihood ratio,

    .. math:: Q = 2 \sum_e [\ell_e(w_e) - \ell_e(w)]
              \approx \sum_e (w_e - w)^\top P_e (w_e - w) \sim \chi^2_f, \qquad f = (E - 1) k,

    with :math:`P_e` the Fisher information. The noise of a class is that of its probability, so
    there is no variance to estimate. Among accepted supports it takes the one with the lowest
    :math:`\max_e R_{(-e)} + \kappa (Q - f)_+ / (2N)`, R being the mean log loss on environment e of
    the fit to the others.

    *Separated classes.* Where a support makes no mistake in an environment, the likelihood rises
    without bound and tells nothing of the size of coefficients. A ridge of 1e-4 keeps them finite,
    and if that environment has ten rows of each class for every coefficient, coefficients are
    compared as normal discriminants instead, which takes features as normal within classes;
    ``notes_`` says so.

    Not in this class: own intercepts, environment weights, model files. A pickled model keeps its
    tables, not the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar import InvariantClassifier
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south", "west"], 1000)
    >>> cause = rng.normal(size=3000) * np.repeat([1.0, 2.0, 1.5], 1000)
    >>> ill = rng.random(3000) < 1 / (1 + np.exp(-2 * cause))
    >>> sign = np.repeat([0.5, 1.0, 3.0], 1000) * ill + rng.normal(size=3000)
    >>> X, y = np.column_stack([cause, sign]), np.where(ill, "ill", "well")
    >>> model = InvariantClassifier().fit(X, y, environments=place)
    >>> model.status_, model.selected_, model.classes_
    ('accepted', array([ True, False]), array(['ill', 'well'], dtype='<U4'))
    """

    status_: Status
    notes_: tuple[str, ...]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "predictor": [StrOptions({"auto", "invariant", "pooled"})],
        "calibrate": ["boolean"],
        "features_always": [None, "array-like"],
        "exclude_environments": [None, "array-like"],
        "level": [None, Interval(Real, 0, 1, closed="neither")],
        "min_t": [Interval(Real, 0, 30, closed="both")],
        "kappa": [Interval(Real, 0, None, closed="left")],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "effect_tolerance": [Interval(Real, 0, None, closed="left")],
        "exact_up_to": [Interval(Integral, 0, 20, closed="both")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        predictor: Literal["auto", "invariant", "pooled"] = "auto",
        calibrate: bool = True,
        features_always: Sequence[str | int] | None = None,
        exclude_environments: Sequence[Any] | None = None,
        level: float | None = None,
        min_t: float = 4.5,
        kappa: float = 10.0,
        tolerance: float = 0.01,
        effect_tolerance: float = 0.25,
        exact_up_to: int = 14,
        random_state: int = 0,
    ) -> None:
        self.predictor = predictor
        self.calibrate = calibrate
        self.features_always = features_always
        self.exclude_environments = exclude_environments
        self.level = level
        self.min_t = min_t
        self.kappa = kappa
        self.tolerance = tolerance
        self.effect_tolerance = effect_tolerance
        self.exact_up_to = exact_up_to
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Find what holds in all environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features; text columns of a frame are categorical.
        y : array-like of shape (n,)
            Classes: numbers, text or truth values, two at least.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None, or a single label: the pooled model.
        sample_weight : array-like of shape (n,), optional
            Frequency weights: weight 2 counts a row twice.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used.
        """
        self._validate_params()
        self._forget()
        rows = self._rows_of(X, y, environments, sample_weight)
        self.excluded_environments_ = tuple(_labels(self.exclude_environments))
        if self.excluded_environments_:
            rows = rows.exclude(self.excluded_environments_)
        check_classes(rows, self.classes_)
        self.environments_, self._rows = rows.names, rows
        found = learn_classes(rows, self._task())
        self._learned = found
        self.predictor_ = found.predictor
        support = None if found.selection is None else found.selection.support
        self.p_value_ = 1.0 if support is None else support.p_value
        self.disagreement_ = 0.0 if support is None else support.limit / found.problem.count.sum()
        differ = len(rows.names) > 1 and not nothing_moved(found.problem.linear)
        self.status_ = standing_of(found.status, self.p_value_, differ=differ)
        self.selected_ = np.zeros(self.n_features_in_, dtype=bool)
        self.selected_[found.problem.linear.features[found.gates]] = True
        self._used = found.used
        self.calibration_ = found.used.slope
        self.coef_, self.intercept_ = _shown(found.used)
        self.invariant_coef_, self.invariant_intercept_ = _shown(found.invariant)
        self.pooled_coef_, self.pooled_intercept_ = _shown(found.pooled)
        self.notes_ = notes_on(self, found)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n,)
            The likeliest class of each row.
        """
        odds = self._log_odds(X)
        labels: NDArray[Any] = self.classes_[
            np.column_stack([np.zeros(len(odds)), odds]).argmax(axis=1)
        ]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Predict probabilities, calibrated on environments left out.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._log_odds(X))

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Predict logarithms of probabilities.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(self.predict_proba(X))
        return logs

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return calibrated log odds.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            Of the second of two classes; with more, of each, rows summing to zero.
        """
        odds = self._log_odds(X)
        return odds[:, 0] if len(self.classes_) == 2 else _centred(odds.T).T

    def summary(self) -> str:
        """Return the answer in a few lines of plain text."""
        check_is_fitted(self, "coef_")
        return summary_of(self)

    def explain(self) -> str:
        """Return one paragraph for a reader who is no statistician: what was found, what to do."""
        check_is_fitted(self, "coef_")
        return explain(self)

    def _log_odds(self, X: ArrayLike) -> Floats:
        check_is_fitted(self, "coef_")
        return self._used.log_odds(self._encode(X))

    def _task(self) -> LogisticTask:
        return LogisticTask(
            n_classes=len(self.classes_),
            predictor=self.predictor,
            calibrate=bool(self.calibrate),
            always=_mask(self.features_always, self.schema_.features),
            min_t=self.min_t,
            rule=SelectionRule(
                level=self.level,
                kappa=self.kappa,
                tolerance=self.tolerance,
                exact_up_to=self.exact_up_to,
                seed=self.random_state,
            ),
        )


def _shown(model: LogisticModel) -> tuple[Floats, Floats]:
    """Coefficients as scikit-learn shows them: one row for two classes, else one a class."""
    if len(model.coef) == 1:
        return model.coef, model.intercept
    return _centred(model.coef), _centred(model.intercept)


def _centred(values: Floats) -> Floats:
    """Put the reference class in front of ``values`` (m, ...), and make the first axis sum to 0."""
    full = np.concatenate([np.zeros_like(values[:1]), values])
    centred: Floats = full - full.mean(axis=0)
    return centred
