"""The sections of a page, in order: each has a template of its name and what that lays out."""

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from elinvar.estimators._facts import DataFacts
from elinvar.report import _tables as tables
from elinvar.report import _terms as terms
from elinvar.report._words import acceptance_sentence, data_facts, is_average, margin_sentence

if TYPE_CHECKING:
    import pandas as pd

_PACKAGES = (
    "numpy", "scipy", "scikit-learn", "numba", "pandas", "pyarrow", "matplotlib", "jinja2",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section; ``name`` is its template and its anchor, ``link`` its line of contents."""

    name: str
    heading: str
    link: str
    parts: dict[str, Any] = field(default_factory=dict)


def sections(model: Any, *, source: str | None, command: str | None) -> list[Section]:
    """Return what a page about ``model`` says, without its figures."""
    if model.status_ == "pooled_only":
        found = [_pooled(model), Section(name="effects", heading="Side by side", link="Effects")]
    else:
        path = Section(
            name="path", heading="What leaves when disagreement is punished", link="Path"
        )
        found = [_verdicts(model), _effects(model), path, _left_out(model), _tests(model)]
    notes = Section(name="notes", heading="Notes", link="Notes", parts={"notes": model.notes_})
    found += [_diagnosis(model), *[notes] * bool(model.notes_)]
    return [*found, _data(model, source), _making(model, command)]


def _pooled(model: Any) -> Section:
    table = tables.table(model.evidence_, tables.POOLED, caption=_unit(model))
    return Section(
        name="verdicts",
        heading="Effects of the pooled model",
        link="Verdicts",
        parts={"table": table, "meaning": _meaning(model), "terms": {}, "more": None},
    )


def _verdicts(model: Any) -> Section:
    averaged = is_average(model)
    evidence = _with_range(model.evidence_, model.effects_).assign(averaged=averaged)
    evidence = tables.by_verdict(evidence)
    return Section(
        name="verdicts",
        heading="What holds, and what comes and goes",
        link="Verdicts",
        parts={
            "table": tables.table(evidence, tables.VERDICTS, caption=_unit(model)),
            "meaning": _meaning(model),
            "terms": {
                name: text for name, text in terms.TERMS.items() if name != "avg" or averaged.any()
            },
            "more": tables.table(
                evidence,
                tables.MORE_VERDICTS,
                caption="How each effect varies, and whether it was put to the test.",
            ),
            "more_terms": terms.MORE_TERMS,
        },
    )


def _meaning(model: Any) -> dict[str, str]:
    present = set(model.evidence_["verdict"])
    return {kind: terms.meaning(kind, model) for kind in tables.ORDER if kind in present}


def _unit(model: Any) -> str:
    unit = f"Effects in units of {model.schema_.target} per unit of the feature"
    if model.schema_.levels:
        unit += "; of a category, the largest difference between two levels"
    return f"{unit}."


def _with_range(evidence: "pd.DataFrame", effects: "pd.DataFrame") -> "pd.DataFrame":
    """Add to each feature its smallest and largest effect in a single environment."""
    grouped = effects.groupby("feature")["effect"]
    return evidence.assign(
        least=evidence["feature"].map(grouped.min()).astype(float),
        most=evidence["feature"].map(grouped.max()).astype(float),
    )


def _effects(model: Any) -> Section:
    caption = "Each effect in each environment that can tell it."
    return Section(
        name="effects",
        heading="Effects, environment by environment",
        link="Effects",
        parts={"table": tables.table(model.effects_, tables.EFFECTS, caption=caption)},
    )


def _left_out(model: Any) -> Section:
    target = model.schema_.target
    return Section(
        name="left_out",
        heading="Environments left out, and predicted",
        link="Left-out environments",
        parts={
            "margin": margin_sentence(model),
            "errors": tables.table(
                model.errors_, tables.ERRORS, caption=f"Mean squared error of {target}."
            ),
            "levels": tables.table(
                model.left_out_, tables.LEVELS, caption=f"Predicted and true {target}."
            ),
        },
    )


def _tests(model: Any) -> Section:
    residuals = (
        "Residuals of the invariant model in each environment. A mean of 0 and a slope of 1 say "
        "that level and size of the predictions are right there."
    )
    return Section(
        name="tests",
        heading="Does the invariant model fit?",
        link="Tests",
        parts={
            "sentence": acceptance_sentence(model),
            "tests": tables.table(model.tests_, tables.TESTS, caption="Tests of invariance."),
            "residuals": tables.table(model.residuals_, tables.RESIDUALS, caption=residuals),
        },
    )


def _diagnosis(model: Any) -> Section:
    diagnosis = model.diagnosis_
    caption = "What each feature offers, one by one; slopes and spreads in sd per sd."
    return Section(
        name="diagnosis",
        heading="What could these data show?",
        link="Diagnosis",
        parts={
            "verdict": diagnosis.verdict,
            "reason": diagnosis.reason,
            "notes": diagnosis.notes,
            "table": tables.table(diagnosis.features, tables.DIAGNOSIS, caption=caption),
            "more": tables.table(
                diagnosis.features,
                tables.MORE_DIAGNOSIS,
                caption="Tests of equality, and what plain one-environment steps would do.",
            ),
            "terms": terms.DIAGNOSIS_TERMS,
            "more_terms": terms.MORE_DIAGNOSIS_TERMS,
        },
    )


def _data(model: Any, source: str | None) -> Section:
    facts = data_facts(model)
    if source:
        facts.insert(0, ("Source", source))
    return Section(
        name="data",
        heading="Data",
        link="Data",
        parts={
            "facts": facts,
            "table": tables.table(
                _environments(model), tables.ENVIRONMENTS, caption="Environments."
            ),
        },
    )


def _environments(model: Any) -> "pd.DataFrame":
    """Rows of each environment, and the target's mean and sd there, as far as they are known."""
    import pandas as pd

    rows = DataFacts.of(model).rows
    table = pd.DataFrame({"environment": list(rows), "rows": list(rows.values())})
    truth = model.left_out_.drop_duplicates("environment").set_index("environment")
    for name in ("mean", "sd"):
        table[name] = table["environment"].map(truth[f"truth_{name}"]).astype(float)
    return table


def _making(model: Any, command: str | None) -> Section:
    facts = [
        ("Made on", datetime.now(UTC).date().isoformat()),
        ("Versions", ", ".join(_versions())),
        ("Method", "Xu, Gu and Fang, NeurIPS 2024, arXiv:2403.01420"),
    ]
    return Section(
        name="making",
        heading="How to repeat this",
        link="How to repeat this",
        parts={"command": command, "call": _call(model), "facts": facts},
    )


def _call(model: Any) -> str:
    """Write the estimator with all its parameters: defaults may change."""
    given = "".join(f"    {name}={value!r},\n" for name, value in model.get_params().items())
    return f"{type(model).__name__}(\n{given})"


def _versions() -> list[str]:
    from elinvar._base import __version__

    found = [f"elinvar {__version__}", f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
