"""The paper's algorithm as a scikit-learn regressor."""

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from elinvar._base._display import ShownTable
from elinvar._base._reader import Reader
from elinvar._base._sparks import bars
from elinvar.answer.codec import by_column, read_columns
from elinvar.environments import Environments, Moments
from elinvar.errors import DataError
from elinvar.estimators._environment_estimator import Floats, check_moments, random_generator
from elinvar.estimators._environment_regressor import resolve_environment_weights
from elinvar.estimators._stochastic_regressor import StochasticRegressor
from elinvar.inference.problem import GateScaling, ScaledMoments, scale_moments, scaling_of
from elinvar.inference.stochastic import (
    GateSteps,
    GateTrajectory,
    in_units,
    run_gates,
    step_limit,
    stream_gates,
)


class HeteroSGDRegressor(StochasticRegressor):
    r"""Stochastic steps on one environment at a time: what differs between them dies out.

    The coefficients are :math:`w = u \odot u - v \odot v` with gates u, v that start small. Each
    step uses a single environment :math:`e`:

    .. math:: u \leftarrow u \odot (1 - 2 \eta g_e), \qquad v \leftarrow v \odot (1 + 2 \eta g_e),

    :math:`g_e` the gradient of :math:`\tfrac12 E_e (y - b - x^\top w)^2` (for ``gain`` other than
    1, :math:`\bar g + \kappa (g_e - \bar g)`). With large steps, effects whose gradient disagrees
    between environments shrink although the pooled model would learn them, and invariant effects
    stay. With one environment, or ``pooled=True``, this is gradient descent to least squares. The
    intercept has no gate: it is the best one for the current coefficients.

    Parameters
    ----------
    step_size : float or "auto"
        :math:`\eta`. With ``standardize=True`` per unit of (sd of the feature x sd of the target),
        otherwise in units of 1 / (feature x target). "auto": half the limit beyond which the
        steps become unstable, computed from the data (``step_limit_``); `fit` halves it and starts
        again if the steps diverge. Larger steps suppress spurious effects more strongly.
    batch_size : int or None
        Rows drawn with replacement, from the step's environment. None: the whole environment, from
        its moments. Small batches add noise that resembles heterogeneity; use large ones.
    gain : float
        :math:`\kappa >= 0`. 1: the paper's step. Above 1, spurious effects of the same sign in
        every environment are suppressed too, and less heterogeneity is needed.
    order : {"random", "cyclic"}
        Whether environments are drawn, or used in turn.
    pooled : bool
        Mix all environments in each step, for comparison.
    n_steps : int
        Number of steps that `fit` takes.
    init_scale : float
        :math:`\alpha`, the start of every gate.
    intercept : {"shared", "environment"}
        One intercept for all, or one for each environment (only slopes must be invariant).
    environment_weights : {"size", "equal"}, array-like of shape (E,) or mapping
        How often each environment is used: in proportion to its rows, equally often, or in
        proportion to these values (in the order of ``environments_``, or by label).
    average : float
        Share of the steps, at the end, over which the coefficients are averaged: near the critical
        heterogeneity, spurious effects come in bursts. 0: the last step alone.
    standardize : bool
        Let the gates see features and target in units of their standard deviation.
    record_every : int
        Distance between the recorded steps of `fit`.
    random_state : int, RandomState, Generator or None
        Draws environments and rows. None: different in each fit.

    Attributes
    ----------
    coef_ : ndarray of shape (n_columns,)
        Coefficient of each column of ``schema_``; exactly 0 for constant columns and reference
        levels. All zeros if the steps of `fit` diverged.
    intercept_ : float
        Shared intercept, or the average one.
    environment_intercepts_ : dict of str to float, or None
        Each environment's own intercept, with ``intercept="environment"``.
    diverged_ : bool
        Whether the steps grew beyond all bounds; otherwise they were completed.
    trajectory_ : GateTrajectory
        The recorded steps of `fit`: step numbers, coefficients (T, n_columns) in the data's units,
        index into ``environments_`` (-1: pooled).
    n_steps_ : int
        Steps taken.
    step_size_, step_limit_ : float
        The step size used, and the largest one that promises bounded steps.
    environments_ : tuple of str
        The environments seen.
    moments_ : Moments
        Moments of all rows seen.
    gates_ : ndarray of shape (2, n_columns)
        The gates u and v now, in units such that u * u - v * v is in the data's units; 0 where
        they will start anew.

    Notes
    -----
    Every encoded column has its own gate, those of one categorical feature too: the step acts
    element by element and has no counterpart for a group of columns.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The gated
    linear form, the gain and the rule for the step size are own derivations.

    Examples
    --------
    The effect of the first feature holds everywhere; the second one's changes sign.

    >>> import numpy as np
    >>> from elinvar import HeteroSGDRegressor
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south"], 10_000)
    >>> X = rng.normal(size=(20_000, 2))
    >>> y = X[:, 0] + np.where(place == "north", 3, -2) * X[:, 1]
    >>> model = HeteroSGDRegressor(random_state=0).fit(X, y, environments=place)
    >>> pooled = HeteroSGDRegressor(pooled=True).fit(X, y, environments=place)
    >>> model.coef_.round(1), pooled.coef_.round(1)
    (array([1., 0.]), array([1. , 0.5]))
    """

    intercept: Literal["shared", "environment"]
    trajectory_: GateTrajectory
    moments_: Moments
    gates_: Floats

    __metadata_request__partial_fit: ClassVar[dict[str, bool]] = {"environments": True}

    _auto_share: ClassVar[float] = 0.5
    _fallback: ClassVar[str] = "The coefficients are set to 0."

    def fit_moments(self, moments: Moments) -> Self:
        """Take ``n_steps`` steps from the start, on moments instead of rows.

        Parameters
        ----------
        moments : Moments
            Of the environments.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If ``batch_size`` is set: batches are drawn from rows.
        """
        self._validate_params()
        if self.batch_size is not None:
            raise DataError(
                f"batch_size={self.batch_size} draws rows, and moments have none: use "
                "batch_size=None, or fit on the rows."
            )
        self._take_schema(check_moments(moments).schema)
        self._fit_steps(moments, None)
        self._warn_if_diverged(self._fallback)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take one step for each environment present in a batch of a stream.

        The rows given are the batch: each environment's step uses all of its rows here, and
        ``batch_size``, ``n_steps``, ``order`` (but for "cyclic": steps in the order of the labels,
        otherwise at random) and ``record_every`` have no part. With ``pooled=True`` there is a
        single step. The moments of all rows so far give the centre, the units, "auto"'s step size
        and the pooled gradient that the gain needs. New environments may appear in any batch; new
        features or levels may not. ``coef_`` averages about the last share ``average`` of the
        steps, the t-th of which enters with weight 1 / (average t). Nothing is recorded: keep
        ``coef_`` yourself.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features.
        y : array-like of shape (n,)
            Target.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None: all rows come from one.
        sample_weight : array-like of shape (n,), optional
            Frequency weights if whole, else sampling weights.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used; nothing has changed then.
        """
        self._validate_params()
        first = not hasattr(self, "coef_")
        if not first and not hasattr(self, "moments_"):
            raise DataError(
                "This model comes from a file, which keeps no moments, so it cannot go on with a "
                "stream: it can predict, or be fitted anew."
            )
        rows = self._read(X, y, environments, sample_weight, reset=first, min_rows=1)
        batch = rows.moments()
        moments = batch if first else self.moments_ + batch
        self._stream_step(batch, moments)
        self._warn_if_diverged("This batch is left out, and the gates start anew.")
        return self

    def summary(self) -> str:
        """Say in a few lines of text what the steps led to.

        Returns
        -------
        str
        """
        check_is_fitted(self, "coef_")
        (table,) = self._found_tables()
        width = max(map(len, self.schema_.columns))
        return "\n".join(
            [*self._summary_head(), *(f"  {name:<{width}}  {value}" for name, value in table.rows)]
        )

    def _terms(self) -> dict[str, list[Any]]:
        shown = ~self.schema_.reference
        terms = [name for name, told in zip(self.schema_.columns, shown, strict=True) if told]
        return {"term": terms, "estimate": self.coef_[shown].tolist()}

    def _found_tables(self) -> list[ShownTable]:
        shown = np.flatnonzero(~self.schema_.reference)
        texts = [f"{self.coef_[j]:.6g}" for j in shown]
        per_sd = self.coef_ * self._data_facts().scales
        return [
            ShownTable(
                title="",
                header=("column", "coefficient"),
                rows=[(self.schema_.columns[j], f"{self.coef_[j]:.6g}") for j in shown],
                pictures=bars(per_sd[shown].tolist(), texts),
                drawn="per sd",
            )
        ]

    def _recorded(self) -> tuple[NDArray[np.intp], Floats, list[str], str]:
        shown = np.flatnonzero(~self.schema_.reference)
        names = [self.schema_.columns[j] for j in shown]
        return self.trajectory_.steps, self.trajectory_.coef[:, shown], names, "coefficient"

    def _scaling(self, moments: Moments) -> GateScaling:
        share = resolve_environment_weights(self.environment_weights, moments.names, moments.count)
        return scaling_of(moments, share, intercept=self.intercept, standardize=self.standardize)

    def _steps(
        self, scaled: ScaledMoments, scaling: GateScaling, batch_size: int | None
    ) -> GateSteps:
        steps = self._asked(GateSteps, step_size=1.0, batch_size=batch_size)
        self.step_limit_ = step_limit(scaled, scaling.weights, steps=steps)
        return steps

    def _fit_rows(self, rows: Environments) -> None:
        self._fit_steps(rows.moments(), rows)

    def _fit_steps(self, moments: Moments, rows: Environments | None) -> None:
        scaling = self._scaling(moments)
        scaled = scale_moments(moments, scaling)
        if not np.any(scaled.power > 1e-200):
            raise DataError("The target does not vary within environments: nothing to explain.")
        steps = self._steps(scaled, scaling, self.batch_size)

        def run(step_size: float) -> GateTrajectory:
            rng = random_generator(self.random_state, 0)
            given = replace(steps, step_size=step_size)
            return run_gates(scaled, scaling.weights, given, rng, rows=rows, scaling=scaling)

        self.trajectory_ = in_units(self._descend(run), scaling)
        self._take(self.trajectory_, self.trajectory_.mean_coef, moments, scaling)

    def _stream_step(self, batch: Moments, moments: Moments) -> None:
        scaling = self._scaling(moments)
        scaled = scale_moments(moments, scaling)
        steps = self._steps(scaled, scaling, None)
        self.step_size_ = self._asked_step_size()
        steps = replace(steps, step_size=self.step_size_)
        p = len(scaling.x_inverse)
        taken, coef = getattr(self, "n_steps_", 0), getattr(self, "coef_", np.zeros(p))
        gates = getattr(self, "gates_", np.zeros((2, p)))
        rng = random_generator(self.random_state, taken)
        mixture = scaled.pooled(scaling.weights)
        trajectory = stream_gates(batch, mixture, scaling, steps, rng, gates)
        if trajectory.status == "completed":
            for step, value in enumerate(trajectory.coef, start=taken + 1):
                coef = coef + (value - coef) / max(self.average * step, 1.0)
        self.__dict__.pop("trajectory_", None)
        self._take(trajectory, coef, moments, scaling)
        self.diverged_ = trajectory.status == "diverged"
        self.n_steps_ = taken + trajectory.n_steps

    def _take(
        self,
        trajectory: GateTrajectory,
        coef: Floats,
        moments: Moments,
        scaling: GateScaling,
    ) -> None:
        intercepts = scaling.y_centre - scaling.x_centre @ coef
        own = {name: float(b) for name, b in zip(scaling.names, intercepts, strict=True)}
        self.moments_, self.environments_ = moments, moments.names
        self.gates_ = np.where(trajectory.status == "diverged", 0.0, trajectory.gates)
        self.coef_ = coef
        self.intercept_ = float(scaling.weights @ intercepts)
        self.environment_intercepts_ = own if self.intercept == "environment" else None

    def _file_entries(self) -> dict[str, object]:
        return {"coef": by_column(self.schema_, self.coef_)} | super()._file_entries()

    def _take_file_entries(self, file: Reader) -> None:
        super()._take_file_entries(file)
        self.coef_ = read_columns(file, "coef", self.schema_)
