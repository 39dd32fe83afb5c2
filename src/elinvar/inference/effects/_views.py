"""Effects of one kind of model, feature by feature, as random over environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri

from elinvar.inference.effects._effects import FeatureEffect
from elinvar.inference.effects._random_effects import RandomEffects, between_sd, random_effects
from elinvar.inference.effects._statements import (
    EnvironmentEffect,
    FeatureEvidence,
    ModelName,
    Verdict,
)
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Floats

_LEVEL = 0.05
_SHARE = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectsView:
    """Effects of all gates, each in its model; None where the data cannot tell one.

    With ``unit`` (n_gates,), the effects of one sd of the target per sd of the feature, all are of
    one model, and how much one of them differs is judged beside the others.
    """

    problem: LinearProblem
    effects: Sequence[FeatureEffect | None]
    unit: Floats | None = None

    @cached_property
    def random(self) -> RandomEffects:
        """Random effects of all gates, over environments with enough rows; NaN without."""
        nothing = np.full(len(self.problem.count), np.nan)

        def stacked(name: str) -> Floats:
            rows = [nothing if found is None else getattr(found, name) for found in self.effects]
            return np.array(rows).reshape(len(self.effects), len(nothing))

        # with fewer rows tests of single effects would reject too often
        variance = np.where(stacked("sure") > 0, stacked("own_variance"), np.nan)
        shared = [0.0 if found is None else found.shared_variance for found in self.effects]
        own, freedom = stacked("own"), stacked("freedom")
        return random_effects(own, variance, freedom, np.array(shared), unit=self.unit)

    @cached_property
    def agreement(self) -> Floats:
        """p-values of the same effect everywhere, over all columns of a categorical feature."""
        own = [np.nan if found is None else found.heterogeneity_p for found in self.effects]
        return np.where(np.isnan(own), self.random.p_value, own)

    @cached_property
    def part_spread(self) -> Floats:
        """Largest sd between environments over a feature's several coefficients."""
        spread = np.zeros(len(self.effects))
        for gate, found in enumerate(self.effects):
            if found is not None and len(found.parts):
                enough = np.where(found.sure, 1.0, np.nan)
                each = between_sd(found.parts, found.part_variances * enough, found.freedom)
                spread[gate] = np.nanmax(np.append(each, 0.0))
        return spread

    def telling(self, gate: int) -> int:
        """How many environments tell an effect, with rows enough to compare it."""
        found = self.effects[gate]
        if found is None:
            return 0
        return int((np.isfinite(found.own_variance) & found.sure).sum())

    def average(self, gate: int) -> tuple[float, float, float]:
        """Average effect over environments with its 95% interval; the common one without."""
        found, mean = self.effects[gate], float(self.random.mean[gate])
        assert found is not None
        if not np.isfinite(mean):
            return found.effect, found.low, found.high
        low, high = float(self.random.mean_low[gate]), float(self.random.mean_high[gate])
        return mean, mean - found.stretch * (mean - low), mean + found.stretch * (high - mean)

    def new(self, gate: int, *, wary: bool = False) -> tuple[float, float]:
        """90% interval of the effect in a new environment; NaN without.

        The ``wary`` one has the variance between environments at its upper limit, and is never
        narrower: effects that are chosen for a small spread vary more than it says.
        """
        found, random = self.effects[gate], self.random
        stretch, mean = np.nan if found is None else found.stretch, float(random.mean[gate])
        low, high = float(random.low[gate]), float(random.high[gate])
        if wary:
            low, high = min(low, float(random.wary_low[gate])), max(high, random.wary_high[gate])
        return mean - stretch * (mean - low), mean + stretch * (high - mean)

    def within(self, gate: int, most: float) -> tuple[float, float] | None:
        """90% interval of the effect in a new environment within ``most`` of 0, if there is one.

        It is the usual one, or as much of one tail is given to the other as it takes.
        """
        low, high = self.new(gate)
        if max(-low, high) <= most:
            return low, high
        found, mean, law = self.effects[gate], float(self.random.mean[gate]), self.random.new
        stretch = np.nan if found is None else found.stretch
        under, upto = (law.below(gate, mean + (end - mean) / stretch) for end in (-most, most))
        if not upto - under >= _SHARE:
            return None
        if high > most:
            return mean - stretch * (mean - law.quantile(gate, upto - _SHARE)), most
        return -most, mean + stretch * (law.quantile(gate, under + _SHARE) - mean)

    def odd(self, gate: int) -> str:
        """Environment that differs from the mean of the others by more than noise, if one does."""
        found = self.effects[gate]
        if found is None or not self.agreement[gate] < _LEVEL:
            return ""
        told = np.flatnonzero(np.isfinite(found.own) & found.sure)
        if len(told) < 3:
            return ""
        # each against the precision-weighted mean of the others, with Bonferroni's correction
        own, variance = found.own[told], found.own_variance[told]
        weight = 1.0 / variance
        rest = weight.sum() - weight
        others = ((weight * own).sum() - weight * own) / rest
        distance = np.abs(own - others) / np.sqrt(variance + 1.0 / rest)
        first = int(np.argmax(distance))
        far = distance[first] > -ndtri(_LEVEL / 2 / len(told))
        return self.problem.moments.names[told[first]] if far else ""

    def evidence(
        self,
        gate: int,
        verdict: Verdict,
        model: ModelName,
        effect: tuple[float, float, float],
        new: tuple[float, float],
        *,
        moved: float,
        smallest: float,
    ) -> FeatureEvidence:
        """Put a verdict and its numbers beside what is known of the effect whatever the verdict.

        Parameters
        ----------
        gate : int
            One whose effect is told.
        verdict, model : str
        effect : tuple of three floats
            Effect, and the ends of its 95% interval.
        new : pair of floats
            Ends of the 90% interval in a new environment.
        moved : float
            p-value of the feature's own law being the same everywhere.
        smallest : float
            Smallest effect of interest.
        """
        found = self.effects[gate]
        assert found is not None
        return FeatureEvidence(
            verdict=verdict,
            model=model,
            effect=effect[0],
            low=effect[1],
            high=effect[2],
            heterogeneity_p=float(self.agreement[gate]),
            between_sd=float(self.random.between_sd[gate]),
            new_low=new[0],
            new_high=new[1],
            shift_p_value=moved,
            odd_environment=self.odd(gate),
            contrast=found.contrast,
            n_environments=self.telling(gate),
            smallest_effect=smallest,
        )

    def by_environment(self, gate: int) -> list[EnvironmentEffect]:
        """Effect of a gate in each environment that can tell it."""
        found, problem = self.effects[gate], self.problem
        if found is None:
            return []
        margin = found.own_margin
        return [
            EnvironmentEffect(
                feature=problem.moments.schema.features[problem.features[gate]],
                environment=name,
                effect=float(found.own[e]),
                low=float(found.own[e] - margin[e]),
                high=float(found.own[e] + margin[e]),
            )
            for e, name in enumerate(problem.moments.names)
            if np.isfinite(found.own[e])
        ]
