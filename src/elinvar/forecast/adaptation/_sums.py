"""What labelled rows say of a place, in sums: of numbers, and of classes near the best fit."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Places
from elinvar.forecast.adaptation._outcomes import outcomes, targets
from elinvar.forecast.adaptation._terms import Terms

_STEPS = 15
_FARTHEST = 4.0
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    r"""Second moments of the terms a and the residuals r, for each of m outcomes.

    Attributes
    ----------
    count : float
        Rows.
    gram : (m, q, q) array
        :math:`\sum_i a_i a_i^\top`; for classes weighted by :math:`p_i (1 - p_i)`.
    cross : (m, q) array
        :math:`\sum_i a_i r_i`.
    power : (m,) array
        :math:`\sum_i r_i^2`; unused for classes.
    """

    count: float
    gram: Floats
    cross: Floats
    power: Floats

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            count=self.count + other.count,
            gram=self.gram + other.gram,
            cross=self.cross + other.cross,
            power=self.power + other.power,
        )

    def entries(self) -> dict[str, object]:
        """Return what a model file needs, as JSON can write it."""
        return {
            "count": self.count,
            "gram": [one.ravel().tolist() for one in self.gram],
            "cross": self.cross.tolist(),
            "power": self.power.tolist(),
        }


def read_sums(entries: Reader, *, n_outcomes: int, n_terms: int) -> Sums:
    """Return what `Sums.entries` has written.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    count = entries.number("count")
    entries.must(count >= 0, "count", "a number from 0 on")
    flat = entries.array("gram", (n_outcomes, n_terms**2))
    gram = flat.reshape(n_outcomes, n_terms, n_terms)
    even = bool(np.allclose(gram, gram.swapaxes(1, 2)))
    size = np.abs(flat).max(initial=0.0)
    fits = even and bool(np.linalg.eigvalsh(gram).min(initial=0.0) >= -1e-8 * size)
    entries.must(fits, "gram", "a symmetric matrix without negative directions")
    return Sums(
        count=count,
        gram=gram,
        cross=entries.array("cross", (n_outcomes, n_terms)),
        power=entries.numbers("power", length=n_outcomes),
    )


def no_rows(n_outcomes: int, n_terms: int) -> Sums:
    """Return the sums of no rows at all."""
    shape = (n_outcomes, n_terms)
    return Sums(
        count=0.0,
        gram=np.zeros((*shape, n_terms)),
        cross=np.zeros(shape),
        power=np.zeros(n_outcomes),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Labelled rows of one place.

    Attributes
    ----------
    terms : (n, m, q) array
    forecast, y : (n, m) array
        On the scale of `outcomes`; 0 and 1 for classes.
    weight : (n,) array
        With mean 1.
    """

    terms: Floats
    forecast: Floats
    y: Floats
    weight: Floats

    @classmethod
    def of(
        cls,
        terms: Terms,
        X: Floats,
        predicted: Floats,
        learners: Floats,
        y: Floats,
        weight: Floats | None,
        n_classes: int,
    ) -> "Rows":
        """Take rows (n, n_columns) with their forecasts (n, k) and (n, M, k), and their target."""
        offset, apart = outcomes(predicted, n_classes), outcomes(learners, n_classes)
        return cls(
            terms=terms.columns(X, offset, apart),
            forecast=offset,
            y=targets(y, n_classes),
            weight=np.ones(len(y)) if weight is None else weight / weight.mean(),
        )

    def take(self, which: Places) -> "Rows":
        """Return some of the rows."""
        return Rows(
            terms=self.terms[which],
            forecast=self.forecast[which],
            y=self.y[which],
            weight=self.weight[which],
        )

    def sums(self) -> Sums:
        """Return the sums of numbers."""
        r = self.y - self.forecast
        weighted = self.terms * self.weight[:, None, None]
        return Sums(
            count=float(self.weight.sum()),
            gram=np.einsum("nmj,nmk->mjk", weighted, self.terms),
            cross=np.einsum("nmj,nm->mj", weighted, r),
            power=np.einsum("n,nm->m", self.weight, r**2),
        )


def class_sums(rows: Rows, variances: Floats, known: Sums) -> Sums:
    r"""Return the sums that stand for rows of classes: Laplace's quadratic at the best fit.

    With what is known of the place, :math:`b \sim N(0, T)` and earlier sums, Newton's method finds
    the mode of

    .. math:: \sum_i w_i \log p(y_i \mid o_i + a_i^\top b) + g^\top b - \tfrac12 b^\top (G
        + T^{-1}) b,

    and the log likelihood is replaced by the quadratic that touches it there, :math:`g_i = H b +
    \nabla`, so that rows of classes add up as those of numbers do (noise variance 1).

    Parameters
    ----------
    rows : Rows
    variances : (q,) array
        Diagonal of T, positive.
    known : Sums
        Of rows seen before.
    """
    found = no_rows(*known.cross.shape)
    for outcome in range(len(known.cross)):
        A, offset, y = rows.terms[:, outcome], rows.forecast[:, outcome], rows.y[:, outcome]
        precision = known.gram[outcome] + np.diag(1 / variances)
        pull = known.cross[outcome]
        b = np.linalg.solve(precision, pull)
        for _ in range(_STEPS):
            gram, slope = _quadratic(A, offset + A @ b, y, rows.weight)
            step = np.linalg.solve(gram + precision, slope + pull - precision @ b)
            reach = float(np.abs(A @ step).max(initial=0.0))
            # log odds that jump by more than this have left the quadratic
            b = b + step * min(1.0, _FARTHEST / max(reach, 1e-12))
            if reach < 1e-6:
                break
        gram, slope = _quadratic(A, offset + A @ b, y, rows.weight)
        found.gram[outcome], found.cross[outcome] = gram, gram @ b + slope
    return Sums(
        count=float(rows.weight.sum()), gram=found.gram, cross=found.cross, power=found.power
    )


def _quadratic(A: Floats, odds: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    p = expit(odds)
    curvature = weight * np.maximum(p * (1 - p), _LEAST_WEIGHT)
    return (A * curvature[:, None]).T @ A, A.T @ (weight * (y - p))
