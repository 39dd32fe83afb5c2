"""What is said of features: the records that evidence is made of."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

Verdict: TypeAlias = Literal[
    "invariant",
    "nearly invariant",
    "same direction",
    "varies",
    "no effect",
    "spurious",
    "undecided",
]
Status: TypeAlias = Literal[
    "accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"
]
ModelName: TypeAlias = Literal["all features", "invariant set", "invariant set and this feature"]

_BORDERLINE = 0.05


@dataclass(frozen=True, kw_only=True)
class FeatureEvidence:
    """Evidence on one feature, in the model that is named.

    Attributes
    ----------
    verdict : str
        "invariant", "nearly invariant", "same direction", "varies", "no effect", "spurious" or
        "undecided". Where the data cannot tell the effect at all, it is undecided and the numbers
        are NaN.
    model : {"all features", "invariant set", "invariant set and this feature"}
        The model that all other entries speak of.
    effect, low, high : float
        Average effect over environments and its 95% interval as their mean over all such
        environments; in an accepted set the effect common to all, and its interval, which takes
        environments as fixed. Target units per unit of the feature, or the largest contrast between
        two levels of a categorical one.
    heterogeneity_p : float
        p-value of the same effect in all environments.
    between_sd : float
        Standard deviation of the effect between environments (Paule and Mandel).
    new_low, new_high : float
        90% prediction interval for the effect in a new environment; for a nearly invariant effect,
        which is chosen for its small spread, with the variance between environments at its upper
        90% limit; of no effect the one that lies within the smallest effect.
    shift_p_value : float
        p-value of the feature's own law, given the other features of the model, being the same in
        all environments. Where it is large, nothing has put the invariance of its effect to the
        test.
    odd_environment : str
        The environment whose effect stands out from the others'; "" if none does.
    contrast : str
        "red over blue": the levels of a categorical feature between which the effect is; "" for
        numbers.
    n_environments : int
        How many environments tell the effect, with rows enough to compare it.
    smallest_effect : float
        Smallest effect of interest, in the units of ``effect``.
    needed_rows, needed_environments : float
        What would decide an undecided effect that stays as it is estimated: so many times the rows
        in each environment, or so many environments like these; NaN if none would, and for effects
        that are decided.
    """

    verdict: Verdict = "undecided"
    model: ModelName = "all features"
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    heterogeneity_p: float = np.nan
    between_sd: float = np.nan
    new_low: float = np.nan
    new_high: float = np.nan
    shift_p_value: float = np.nan
    odd_environment: str = ""
    contrast: str = ""
    n_environments: int = 0
    smallest_effect: float = np.nan
    needed_rows: float = np.nan
    needed_environments: float = np.nan


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
        The strongest statement on every feature of the schema, in its order.
    all_features : list of FeatureEvidence
        The same of one model: all features together.
    effects : list of EnvironmentEffect
        Environments' own effects, in the models of ``features``.
    """

    features: list[FeatureEvidence]
    all_features: list[FeatureEvidence]
    effects: list[EnvironmentEffect] = field(default_factory=list)


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
        return "borderline" if p_value < _BORDERLINE else "accepted"
    return "approximate" if outcome == "approximate" else "rejected"
