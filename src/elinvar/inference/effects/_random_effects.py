"""Effects as random over environments: how much they differ, and what to expect in a new one."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from elinvar.inference.effects._mixtures import NewEffects, ends
from elinvar.inference.effects._spreads import among_others
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._overidentification import (
    ROUNDS,
    estimated_law,
    few_rows,
    restricted_law,
)

_NODES = 96
_STEPS = 8
# largest part of the smallest variance that estimates are taken to have in common
_MOST = 0.95
_LIMIT = 0.9
_NORMAL_90 = float(ndtri(0.95))
_TAIL_90, _TAIL_95 = 0.05, 0.025


@dataclass(frozen=True, kw_only=True)
class RandomEffects:
    """Effects of F features, each drawn anew in every environment.

    Attributes
    ----------
    between_sd : array of shape (F,)
        Standard deviation between environments, by Paule and Mandel; NaN with fewer than two.
    low, high : arrays of shape (F,)
        90% prediction interval for the effect in a new environment; NaN with fewer than two.
    wary_low, wary_high : arrays of shape (F,)
        The same if the variance is at its upper 90% limit; NaN with fewer than two.
    mean, mean_low, mean_high : arrays of shape (F,)
        Average effect at that variance, and its 95% confidence interval; NaN with fewer than two.
    p_value : array of shape (F,)
        Of no difference between environments; 1 with fewer than two.
    new : NewEffects
        The whole law that ``low`` and ``high`` are of; NaN with fewer than two.
    """

    between_sd: Floats
    low: Floats
    high: Floats
    wary_low: Floats
    wary_high: Floats
    mean: Floats
    mean_low: Floats
    mean_high: Floats
    p_value: Floats
    new: NewEffects

    def average(self, row: int) -> tuple[float, float, float]:
        """Return the average effect of one feature, and its interval."""
        return float(self.mean[row]), float(self.mean_low[row]), float(self.mean_high[row])


def random_effects(
    effects: Floats,
    variances: Floats,
    freedom: Floats,
    shared: Floats | None = None,
    *,
    unit: Floats | None = None,
) -> RandomEffects:
    r"""Describe effects as a random sample over environments.

    :math:`b_e = \theta_e + \epsilon_e`, :math:`\theta_e \sim N(\mu, \tau^2)`,
    :math:`\epsilon_e \sim N(0, v_e)`. With :math:`W_e = 1 / (v_e + \tau^2)` the generalised
    :math:`Q(\tau^2) = \sum W_e (b_e - \hat\mu)^2` has a known law (Welch's, ``v_e`` being
    estimated), which falls in :math:`\tau^2`: its tail is a confidence distribution of
    :math:`\tau^2`. The new effect is a mixture over it of
    :math:`N(\hat\mu(\tau^2), \tau^2 + 1 / \sum W_e)`, the average effect one of
    :math:`N(\hat\mu(\tau^2), 1 / \sum W_e)`. With ``unit`` the effects are of one table, and the
    spreads of the others say, too, which variances are likely.

    Parameters
    ----------
    effects, variances : arrays of shape (F, E)
        Each environment's own estimate with its sampling variance; an environment that cannot
        tell the effect has a variance that is NaN, infinite or 0.
    freedom : array of shape (F, E) or (E,)
        Degrees of freedom behind each variance.
    shared : array of shape (F,), optional
        Mean covariance of two estimates, where they are of the same people or firms: that part of
        their errors is the same everywhere, so it hides no difference and no average takes it off.
    unit : array of shape (F,), optional
        What makes the spreads of a table's effects comparable: the effect of one standard deviation
        of the target per standard deviation of the feature. Without it each effect is judged alone,
        as is a single one.

    References
    ----------
    Paule and Mandel (1982) for the standard deviation; Viechtbauer (2007) for the law of Q;
    Nagashima, Noma and Furukawa (2019) for mixing over a confidence distribution of the variance.
    The small-sample law and the mixture in closed form are own derivations, see docs/evidence.md.
    Where sampling errors are negligible the interval is the classical one with Student's
    t(E - 1), as is that of Hartung and Knapp.
    """
    sample = _Sample.of(effects, variances, freedom, shared)
    usable = sample.able.sum(axis=1) >= 2
    names = [name for name in RandomEffects.__annotations__ if name not in ("p_value", "new")]
    result = {name: np.full(len(usable), np.nan) for name in names}
    mass, mean, sd = (np.full((len(usable), _NODES), np.nan) for _ in range(3))
    p_value = np.ones(len(usable))
    if usable.any():
        sample = sample.rows(usable)
        nodes = sample.nodes()
        law = sample.at(nodes)
        p_value[usable] = law.tail[:, 0]
        # tau^2 solves Q(tau^2) = E Q, and its confidence distribution is the tail of Q(tau^2)
        tau2 = _paule_mandel(sample, nodes, law)
        weight = _masses(law.tail)
        if unit is not None:
            weight = _among_others(sample, nodes, weight, unit[usable])
        likely = sample.at(_middles(nodes))
        spread = np.sqrt(likely.variance + _middles(nodes))
        low, high = ends(weight, likely.mean, spread, _TAIL_90)
        mean_low, mean_high = ends(weight, likely.mean, np.sqrt(likely.variance), _TAIL_95)
        centre = sample.at(tau2[:, None]).mean[:, 0]
        wary_low, wary_high = _wary(sample, nodes, law.tail)
        found = (np.sqrt(tau2), low, high, wary_low, wary_high, centre, mean_low, mean_high)
        mass[usable], sd[usable] = weight, spread * sample.unit[:, None]
        mean[usable] = sample.origin[:, None] + likely.mean * sample.unit[:, None]
        for name, values in zip(names, found, strict=True):
            origin = 0.0 if name == "between_sd" else sample.origin
            result[name][usable] = origin + values * sample.unit
    new = NewEffects(mass=mass, mean=mean, sd=sd)
    return RandomEffects(p_value=p_value, new=new, **result)


def between_sd(effects: Floats, variances: Floats, freedom: Floats) -> Floats:
    """Paule and Mandel's standard deviation between environments, shape (F,); see above."""
    sample = _Sample.of(effects, variances, freedom)
    usable = sample.able.sum(axis=1) >= 2
    sd = np.full(len(usable), np.nan)
    if usable.any():
        sample = sample.rows(usable)
        nodes = sample.nodes()
        sd[usable] = np.sqrt(_paule_mandel(sample, nodes, sample.at(nodes))) * sample.unit
    return sd


@dataclass(frozen=True, kw_only=True)
class _Law:
    """The generalised Q at given between-environment variances, arrays of shape (F, K)."""

    mean: Floats
    variance: Floats
    excess: Floats
    tail: Floats


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """Estimates (F, E) in units of their smallest standard error, so that squares stay finite."""

    effects: Floats
    variances: Floats
    freedom: Floats
    able: Bools
    unit: Floats
    origin: Floats
    shared: Floats

    @classmethod
    def of(
        cls, effects: Floats, variances: Floats, freedom: Floats, shared: Floats | None = None
    ) -> "_Sample":
        variances = np.asarray(variances, dtype=np.float64)
        least = np.where(variances > 0, variances, np.inf).min(axis=1, initial=np.inf)
        common = np.zeros(len(variances)) if shared is None else np.minimum(shared, _MOST * least)
        # an error that all estimates have in common hides no difference between them
        variances = variances - np.where(variances > 0, common[:, None], 0.0)
        freedom = np.broadcast_to(freedom, variances.shape)
        able = np.isfinite(effects) & np.isfinite(variances) & (variances > 0) & (freedom >= 1)
        smallest = np.where(able, variances, np.inf).min(axis=1)
        unit = np.sqrt(np.where(np.isfinite(smallest), smallest, 1.0))
        weight = np.where(able, 1.0 / np.where(able, variances, 1.0), 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-300)
        origin = (weight * np.where(able, effects, 0.0)).sum(axis=1) / total
        shifted = np.where(able, effects, origin[:, None]) - origin[:, None]
        return cls(
            effects=shifted / unit[:, None],
            variances=np.where(able, variances, 1.0) / unit[:, None] ** 2,
            freedom=np.where(able, freedom, 1.0),
            able=able,
            unit=unit,
            origin=origin,
            shared=common / unit**2,
        )

    def rows(self, which: Bools) -> "_Sample":
        return _Sample(**{name: getattr(self, name)[which] for name in self.__annotations__})

    def nodes(self) -> Floats:
        """Between-environment variances (F, K) from 0 to far beyond what the estimates show."""
        spread = np.square(self.effects).max(axis=1)
        steps = np.linspace(0.0, 1.0, _NODES - 1)
        high = 1e6 * (1.0 + spread)
        inner = 1e-3 * (high / 1e-3)[:, None] ** steps
        return np.concatenate([np.zeros((len(spread), 1)), inner], axis=1)

    @property
    def few(self) -> Bools:
        """Whether the law needs variances about the common mean, (F,)."""
        return few_rows(self.able.astype(np.float64), self.freedom, self.able.sum(axis=1) - 1.0)

    def at(self, tau2: Floats) -> _Law:
        """Law of Q if the between-environment variances are ``tau2`` (F, K)."""
        few = self.few
        if not few.any():
            return self._estimated(tau2)
        both = [self.rows(~few)._estimated(tau2[~few]), self.rows(few)._settled(tau2[few])]
        order = np.argsort(np.argsort(few, kind="stable"))
        found = {
            name: np.concatenate([getattr(law, name) for law in both])[order]
            for name in _Law.__annotations__
        }
        return _Law(**found)

    def _settled(self, tau2: Floats) -> _Law:
        r"""Law with sampling variances about the common mean: docs/theory.md, section 5.

        Of the distance from it :math:`\rho_e = v_e / (v_e + \tau^2)` is noise, so that the
        likelihood of both has its maximum where :math:`m_e v_e = \nu_e \hat v_e +
        (\rho_e (b_e - \hat\mu))^2 + (1 - \rho_e) v_e`.
        """
        able, nu = self.able[:, None, :], self.freedom[:, None, :]
        estimated = self.variances[:, None, :]
        variance = np.repeat(estimated, tau2.shape[1], axis=1)
        for _ in range(ROUNDS + 1):
            noise = variance / (variance + tau2[:, :, None])
            weight = able / (variance + tau2[:, :, None])
            mass = weight.sum(axis=2)
            mean = (weight * self.effects[:, None, :]).sum(axis=2) / mass
            away = np.square(self.effects[:, None, :] - mean[:, :, None])
            share = weight / mass[:, :, None]
            spare = nu + 1 - share * noise
            q = (weight * away).sum(axis=2)
            variance = (nu * estimated + noise**2 * away + (1 - noise) * variance) / spare
        rough = noise**2 / (spare + 2)
        b = (able * np.square(1.0 - share) * rough).sum(axis=2)
        f = np.broadcast_to((self.able.sum(axis=1) - 1.0)[:, None], q.shape)
        # what is no noise has no sphere: its square may be any
        whole = (able * spare / noise**2).sum(axis=2)
        law = restricted_law(*(x.ravel() for x in (q, f, b, b, whole)))
        # as in `settle`: weights that bend to the mean make its variance larger
        shrunk = 1.0 - 2.0 * (share * (1.0 - share) * noise**2 / spare).sum(axis=2)
        return _Law(
            mean=mean,
            variance=1.0 / (mass * shrunk**2),
            excess=q - f,
            tail=law.p_value.reshape(q.shape),
        )

    def _estimated(self, tau2: Floats) -> _Law:
        """Law with sampling variances as they were estimated."""
        total = self.variances[:, None, :] + tau2[:, :, None]
        # W_e = 1 / (v_e + tau^2), Q = sum W_e (b_e - mean)^2
        weight = self.able[:, None, :] / total
        mass = weight.sum(axis=2)
        mean = (weight * self.effects[:, None, :]).sum(axis=2) / mass
        q = (weight * np.square(self.effects[:, None, :] - mean[:, :, None])).sum(axis=2)
        share = weight / mass[:, :, None]
        # the noise of an estimated variance matters as far as the variance does
        # 1 / nu_e becomes (v_e / (v_e + tau^2))^2 / nu_e: docs/evidence.md, section 1
        noise = np.square(self.variances[:, None, :] / total) / self.freedom[:, None, :]
        b = (self.able[:, None, :] * np.square(1.0 - share) * noise).sum(axis=2)
        # Meier's correction for estimated weights, Kenward and Roger's for one mean
        inflation = 1.0 + 4.0 * (share * (1.0 - share) * noise).sum(axis=2)
        f = np.broadcast_to((self.able.sum(axis=1) - 1.0)[:, None], q.shape)
        law = estimated_law(q, f, 2.0 * b, 3.0 * np.maximum(b, 1e-12))
        return _Law(
            mean=mean,
            variance=np.maximum(inflation / mass + self.shared[:, None], 1e-3 / mass),
            # E Q = f + 2 B
            excess=q - f - 2.0 * b,
            tail=law.p_value,
        )

    def likelihood(self, tau2: Floats) -> Floats:
        r"""Likelihood (F, K) of the variances ``tau2``, free of the mean; 1 at its largest.

        :math:`(\sum W_e)^{-1/2} \prod W_e^{1/2} (1 + W_e (b_e - \hat\mu)^2 / n_e)^{-(n_e + 1)/2}`:
        a square over an estimated variance is Student's, with :math:`n_e = \nu_e / (v_e W_e)^2`.
        """
        total = self.variances[:, None, :] + tau2[:, :, None]
        weight = self.able[:, None, :] / total
        away = np.square(self.effects[:, None, :] - self.at(tau2).mean[:, :, None])
        spare = self.freedom[:, None, :] * np.square(total / self.variances[:, None, :])
        each = np.log(total) + (spare + 1.0) * np.log1p(away / (total * spare))
        found = -0.5 * ((self.able[:, None, :] * each).sum(axis=2) + np.log(weight.sum(axis=2)))
        likelihood: Floats = np.exp(found - found.max(axis=1, keepdims=True))
        return likelihood


def _paule_mandel(sample: _Sample, nodes: Floats, law: _Law) -> Floats:
    """Variances (F,) at which Q has its expectation; 0 if it is below at 0."""
    rows = np.arange(len(nodes))
    above = law.excess > 0
    # Q falls as tau^2 grows, so the root is between the last node above and the next
    last = np.where(above[:, 0], np.argmin(above, axis=1) - 1, 0) % (_NODES - 1)
    low, high = nodes[rows, last], nodes[rows, last + 1]
    over, under = law.excess[rows, last], law.excess[rows, last + 1]
    tau2 = low
    for _ in range(_STEPS):
        # regula falsi
        tau2 = low + (high - low) * over / np.where(above[:, 0], over - under, 1.0)
        here = sample.at(tau2[:, None]).excess[:, 0]
        more = here > 0
        low, over = np.where(more, tau2, low), np.where(more, here, over)
        high, under = np.where(more, high, tau2), np.where(more, under, here)
    return np.where(above[:, 0], tau2, 0.0)


def _wary(sample: _Sample, nodes: Floats, tail: Floats) -> Floats:
    """Return the ends (2, F) of the 90% interval of a new effect, the variance at its limit."""
    rows, reached = np.arange(len(nodes)), np.maximum.accumulate(tail, axis=1)
    # between the first node at which the confidence distribution has reached the limit and the last
    above = np.argmax(reached >= _LIMIT, axis=1)
    below = np.maximum(above - 1, 0)
    gained = reached[rows, above] - reached[rows, below]
    share = np.where(gained > 0, (_LIMIT - reached[rows, below]) / np.maximum(gained, 1e-300), 0.0)
    low, high = nodes[rows, below], nodes[rows, above]
    inner = np.maximum(low, 1e-300) ** (1.0 - share) * np.maximum(high, 1e-300) ** share
    tau2 = np.where(low > 0, inner, share * high)[:, None]
    law = sample.at(tau2)
    reach = _NORMAL_90 * np.sqrt(law.variance + tau2)
    limits: Floats = np.concatenate([law.mean - reach, law.mean + reach], axis=1).T
    return limits


def _masses(tail: Floats) -> Floats:
    """Return what the confidence distribution H has at 0, and gains from node to node."""
    # H rises by its meaning; where the matched law falls by a little it is held
    mass: Floats = np.diff(np.maximum.accumulate(tail, axis=1), axis=1, prepend=0.0)
    # and what is left lies at the last node
    mass[:, -1] += 1.0 - mass.sum(axis=1)
    return mass


def _middles(nodes: Floats) -> Floats:
    """Put what lies between two nodes at their geometric mean; what is at 0 stays there."""
    inner = np.sqrt(nodes[:, 1:-1]) * np.sqrt(nodes[:, 2:])
    return np.concatenate([nodes[:, :1], nodes[:, 1:2] / 4.0, inner], axis=1)


def _among_others(sample: _Sample, nodes: Floats, mass: Floats, unit: Floats) -> Floats:
    """Masses (F, K) of the variance, given the other effects too; ``unit`` as `random_effects`."""
    with np.errstate(all="ignore"):
        scale = np.square(sample.unit / unit)
    known = np.isfinite(scale) & (scale > 0)
    if known.sum() < 2:
        return mass
    likelihood = sample.rows(known).likelihood(_middles(nodes[known]))
    precision = np.where(sample.able, 1.0 / sample.variances, 0.0).sum(axis=1)
    noise = (scale * sample.able.sum(axis=1) / precision)[known]
    mass = mass.copy()
    mass[known] = among_others(likelihood, mass[known], scale[known, None] * nodes[known], noise)
    return mass
