"""What the data say of every feature: the strongest statement, and the model it speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from elinvar.inference.effects._all_features import (
    AllFeatures,
    negligible,
    new_interval,
    steady,
)
from elinvar.inference.effects._effects import (
    FeatureEffect,
    effect_of,
    feature_effects,
    with_gate,
)
from elinvar.inference.effects._statements import Evidence, FeatureEvidence, Status, Verdict
from elinvar.inference.effects._views import EffectsView
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._laws import law_p_values, share_features

_LEVEL = 0.05
# the two levels of a balanced category are two standard deviations apart
_BALANCED = 2.0


def gather_evidence(
    loss: Loss[M],
    selected: Bools,
    status: Status,
    alpha: float,
    *,
    rivals: Bools | None = None,
    tolerance: float = 0.25,
    smallest_effect: float = 0.1,
) -> Evidence:
    """Gather evidence on every feature.

    Parameters
    ----------
    loss : Loss
    selected : boolean array of shape (n_gates,)
    status : str
        What `status_of` says. Of an accepted or approximate set it is asked what it says of each
        feature; where that is nothing, and with any other status, the model of all features speaks.
    alpha : float
        Level of the overidentification test.
    rivals : boolean array of shape (n_rivals, n_gates), optional
        Accepted supports that are as good but for noise. Intervals reach over what they say, too;
        of a feature that one of them does without the set says nothing.
    tolerance : float >= 0
        How far the interval for a new environment may reach from the average effect, as a share of
        it, for the effect to count as nearly invariant.
    smallest_effect : float >= 0
        Smallest effect of interest, in standard deviations of the target per standard deviation of
        the feature; between two levels of a category, or 0 and 1, twice that.
    """
    problem = loss.problem
    unit = smallest_effects(loss, 1.0)
    smallest = smallest_effect * unit
    everything = AllFeatures.of(loss, tolerance, smallest, unit)
    # an effect that nothing has put to the test may be invariant by accident
    moved = law_p_values(problem, everything.gates)
    together = everything.evidence(moved)
    rows, views = list(together), [everything.view] * len(together)
    if status in ("accepted", "approximate"):
        rivals = np.zeros((0, problem.n_gates), dtype=bool) if rivals is None else rivals
        judge = InvariantSet(
            loss=loss,
            view=EffectsView(problem=problem, effects=feature_effects(loss, selected)),
            selected=selected,
            rivals=rivals,
            accepted=status == "accepted",
            alpha=alpha,
            tolerance=tolerance,
            smallest=smallest,
        )
        if (selected != everything.gates).any():
            moved = law_p_values(problem, selected)
        for gate, row in enumerate(judge.evidence(moved)):
            # what the set says goes first; where both say nothing, whichever environments tell
            if row.verdict != "undecided" or np.isnan(rows[gate].new_low):
                rows[gate], views[gate] = row, judge.view
    n_features = len(problem.moments.schema.features)
    return Evidence(
        features=_by_feature(rows, problem.features.tolist(), n_features),
        all_features=_by_feature(together, problem.features.tolist(), n_features),
        effects=[one for gate, view in enumerate(views) for one in view.by_environment(gate)],
    )


def _by_feature(
    rows: Sequence[FeatureEvidence], places: Sequence[int], n_features: int
) -> list[FeatureEvidence]:
    """Rows of gates as rows of all features; nothing is known of those without a gate."""
    found = [FeatureEvidence()] * n_features
    for place, row in zip(places, rows, strict=True):
        found[place] = row
    return found


def smallest_effects(loss: Loss[M], share: float) -> Floats:
    """Smallest effects of interest (n_gates,) in the data's units.

    ``share`` is in standard deviations of the target per standard deviation of the feature; for
    classes the target is a logistic variable on the scale of log odds, as Hasselblad and Hedges
    (1995) convert odds ratios to standardised differences.
    """
    problem = loss.problem
    first = np.searchsorted(problem.gate_of[problem.offset :], np.arange(problem.n_gates))
    # the sd of a level that is rare is small, which makes no large contrast a small one
    categories = share_features(problem.moments)[problem.features]
    unit = np.where(categories, _BALANCED, 1.0 / problem.scale[first])
    sizes: Floats = share * loss.outcome_sd * unit
    return sizes


@dataclass(frozen=True, kw_only=True, eq=False)
class InvariantSet(Generic[M]):
    """What an accepted or approximate set says of its members, and of features outside it."""

    loss: Loss[M]
    view: EffectsView
    selected: Bools
    rivals: Bools
    accepted: bool
    alpha: float
    tolerance: float
    smallest: Floats

    def evidence(self, moved: Floats) -> list[FeatureEvidence]:
        """Return what is said of each gate; ``moved`` are p-values of their own laws."""
        view = self.view
        verdicts: list[Verdict] = [
            "undecided" if found is None else self._verdict(gate, found)
            for gate, found in enumerate(view.effects)
        ]
        if "spurious" in verdicts and not self.selected.any():
            # without an effect that holds, it may be the target's own mechanism that changes
            verdicts = ["undecided"] * len(verdicts)
        reach = _reach(self.loss, self.selected, self.rivals)
        rows = []
        for gate, found in enumerate(view.effects):
            if found is None:
                rows.append(FeatureEvidence())
                continue
            effect, new = self._numbers(gate, found, verdicts[gate], reach[gate])
            rows.append(
                view.evidence(
                    gate,
                    verdicts[gate],
                    "invariant set" if self.selected[gate] else "invariant set and this feature",
                    effect,
                    new,
                    moved=float(moved[gate]),
                    smallest=float(self.smallest[gate]),
                )
            )
        return rows

    def _verdict(self, gate: int, found: FeatureEffect) -> Verdict:
        unlike = bool((self.rivals[:, gate] != self.selected[gate]).any())
        told = np.isfinite(self.view.random.between_sd[gate])
        # where classes are separated there is no spread of effects, but a test
        if unlike or not (told or found.test_alone):
            return "undecided"
        if self.selected[gate]:
            return self._inside(gate, found, told=bool(told))
        low, high = self.view.new(gate)
        # what keeps its sign in a new environment does not come and go
        if low * high > 0:
            return "undecided"
        if self._differs(gate, found):
            return "spurious"
        none = negligible(self.view, gate, float(self.smallest[gate]))
        return "no effect" if none else "undecided"

    def _inside(self, gate: int, found: FeatureEffect, *, told: bool) -> Verdict:
        """Verdict on a selected feature: the support has passed as a whole, but it may not have."""
        # Bonferroni over the k selected features
        agrees = self.view.agreement[gate] >= _LEVEL / int(self.selected.sum())
        if self.accepted and (agrees or (found.test_alone and not told)):
            return "invariant"
        near = told and steady(self.view, gate, self.tolerance)
        return "nearly invariant" if near else "undecided"

    def _differs(self, gate: int, found: FeatureEffect) -> bool:
        """Whether a feature outside the support breaks the agreement when it is added."""
        # b of docs/evidence.md, section 1: Bonferroni over the features outside
        single = _LEVEL / max(int((~self.selected).sum()), 1)
        p_value = float(self.view.agreement[gate])
        if not self.accepted and not found.test_alone:
            return p_value < single and not steady(self.view, gate, self.tolerance)
        alone = p_value < single or bool((~found.sure).any())
        if alone and not found.test_alone:
            return p_value < single
        # the support passed without the feature: does it still pass with it?
        whole = self.loss.assess(with_gate(self.selected, gate)[None]).p_value[0]
        return bool(whole < min(self.alpha, single))

    def _numbers(
        self, gate: int, found: FeatureEffect, verdict: Verdict, reach: Floats
    ) -> tuple[tuple[float, float, float], tuple[float, float]]:
        """Effect with its interval, and that for a new environment, as wide as rivals ask for."""
        effect, low, high = found.effect, found.low, found.high
        # a refuted refit may lie outside all own effects: docs/evidence.md, section 1
        if not self.accepted or verdict == "spurious":
            effect, low, high = self.view.average(gate)
        new_low, new_high = new_interval(self.view, gate, verdict, float(self.smallest[gate]))
        below, above = max(low - reach[0], 0.0), max(reach[1] - high, 0.0)
        return (effect, low - below, high + above), (new_low - below, new_high + above)


def _reach(loss: Loss[M], selected: Bools, rivals: Bools) -> Floats:
    """Return the ends (n_gates, 2) of what rivals say of selected features: 0 without them."""
    reach = np.tile([np.inf, -np.inf], (loss.problem.n_gates, 1))
    for support, fit in zip(rivals, loss.refits(rivals), strict=True):
        for gate in np.flatnonzero(selected):
            low = high = 0.0
            if support[gate]:
                found = effect_of(loss.problem, fit, int(gate))
                low, high = (0.0, 0.0) if found is None else (found.low, found.high)
            reach[gate] = min(reach[gate, 0], low), max(reach[gate, 1], high)
    return reach
