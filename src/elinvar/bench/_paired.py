"""Comparisons on the same data: intervals over seeds, ranks over problems."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]

_FEWEST_BLOCKS = 5
_SHARE = 0.75
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean of differences with its interval.

    Attributes
    ----------
    middle, low, high : float
        The mean and the ends; NaN where there are too few differences.
    n : int
        How many there are.
    """

    middle: float
    low: float
    high: float
    n: int


def paired_interval(
    differences: ArrayLike, strata: ArrayLike | None = None, *, level: float = 0.95
) -> Interval:
    r"""Return a t-interval for the mean of paired differences, strata counting alike.

    .. math:: \bar d = \frac1K \sum_k \bar d_k, \qquad
        \bar d \pm t_\nu \Bigl(\sum_k \frac{s_k^2}{n_k K^2}\Bigr)^{1/2}

    with Welch's :math:`\nu`. With one stratum it is the usual interval. It speaks of new seeds of
    the same problems, not of other problems.

    Parameters
    ----------
    differences : array-like of shape (n,)
        One a pair; what is not finite is left out.
    strata : array-like of shape (n,), optional
        The problem of each.
    level : float in (0, 1)

    Returns
    -------
    Interval
    """
    from scipy.stats import t

    values = np.asarray(differences, dtype=np.float64)
    labels = np.zeros(len(values), dtype=int) if strata is None else np.asarray(strata)
    finite = np.isfinite(values)
    values, labels = values[finite], labels[finite]
    groups = [values[labels == label] for label in np.unique(labels)]
    if not groups:
        return Interval(middle=np.nan, low=np.nan, high=np.nan, n=0)
    middle = float(np.mean([group.mean() for group in groups]))
    # one seed shows no variance, and the sum needs that of every problem
    if any(len(group) < 2 for group in groups):
        return Interval(middle=middle, low=np.nan, high=np.nan, n=len(values))
    parts = np.array([group.var(ddof=1) / len(group) for group in groups]) / len(groups) ** 2
    variance = float(parts.sum())
    if variance == 0:
        return Interval(middle=middle, low=middle, high=middle, n=len(values))
    # Welch and Satterthwaite: degrees of freedom of a sum of variances
    freedom = variance**2 / sum(
        part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True)
    )
    half = float(t.ppf((1 + level) / 2, freedom)) * variance**0.5
    return Interval(middle=middle, low=middle - half, high=middle + half, n=len(values))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Average ranks over problems, and what differences mean.

    Attributes
    ----------
    ranks : dict of str to float
        Average rank of each method, the best first; ties share theirs.
    p_value : float
        Of Friedman's test that all methods rank alike.
    critical_difference : float
        Nemenyi's: average ranks of two methods further apart differ at the 5% level.
    against : dict of str to float
        Wilcoxon's signed-rank p-value of each method against elinvar, by Holm's correction.
    problems : tuple of str
        The blocks.
    left_out : tuple of str
        Methods that did not run on enough problems.
    """

    ranks: dict[str, float]
    p_value: float
    critical_difference: float
    against: dict[str, float]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]

    def groups(self) -> list[tuple[str, ...]]:
        """Return the largest sets of methods no two of which are further apart than that."""
        names, values = list(self.ranks), list(self.ranks.values())
        found: list[tuple[str, ...]] = []
        last = -1
        for start, value in enumerate(values):
            end = max(k for k, one in enumerate(values) if one - value <= self.critical_difference)
            # a set within the one before says nothing new
            if end > max(start, last):
                found.append(tuple(names[start : end + 1]))
                last = end
        return found


def rank(scores: "DataFrame", *, base: str = "elinvar-auto") -> Ranking | None:
    """Rank methods on the same problems.

    Parameters
    ----------
    scores : DataFrame of shape (n_problems, n_methods)
        Smaller is better; infinite where a method failed, NaN where it did not run. Methods that
        ran on fewer than three quarters of the problems are left out, then problems on which not
        all the others ran.
    base : str
        The method that the others are compared with.

    Returns
    -------
    Ranking, or None
        None with fewer than 3 methods or 5 problems.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    ran = scores.notna()
    # methods before problems: one that hardly ran must not cost the others their blocks
    kept = ran.columns[ran.mean() >= _SHARE]
    blocks = scores.loc[ran[kept].all(axis=1), kept]
    n, k = blocks.shape
    if n < _FEWEST_BLOCKS or k < 3:
        return None
    values = _rounded(blocks)
    ranks = rankdata(values, axis=1)
    mean = ranks.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    # Nemenyi: q_.05 / sqrt 2 times the standard error of a difference of average ranks
    q = float(studentized_range.ppf(0.95, k, np.inf)) / 2**0.5
    return Ranking(
        ranks={str(kept[j]): float(mean[j]) for j in order},
        p_value=float(friedmanchisquare(*ranks.T).pvalue),
        critical_difference=q * (k * (k + 1) / (6 * n)) ** 0.5,
        against=_against(values, list(map(str, kept)), base),
        problems=tuple(map(str, blocks.index)),
        left_out=tuple(str(name) for name in scores.columns if name not in kept),
    )


def average_ranks(scores: "DataFrame") -> dict[str, float]:
    """Return average ranks, over all problems, of the methods that ran on each of them."""
    from scipy.stats import rankdata

    kept = scores.columns[scores.notna().all()]
    if scores[kept].empty:
        return {}
    ranks = rankdata(_rounded(scores[kept]), axis=1).mean(axis=0)
    return dict(zip(map(str, kept), ranks.tolist(), strict=True))


def _rounded(scores: "DataFrame") -> Floats:
    """Round to some digits: what differs by rounding errors alone is a tie."""
    values = scores.to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(values)))
        unit = 10.0 ** (np.where(np.isfinite(size), size, 0) - _DIGITS + 1)
        rounded = np.round(values / unit) * unit
    return np.where(np.isfinite(values), rounded, values)


def _against(values: Floats, names: list[str], base: str) -> dict[str, float]:
    from scipy.stats import wilcoxon

    if base not in names:
        return {}
    # ranks of differences do not mind what stands for a failure, as long as it is the largest
    finite = values[np.isfinite(values)]
    values = np.where(np.isfinite(values), values, 10 * np.abs(finite).max() + 1)
    own = values[:, names.index(base)]
    raw: dict[str, float] = {}
    for name, column in zip(names, values.T, strict=True):
        if name != base:
            gap = column - own
            raw[name] = float(wilcoxon(gap).pvalue) if np.any(gap) else 1.0
    return holm(raw)


def holm(p_values: dict[str, Any]) -> dict[str, float]:
    """Return p-values by Holm's step-down correction."""
    corrected, largest = {}, 0.0
    # the k-th smallest times the tests that are left, and none below the one before
    for k, name in enumerate(sorted(p_values, key=lambda one: float(p_values[one]))):
        largest = max(largest, min(1.0, (len(p_values) - k) * float(p_values[name])))
        corrected[name] = largest
    return corrected
