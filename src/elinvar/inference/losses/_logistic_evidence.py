"""Evidence on every feature of a logistic model: effects on the log odds, spread, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri

from elinvar.inference.effects._effects import FEWEST, FeatureEffect
from elinvar.inference.effects._evidence import (
    Evidence,
    FeatureEvidence,
    Standing,
    Verdict,
    _agreement,
    _by_environment,
    _Judge,
    _level_spread,
    _odd,
    _random,
)
from elinvar.inference.effects._refit import agreement_p_value
from elinvar.inference.losses._logistic_problem import (
    RIDGE,
    Bools,
    LogisticProblem,
    Support,
    assess_gates,
    informations,
)
from elinvar.inference.problem._linear import Floats
from elinvar.inference.tests._laws import law_p_values

_LEVEL = 0.05
_NORMAL_95 = float(ndtri(0.975))


@dataclass(frozen=True, kw_only=True)
class _LogisticJudge(_Judge):
    """The rules of `gather_evidence`, with the test of the logistic model."""

    tests: Mapping[int, Support]

    def _differs(self, gate: int, found: FeatureEffect, p_value: float) -> bool:
        single = _LEVEL / max(int((~self.selected).sum()), 1)
        support = self.tests[gate]
        if support.by_discriminant:
            return support.p_value < min(self.level, single)
        if self.standing == "approximate":
            return p_value < single and not self.steady(gate, found)
        if p_value < single or (found.freedom < FEWEST).any():
            return p_value < single
        return support.p_value < min(self.level, single)


def logistic_evidence(
    problem: LogisticProblem,
    selected: Bools,
    standing: Standing,
    level: float,
    *,
    rivals: list[Support],
    tolerance: float = 0.25,
) -> Evidence:
    """Gather evidence on every feature, as `gather_evidence` does for a linear model.

    An effect is on the log odds, per unit of the feature; of a feature with several coefficients
    (more than two classes, or a categorical feature) the largest contrast, with Scheffé's
    interval. Where an environment's classes are separated it has no effects of its own.
    """
    selected = selected | (standing == "pooled_only")
    outside = np.flatnonzero(~selected)
    masks = np.array([selected, *(_opened(selected, int(gate)) for gate in outside)])
    inside, *others = assess_gates(problem, masks)
    fits = {gate: inside for gate in range(len(selected))}
    fits |= dict(zip(outside.tolist(), others, strict=True))
    known: dict[int, _Fit] = {}
    effects: list[FeatureEffect | None] = []
    for gate, support in fits.items():
        fit = known.setdefault(id(support), _Fit(problem, support))
        gain = _gain(inside, support) if support is not inside else np.inf
        effects.append(fit.effect(gate, gain))
    random = _random(effects, len(problem.count))
    agreement = _agreement(effects, random)
    judge = _LogisticJudge(
        problem=problem,  # type: ignore[arg-type]
        random=random,
        level_spread=_level_spread(effects),
        selected=selected,
        rivals=np.array([rival.gates for rival in rivals], dtype=bool).reshape(
            len(rivals), len(selected)
        ),
        standing=standing,
        level=level,
        tolerance=tolerance,
        tests=fits,
    )
    verdicts: list[Verdict] = [
        "undecided" if found is None else _verdict(judge, gate, found, float(agreement[gate]))
        for gate, found in enumerate(effects)
    ]
    if "spurious" in verdicts and not selected.any():
        verdicts = ["undecided"] * len(verdicts)
    moved = law_p_values(problem.linear, selected)
    schema, names = problem.linear.moments.schema, problem.linear.moments.names
    features, own = [FeatureEvidence()] * len(schema.features), []
    for gate, found in enumerate(effects):
        if found is None:
            continue
        place = problem.linear.features[gate]
        own.extend(_by_environment(found, schema.features[place], names))
        effect, low, high = found.effect, found.low, found.high
        if judge.varies(verdicts[gate]) and np.isfinite(random.mean[gate]):
            effect, low, high = random.average(gate)
        features[place] = FeatureEvidence(
            verdict=verdicts[gate],
            effect=effect,
            low=low,
            high=high,
            heterogeneity_p=float(agreement[gate]),
            between_sd=float(random.between_sd[gate]),
            new_low=float(random.low[gate]),
            new_high=float(random.high[gate]),
            moved_p=float(moved[gate]),
            odd_environment=_odd(found, agreement[gate], names),
        )
    return Evidence(features=features, effects=own)


def _verdict(judge: _LogisticJudge, gate: int, found: FeatureEffect, p_value: float) -> Verdict:
    """Verdict on a feature; separated classes leave no spread of effects, but a test."""
    support = judge.tests[gate]
    settled = judge.standing in ("accepted", "approximate")
    if settled and support.by_discriminant and not judge.selected[gate]:
        differs = judge._differs(gate, found, p_value)
        same = not (judge.rivals[:, gate] != judge.selected[gate]).any()
        return "spurious" if differs and same else "undecided"
    if judge.standing == "accepted" and support.by_discriminant and judge.selected[gate]:
        alike = not (judge.rivals[:, gate] != judge.selected[gate]).any()
        return "invariant" if alike else "undecided"
    return judge.verdict(gate, found, p_value)


class _Fit:
    """A support's coefficients with their covariances, by environment and in common."""

    def __init__(self, problem: LogisticProblem, support: Support) -> None:
        self.problem, self.support = problem, support
        self.columns = np.flatnonzero(problem.linear.column_masks(support.gates[None])[0])
        ridge = RIDGE * np.eye(len(self.columns) * problem.m)
        common = np.repeat(support.coef[None], len(problem.count), axis=0)
        shared = informations(problem, support.gates, common).sum(axis=0)
        self.covariance = np.linalg.inv(shared + ridge)
        own = informations(problem, support.gates, support.own)
        self.own_covariance = np.linalg.inv(own + ridge)
        self.freedom = np.maximum(problem.count - len(self.columns), 0.0)

    def effect(self, gate: int, gain: float) -> FeatureEffect | None:
        """Effect of a gate that is open; None where the data cannot tell it."""
        problem, k = self.problem, len(self.columns)
        inside = np.flatnonzero(problem.linear.gate_of[self.columns] == gate)
        # of a table (m, k) laid out class by class
        places = (np.arange(problem.m)[:, None] * k + inside).ravel()
        coef = self.support.coef[:, self.columns].ravel()[places]
        own = self.support.own[:, :, self.columns].reshape(len(problem.count), -1)[:, places]
        block = self.own_covariance[:, places[:, None], places]
        scale = np.tile(problem.linear.scale[self.columns[inside] - 1], problem.m)
        if self.covariance[places, places].max() > 0.5 / RIDGE:
            return None
        direction = _contrast(coef / scale, problem.m, self._is_categorical(gate)) / scale
        error = np.sqrt(direction @ self.covariance[places[:, None], places] @ direction)
        effect, d = float(direction @ coef), len(places)
        stretch = 1.0 if d == 1 else float(np.sqrt(chdtri(d, 0.05))) / _NORMAL_95
        told = ~self.support.separated & (problem.present > 0).all(axis=1) & (self.freedom > 0)
        told &= np.einsum("ejj->ej", block).max(axis=1) < 0.5 / RIDGE
        sure = told & (self.freedom >= FEWEST)
        several = d > 1
        p_value = np.nan
        if several:
            p_value = agreement_p_value(own[sure], np.asarray(block[sure]), self.freedom[sure])
        variance = np.einsum("j,ejk,k->e", direction, block, direction)
        return FeatureEffect(
            effect=effect,
            low=effect - stretch * _NORMAL_95 * error,
            high=effect + stretch * _NORMAL_95 * error,
            stretch=stretch,
            wald=gain,
            n_columns=d,
            own=np.where(told, own @ direction, np.nan),
            own_variance=np.where(told, variance, np.nan),
            freedom=self.freedom,
            heterogeneity_p=p_value,
            levels=(own / scale).T[: d * several],
            level_variances=(np.einsum("ejj->ej", block) / scale**2).T[: d * several],
        )

    def _is_categorical(self, gate: int) -> bool:
        schema = self.problem.linear.moments.schema
        return schema.features[self.problem.linear.features[gate]] in schema.levels


def largest_contrast(coef: Floats, m: int, categorical: bool) -> float:
    """Effect of one feature with coefficients (m d,), class by class, in the data's units."""
    return float(_contrast(coef, m, categorical) @ coef)


def _contrast(coef: Floats, m: int, categorical: bool) -> NDArray[np.float64]:
    """Weights (m d,) of the largest difference between two classes and, if need be, levels."""
    if m == 1 and not categorical:
        return np.ones(1)
    table = np.zeros((m + 1, coef.size // m + categorical))
    table[1:, categorical:] = coef.reshape(m, -1)
    best, weights = -1.0, np.zeros_like(table)
    pairs = [(0, 1)] if m == 1 else [(c, d) for c in range(m + 1) for d in range(m + 1) if c < d]
    for c, d in pairs:
        gap = table[d] - table[c]
        high, low = int(np.argmax(gap)), int(np.argmin(gap))
        size = gap[high] - gap[low] if categorical else abs(gap[0])
        if size <= best:
            continue
        best, weights = float(size), np.zeros_like(table)
        sign = 1.0 if categorical or gap[0] >= 0 else -1.0
        weights[d, high] += sign
        weights[c, high] -= sign
        if categorical:
            weights[d, low] -= sign
            weights[c, low] += sign
    return weights[1:, categorical:].ravel()


def _gain(inside: Support, support: Support) -> float:
    """Likelihood ratio statistic of the gate by which a support is wider."""
    return max(inside.deviance - support.deviance, 0.0)


def _opened(gates: Bools, gate: int) -> Bools:
    other = gates.copy()
    other[gate] = True
    return other
