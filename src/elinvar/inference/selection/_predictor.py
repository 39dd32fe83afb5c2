"""What predicts environments like those seen: one rule on left-out errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import chdtrc

from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Assessment, Predictor
from elinvar.inference.problem._linear import WIDE
from elinvar.inference.problem._types import Bools, Floats
from elinvar.inference.tests._lead import sure_lead

Reason: TypeAlias = Literal["asked", "alone", "two", "fails", "start", "lead"]

MUCH = 3 / 4
"""A set that explains this share of what the pooled model explains, explains much."""

# one-sided levels that a lead has to pass, and over an accepted set that explains much
_LEVEL, _HIGH_LEVEL = 0.9, 0.975
_CLEAR = 0.01


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What predicts, and why.

    Attributes
    ----------
    predictor : {"pooled", "random_intercept", "invariant", "nearly_invariant", "subspace"}
    reason : {"asked", "alone", "two", "fails", "start", "lead"}
        It was asked for; there is one environment only; two are too few to leave the pooled model,
        or it plainly fails between the two; nothing leads the model to start from by more than
        noise; it leads that model by more than noise.
    start : {"pooled", "invariant"}
        What predicts unless something leads it by more than noise.
    """

    predictor: Predictor
    reason: Reason
    start: Literal["pooled", "invariant"] = "pooled"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the data say of the selected set, beside its errors where left out.

    Attributes
    ----------
    holds : bool
        Whether it is accepted, exactly or nearly.
    refutes_pooled : bool
        Whether it is accepted exactly, by no narrow margin, and the same test refutes all features
        together.
    pooled_holds : bool
        Whether it is accepted so, and the same test accepts all features together, too.
    share : float
        What it explains, as a share of what the pooled model explains.
    """

    holds: bool
    refutes_pooled: bool
    pooled_holds: bool
    share: float


def standing(loss: Loss[M], table: Assessment, row: int, outcome: str, level: float) -> Standing:
    """Say what is known of a selected set, a row of the table, before errors are looked at."""
    own, pooled = loss.shares_explained(table, row)
    everything = np.nan
    if outcome == "accepted" and table.p_value[row] >= _CLEAR:
        everything = _all_features_p_value(loss)
    return Standing(
        holds=outcome != "rejected",
        refutes_pooled=everything < level,
        pooled_holds=everything >= level,
        share=own / max(pooled, 1e-300),
    )


def _all_features_p_value(loss: Loss[M]) -> float:
    """Return the p-value of equal coefficients of all features, of those that can be told.

    NaN where they are too many to be looked at, or leave nothing to test.
    """
    if len(loss.problem.columns) > WIDE:
        return float(np.nan)
    everything = np.ones((1, loss.problem.n_gates), dtype=bool)
    known = float(loss.assess(everything).p_value[0])
    if np.isfinite(known):
        return known
    # collinear columns: by ranks, environments without rows to spare saying nothing
    fit = loss.refits(everything)[0]
    weight = np.maximum(1.0 - 2.0 / np.maximum(fit.freedom, 2.0), 0.0)
    precision = fit.precision * weight[:, None, None]
    ranks = np.linalg.matrix_rank(precision, hermitian=True).astype(float)
    equations = ranks.sum() - float(np.linalg.matrix_rank(precision.sum(axis=0), hermitian=True))
    apart = fit.own - fit.coef
    statistic = float(np.einsum("ej,ejk,ek->", apart, precision, apart))
    return float(chdtrc(equations, statistic)) if equations > 0 else float(np.nan)


def choose(
    errors: Mapping[Predictor, Floats], known: Standing, level_untested: float = _LEVEL
) -> Choice:
    r"""Choose the forecast for a new environment like those seen.

    It starts from the selected set if the test accepts it and refutes all features together,
    unless it trails the pooled model where left out and explains less than 3/4 as much; otherwise
    from the pooled model, which an accepted set does not replace if the test accepts all features
    together, too. Another model takes over if its lead, the mean difference of forecast
    errors on environments left out, is above :math:`t_{E-1} s / \sqrt E` with the 90% point of
    Student's t (the 97.5% point, to leave an accepted set that explains as much as that); of
    several the one whose lead less this noise is the largest. Own rule, see docs/theory.md,
    section 10.

    Parameters
    ----------
    errors : mapping of str to array of shape (E,)
        Errors (`Loss.forecast_error`) on each environment left out, E at least 3.
    known : Standing
    level_untested : float
        Level for the nearly invariant model, which no test has accepted.
    """
    start: Literal["pooled", "invariant"] = "pooled"
    # where the test accepts all features, too, a set has only those left out against it
    may = known.holds and not known.pooled_holds
    rivals = [name for name in errors if name != "invariant" or may]
    if len(errors["pooled"]) < 4:
        # directions that three environments show are not found again on two: no honest errors
        rivals = [name for name in rivals if name != "subspace"]
    if known.refutes_pooled:
        lead = float((errors["pooled"] - errors["invariant"]).mean())
        if lead > 0 or known.share >= MUCH:
            # what the test accepts is given up for what it refutes or has not looked at only
            start, rivals = "invariant", [name for name in errors if name in ("pooled", "subspace")]
    much = start == "invariant" and known.share >= MUCH
    best, found = 0.0, Choice(predictor=start, reason="start", start=start)
    for name in rivals:
        level = level_untested if name == "nearly_invariant" else _LEVEL
        excess = sure_lead(errors[start] - errors[name], _HIGH_LEVEL if much else level)
        if name != start and excess > best:
            best, found = excess, Choice(predictor=name, reason="lead", start=start)
    return found


def pooled_fails(loss: Loss[M]) -> bool:
    """Whether the pooled model is worse than the mean on each environment left out."""
    return bool((loss.pooled_left_out() > loss.mean_left_out()).all())


def choose_of_two(loss: Loss[M], gates: Bools, known: Standing) -> Choice:
    """Choose between two environments: the pooled model, unless it plainly fails.

    It fails if on both, fitted on the other, it is worse than the mean and the set is not: two
    errors tell no lead from noise, but a model that is worse than the mean on both has failed.
    """
    better = known.holds and pooled_fails(loss)
    if better and (loss.left_out(gates[None])[0] < loss.mean_left_out()).all():
        return Choice(predictor="invariant", reason="fails")
    return Choice(predictor="pooled", reason="two")
