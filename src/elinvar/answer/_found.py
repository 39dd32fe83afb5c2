"""The numbers and tables of an answer, and who computes them when they are asked for."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from elinvar._base._plain_frames import with_frame, without_frame
from elinvar.answer._places import adaptation_of
from elinvar.answer.few_rows import rows_table
from elinvar.answer.tables import errors_table, evidence_table, left_out_table, table_of
from elinvar.environments import Schema
from elinvar.forecast.adaptation import Adaptation
from elinvar.inference import (
    BreakEven,
    Diagnosis,
    Evidence,
    Findings,
    Forecast,
    InvariancePath,
    LeftOut,
    LinearModel,
    LogisticModel,
    OddEnvironment,
    Predictor,
    Status,
    Verdict,
    forecast,
)

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
AnyFindings: TypeAlias = Findings[LinearModel] | Findings[LogisticModel]
TableName = Literal[
    "evidence", "all_features", "effects", "tests", "residuals", "errors", "left_out"
]

TABLES: tuple[TableName, ...] = get_args(TableName)
STATUSES: tuple[Status, ...] = get_args(Status)
PREDICTORS: tuple[Predictor, ...] = get_args(Predictor)

HOLDS = ("invariant", "nearly invariant")
"""Verdicts on an effect that may be carried to a new environment."""

VERDICTS: tuple[Verdict, ...] = (
    "invariant",
    "nearly invariant",
    "same direction",
    "varies",
    "spurious",
    "no effect",
    "undecided",
)
"""Verdicts on an effect, in the order in which they are shown."""

NEW_PLACE = 0.9
"""Share of new environments that a statement is made for."""

_ASKED_FOR = (
    *TABLES, "forecast", "break_even", "odd_environment", "diagnosis", "path", "adaptation",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedModel:
    """A linear predictor in the data's units: of the target, or of log odds against a reference.

    Attributes
    ----------
    coef : array of shape (m, n_columns)
        m is 1 for numbers and for two classes, else the number of classes less one.
    intercept : array of shape (m,)
        Shared by all environments, or the average of their own.
    intercepts : dict of str to array of shape (m,), or None
        Each environment's own.
    slope, shift : float, array of shape (m,)
        What calibrates log odds in a new environment; 1 and 0 for numbers.
    """

    coef: Floats
    intercept: Floats
    intercepts: Mapping[str, Floats] | None = None
    slope: float = 1.0
    shift: Floats | float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """What was found about effects in several environments: numbers, and how sure they are.

    What takes time is computed when it is first asked for, once. `Answer` documents the attributes.
    """

    _: KW_ONLY
    estimator: str
    parameters: Mapping[str, object]
    schema: Schema
    classes: tuple[str, ...] = ()
    rows: Mapping[str, float]
    excluded: tuple[str, ...]
    n_dropped: int
    scales: Floats
    status: Status
    predictor: Predictor
    p_value: float
    disagreement: float
    selected: NDArray[np.bool_]
    used: FittedModel
    invariant: FittedModel
    pooled: FittedModel
    notes: tuple[str, ...] = ()
    found: AnyFindings | None = None

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments."""
        return tuple(self.rows)

    @property
    def own_intercepts(self) -> bool:
        """Whether each environment has an intercept of its own."""
        return self.parameters.get("intercept", "shared") == "environment"

    @property
    def effect_tolerance(self) -> float:
        """How far a steady effect may be from its average in a new environment, as a share."""
        return float(self.parameters["effect_tolerance"])  # type: ignore[arg-type]

    @property
    def smallest_effect(self) -> float:
        """Smallest effect of interest, in sd of the target per sd of the feature."""
        return float(self.parameters["smallest_effect"])  # type: ignore[arg-type]

    @property
    def outcome(self) -> str:
        """What effects are on, in words."""
        if not self.classes:
            return self.schema.target
        # of two classes the sign of an effect is that of the second; of more it has none
        of = f"={self.classes[1]}" if len(self.classes) == 2 else ""
        return f"the log odds of {self.schema.target}{of}"

    @property
    def selected_features(self) -> list[str]:
        """Names of the features in the selected set."""
        pairs = zip(self.schema.features, self.selected, strict=True)
        return [name for name, inside in pairs if inside]

    @cached_property
    def evidence(self) -> "pd.DataFrame":
        """Strongest statement on every feature, a row each; see `InvariantRegressor.evidence_`."""
        return evidence_table(self.schema, self._evidence.features, self.pooled.coef, self.path)

    @cached_property
    def all_features(self) -> "pd.DataFrame":
        """What one model says of every feature, all of them together; a row each."""
        rows = self._evidence.all_features
        return evidence_table(self.schema, rows, self.pooled.coef, self.path)

    @property
    def of_set(self) -> "pd.DataFrame":
        """Rows of ``evidence`` that speak of the invariant set, alone or with one more feature."""
        return self.evidence[self.evidence["model"] != "all features"]

    @property
    def n_statements(self) -> int:
        """How many features there is a statement on."""
        return int((self.evidence["verdict"] != "undecided").sum())

    @property
    def expected_false(self) -> float:
        """How many of the statements to expect to fail in a new place, at most: a tenth of them."""
        return (1.0 - NEW_PLACE) * self.n_statements

    @cached_property
    def effects(self) -> "pd.DataFrame":
        """Effect of each feature in each environment that can tell it, a row each."""
        return table_of("effects", map(vars, self._evidence.effects))

    @cached_property
    def tests(self) -> "pd.DataFrame":
        """Tests of the invariant model, a row each."""
        return table_of("tests", map(vars, self._findings.tests()))

    @cached_property
    def residuals(self) -> "pd.DataFrame":
        """Residuals of the invariant model, a row an environment."""
        return table_of("residuals", map(vars, self._findings.residuals()))

    @cached_property
    def errors(self) -> "pd.DataFrame":
        """Errors on each environment when it is left out, a row each."""
        return errors_table(self._left_out, classes=bool(self.classes))

    @cached_property
    def left_out(self) -> "pd.DataFrame":
        """Predictions for each left-out environment against its truth, a row a model."""
        return left_out_table(self._left_out)

    @cached_property
    def forecast(self) -> Forecast:
        """How far predictions may be off in a new environment, or why that cannot be said."""
        return forecast(self._left_out)

    @cached_property
    def break_even(self) -> BreakEven | None:
        """From which shift on the invariant model is the better forecast, if that can be said."""
        return self._findings.break_even()

    @property
    def break_even_(self) -> BreakEven | None:
        """The same, under the estimators' name."""
        return self.break_even

    @cached_property
    def odd_environment(self) -> OddEnvironment | None:
        """The environment that is responsible where environments do not agree, if one is."""
        return self._findings.odd_environment()

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What the data could answer, whatever the model."""
        return self._findings.diagnosis()

    @cached_property
    def path(self) -> InvariancePath:
        """Coefficients along the mean-field path."""
        strengths = self.parameters.get("strengths")
        return self._findings.path(
            None if strengths is None else np.asarray(strengths, dtype=np.float64)
        )

    @cached_property
    def adaptation(self) -> Adaptation | None:
        """What may differ in a new place; None for classes, and where nothing is known of it."""
        if self.classes or len(self.rows) < 2:
            return None
        return adaptation_of(cast("Findings[LinearModel]", self._findings))

    @property
    def adaptation_(self) -> "pd.DataFrame":
        """Error to expect in a new place after 0 to 100 labelled rows; see `rows_table`."""
        return rows_table(self.adaptation)

    def table(self, name: TableName) -> "pd.DataFrame":
        """Return one of the tables by its name."""
        table: pd.DataFrame = getattr(self, name)
        return table

    def completed(self, values: Mapping[str, object]) -> Self:
        """Take what was once computed, such as the tables of a model file, and return itself."""
        self.__dict__.update({name: values[name] for name in _ASKED_FOR})
        return self

    def __getstate__(self) -> dict[str, object]:
        """Keep what is asked for, and leave rows behind."""
        state = dict(self.__dict__)
        if self.found is not None and not self.found.portable:
            # a pickle may go where the rows must not: what could be asked of them is asked now
            state |= {name: getattr(self, name) for name in _ASKED_FOR}
            gone = ("_evidence", "_left_out", "explanation")
            state = {name: value for name, value in state.items() if name not in gone}
            state["found"] = None
        return {name: _without_frames(value) for name, value in state.items()}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take them up again."""
        self.__dict__.update({name: _with_frames(value) for name, value in state.items()})

    @property
    def _findings(self) -> AnyFindings:
        if self.found is None:
            raise AttributeError("This answer was restored without what it is asked for.")
        return self.found

    @cached_property
    def _evidence(self) -> Evidence:
        return self._findings.evidence(self.effect_tolerance, self.smallest_effect)

    @cached_property
    def _left_out(self) -> list[LeftOut]:
        return self._findings.left_out() if len(self.rows) > 1 else []


def _without_frames(value: object) -> object:
    if isinstance(value, Diagnosis):
        return _each_frame(value, without_frame)
    return without_frame(value)


def _with_frames(value: object) -> object:
    return _each_frame(value, with_frame) if isinstance(value, Diagnosis) else with_frame(value)


def _each_frame(value: Diagnosis, change: Callable[[object], object]) -> Diagnosis:
    frames = {name: change(getattr(value, name)) for name in ("features", "power")}
    return replace(value, **frames)  # type: ignore[arg-type]
