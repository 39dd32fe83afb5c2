"""Effects of features on the target: in each environment, and over all of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, stdtrit

from elinvar.inference.effects._refit import Refit, agreement_p_value, refit_many
from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.problem._linear_algebra import pseudo_inverses

Bools = NDArray[np.bool_]

FEWEST = 8
"""Fewest residual degrees of freedom of an environment whose effects are compared with others'."""


@dataclass(frozen=True, kw_only=True)
class FeatureEffect:
    """One feature's effect, in target units per unit of the feature.

    The effect of a categorical feature is the largest contrast between two of its levels in the
    efficient refit, with Scheffé's interval, which allows for the choice.

    Attributes
    ----------
    effect, low, high : float
        In the efficient refit, with its 95% interval.
    stretch : float
        How much wider than Student's the interval is, for the choice of a contrast; 1 for numbers.
    wald : float
        Wald statistic of all its columns, at plain chi-squared weights.
    n_columns : int
        How many columns that are.
    own, own_variance : arrays of shape (E,)
        Each environment's own effect and its sampling variance; NaN where it cannot tell.
    freedom : array of shape (E,)
        Degrees of freedom behind each variance.
    heterogeneity_p : float
        p-value of the same effect in all environments that can tell it, for several columns; NaN
        for a single one, where it is that of the random effects.
    levels, level_variances : arrays of shape (d, E)
        Of a categorical feature with several columns, each level's own effects against the
        reference level; d = 0 otherwise.
    """

    effect: float
    low: float
    high: float
    stretch: float
    wald: float
    n_columns: int
    own: Floats
    own_variance: Floats
    freedom: Floats
    heterogeneity_p: float
    levels: Floats
    level_variances: Floats

    @property
    def own_margin(self) -> Floats:
        """Half-widths of the environments' 95% intervals."""
        spare = np.maximum(self.freedom, 1.0)
        margin: Floats = stdtrit(spare, 0.975) * np.sqrt(self.own_variance)
        return margin


def feature_effects(problem: LinearProblem, selected: Bools) -> list[FeatureEffect | None]:
    """Effect of every gate in the model of ``selected`` (n_gates,), itself added if need be.

    Returns
    -------
    list of FeatureEffect or None
        A gate each; None where the data cannot tell the effect.
    """
    outside = np.flatnonzero(~selected)
    masks = np.array([selected, *(with_gate(selected, int(gate)) for gate in outside)])
    inside, *others = refit_many(problem, masks)
    fits = dict(zip(outside.tolist(), others, strict=True))
    return [effect_of(problem, fits.get(gate, inside), gate) for gate in range(problem.n_gates)]


def effect_of(problem: LinearProblem, fit: Refit, gate: int) -> FeatureEffect | None:
    """Effect of a gate that is open in ``fit``; None where the data cannot tell it."""
    places = np.flatnonzero(problem.gate_of[fit.columns] == gate)
    return _effect(problem, fit, places) if fit.known[places].all() else None


def with_gate(gates: Bools, gate: int) -> Bools:
    """Return a copy of ``gates`` in which one more is open."""
    opened = gates.copy()
    opened[gate] = True
    return opened


def _effect(problem: LinearProblem, fit: Refit, places: NDArray[np.intp]) -> FeatureEffect:
    direction = _direction(problem, fit, places)
    effect, error, freedom = fit.contrast(direction)
    student, d = float(stdtrit(freedom, 0.975)), len(places)
    stretch = 1.0 if d == 1 else float(np.sqrt(d * fdtri(d, freedom, 0.95))) / student
    margin = stretch * student * error
    block = fit.own_covariance[:, places[:, None], places]
    # an environment tells a contrast if it tells every column that takes part in it
    part = np.flatnonzero(direction)
    told = (fit.freedom > 0) & (np.einsum("ejj->ej", fit.own_covariance)[:, part] > 0).all(axis=1)
    units = _units(problem, fit, places)[:, None]
    p_value, several = np.nan, slice(0)
    sure = fit.freedom >= FEWEST
    if len(places) > 1:
        p_value = agreement_p_value(fit.own[sure][:, places], block[sure], fit.freedom[sure])
        several = slice(None)
    return FeatureEffect(
        effect=effect,
        low=effect - margin,
        high=effect + margin,
        stretch=stretch,
        wald=_wald(fit.coef[places], fit.covariance[places[:, None], places]),
        n_columns=len(places),
        own=np.where(told, fit.own @ direction, np.nan),
        own_variance=np.where(
            told, np.einsum("j,ejk,k->e", direction, fit.own_covariance, direction), np.nan
        ),
        freedom=fit.freedom,
        heterogeneity_p=p_value,
        levels=(fit.own[:, places].T * units)[several],
        level_variances=(np.einsum("ejj->je", block) * units**2)[several],
    )


def _wald(coef: Floats, covariance: Floats) -> float:
    """Square of an estimate in units of its covariance."""
    if len(coef) == 1:
        return float(coef[0] ** 2 / covariance[0, 0]) if covariance[0, 0] > 0 else 0.0
    return float(coef @ pseudo_inverses(covariance)[0] @ coef)


def _units(problem: LinearProblem, fit: Refit, places: NDArray[np.intp]) -> Floats:
    """Return what turns standardised coefficients into the data's units."""
    units: Floats = problem.target_scale / problem.scale[fit.columns[places] - problem.offset]
    return units


def _direction(problem: LinearProblem, fit: Refit, places: NDArray[np.intp]) -> Floats:
    """Weights on the refit's coefficients that give the effect in the data's units."""
    units = _units(problem, fit, places)
    direction = np.zeros(len(fit.columns))
    gate = problem.gate_of[fit.columns[places[0]]]
    schema = problem.moments.schema
    if schema.features[problem.features[gate]] not in schema.levels:
        direction[places] = units
        return direction
    # the reference level has no column and effect 0
    levels = np.append(fit.coef[places] * units, 0.0)
    for level, sign in ((int(np.argmax(levels)), 1.0), (int(np.argmin(levels)), -1.0)):
        if level < len(places):
            direction[places[level]] += sign * units[level]
    return direction
