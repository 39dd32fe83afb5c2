"""A forecast's answer as what JSON can hold, and back."""

from collections.abc import Mapping

import numpy as np

from elinvar._base._reader import Reader
from elinvar.answer._transfer_answer import TransferAnswer
from elinvar.answer.transfer_found import ALL_FEATURES, CONSTANT, MIXTURE, Floats
from elinvar.environments import Schema
from elinvar.forecast import SPREAD_LEVELS, Spread
from elinvar.forecast.adaptation import read_adaptation
from elinvar.forecast.curves import Curve


def describe_forecast(answer: TransferAnswer) -> dict[str, object]:
    """Return everything that an answer says beyond its schema and parameters."""
    return {
        "classes": answer.classes,
        "headline": answer.headline,
        "learners": answer.learners,
        "weights": answer.weights,
        "losses": dict(answer.losses),
        "wrong": answer.wrong,
        "in_sample": dict(answer.in_sample),
        "half_widths": answer.spread.half_widths,
        "selected": answer.selected,
        "shift_share": answer.shift_share,
        "adaptation": None if answer.adaptation is None else answer.adaptation.entries(),
        "curves": [vars(curve) for curve in answer.curves],
    }


def read_forecast(
    file: Reader,
    *,
    estimator: str,
    parameters: Mapping[str, object],
    schema: Schema,
    rows: Mapping[str, float],
    n_dropped: int,
    scales: Floats,
) -> TransferAnswer:
    """Return the answer that `describe_forecast` has written, after checking it.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    classes, learners = file.texts("classes"), file.texts("learners")
    if len(classes) == 1 or len(set(classes)) < len(classes):
        file.refuse("classes", "an empty list, or two different classes at least")
    if not learners or len(set(learners)) < len(learners):
        file.refuse("learners", "different names")
    weights = file.array("weights", (len(learners),))
    if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6:
        file.refuse("weights", "shares that sum to 1")
    losses = _losses(file.inner("losses"), learners, len(rows))
    known = len(rows) if losses else 0
    in_sample = file.numbers_by_name("in_sample")
    if set(in_sample) != {*learners, MIXTURE} or min(in_sample.values()) < 0:
        file.refuse("in_sample", "a number of at least 0 for each learner and the mixture")
    shift_share = file.array("shift_share", (2,), finite=False)
    selected = file.flags("selected", len(schema.features))
    if not selected.any():
        file.refuse("selected", "true for one feature at least")
    return TransferAnswer(
        estimator=estimator,
        parameters=parameters,
        schema=schema,
        classes=classes,
        rows=rows,
        n_dropped=n_dropped,
        scales=scales,
        learners=learners,
        weights=weights,
        losses=losses,
        wrong=file.array("wrong", (known if classes else 0,)),
        in_sample=in_sample,
        spread=Spread(file.array("half_widths", (0 if classes else known, len(SPREAD_LEVELS)))),
        selected=selected,
        shift_share=(float(shift_share[0]), float(shift_share[1])),
        curves=tuple(
            _curve(curve, schema, n_classes=len(classes), n_environments=len(rows))
            for curve in file.records("curves")
        ),
        adaptation=None
        if file.take("adaptation") is None
        else read_adaptation(
            file.inner("adaptation"),
            n_learners=int((weights > 0).sum()),
            n_columns=schema.n_columns,
            n_classes=len(classes),
        ),
    )


def _losses(file: Reader, learners: tuple[str, ...], n_environments: int) -> dict[str, Floats]:
    if not file.values:
        return {}
    needed = {*learners, MIXTURE, CONSTANT}
    if not needed <= set(file.values) <= needed | {ALL_FEATURES}:
        file.refuse("", "errors of each learner, the mixture and the constant")
    losses = {name: file.array(name, (n_environments,)) for name in file.values}
    for name, values in losses.items():
        if (values < 0).any():
            file.refuse(name, "numbers of at least 0")
    return losses


def _curve(file: Reader, schema: Schema, *, n_classes: int, n_environments: int) -> Curve:
    feature, outcome = file.whole("feature"), file.whole("outcome")
    if feature >= len(schema.features):
        file.refuse("feature", "the number of a feature")
    if outcome >= max(n_classes, 1):
        file.refuse("outcome", "the number of a class")
    x = file.take("x")
    length = len(x) if isinstance(x, list) else 0
    points = file.array("x", (length,))
    levels = schema.levels.get(schema.features[feature])
    if not length or (levels and not np.isin(points, np.arange(len(levels))).all()):
        file.refuse("x", "points of the curve")
    return Curve(
        feature=feature,
        outcome=outcome,
        x=points,
        common=file.array("common", (length,)),
        low=file.array("low", (length,), finite=False),
        high=file.array("high", (length,), finite=False),
        each=file.array("each", (n_environments, length)),
        each_low=file.array("each_low", (n_environments, length), finite=False),
        each_high=file.array("each_high", (n_environments, length), finite=False),
        size=file.number("size"),
        spread=file.number("spread", finite=False),
        share=file.number("share", finite=False),
    )
