"""The choice of a support for logistic regression, and what should predict."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from elinvar.inference.losses._logistic_problem import (
    Bools,
    LogisticProblem,
    Support,
    assess_gates,
    fit_gates,
    left_out_fits,
)
from elinvar.inference.losses._logistic_subspace import LogisticSubspace, logistic_subspace
from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.selection._search import candidates
from elinvar.inference.selection._select import SelectionRule, Status
from elinvar.inference.tests._overidentification import Assessment

Advice = Literal["invariant", "two", "trivial", "worse", "pooled", "subspace"]

_SEEDS = 40
_SCORED = 48
_STEPS = 30
_LADDER = (10.0, 1000.0)
_TRIVIAL = 1 / 3
_MUCH = 3 / 4
_BETTER = 0.03


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticSelection:
    """What the selection found.

    Attributes
    ----------
    status : {"accepted", "approximate", "rejected"}
    support : Support
        The selected one; the best there is if invariance is rejected.
    left_out : array of shape (E, m, q)
        Its coefficients without each environment.
    losses, pooled_losses, mean_losses : array of shape (E,)
        Mean log losses on each environment left out: of the support, of all features, of none.
    advice : {"invariant", "two", "trivial", "worse", "pooled", "subspace"}
        What should predict, and why; see `Selection`.
    subspace : LogisticSubspace, optional
        Combinations of columns that hold everywhere, sought where no support explains much.
    rivals : list of Support
        Other accepted supports whose criterion is as low but for noise.
    supports : boolean array of shape (M, n_gates)
        All that were compared.
    """

    status: Status
    support: Support
    left_out: Floats
    losses: Floats
    pooled_losses: Floats
    mean_losses: Floats
    advice: Advice
    subspace: LogisticSubspace | None
    rivals: list[Support]
    supports: Bools


@dataclass
class _Ledger:
    """Supports that were fitted, each once."""

    problem: LogisticProblem
    known: dict[bytes, Support] = field(default_factory=dict)
    deviances: dict[bytes, float] = field(default_factory=dict)

    def add(self, gates: Bools) -> list[Support]:
        fresh = [mask for mask in gates if mask.tobytes() not in self.known]
        if fresh:
            for support in assess_gates(self.problem, np.array(fresh)):
                self.known[support.gates.tobytes()] = support
        return [self.known[mask.tobytes()] for mask in gates]

    def deviance(self, gates: Bools) -> float:
        """Deviance of the fit to all rows; the test is spared."""
        key = gates.tobytes()
        if key in self.known:
            return self.known[key].deviance
        if key not in self.deviances:
            fit = fit_gates(self.problem, gates[None], own=False)[0]
            self.deviances[key] = 2.0 * float(fit.loss.sum())
        return self.deviances[key]

    def needs_all(self, support: Support) -> bool:
        """Whether every gate that may be closed lowers the deviance by more than chance."""
        needed = self.problem.needed
        for gate in np.flatnonzero(support.gates & ~self.problem.linear.always):
            gain = self.deviance(_flipped(support.gates, gate)) - support.deviance
            if gain < needed[self.problem.width(gate)]:
                return False
        return True


def select_support(
    problem: LogisticProblem, rule: SelectionRule, *, pool: Bools | None = None
) -> LogisticSelection:
    r"""Choose the invariant support, and what should predict.

    Among supports whose test has p >= ``level`` and whose every gate is needed (its likelihood
    ratio beyond the tail of ``min_t``), the one with the lowest

    .. math:: \max_e R_{(-e)} + \kappa\, (Q - f)_+ / (2 N),

    with :math:`R_{(-e)}` the mean log loss on environment e of the fit to the others. The second
    term is the mean log loss that coefficients of their own would spare the environments, for
    environments ``kappa`` times as different: the criterion of `select`, which for squared loss is
    the same on the scale of the normal log likelihood. "approximate" and "rejected" are as there.

    Parameters
    ----------
    problem : LogisticProblem
    rule : SelectionRule
    pool : boolean array of shape (M, n_gates), optional
        Supports to choose among; by default those that `explore` finds.
    """
    ledger = _Ledger(problem)
    if pool is None:
        _explore(ledger, rule)
    else:
        ledger.add(np.unique(pool | problem.linear.always, axis=0))
    n_rows = float(problem.count.sum())
    found = sorted(ledger.known.values(), key=lambda s: _rough(problem, s, rule.kappa))
    level = rule.level_at(n_rows)
    passing = {
        "accepted": [support for support in found if support.p_value >= level],
        "approximate": [s for s in found if s.limit / n_rows <= rule.tolerance],
        "rejected": found,
    }
    for name, those in passing.items():
        status, among = name, _first(ledger, those, _SCORED)
        if among:
            break
    else:
        among = found[:1]
    best, left, losses, rivals = _lowest(problem, among, rule.kappa)
    pooled, mean = _reference(problem, True), _reference(problem, False)
    advice, subspace = _advise(status, losses, pooled, mean), None
    if status != "accepted" or _explains_little(ledger, best):
        subspace = logistic_subspace(problem, level, seed=rule.seed)
        beside = losses if status == "accepted" else None
        if subspace is not None and _leads(subspace.losses, pooled, beside):
            advice = "subspace"
    return LogisticSelection(
        status=status,  # type: ignore[arg-type]
        support=best,
        left_out=left,
        losses=losses,
        pooled_losses=pooled,
        mean_losses=mean,
        advice=advice,
        subspace=subspace,
        rivals=[] if status == "rejected" else rivals,
        supports=np.array([support.gates for support in found]),
    )


def _explore(ledger: _Ledger, rule: SelectionRule) -> None:
    """Fit candidates from two quadratic pictures of the loss, and descend from the best of them.

    The loss of each environment is expanded about 0 (least squares on the class: scores) and about
    its own fit of all features (Lawless and Singhal, 1978). Either is a linear problem, in which
    all supports, or those of a search, are compared; the best of them are fitted in earnest.
    """
    problem, linear = ledger.problem, ledger.problem.linear
    ends = np.array([linear.always, np.ones(linear.n_gates, dtype=bool)])
    seeds = [ends[:1] if linear.n_gates > len(problem.y) // 20 else ends]
    for picture in _pictures(problem):
        table = candidates(picture, exact_up_to=rule.exact_up_to, seed=rule.seed, thorough=True)
        seeds += [table.masks[_promising(picture, table, kappa)] for kappa in _LADDER]
    ledger.add(np.unique(np.concatenate(seeds), axis=0))
    for kappa in _LADDER:
        here = min(ledger.known.values(), key=lambda s: _rough(problem, s, kappa))
        for _ in range(_STEPS):
            free = np.flatnonzero(~linear.always)
            near = ledger.add(np.array([_flipped(here.gates, gate) for gate in free]))
            best = min([here, *near], key=lambda s: _rough(problem, s, kappa))
            if best is here:
                break
            here = best


def _pictures(problem: LogisticProblem) -> list[LinearProblem]:
    """Linear problems that stand for the loss, for each class but the reference."""
    linear, pictures = problem.linear, []
    full = fit_gates(problem, np.ones((1, linear.n_gates), dtype=bool))[0]
    curved = bool((full.mistakes > 0).all()) and bool(
        (problem.present.min(axis=1) > 2 * len(problem.Z)).all()
    )
    for c in range(1, problem.n_classes):
        pair = (problem.y == 0) | (problem.y == c)
        wanted = (problem.y == c).astype(float)
        pictures.append(_linear(problem, wanted, problem.weight * pair))
        if curved:
            # conditional on being one of the two, the log odds have the same coefficients
            place = np.repeat(np.arange(len(problem.count)), np.diff(problem.bounds))
            eta = np.clip(np.einsum("iq,qi->i", full.own[place, c - 1], problem.Z), -30, 30)
            p = 1.0 / (1.0 + np.exp(-eta))
            bend = np.maximum(p * (1 - p), 1e-6)
            response = eta + (wanted - p) / bend
            pictures.append(_linear(problem, response, problem.weight * pair * bend))
    return pictures


def _linear(problem: LogisticProblem, target: Floats, weight: Floats) -> LinearProblem:
    """Weighted least squares of ``target`` (n,), environments of the same size as ever."""
    bounds, q = problem.bounds, len(problem.Z)
    total = max(float(weight.sum()), 1e-300)
    target = target - float(weight @ target) / total
    scale = max(float(np.sqrt(weight @ target**2 / total)), 1e-150)
    E = len(problem.count)
    gram, cross, power = np.zeros((E, q, q)), np.zeros((E, q)), np.zeros(E)
    for e in range(E):
        rows = slice(bounds[e], bounds[e + 1])
        share = weight[rows] / max(float(weight[rows].sum()), 1e-300)
        Z, t = problem.Z[:, rows], target[rows] / scale
        half = Z * np.sqrt(share)
        gram[e], cross[e], power[e] = half @ half.T, Z @ (share * t), share @ t**2
    return replace(problem.linear, gram=gram, cross=cross, power=power, target_scale=scale)


def _promising(picture: LinearProblem, table: Assessment, kappa: float) -> list[int]:
    """Rows of the lowest criterion in a picture, those with a gate to spare last."""
    excess = np.maximum(table.statistic - table.freedom, 0.0) / picture.count.sum()
    score = np.log(np.maximum(table.worst, 1e-300)) + np.log1p(kappa * excess)
    score = np.where(np.isfinite(score), score, np.inf) + 100.0 * (table.weakest < 1)
    return list(np.argsort(score, kind="stable")[:_SEEDS])


def _rough(problem: LogisticProblem, support: Support, kappa: float) -> float:
    """Return what stands for the criterion before environments are left out.

    The last term is for gates that are not needed: see the search of the linear problem.
    """
    E, n_rows = len(problem.count), float(problem.count.sum())
    columns = problem.linear.column_masks(support.gates[None]).sum() * problem.m
    price = float(columns) * problem.linear.min_t**2 * E / (2 * n_rows)
    return support.worst + kappa * support.excess / (2 * n_rows) + price


def _first(ledger: _Ledger, supports: list[Support], number: int) -> list[Support]:
    """Return the first supports that need all their gates."""
    found: list[Support] = []
    for support in supports:
        if len(found) == number:
            break
        if ledger.needs_all(support):
            found.append(support)
    return found


def _lowest(
    problem: LogisticProblem, among: list[Support], kappa: float
) -> tuple[Support, Floats, Floats, list[Support]]:
    """Support of the lowest criterion, its fits without each environment, losses, and rivals."""
    n_rows = float(problem.count.sum())
    fits = [left_out_fits(problem, support.gates, support.coef) for support in among]
    score = np.array(
        [
            losses.max() + kappa * support.excess / (2 * n_rows)
            for support, (_, losses) in zip(among, fits, strict=True)
        ]
    )
    order = np.argsort(score, kind="stable")
    first = int(order[0])
    margin = _margin(problem)
    rivals = [among[row] for row in order[1:] if score[row] <= score[first] + margin]
    return among[first], *fits[first], rivals


def _margin(problem: LogisticProblem) -> float:
    """How much the criterion may differ by chance; set on random models of known parents.

    As for squared loss: a log loss is half a log variance, and two environments count for little.
    """
    if len(problem.count) > 2:
        return 0.05
    return float(np.sqrt(170.0 / problem.count.mean()))


def _reference(problem: LogisticProblem, everything: bool) -> Floats:
    """Mean log loss on each environment left out, of all features or of none, (E,)."""
    gates = np.full(problem.linear.n_gates, everything)
    return left_out_fits(problem, gates)[1]


def _advise(status: Status | str, losses: Floats, pooled: Floats, mean: Floats) -> Advice:
    """Say what should predict, by mean log losses on environments left out."""
    lead = pooled - losses
    if status == "rejected":
        return "pooled"
    if status == "approximate" and (lead < 0).all() and _significant(-lead):
        return "worse"
    if len(lead) == 2 and not ((pooled > mean).all() and (losses < mean).all()):
        return "two"
    gain, most = float((mean - losses).sum()), float((mean - pooled).sum())
    if status == "accepted" and (lead < 0).all() and gain < _TRIVIAL * most:
        return "trivial"
    return "invariant"


def _explains_little(ledger: _Ledger, support: Support) -> bool:
    """Whether a support spares less than ``_MUCH`` of the deviance that all features spare."""
    always = ledger.problem.linear.always
    none, everything = ledger.deviance(always), ledger.deviance(np.ones_like(always))
    return bool(none - support.deviance < _MUCH * (none - everything))


def _leads(losses: Floats, pooled: Floats, accepted: Floats | None) -> bool:
    """Whether a subspace with these left-out losses should predict; as `subspace_leads`."""
    if accepted is None:
        return _significant(pooled - losses)
    return bool(losses.max() < (1 - _BETTER) * accepted.max() and (losses < pooled).any())


def _significant(lead: Floats) -> bool:
    noise = lead.std(ddof=1) / np.sqrt(len(lead))
    return bool(lead.mean() > float(stdtrit(len(lead) - 1, 0.975)) * noise)


def _flipped(gates: Bools, gate: int | np.intp) -> Bools:
    other = gates.copy()
    other[gate] = not other[gate]
    return other
