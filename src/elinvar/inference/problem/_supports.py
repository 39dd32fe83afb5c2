"""Supports fitted in every environment and in all of them, many at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import FAR, factors, pseudo_inverses, ranks
from elinvar.inference.problem._types import Bools, Floats, Places

# entries of a stack over environments: what is gone through again and again stays in the cache
_BATCH = 200_000
# so many supports are worth a stack of their own
_ENOUGH = 120
# tables of so many columns have so many supports that they are worth a compiled kernel
_COMPILED = 10
# what supports of more columns take is in products of matrices, and LAPACK is faster
_WIDEST = 60
# a mean that is wrong by less than this share of a standard deviation does no harm
_ROUGH = 0.1
# from pooled least squares the weights settle in four rounds, even with one row to spare
_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class SupportFits:
    """M supports of up to k columns each, fitted in E environments and in all.

    Attributes
    ----------
    columns, size : array of shape (M, k), (M,)
        Those of each support, -1 where it has fewer than k; and how many it has.
    residual, rank : array of shape (M, E)
        What they leave of the target's second moment, and how many columns they can tell.
    weight : array of shape (M, E)
        n_e over the noise: the precision of an environment's fit is that times its moments.
    freedom : array of shape (M, E)
        With which the noise was estimated, at least 1; m_e + 2 where ``few``.
    few : boolean array of shape (M,)
        Whether rows are so few that the common fit settled the weights.
    shrunk : array of shape (M,)
        How far settled weights make the covariance too small, 1 where not ``few``.
    coef : array of shape (M, k)
        The common fit, 0 on what it cannot tell.
    inverse : array of shape (M, k, k)
        Its covariance T^-1 likewise; (M, 0, 0) where each gate has one column.
    least_t : array of shape (M,)
        Smallest squared t of a column that is a gate of its own, infinite without one.
    lost : array of shape (M, E)
        What the common fit loses in each environment: (w - w_e)' G_e (w - w_e).
    trace, square : array of shape (M, E)
        tr T^-1 P_e, how far an environment takes part in the common fit, and tr (T^-1 P_e)^2; 0
        where they were not asked for, the last with ``weights`` as well.
    spare, told : boolean array of shape (M,)
        Whether there are rows to spare everywhere, and the common fit tells all columns apart, too.
    """

    columns: Places
    size: Places
    residual: Floats
    rank: Floats
    weight: Floats
    freedom: Floats
    few: Bools
    shrunk: Floats
    coef: Floats
    inverse: Floats
    least_t: Floats
    lost: Floats
    trace: Floats
    square: Floats
    spare: Bools
    told: Bools

    def take(self, rows: Bools) -> "SupportFits":
        """Return these supports alone; all of them as they are."""
        if rows.all():
            return self
        return SupportFits(**{name: getattr(self, name)[rows] for name in self.__annotations__})


def by_size(inside: Bools, n_environments: int) -> Iterator[tuple[Places, Places]]:
    """Rows of masks over columns (M, q) that have equally many, and their columns (m, k)."""
    size = inside.sum(axis=1)
    for k in np.unique(size).tolist():
        yield from _batches(inside, np.flatnonzero(size == k), k, n_environments)


def by_width(problem: LinearProblem, inside: Bools) -> Iterator[tuple[Places, Places]]:
    """Return the same with few supports in the wider ones' company: -1 stands for no column."""
    size, n_environments = inside.sum(axis=1), len(problem.count)
    stacked = np.arange(len(size))
    if compiles(problem):
        # one after the other, each costs what its own size does
        narrow = size <= _WIDEST
        rows, stacked = np.flatnonzero(narrow), np.flatnonzero(~narrow)
        yield from _batches(inside, rows, int(size[rows].max(initial=0)), 1)
    order = stacked[np.argsort(-size[stacked], kind="stable")]
    counts = np.bincount(size[order], minlength=1)
    start = 0
    while start < len(order):
        width = int(size[order[start]])
        stop = start
        # what is fitted together costs as much as the widest, and each time what numpy's calls do
        for k in range(width, -1, -1):
            if k < width and (stop - start >= _ENOUGH or 3 * k < 2 * width - 6):
                break
            stop += int(counts[k])
        yield from _batches(inside, np.sort(order[start:stop]), width, n_environments)
        start = stop


def _batches(
    inside: Bools, rows: Places, width: int, n_environments: int
) -> Iterator[tuple[Places, Places]]:
    some = inside[rows]
    columns = np.full((len(rows), width), -1)
    # those of a row come one after the other, as they do in its first places
    first = np.arange(width) < some.sum(axis=1)[:, None]
    columns[first] = np.flatnonzero(some) % max(some.shape[1], 1)
    step = max(1, _BATCH // max(1, n_environments * width**2))
    for start in range(0, len(rows), step):
        yield rows[start : start + step], columns[start : start + step]


def fit_supports(
    problem: LinearProblem,
    columns: Places,
    weights: Floats | None = None,
    *,
    traced: float = np.inf,
) -> SupportFits:
    """Fit supports of up to k columns each, (M, k), in each environment and, by precision, in all.

    With the precision P_e = n_e G_e / sigma_e^2 the common fit is w = T^-1 sum P_e w_e, T = sum
    P_e. Where rows are few, environments weigh by their residuals about it instead. With
    ``weights`` (E,) environments weigh by these, P_e = weights_e G_e, whatever their noise.
    Traces, which cost as much again, are those of supports with ``least_t`` from ``traced`` on.
    """
    if not (compiles(problem) and 0 < columns.size and columns.shape[1] <= _WIDEST):
        return _fit_stack(problem, columns, weights, traced)
    fits, regular = _fit_regular(problem, columns, weights, traced)
    rest = ~regular | fits.few
    if rest.any():
        for name, value in vars(_fit_stack(problem, columns[rest], weights, traced)).items():
            getattr(fits, name)[rest] = value
    return fits


def compiles(problem: LinearProblem) -> bool:
    """Whether supports are fitted by what is compiled: by the table, whatever the supports."""
    return len(problem.columns) >= _COMPILED


def _fit_regular(
    problem: LinearProblem, columns: Places, weights: Floats | None, traced: float
) -> tuple[SupportFits, Bools]:
    """Fit supports one after the other, and tell which are far from losing a rank, (M,).

    The fits of others mean nothing, nor do those of few rows.
    """
    from elinvar.inference.kernels._supports import regular_fits

    (many, k), n_environments = columns.shape, len(problem.count)
    regular, least_t = np.empty(many, dtype=bool), np.zeros(many)
    # supports are the fastest index, as sums over environments go through whole rows of them
    residual, lost, trace, square = np.zeros((4, n_environments, many)).transpose(0, 2, 1)
    coef, inverse = np.zeros((many, k)), np.zeros((many, k * problem.joint, k * problem.joint))
    rows = problem.count - problem.absorbed
    gram, cross, places, alone = _used(problem, columns)
    regular_fits(
        (gram, cross, problem.target_power, rows, problem.floor, alone),
        places,
        np.zeros(n_environments) if weights is None else weights,
        (FAR, traced),
        (regular, least_t, residual, lost, trace, square, coef, inverse),
    )
    size = (columns >= 0).sum(axis=1)
    rank = np.tile(size.astype(np.float64), (n_environments, 1)).T
    left = rows - rank
    spare, freedom = np.asarray((left >= 1).all(axis=1)), np.maximum(left, 1.0)
    fits = SupportFits(
        columns=columns,
        size=size,
        residual=residual,
        rank=rank,
        weight=freedom / residual if weights is None else np.tile(weights, (many, 1)),
        freedom=freedom,
        few=spare & _few_rows(rank, freedom, size) & (weights is None),
        shrunk=np.ones(many),
        coef=coef,
        inverse=inverse,
        least_t=least_t,
        lost=lost,
        trace=trace,
        square=square,
        spare=spare,
        told=spare.copy(),
    )
    return fits, regular


def _fit_stack(
    problem: LinearProblem, columns: Places, weights: Floats | None, traced: float
) -> SupportFits:
    """Fit supports of any rank, many at once."""
    gram, cross, fill = moments_of(problem, columns)
    lower, z, rank = factors(gram + fill, cross)
    size = (columns >= 0).sum(axis=1)
    rank -= (columns.shape[1] - size)[:, None]
    explained = np.einsum("jem,jem->em", z.T, z.T).T
    residual = np.maximum(problem.target_power - explained, problem.floor)
    left = problem.count - rank - problem.absorbed
    spare = np.asarray((left >= 1).all(axis=1))
    freedom, shrunk = np.maximum(left, 1.0), np.ones(len(columns))
    few = spare & _few_rows(rank, freedom, size) & (weights is None)
    weight = freedom / residual if weights is None else np.tile(weights, (len(columns), 1))
    if few.any():
        settled, own_freedom, own_shrunk = _settle(
            problem, size[few], gram[few], cross[few], fill[few], lower[few], z[few], residual[few]
        )
        # none can settle where the common fit cannot tell all columns
        good = own_shrunk > 0
        few[few] = good
        weight[few], freedom[few], shrunk[few] = settled[good], own_freedom[good], own_shrunk[good]
    inverse, coef, whole = _common(weight, gram, cross, fill)
    variance = np.einsum("mjj->mj", inverse)
    alone = np.append(problem.alone, False)[columns] & (variance > 0)
    squares = np.where(alone, coef**2 / np.where(alone, variance, 1.0), np.inf)
    least_t = squares.min(axis=1, initial=np.inf)
    trace, square = np.zeros((2, *weight.shape))
    if (some := least_t * shrunk >= traced).any():
        part = (inverse[some, None] @ gram[some]) * weight[some, :, None, None]
        trace[some] = np.einsum("mejj->me", part)
        square[some] = np.einsum("mejk,mekj->me", part, part)
    return SupportFits(
        columns=columns,
        size=size,
        residual=residual,
        rank=rank,
        weight=weight,
        freedom=freedom,
        few=few,
        shrunk=shrunk,
        coef=coef,
        inverse=inverse if problem.joint else inverse[:, :0, :0],
        least_t=least_t,
        lost=_lost(lower, z, coef),
        trace=trace,
        square=square,
        spare=spare,
        told=spare & whole,
    )


def moments_of(problem: LinearProblem, columns: Places) -> tuple[Floats, Floats, Floats]:
    """Moments of the columns of each support, (M, E, k, k), and with the target, (M, E, k).

    They are 0 where there is no column; what makes them regular there is (M, 1, k, k).
    """
    table, joint, columns, _ = _used(problem, columns)
    n_environments, q = joint.shape
    pair = (columns[:, :, None] * q + columns[:, None, :]).T
    gram = np.take(table.reshape(n_environments, q * q), pair, axis=1, mode="wrap")
    cross = np.take(joint, columns.T, axis=1, mode="wrap")
    absent = (columns < 0).T
    fill = np.zeros(pair.shape)
    if absent.any():
        gram *= ~(absent[:, None] | absent)
        cross *= ~absent
        np.einsum("jjm->jm", fill)[:] = absent
    # supports are the fastest index: what is done to all entries of a kind runs over them
    return gram.transpose(3, 0, 1, 2), cross.transpose(2, 0, 1), fill.T[:, None]


def _used(problem: LinearProblem, columns: Places) -> tuple[Floats, Floats, Places, Bools]:
    """Moments of the columns that supports have, and with the target, and the supports in them.

    And which of these columns are tested alone.
    """
    gram, cross, alone = problem.gram, problem.cross, problem.alone
    if cross.shape[1] <= _WIDEST:
        return gram, cross, columns, alone
    used = np.flatnonzero(np.bincount(columns.ravel() + 1, minlength=cross.shape[1] + 1)[1:])
    if not len(used) or 2 * len(used) >= cross.shape[1]:
        return gram, cross, columns, alone
    # of many columns few are looked up again and again
    place = np.full(cross.shape[1] + 1, -1)
    place[used] = np.arange(len(used))
    return gram[:, used[:, None], used], cross[:, used], place[columns], alone[used]


def _common(
    weight: Floats, gram: Floats, cross: Floats, fill: Floats
) -> tuple[Floats, Floats, Bools]:
    """T^-1 (M, k, k), the common fit (M, k), and whether it tells all columns apart (M,)."""
    # turned round, so that sums over environments and columns go through whole rows of supports
    weights = np.ascontiguousarray(weight.T)
    total = np.einsum("em,kjem->kjm", weights, gram.T).T + fill[:, 0]
    inverse, estimable = pseudo_inverses(total)
    inverse -= fill[:, 0]
    pull = np.einsum("em,jem->jm", weights, cross.T)
    coef = np.einsum("kjm,km->jm", inverse.T, pull).T
    return inverse, coef, ranks(estimable) == total.shape[-1]


def _lost(lower: Floats, z: Floats, coef: Floats) -> Floats:
    """Return (w - w_e)' G_e (w - w_e) = |L_e' w - z_e|^2, (M, E)."""
    apart = np.einsum("jkem,km->jem", lower.T, coef.T) - z.T
    lost: Floats = np.einsum("jem,jem->em", apart, apart).T
    return lost


def _trace(inverse: Floats, gram: Floats) -> Floats:
    """Traces tr T^-1 G_e, (M, E)."""
    trace: Floats = np.einsum("kjm,kjem->em", inverse.T, gram.T).T
    return trace


def may_be_few(problem: LinearProblem, k: int) -> bool:
    """Whether rows may be few for supports of k columns, whatever their ranks."""
    freedom = np.maximum(problem.count - k - problem.absorbed, 1.0)
    # as below, with the largest rank and f at least 1
    return bool((4.0 * k / freedom**2).sum() > _ROUGH * np.sqrt(2.0))


def _few_rows(rank: Floats, freedom: Floats, size: Places) -> Bools:
    """Whether estimated variances are too rough to be weights, (M,).

    1 / s^2 has the mean 1 + 2 / nu + 4 / nu^2 + ... times the true one. The test's law leaves out
    the third term, which may come to a tenth of the statistic's standard deviation.
    """
    f = rank.sum(axis=1) - size
    left_out = 4.0 * (rank / freedom**2).sum(axis=1)
    few: Bools = (f > 0) & (left_out > _ROUGH * np.sqrt(2.0 * np.maximum(f, 0.0)))
    return few


def _settle(
    problem: LinearProblem,
    size: Places,
    gram: Floats,
    cross: Floats,
    fill: Floats,
    lower: Floats,
    z: Floats,
    residual: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Weigh environments by their residuals about the common fit, from pooled least squares on.

    Returns the weights m_e / |y_e - X_e w|^2 and the freedoms m_e + 2, (M, E), with
    m_e = n_e - tr T^-1 P_e, and how far these weights make the covariance of w too small,
    (1 - 2 sum tr T^-1 P_e / (k m_e))^2; 0 where w cannot be told.
    """
    weight = np.tile(problem.count, (len(gram), 1))
    told = np.ones(len(gram), dtype=bool)
    for _ in range(_ROUNDS):
        inverse, coef, whole = _common(weight, gram, cross, fill)
        told &= whole
        share = weight * _trace(inverse, gram)
        freedom = problem.count - problem.absorbed - share
        weight = freedom / (residual + _lost(lower, z, coef))
    shrunk = (1.0 - 2.0 * (share / freedom).sum(axis=1) / np.maximum(size, 1)) ** 2
    return weight, freedom + 2.0, np.where(told, shrunk, 0.0)
