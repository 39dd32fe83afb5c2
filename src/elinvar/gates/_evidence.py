"""What the data say of every feature: its effect, how sure, and whether environments agree."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from elinvar.gates._overidentification import assess
from elinvar.gates._problem import Floats, LinearProblem
from elinvar.gates._refit import Refit, agreement_p_value, refit

Verdict = Literal["invariant", "approximately invariant", "spurious", "no effect", "undecided"]


@dataclass(frozen=True, kw_only=True)
class FeatureEvidence:
    """Evidence on one feature.

    Attributes
    ----------
    verdict : str
        "invariant", "approximately invariant", "spurious", "no effect" or "undecided". Where the
        data cannot tell the effect at all, it is undecided and the numbers are NaN.
    effect, low, high : float
        Effect in the efficient refit of the selected support, with the feature if it is not in it,
        and its 95% interval: target units per unit of the feature, or the largest contrast between
        two levels of a categorical one. The interval takes environments as fixed.
    heterogeneity_p : float
        p-value of the same effect in all environments.
    """

    verdict: Verdict
    effect: float
    low: float
    high: float
    heterogeneity_p: float


_NOTHING = FeatureEvidence(
    verdict="undecided", effect=np.nan, low=np.nan, high=np.nan, heterogeneity_p=np.nan
)


def gather_evidence(
    problem: LinearProblem,
    selected: NDArray[np.bool_],
    status: str,
    level: float,
) -> list[FeatureEvidence]:
    """Evidence on every feature of the schema, in its order.

    Parameters
    ----------
    problem : LinearProblem
    selected : boolean array of shape (n_gates,)
    status : {"accepted", "approximate", "rejected", "pooled_only"}
    level : float
        Level of the overidentification test.
    """
    evidence = [_NOTHING] * len(problem.moments.schema.features)
    # a single environment has no selected support: its effects are those of the whole model
    selected = selected | (status == "pooled_only")
    inside = refit(problem, selected)
    outside = int((~selected).sum())
    single = 0.05 / max(outside, 1)
    for gate, feature in enumerate(problem.features):
        fit = inside if selected[gate] else refit(problem, selected | _unit(gate, selected))
        places = np.flatnonzero(problem.gate_of[fit.columns] == gate)
        if not fit.known[places].all():
            continue
        p_value = agreement_p_value(
            fit.own[:, places], fit.own_covariance[:, places[:, None], places], fit.freedom
        )
        effect, error = _contrast(problem, fit, places)
        margin = float(stdtrit(fit.freedom.sum(), 0.975)) * error
        verdict: Verdict = "undecided"
        if status in ("accepted", "approximate"):
            if selected[gate]:
                verdict = "invariant" if status == "accepted" else "approximately invariant"
            else:
                whole = float(assess(problem, (selected | _unit(gate, selected))[None]).p_value[0])
                differs = whole < min(level, single) or p_value < single
                verdict = "spurious" if differs else _weak(problem, fit, places)
        evidence[feature] = FeatureEvidence(
            verdict=verdict,
            effect=effect,
            low=effect - margin,
            high=effect + margin,
            heterogeneity_p=p_value,
        )
    return evidence


def _weak(problem: LinearProblem, fit: Refit, places: NDArray[np.intp]) -> Verdict:
    """Verdict on a feature outside the selected support whose effect does not differ."""
    block = fit.covariance[places[:, None], places]
    wald = float(fit.coef[places] @ np.linalg.pinv(block) @ fit.coef[places])
    return "no effect" if wald < problem.needed[len(places)] else "undecided"


def _contrast(problem: LinearProblem, fit: Refit, places: NDArray[np.intp]) -> tuple[float, float]:
    """Effect of a gate in the data's units, with its standard error."""
    columns = fit.columns[places] - problem.offset
    units = problem.target_scale / problem.scale[columns]
    coef = fit.coef[places] * units
    covariance = fit.covariance[places[:, None], places] * (units[:, None] * units)
    schema = problem.moments.schema
    gate = problem.gate_of[fit.columns[places[0]]]
    if schema.features[problem.features[gate]] not in schema.levels:
        return float(coef[0]), float(np.sqrt(covariance[0, 0]))
    levels = np.append(coef, 0.0)
    top, bottom = int(np.argmax(levels)), int(np.argmin(levels))
    direction: Floats = np.zeros(len(levels))
    direction[top] += 1.0
    direction[bottom] -= 1.0
    direction = direction[:-1]
    return float(levels[top] - levels[bottom]), float(np.sqrt(direction @ covariance @ direction))


def _unit(gate: int, like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    unit = np.zeros_like(like)
    unit[gate] = True
    return unit
