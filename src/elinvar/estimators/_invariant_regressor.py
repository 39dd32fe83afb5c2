"""The main face: what holds in all environments, and what predicts best in a new one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar._base._words import listed
from elinvar.answer import Answer, FittedModel
from elinvar.environments import Environments, Moments, check_environments
from elinvar.errors import DataError
from elinvar.estimators._adapted_model import Adaptable
from elinvar.estimators._environment_estimator import (
    check_enough_rows,
    check_moments,
    leave_out,
    warn_if_single,
)
from elinvar.estimators._environment_regressor import EnvironmentRegressor
from elinvar.estimators._invariant_estimator import InvariantEstimator, check_clusters
from elinvar.inference import row_hints

Floats = NDArray[np.float64]


class InvariantRegressor(Adaptable, InvariantEstimator, EnvironmentRegressor):
    r"""Linear regression on the effects that hold in every environment.

    From the moments of each environment it follows the mean-field path of HeteroSGD, tests
    candidate supports for the same coefficients everywhere, keeps the accepted one that would be
    least hurt by environments more different still, and refits it by precision. What predicts is
    another question: the model that is best on environments left out. Nothing needs tuning.

    Parameters
    ----------
    intercept : {"shared", "environment"}
        One intercept, which must be invariant too, or one for each environment (only slopes must
        be invariant).
    predictor : {"auto", "invariant", "pooled"}
        What ``predict`` uses. "auto": the best forecast for environments like those seen, which
        ``notes_`` explains; "invariant": what holds, for places that may differ otherwise.
    invariance : {"coefficients", "coefficients and noise"}
        What must be the same everywhere for a set to be accepted. With "coefficients and noise" the
        variance of the residuals, too: an environment that changes the noise alone then counts
        as one that acts on the target. From moments noises are taken as normal; ``robust=True``
        takes their tails from the rows.
    features_always : list of str or int, optional
        Features, by name or position, that always stay in the model.
    environment_weights : {"size", "equal"}, array-like of shape (E,) or mapping
        What each environment counts for in averages: its rows, the same for all, or these values
        (in the order of ``environments_``, or by label).
    robust : bool
        Whether covariances of tests, effects and intervals come from the rows (a sandwich, HC2), so
        that the noise may depend on the features. Where ``fit`` is given clusters they do anyway
        (CR2); ``fit_moments`` has no rows for it.
    exclude_environments : list of labels, optional
        Environments to leave out of the fit, such as those that act on the target itself.
    level : float in (0, 1), optional
        Level of the overidentification test. None: 1 / N with N the number of rows.
    t_threshold : float, at least 0
        Smallest ``|t|``, in the efficient refit, of an effect that stays in an invariant support.
    kappa : float, at least 0
        How many times more different, in variance, new environments may be than those seen.
    tolerance : float, at least 0
        Share of the residual variance that environments' own coefficients may explain for a model
        to count as nearly invariant when the test rejects it; 0: exact invariance only.
    effect_tolerance : float, at least 0
        How far the 90% interval for the effect in a new environment may reach from the average
        effect, as a share of it, for the effect to count as nearly invariant.
    smallest_effect : float, at least 0
        Smallest effect of interest, in standard deviations of the target per standard deviation of
        the feature (between two levels of a category, twice that): an effect that stays below it
        in nine of ten new environments is "no effect".
    exact_up_to : int, at least 0
        All supports are tried up to this many features (or categorical groups), beyond it those
        that a search along the mean-field path finds.
    strengths : array-like of shape (L,), optional
        Strengths of the heterogeneity penalty on the path, increasing. None: 40 from 0 to 1000.
    random_state : int
        Seed of the search's random starts.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
        What ``predict`` uses, by column of ``schema_``.
    environment_intercepts_ : dict of str to float, or None
        Each environment's own intercept, where the model in use has them.
    invariant_coef_, invariant_intercept_ : ndarray of shape (n_columns,), float
        Efficient refit of the selected support; zeros and the mean with a single environment.
    invariant_environment_intercepts_ : dict of str to float, or None
    pooled_coef_, pooled_intercept_ : ndarray of shape (n_columns,), float
        Least squares over all rows with one intercept.
    selected_ : boolean ndarray of shape (n_features,)
        The invariant support; the best candidate even when rejected.
    answer_ : Answer
        Everything that was found, as one object; the other attributes are views of it.
    status_ : {"accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"}
        What the answer is worth: "borderline" if a set was accepted by a narrow margin, "untested"
        if the features' laws do not differ between environments, so that nothing could be refuted,
        "pooled_only" with a single environment. ``status_reason_`` says why.
    predictor_ : {"pooled", "random_intercept", "invariant", "nearly_invariant", "subspace"}
        What ``predict`` uses: the best forecast for a new environment like those seen, by the
        errors on environments left out, if it is asked to choose. "random_intercept": all features,
        with a random level for each environment; "nearly_invariant": the features of least risk
        where environments differ ``kappa`` times as much; "subspace": combinations of columns that
        hold in all environments, where no set of columns that does explains much.
    p_value_ : float
        Of the overidentification test of the selected support, or twice that of equal noise if
        that is asked for and smaller; 1 with a single environment.
    disagreement_ : float
        Upper 95% limit of the share of residual variance that environments' own coefficients
        would explain.
    path_ : InvariancePath
        Coefficients along the mean-field path.
    evidence_ : DataFrame
        A row a feature, the strongest statement on it: verdict, the model it speaks of, effect with
        interval, spread between environments, what to expect in a new one.
    all_features_ : DataFrame
        The same of one model: all features together.
    effects_ : DataFrame
        A row a feature and environment: effect with interval.
    tests_, residuals_ : DataFrame
        Tests of the invariant model, and its residuals in each environment.
    errors_, left_out_ : DataFrame
        Errors on environments left out of the whole procedure; predictions against the truth there.
    margin_ : float
        Half-width of prediction intervals in a new environment; NaN if environments are too few.
    break_even_ : BreakEven or None
        From which shift on the invariant model is the better forecast.
    odd_environment_ : OddEnvironment or None
        The environment that is responsible where environments do not agree.
    diagnosis_ : Diagnosis
        What the data could answer, whatever the model.
    notes_ : tuple of str
        What the user should know, in sentences.
    environments_, excluded_environments_ : tuple of str
    moments_ : Moments
        What the model was fitted on.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420. The gated path, the selection
    and the search are own derivations; see docs/theory.md.

    Examples
    --------
    The target causes the second feature, strongly in one place and weakly in the other.

    >>> import numpy as np
    >>> from elinvar import InvariantRegressor
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south", "west"], 500)
    >>> cause = rng.normal(size=1500)
    >>> y = 2 * cause + rng.normal(size=1500)
    >>> strength = np.repeat([0.2, 1.0, 3.0], 500)
    >>> X = np.column_stack([cause, strength * y + rng.normal(size=1500)])
    >>> model = InvariantRegressor().fit(X, y, environments=place)
    >>> model.status_, model.selected_, model.coef_.round(1)
    ('accepted', array([ True, False]), array([2., 0.]))
    """

    invariant_coef_: Floats
    invariant_intercept_: float
    invariant_environment_intercepts_: dict[str, float] | None
    pooled_coef_: Floats
    pooled_intercept_: float
    moments_: Moments

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **InvariantEstimator._parameter_constraints,
        "invariance": [StrOptions({"coefficients", "coefficients and noise"})],
    }

    def __init__(
        self,
        *,
        intercept: Literal["shared", "environment"] = "shared",
        predictor: Literal["auto", "invariant", "pooled"] = "auto",
        invariance: Literal["coefficients", "coefficients and noise"] = "coefficients",
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
        self.invariance = invariance
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
            Target.
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
        return self._learn_rows(self._read(X, y, environments, sample_weight, cluster=cluster))

    def fit_rows(self, rows: Environments) -> Self:
        """Find what holds in all environments, from rows in memory, in clusters if they have any.

        Parameters
        ----------
        rows : Environments

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        self._validate_params()
        self._take_schema(rows.schema)
        return self._learn_rows(rows)

    def fit_moments(self, moments: Moments) -> Self:
        """Find what holds in all environments, from their moments.

        Parameters
        ----------
        moments : Moments

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the moments cannot be used.
        """
        self._validate_params()
        if self.robust:
            raise DataError(
                "robust=True takes the rows, which moments do not hold: call fit (or fit_rows), or "
                "set robust=False."
            )
        self._take_schema(check_moments(moments).schema)
        return self._learn(moments)

    def _learn_rows(self, rows: Environments) -> Self:
        if rows.cluster is None and not self.robust:
            moments = rows.moments()
            return self._learn(moments, hints=row_hints(rows, moments))
        excluded = self._excluded()
        rows = rows.exclude(excluded) if excluded else rows
        check_clusters(rows)
        return self._learn(rows.moments(), rows)

    def _learn(
        self, moments: Moments, rows: Environments | None = None, hints: tuple[str, ...] = ()
    ) -> Self:
        excluded = self._excluded()
        moments = moments.exclude(excluded) if excluded and rows is None else moments
        check_environments(moments)
        _check_sizes(moments)
        answer = self._answer_to(moments, rows=rows, hints=hints)
        self.moments_ = moments
        self._take(answer)
        return self

    def _take(self, answer: Answer) -> None:
        super()._take(answer)
        self.coef_, self.intercept_, self.environment_intercepts_ = _plain(answer.used)
        (
            self.invariant_coef_,
            self.invariant_intercept_,
            self.invariant_environment_intercepts_,
        ) = _plain(answer.invariant)
        self.pooled_coef_, self.pooled_intercept_, _ = _plain(answer.pooled)

    def _half_widths(self, encoded: Floats, coverage: float) -> Floats:
        """Return half-widths of intervals for encoded rows, (n,): the margin, the same for all."""
        return np.full(len(encoded), self.margin_)

    def _forecasts(self, encoded: Floats) -> tuple[Floats, Floats, Floats]:
        predicted = self._predict_encoded(encoded, None)[:, None]
        return encoded, predicted, np.zeros((len(encoded), 0, 1))

    def _linear_coef(self) -> Floats:
        return self.coef_

    def predict_interval(self, X: ArrayLike, *, environments: ArrayLike | None = None) -> Floats:
        """Return prediction intervals for rows of a new environment.

        In at least 90% of new environments at least 90% of the rows lie within, if new
        environments are like those seen: conformal over left-out environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        environments : array-like of shape (n,), optional
            As in ``predict``.

        Returns
        -------
        ndarray of shape (n, 2)
            Lower and upper ends.

        Raises
        ------
        DataError
            If there are too few environments.
        """
        check_is_fitted(self, "coef_")
        if np.isnan(self.margin_):
            raise DataError(f"There is no prediction interval: {self.forecast_.reason}")
        predicted = self.predict(X, environments=environments)
        return np.column_stack([predicted - self.margin_, predicted + self.margin_])


def _plain(model: FittedModel) -> tuple[Floats, float, dict[str, float] | None]:
    own = model.intercepts
    return (
        model.coef[0],
        float(model.intercept[0]),
        None if own is None else {name: float(value[0]) for name, value in own.items()},
    )


def _check_sizes(moments: Moments) -> None:
    """Refuse environments that can say nothing, if there are several."""
    if len(moments.names) < 2:
        return
    check_enough_rows(moments.names, moments.count)
    same = [n for n, power in zip(moments.names, moments.var_y, strict=True) if not power > 0]
    if same:
        one = len(same) == 1
        raise DataError(
            f"The target is constant in environment{'' if one else 's'} "
            f"{listed([repr(name) for name in same])}, which then "
            f"{'says' if one else 'say'} nothing about effects; {leave_out(same)}."
        )
