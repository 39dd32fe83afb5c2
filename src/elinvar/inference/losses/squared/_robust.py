"""Tests and fits of supports whose covariances come from rows, in clusters or one by one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from elinvar.inference.losses._records import Assessment, ModelTest, Part, Parts, Refit
from elinvar.inference.losses._robust import in_table, with_sandwich
from elinvar.inference.losses.squared._model_tests import question
from elinvar.inference.losses.squared._refit import refit_many
from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._sandwich import OwnScores, Sandwich
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._robust import (
    RobustTest,
    coefficients_test,
    common_fit,
    levels_test,
)

# numbers that a batch of supports goes through, and all supports that are compared together
_BATCH = 1_000_000
_EFFORT = 10_000_000
_FEWEST = 128


def shortlist(rows: Sandwich, table: Assessment, rough: Floats) -> Assessment:
    """Return the candidates that rows allow for in time: those of the lowest rough criterion.

    The classical test that the criterion comes from may be far off, but about as far for all of
    them, so that the order holds.
    """
    size = int(table.masks.sum(axis=1).max(initial=0)) + 1
    most = max(_FEWEST, int(_EFFORT / rows.effort(size)))
    if len(table.masks) <= most:
        return table
    return table.take(np.sort(np.argsort(rough, kind="stable")[:most]))


def robust_assess(rows: Sandwich, table: Assessment) -> Assessment:
    """Replace the test of every support, and whether its gates are needed, by robust ones.

    The statistic and its freedom are those of `RobustTest`; the refit stays what it is.
    """
    problem, many = rows.problem, len(table.masks)
    names = ("statistic", "freedom", "residual_freedom", "p_value", "weakest")
    found = {name: getattr(table, name).copy() for name in names}
    found["p_value"][:] = np.nan
    found["statistic"][:] = np.inf
    scale = np.ones(many)
    # with no more clusters than coefficients an environment does not show their variance
    size = problem.column_masks(table.masks).sum(axis=1) + problem.absorbed
    valid = np.isfinite(table.risk) & (size < rows.cells.fewest)

    def take(places: Places, own: OwnScores) -> None:
        test = coefficients_test(own, levels=not problem.absorbed)
        found["statistic"][places], found["freedom"][places] = test.statistic, test.df1
        found["residual_freedom"][places], found["p_value"][places] = test.df2, test.p_value
        scale[places] = test.scale
        covariance = common_fit(own, levels=not problem.absorbed).covariance
        weakest = _weakest(rows, table.masks[places], table.coef[places], covariance)
        found["weakest"][places] = weakest

    _over(rows, table.masks, np.flatnonzero(valid), take)
    return replace(table, scale=scale, **found)


def robust_parts(rows: Sandwich, masks: Bools) -> Parts:
    """Test slopes and intercepts of every support by themselves.

    Noise is not asked to be the same everywhere: it may depend on the features or the cluster.
    """
    problem, table = rows.problem, np.ones((3, len(masks)))

    def take(places: Places, own: OwnScores) -> None:
        table[0, places] = coefficients_test(own, levels=False).p_value
        if not problem.absorbed:
            table[1, places] = levels_test(own).p_value

    _over(rows, masks, np.arange(len(masks)), take)
    return Parts(slopes=table[0], intercepts=table[1], scale=table[2])


def robust_tests(rows: Sandwich, gates: Bools) -> list[ModelTest]:
    """Test a support as a whole and, with one intercept, part by part."""
    problem = rows.problem
    if len(problem.count) < 2:
        return []
    own = rows.scores(_columns(rows, gates[None])[0][None], quick=True)
    found: dict[Part, RobustTest] = {
        "coefficients": coefficients_test(own, levels=not problem.absorbed)
    }
    if not problem.absorbed:
        found["residual mean"] = levels_test(own)
        found["slopes"] = coefficients_test(own, levels=False)
    return in_table(found, {part: question(part, problem) for part in found})


def robust_refits(rows: Sandwich, masks: Bools) -> list[Refit]:
    """Fit supports as `refit_many` does, with sandwich covariances."""
    levels = not rows.problem.absorbed
    fits = refit_many(rows.problem, masks)
    return [
        with_sandwich(fit, rows.scores(columns[None]), levels=levels)
        for fit, columns in zip(fits, _columns(rows, masks), strict=True)
    ]


def _over(
    rows: Sandwich, masks: Bools, places: Places, take: Callable[[Places, OwnScores], None]
) -> None:
    """Hand over the fits of supports, those of as many columns at once, in batches."""
    size = rows.problem.column_masks(masks[places]).sum(axis=1) if len(places) else np.zeros(0)
    for k in np.unique(size):
        same = places[size == k]
        step = max(1, int(_BATCH / rows.effort(int(k) + 1)))
        for start in range(0, len(same), step):
            some = same[start : start + step]
            take(some, rows.scores(np.array(_columns(rows, masks[some])), quick=True))


def _columns(rows: Sandwich, masks: Bools) -> list[Places]:
    """Columns of the rows that supports take, the constant first."""
    problem = rows.problem
    inside = masks[:, problem.gate_of[problem.offset :]]
    return [np.append(0, 1 + np.flatnonzero(mask)) for mask in inside]


def _weakest(rows: Sandwich, gates: Bools, coef: Floats, covariance: Floats) -> Floats:
    """Smallest Wald statistics over their thresholds (M,), of the gates that may be closed.

    ``gates`` (M, n_gates) open as many columns each; ``covariance`` (M, k, k) is theirs.
    """
    problem, needed = rows.problem, rows.problem.needed
    inside = problem.column_masks(gates)
    columns = np.nonzero(inside)[1].reshape(len(gates), -1)
    coef = np.take_along_axis(coef, columns, axis=1)
    gate = problem.gate_of[columns]
    tested = (gate >= 0) & ~problem.always[gate]
    width = np.bincount(problem.gate_of[problem.offset :], minlength=1)[gate]
    variance = np.maximum(np.einsum("mkk->mk", covariance), 1e-300)
    single = np.where(tested & (width == 1), coef**2 / variance / needed[1], np.inf)
    smallest: Floats = single.min(axis=1, initial=np.inf)
    for m in np.flatnonzero((tested & (width > 1)).any(axis=1)):
        for one in np.unique(gate[m][tested[m] & (width[m] > 1)]):
            at = np.flatnonzero(gate[m] == one)
            inverse = pseudo_inverses(covariance[m][np.ix_(at, at)])[0]
            wald = float(coef[m, at] @ inverse @ coef[m, at])
            smallest[m] = min(smallest[m], wald / needed[len(at)])
    return smallest
