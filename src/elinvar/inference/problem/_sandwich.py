"""Rows in clusters: what each cluster contributes to the environments' own estimates."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import roots
from elinvar.inference.problem._supports import fit_supports
from elinvar.inference.problem._types import Bools, Floats, Places

if TYPE_CHECKING:
    from elinvar.environments import Environments

# a direction of an environment's fit that one cluster decides alone has no residual
_ALONE = 1e-8
# clusters a coefficient, below which tests look at residuals of the common fit, too
_FEW = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """The parts of clusters that lie in one environment, environment after environment.

    Attributes
    ----------
    first : array of shape (C,)
        First row of each cell.
    environment, cluster : arrays of shape (C,)
    bounds : array of shape (E + 1,)
        First cell of each environment, and C.
    copies : array of shape (C,)
        How many clusters of their own a cell stands for: 1, or the frequency of its only row.
    n_rows, n_clusters : int
    named : bool
        Whether clusters were named; otherwise each row is one.
    """

    first: Places
    environment: Places
    cluster: Places
    bounds: Places
    copies: Floats
    n_rows: int
    n_clusters: int
    named: bool

    @classmethod
    def of(
        cls, environment: Places, cluster: Places | None, weight: Floats, n_environments: int
    ) -> "Cells":
        """Return the cells of rows that are sorted by environment, then by cluster.

        Without clusters each row is one, as often as its ``weight`` says if that is a frequency.
        """
        n = len(environment)
        opens = np.ones(n, dtype=bool)
        if cluster is not None:
            opens[1:] = (np.diff(environment) != 0) | (np.diff(cluster) != 0)
        first = np.flatnonzero(opens)
        counts = cluster is None and bool((weight == np.rint(weight)).all())
        codes = first
        if cluster is not None:
            codes = np.unique(cluster[first], return_inverse=True)[1].astype(np.intp)
        bounds = np.searchsorted(environment[first], np.arange(n_environments + 1))
        return cls(
            first=first,
            environment=environment[first],
            cluster=codes,
            bounds=bounds.astype(np.intp),
            copies=weight if counts else np.ones(len(first)),
            n_rows=n,
            n_clusters=int(codes.max()) + 1,
            named=cluster is not None,
        )

    def repeated(self, times: int) -> "Cells":
        """Return the same cells where each row stands for several, next to each other."""
        return replace(self, first=self.first * times, n_rows=self.n_rows * times)

    @property
    def single(self) -> bool:
        """Whether every cell is one row."""
        return len(self.first) == self.n_rows

    @property
    def span(self) -> bool:
        """Whether a cluster has rows in several environments."""
        return len(self.first) > self.n_clusters

    @property
    def fewest(self) -> int:
        """Clusters of the environment that has fewest."""
        return int(np.diff(self.bounds).min())

    def few(self, k: int) -> bool:
        """Whether an environment has few clusters for fits of ``k`` coefficients."""
        many = np.add.reduceat(self.copies, self.bounds[:-1])
        return float(many.min()) < _FEW * k

    @cached_property
    def _order(self) -> tuple[Places, Places]:
        order = np.argsort(self.cluster, kind="stable")
        return order, np.searchsorted(self.cluster[order], np.arange(self.n_clusters))

    @cached_property
    def copies_of_rows(self) -> Floats:
        """Of each row, how many clusters its cell stands for, (n,)."""
        sizes = np.diff(np.append(self.first, self.n_rows))
        return np.repeat(self.copies, sizes)

    def over_rows(self, values: Floats) -> Floats:
        """Sum over the rows of each cell: (M, n, ...) to (M, C, ...)."""
        sums: Floats = values if self.single else np.add.reduceat(values, self.first, axis=1)
        return sums

    def over_clusters(self, values: Floats) -> Floats:
        """Sum over the cells of each cluster: (M, C, ...) to (M, G, ...)."""
        if not self.span:
            return values
        order, starts = self._order
        sums: Floats = np.add.reduceat(values[:, order], starts, axis=1)
        return sums

    def over_environments(self, values: Floats) -> Floats:
        """Sum over the cells of each environment: (M, C, ...) to (M, E, ...)."""
        sums: Floats = np.add.reduceat(values, self.bounds[:-1], axis=1)
        return sums

    def laid_out(self, values: Floats) -> Floats:
        """Cells (M, C, ...) by cluster and environment, (M, G, E, ...), 0 where there is none."""
        shape = (len(values), self.n_clusters, len(self.bounds) - 1, *values.shape[2:])
        wide = np.zeros(shape)
        wide[:, self.cluster, self.environment] = values
        return wide


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnScores:
    r"""Each environment's own fit of M supports with k coefficients, and what clusters add to it.

    With :math:`R_e` the root of the precision :math:`P_e = R_e^\top R_e`, the error of the own
    estimate is :math:`R_e (w_e - w) = \sum_g s_{eg}` over clusters g, and the sandwich estimates
    its covariance by :math:`\sum_g s_{eg} s_{e'g}^\top`, between environments, too.

    Attributes
    ----------
    cells : Cells
    levels : boolean array of shape (k,)
        Which coefficients are intercepts.
    own : array of shape (M, E, k)
    root, back : arrays of shape (M, E, k, k)
        The root of the precision, and that of its inverse; 0 without residual freedom.
    scores : array of shape (M, C, k)
        The contributions s of the cells.
    expected : pair of arrays of shape (M, C, k, k) or (M, C, k, 1), or None
        Half of the covariance of a cell's contribution if rows were independent and of one
        variance, and what ties it to the others': the X and Y of `freedom_of`. None for tests.
    plain : pair of arrays of shape (M, C, k) and (M, C, k, k), or None
        Where clusters are few: contributions as residuals are, and leverages, for tests.
    freedom, steady : arrays of shape (M, E)
        Residual degrees of freedom by rows, and by how steady residuals are over clusters.
    """

    cells: Cells
    levels: Bools
    own: Floats
    root: Floats
    back: Floats
    scores: Floats
    expected: tuple[Floats, Floats] | None
    plain: tuple[Floats, Floats] | None
    freedom: Floats
    steady: Floats

    def places(self, n: int) -> Places:
        """Places of a model's ``n`` coefficients: all, or those that are no intercepts."""
        found: Places = np.arange(n) if n == len(self.levels) else np.flatnonzero(~self.levels)
        return found

    def own_covariance(self) -> Floats:
        """Sandwich covariance (M, E, k, k) of each environment's own estimates."""
        found = np.empty(self.back.shape)
        for e in range(self.back.shape[1]):
            cells = slice(self.cells.bounds[e], self.cells.bounds[e + 1])
            half = self.scores[:, cells] @ np.swapaxes(self.back[:, e], 1, 2)
            found[:, e] = np.swapaxes(half, 1, 2) @ half
        return found

    def joint_variance(self, directions: Floats) -> Floats:
        r"""Sandwich covariance (E, E) of :math:`a_e^\top R_e w_e`, of the first support.

        Parameters
        ----------
        directions : array of shape (E, k)
            The a of each environment.
        """
        cells = self.cells
        along = np.einsum("ck,ck->c", self.scores[0], directions[cells.environment])
        if not cells.span:
            return np.diag(np.bincount(cells.environment, along**2, len(directions)))
        wide = cells.laid_out(along[None])[0]
        joint: Floats = wide.T @ wide
        return joint

    def freedom_of(self, directions: Floats) -> Floats:
        r"""Degrees of freedom (E + 1,) of the variances of :math:`a_e^\top R_e w_e`, and of a sum.

        Twice the squared mean of the sandwich variance over its variance, as they would be if rows
        were independent and of one variance (Bell and McCaffrey 2002). With X and Y the two parts
        of ``expected`` the variance is a quadratic form with the matrix
        :math:`\mathrm{diag}(|X_g^\top a|^2) - (Y_g a)^\top (Y_h a)`.
        """
        cells = self.cells
        a = directions[cells.environment]
        assert self.expected is not None
        half, tie = (part[0] for part in self.expected)
        size = np.square(np.einsum("ckl,ck->cl", half, a)).sum(axis=1)
        ties = np.einsum("ckl,ck->cl", tie, a)
        if cells.single:
            ties = ties * tie[:, :, 0]
        E, k = directions.shape
        grams = np.empty((E, k, k))
        found = np.empty(E + 1)
        for e in range(E):
            own = slice(cells.bounds[e], cells.bounds[e + 1])
            copies = cells.copies[own]
            grams[e] = (ties[own] * copies[:, None]).T @ ties[own]
            found[e] = _freedom(size[own], np.square(ties[own]).sum(axis=1), grams[e], copies)
        length = np.square(ties).sum(axis=1)
        if cells.span:
            wide = cells.laid_out(ties[None])[0].reshape(cells.n_clusters, E * k)
            grams = wide.T @ wide
            size, length = (np.bincount(cells.cluster, one) for one in (size, length))
        copies = np.ones(len(size)) if cells.span else cells.copies
        found[E] = _freedom(size, length, grams, copies)
        return found


def _freedom(size: Floats, length: Floats, gram: Floats, copies: Floats) -> float:
    """(tr P)^2 / tr P^2 of P = diag(size) - V V' with V'V in ``gram``, |V_g|^2 in ``length``."""
    first = float(copies @ (size - length))
    second = float(copies @ (size**2 - 2 * size * length) + np.square(gram).sum())
    return first**2 / second if first > 0 and second > 0 else 0.0


def cell_scores(
    cells: Cells, weight: Floats, white: Floats, residual: Floats
) -> tuple[Floats, tuple[Floats, Floats]]:
    r"""Contributions of the cells by the rule CR2, and what is expected of them.

    A cell's sum of scores is multiplied by :math:`(I - K)^{-1/2}` with K its leverage
    :math:`W_g^\top W_g`, which is :math:`W_g^\top (I - H_{gg})^{-1/2} r_g` with k rows instead of
    n. Where all cells are single rows this is HC2.

    Parameters
    ----------
    cells : Cells
    weight : array of shape (n,)
        Frequencies: how often a cell stands for a cluster, or a row for others in its cluster.
    white : array of shape (M, n, k)
        Rows W, whitened so that with their weights they have the identity in every environment.
    residual : array of shape (M, n)

    References
    ----------
    MacKinnon and White (1985); Bell and McCaffrey (2002); Pustejovsky and Tipton (2018).
    """
    if cells.single:
        inside = (weight / cells.copies)[:, None]
        often = np.sqrt(cells.copies)[:, None]
        half = np.sqrt(inside)
        lever = white * half
        left = 1.0 - np.square(lever).sum(axis=2)
        good = left > _ALONE
        factor = np.where(good, 1.0 / np.sqrt(np.where(good, left, 1.0)), 0.0)[..., None]
        scores = lever * (half * often * factor * residual[..., None])
        # b = w (w'a) / sqrt(1 - h): the part of w that is multiplied by (w'a)
        return scores, ((lever * factor)[..., None], (lever * np.sqrt(factor))[..., None])
    pulled, sums = _sums(cells, weight, white, residual)
    leverage = cells.over_rows(pulled[..., :, None] * white[..., None, :])
    values, axes = np.linalg.eigh(leverage)
    good = 1.0 - values > _ALONE
    factor = np.where(good, 1.0 / np.sqrt(np.where(good, 1.0 - values, 1.0)), 0.0)
    turned = np.swapaxes(axes, -1, -2) @ sums[..., None]
    scores = (axes @ (factor[..., None] * turned))[..., 0]
    half = axes * (np.sqrt(np.maximum(values, 0.0)) * factor)[..., None, :]
    tie = axes @ ((values * factor)[..., None] * np.swapaxes(axes, -1, -2))
    return scores, (half, tie)


def _sums(cells: Cells, weight: Floats, white: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """Weighted rows (M, n, k), and the cells' sums of their scores (M, C, k)."""
    pulled = white * (weight / cells.copies_of_rows)[:, None]
    sums = cells.over_rows(pulled * residual[..., None])
    return pulled, np.sqrt(cells.copies)[:, None] * sums


def plain_scores(
    cells: Cells, weight: Floats, white: Floats, residual: Floats
) -> tuple[Floats, Floats]:
    """Contributions of the cells as residuals are, (M, C, k), and leverages K (M, C, k, k)."""
    pulled, sums = _sums(cells, weight, white, residual)
    return sums, cells.over_rows(pulled[..., :, None] * white[..., None, :])


def quick_scores(cells: Cells, weight: Floats, white: Floats, residual: Floats) -> Floats:
    r"""Contributions as `cell_scores` has them, for many supports at once.

    A sum v is multiplied by :math:`(1 - v^\top K v / v^\top v)^{-1/2}`, which is CR2 for single
    rows, and else to first order along v.
    """
    if cells.single:
        return cell_scores(cells, weight, white, residual)[0]
    pulled, sums = _sums(cells, weight, white, residual)
    sizes = np.diff(np.append(cells.first, cells.n_rows))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    each = np.einsum("mnk,mnk->mn", white, sums[:, owner])
    each *= np.einsum("mnk,mnk->mn", pulled, sums[:, owner])
    length = np.maximum(np.einsum("mck,mck->mc", sums, sums), 1e-300)
    left = 1.0 - cells.over_rows(each) / length
    factor = np.where(left > _ALONE, 1.0 / np.sqrt(np.maximum(left, _ALONE)), 0.0)
    scores: Floats = sums * factor[..., None]
    return scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Sandwich:
    """Standardised rows of a problem, sorted by environment and cluster.

    Attributes
    ----------
    rows : Environments
        The rows as they came.
    problem : LinearProblem
    Z : array of shape (n, 1 + p)
        Standardised columns; the first is the constant, whatever the intercepts.
    y, weight : arrays of shape (n,)
    bounds : array of shape (E + 1,)
        First row of each environment, and n.
    cells : Cells
    """

    rows: "Environments"
    problem: LinearProblem
    Z: Floats
    y: Floats
    weight: Floats
    bounds: Places
    cells: Cells

    @classmethod
    def of(cls, rows: "Environments", problem: LinearProblem) -> "Sandwich":
        """Standardise the rows that the moments of ``problem`` are of."""
        cluster = None if rows.cluster is None else rows.cluster.codes
        order = np.lexsort((np.zeros(rows.n_rows) if cluster is None else cluster, rows.codes))
        at = problem.moments.schema.position_in(rows.schema)[problem.columns]
        Z = np.empty((rows.n_rows, 1 + len(at)))
        Z[:, 0] = 1.0
        Z[:, 1:] = ((rows.X[:, at] - problem.center) / problem.scale)[order]
        weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight[order]
        codes, E = rows.codes[order], len(rows.names)
        return cls(
            rows=rows,
            problem=problem,
            Z=Z,
            y=(rows.y[order] - problem.target_center) / problem.target_scale,
            weight=weight,
            bounds=np.searchsorted(codes, np.arange(E + 1)).astype(np.intp),
            cells=Cells.of(codes, None if cluster is None else cluster[order], weight, E),
        )

    def effort(self, k: int) -> float:
        """Numbers that the fit of one support with k coefficients goes through."""
        wide = self.cells.n_clusters * len(self.bounds) * k if self.cells.span else 0
        return float(len(self.y) * k + wide) * (k if self.cells.few(k) else 1)

    def scores(self, columns: Places, *, quick: bool = False, tested: bool = True) -> OwnScores:
        """Fit supports of as many columns of ``Z`` each, (M, k), the constant first.

        With ``quick`` contributions are those of `quick_scores`, for tests alone. What only tests
        with few clusters need, k times as much as the rows, is left out unless ``tested``.

        Environments weigh as in the refit: by their own residuals or, where rows are few, by those
        about the common fit, which leave nothing to correct for.
        """
        n_supports, k = columns.shape
        absorbed = self.problem.absorbed
        E, cells, weight = len(self.bounds) - 1, self.cells, self.weight[:, None]
        white = np.swapaxes(self.Z.T[columns], 1, 2).copy()
        back, root = np.empty((2, n_supports, E, k, k))
        residual, own = np.empty((n_supports, len(self.y))), np.empty((n_supports, E, k))
        power = np.empty((n_supports, E))
        for e in range(E):
            here = slice(self.bounds[e], self.bounds[e + 1])
            X, y, f = white[:, here], self.y[here], weight[here]
            back[:, e], root[:, e] = roots(np.swapaxes(X, 1, 2) @ (X * f))
            white[:, here] = X @ back[:, e]
            fitted = np.swapaxes(white[:, here] * f, 1, 2) @ y
            own[:, e] = (back[:, e] @ fitted[..., None])[..., 0]
            residual[:, here] = y - (white[:, here] @ fitted[..., None])[..., 0]
            power[:, e] = np.square(residual[:, here]) @ f[:, 0]
        rank = np.einsum("mejj->me", root @ back)
        freedom = self.problem.count - np.rint(rank)
        floor = self.problem.floor * self.problem.count
        # 1 / sigma_e, 0 where an environment has no rows to spare
        precise = np.sqrt(np.maximum(freedom, 0.0) / np.maximum(power, floor))
        precise *= freedom >= 1
        fits = fit_supports(self.problem, columns[:, absorbed:] - absorbed)
        few, settled = fits.few[:, None], fits.weight
        precise = np.where(few, np.sqrt(settled / self.problem.count), precise)
        rows, expected, plain = (cells, self.weight, white, residual), None, None
        if tested and cells.few(k):
            sums, leverage = plain_scores(*rows)
            plain = sums * precise[:, cells.environment, None], leverage
        if quick:
            scores = quick_scores(*rows)
        else:
            scores, expected = cell_scores(*rows)
        unit = np.where(precise > 0, 1.0 / np.where(precise > 0, precise, 1.0), 0.0)
        steady = self._steady(residual) * freedom / self.problem.count
        return OwnScores(
            cells=cells,
            levels=np.arange(k) == 0,
            own=own,
            root=root * precise[..., None, None],
            back=back * unit[..., None, None],
            scores=scores * precise[:, cells.environment, None],
            expected=expected,
            plain=plain,
            freedom=np.where(few, np.inf, freedom),
            steady=np.where(few, np.inf, np.minimum(freedom, steady)),
        )

    def _steady(self, residual: Floats) -> Floats:
        """Twice the squared mean over the variance of sums of squared residuals, (M, E)."""
        cells = self.cells
        each = cells.over_rows(np.square(residual) * self.weight) / cells.copies
        many = cells.over_environments(cells.copies[None])
        mean = cells.over_environments(each * cells.copies) / many
        off = np.square(each - mean[:, cells.environment]) * cells.copies
        steady: Floats = (
            2 * many * mean**2 * many / np.maximum(cells.over_environments(off), 1e-300)
        )
        return np.maximum(steady, 1.0)
