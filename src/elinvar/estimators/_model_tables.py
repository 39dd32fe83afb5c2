"""The tables of evidence in a model file: what is written, and what is believed when read."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import numpy as np

from elinvar.environments import Schema
from elinvar.errors import ModelFileError
from elinvar.estimators._evidence import ERRORS, EVIDENCE, LEFT_OUT
from elinvar.estimators._json import Reader
from elinvar.inference import (
    Diagnosis,
    EnvironmentEffect,
    EnvironmentResiduals,
    Forecast,
    ModelTest,
    OddEnvironment,
)
from elinvar.inference.effects._evidence import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.estimators._invariant_regressor import InvariantRegressor


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Columns of a table; what is neither text nor flag holds numbers, which may be null."""

    columns: tuple[str, ...]
    texts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


TABLES = {
    "evidence": _Kind(
        columns=EVIDENCE,
        texts=("feature", "verdict", "odd_environment"),
    ),
    "effects": _Kind(
        columns=_names(EnvironmentEffect),
        texts=("feature", "environment"),
    ),
    "tests": _Kind(
        columns=_names(ModelTest),
        texts=("test", "question"),
    ),
    "residuals": _Kind(
        columns=_names(EnvironmentResiduals),
        texts=("environment",),
    ),
    "errors": _Kind(
        columns=ERRORS,
        texts=("environment",),
    ),
    "left_out": _Kind(
        columns=LEFT_OUT,
        texts=("environment", "model"),
    ),
}
_FEATURES = _Kind(
    columns=(
        "feature", "mean_shift", "mean_p", "scale_ratio", "scale_p", "slope", "slope_sd", "slope_p",
        "positive", "negative", "flips", "moved", "vif", "told_apart", "growth", "gain_low",
        "gain_high", "step_low", "step_high", "detectable_sd",
    ),
    texts=("feature",),
    flags=("flips", "moved", "told_apart"),
)  # fmt: skip
_POWER = _Kind(columns=("environments", "rows", "detectable_sd", "is_now"), flags=("is_now",))
_DIAGNOSES = ("can answer", "can answer in part", "cannot")


def describe_tables(model: "InvariantRegressor") -> dict[str, Any]:
    """Return the tables of a fitted model as lists of records, and what belongs to them."""
    tables = {name: getattr(model, f"{name}_").to_dict("records") for name in TABLES}
    odd, diagnosis = model.odd_environment_, model.diagnosis_
    return tables | {
        "forecast": vars(model.forecast_),
        "odd_environment": None if odd is None else vars(odd),
        "diagnosis": vars(diagnosis)
        | {
            "features": diagnosis.features.to_dict("records"),
            "power": diagnosis.power.to_dict("records"),
        },
    }


def build_tables(model: Any, file: Reader, schema: Schema) -> None:
    """Give ``model`` the tables of a model file, after checking them."""
    for name, kind in TABLES.items():
        setattr(model, f"{name}_", read_table(file, name, kind))
    if not set(model.evidence_["verdict"]) <= set(get_args(Verdict)):
        _refuse("evidence", "verdicts that elinvar knows")
    if tuple(model.evidence_["feature"]) != schema.features:
        _refuse("evidence", "a row for each feature, in order")
    model.forecast_ = _forecast(file.inner("forecast"))
    model.odd_environment_ = _odd(file)
    model.diagnosis_ = _diagnosis(file.inner("diagnosis"))


def _forecast(file: Reader) -> Forecast:
    return Forecast(
        margin=file.number("margin", finite=False),
        coverage=file.number("coverage"),
        n_environments=file.whole("n_environments"),
        needed=file.whole("needed"),
        reason=file.text("reason"),
    )


def _odd(file: Reader) -> OddEnvironment | None:
    if file.take("odd_environment") is None:
        return None
    odd = file.inner("odd_environment")
    return OddEnvironment(
        name=odd.text("name"), share=odd.number("share"), p_value=odd.number("p_value")
    )


def _diagnosis(file: Reader) -> Diagnosis:
    environments = file.texts("environments")
    verdict: Any = file.text("verdict", _DIAGNOSES)
    return Diagnosis(
        verdict=verdict,
        reason=file.text("reason"),
        notes=file.texts("notes"),
        features=read_table(file, "features", _FEATURES),
        power=read_table(file, "power", _POWER),
        environments=environments,
        rows=tuple(file.array("rows", (len(environments),)).tolist()),
        step_size=file.number("step_size", finite=False),
    )


def read_table(file: Reader, key: str, kind: _Kind) -> "pd.DataFrame":
    """Read a list of records of the columns of ``kind``, and no others."""
    import pandas as pd

    records = file.records(key)
    for record in records:
        if set(record.values) != set(kind.columns):
            _refuse(key, f"rows with {', '.join(kind.columns)}")
    return pd.DataFrame({name: _column(records, name, kind) for name in kind.columns})


def _column(records: list[Reader], name: str, kind: _Kind) -> Any:
    if name in kind.texts:
        return [record.text(name) for record in records]
    if name in kind.flags:
        return [record.flag(name) for record in records]
    if records and all(type(record.values[name]) is int for record in records):
        return np.array([record.whole(name) for record in records], dtype=np.int64)
    return np.array([record.number(name, finite=False) for record in records], dtype=np.float64)


def _refuse(key: str, needed: str) -> NoReturn:
    raise ModelFileError(f"The model file is damaged: {key} must have {needed}.")
