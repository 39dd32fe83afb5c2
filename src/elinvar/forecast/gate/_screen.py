"""Which sets of features might hold everywhere: a search on moments of curved columns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places, Sample
from elinvar.forecast.learners import basis_of

KAPPAS: Final = (1.0, 3.0, 10.0, 30.0)
MOST_SETS: Final = 16
MOST_FEATURES: Final = 16
MOST_ROWS: Final = 2000

_RANKED: Final = KAPPAS.index(10.0)
_KNOTS: Final = 4
_RIDGE: Final = 0.003
_HARDLY: Final = 0.05
# products of more features would make every fit of the search slow
_MOST_WITH_PRODUCTS: Final = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Bases:
    """Second moments of curved columns and target, of each environment.

    Attributes
    ----------
    gram : (E, q, q) array
    cross : (E, q) array
    square : (E,) array
        Of the target.
    rows : (E,) array
    needs : (q, n_features) array of bool
        Features that each column is made of; none for the intercept, which is last.
    """

    gram: Floats
    cross: Floats
    square: Floats
    rows: Floats
    needs: Mask
    known: dict[bytes, Floats] = field(default_factory=dict)

    def costs(self, features: Mask) -> Floats:
        r"""Return :math:`J_\kappa` of a set for each kappa of ``KAPPAS``.

        Parameters
        ----------
        features : (n_features,) array of bool
        """
        key = features.tobytes()
        if key not in self.known:
            errors, shifts = self._left_out(features)
            worse = errors + (np.array(KAPPAS)[:, None] - 1) * shifts
            self.known[key] = np.log(worse).mean(axis=1)
        return self.known[key]

    def _left_out(self, features: Mask) -> tuple[Floats, Floats]:
        """Return errors of environments left out, and what of them is shift."""
        at = np.flatnonzero(~(self.needs & ~features).any(axis=1))
        gram, cross = self.gram[:, at[:, None], at], self.cross[:, at]
        k, E = len(at), len(gram)
        free = np.eye(k)
        free[-1, -1] = 0  # the intercept is not shrunk
        others = (gram.sum(axis=0) - gram) / (E - 1) + _RIDGE * free
        w = np.linalg.solve(others, ((cross.sum(axis=0) - cross) / (E - 1))[..., None])[..., 0]
        left = cross - np.einsum("ejk,ek->ej", gram, w)
        errors = self.square - np.einsum("ej,ej->e", w, cross + left)
        errors = np.maximum(errors, 1e-9 * self.square)
        # what an environment's own fit adds, shrunk as much as its rows are few
        ridge = _RIDGE + k / self.rows
        own = np.linalg.solve(gram + ridge[:, None, None] * free, left[..., None])[..., 0]
        explained = np.einsum("ej,ej->e", own, 2 * left - np.einsum("ejk,ek->ej", gram, own))
        # and what it would add to noise: columns are nearly white, so H = 1 / (1 + ridge)
        h = 1 / (1 + ridge)
        chance = errors * (1 + (k - 1) * (2 * h - h**2)) / self.rows
        return errors, np.clip(explained - chance, 0, errors)


def screen(sample: Sample, *, seed: int = 0) -> list[Mask]:
    r"""Return sets of features that may hold everywhere, to be judged by better means.

    A set is judged by :math:`J_\kappa` (see `shift_share`) of an additive model of its features,
    piecewise linear with four knots each, constant beyond the 2% and 98% quantiles, with products
    of two features where there are at most 12. All of it comes from moments: environments are left
    out by subtraction, and what an environment's own fit explains is debiased by its number of
    columns. Search by add, drop and swap from all features and from none, with kappa 1, 3, 10 and
    30; what was found with every feature that does it no harm; and what backward elimination passes
    through.

    Parameters
    ----------
    sample : Sample
        From at least two environments.
    seed : int
        Draws rows of environments with more than 2,000.

    Returns
    -------
    list of (n_features,) array of bool
        At most 16, neither none nor all of the features, the most promising first.
    """
    bases = moments_of(sample, seed=seed)
    p = len(sample.columns.features)
    full = np.ones(p, dtype=bool)
    start = _useful(bases, full)
    found: dict[tuple[int, ...], Mask] = {}
    ends = [
        last
        for place in range(len(KAPPAS))
        for begin in (start, np.zeros(p, dtype=bool))
        for last in [_search(bases, begin, start, place)]
    ]
    closed = [_closed(bases, end) for end in ends]
    for mask in (*ends, *closed, *_backward(bases, start)):
        found.setdefault(tuple(np.flatnonzero(mask).tolist()), mask)
    for trivial in (tuple(range(p)), ()):
        found.pop(trivial, None)
    masks = sorted(found.values(), key=lambda mask: float(bases.costs(mask)[_RANKED]))
    return masks[:MOST_SETS]


def _useful(bases: Bases, full: Mask) -> Mask:
    """Return the features that a search may use: those without which the error rises most."""
    if full.sum() <= MOST_FEATURES:
        return full
    alone = np.array([bases.costs(np.arange(full.size) == j)[0] for j in range(full.size)])
    useful = np.zeros_like(full)
    useful[np.argsort(alone, kind="stable")[:MOST_FEATURES]] = True
    return useful


def _search(bases: Bases, start: Mask, allowed: Mask, place: int) -> Mask:
    """Add, drop or swap while it helps."""
    best, cost = start, bases.costs(start)[place]
    while True:
        for moves in (_single(best, allowed), _swaps(best, allowed)):
            tried = [(float(bases.costs(mask)[place]), k, mask) for k, mask in enumerate(moves)]
            if tried and min(tried)[0] < cost - 1e-9:
                cost, _, best = min(tried)
                break
        else:
            return best


def _single(mask: Mask, allowed: Mask) -> Iterator[Mask]:
    for j in np.flatnonzero(allowed):
        moved = mask.copy()
        moved[j] = not moved[j]
        yield moved


def _swaps(mask: Mask, allowed: Mask) -> Iterator[Mask]:
    for j in np.flatnonzero(mask):
        for k in np.flatnonzero(allowed & ~mask):
            moved = mask.copy()
            moved[j], moved[k] = False, True
            yield moved


def _closed(bases: Bases, mask: Mask) -> Mask:
    """Add every feature that hardly raises the cost: it may matter in ways that curves miss."""
    for j in np.flatnonzero(~mask):
        more = mask | (np.arange(mask.size) == j)
        if bases.costs(more)[_RANKED] <= bases.costs(mask)[_RANKED] + _HARDLY:
            mask = more
    return mask


def _backward(bases: Bases, start: Mask) -> Iterator[Mask]:
    mask = start
    while mask.sum() > 1:
        drops = [mask & (np.arange(mask.size) != j) for j in np.flatnonzero(mask)]
        mask = min(drops, key=lambda drop: float(bases.costs(drop)[_RANKED]))
        yield mask


def moments_of(sample: Sample, *, seed: int = 0) -> Bases:
    """Return the moments of curved columns and of the products that matter most.

    Parameters
    ----------
    sample : Sample
    seed : int
        Draws rows of environments with more than 2,000.
    """
    sample = sample.rows(_some_rows(sample, np.random.default_rng(seed)))
    p = len(sample.columns.features)
    basis, matrix = basis_of(sample, n_knots=_KNOTS)
    owner = sample.columns.groups[basis.columns]
    blocks = [_white(matrix[:, owner == j]) for j in range(p)]
    needs = np.repeat(np.eye(p, dtype=np.bool_), [block.shape[1] for block in blocks], axis=0)
    y = sample.y - np.average(sample.y, weights=sample.weight)
    B = np.column_stack([*blocks, np.ones(sample.n_rows)])
    if 1 < p <= _MOST_WITH_PRODUCTS:
        numeric = np.flatnonzero(~sample.columns.categorical)
        products, pairs = _products(matrix[:, sample.columns.first], numeric, B, y)
        B, needs = np.column_stack([B[:, :-1], products, B[:, -1]]), np.vstack([needs, pairs])
    needs = np.vstack([needs, np.zeros(p, dtype=np.bool_)])
    codes = np.unique(sample.codes, return_inverse=True)[1]
    parts = []
    for code in range(codes.max() + 1):
        at = codes == code
        weighted = B[at] * (sample.weight[at] / sample.weight[at].sum())[:, None]
        own = y[at]
        square = weighted[:, -1] @ own**2
        parts.append((weighted.T @ B[at], weighted.T @ own, square, at.sum()))
    gram, cross, square, rows = (
        np.array(part, dtype=np.float64) for part in zip(*parts, strict=True)
    )
    return Bases(gram=gram, cross=cross, square=square, rows=rows, needs=needs)


def _products(first: Floats, numeric: Places, B: Floats, y: Floats) -> tuple[Floats, Mask]:
    """Return products of two features, those that an additive model of all misses most."""
    p = first.shape[1]
    one, two = numeric[np.array(np.triu_indices(len(numeric), k=1))]
    white = np.column_stack([*map(_scaled, first.T)])
    products = white[:, one] * white[:, two]
    both = np.column_stack([y, products])
    left = both - B @ np.linalg.lstsq(B, both, rcond=None)[0]
    spread = np.sqrt(np.mean(left[:, 1:] ** 2, axis=0))
    kept = np.flatnonzero(spread > 1e-6)
    gain = np.abs(left[:, 0] @ left[:, 1 + kept]) / spread[kept]
    best = kept[np.argsort(-gain, kind="stable")[: 2 * p]]
    needs = np.zeros((len(best), p), dtype=np.bool_)
    places = np.arange(len(best))
    needs[places, one[best]] = needs[places, two[best]] = True
    return np.column_stack([np.zeros((len(y), 0)), *map(_scaled, products[:, best].T)]), needs


def _scaled(column: Floats) -> Floats:
    centred: Floats = column - column.mean()
    return centred / max(float(np.sqrt(np.mean(centred**2))), 1e-12)


def _some_rows(sample: Sample, rng: np.random.Generator) -> Places:
    at = rng.permutation(sample.n_rows)
    order = at[np.argsort(sample.codes[at], kind="stable")]
    codes = sample.codes[order]
    return order[np.arange(len(codes)) - np.searchsorted(codes, codes) < MOST_ROWS]


def _white(block: Floats) -> Floats:
    """Return uncorrelated columns of variance 1 that span the same, without those that are 0."""
    centred = block - block.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(block))
    kept = values > 1e-8 * max(values.max(initial=0.0), 1e-30)
    white: Floats = centred @ (vectors[:, kept] / np.sqrt(values[kept]))
    return white
