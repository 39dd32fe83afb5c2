"""An answer as what JSON can hold, and back: what is written, and what is believed when read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from elinvar._base._reader import Reader
from elinvar.answer._answer import Answer
from elinvar.answer._found import PREDICTORS, STATUSES, TABLES, FittedModel
from elinvar.answer.tables import TEXTS, columns_of
from elinvar.environments import Schema
from elinvar.forecast.adaptation import Adaptation, read_adaptation
from elinvar.inference import (
    BreakEven,
    Diagnosis,
    Forecast,
    InvariancePath,
    OddEnvironment,
    RiskLine,
    Verdict,
)

if TYPE_CHECKING:
    import pandas as pd


_FEATURES = (
    "feature", "mean_shift", "mean_p", "scale_ratio", "scale_p", "slope", "slope_sd", "slope_p",
    "positive", "negative", "flips", "moved", "tested", "vif", "told_apart", "growth",
    "gain_low", "gain_high", "step_low", "step_high", "detectable_sd", "effect_size",
)  # fmt: skip
_POWER = ("environments", "rows", "detectable_sd", "is_now")
_FLAGS = frozenset({"flips", "moved", "tested", "told_apart", "is_now"})
_DIAGNOSES = ("can answer", "can answer in part", "cannot")


def describe_answer(answer: Answer) -> dict[str, object]:
    """Return everything that an answer says beyond its schema and parameters."""
    schema, odd, diagnosis = answer.schema, answer.odd_environment, answer.diagnosis
    return {
        "classes": answer.classes,
        "status": answer.status,
        "reason": answer.reason,
        "p_value": answer.p_value,
        "disagreement": answer.disagreement,
        "predictor": answer.predictor,
        "excluded_environments": answer.excluded,
        "selected": answer.selected,
        **describe_model(schema, answer.used),
        "invariant": describe_model(schema, answer.invariant),
        "pooled": describe_model(schema, answer.pooled),
        "notes": answer.notes,
        "path": {
            name: getattr(answer.path, name)
            for name in ("strength", "converged", "coef", "standardized")
        },
        **{name: answer.table(name).to_dict("records") for name in TABLES},
        "adaptation": None if answer.adaptation is None else answer.adaptation.entries(),
        "forecast": asdict(answer.forecast),
        "break_even": None if answer.break_even is None else asdict(answer.break_even),
        "odd_environment": None if odd is None else asdict(odd),
        "diagnosis": vars(diagnosis)
        | {
            "features": diagnosis.features.to_dict("records"),
            "power": diagnosis.power.to_dict("records"),
        },
    }


def read_answer(
    file: Reader,
    *,
    estimator: str,
    parameters: Mapping[str, object],
    schema: Schema,
    rows: Mapping[str, float],
    n_dropped: int,
    scales: NDArray[np.float64],
) -> Answer:
    """Return the answer that `describe_answer` has written, after checking it.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    classes = file.texts("classes")
    if len(classes) == 1 or len(set(classes)) < len(classes):
        file.refuse("classes", "an empty list, or two different classes at least")
    answer = Answer(
        estimator=estimator,
        parameters=parameters,
        schema=schema,
        classes=classes,
        rows=rows,
        excluded=file.texts("excluded_environments"),
        n_dropped=n_dropped,
        scales=scales,
        status=file.choice("status", STATUSES),
        predictor=file.choice("predictor", PREDICTORS),
        p_value=file.number("p_value", finite=False),
        disagreement=file.number("disagreement", finite=False),
        selected=file.flags("selected", len(schema.features)),
        used=read_model(file, schema, rows, n_classes=len(classes)),
        invariant=read_model(file.inner("invariant"), schema, rows, n_classes=len(classes)),
        pooled=read_model(file.inner("pooled"), schema, rows, n_classes=len(classes)),
        notes=file.texts("notes"),
    )
    tables = {
        name: read_table(file, name, columns_of(name, classes=bool(classes))) for name in TABLES
    }
    for name, table in tables.items():
        if "verdict" in table and not set(table["verdict"]) <= set(get_args(Verdict)):
            file.refuse(name, "verdicts that elinvar knows", verb="have")
    if tuple(tables["evidence"]["feature"]) != schema.features:
        file.refuse("evidence", "a row for each feature, in order", verb="have")
    return answer.completed(
        tables
        | {
            "forecast": _forecast(file.inner("forecast")),
            "break_even": _break_even(file),
            "odd_environment": _odd(file),
            "diagnosis": _diagnosis(file.inner("diagnosis")),
            "path": _path(file.inner("path"), schema),
            "adaptation": _adaptation(file, schema, n_classes=len(classes)),
        }
    )


def by_column(schema: Schema, coef: NDArray[np.float64]) -> dict[str, object]:
    """Return coefficients (n_columns,) or (m, n_columns) by the names of the columns."""
    return dict(zip(column_keys(schema), coef.T.tolist(), strict=True))


def column_keys(schema: Schema) -> list[str]:
    """Return a name for each column; two columns may look alike ("sex=male" and a level)."""
    keys: list[str] = []
    taken = set(schema.columns)
    for name in schema.columns:
        key, k = name, 2
        while key in keys:
            key = f"{name} ({k})" if f"{name} ({k})" not in taken else key
            k += 1
        keys.append(key)
    return keys


def describe_model(schema: Schema, model: FittedModel) -> dict[str, object]:
    """Return coefficients and intercepts by name, a number each where there is one outcome."""
    single = len(model.coef) == 1
    own = model.intercepts
    entries: dict[str, object] = {
        "coef": by_column(schema, model.coef[0] if single else model.coef),
        "intercepts": {
            "average": model.intercept[0] if single else model.intercept,
            "environments": None
            if own is None
            else {name: value[0] if single else value for name, value in own.items()},
        },
    }
    if isinstance(model.shift, np.ndarray):
        entries["calibration"] = {"slope": model.slope, "shift": model.shift}
    return entries


def read_model(
    file: Reader, schema: Schema, rows: Mapping[str, float], *, n_classes: int = 0
) -> FittedModel:
    """Return what `describe_model` has written, after checking it."""
    m = max(n_classes - 1, 1)
    shape = () if m == 1 else (m,)
    intercepts, own = file.inner("intercepts"), None
    if intercepts.take("environments") is not None:
        inner = intercepts.inner("environments")
        if set(inner.values) != set(rows):
            intercepts.refuse("environments", "null, or an intercept for each environment")
        own = {name: inner.array(name, shape).reshape(m) for name in rows}
    model = FittedModel(
        coef=read_columns(file, "coef", schema, shape).reshape(-1, m).T,
        intercept=intercepts.array("average", shape).reshape(m),
        intercepts=own,
    )
    if not n_classes:
        return model
    calibration = file.inner("calibration")
    return replace(model, slope=calibration.number("slope"), shift=calibration.array("shift", (m,)))


def read_columns(
    file: Reader, key: str, schema: Schema, shape: tuple[int, ...] = ()
) -> NDArray[np.float64]:
    """Return an entry that has numbers for every column, (n_columns, *shape)."""
    inner, keys = file.inner(key), column_keys(schema)
    if set(inner.values) != set(keys):
        file.refuse(key, "a number for each column of the features, and no more")
    return np.stack([inner.array(name, shape) for name in keys])


def read_labels(file: Reader, classes: Sequence[str]) -> NDArray[Any]:
    """Return the labels whose texts are ``classes``, of the kind that they had in the data."""
    needed = "the classes, as they were"
    labels = np.array(file.get("labels", list[str | int | float | bool], needed))
    file.must([str(label) for label in labels] == list(classes), "labels", needed)
    return labels


def _forecast(file: Reader) -> Forecast:
    return Forecast(
        margin=file.number("margin", finite=False),
        limit=file.number("limit", finite=False),
        coverage=file.number("coverage"),
        n_environments=file.whole("n_environments"),
        needed=file.whole("needed"),
        reason=file.text("reason"),
    )


def _adaptation(file: Reader, schema: Schema, *, n_classes: int) -> Adaptation | None:
    # files of earlier versions do not have it
    if n_classes or file.values.get("adaptation") is None:
        return None
    return read_adaptation(
        file.inner("adaptation"), n_learners=0, n_columns=schema.n_columns, n_classes=0
    )


def _break_even(file: Reader) -> BreakEven | None:
    if file.take("break_even") is None:
        return None
    inner = file.inner("break_even")
    return BreakEven(
        lines=tuple(
            RiskLine(
                model=line.choice("model", PREDICTORS),
                level=line.number("level", finite=False),
                rise=line.number("rise", finite=False),
            )
            for line in inner.records("lines")
        ),
        rival=inner.choice("rival", PREDICTORS),
        **{name: inner.number(name, finite=False) for name in ("shift", "low", "high")},
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
    return Diagnosis(
        verdict=file.choice("verdict", _DIAGNOSES),  # type: ignore[arg-type]
        reason=file.text("reason"),
        advice=file.text("advice"),
        notes=file.texts("notes"),
        features=read_table(file, "features", _FEATURES),
        power=read_table(file, "power", _POWER),
        environments=environments,
        rows=tuple(file.array("rows", (len(environments),)).tolist()),
        step_size=file.number("step_size", finite=False),
    )


def _path(file: Reader, schema: Schema) -> InvariancePath:
    strength = file.take("strength")
    length = len(strength) if isinstance(strength, list) else 0
    shape = (length, len(schema.columns))
    return InvariancePath(
        strength=file.array("strength", (length,)),
        coef=file.array("coef", shape),
        converged=file.flags("converged", length),
        columns=schema.columns,
        standardized=file.array("standardized", shape),
    )


def read_table(file: Reader, key: str, names: tuple[str, ...]) -> "pd.DataFrame":
    """Read a list of records of these columns, and no others."""
    import pandas as pd

    records = file.records(key)
    for record in records:
        if set(record.values) != set(names):
            file.refuse(key, f"rows with {', '.join(names)}", verb="have")
    return pd.DataFrame({name: _column(records, name) for name in names})


def _column(records: list[Reader], name: str) -> object:
    """Read text, flags, whole numbers or, in all other columns, numbers that may be null."""
    if name in TEXTS:
        return np.array([record.text(name) for record in records], dtype=object)
    if name in _FLAGS:
        return [record.flag(name) for record in records]
    # not isinstance: true and false are integers, too
    if records and all(type(record.values[name]) is int for record in records):
        return np.array([record.whole(name) for record in records], dtype=np.int64)
    return np.array([record.number(name, finite=False) for record in records], dtype=np.float64)
