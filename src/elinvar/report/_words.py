"""What a fitted model found, in plain sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elinvar.report._numbers import count

if TYPE_CHECKING:
    from elinvar.estimators import InvariantRegressor

HOLDS = ("invariant", "approximately invariant")


def verdict_sentence(model: "InvariantRegressor") -> str:
    """Say in one sentence what holds everywhere, what comes and goes, and what predicts.

    Parameters
    ----------
    model : InvariantRegressor
        Fitted.

    Returns
    -------
    str
        The sentence.
    """
    return f"{found(model)}; {prediction(model)}."


def found(model: "InvariantRegressor") -> str:
    """Say what holds everywhere, and what comes and goes."""
    target = model.schema_.target
    n = len(model.environments_)
    if model.status_ == "pooled_only":
        return (
            "There is only one environment, so nothing can be compared"
            if n == 1
            else "The environments could not be compared"
        )
    places = f"all {n} environments" if n > 2 else "both environments"
    unstable = of_verdict(model, "spurious")
    if model.status_ == "rejected":
        text = f"Invariance is rejected: no set of effects explains {target} alike in {places}"
        return f"{text} ({listed(unstable)} {_verb(unstable)})" if unstable else text
    stable = of_verdict(model, *HOLDS)
    if not stable:
        text = f"No effect on {target} was found to hold in {places}"
    else:
        nearly = " approximately" if model.status_ == "approximate" else ""
        effects = "the effect" if len(stable) == 1 else "the effects"
        hold = "holds" if len(stable) == 1 else "hold"
        text = f"{effects} of {listed(stable)} on {target}{nearly} {hold} in {places}"
    text = text[0].upper() + text[1:]
    return f"{text}, while {listed(unstable)} {_verb(unstable)}" if unstable else text


def prediction(model: "InvariantRegressor") -> str:
    """Say which model predicts, and why."""
    if model.status_ == "pooled_only":
        return "the pooled model (least squares) answers"
    if model.predictor != "auto":
        return f"predictions use the {model.predictor_} model, as asked"
    left_out = "on left-out environments"
    return {
        "invariant": "predictions use the invariant model",
        "candidate": "predictions use another model, not invariant, that is clearly better than "
        f"the pooled one {left_out}",
        "pooled": f"predictions use the pooled model, since none is clearly better {left_out}",
    }[model.predictor_]


def of_verdict(model: "InvariantRegressor", *verdicts: str) -> list[str]:
    """Return the features that got one of these verdicts."""
    table = model.evidence_
    pairs = zip(table["feature"], table["verdict"], strict=True)
    return [str(feature) for feature, verdict in pairs if verdict in verdicts]


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return names as a sentence has them: a, b and c; beyond ``most`` they are counted."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} others"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def error_sentence(model: "InvariantRegressor") -> str | None:
    """Compare the models on left-out environments, or None where none could be left out."""
    errors = model.errors_.dropna(subset=["invariant", "pooled"])
    if not len(errors):
        return None
    better = int((errors["invariant"] < errors["pooled"]).sum())
    of = f"{better} of {len(errors)} left-out environments"
    if better == len(errors):
        of = "every left-out environment"
    elif not better:
        of = "no left-out environment"
    return f"The invariant model has the smaller error on {of}."


def data_facts(model: Any) -> list[tuple[str, str]]:
    """Describe the data in pairs of a name and its value."""
    from elinvar.estimators._facts import DataFacts

    schema, facts = model.schema_, DataFacts.of(model)
    pairs = [
        ("Target", schema.target),
        ("Features", f"{len(schema.features)}"),
        ("Environments", f"{len(facts.rows)} by {listed(schema.environment)}"),
        ("Rows", count(sum(facts.rows.values()))),
        ("Intercept", "shared" if model.intercept == "shared" else "one for each environment"),
    ]
    if model.excluded_environments_:
        pairs.append(("Environments left out", listed(model.excluded_environments_)))
    if facts.n_dropped:
        pairs.append(("Rows left out: a value is missing", count(facts.n_dropped)))
    return pairs


def _verb(names: Sequence[str]) -> str:
    return "comes and goes" if len(names) == 1 else "come and go"
