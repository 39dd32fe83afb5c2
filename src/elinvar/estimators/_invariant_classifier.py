"""Classes: which effects on the log odds hold in all environments, and what predicts best."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from elinvar._base._reader import Reader
from elinvar.answer import Answer, FittedModel
from elinvar.answer.codec import read_labels
from elinvar.environments import Environments, check_same_order
from elinvar.estimators._environment_classifier import EnvironmentClassifier, check_classes
from elinvar.estimators._environment_estimator import warn_if_single
from elinvar.estimators._invariant_estimator import InvariantEstimator, check_clusters
from elinvar.inference import softmax

Floats = NDArray[np.float64]


class InvariantClassifier(InvariantEstimator, EnvironmentClassifier):
    r"""Logistic regression on the effects that hold in every environment.

    `InvariantRegressor` for classes, two or more: it tests candidate supports for the same
    coefficients of the log odds everywhere, keeps the accepted one that would be least hurt by
    environments more different still, and fits it by maximum likelihood. What predicts is another
    question: the model that is best on environments left out. It needs rows: moments do not
    determine a likelihood.

    Parameters
    ----------
    intercept : {"shared", "environment"}
        One intercept a class, which must be invariant too, or one for each environment and class
        (only slopes of the log odds must be invariant: shares of classes may shift by themselves).
    predictor : {"auto", "invariant", "pooled"}
        What predicts. "auto": the accepted model, or what ``notes_`` explains instead.
    calibrate : bool
        Shrink the model of all features as environments left out ask for, and move log odds
        towards those at the centre of the columns where fits to other environments were too sure,
        as far as four environments or more agree on it. Errors of environments left out
        (``errors_``) are of models without the latter. False: maximum likelihood.
    features_always : list of str or int, optional
        Features, by name or position, that always stay in the model.
    environment_weights : {"size", "equal"}, array-like of shape (E,) or mapping
        What each environment counts for in the pooled model and in averages, as in
        `InvariantRegressor`; the likelihood of the invariant model counts rows.
    robust : bool
        Whether covariances of tests, effects and intervals come from the rows (a sandwich, HC2), so
        that log odds need not be quite right. Where ``fit`` is given clusters they do anyway (CR2).
    exclude_environments : list of labels, optional
        Environments to leave out of the fit.
    level : float in (0, 1), optional
        Level of the overidentification test. None: 1 / N with N the number of rows.
    t_threshold : float, at least 0
        Smallest root of the likelihood ratio, in standard errors, of an effect that stays in an
        invariant support.
    kappa : float, at least 0
        How many times more different, in variance, new environments may be than those seen.
    tolerance : float, at least 0
        Upper limit of the test's noncentrality a row (twice the log loss that environments' own
        coefficients would spare) for a rejected model to count as nearly invariant.
    effect_tolerance : float, at least 0
        As in `InvariantRegressor`.
    smallest_effect : float, at least 0
        Smallest effect of interest, per standard deviation of the feature: in standard deviations
        of the standard logistic law, 1.81 of log odds, so that 0.1 is an odds ratio of 1.2.
    exact_up_to : int, at least 0
        All supports are compared, in quadratic pictures of the loss, up to this many features.
    strengths : array-like of shape (L,), optional
        Strengths of the heterogeneity penalty on the path, increasing. None: 40 from 0 to 1000.
    random_state : int
        Seed of the search's random starts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shape (1 or n_classes, n_columns), (1 or n_classes,)
        What predicts, before calibration: log odds of the second of two classes; with more, of
        each class up to a term that all share, rows summing to zero.
    environment_intercepts_ : dict of str to ndarray of shape (1 or n_classes,), or None
        Each environment's own intercepts, where the model in use has them; they suit its rows,
        given the calibrated slopes.
    invariant_coef_, invariant_intercept_, pooled_coef_, pooled_intercept_ : ndarray
        Of the selected support, and of all features.
    calibration_ : float
        Slope of the calibrated log odds; below 1 where fits to other environments were too sure.
    answer_ : Answer
        What was found, as one object; the attributes below are views of it.
    selected_ : boolean ndarray of shape (n_features,)
        The invariant support; the best candidate even when rejected.
    status_ : {"accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"}
        As in `InvariantRegressor`.
    predictor_ : {"pooled", "random_intercept", "invariant", "nearly_invariant", "subspace"}
        What ``predict`` uses, as in `InvariantRegressor`; "subspace" for two classes only.
    p_value_ : float
        Of the overidentification test of the selected support; 1 with a single environment.
    disagreement_ : float
        Upper 95% limit of the test's noncentrality, a row.
    evidence_, all_features_, effects_, tests_, residuals_, errors_, left_out_ : DataFrame
        As in `InvariantRegressor`: effects are on the log odds, errors are log losses and shares of
        wrong classes, residuals are class less probability.
    path_ : InvariancePath
        In the quadratic picture of the loss about the pooled fit; with more than two classes the
        largest difference between two.
    forecast_ : Forecast
        ``limit``: the mean log loss that is not exceeded in most new environments.
    odd_environment_, diagnosis_
        As in `InvariantRegressor`.
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

    with :math:`P_e` the Fisher information. It is the sum of two, of slopes with intercepts of
    their own, and of one intercept given common slopes, which are tested by themselves, too. The
    noise of a class is that of its probability, so there is no variance to estimate. Among accepted
    supports it takes the one with the lowest
    :math:`\max_e R_{(-e)} + \kappa (Q - f)_+ / (2N)`, R being the mean log loss on environment e of
    the fit to the others.

    *Separated classes.* Where a support makes no mistake in an environment, the likelihood rises
    without bound and tells nothing of the size of coefficients. A ridge of 1e-4 keeps them finite,
    and if that environment has ten rows of each class for every coefficient, coefficients are
    compared as normal discriminants instead, which takes features as normal within classes;
    ``notes_`` says so.

    *Own intercepts.* The slopes' likelihood ratio is that of the profile likelihood, each
    environment's intercepts free on both sides, with :math:`f = (E - 1) k m` for k columns and m
    classes but the reference; a left-out environment judges slopes with its own intercepts, and is
    predicted with the average ones.

    A pickled model keeps its tables, not the rows.

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

    invariant_coef_: Floats
    invariant_intercept_: Floats
    pooled_coef_: Floats
    pooled_intercept_: Floats
    environment_intercepts_: dict[str, Floats] | None
    calibration_: float

    __metadata_request__predict: ClassVar[dict[str, bool]] = {"environments": True}
    __metadata_request__predict_proba: ClassVar[dict[str, bool]] = {"environments": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"environments": True}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **InvariantEstimator._parameter_constraints,
        "calibrate": ["boolean"],
    }

    def __init__(
        self,
        *,
        intercept: Literal["shared", "environment"] = "shared",
        predictor: Literal["auto", "invariant", "pooled"] = "auto",
        calibrate: bool = True,
        features_always: Sequence[str | int] | None = None,
        environment_weights: str | ArrayLike | Mapping[str, float] = "size",
        robust: bool = False,
        exclude_environments: Sequence[Any] | None = None,
        level: float | None = None,
        t_threshold: float = 4.5,
        kappa: float = 10.0,
        tolerance: float = 0.01,
        effect_tolerance: float = 0.25,
        smallest_effect: float = 0.1,
        exact_up_to: int = 14,
        strengths: ArrayLike | None = None,
        random_state: int = 0,
    ) -> None:
        self.intercept = intercept
        self.predictor = predictor
        self.calibrate = calibrate
        self.features_always = features_always
        self.environment_weights = environment_weights
        self.robust = robust
        self.exclude_environments = exclude_environments
        self.level = level
        self.t_threshold = t_threshold
        self.kappa = kappa
        self.tolerance = tolerance
        self.effect_tolerance = effect_tolerance
        self.smallest_effect = smallest_effect
        self.exact_up_to = exact_up_to
        self.strengths = strengths
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
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
            Whole numbers are frequency weights: weight 2 counts a row twice. Others are sampling
            weights (a survey's, or such that sum to 1): only their ratios within an environment
            matter, and ``notes_`` says how many rows they are worth (Kish). For what an
            environment counts there is ``environment_weights``.
        cluster : array-like of shape (n,), optional
            Who or what each row belongs to (a person, a firm, a school), where rows of one are not
            independent; a cluster may have rows in several environments, as in panels.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used.
        """
        self._validate_params()
        warn_if_single(environments)
        return self._learn(self._rows_of(X, y, environments, sample_weight, cluster))

    def fit_rows(self, rows: Environments) -> Self:
        """Find what holds in all environments, from rows whose target names classes.

        Parameters
        ----------
        rows : Environments
            From `elinvar.environments.read_classes`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        self._validate_params()
        self._take_classes(rows)
        return self._learn(rows)

    def _learn(self, rows: Environments) -> Self:
        excluded = self._excluded()
        rows = rows.exclude(excluded) if excluded else rows
        check_classes(rows, self.classes_)
        outcomes = tuple(str(label) for label in self.classes_)
        check_clusters(rows)
        answer = self._answer_to(
            rows,
            rows=rows if self.robust or rows.cluster is not None else None,
            outcomes=outcomes,
            calibrate=bool(self.calibrate),
        )
        self._take(answer)
        return self

    def predict(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercepts are used where the
            model has them; any other label gets the average ones, with a warning where it is
            nearly that of a known one.

        Returns
        -------
        ndarray of shape (n,)
            The likeliest class of each row.
        """
        odds = self._log_odds(X, environments)
        # class 0 is the reference, with log odds 0
        labels: NDArray[Any] = self.classes_[
            np.column_stack([np.zeros(len(odds)), odds]).argmax(axis=1)
        ]
        return labels

    def predict_proba(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> Floats:
        """Predict probabilities, calibrated on environments left out.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercepts are used where the
            model has them; any other label gets the average ones, with a warning where it is
            nearly that of a known one.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._log_odds(X, environments))

    def predict_log_proba(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> Floats:
        """Predict logarithms of probabilities.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercepts are used where the
            model has them; any other label gets the average ones, with a warning where it is
            nearly that of a known one.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(self.predict_proba(X, environments=environments))
        return logs

    def decision_function(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> Floats:
        """Return calibrated log odds.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        environments : array-like of shape (n,), optional
            The environment of each row. A known environment's own intercepts are used where the
            model has them; any other label gets the average ones, with a warning where it is
            nearly that of a known one.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            Of the second of two classes; with more, of each, rows summing to zero.
        """
        odds = self._log_odds(X, environments)
        return odds[:, 0] if len(self.classes_) == 2 else _centred(odds.T).T

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        environments: ArrayLike | None = None,
    ) -> float:
        """Return the share of rows whose class is predicted.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.
        y : array-like of shape (n,)
            Their true classes.
        sample_weight : array-like of shape (n,), optional
            Weight of each row.
        environments : array-like of shape (n,), optional
            The environment of each row, as for `predict`.

        Returns
        -------
        float
            Accuracy, at most 1.
        """
        from sklearn.metrics import accuracy_score

        check_same_order(X=X, y=y, sample_weight=sample_weight)

        predicted = self.predict(X, environments=environments)
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def _log_odds(self, X: ArrayLike, environments: ArrayLike | None) -> Floats:
        check_is_fitted(self, "coef_")
        encoded = self._encode(X)
        return self._odds_of_encoded(encoded, self._labels_for(encoded, X, environments))

    def _odds_of_encoded(self, encoded: Floats, labels: Sequence[str] | None) -> Floats:
        """Log odds (n, m) of encoded rows (n, n_columns), of the environments ``labels``."""
        model = self.answer_.used
        # own intercepts were fitted to calibrated slopes: only the average one is calibrated here
        average = model.slope * model.intercept + model.shift
        odds: Floats = model.slope * (encoded @ model.coef.T)
        if labels is None or model.intercepts is None:
            return odds + average
        odds += np.array([model.intercepts.get(label, average) for label in labels])
        return odds

    def _predict_encoded(self, encoded: Floats, labels: Sequence[str] | None) -> Floats:
        return softmax(self._odds_of_encoded(encoded, labels))

    def _take(self, answer: Answer) -> None:
        super()._take(answer)
        self.coef_, self.intercept_ = _shown(answer.used)
        self.invariant_coef_, self.invariant_intercept_ = _shown(answer.invariant)
        self.pooled_coef_, self.pooled_intercept_ = _shown(answer.pooled)
        own = answer.used.intercepts
        self.environment_intercepts_ = None
        if own is not None:
            self.environment_intercepts_ = {name: _centred(a) for name, a in own.items()}
        self.calibration_ = answer.used.slope

    def _file_entries(self) -> dict[str, object]:
        return {**super()._file_entries(), "labels": self.classes_.tolist()}

    def _take_file_entries(self, file: Reader) -> None:
        super()._take_file_entries(file)
        self.classes_ = read_labels(file, self.answer_.classes)


def _shown(model: FittedModel) -> tuple[Floats, Floats]:
    """Coefficients as scikit-learn shows them: one row for two classes, else one a class."""
    return _centred(model.coef), _centred(model.intercept)


def _centred(values: Floats) -> Floats:
    """Make the first axis sum to 0 over all classes: (m, ...) to (m + 1, ...); two stay one."""
    if len(values) == 1:
        return values
    full = np.concatenate([np.zeros_like(values[:1]), values])
    centred: Floats = full - full.mean(axis=0)
    return centred
