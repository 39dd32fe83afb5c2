"""What the regressor and the classifier that forecast new environments share."""

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from elinvar._base._reader import Reader
from elinvar.answer import TransferAnswer
from elinvar.answer.notebook import forecast_card
from elinvar.answer.transfer_codec import describe_forecast, read_forecast
from elinvar.answer.transfer_figures import draw_curves
from elinvar.environments import Environments, Missing, Unknown
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._adapted_model import Adaptable
from elinvar.estimators._environment_estimator import EnvironmentEstimator, Floats
from elinvar.estimators._facts import DataFacts
from elinvar.estimators._transfer_fit import Progress as Progress
from elinvar.estimators._transfer_fit import TransferTask, fit_forecast
from elinvar.estimators._views import Answered
from elinvar.forecast.mixture import Blend, read_blend, sharpened
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    import pandas as pd


class TransferEstimator(Answered[TransferAnswer], Adaptable, EnvironmentEstimator):
    """An estimator that forecasts rows of environments that it has not seen."""

    premium: float
    learners: Mapping[str, Any] | None
    n_jobs: int | None
    random_state: int

    answer_: TransferAnswer
    environments_: tuple[str, ...]
    selected_: NDArray[np.bool_]

    _learned_name: ClassVar[str] = "answer_"
    _missing: ClassVar[Missing] = "keep"
    _unknown: ClassVar[Unknown] = "warn"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "premium": [Interval(Real, 1, None, closed="left")],
        "learners": [None, Mapping],
        "n_jobs": [None, Integral],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        premium: float = 1.15,
        learners: Mapping[str, Any] | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.premium = premium
        self.learners = learners
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn(
        self, rows: Environments, classes: tuple[str, ...], progress: Progress | None
    ) -> Self:
        task = TransferTask(
            estimator=type(self).__name__,
            parameters=self.get_params(deep=False),
            classes=classes,
            own=self._own_learners(),
            premium=self.premium,
            n_jobs=self.n_jobs,
            seed=int(self.random_state),
            progress=progress,
        )
        mixture, answer = fit_forecast(rows, task)
        # what predicts; predictions of environments left out have done their work
        kept = {field.name: getattr(mixture, field.name) for field in fields(Blend)}
        self._take(answer, Blend(**kept))
        return self

    def _own_learners(self) -> dict[str, Any]:
        """Return the user's learners, after a look at them."""
        own = dict(self.learners or {})
        for name, estimator in own.items():
            if not isinstance(name, str):
                raise DataTypeError(
                    f"learners must name estimators by text; got the name {name!r}."
                )
            if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
                raise DataTypeError(
                    f"The learner {name!r} must be an estimator of scikit-learn, with fit and "
                    f"predict; got {type(estimator).__name__}."
                )
        return own

    def _take(self, answer: TransferAnswer, blend: Blend) -> None:
        self.answer_, self._blend = answer, blend
        self.environments_, self.selected_ = answer.environments, answer.selected
        # what predicts is the same wherever a row is from
        self.environment_intercepts_ = None

    def _predicted(self, X: ArrayLike) -> Floats:
        return self._predict_columns(self._encode(X))

    def _predict_columns(self, encoded: Floats) -> Floats:
        """Predict encoded rows: numbers (n, 1), or probabilities (n, n_classes)."""
        return self._blend.predict(encoded)

    def _half_widths(self, encoded: Floats, coverage: float) -> Floats:
        """Return half-widths of intervals for encoded rows, (n,)."""
        margin = self._blend.margin
        assert margin is not None
        return margin.half_widths(encoded, coverage)

    def _forecasts(self, encoded: Floats) -> tuple[Floats, Floats, Floats]:
        learners, weights = self._blend.weighed(encoded), self._blend.weights
        mean = np.einsum("m,nmk->nk", weights[weights > 0], learners)
        return encoded, sharpened(mean, self._blend.sharpness), learners

    def _linear_coef(self) -> None:
        return None

    @property
    def weights_(self) -> "pd.DataFrame":
        """A row a learner, with its weight in the forecast.

        Columns: ``learner``; ``weight``; ``left_out_error`` (root mean squared error, or mean log
        loss, in environments left out, which weigh equally; NaN with one environment);
        ``in_sample_error`` (on the rows it learnt from).
        """
        return self._answer().weights_table

    @property
    def left_out_(self) -> "pd.DataFrame":
        """A row an environment, with errors where it is left out; empty with one environment.

        Columns: ``environment``; ``rows``; each learner; ``mixture``; ``all features`` (the mixture
        with all of them, where fewer were chosen); ``constant`` (the mean of the others, or their
        shares of classes): root mean squared errors, or mean log losses, and then
        ``mixture_wrong``, the share of rows whose class is not the likeliest. Beyond five
        environments several are left out together.
        """
        return self._answer().left_out

    @property
    def shift_share_(self) -> dict[str, float]:
        """Part of the error in a new environment that the same columns, learnt there, would spare.

        Of ``all features`` and of the ``selected`` ones; NaN where it is not known.
        """
        whole, chosen = self._answer().shift_share
        return {"all features": whole, "selected": chosen}

    @property
    def curves_(self) -> "pd.DataFrame":
        """What each feature does to the prediction, everywhere and in each environment.

        Columns: ``feature``; ``environment``, or "common"; ``outcome`` (the class, of three or
        more); ``x`` (a value, or the name of a level); ``effect``, in units of the target or of
        log odds; ``low``, ``high``. The common curve is the forecast's partial dependence, and
        ``low`` to ``high`` holds the curve of a new environment with 90%. An environment's curve
        adds what its own rows say where it is left out, as far as chance does not explain it, with
        a 95% interval.
        """
        return self._answer().curves_table

    @property
    def notes_(self) -> tuple[str, ...]:
        """What the user should know, in sentences."""
        return self._answer().notes

    def tidy(self) -> "pd.DataFrame":
        """Return a row a feature, under the names of R's broom.

        Returns
        -------
        DataFrame
            ``term``; ``estimate``, the size of what the feature does to the forecast; ``spread`` of
            that between environments; ``share`` of the error; ``selected``; ``outcome`` (the class,
            of three or more). Columns of broom for tests are NaN: a forecast has none.
        """
        return self._answer().tidy()

    def glance(self) -> "pd.DataFrame":
        """Return the forecast in one row.

        Returns
        -------
        DataFrame
            ``nobs``; ``n_environments``, ``n_features``, ``n_selected``; ``heaviest`` (learner);
            ``error`` in environments left out (root mean squared, or mean log loss), with
            ``error_all_features``, ``error_constant`` and ``error_in_sample``; ``wrong`` (share
            of rows whose class is not the likeliest) and ``margin``. NaN: not known.
        """
        return self._answer().glance()

    def plot_curves(self, *, top: int = 9, outcome: Any = None) -> Axes:
        """Draw what each feature does to the prediction, in each environment and in common.

        Parameters
        ----------
        top : int
            Features to draw at most.
        outcome : label, optional
            Class to draw, of three or more; None: the first.

        Returns
        -------
        Axes
            The first panel.

        Raises
        ------
        DataError
            If there is no such class, or no feature that varies.
        """
        return draw_curves(self._answer(), top=top, outcome=outcome)

    def _said(self) -> str:
        return self.answer_.headline

    def _card(self) -> str:
        return forecast_card(self.answer_, self._name())

    def _file_entries(self) -> dict[str, object]:
        return {**describe_forecast(self.answer_), "forecast": self._blend.entries()}

    def _take_file_entries(self, file: Reader) -> None:
        facts: DataFacts = self.data_facts_
        answer = read_forecast(
            file,
            estimator=type(self).__name__,
            parameters=self.get_params(deep=False),
            schema=self.schema_,
            rows=facts.rows,
            n_dropped=facts.n_dropped,
            scales=facts.scales,
        )
        blend = read_blend(
            file.inner("forecast"),
            n_columns=len(self.schema_.groups),
            n_classes=len(answer.classes),
        )
        if (blend.margin is None) != (not len(answer.spread.half_widths)):
            file.refuse("forecast", "with a margin where environments were left out, else without")
        if blend.names != answer.learners or (blend.weights != answer.weights).any():
            file.refuse("forecast", "made of the learners, with their weights")
        self._take(answer, blend)


def refuse_interval(answer: TransferAnswer, coverage: float) -> None:
    """Refuse an interval that nobody can give.

    Raises
    ------
    DataError
        If there are too few environments.
    """
    reason = answer.spread.why_unknown(coverage)
    if reason:
        raise DataError(f"There is no prediction interval: {reason}")
