"""Effects of features on the target: in each environment, and over all of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import fdtri, stdtrit

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Refit
from elinvar.inference.problem._affordable import FEWEST
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._overidentification import agreement_p_value
from elinvar.inference.tests._robust import agreement

# a variance that comes from rows says itself how much it knows
_FEWEST_BY_ROWS = 4


@dataclass(frozen=True, kw_only=True)
class FeatureEffect:
    """One feature's effect, in target units (of a class: log odds) per unit of the feature.

    The effect of a categorical feature is the largest contrast between two of its levels, with
    more than two classes the largest between two of these; both have Scheffé's interval, which
    allows for the choice.

    Attributes
    ----------
    fit : Refit
        The model.
    direction : array of shape (k,)
        The effect as a combination of its coefficients.
    n_coefficients : int
        How many coefficients the feature has.
    own, own_variance : arrays of shape (E,)
        Each environment's own effect and its sampling variance; NaN where it cannot be
        estimated.
    freedom : array of shape (E,)
        Degrees of freedom behind each variance.
    sure : boolean array of shape (E,)
        Whether the environment has rows, and its variance freedom, enough for its effect to be
        compared with others'.
    shared_variance : float
        Mean covariance between two environments' own effects: 0, but where the same clusters have
        rows in both.
    heterogeneity_p : float
        p-value of the same effect in all environments that can tell it, for several coefficients
        or where variances come from rows; NaN where it is that of the random effects.
    parts, part_variances : arrays of shape (d, E)
        Of a feature with several coefficients, each environment's own, and their sampling
        variances; d = 0 otherwise.
    test_alone : bool
        Whether classes are separated somewhere, so that only a test of the whole compares.
    contrast : str
        "red over blue": between which levels of a categorical feature; "" for numbers.
    """

    fit: Refit
    direction: Floats
    n_coefficients: int
    own: Floats
    own_variance: Floats
    freedom: Floats
    sure: Bools
    shared_variance: float
    heterogeneity_p: float
    parts: Floats
    part_variances: Floats
    test_alone: bool
    contrast: str

    @cached_property
    def _common(self) -> tuple[float, float, float]:
        return self.fit.contrast(self.direction)

    @property
    def effect(self) -> float:
        """Effect in the common fit."""
        return self._common[0]

    @property
    def low(self) -> float:
        """Lower end of its 95% interval."""
        return self.effect - self._margin

    @property
    def high(self) -> float:
        """Upper end of its 95% interval."""
        return self.effect + self._margin

    @property
    def _margin(self) -> float:
        _, error, spare = self._common
        return self.stretch * float(stdtrit(spare, 0.975)) * error

    @property
    def stretch(self) -> float:
        """How much wider than Student's the interval is, for the choice of a contrast."""
        d = self.n_coefficients
        if d == 1:
            return 1.0
        # Scheffe: sqrt(d F_d) instead of t, for the contrast was picked among all of d dimensions
        spare = self._common[2]
        return float(np.sqrt(d * fdtri(d, spare, 0.95)) / stdtrit(spare, 0.975))

    @property
    def own_margin(self) -> Floats:
        """Half-widths of the environments' 95% intervals."""
        spare = np.maximum(self.freedom, 1.0)
        margin: Floats = stdtrit(spare, 0.975) * np.sqrt(self.own_variance)
        return margin


def feature_effects(loss: Loss[M], selected: Bools) -> list[FeatureEffect | None]:
    """Effect of every gate in the model of ``selected`` (n_gates,), itself added if need be.

    Returns
    -------
    list of FeatureEffect or None
        A gate each; None where the data cannot tell the effect.
    """
    outside: Places = np.flatnonzero(~selected)
    masks = np.array([selected, *(with_gate(selected, int(gate)) for gate in outside)])
    inside, *others = loss.refits(masks)
    fits = dict(zip(outside.tolist(), others, strict=True))
    return [effect_of(loss.problem, fits.get(gate, inside), gate) for gate in range(len(selected))]


def effect_of(problem: LinearProblem, fit: Refit, gate: int) -> FeatureEffect | None:
    """Effect of a gate that is open in ``fit``; None where the data cannot tell it."""
    places = np.flatnonzero(problem.gate_of[fit.columns] == gate)
    return _effect(problem, fit, places) if fit.known[places].all() else None


def with_gate(gates: Bools, gate: int) -> Bools:
    """Return a copy of ``gates`` in which one more is open."""
    opened = gates.copy()
    opened[gate] = True
    return opened


def _effect(problem: LinearProblem, fit: Refit, places: Places) -> FeatureEffect:
    units, categorical = fit.units[places], _is_categorical(problem, fit, places)
    weights = contrast_weights(fit.coef[places] * units, fit.n_outcomes, categorical)
    direction = np.zeros(len(fit.columns))
    direction[places] = weights * units
    block = fit.own_covariance[:, places[:, None], places]
    # an environment tells a contrast if it tells every column that takes part in it
    part = np.flatnonzero(direction)
    estimable = fit.own_covariance[:, part, part] > 0
    estimable = (fit.freedom > 0) & estimable.all(axis=1)
    p_value, several = np.nan, slice(0)
    sure = fit.freedom >= FEWEST
    if len(places) > 1:
        p_value = agreement_p_value(fit.own[sure][:, places], block[sure], fit.freedom[sure])
        several = slice(None)
    if fit.scores is not None:
        p_value = agreement(fit.scores, fit.scores.places(len(fit.columns))[places], sure)
    joint, freedom = fit.own_sampling(direction)
    return FeatureEffect(
        fit=fit,
        direction=direction,
        n_coefficients=len(places),
        own=np.where(estimable, fit.own[:, part] @ direction[part], np.nan),
        own_variance=np.where(estimable, joint.diagonal(), np.nan),
        freedom=freedom,
        sure=sure & (freedom >= _FEWEST_BY_ROWS),
        shared_variance=_mean_between(joint, estimable),
        heterogeneity_p=p_value,
        parts=(fit.own[:, places] * units).T[several],
        part_variances=(np.einsum("ejj->ej", block) * units**2).T[several],
        test_alone=fit.test_alone,
        contrast=_contrast(problem, fit, places, weights) if categorical else "",
    )


def _contrast(problem: LinearProblem, fit: Refit, places: Places, weights: Floats) -> str:
    """Name the levels that a contrast is between: the larger one over the smaller one."""
    schema, columns = problem.moments.schema, fit.columns[places] - problem.offset
    name = schema.features[problem.features[problem.gate_of[fit.columns[places[0]]]]]
    reference = schema.levels[name][0]
    levels = [schema.columns[problem.columns[j]].removeprefix(f"{name}=") for j in columns]
    # outcome by outcome; levels of one outcome add up to 0 with the reference among them
    table = weights.reshape(fit.n_outcomes, -1)
    table = np.column_stack([-table.sum(axis=1), table])
    row = table[int(np.argmax(np.abs(table).sum(axis=1)))]
    among = [reference, *levels[: table.shape[1] - 1]]
    return f"{among[int(np.argmax(row))]} over {among[int(np.argmin(row))]}"


def _mean_between(joint: Floats, able: Bools) -> float:
    """Mean covariance between two of the environments that are able."""
    covariance = joint[np.ix_(able, able)]
    many = len(covariance) * (len(covariance) - 1)
    return float((covariance.sum() - covariance.trace()) / many) if many else 0.0


def _is_categorical(problem: LinearProblem, fit: Refit, places: Places) -> bool:
    schema, gate = problem.moments.schema, problem.gate_of[fit.columns[places[0]]]
    return schema.features[problem.features[gate]] in schema.levels


def largest_contrast(coef: Floats, n_outcomes: int, categorical: bool) -> float:
    """Effect of one feature with coefficients (m d,), outcome by outcome, in the data's units."""
    return float(contrast_weights(coef, n_outcomes, categorical) @ coef)


def contrast_weights(coef: Floats, n_outcomes: int, categorical: bool) -> Floats:
    """Weights (m d,) of the effect: a coefficient, or the largest difference there is.

    Of a categorical feature between two levels, the reference among them; with more than two
    classes between two of these, too.
    """
    m = n_outcomes
    if m == 1 and not categorical:
        return np.ones(1)
    # the reference class has log odds 0, and the reference level has no column
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
