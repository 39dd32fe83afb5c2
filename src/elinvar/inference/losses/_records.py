"""What a loss tells the engine: tables of supports, fits, tests, and models in the data's units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._sandwich import OwnScores
from elinvar.inference.problem._types import Bools, Floats, Places

Part = Literal["coefficients", "residual mean", "slopes", "scale"]
Predictor = Literal["pooled", "random_intercept", "invariant", "nearly_invariant", "subspace"]
Competitor = Literal[Predictor, "lasso", "mean", "used"]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Candidate supports, row by row, with their test and fit.

    Attributes
    ----------
    masks : boolean array of shape (M, n_gates)
    coef : array of shape (M, q) or, for classes, (M, m, q)
        Fit to all environments, standardised.
    p_value : array of shape (M,)
        Of the overidentification test; NaN where the support cannot be fitted or was not tested.
    statistic, freedom : array of shape (M,)
        To be held against chi-squared with ``freedom`` degrees of freedom (for squared loss
        Q f / c); infinity where p is NaN.
    residual_freedom : array of shape (M,)
        Denominator of the F law of the statistic over ``freedom``; infinity where nothing is
        tested or no variance is estimated.
    risk : array of shape (M,)
        Weighted mean loss over environments (standardised target, for squared loss).
    worst : array of shape (M,)
        Largest mean loss in any one environment.
    scale : array of shape (M,)
        What the statistic was divided by to have its law: 1, but for rows that are not independent.
    weakest : array of shape (M,)
        Smallest (t / t_threshold)^2 over the gates that may be closed; infinity if there are none,
        NaN where the loss finds out only when it is asked (`Loss.needed`).
    rough_excess : array of shape (M,)
        The statistic above its freedom before any correction; 0 where none was asked for, since a
        gate is not needed: such supports compete by their risk alone. Infinity without a fit.
    """

    masks: Bools
    coef: Floats
    p_value: Floats
    statistic: Floats
    freedom: Floats
    residual_freedom: Floats
    risk: Floats
    worst: Floats
    weakest: Floats
    rough_excess: Floats
    scale: Floats

    @property
    def excess(self) -> Floats:
        """Estimated noncentrality of the tests, on the scale of independent rows, (M,)."""
        return self.scale * np.maximum(self.statistic - self.freedom, 0.0)

    def take(self, rows: Places | Bools) -> "Assessment":
        """Rows of the table, in the order asked for."""
        return Assessment(**{name: getattr(self, name)[rows] for name in self.__annotations__})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """p-values of the parts of invariance, support by support.

    Attributes
    ----------
    slopes : array of shape (M,)
        The same slopes, whatever the intercepts.
    intercepts : array of shape (M,)
        One intercept, given common slopes; 1 where each environment has its own.
    scale : array of shape (M,)
        The same residual variance about each environment's own fit, for normal noise; 1 where
        there is no noise to estimate.
    """

    slopes: Floats
    intercepts: Floats
    scale: Floats


@dataclass(frozen=True, kw_only=True)
class Subspace:
    """Combinations of columns that have the same effects in all environments.

    Attributes
    ----------
    coef : array of shape (q,) or (m, q)
        Fit along them, standardised, by column.
    removed : int
        Number of directions that were left out.
    p_value : float
        Of the overidentification test; the directions were fitted, and are counted.
    combinations : array of shape (n_columns, r)
        The combinations themselves, of columns in the data's units.
    left_out : array of shape (E, q) or (E, m, q)
        Fits without each environment, like ``coef``; the directions are those of all.
    errors : array of shape (E,)
        Their mean losses on the environment without, in the units of `Loss.left_out`.
    """

    coef: Floats
    removed: int
    p_value: float
    combinations: Floats
    left_out: Floats
    errors: Floats


@dataclass(frozen=True, kw_only=True)
class Refit:
    """One support, fitted in every environment and over all of them.

    For classes, k counts the coefficients of all outcomes, laid out outcome by outcome.

    Attributes
    ----------
    columns : array of shape (k,)
        Column of the problem behind each coefficient, intercept included.
    units : array of shape (k,)
        What turns standardised coefficients into the data's units.
    n_outcomes : int
        Coefficients a column: 1, or the number of classes but the reference.
    coef : array of shape (k,)
        Common coefficients: weighted by each environment's precision, which is 0 where it has no
        rows to spare; or of maximum likelihood.
    known : boolean array of shape (k,)
        Coefficients that the data can estimate; the others are those of least norm.
    covariance : array of shape (k, k)
        Of ``coef``, if all environments share it; the weights are taken as known.
    precision : array of shape (E, k, k)
        Each environment's part in the inverse of ``covariance``.
    own : array of shape (E, k)
        Each environment's own coefficients.
    own_covariance : array of shape (E, k, k)
        Zero for coefficients that the environment cannot estimate, its columns being collinear,
        its classes separated or its rows too few.
    freedom : array of shape (E,)
        Residual degrees of freedom of each environment; 0 where they are below 1.
    noise_known : bool
        Whether the noise follows from the prediction (a likelihood), not from residuals.
    test_alone : bool
        Whether classes are separated somewhere, so that only a test of the whole compares.
    scores : OwnScores, optional
        What clusters of rows contribute, where covariances come from them.
    pulls : array of shape (E, k, k'), optional
        ``coef`` is the sum over environments of this times the own estimate, in units of its
        precision.
    """

    columns: Places
    units: Floats
    n_outcomes: int = 1
    coef: Floats
    known: Bools
    covariance: Floats
    precision: Floats
    own: Floats
    own_covariance: Floats
    freedom: Floats
    noise_known: bool = False
    test_alone: bool = False
    scores: OwnScores | None = None
    pulls: Floats | None = None

    def contrast(self, direction: Floats) -> tuple[float, float, float]:
        r"""Effect, standard error and degrees of freedom of ``direction`` (k,) of ``coef``.

        Estimated weights add to the variance: with :math:`\Phi` the covariance and :math:`P_e` the
        precisions, :math:`\Phi + 4 \Phi \sum_e (P_e - P_e \Phi P_e) \Phi / \nu_e` is the
        covariance, and with :math:`W_e` the share of environment e in the variance of the contrast
        it has :math:`1 / \sum W_e^2 / \nu_e` degrees of freedom. Where the noise is known there is
        nothing to add, and the law is normal.

        References
        ----------
        Kenward and Roger (1997), here for one variance an environment; Meier (1953) for a mean.
        Bell and McCaffrey (2002) where the covariance comes from rows.
        """
        variance, effect = float(direction @ self.covariance @ direction), direction @ self.coef
        # Student's law with this freedom is the normal one
        inflation, freedom = (1.0, 1e12) if self.noise_known else self._estimated(direction)
        if self.scores is not None and self.pulls is not None:
            along = np.einsum("j,ejk->ek", direction, self.pulls)
            freedom = max(float(self.scores.freedom_of(along)[-1]), 1.0)
        return float(effect), float(np.sqrt(inflation * variance)), freedom

    def _estimated(self, direction: Floats) -> tuple[float, float]:
        """Return what estimated weights multiply a variance by, and its degrees of freedom."""
        covariance = self.covariance
        if self.scores is not None:
            covariance = pseudo_inverses(self.precision.sum(axis=0))[0]
        variance, used = float(direction @ covariance @ direction), self.freedom > 0
        pull = self.precision[used] @ (covariance @ direction)
        spread = np.einsum("ej,ej->e", pull @ covariance, pull)
        # c' Phi P_e Phi c, environment by environment, sums to c' Phi c
        share = pull @ (covariance @ direction)
        excess = 4.0 * float(((share - spread) / self.freedom[used]).sum())
        weight = share / max(variance, 1e-300)
        freedom = 1.0 / max(float((weight**2 / self.freedom[used]).sum()), 1e-12)
        return 1.0 + max(excess, 0.0) / max(variance, 1e-300), freedom

    def own_sampling(self, direction: Floats) -> tuple[Floats, Floats]:
        """Joint covariance (E, E) of each environment's own effect, and its freedom (E,)."""
        if self.scores is None:
            part = np.flatnonzero(direction)
            block, along = self.own_covariance[:, part[:, None], part], direction[part]
            variance = np.einsum("j,ejk,k->e", along, block, along)
            return np.diag(variance), self.freedom
        at = self.scores.places(len(direction))
        along = np.einsum("j,ejk->ek", direction, self.scores.back[0][:, at])
        spare = self.scores.freedom_of(along)[:-1]
        return self.scores.joint_variance(along), np.minimum(spare, self.freedom)


@dataclass(frozen=True, kw_only=True)
class ModelTest:
    """One test of a model: ``statistic`` is held against F(``df1``, ``df2``).

    Attributes
    ----------
    test : {"coefficients", "residual mean", "slopes", "scale"}
    statistic, df1, df2, p_value : float
        For classes ``df2`` is infinite: the statistic times ``df1`` is chi-squared.
    question : str
        What the test asks, in words.
    """

    test: Part
    statistic: float
    df1: float
    df2: float
    p_value: float
    question: str


@dataclass(frozen=True, kw_only=True)
class EnvironmentResiduals:
    """Residuals of a model in one environment, in the target's units, with 95% intervals.

    The intervals are about this model in this environment: they take its coefficients as given.

    Attributes
    ----------
    environment : str
    rows : float
        Rows in it (sum of frequency weights).
    mean, mean_low, mean_high : float
        Mean residual; 0 where the environment has an intercept of its own. For a class, its share
        less its mean probability.
    slope, slope_low, slope_high : float
        Slope of the target on the prediction; 1 if calibrated. NaN if predictions do not vary.
    sd : float
        Standard deviation about the mean residual.
    outcome : str
        The class, if the target is one; "" for numbers.

    Notes
    -----
    ``sd`` and the limits are NaN where the environment has no rows to spare.
    """

    environment: str
    rows: float
    mean: float
    mean_low: float
    mean_high: float
    slope: float
    slope_low: float
    slope_high: float
    sd: float
    outcome: str = ""


@dataclass(frozen=True, kw_only=True)
class LeftOutFit:
    """Predictions for a left-out environment against its truth.

    Attributes
    ----------
    model : {"invariant", "pooled", "lasso", "used"}
    predicted_mean, predicted_sd, truth_mean, truth_sd : float
        In units of the target, divisor the number of rows; of a class, of its probability and of
        1 for the rows that have it, 0 for the others.
    slope : float
        Of the truth on the prediction: 1 is calibrated; NaN if predictions do not vary.
    residual_sd : float
        Standard deviation of truth less prediction, about its mean.
    bias : float
        Mean of truth less prediction.
    outcome : str
        The class, if the target is one; "" for numbers.
    """

    model: Competitor
    predicted_mean: float
    predicted_sd: float
    truth_mean: float
    truth_sd: float
    slope: float
    residual_sd: float
    bias: float
    outcome: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A model on one environment.

    Attributes
    ----------
    error : float
        Mean squared error, in squared units of the target, or mean log loss.
    wrong : float or None
        Share of rows whose class is not the likeliest; None for numbers.
    fits : tuple of LeftOutFit
        Predictions against truth: one, or one for each of more than two classes.
    """

    error: float
    wrong: float | None
    fits: tuple[LeftOutFit, ...]


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear model in the data's units.

    Attributes
    ----------
    coef : array of shape (n_columns,)
    intercept : float
        The shared intercept, or the average of the environments' own.
    intercepts : dict of str to float, or None
        Each environment's own intercept.
    """

    coef: Floats
    intercept: float
    intercepts: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticModel:
    """Log odds of every class but the reference, in the data's units.

    Attributes
    ----------
    coef : array of shape (m, n_columns)
    intercept : array of shape (m,)
        The shared intercepts, or the averages of the environments' own.
    intercepts : dict of str to arrays of shape (m,), or None
        Each environment's own intercepts, to be added to calibrated slopes.
    slope : float
        What log odds are multiplied by to be calibrated where left out.
    shift : array of shape (m,)
        What is then added.
    """

    coef: Floats
    intercept: Floats
    intercepts: Mapping[str, Floats] | None = None
    slope: float = 1.0
    shift: Floats

    def log_odds(self, X: Floats, own: Floats | None = None) -> Floats:
        """Calibrated log odds against the reference, (n, m).

        ``own`` (m,) or (n, m) are intercepts to take instead of the average one.
        """
        base = self.average_intercept if own is None else own
        odds: Floats = self.slope * (X @ self.coef.T) + base
        return odds

    @property
    def average_intercept(self) -> Floats:
        """Calibrated log odds (m,) where all columns are 0, in an environment that is not known."""
        base: Floats = self.slope * self.intercept + self.shift
        return base

    def probabilities(self, X: Floats, own: Floats | None = None) -> Floats:
        """Probabilities of all classes, (n, m + 1)."""
        return softmax(self.log_odds(X, own))


def softmax(odds: Floats) -> Floats:
    """Probabilities of all classes (n, m + 1) from log odds against the first (n, m)."""
    full = np.concatenate([np.zeros((len(odds), 1)), odds], axis=1)
    # shifted by the largest, no exponential overflows
    full -= full.max(axis=1, keepdims=True)
    np.exp(full, out=full)
    share: Floats = full / full.sum(axis=1, keepdims=True)
    return share
