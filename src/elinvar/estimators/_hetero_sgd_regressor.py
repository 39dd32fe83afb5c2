"""The paper's algorithm as a scikit-learn regressor."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarWarning
from elinvar.estimators._environment_estimator import random_generator
from elinvar.estimators._environment_regressor import (
    EnvironmentRegressor,
    resolve_environment_weights,
)
from elinvar.inference.problem._scaling import GateScaling, ScaledMoments, scale_moments, scaling_of
from elinvar.inference.stochastic._step_limit import step_limit
from elinvar.inference.stochastic._steps import (
    GateSteps,
    GateTrajectory,
    in_units,
    run_gates,
    stream_gates,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# step_size="auto" starts at this share of the limit, and is halved so often at most.
_AUTO = 0.5
_HALVINGS = 20


class HeteroSGDRegressor(EnvironmentRegressor):
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
    status_ : {"completed", "diverged"}
        Whether all steps stayed bounded.
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

    status_: Literal["completed", "diverged"]
    trajectory_: GateTrajectory
    n_steps_: int
    step_size_: float
    step_limit_: float
    environments_: tuple[str, ...]
    moments_: Moments
    gates_: NDArray[np.float64]

    __metadata_request__partial_fit: ClassVar[dict[str, bool]] = {"environments": True}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "step_size": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "batch_size": [None, Interval(Integral, 1, None, closed="left")],
        "gain": [Interval(Real, 0, None, closed="left")],
        "order": [StrOptions({"random", "cyclic"})],
        "pooled": ["boolean"],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "init_scale": [Interval(Real, 0, None, closed="neither")],
        "intercept": [StrOptions({"shared", "environment"})],
        "environment_weights": [StrOptions({"size", "equal"}), "array-like", Mapping],
        "average": [Interval(Real, 0, 1, closed="both")],
        "standardize": ["boolean"],
        "record_every": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        *,
        step_size: float | Literal["auto"] = "auto",
        batch_size: int | None = None,
        gain: float = 1.0,
        order: Literal["random", "cyclic"] = "random",
        pooled: bool = False,
        n_steps: int = 5000,
        init_scale: float = 1e-3,
        intercept: Literal["shared", "environment"] = "shared",
        environment_weights: str | ArrayLike | Mapping[str, float] = "size",
        average: float = 0.25,
        standardize: bool = True,
        record_every: int = 10,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        self.step_size = step_size
        self.batch_size = batch_size
        self.gain = gain
        self.order = order
        self.pooled = pooled
        self.n_steps = n_steps
        self.init_scale = init_scale
        self.intercept = intercept
        self.environment_weights = environment_weights
        self.average = average
        self.standardize = standardize
        self.record_every = record_every
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take ``n_steps`` steps from the start.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features.
        y : array-like of shape (n,)
            Target.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None: all rows come from one.
        sample_weight : array-like of shape (n,), optional
            Frequency weights.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used.
        """
        self._validate_params()
        rows = self._read(X, y, environments, sample_weight)
        return self._fit_steps(rows.moments(), rows)

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
        self._take_schema(moments)
        return self._fit_steps(moments, None)

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
            Frequency weights.

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
        return self

    def summary(self) -> str:
        """Say in a few lines of text what the steps led to.

        Returns
        -------
        str
        """
        check_is_fitted(self, "coef_")
        columns = self.schema_.columns
        kind = "pooled" if self.pooled else "one environment a step"
        lines = [
            f"{type(self).__name__}: {self.status_} after {self.n_steps_:,} steps ({kind})",
            f"environments: {len(self.environments_)}; step size {self.step_size_:.3g} "
            f"(limit about {self.step_limit_:.3g}); gain {self.gain:g}",
            f"intercept: {self.intercept_:.6g}"
            + (" (average)" if self.environment_intercepts_ is not None else ""),
        ]
        width = max(len(name) for name in columns)
        used = ~self.schema_.reference
        lines += [
            f"  {name:<{width}}  {value:.6g}"
            for name, value, show in zip(columns, self.coef_, used, strict=True)
            if show
        ]
        return "\n".join(lines)

    def plot_trajectory(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the recorded coefficients against the steps.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        DataError
            If nothing was recorded: after `partial_fit`, or when read from a model file.
        """
        from elinvar.plots import plot_trajectory

        check_is_fitted(self, "coef_")
        if not hasattr(self, "trajectory_"):
            raise DataError("There are no recorded steps to draw: only fit records them.")
        shown = ~self.schema_.reference
        columns = [name for name, show in zip(self.schema_.columns, shown, strict=True) if show]
        trajectory = self.trajectory_
        return plot_trajectory(trajectory.steps, trajectory.coef[:, shown], columns, ax=ax)

    def _scaling(self, moments: Moments) -> GateScaling:
        share = resolve_environment_weights(self.environment_weights, moments.names, moments.count)
        return scaling_of(moments, share, intercept=self.intercept, standardize=self.standardize)

    def _steps(
        self, scaled: ScaledMoments, scaling: GateScaling, batch_size: int | None
    ) -> GateSteps:
        steps = GateSteps(
            step_size=1.0,
            n_steps=int(self.n_steps),
            init_scale=float(self.init_scale),
            gain=float(self.gain),
            order=self.order,
            pooled=bool(self.pooled),
            batch_size=batch_size,
            average=float(self.average),
            record_every=int(self.record_every),
        )
        self.step_limit_ = step_limit(scaled, scaling.share, steps=steps)
        auto = self.step_size == "auto"
        return replace(steps, step_size=float(_AUTO * self.step_limit_ if auto else self.step_size))

    def _fit_steps(self, moments: Moments, rows: Environments | None) -> Self:
        scaling = self._scaling(moments)
        scaled = scale_moments(moments, scaling)
        if not np.any(scaled.power > 1e-200):
            raise DataError("The target does not vary within environments: nothing to explain.")
        steps = self._steps(scaled, scaling, self.batch_size)
        for _ in range(_HALVINGS if self.step_size == "auto" else 1):
            rng = random_generator(self.random_state, 0)
            trajectory = run_gates(scaled, scaling.share, steps, rng, rows=rows, scaling=scaling)
            self.step_size_ = steps.step_size
            if trajectory.status == "completed":
                break
            steps = replace(steps, step_size=steps.step_size / 2)
        self.trajectory_ = in_units(trajectory, scaling)
        self._take(self.trajectory_, self.trajectory_.mean_coef, moments, scaling)
        self.n_steps_ = trajectory.n_steps
        if self.status_ == "diverged":
            self._warn_diverged("The coefficients are set to 0.")
        return self

    def _stream_step(self, batch: Moments, moments: Moments) -> None:
        scaling = self._scaling(moments)
        scaled = scale_moments(moments, scaling)
        steps = self._steps(scaled, scaling, None)
        p = len(scaling.x_inverse)
        taken, coef = getattr(self, "n_steps_", 0), getattr(self, "coef_", np.zeros(p))
        gates = getattr(self, "gates_", np.zeros((2, p)))
        rng = random_generator(self.random_state, taken)
        mixture = scaled.pooled(scaling.share)
        trajectory = stream_gates(batch, mixture, scaling, steps, rng, gates)
        if trajectory.status == "completed":
            for step, value in enumerate(trajectory.coef, start=taken + 1):
                coef = coef + (value - coef) / max(self.average * step, 1.0)
        self.step_size_ = steps.step_size
        self.__dict__.pop("trajectory_", None)
        self._take(trajectory, coef, moments, scaling)
        self.n_steps_ = taken + trajectory.n_steps
        if self.status_ == "diverged":
            self._warn_diverged("This batch is left out, and the gates start anew.")

    def _take(
        self,
        trajectory: GateTrajectory,
        coef: NDArray[np.float64],
        moments: Moments,
        scaling: GateScaling,
    ) -> None:
        intercepts = scaling.y_centre - scaling.x_centre @ coef
        own = {name: float(b) for name, b in zip(scaling.names, intercepts, strict=True)}
        self.moments_, self.environments_ = moments, moments.names
        self.status_ = trajectory.status
        self.gates_ = np.where(trajectory.status == "diverged", 0.0, trajectory.gates)
        self.coef_ = coef
        self.intercept_ = float(scaling.share @ intercepts)
        self.environment_intercepts_ = own if self.intercept == "environment" else None

    def _warn_diverged(self, consequence: str) -> None:
        warnings.warn(
            f"The steps diverged at step {self.n_steps_ + 1} with step_size={self.step_size_:.3g}; "
            f"the limit for these data is about {self.step_limit_:.3g}. {consequence} Try "
            f"step_size={_AUTO * self.step_limit_:.2g}, or step_size='auto'.",
            ElinvarWarning,
            stacklevel=4,
        )
