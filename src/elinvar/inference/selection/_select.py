"""The choice: which support is invariant, or that none is."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Assessment, Subspace
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.selection._predictor import MUCH, Standing, standing
from elinvar.inference.tests._overidentification import noncentrality_limit

Outcome: TypeAlias = Literal["accepted", "approximate", "rejected"]

_RIVALS = 32
# docs/theory.md, section 7: least p of steady noise, and the price 0.2 log(0.02 / p)_+ of a low p
_STEADY = 1e-4
_DOUBTFUL = 0.02
_PRICE = 0.2
_MARGIN = 0.1
# multiplications that supports on the shortlist may take, and how many are on it whatever they take
_MOST_COST, _FEWEST = 1e8, 2


@dataclass(frozen=True, kw_only=True)
class SelectionRule:
    """How the invariant support is chosen; the defaults fit all yardsticks at once.

    Parameters
    ----------
    level : float in (0, 1), optional
        Level of the overidentification test; by default 1 / N, so that the truth is
        rejected ever more rarely as data grow.
    kappa : float >= 0
        How many times more different new environments may be, in variance, than those seen.
    tolerance : float >= 0
        Largest disagreement (share of the residual variance) that counts as nearly
        invariant; 0 turns it off.
    exact_up_to : int >= 0
        Every support is tried up to this many free gates.
    noise : bool
        Whether the noise must have the same variance everywhere, too.
    seed : int
        Seed of the search's random starts.
    """

    level: float | None = None
    kappa: float = 10.0
    tolerance: float = 0.01
    exact_up_to: int = 14
    noise: bool = False
    seed: int = 0

    def level_at(self, n_rows: float) -> float:
        """Level of the test with ``n_rows`` rows."""
        return 1.0 / n_rows if self.level is None else float(self.level)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the selection found.

    Attributes
    ----------
    outcome : {"accepted", "approximate", "rejected"}
    gates : boolean array of shape (n_gates,)
        The selected support.
    coef : array of shape (q,) or, for classes, (m, q)
        Its fit, standardised.
    p_value : float
        Of its overidentification test.
    disagreement : float
        Upper 95% limit of the test's noncentrality, a row: of the share of the residual variance
        that coefficients of their own would explain in the environments, or of twice the log loss
        that they would spare. 0 under exact invariance with infinite data.
    standing : Standing
        What is known of it before errors on left-out environments are looked at.
    subspace : Subspace, optional
        Combinations of columns that hold everywhere; looked for where no support explains much.
    shortlist : boolean array of shape (n_shortlist, n_gates)
        The most promising supports: what is compared anew where environments are left out.
    rivals : boolean array of shape (n_rivals, n_gates)
        Other accepted (or nearly invariant) supports whose criterion is as low but for
        noise: the data hardly prefer the selected one to them.
    supports : boolean array of shape (n_candidates, n_gates)
        All that were compared.
    n_accepted : int
    """

    outcome: Outcome
    gates: Bools
    coef: Floats
    p_value: float
    disagreement: float
    standing: Standing
    subspace: Subspace | None
    shortlist: Bools
    rivals: Bools
    supports: Bools
    n_accepted: int

    @property
    def n_candidates(self) -> int:
        """Number of supports that were compared."""
        return len(self.supports)


def select(
    loss: Loss[M],
    rule: SelectionRule | None = None,
    *,
    supports: Bools | None = None,
    near: Subspace | None = None,
    subspaces: bool = True,
) -> Selection:
    """Choose the invariant support.

    Accepted are supports whose every gate is needed (``|t| >= t_threshold`` or, by likelihood
    ratio, its tail) and whose overidentification test, as a whole and in its `Loss.parts`, has
    p >= ``level``. Those whose noise is the same everywhere, too, go before the others; among them
    the lowest `Loss.criterion` plus a price for a small p wins. If none is accepted, the one of the
    lowest criterion among supports whose ``disagreement`` is at most ``tolerance``
    ("approximate"). If there is none either, invariance is rejected, and the support with the
    lowest criterion is only the best there is. With ``rule.noise`` supports whose noise is not the
    same everywhere at ``level`` are not accepted either.

    Parameters
    ----------
    loss : Loss
    rule : SelectionRule, optional
    supports : boolean array of shape (M, n_gates), optional
        Supports to choose among; by default, and if none of them can be fitted, those that the loss
        finds.
    near : Subspace, optional
        Combinations of columns to start from; by default they are sought where no set explains
        much.
    subspaces : bool
        False: they are not sought.

    Raises
    ------
    DataError
        If no support with all the gates that are never closed can be fitted.
    """
    rule = SelectionRule() if rule is None else rule
    table = loss.candidates(supports, exact_up_to=rule.exact_up_to, seed=rule.seed)
    n_rows = loss.problem.count.sum()
    limit = table.scale * noncentrality_limit(table.statistic, table.freedom) / n_rows
    outcome: Outcome
    accepted = _accepted(loss, table, rule)
    if len(accepted.rows):
        outcome, row, rivals = "accepted", accepted.first, accepted.rivals
    else:
        close = loss.needed(table, limit <= rule.tolerance, rule.kappa)
        those = close if len(close) else loss.needed(table, np.ones(len(limit), bool), rule.kappa)
        rough = _scored(loss, table, those, rule.kappa)
        outcome, row, rivals = "approximate", rough.first, rough.rivals
        if not len(close):
            outcome, rivals = "rejected", rivals[:0]
    known = standing(loss, table, row, outcome, rule.level_at(n_rows))
    p_value = float(table.p_value[row])
    if rule.noise:
        p_value = min(p_value, 2 * float(loss.parts(table.masks[row][None]).scale[0]))
    subspace = None
    # where no set of columns will do, combinations of them may hold
    if near is not None:
        subspace = loss.subspace(rule.level_at(n_rows), seed=rule.seed, near=near.combinations)
    elif subspaces and (outcome != "accepted" or known.share < MUCH):
        subspace = loss.subspace(rule.level_at(n_rows), seed=rule.seed)
    return Selection(
        outcome=outcome,
        gates=table.masks[row],
        coef=table.coef[row],
        p_value=p_value,
        disagreement=float(limit[row]),
        standing=known,
        subspace=subspace,
        shortlist=_promising(loss, table, rule.kappa),
        rivals=table.masks[rivals],
        supports=table.masks,
        n_accepted=accepted.n_accepted,
    )


def promising(loss: Loss[M], rule: SelectionRule, supports: Bools) -> Bools:
    """Return the shortlist alone, as `select` among ``supports`` does, with nothing selected."""
    table = loss.candidates(supports, exact_up_to=rule.exact_up_to, seed=rule.seed)
    return _promising(loss, table, rule.kappa)


def _promising(loss: Loss[M], table: Assessment, kappa: float) -> Bools:
    """Supports of the lowest rough risk where environments differ ``kappa`` times as much.

    As many again are of those whose every gate is needed.
    """
    n_rows = loss.problem.count.sum()
    score = loss.comparable(table.risk) + loss.scale * np.log1p(kappa * table.rough_excess / n_rows)
    order = np.argsort(score, kind="stable")
    needed = order[table.weakest[order] >= 1]
    chosen = np.zeros(len(order), dtype=bool)
    for rows in (order[: loss.n_shortlist], needed[: loss.n_shortlist]):
        # E k^3 a support: where they have many columns few can be compared again and again
        width = loss.problem.column_masks(table.masks[rows]).sum(axis=1).astype(float)
        affordable = np.cumsum(len(loss.problem.count) * width**3) <= _MOST_COST
        affordable[:_FEWEST] = True
        chosen[rows[affordable]] = True
    shortlist: Bools = table.masks[chosen]
    return shortlist


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """Candidates that compete: ``rows`` of the table, from the lowest ``score``; ``n_accepted``."""

    n_accepted: int = 0
    rows: Places
    score: Floats
    margin: float

    @property
    def first(self) -> int:
        """Row of the lowest score, the first of equal ones."""
        return int(self.rows[0])

    @property
    def rivals(self) -> Places:
        """Rows that are as good but for noise."""
        close = self.score[1 : _RIVALS + 1] <= self.score[0] + self.margin
        rows: Places = self.rows[1 : _RIVALS + 1][close]
        return rows


def _scored(
    loss: Loss[M], table: Assessment, rows: Places, kappa: float, price: Floats | None = None
) -> _Scored:
    """Score candidates by the criterion plus a price each, (M,)."""
    rows = rows if len(rows) else np.arange(len(table.masks))
    if len(rows) > loss.n_scored:
        rough = loss.rough_criterion(table, kappa)[rows]
        rows = np.sort(rows[np.argsort(rough, kind="stable")[: loss.n_scored]])
    margin = _margin(loss)
    prices = np.zeros(len(rows)) if price is None else loss.scale * price[rows]
    score = loss.criterion(table.take(rows), kappa, price=prices, margin=margin)
    order = np.argsort(score, kind="stable")
    return _Scored(rows=rows[order], score=score[order], margin=margin)


def _accepted(loss: Loss[M], table: Assessment, rule: SelectionRule) -> _Scored:
    """Supports whose environments agree, as a whole and part by part; steady noise goes first.

    With three or more environments a p-value below ``_DOUBTFUL`` has its price: one ten times
    smaller must bring an error smaller by the factor 10 ** ``_PRICE``. Between two environments
    there is one contrast a coefficient, and the price would mostly throw out small true effects.
    """
    level = rule.level_at(loss.problem.count.sum())
    rows = loss.needed(table, table.p_value >= level, rule.kappa)
    found = loss.parts(table.masks[rows])
    # the whole, and its worse part by Bonferroni: what concerns one alone is diluted in the sum
    p_value = np.minimum(table.p_value[rows], 2 * np.minimum(found.slopes, found.intercepts))
    if rule.noise:
        p_value = np.minimum(p_value, 2 * found.scale)
    agree = p_value >= level
    steady = agree & (found.scale >= _STEADY)
    among, price = rows[steady if steady.any() else agree], np.zeros(len(table.masks))
    if len(loss.problem.count) > 2:
        price[rows] = _PRICE * np.maximum(np.log(_DOUBTFUL / np.maximum(p_value, 1e-300)), 0.0)
    if not len(among):
        return _Scored(rows=rows[:0], score=np.zeros(0), margin=0.0)
    scored = _scored(loss, table, among, rule.kappa, price)
    return replace(scored, n_accepted=int(agree.sum()))


def _margin(loss: Loss[M]) -> float:
    """How much the criterion may differ by chance; set on random models of known parents.

    Two environments have one difference to show: what agrees in it by accident is preferred more
    often, and by more, the fewer the rows.
    """
    count = loss.problem.count
    return loss.scale * _MARGIN if len(count) > 2 else float(np.sqrt(170.0 / count.mean()))
