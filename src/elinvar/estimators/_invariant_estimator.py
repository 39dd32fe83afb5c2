"""What the regressor and the classifier share: their parameters, and the answer of a fit."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from elinvar._base._numbers import counted
from elinvar._base._reader import Reader
from elinvar.answer import Answer
from elinvar.answer.codec import describe_answer, read_answer
from elinvar.environments import Environments, Moments, Schema, labels_of_rows
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._environment_estimator import leave_out
from elinvar.estimators._environment_regressor import resolve_environment_weights
from elinvar.estimators._facts import DataFacts
from elinvar.estimators._findings import answer_of
from elinvar.estimators._views import AnswerViews
from elinvar.inference import LearningTask, Predictor, SelectionRule, Status, learn

Floats = NDArray[np.float64]

_FEWEST_CLUSTERS = 5


class InvariantEstimator(AnswerViews):
    """An estimator that asks which effects hold in every environment."""

    intercept: Literal["shared", "environment"]
    predictor: Literal["auto", "invariant", "pooled"]
    # what holds everywhere is asked of coefficients alone, unless an estimator asks for more
    invariance: Literal["coefficients", "coefficients and noise"] = "coefficients"
    features_always: Sequence[str | int] | None
    environment_weights: str | ArrayLike | Mapping[str, float]
    robust: bool
    exclude_environments: Sequence[Any] | None
    level: float | None
    t_threshold: float
    kappa: float
    tolerance: float
    exact_up_to: int
    strengths: ArrayLike | None
    random_state: int

    status_: Status
    predictor_: Predictor
    selected_: NDArray[np.bool_]
    p_value_: float
    disagreement_: float
    environments_: tuple[str, ...]
    excluded_environments_: tuple[str, ...]
    notes_: tuple[str, ...]
    data_facts_: DataFacts
    schema_: Schema

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"environments": True, "cluster": True}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "intercept": [StrOptions({"shared", "environment"})],
        "predictor": [StrOptions({"auto", "invariant", "pooled"})],
        "features_always": [None, "array-like"],
        "environment_weights": [StrOptions({"size", "equal"}), "array-like", Mapping],
        "robust": ["boolean"],
        "exclude_environments": [None, "array-like"],
        "level": [None, Interval(Real, 0, 1, closed="neither")],
        "t_threshold": [Interval(Real, 0, 30, closed="both")],
        "kappa": [Interval(Real, 0, None, closed="left")],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "effect_tolerance": [Interval(Real, 0, None, closed="left")],
        "smallest_effect": [Interval(Real, 0, None, closed="left")],
        "exact_up_to": [Interval(Integral, 0, 20, closed="both")],
        "strengths": [None, "array-like"],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def _answer_to(
        self,
        data: Moments | Environments,
        *,
        rows: Environments | None = None,
        hints: tuple[str, ...] = (),
        outcomes: tuple[str, ...] = (),
        calibrate: bool = True,
    ) -> Answer:
        """Learn from moments, or from rows whose target is the number of a class.

        With ``rows`` beside them covariances come from the rows; ``hints`` are notes on rows.
        """
        if self.strengths is not None:
            check_strengths(self.strengths)
        count = data.count if isinstance(data, Moments) else data.moments().count
        weights = resolve_environment_weights(self.environment_weights, data.names, count)
        task = LearningTask(
            intercept=self.intercept,
            predictor=self.predictor,
            always=feature_mask(self.features_always, self.schema_.features),
            t_threshold=self.t_threshold,
            rule=SelectionRule(
                level=self.level,
                kappa=self.kappa,
                tolerance=self.tolerance,
                exact_up_to=self.exact_up_to,
                noise=self.invariance == "coefficients and noise",
                seed=self.random_state,
            ),
            outcomes=outcomes,
            calibrate=calibrate,
        )
        return answer_of(
            learn(data, weights, task, rows=rows),
            estimator=type(self).__name__,
            parameters=self._parameters(),
            schema=self.schema_,
            excluded=tuple(self._excluded()),
            hints=hints,
        )

    def _take(self, answer: Answer) -> None:
        """Let the attributes of a fitted model be those of an answer."""
        self.answer_ = answer
        self.status_, self.predictor_ = answer.status, answer.predictor
        self.p_value_, self.disagreement_ = answer.p_value, answer.disagreement
        self.selected_, self.notes_ = answer.selected, answer.notes
        self.environments_ = answer.environments
        self.excluded_environments_ = answer.excluded

    def _file_entries(self) -> dict[str, object]:
        return describe_answer(self.answer_)

    def _take_file_entries(self, file: Reader) -> None:
        facts = self.data_facts_
        answer = read_answer(
            file,
            estimator=type(self).__name__,
            parameters=self._parameters(),
            schema=self.schema_,
            rows=facts.rows,
            n_dropped=facts.n_dropped,
            scales=facts.scales,
        )
        self._take(answer)

    def _excluded(self) -> list[str]:
        """Names of the environments to leave out."""
        values = self.exclude_environments
        if values is None:
            return []
        if isinstance(values, str):
            return [values]
        return list(dict.fromkeys(labels_of_rows(list(values), len(values))))

    def _parameters(self) -> dict[str, object]:
        found: dict[str, object] = self.get_params(deep=False)  # type: ignore[attr-defined]
        return found


def feature_mask(
    wanted: Sequence[str | int] | None, features: tuple[str, ...]
) -> NDArray[np.bool_]:
    """Return a mask over features from their names or positions."""
    mask = np.zeros(len(features), dtype=bool)
    for item in [] if wanted is None else list(wanted):
        place: Any = features.index(item) if isinstance(item, str) and item in features else item
        # to Python True is an integer, and it is no position
        known = isinstance(place, Integral) and not isinstance(place, bool)
        if not known or not -len(mask) <= place < len(mask):
            raise DataError(
                f"features_always names {item!r}, which is not one of the {len(features)} features "
                f"({', '.join(features[:10])}{', ...' if len(features) > 10 else ''})."
            )
        mask[int(place)] = True
    return mask


def check_clusters(rows: Environments) -> None:
    """Refuse clusters that are too few for a variance between them, in any environment.

    Raises
    ------
    DataError
    """
    if rows.cluster is None or len(rows.names) < 2:
        return
    pairs = np.unique(np.column_stack([rows.codes, rows.cluster.codes]), axis=0)
    found = np.bincount(pairs[:, 0], minlength=len(rows.names))
    few = [n for n, k in zip(rows.names, found, strict=True) if k < _FEWEST_CLUSTERS]
    if few:
        least = int(np.argmin(found))
        also = f" ({len(few) - 1} more have too few as well)" if len(few) > 1 else ""
        raise DataError(
            f"Environment {rows.names[least]!r} has {counted(int(found[least]), 'cluster')} "
            f"only; at least {_FEWEST_CLUSTERS} are needed to see how they differ{also}. Name a "
            f"finer column as cluster, merge environments, or {leave_out(few)}."
        )


def check_strengths(values: ArrayLike) -> None:
    """Refuse strengths of a penalty that are not numbers, or not increasing."""
    try:
        strengths = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"strengths must be numbers: {error}.") from error
    if strengths.ndim != 1 or len(strengths) == 0 or not np.isfinite(strengths).all():
        raise DataError("strengths must be a list of finite numbers, one at least.")
    if (strengths < 0).any() or (np.diff(strengths) <= 0).any():
        raise DataError("strengths must be >= 0 and increasing.")
