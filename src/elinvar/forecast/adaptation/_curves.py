"""What labelled rows buy, tried on training environments that the prior has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places
from elinvar.forecast.adaptation._outcomes import mean_loss
from elinvar.forecast.adaptation._prior import Prior, Start, learn_prior, posterior
from elinvar.forecast.adaptation._sums import Rows, Sums, class_sums, no_rows

COUNTS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
"""Numbers of labelled rows that are tried."""

# left out together, so that a prior is learnt a bounded number of times
_MOST_GROUPS = 8
FEWEST_ROWS: Final = 20
"""Rows of the smallest environment on which this is tried: 5 labelled ones, 15 to predict."""

# what stands for an error of exactly 0, which has no logarithm
_NO_ERROR = 1e-300
# rows that must be left to be predicted
_FEWEST_LEFT = 15
_DRAWS = (4, 20)
_DRAWS_IN_ALL = 80


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """An environment with some of its rows labelled, again and again.

    Attributes
    ----------
    rows : Rows
    orders : (D, n) array of int
        The first k rows of each draw are labelled.
    shifts : (D, H, C, m, q) array
        Posterior mean of what differs after each number of rows, for each kind of difference;
        NaN where too few rows are left.
    n_classes : int
    """

    rows: Rows
    orders: Places
    shifts: Floats
    n_classes: int

    def losses(self, weights: Floats) -> Floats:
        """Return the loss on the other rows after each number of labelled ones, (H, W).

        Parameters
        ----------
        weights : (H, W, C) array
            W ways to weigh the kinds of difference.
        """
        classes, n = self.n_classes, len(self.orders[0])
        found = np.full(weights.shape[:2], np.nan)
        for h, k in enumerate(COUNTS):
            if n - k < _FEWEST_LEFT:
                break
            mixed = np.einsum("wc,dcmq->dwmq", weights[h], self.shifts[:, h])
            found[h] = 0.0
            for order, shifts in zip(self.orders, mixed, strict=True):
                rest = self.rows.take(order[k:])
                moved = rest.forecast + np.einsum("nmq,wmq->wnm", rest.terms, shifts)
                found[h] += [mean_loss(one, rest.y, classes) for one in moved]
            found[h] /= len(self.orders)
        return found


def try_out(
    places: Sequence[Rows],
    sums: Sequence[Sums],
    kinds: Places,
    differs: Sequence[Mask],
    starts: Sequence[Start],
    *,
    n_classes: int,
    rng: np.random.Generator,
) -> list[Trial]:
    """Label some rows of each environment, with a prior learnt from the others.

    Parameters
    ----------
    places, sums : sequences, one for each environment
    kinds : (q,) array of int
    differs : sequence of (q,) arrays of bool
        Terms of each kind of difference, growing.
    starts : sequence of Start
        Where the searches for their priors, on all environments, ended.
    n_classes : int
    rng : Generator
    """
    count = len(places)
    draws = int(np.clip(_DRAWS_IN_ALL // count, *_DRAWS))
    found: dict[int, Trial] = {}
    for group in np.array_split(rng.permutation(count), min(count, _MOST_GROUPS)):
        others = np.setdiff1d(np.arange(count), group)
        priors = []
        for inside, start in zip(differs, starts, strict=True):
            noise = start.noise.reshape(count, -1)[others].ravel()
            near = Start(variances=start.variances, noise=noise)
            rest = [sums[e] for e in others]
            prior, _ = learn_prior(
                rest, kinds, inside, classes=bool(n_classes), start=near, rounds=10
            )
            priors.append(prior)
        for e in group.tolist():
            found[e] = _label(places[e], priors, draws, n_classes, rng)
    return [found[e] for e in range(count)]


def _label(
    rows: Rows, priors: Sequence[Prior], draws: int, n_classes: int, rng: np.random.Generator
) -> Trial:
    n, (m, q) = len(rows.y), rows.terms.shape[1:]
    orders = np.stack([rng.permutation(n) for _ in range(draws)])
    shifts = np.full((draws, len(COUNTS), len(priors), m, q), np.nan)
    for d, order in enumerate(orders):
        known, before = no_rows(m, q), 0
        for h, k in enumerate(COUNTS):
            if n - k < _FEWEST_LEFT:
                break
            more = rows.take(order[before:k])
            known = known + (
                class_sums(more, priors[-1].variances, known) if n_classes else more.sums()
            )
            before = k
            shifts[d, h] = [posterior(prior, known)[0] for prior in priors]
    return Trial(rows=rows, orders=orders, shifts=shifts, n_classes=n_classes)


def filled_in(losses: Floats) -> Floats:
    """Return log losses (E, H) with those that could not be tried carried on.

    An environment with too few rows for a number of labelled ones gains from there on what the
    others gain on average; where none has enough, nothing more.

    Parameters
    ----------
    losses : (E, H) array
        The first column known for all.
    """
    logs = np.log(np.maximum(losses, _NO_ERROR))
    for h in range(1, logs.shape[1]):
        known = np.isfinite(logs[:, h])
        gain = float(np.mean((logs[:, h] - logs[:, h - 1])[known])) if known.any() else 0.0
        logs[:, h] = np.where(known, logs[:, h], logs[:, h - 1] + gain)
    return np.asarray(logs)
