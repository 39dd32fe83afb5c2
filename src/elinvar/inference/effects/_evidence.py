"""What the data say of every feature: its effect, how sure, and whether environments agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias

import numpy as np
from scipy.special import ndtri

from elinvar.inference.effects._effects import (
    FEWEST,
    FeatureEffect,
    effect_of,
    feature_effects,
    with_gate,
)
from elinvar.inference.effects._random_effects import RandomEffects, between_sd, random_effects
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._laws import law_p_values

Verdict: TypeAlias = Literal[
    "invariant", "approximately invariant", "spurious", "no effect", "undecided"
]
Status: TypeAlias = Literal[
    "accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"
]

_LEVEL = 0.05
_NORMAL_90 = float(ndtri(0.95))


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
        and its 95% interval, which takes environments as fixed: target units per unit of the
        feature, or the largest contrast between two levels of a categorical one. Where that model
        is refuted (invariance not accepted, or the feature spurious) there is no common effect: the
        average of the environments' own effects, and its interval as their mean over all such
        environments.
    heterogeneity_p : float
        p-value of the same effect in all environments.
    between_sd : float
        Standard deviation of the effect between environments (Paule and Mandel).
    new_low, new_high : float
        90% prediction interval for the effect in a new environment.
    shift_p_value : float
        p-value of the feature's own law, given the other selected features, being the same in all
        environments. Where it is large, nothing has put the invariance of its effect to the test.
    odd_environment : str
        The environment whose effect stands out from the others'; "" if none does.
    """

    verdict: Verdict = "undecided"
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    heterogeneity_p: float = np.nan
    between_sd: float = np.nan
    new_low: float = np.nan
    new_high: float = np.nan
    shift_p_value: float = np.nan
    odd_environment: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentEffect:
    """Effect of a feature in one environment that can tell it, with its 95% interval."""

    feature: str
    environment: str
    effect: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the data say, as far as effects go.

    Attributes
    ----------
    features : list of FeatureEvidence
        One for every feature of the schema, in its order.
    effects : list of EnvironmentEffect
    """

    features: list[FeatureEvidence]
    effects: list[EnvironmentEffect]


def status_of(outcome: str | None, p_value: float, *, differ: bool) -> Status:
    """How much the outcome of a selection is worth.

    Parameters
    ----------
    outcome : {"accepted", "approximate", "rejected"}, optional
        None: a single environment.
    p_value : float
        Of the overidentification test.
    differ : bool
        Whether the features' laws differ between environments.

    Returns
    -------
    str
        The outcome; but "untested" if nothing differs, so that nothing could be refuted,
        "borderline" if a set was accepted with p below .05, though selection prefers sets that
        agree, and "pooled_only" with a single environment.
    """
    if outcome is None:
        return "pooled_only"
    if not differ:
        return "untested"
    if outcome == "accepted":
        return "borderline" if p_value < _LEVEL else "accepted"
    return "approximate" if outcome == "approximate" else "rejected"


def gather_evidence(
    loss: Loss[M],
    selected: Bools,
    status: Status,
    alpha: float,
    *,
    rivals: Bools | None = None,
    tolerance: float = 0.25,
) -> Evidence:
    """Gather evidence on every feature.

    Parameters
    ----------
    loss : Loss
    selected : boolean array of shape (n_gates,)
    status : str
        What `status_of` says.
    alpha : float
        Level of the overidentification test.
    rivals : boolean array of shape (n_rivals, n_gates), optional
        Accepted supports that are as good but for noise. Intervals reach over what they say, too;
        a feature that one of them does without is undecided.
    tolerance : float >= 0
        How far the interval for a new environment may reach from the average effect, as a share of
        it, for the effect to count as approximately invariant.
    """
    # a single environment has no selected support: its effects are those of the whole model
    selected, problem = selected | (status == "pooled_only"), loss.problem
    effects = feature_effects(loss, selected)
    random = _random(effects, len(problem.count))
    agreement = _agreement(effects, random)
    # an effect that nothing has put to the test may be invariant by accident
    moved = law_p_values(problem, selected)
    rivals = np.zeros((0, problem.n_gates), dtype=bool) if rivals is None else rivals
    reach = _reach(loss, selected, rivals)
    judge = _Judge(
        loss=loss,
        random=random,
        part_spread=_part_spread(effects),
        selected=selected,
        rivals=rivals,
        status=status,
        alpha=alpha,
        tolerance=tolerance,
    )
    verdicts: list[Verdict] = [
        "undecided" if found is None else judge.verdict(gate, found, float(agreement[gate]))
        for gate, found in enumerate(effects)
    ]
    if "spurious" in verdicts and not selected.any():
        # without an effect that holds, it may be the target's own mechanism that changes
        verdicts = ["undecided"] * len(verdicts)
    schema, names = problem.moments.schema, problem.moments.names
    features, own = [FeatureEvidence()] * len(schema.features), []
    for gate, found in enumerate(effects):
        if found is None:
            continue
        place = problem.features[gate]
        own.extend(_by_environment(found, schema.features[place], names))
        effect, *ends = _common_effect(judge, gate, found, verdicts[gate], reach[gate])
        features[place] = FeatureEvidence(
            verdict=verdicts[gate],
            effect=effect,
            low=ends[0],
            high=ends[1],
            heterogeneity_p=float(agreement[gate]),
            between_sd=float(random.between_sd[gate]),
            new_low=ends[2],
            new_high=ends[3],
            shift_p_value=float(moved[gate]),
            odd_environment=_odd(found, agreement[gate], names),
        )
    return Evidence(features=features, effects=own)


@dataclass(frozen=True, kw_only=True)
class _Judge(Generic[M]):
    """The rules that turn numbers into verdicts."""

    loss: Loss[M]
    random: RandomEffects
    part_spread: Floats
    selected: Bools
    rivals: Bools
    status: Status
    alpha: float
    tolerance: float

    def verdict(self, gate: int, found: FeatureEffect, p_value: float) -> Verdict:
        if self.status in ("pooled_only", "untested"):
            return "undecided"
        unlike = bool((self.rivals[:, gate] != self.selected[gate]).any())
        if found.test_alone and self.status in ("accepted", "approximate"):
            return self._by_test(gate, found, p_value, unlike)
        if not np.isfinite(self.random.between_sd[gate]):
            return "undecided"
        if self.status in ("rejected", "borderline"):
            return "approximately invariant" if self.steady(gate, found) else "undecided"
        if unlike:
            return "undecided"
        if self.selected[gate]:
            return self._inside(gate, found, p_value)
        if self._differs(gate, found, p_value):
            return "spurious"
        weak = found.wald < self.loss.needed_wald()[found.n_coefficients]
        return "no effect" if weak and found.low <= 0 <= found.high else "undecided"

    def _by_test(self, gate: int, found: FeatureEffect, p_value: float, unlike: bool) -> Verdict:
        """Verdict where classes are separated: there is no spread of effects, but a test."""
        if unlike:
            return "undecided"
        if not self.selected[gate]:
            return "spurious" if self._differs(gate, found, p_value) else "undecided"
        if self.status == "accepted":
            return "invariant"
        varies = np.isfinite(self.random.between_sd[gate])
        return self._inside(gate, found, p_value) if varies else "undecided"

    def varies(self, verdict: Verdict) -> bool:
        """Whether the model that measures an effect is refuted, so that there is no common one."""
        return self.status in ("rejected", "approximate") or verdict == "spurious"

    def steady(self, gate: int, found: FeatureEffect) -> bool:
        """Whether the effect in a new environment will be about the same, by its 90% interval.

        Two environments show one difference, too little to tell how much effects differ.
        """
        if np.isfinite(found.own).sum() < 3:
            return False
        mean = float(self.random.mean[gate])
        reach = max(mean - self.random.low[gate], self.random.high[gate] - mean)
        parts = _NORMAL_90 * self.part_spread[gate]
        return bool(max(found.stretch * reach, parts) <= self.tolerance * abs(mean))

    def _inside(self, gate: int, found: FeatureEffect, p_value: float) -> Verdict:
        """Verdict on a selected feature: the support has passed as a whole, but it may not have."""
        # Bonferroni over the k selected features
        agrees = p_value >= _LEVEL / int(self.selected.sum())
        if self.status == "accepted" and agrees:
            return "invariant"
        return "approximately invariant" if agrees or self.steady(gate, found) else "undecided"

    def _differs(self, gate: int, found: FeatureEffect, p_value: float) -> bool:
        """Whether a feature outside the support breaks the agreement when it is added."""
        # b of docs/evidence.md, section 1: Bonferroni over the features outside
        single = _LEVEL / max(int((~self.selected).sum()), 1)
        if self.status == "approximate" and not found.test_alone:
            return p_value < single and not self.steady(gate, found)
        alone = p_value < single or bool((found.freedom < FEWEST).any())
        if alone and not found.test_alone:
            return p_value < single
        # the support passed without the feature: does it still pass with it?
        whole = self.loss.assess(with_gate(self.selected, gate)[None]).p_value[0]
        return bool(whole < min(self.alpha, single))


def _common_effect(
    judge: "_Judge[M]", gate: int, found: FeatureEffect, verdict: Verdict, reach: Floats
) -> tuple[float, float, float, float, float]:
    """Effect, its interval and that for a new environment, both as wide as rivals ask for."""
    random, center = judge.random, judge.random.mean[gate]
    effect, low, high = found.effect, found.low, found.high
    # a refuted refit may lie outside all own effects: docs/evidence.md, section 1
    if judge.varies(verdict) and np.isfinite(center):
        effect, low, high = random.average(gate)
        low = effect - found.stretch * (effect - low)
        high = effect + found.stretch * (high - effect)
    below, above = max(low - reach[0], 0.0), max(reach[1] - high, 0.0)
    new_low = float(center - found.stretch * (center - random.low[gate]) - below)
    new_high = float(center + found.stretch * (random.high[gate] - center) + above)
    return effect, low - below, high + above, new_low, new_high


def _random(effects: Sequence[FeatureEffect | None], n_environments: int) -> RandomEffects:
    """Random effects of all gates at once, over environments with enough rows; NaN without."""
    nothing = np.full(n_environments, np.nan)

    def stacked(name: str) -> Floats:
        rows = [nothing if found is None else getattr(found, name) for found in effects]
        return np.array(rows).reshape(len(effects), n_environments)

    freedom = stacked("freedom")
    # with fewer rows tests of single effects would reject too often
    variance = np.where(freedom >= FEWEST, stacked("own_variance"), np.nan)
    return random_effects(stacked("own"), variance, freedom)


def _agreement(effects: Sequence[FeatureEffect | None], random: RandomEffects) -> Floats:
    """p-values of the same effect everywhere, over all columns of a categorical feature."""
    own = np.array([np.nan if found is None else found.heterogeneity_p for found in effects])
    return np.where(np.isnan(own), random.p_value, own)


def _part_spread(effects: Sequence[FeatureEffect | None]) -> Floats:
    """Largest standard deviation between environments over a feature's several coefficients."""
    spread = np.zeros(len(effects))
    for gate, found in enumerate(effects):
        if found is not None and len(found.parts):
            sure = found.freedom >= FEWEST
            each = between_sd(
                found.parts, found.part_variances * np.where(sure, 1, np.nan), found.freedom
            )
            spread[gate] = np.nanmax(np.append(each, 0.0))
    return spread


def _reach(loss: Loss[M], selected: Bools, rivals: Bools) -> Floats:
    """Return the ends (n_gates, 2) of what rivals say of selected features: 0 without them."""
    reach = np.tile([np.inf, -np.inf], (loss.problem.n_gates, 1))
    for support, fit in zip(rivals, loss.refits(rivals), strict=True):
        for gate in np.flatnonzero(selected):
            low = high = 0.0
            if support[gate]:
                found = effect_of(loss.problem, fit, int(gate), fit)
                low, high = (0.0, 0.0) if found is None else (found.low, found.high)
            reach[gate] = min(reach[gate, 0], low), max(reach[gate, 1], high)
    return reach


def _odd(found: FeatureEffect, p_value: float, names: Sequence[str]) -> str:
    """Environment that differs from the mean of the others by more than noise, if one does."""
    estimable = np.flatnonzero(np.isfinite(found.own) & (found.freedom >= FEWEST))
    if len(estimable) < 3 or not p_value < _LEVEL:
        return ""
    # each against the precision-weighted mean of the others, with Bonferroni's correction
    weight = 1.0 / found.own_variance[estimable]
    rest = weight.sum() - weight
    others = ((weight * found.own[estimable]).sum() - weight * found.own[estimable]) / rest
    distance = np.abs(found.own[estimable] - others) / np.sqrt(
        found.own_variance[estimable] + 1.0 / rest
    )
    first = int(np.argmax(distance))
    return names[estimable[first]] if distance[first] > -ndtri(_LEVEL / 2 / len(estimable)) else ""


def _by_environment(
    found: FeatureEffect, feature: str, names: Sequence[str]
) -> list[EnvironmentEffect]:
    margin = found.own_margin
    return [
        EnvironmentEffect(
            feature=feature,
            environment=name,
            effect=float(found.own[e]),
            low=float(found.own[e] - margin[e]),
            high=float(found.own[e] + margin[e]),
        )
        for e, name in enumerate(names)
        if np.isfinite(found.own[e])
    ]
