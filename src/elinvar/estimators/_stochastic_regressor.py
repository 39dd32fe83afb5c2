"""What regressors that take stochastic steps share: parameters, step size, record, summary."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarWarning
from elinvar.estimators._environment_estimator import Floats, warn_if_single
from elinvar.estimators._environment_regressor import EnvironmentRegressor
from elinvar.estimators._facts import DataFacts
from elinvar.estimators._tidied import Tidied
from elinvar.inference.stochastic import Record, halve_until_bounded
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    from elinvar._base._reader import Reader


class StochasticRegressor(Tidied, EnvironmentRegressor, ABC):
    """A regressor that takes steps on one environment at a time, each with a large step size.

    A subclass takes the steps on rows (``_fit_rows``) and says what it recorded (``_recorded``).

    Parameters
    ----------
    step_size : float or "auto"
        "auto": a share of the limit beyond which steps become unstable, computed from the data
        (``step_limit_``); halved, and started again, while the steps diverge.
    batch_size : int or None
        Rows drawn with replacement from the step's environment. None: the whole environment.
    gain : float
        At least 0. A step follows the pooled gradient plus this many times the difference to it of
        the environment's own. 1: the paper's step.
    order : {"random", "cyclic"}
        Whether environments are drawn, or used in turn.
    pooled : bool
        Mix all environments in each step, for comparison.
    n_steps : int
        Number of steps that `fit` takes.
    init_scale : float
        Size of the start.
    intercept : {"shared", "environment"}
        One intercept for all, or one for each environment.
    environment_weights : {"size", "equal"}, array-like of shape (E,) or mapping
        How often each environment is used: in proportion to its rows, equally often, or in
        proportion to these values (in the order of ``environments_``, or by label).
    average : float
        Share of the steps, at the end, that are averaged; 0: the last step alone.
    standardize : bool
        Let the steps see the data in units of their own spread.
    record_every : int
        Distance between recorded steps.
    random_state : int, RandomState, Generator or None
        Draws environments and rows. None: different in each fit.

    Attributes
    ----------
    diverged_ : bool
        Whether the steps grew beyond all bounds; otherwise they were completed.
    trajectory_ : object
        The recorded steps of `fit`.
    n_steps_ : int
        Steps taken.
    step_size_, step_limit_ : float
        The step size used, and the largest one that promises bounded steps.
    environments_ : tuple of str
        The environments seen.
    """

    diverged_: bool
    n_steps_: int
    step_size_: float
    step_limit_: float
    environments_: tuple[str, ...]
    data_facts_: DataFacts

    # the share of the limit at which step_size="auto" starts
    _auto_share: ClassVar[float]
    # what becomes of a fit whose steps diverge
    _fallback: ClassVar[str]

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
        intercept: str = "shared",
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
            Frequency weights if whole, else sampling weights.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used.
        """
        self._validate_params()
        if not self.pooled:
            warn_if_single(environments)
        self._fit_rows(self._read(X, y, environments, sample_weight))
        self._warn_if_diverged(self._fallback)
        return self

    def plot_trajectory(self, ax: "Axes | None" = None) -> "Axes":
        """Draw what was recorded against the steps.

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
            If nothing was recorded: after a stream, or when read from a model file.
        """
        from elinvar.plots import plot_trajectory

        check_is_fitted(self, self._learned_name)
        if not hasattr(self, "trajectory_"):
            raise DataError(
                "There are no recorded steps to draw: only fit records them, and a model file "
                "keeps none."
            )
        steps, values, names, quantity = self._recorded()
        return plot_trajectory(steps, values, names, ylabel=quantity, ax=ax)

    @abstractmethod
    def _fit_rows(self, rows: Environments) -> None:
        """Take the steps on rows, and learn from them."""

    @abstractmethod
    def _recorded(self) -> tuple[NDArray[np.integer[Any]], Floats, list[str], str]:
        """Return recorded steps (T,), values (T, k), their k names, and what they measure."""

    def _asked_step_size(self) -> float:
        """Return the step size to begin with; ``step_limit_`` is known."""
        if self.step_size == "auto":
            return float(self._auto_share * self.step_limit_)
        return float(self.step_size)

    def _descend(self, run: Callable[[float], Record]) -> Record:
        """Take the steps, at a smaller step size where "auto" was too bold."""
        first = self._asked_step_size()
        if self.step_size == "auto":
            record, self.step_size_ = halve_until_bounded(run, first)
        else:
            record, self.step_size_ = run(first), first
        self.diverged_, self.n_steps_ = record.status == "diverged", record.n_steps
        return record

    def _warn_if_diverged(self, consequence: str) -> None:
        if self.diverged_:
            # two frames up is whoever called fit
            warnings.warn(
                f"The steps diverged at step {self.n_steps_ + 1} with "
                f"step_size={self.step_size_:.3g}; the limit for these data is about "
                f"{self.step_limit_:.3g}. {consequence} Try "
                f"step_size={self._auto_share * self.step_limit_:.2g}, or step_size='auto'.",
                ElinvarWarning,
                stacklevel=3,
            )

    def _facts(self) -> dict[str, Any]:
        return {
            "nobs": sum(self._data_facts().rows.values()),
            "status": "diverged" if self.diverged_ else "completed",
            "n_steps": self.n_steps_,
            "step_size": self.step_size_,
            "step_limit": self.step_limit_,
        }

    def _said(self) -> str:
        return "; ".join(self._summary_head()).partition(": ")[2] + "."

    def _summary_head(self, *details: str) -> list[str]:
        """Return the lines that every summary begins with."""
        outcome = "diverged" if self.diverged_ else "completed"
        kind = "pooled" if self.pooled else "one environment a step"
        average = " (average)" if self.environment_intercepts_ is not None else ""
        return [
            f"{type(self).__name__}: {outcome} after {self.n_steps_:,} steps "
            f"({', '.join([kind, *details])})",
            f"environments: {len(self.environments_)}; step size {self.step_size_:.3g} "
            f"(limit about {self.step_limit_:.3g}); gain {self.gain:g}",
            f"intercept: {self.intercept_:.6g}{average}",
        ]

    def _data_facts(self) -> DataFacts:
        """Return what a model file says of the training data."""
        moments: Moments | None = getattr(self, "moments_", None)
        if moments is None:
            return self.data_facts_
        return DataFacts.of(moments, own_intercepts=self.intercept == "environment")

    def _file_entries(self) -> dict[str, object]:
        """Return what a model file says of the steps."""
        return {
            "intercepts": {
                "average": self.intercept_,
                "environments": self.environment_intercepts_,
            },
            "diverged": self.diverged_,
            "n_steps": self.n_steps_,
            "step_size": self.step_size_,
            "step_limit": self.step_limit_,
        }

    def _take_file_entries(self, file: "Reader") -> None:
        """Learn from a model file instead of data."""
        intercepts = file.inner("intercepts")
        self.intercept_ = intercepts.number("average")
        self.environment_intercepts_ = None
        if intercepts.take("environments") is not None:
            own = intercepts.numbers_by_name("environments")
            if set(own) != set(self.environments_):
                intercepts.refuse("environments", "null, or an intercept for each environment")
            self.environment_intercepts_ = own
        self.diverged_ = file.flag("diverged")
        self.n_steps_ = file.whole("n_steps")
        self.step_size_ = file.number("step_size")
        self.step_limit_ = file.number("step_limit", finite=False)
