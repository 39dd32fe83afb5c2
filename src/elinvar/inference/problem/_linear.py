"""Moments made ready for the learners: centred, scaled, with the intercept in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtri, ndtr

from elinvar.errors import DataError
from elinvar.inference.problem._affordable import affordable_gates
from elinvar.inference.problem._linear_algebra import RANK
from elinvar.inference.problem._types import Bools, Floats, Intercept, Places, ProblemOptions

if TYPE_CHECKING:
    from elinvar.environments import Moments, Schema


WIDE = 200
"""Beyond so many columns what takes their cube, again and again, is not tried."""

_CONSTANT = 1e-13
_IDENTICAL = 1e-11
_ROUNDING = 1e-12
# the square of 10^150 is still a number
_DECADES = 150
# entries of matrices that stay in the cache
_IN_CACHE = 250_000


@dataclass(frozen=True, kw_only=True)
class LinearProblem:
    r"""Standardised moments of a linear model in several environments.

    With ``intercept="shared"`` column 0 is the constant and moments are taken about the pooled
    means, so the intercept has to be invariant too; with ``"environment"`` moments are taken about
    each environment's own means and only slopes have to be invariant.

    Attributes
    ----------
    gram : array of shape (E, q, q)
        Second moments of the standardised columns, divisor ``count``.
    cross : array of shape (E, q)
        Cross moments with the standardised target.
    target_power : array of shape (E,)
        Second moments of the standardised target.
    count : array of shape (E,)
        Rows (sum of frequency weights) in each environment.
    weights : array of shape (E,)
        Weight of each environment in averages, summing to one.
    absorbed : int
        Degrees of freedom per environment that its own intercept has taken: 0 or 1.
    gate_of : array of shape (q,)
        Gate of each column, contiguous and increasing; -1 for the shared intercept.
    features : array of shape (n_gates,)
        Feature (index into ``moments.schema.features``) that each gate belongs to.
    always : boolean array of shape (n_gates,)
        Gates that are never closed.
    columns : array of shape (q - shared,)
        Column of ``moments`` behind each non-intercept column.
    scale, target_scale : array of shape (q - shared,), float
        Pooled standard deviations that standardise columns and target.
    center, target_center : array of shape (q - shared,), float
        Pooled means; zero where environments are centred one by one.
    means, target_means : array of shape (E, q), (E,)
        Standardised means of columns and target in each environment, about the pooled ones.
    t_threshold : float
        Smallest ``|t|``, in the efficient refit, of a gate that is needed.
    constant, duplicates : tuple
        Constant columns, and ``(dropped, kept)`` pairs of identical ones, by name.
    """

    moments: "Moments"
    intercept: Intercept
    gram: Floats
    cross: Floats
    target_power: Floats
    count: Floats
    weights: Floats
    absorbed: int
    gate_of: Places
    features: Places
    always: Bools
    columns: Places
    scale: Floats
    target_scale: float
    center: Floats
    target_center: float
    means: Floats
    target_means: Floats
    t_threshold: float
    constant: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]

    @classmethod
    def from_moments(
        cls,
        moments: "Moments",
        *,
        intercept: Intercept = "shared",
        weights: Floats | None = None,
        always: Bools | None = None,
        t_threshold: float = 4.5,
    ) -> "LinearProblem":
        """Standardise ``moments``; constant, reference and duplicated columns are left out.

        Parameters
        ----------
        moments : Moments
        intercept : {"shared", "environment"}
        weights : array of shape (E,), optional
            Environment weights summing to one; by default proportional to size.
        always : boolean array of shape (n_features,), optional
            Features that always stay in the model.
        t_threshold : float >= 0
            Smallest ``|t|`` of a gate that is needed.
        """
        count = np.asarray(moments.count, dtype=np.float64)
        weights = count / count.sum() if weights is None else weights
        shared = intercept == "shared"
        center = weights @ moments.mean_x
        target_center = float(weights @ moments.mean_y)
        shift = (moments.mean_x - center) * shared
        target_shift = (moments.mean_y - target_center) * shared
        inner, cross = _without_rounding(moments)
        # about another point moments are those about the own means plus the square of the shift
        power = moments.var_y + target_shift**2
        square = weights @ moments.mean_x**2
        variance = weights @ (np.einsum("ejj->ej", inner) + shift**2)
        varies, schema = _varies(variance, square), moments.schema
        constant = tuple(schema.columns[j] for j in np.flatnonzero(~varies & ~schema.reference))
        target_scale = _target_scale(weights, power)
        pooled = average(weights, inner) + (weights * shift.T) @ shift
        columns = np.flatnonzero(varies & ~schema.reference)
        kept, duplicates = _without_duplicates(pooled, variance, columns, schema.columns)
        scale = np.sqrt(variance[kept])
        _check_units(schema.columns, kept, scale, target_scale)
        gram = _standardised(inner, shift, kept, scale, shared)
        cross = cross[:, kept] + shift[:, kept] * target_shift[:, None]
        cross /= scale * target_scale
        features, gate = _gates_of(schema.groups[kept])
        means = (moments.mean_x - center)[:, kept] / scale
        if shared:
            means = np.concatenate([np.zeros((len(means), 1)), means], axis=1)
            cross = np.concatenate([target_shift[:, None] / target_scale, cross], axis=1)
            gate = np.concatenate([[-1], gate])
        return cls(
            moments=moments,
            intercept=intercept,
            gram=gram,
            cross=np.ascontiguousarray(cross),
            target_power=power / target_scale**2,
            count=count,
            weights=weights,
            absorbed=0 if shared else 1,
            gate_of=gate.astype(np.intp),
            features=features.astype(np.intp),
            always=_staying(schema, always, duplicates)[features],
            columns=kept,
            scale=scale,
            target_scale=target_scale,
            center=center[kept],
            target_center=target_center,
            means=means,
            target_means=(moments.mean_y - target_center) / target_scale,
            t_threshold=t_threshold,
            constant=constant,
            duplicates=duplicates,
        )

    def weights_without(self, names: Sequence[str]) -> Floats:
        """Weights of the other environments: equal if all the weight was on these."""
        gone = set(names)
        others = self.weights[[name not in gone for name in self.moments.names]]
        weights = others if others.sum() > 0 else np.ones(len(others))
        rest: Floats = weights / weights.sum()
        return rest

    def options_without(self, names: Sequence[str], always: Bools | None) -> ProblemOptions:
        """Return what makes the same problem of the other environments."""
        return {
            "intercept": self.intercept,
            "weights": self.weights_without(names),
            "always": always,
            "t_threshold": self.t_threshold,
        }

    @property
    def n_gates(self) -> int:
        """Number of gates that a learner may open or close."""
        return len(self.features)

    @cached_property
    def by_strength(self) -> Places:
        """Gates from the weakest pooled covariance with the target to the strongest.

        What goes through the gates one after the other, or draws for them, takes them in this
        order, so that the order of the table's columns decides nothing.
        """
        strength = np.zeros(self.n_gates)
        pull = np.abs(self.weights @ self.cross[:, self.offset :])
        # rounded, as the last digits depend on the order of rows
        np.maximum.at(strength, self.gate_of[self.offset :], np.round(pull, 11))
        return np.argsort(strength, kind="stable")

    @cached_property
    def affordable(self) -> Bools:
        """Gates of one model of all features, as many as environments have rows for."""
        gram, cross = average(self.weights, self.gram), self.weights @ self.cross
        return affordable_gates(self.count, self.gate_of, gram, cross)

    @property
    def offset(self) -> int:
        """Index of the first column that is not the shared intercept."""
        return 1 - self.absorbed

    @cached_property
    def within(self) -> tuple[Floats, Floats]:
        """Standardised covariances of the columns (E, p, p) and with the target (E, p).

        About each environment's own means; 0 for a column that is constant in the environment.
        """
        return self.within_of(np.arange(len(self.columns)))

    def within_of(self, places: Places) -> tuple[Floats, Floats]:
        """Return the same for some of the columns, counted without the constant."""
        if self.absorbed:
            return self.gram[:, places[:, None], places], self.cross[:, places]
        inner, joint = _without_rounding(self.moments)
        k, scale = self.columns[places], self.scale[places]
        inner = inner[:, k[:, None], k]
        inner /= scale[:, None] * scale
        joint = joint[:, k] / (scale * self.target_scale)
        # by the rule of rank, where the constant comes first
        size = np.einsum("ejj->ej", self.gram)[:, 1 + places]
        varies = np.einsum("ejj->ej", inner) > RANK * size
        if not varies.all():
            inner *= varies[:, :, None] & varies[:, None, :]
        return inner, joint * varies

    @cached_property
    def floor(self) -> Floats:
        """Smallest residual second moment of each environment that is told from rounding."""
        return 1e-12 * np.maximum(self.target_power, 1e-200)

    @cached_property
    def joint(self) -> bool:
        """Whether a gate has several columns."""
        return len(self.gate_of) - self.offset > self.n_gates

    @cached_property
    def needed(self) -> Floats:
        """Smallest Wald statistic of a needed gate of k columns, by k: the threshold's tail."""
        widest = max(1, int(np.bincount(self.gate_of[self.offset :], minlength=1).max()))
        points: Floats = chdtri(np.arange(widest + 1.0), 2 * ndtr(-self.t_threshold))
        return np.maximum(points, 1e-300)

    @cached_property
    def tested(self) -> Places:
        """Gate of each column, negative where the gate is never closed (and so never tested)."""
        gate = self.gate_of.copy()
        inside = gate >= 0
        # those that stay are told apart, too
        gate[inside] = np.where(self.always[gate[inside]], -2 - gate[inside], gate[inside])
        return gate

    @cached_property
    def alone(self) -> Bools:
        """Columns (q,) that are a gate of their own, if it may be closed."""
        size = np.bincount(self.gate_of[self.offset :], minlength=1)
        return np.asarray((self.tested >= 0) & (size[np.maximum(self.gate_of, 0)] == 1))

    def column_masks(self, gates: Bools) -> Bools:
        """Boolean masks over gates (M, n_gates) as masks over columns (M, q)."""
        masks = np.ones((len(gates), len(self.gate_of)), dtype=bool)
        masks[:, self.offset :] = gates[:, self.gate_of[self.offset :]]
        return masks

    def original(self, coef: Floats) -> tuple[Floats, float, Floats]:
        """Standardised coefficients (q,) in the data's units.

        Returns
        -------
        coef : array of shape (n_columns,)
        intercept : float
            The shared intercept, or the average of the environments' own.
        intercepts : array of shape (E,)
            Each environment's intercept (all equal when it is shared).
        """
        moments = self.moments
        slopes = np.zeros(moments.mean_x.shape[1])
        slopes[self.columns] = coef[self.offset :] * (self.target_scale / self.scale)
        if self.absorbed:
            intercepts = moments.mean_y - moments.mean_x @ slopes
            return slopes, float(self.weights @ intercepts), intercepts
        intercept = (
            self.target_center
            + coef[0] * self.target_scale
            - float(self.center @ slopes[self.columns])
        )
        return slopes, intercept, np.full(len(self.count), intercept)


def average(weights: Floats, matrices: Floats) -> Floats:
    """Weighted sum of matrices, (E,) and (E, q, q) to (q, q)."""
    n_environments, q, _ = matrices.shape
    total: Floats = weights @ matrices.reshape(n_environments, q * q)
    return total.reshape(q, q)


def _standardised(
    inner: Floats, shift: Floats, kept: Places, scale: Floats, shared: bool
) -> Floats:
    """Second moments (E, q, q) of the kept columns and, in front of them, a shared constant."""
    (n_environments, p), k = shift.shape, len(kept)
    gram = np.empty((n_environments, k + shared, k + shared))
    # few environments at a time, so that they stay in the cache
    step = max(1, _IN_CACHE // max(p, 1) ** 2)
    unit, shift = scale[:, None] * scale, shift[:, kept]
    for start in range(0, n_environments, step):
        some = slice(start, start + step)
        part = inner[some] if k == p else inner[some, kept[:, None], kept]
        block = gram[some, shared:, shared:]
        np.multiply(shift[some, :, None], shift[some, None], out=block)
        block += part
        block /= unit
    if shared:
        gram[:, 0, 0] = 1.0
        gram[:, 0, 1:] = gram[:, 1:, 0] = shift / scale
    return gram


def _varies(variance: Floats, square: Floats) -> Bools:
    """Which columns have a variance, given the mean squares of their means."""
    # below the rounding of the squares that it comes from a variance is none
    varies: Bools = (variance > _CONSTANT**2 * (variance + square)) & (variance > 0)
    return varies


def _target_scale(weights: Floats, power: Floats) -> float:
    """Pooled standard deviation of the target; refused where it is 0."""
    scale = float(np.sqrt(weights @ power))
    if not scale > 0:
        raise DataError(
            "The target does not vary within environments: there is nothing to explain."
        )
    return scale


def _gates_of(groups: Places) -> tuple[Places, Places]:
    """Feature of each gate, and gate of each column; columns of a feature stand together."""
    opens = np.ones(len(groups), dtype=bool)
    opens[1:] = groups[1:] != groups[:-1]
    return groups[opens], np.cumsum(opens) - 1


def _staying(
    schema: "Schema", always: Bools | None, duplicates: tuple[tuple[str, str], ...]
) -> Bools:
    """Features that always stay."""
    stays = np.zeros(len(schema.features), dtype=bool) if always is None else always.copy()
    # what stands in for a column that has to stay has to stay itself
    for dropped, stand_in in duplicates:
        place = schema.groups[schema.columns.index(dropped)]
        stays[schema.groups[schema.columns.index(stand_in)]] |= stays[place]
    return stays


def _check_units(
    names: tuple[str, ...], columns: Places, scale: Floats, target_scale: float
) -> None:
    """Refuse a column in whose units the squares of effects overflow or vanish."""
    units = np.abs(np.log10(target_scale) - np.log10(scale))
    if len(units) and units.max() > _DECADES:
        worst = int(np.argmax(units))
        raise DataError(
            f"Column {names[columns[worst]]!r} and the target differ so much in size (standard "
            f"deviations {scale[worst]:.2g} and {target_scale:.2g}) that squares of effects cannot "
            "be computed: rescale one of them."
        )


def _without_rounding(moments: "Moments") -> tuple[Floats, Floats]:
    """Covariances of the columns and with the target, exactly 0 where a column is constant."""
    variance = np.einsum("ejj->ej", moments.cov_xx)
    varies = variance > (_ROUNDING * moments.mean_x) ** 2
    if varies.all():
        return moments.cov_xx, moments.cov_xy
    both = varies[:, :, None] & varies[:, None, :]
    return moments.cov_xx * both, moments.cov_xy * varies


def _without_duplicates(
    pooled: Floats, variance: Floats, usable: Places, names: tuple[str, ...]
) -> tuple[Places, tuple[tuple[str, str], ...]]:
    """Drop every column that equals an earlier one up to shift and scale."""
    inverse = 1.0 / np.sqrt(variance[usable])
    correlation = pooled[usable[:, None], usable]
    correlation = np.abs(correlation * inverse[:, None] * inverse)
    correlation.flat[:: len(usable) + 1] = 0.0
    if not len(usable) or correlation.max() <= 1 - _IDENTICAL:
        return usable, ()
    later, earlier = np.nonzero(np.tril(correlation > 1 - _IDENTICAL))
    first: dict[int, int] = {}
    for j, i in zip(later.tolist(), earlier.tolist(), strict=True):
        # a column is held against those that stay, not against dropped ones
        if i not in first:
            first.setdefault(j, i)
    keep = np.array([k for k in range(len(usable)) if k not in first], dtype=np.intp)
    pairs = tuple((names[usable[j]], names[usable[i]]) for j, i in first.items())
    return usable[keep], pairs
