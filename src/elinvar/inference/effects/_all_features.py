"""The model of all features together: which of them, and what is said of their effects."""

from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from scipy.special import chdtrc, chdtri, ndtri, stdtrit

from elinvar.inference.effects._effects import effect_of
from elinvar.inference.effects._statements import FeatureEvidence, Verdict
from elinvar.inference.effects._views import EffectsView
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.problem._types import Bools, Floats

_SURE = 0.01
_POWER = 0.8
_NORMAL_90 = float(ndtri(0.95))
_TIMES = (1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100)
_MOST_ENVIRONMENTS = 1_000


@dataclass(frozen=True, kw_only=True, eq=False)
class AllFeatures(Generic[M]):
    """What the model of all features says, and the rules by which it is put in a word.

    Attributes
    ----------
    loss : Loss
    view : EffectsView
    gates : boolean array of shape (n_gates,)
        Gates in the model.
    tolerance : float
        How far the interval for a new environment may reach from the average effect, as a share.
    smallest : array of shape (n_gates,)
        Smallest effects of interest, in the data's units.
    """

    loss: Loss[M]
    view: EffectsView
    gates: Bools
    tolerance: float
    smallest: Floats

    @classmethod
    def of(
        cls, loss: Loss[M], tolerance: float, smallest: Floats, unit: Floats
    ) -> "AllFeatures[M]":
        """Fit all features that environments have rows for; ``unit`` as `EffectsView`."""
        problem, gates = loss.problem, loss.problem.affordable
        (fit,) = loss.refits(gates[None])
        effects = [
            effect_of(problem, fit, gate) if gates[gate] else None
            for gate in range(problem.n_gates)
        ]
        view = EffectsView(problem=problem, effects=effects, unit=unit)
        return cls(loss=loss, view=view, gates=gates, tolerance=tolerance, smallest=smallest)

    def evidence(self, moved: Floats) -> list[FeatureEvidence]:
        """Return what is said of each gate; ``moved`` are p-values of their own laws."""
        view = self.view
        differ = _surely(view.agreement)
        found = []
        for gate, known in enumerate(view.effects):
            if known is None:
                found.append(FeatureEvidence())
                continue
            verdict = self._verdict(gate, bool(differ[gate]))
            row = view.evidence(
                gate,
                verdict,
                "all features",
                view.average(gate),
                new_interval(view, gate, verdict, float(self.smallest[gate])),
                moved=float(moved[gate]),
                smallest=float(self.smallest[gate]),
            )
            if verdict == "undecided":
                rows, environments = self._needed(gate)
                row = replace(row, needed_rows=rows, needed_environments=environments)
            found.append(row)
        return found

    def _verdict(self, gate: int, differs: bool) -> Verdict:
        low, high = self.view.new(gate)
        if steady(self.view, gate, self.tolerance):
            return "nearly invariant"
        if low * high > 0:
            return "same direction"
        if negligible(self.view, gate, float(self.smallest[gate])):
            return "no effect"
        return "varies" if differs else "undecided"

    def _needed(self, gate: int) -> tuple[float, float]:
        r"""Rows (times those there are) and environments that would decide an effect.

        With E environments of k times the rows the interval for a new one reaches about
        :math:`t_{E-1} \sqrt{\tau^2 + (\tau^2 + v/k)/E}` from the average, v being the environments'
        sampling variance, and Q is :math:`1 + \tau^2 k / v` times chi-squared.
        """
        found, random = self.view.effects[gate], self.view.random
        spread, mean = float(random.between_sd[gate]), abs(float(random.mean[gate]))
        count = self.view.telling(gate)
        if found is None or not np.isfinite(spread) or count < 2:
            return np.nan, np.nan
        able = np.isfinite(found.own_variance) & found.sure
        noise = 1.0 / np.mean(1.0 / found.own_variance[able])

        def decides(environments: Floats, times: Floats) -> Bools:
            t = stdtrit(environments - 1.0, 0.95)
            reach = t * np.sqrt(spread**2 + (spread**2 + noise / times) / environments)
            ratio = 1.0 + spread**2 * times / noise
            power = chdtrc(environments - 1.0, chdtri(environments - 1.0, _SURE) / ratio)
            clear, small = reach * found.stretch < mean, mean + reach < self.smallest[gate]
            decided: Bools = clear | small | (power >= _POWER)
            return decided

        times = np.array(_TIMES, dtype=np.float64)
        rows = times[decides(np.full(len(times), float(count)), times)]
        many = np.arange(count + 1.0, _MOST_ENVIRONMENTS + 1.0)
        places = many[decides(many, np.ones(len(many)))]
        return _first(rows), _first(places)


def steady(view: EffectsView, gate: int, tolerance: float) -> bool:
    """Whether the effect in a new environment will be about the same, by its wary 90% interval.

    The estimate of the sd between environments would not do: it is 0 wherever noise could explain
    all differences. Two environments show one difference, too little to tell how much effects
    differ.
    """
    if view.telling(gate) < 3:
        return False
    low, high = view.new(gate, wary=True)
    mean = float(view.random.mean[gate])
    parts = _NORMAL_90 * view.part_spread[gate]
    return bool(max(mean - low, high - mean, parts) <= tolerance * abs(mean))


def negligible(view: EffectsView, gate: int, smallest: float) -> bool:
    """Whether the effect will be smaller than this in 90% of new environments."""
    parts = _NORMAL_90 * view.part_spread[gate] <= smallest
    return bool(parts and view.within(gate, smallest) is not None)


def new_interval(
    view: EffectsView, gate: int, verdict: Verdict, smallest: float
) -> tuple[float, float]:
    """90% interval of the effect in a new environment that a verdict speaks of."""
    none = view.within(gate, smallest) if verdict == "no effect" else None
    return none or view.new(gate, wary=verdict == "nearly invariant")


def _first(values: Floats) -> float:
    return float(values[0]) if len(values) else np.nan


def _surely(p_values: Floats) -> Bools:
    """Which p-values are so small that of those found 1% are false (Benjamini, Hochberg 1995)."""
    known = np.where(np.isfinite(p_values), p_values, 1.0)
    rank = np.arange(1.0, len(known) + 1.0)
    ordered = np.sort(known)
    passing = ordered[ordered <= _SURE * rank / max(len(known), 1)]
    sure: Bools = known <= passing.max(initial=-1.0)
    return sure
