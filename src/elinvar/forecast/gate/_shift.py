"""How much of the error in a new place the same columns could explain there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from elinvar.forecast._sample import Floats, Places, Sample
from elinvar.forecast.learners import Boosting, LearntTrees, log_odds, probabilities
from elinvar.forecast.mixture import environment_errors, row_losses

MOST_ENVIRONMENTS: Final = 12
MOST_ROWS: Final = 1000
FEWEST_ROWS: Final = 20

# large enough to follow a curve to its end: what it misses everywhere would look like a shift
_TEACHER: Final = Boosting(n_trees=40, n_leaves=12, learning_rate=0.2)
_PARTS: Final = 4
_TINY: Final = np.finfo(np.float64).tiny


@dataclass(frozen=True, kw_only=True, eq=False)
class Shift:
    """Errors in environments left out, and what of them differs from place to place.

    Attributes
    ----------
    errors : (E,) array
        Mean loss in each environment that was looked at: squared error, or log loss.
    shifts : (E,) array
        What of it the same columns explain once they are told rows of that environment.
    """

    errors: Floats
    shifts: Floats

    @property
    def share(self) -> float:
        """D: the mean share of the error that is shift, from 0 to 1."""
        return float(np.mean(self.shifts / np.maximum(self.errors, _TINY)))

    def cost(self, kappa: float) -> float:
        r"""Return :math:`J_\kappa`: the mean log error where what differs counts kappa times.

        Parameters
        ----------
        kappa : float, at least 1
            1: the mean log error itself.
        """
        worse = self.errors + (kappa - 1) * self.shifts
        return float(np.mean(np.log(np.maximum(worse, _TINY))))


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """How much the relation to the target differs between environments.

    Attributes
    ----------
    share : float
        Share of the error that rows of the place itself explain, from 0 to 1.
    t : float
        The same over its standard error; negative where own rows only mislead.
    """

    share: float
    t: float


def shift_share(sample: Sample, left_out: Floats, *, seed: int = 0) -> Shift:
    r"""Find what of the error in environments left out the same columns could explain there.

    In environment e a small booster :math:`g_e` learns what the prediction left, from part of the
    rows, and is judged on the others:

    .. math::
        \mathrm{shift}_e = \max(0,\ \ell_e(f_{-e}) - \ell_e(f_{-e} + g_e)), \qquad
        D = \frac1E \sum_e \frac{\mathrm{shift}_e}{\ell_e(f_{-e})}, \\
        J_\kappa = \frac1E \sum_e \log(\ell_e(f_{-e}) + (\kappa - 1)\, \mathrm{shift}_e),

    with :math:`\ell_e` the mean squared error, or log loss. D is near 0 where the relation is the
    same everywhere and inputs are not far from those of other environments, whatever the noise.

    Parameters
    ----------
    sample : Sample
        With the features that the prediction used.
    left_out : (n, k) array
        Prediction of each row by a model that has not seen its environment.
    seed : int
        Draws the parts, and the rows of environments with more than 1,000.

    Returns
    -------
    Shift
        Of the 12 largest environments, those with at least 20 rows.

    References
    ----------
    This library's own.
    """
    rng = np.random.default_rng(seed)
    found = []
    for at in largest(sample, rng):
        rows, start = sample.rows(at), _scores(left_out[at], sample.n_classes)
        after = np.empty_like(left_out[at])
        part = np.arange(len(at)) % _PARTS  # rows are in random order
        for k in range(_PARTS):
            inside, out = part != k, part == k
            added = _pupil(rows.rows(inside), start[inside]).raw(rows.X[out])
            after[out] = _predictions(start[out] + added, sample.n_classes)
        found.append([_loss(rows, left_out[at]), _loss(rows, after)])
    errors, after_errors = np.array(found).reshape(-1, 2).T
    return Shift(errors=errors, shifts=np.maximum(errors - after_errors, 0.0))


def left_out_level(sample: Sample, folds: Sequence[Places]) -> float:
    """Return the mean log error in environments left out of what a booster learns of the others.

    Parameters
    ----------
    sample : Sample
        With the features that may be used.
    folds : sequence of array of int
        Environments that are left out together.
    """
    left_out = np.empty((sample.n_rows, max(1, sample.n_classes)))
    for fold in folds:
        out = np.isin(sample.codes, fold)
        left_out[out] = _TEACHER.fit(sample.rows(~out)).predict(sample.X[out])
    return mean_log_error(sample, left_out)


def mean_log_error(sample: Sample, predicted: Floats) -> float:
    """Return the mean over environments of the log of their mean loss.

    Parameters
    ----------
    sample : Sample
    predicted : (n, k) array
    """
    errors = environment_errors(sample, predicted[:, None])[:, 0]
    return float(np.mean(np.log(np.maximum(errors[np.isfinite(errors)], _TINY))))


def disagreement(sample: Sample, *, seed: int = 0) -> Disagreement:
    r"""Find how much the relation itself differs, with inputs and levels of each place known.

    As `shift_share`, but of a booster f that has seen other rows of all environments, e among
    them: inputs that no other environment has shown do not count as a shift. The gain is taken to
    first order, :math:`\mathrm{mean}_e\, (y - f)\, g_e`, which is 0 on average where there is
    nothing to learn. What e itself contributed hides a part :math:`1/E` of its difference, so it is
    multiplied by :math:`(E/(E-1))^2`.

    Parameters
    ----------
    sample : Sample
        From at least two environments, with the features that may be used.
    seed : int
        Draws the parts.

    Returns
    -------
    Disagreement
    """
    rng = np.random.default_rng(seed)
    places = largest(sample, rng)
    part = np.concatenate([np.arange(len(at)) % _PARTS for at in places])
    sample = sample.rows(np.concatenate(places))
    codes = np.unique(sample.codes)
    predicted = np.empty((sample.n_rows, max(1, sample.n_classes)))
    told = np.empty(sample.n_rows)
    for k in range(_PARTS):
        start = _TEACHER.fit(sample.rows(part != k)).raw(sample.X)
        for code in codes:
            own = sample.codes == code
            inside, out = own & (part != k), own & (part == k)
            added = _pupil(sample.rows(inside), start[inside]).raw(sample.X[out])
            predicted[out] = _predictions(start[out], sample.n_classes)
            told[out] = _agreement(sample.rows(out), predicted[out], added)
    losses = row_losses(sample, predicted[:, None])[:, 0]
    means, variances = [], []
    for code in codes:
        own = sample.codes == code
        weight = sample.weight[own] / sample.weight[own].sum()
        error, mean = max(float(weight @ losses[own]), _TINY), float(weight @ told[own])
        means.append(mean / error)
        variances.append(float(weight**2 @ ((told[own] - mean) / error) ** 2))
    E = len(codes)
    middle, spread = float(np.mean(means)), float(np.sqrt(np.sum(variances))) / E
    hidden = (E / max(E - 1, 1)) ** 2
    return Disagreement(share=max(middle, 0.0) * hidden, t=middle / max(spread, _TINY))


def _agreement(rows: Sample, predicted: Floats, added: Floats) -> Floats:
    """Return the gain of each row to first order, (n,): its mean is 0 where nothing is to learn."""
    if not rows.n_classes:
        product: Floats = (rows.y - predicted[:, 0]) * added[:, 0]
        return product
    left = np.eye(rows.n_classes)[rows.y.astype(np.intp)] - predicted
    # half the slope of the log likelihood is its gain where the slope is right
    half: Floats = 0.5 * (left[:, -added.shape[1] :] * added).sum(axis=1)
    return half


def largest(sample: Sample, rng: np.random.Generator) -> list[Places]:
    """Return rows of the environments that are looked at, each in random order.

    Parameters
    ----------
    sample : Sample
    rng : numpy.random.Generator
    """
    sizes = np.bincount(sample.codes)
    chosen = np.sort(np.argsort(-sizes, kind="stable")[:MOST_ENVIRONMENTS])
    return [
        rng.permutation(np.flatnonzero(sample.codes == code))[:MOST_ROWS]
        for code in chosen[sizes[chosen] >= FEWEST_ROWS]
    ]


def _scores(predicted: Floats, n_classes: int) -> Floats:
    """Return predictions as trees add to them: numbers as they are, classes as log odds."""
    return log_odds(predicted) if n_classes else predicted


def _predictions(scores: Floats, n_classes: int) -> Floats:
    return probabilities(scores) if n_classes else scores


def _pupil(rows: Sample, start: Floats) -> LearntTrees:
    """Learn what is left of a prediction."""
    small = Boosting(
        n_trees=15, n_leaves=6, learning_rate=0.25, min_rows=int(np.clip(rows.n_rows // 20, 3, 20))
    )
    if rows.n_classes:
        return small.fit(rows, start)
    return small.fit(rows.aimed_at(rows.y - start[:, 0]))


def _loss(rows: Sample, predicted: Floats) -> float:
    return float(environment_errors(rows, predicted[:, None])[rows.codes[0], 0])
