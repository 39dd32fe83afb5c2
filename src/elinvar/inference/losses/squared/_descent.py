"""Local search for supports: gates are added, dropped or swapped while a criterion falls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._supports import SupportFits, by_width, fit_supports
from elinvar.inference.problem._types import Bools, Floats, Places

_MOST_MOVES = 200
# a gain within rounding could be undone by the next move, and so for ever
_GAIN = 1e-9


@dataclass(kw_only=True, eq=False)
class Descent:
    """Best add or drop, else best swap, until none lowers the value of a support.

    Its value is the log of the worst risk where environments differ kappa times as much, plus a
    price for each column. What depends on the support alone is computed once, whatever kappa is.

    Parameters
    ----------
    problem : LinearProblem
    price : float
        For a column.
    free : integer array of shape (n_free,)
        Gates that may move.
    largest : int
        Most gates that a support may have.
    """

    problem: LinearProblem
    price: float
    free: Places
    largest: int
    _places: dict[bytes, int] = field(default_factory=dict)
    _parts: Floats = field(default_factory=lambda: np.zeros((2, 0)))

    @cached_property
    def _power(self) -> Floats:
        """Second moments of the columns, (q, E)."""
        power: Floats = np.einsum("ejj->je", self.problem.gram)
        return power

    def along(self, kappas: Floats, starts: Bools) -> Bools:
        """Local optima from every start (n, n_gates), kappa after kappa, (n n_kappas, n_gates)."""
        found = []
        for kappa in kappas.tolist():
            # starts that have met go on together
            met: dict[bytes, int] = {}
            each = [met.setdefault(key, len(met)) for key in _keys(starts)]
            distinct = np.zeros((len(met), starts.shape[1]), dtype=bool)
            distinct[each] = starts
            starts = self._descend(distinct, kappa)[each]
            found.append(starts)
        return np.concatenate(found)

    def _descend(self, masks: Bools, kappa: float) -> Bools:
        """Take all supports down at once, so that many are fitted together."""
        masks, current = masks.copy(), self._values(masks, kappa)
        moving = np.arange(len(masks))
        for _ in range(_MOST_MOVES):
            stuck = moving
            for neighbours in (self._flipped, self._swapped):
                stuck = self._move(neighbours, masks, current, stuck, kappa)
            moving = np.setdiff1d(moving, stuck)
            if not len(moving):
                break
        return masks

    def _move(
        self, neighbours: Callable[[Bools], Bools], masks: Bools, current: Floats, rows: Places,
        kappa: float,
    ) -> Places:  # fmt: skip
        """Move supports to their best neighbours, in place; returns those that stayed."""
        around = [neighbours(masks[row]) for row in rows]
        values = self._values(np.concatenate([masks[:0], *around]), kappa)
        stayed, start = [], 0
        for row, near in zip(rows.tolist(), around, strict=True):
            own = values[start : start + len(near)]
            start += len(near)
            best = int(np.argmin(own)) if len(near) else -1
            if best >= 0 and own[best] < current[row] - _GAIN:
                masks[row], current[row] = near[best], own[best]
            else:
                stayed.append(row)
        return np.array(stayed, dtype=np.intp)

    def _flipped(self, mask: Bools) -> Bools:
        """Supports with a gate more, where there is room, and with a gate less."""
        inside = mask[self.free]
        room = mask.sum() < self.largest
        gates = np.concatenate([self.free[~inside & room], self.free[inside]])
        around = np.tile(mask, (len(gates), 1))
        around[np.arange(len(gates)), gates] ^= True
        return around

    def _swapped(self, mask: Bools) -> Bools:
        """Supports with a gate in the place of another."""
        inside = mask[self.free]
        out, into = self.free[inside], self.free[~inside]
        out, into = np.repeat(out, len(into)), np.tile(into, len(out))
        around = np.tile(mask, (len(out), 1))
        rows = np.arange(len(out))
        around[rows, out], around[rows, into] = False, True
        return around

    def _values(self, masks: Bools, kappa: float) -> Floats:
        keys, known = _keys(masks), self._places
        new = {key: place for place, key in enumerate(keys) if key not in known}
        if new:
            known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
            parts = self._measure(masks[list(new.values())])
            self._parts = np.concatenate([self._parts, parts], axis=1)
        risk, beyond = self._parts[:, [known[key] for key in keys]]
        # the criterion of the homotopy: docs/theory.md, section 9
        values: Floats = risk + np.log1p(kappa * beyond)
        return values

    def _measure(self, masks: Bools) -> Floats:
        """Log of the worst risk plus price, and disagreement a row, (2, M)."""
        inside, n_rows = self.problem.column_masks(masks), self.problem.count.sum()
        found = np.full((2, len(masks)), np.inf)
        for rows, columns in by_width(self.problem, inside):
            fits = fit_supports(self.problem, columns)
            worst = (fits.residual + fits.lost).max(axis=1)
            risk = np.log(np.maximum(worst, 1e-300)) + self.price * fits.size
            found[0, rows] = np.where(fits.told, risk, np.inf)
            power = inside[rows].astype(np.float64) @ self._power
            found[1, rows] = _beyond(fits, power) / n_rows
        return found


def _keys(masks: Bools) -> list[bytes]:
    packed = np.packbits(masks, axis=1)
    width, whole = packed.shape[1], packed.tobytes()
    return [whole[row * width : (row + 1) * width] for row in range(len(packed))]


def _beyond(fits: SupportFits, power: Floats) -> Floats:
    """How far the test's statistic is above what it would be if environments agreed, (M,).

    The traces that correct the test for small samples are those of environments whose second
    moments are alike. ``power`` are sums of the second moments of the columns, (M, E).
    """
    weight, rank = fits.weight, fits.rank
    statistic = (weight * fits.lost).sum(axis=1)
    f = rank.sum(axis=1) - fits.size
    whole = (weight * (fits.residual + fits.lost) * (rank > 0)).sum(axis=1)
    # f F - f for F of Chow's form, to which the test comes where environments are alike
    settled = statistic * (whole - f) / np.maximum(whole - statistic, 1e-300) - f
    # B1 and B2 of the test with tr K_e / k in the place of each eigenvalue of K_e = T^-1 P_e
    trace = weight * power
    part = 1 - trace / np.maximum(trace.sum(axis=1), 1e-300)[:, None]
    b1 = (rank * part**2 / fits.freedom).sum(axis=1)
    b2 = ((rank * part) ** 2 / fits.freedom).sum(axis=1)
    correction = f + 2 * b1 - 2 * (b2 + 2 * b1) / (f + 2)
    estimated = statistic * f / np.where(f > 0, correction, 1.0) - f
    beyond = np.where(fits.few, settled, np.where(f > 0, estimated, 0.0))
    above: Floats = np.maximum(beyond, 0.0)
    return above
