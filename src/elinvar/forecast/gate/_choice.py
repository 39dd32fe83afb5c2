"""The gate: whether the forecast leaves out what differs between places, and how far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Sample
from elinvar.forecast.gate._screen import screen
from elinvar.forecast.gate._shift import (
    disagreement,
    largest,
    left_out_level,
    mean_log_error,
    shift_share,
)
from elinvar.forecast.learners import Learner, LearntPart
from elinvar.forecast.mixture import (
    Mixture,
    Progress,
    environment_folds,
    fit_mixture,
    sharpened,
)

Reason = Literal["few environments", "nothing differs", "nothing steadier", "too costly", "chosen"]

FEWEST_ENVIRONMENTS: Final = 3
KAPPA: Final = 30.0
STEADY: Final = " (steady features)"
"""What the names of learners that see S alone end in."""

LEAST_T: Final = 3.0
MOST_DISAGREEMENT: Final = 0.05
LEAST_FALL: Final = 3.0
DEAREST: Final = 1.5
# three environments agree by accident more easily
LEAST_GAIN_OF_THREE: Final = float(np.log(2))

_MOST_ROWS: Final = 6_000
_FOLDS: Final = 5
_STEPS: Final = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Steady:
    """A forecast from features whose relation to the target holds.

    Attributes
    ----------
    features : (n_features,) array of bool
        S.
    mixture : Mixture
        From their columns alone.
    shift_share : float
        Its D.
    """

    features: Mask
    mixture: Mixture
    shift_share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    r"""What the gate decided, and why.

    .. math:: \hat y = (1 - a)\, f_{\mathrm{all}}(x) + a\, f_S(x_S)

    Attributes
    ----------
    reason : str
        "chosen"; or why a = 0: "few environments" (fewer than three of 20 rows), "nothing differs"
        (not beyond chance, in how all features relate to the target), "nothing steadier" (no set of
        features relates to it more steadily and would do better where differences are larger), "too
        costly" (no share of one is within the premium).
    share : float
        a, from 0 to 1.
    selected : (n_features,) array of bool
        S; all features where a = 0.
    mixture : Mixture
        The forecast from all columns: the learners of both, with weights (1 - a) and a times
        their own; ``full`` where a = 0.
    full : Mixture
        From all features.
    shift_share : tuple of two floats
        D of all features, and of S.
    errors : (3,) array
        Geometric mean over environments left out of the error (mean squared, or log loss) from all
        features, from S, and as the two are mixed.
    n_sets : int
        Sets of features that were judged.
    steady : Steady, or None
        What may take over, whatever the premium.
    """

    reason: Reason
    share: float
    selected: Mask
    mixture: Mixture
    full: Mixture
    shift_share: tuple[float, float]
    errors: Floats
    n_sets: int = 0
    steady: Steady | None = None


def choose(
    sample: Sample,
    learners: Sequence[Learner],
    *,
    premium: float = 1.15,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Choice:
    r"""Fit the mixture, and let a set S of features take over as far as the premium allows.

    Where the relation of all features to the target differs between environments beyond chance
    (t of `disagreement` at least 3), sets S that `screen` names are judged by boosters:

    .. math:: J(S) = L(S) + \log(1 + (\kappa - 1)\, D_S), \qquad \kappa = 30,

    with L the mean over environments left out of the log error and :math:`D_S` the share of
    `disagreement`: the error where what differs between environments counts 30 times. S may have
    1.5 times the error of all features at most, and :math:`D_S \le .05` and at most a third of
    theirs. Of those that pass the best is the one with the smallest J, if that is below the J of
    all features (by log 2 where there are only three environments, which agree by accident more
    easily). Then

    .. math::
        a = \max\{a \in [0, 1] :\ L((1 - a) f_{\mathrm{all}} + a f_S)
            \le L(f_{\mathrm{all}}) + \log \mathrm{premium}\},

    with L of the mixtures: the premium is what protection may cost in environments like these.

    Parameters
    ----------
    sample : Sample
    learners : sequence of Learner
        Of both mixtures.
    premium : float, at least 1
        1: only what costs nothing.
    seed : int
    n_jobs : int, optional
        Fits beside each other, as joblib counts them.
    progress : callable, optional
        Called with the fits that are done and their number, which doubles if there are two.

    Returns
    -------
    Choice

    References
    ----------
    This library's own.
    """
    full = fit_mixture(sample, learners, seed=seed, n_jobs=n_jobs, progress=progress)
    few = _some(sample, seed)
    if len(np.unique(few.codes)) < FEWEST_ENVIRONMENTS:
        return _shut(sample, full, np.nan, "few environments")
    D = shift_share(sample, full.left_out_mixture, seed=seed).share
    differs = disagreement(few, seed=seed)
    if differs.t < LEAST_T:
        return _shut(sample, full, D, "nothing differs")
    selected, n_sets = _steadiest(few, differs.share, seed=seed, n_jobs=n_jobs)
    shut = replace(_shut(sample, full, D, "nothing steadier"), n_sets=n_sets)
    if selected is None:
        return shut
    part = sample.features(selected)
    # the bar goes on: every mixture is as many fits
    go_on = progress and (lambda done, fits: progress(fits + done, 2 * fits))
    mixture = fit_mixture(part, learners, seed=seed, n_jobs=n_jobs, progress=go_on)
    steady = Steady(
        features=selected,
        mixture=mixture,
        shift_share=shift_share(part, mixture.left_out_mixture, seed=seed).share,
    )
    return at_premium(replace(shut, steady=steady), sample, premium)


def at_premium(choice: Choice, sample: Sample, premium: float) -> Choice:
    """Return the same choice at another premium; nothing is fitted.

    Parameters
    ----------
    choice : Choice
    sample : Sample
        What it was made from.
    premium : float, at least 1
    """
    full, steady = choice.full, choice.steady
    if steady is None:
        return choice
    share = _largest_share(sample, full, steady.mixture, premium)
    if share == 0:
        shut = _shut(sample, full, choice.shift_share[0], "too costly")
        return replace(shut, n_sets=choice.n_sets, steady=steady)
    mixture = _joined(
        full, steady.mixture, share, steady.features, steady.features[sample.columns.groups]
    )
    parts = (full, steady.mixture, mixture)
    return replace(
        choice,
        reason="chosen",
        share=share,
        selected=steady.features,
        mixture=mixture,
        shift_share=(choice.shift_share[0], steady.shift_share),
        errors=np.exp([mean_log_error(sample, one.left_out_mixture) for one in parts]),
    )


def _shut(sample: Sample, full: Mixture, D: float, reason: Reason) -> Choice:
    """Return the choice of all features."""
    return Choice(
        reason=reason,
        share=0.0,
        selected=np.ones(len(sample.columns.features), dtype=np.bool_),
        mixture=full,
        full=full,
        shift_share=(D, D),
        errors=np.full(3, np.exp(mean_log_error(sample, full.left_out_mixture))),
    )


def _some(sample: Sample, seed: int) -> Sample:
    """Return rows of the environments that are looked at; none if these are too small."""
    rng = np.random.default_rng(seed)
    places = largest(sample, rng)
    most = _MOST_ROWS // max(len(places), 1)
    kept = [at[:most] for at in places] or [np.empty(0, dtype=np.intp)]
    return sample.rows(np.sort(np.concatenate(kept)))


def _steadiest(
    sample: Sample, differs: float, *, seed: int, n_jobs: int | None
) -> tuple[Mask | None, int]:
    """Return the best set that holds, and how many were judged."""
    from joblib import Parallel, delayed

    candidates = screen(sample, seed=seed)
    everything = np.ones(len(sample.columns.features), dtype=np.bool_)
    folds = environment_folds(sample, most=_FOLDS, seed=seed)
    run = Parallel(n_jobs=n_jobs, backend="threading")
    full, *levels = run(
        delayed(left_out_level)(sample.features(mask), folds) for mask in (everything, *candidates)
    )
    cheap = [k for k, level in enumerate(levels) if level <= full + np.log(DEAREST)]
    found = run(delayed(disagreement)(sample.features(candidates[k]), seed=seed) for k in cheap)
    three = len(np.unique(sample.codes)) == FEWEST_ENVIRONMENTS
    best, cost = None, _cost(full, differs) - (LEAST_GAIN_OF_THREE if three else 0.0)
    for k, one in zip(cheap, found, strict=True):
        holds = one.share <= min(MOST_DISAGREEMENT, differs / LEAST_FALL)
        if holds and _cost(levels[k], one.share) < cost:
            best, cost = candidates[k], _cost(levels[k], one.share)
    return best, len(candidates)


def _cost(level: float, share: float) -> float:
    """Return J."""
    return level + float(np.log1p((KAPPA - 1) * share))


def _largest_share(sample: Sample, full: Mixture, steady: Mixture, premium: float) -> float:
    most = mean_log_error(sample, full.left_out_mixture) + np.log(premium)
    for step in range(_STEPS, 0, -1):
        if mean_log_error(sample, _left_out(full, steady, step / _STEPS)) <= most:
            return step / _STEPS
    return 0.0


def _left_out(full: Mixture, steady: Mixture, share: float) -> Floats:
    """Return predictions of rows without their environment, where S has a share."""
    means = [np.einsum("m,nmk->nk", one.weights, one.left_out) for one in (full, steady)]
    mean: Floats = (1 - share) * means[0] + share * means[1]
    return sharpened(mean, _sharpness(full, steady, share))


def _sharpness(full: Mixture, steady: Mixture, share: float) -> float:
    return (1 - share) * full.sharpness + share * steady.sharpness


def _joined(full: Mixture, steady: Mixture, share: float, selected: Mask, columns: Mask) -> Mixture:
    """Return one mixture of the learners of both."""
    parts = [one and LearntPart(columns=columns, learnt=one) for one in steady.learnt]
    return Mixture(
        names=(*full.names, *(name + STEADY for name in steady.names)),
        weights=np.concatenate([(1 - share) * full.weights, share * steady.weights]),
        sharpness=_sharpness(full, steady, share),
        learnt=(*full.learnt, *parts),
        folds=full.folds,
        left_out=np.concatenate([full.left_out, steady.left_out], axis=1),
        left_out_mixture=_left_out(full, steady, share),
    )
