"""Limits: the experiments behind docs/limits.md, where the answer is known.

    python benchmarks/limits.py [--only eills random turning] [--seeds N] [--jobs N] [--quick]

Problems, methods and the rule that chooses hyper-parameters are those of `elinvar bench`; the draws
are its own, the first of a whole run.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar import InvariantRegressor
from elinvar.baselines import BASELINES
from elinvar.bench import SUITES, Case, draw_case, run_method, sweep_of
from elinvar.bench._data import GENERATED
from elinvar.environments import Moments
from elinvar.inference import SquaredLoss

Array = NDArray[np.float64]
Figures = dict[str, float]

MORE_ROWS = 10


def drawn(suite: str, problem: str, repetition: int, n_samples: int | None = None) -> Case:
    """Return a data set of the benchmark, or more rows from its law."""
    sweep = sweep_of(SUITES[suite], ("elinvar-auto",), repetition + 1, quick=False)
    cells = (sweep.cell(place) for place in range(len(sweep)))
    cell = next(c for c in cells if (c["problem"], c["repetition"]) == (problem, repetition))
    case = draw_case(problem, repetition, sweep.generator(cell), n_samples=n_samples)
    assert case is not None
    return case


def repeat(one: Callable[[int], Figures], n: int, options: argparse.Namespace) -> dict[str, Array]:
    """Run ``one`` for repetitions 0 ... n-1; return each figure over them."""
    n = options.seeds or (max(3, n // 10) if options.quick else n)
    found = Parallel(n_jobs=options.jobs)(delayed(one)(k) for k in range(n))
    return {key: np.array([figures[key] for figures in found]) for key in found[0]}


# EILLS model: what any unbiased estimator can reach


def eills_errors(problem: str, repetition: int) -> Figures:
    r"""Squared distances from the true coefficients, and the bound on their mean.

    The other columns are drawn given the causes and the target, by laws that do not depend on the
    coefficients; so all information on these is in the regression on the causes, and with normal
    noise of variance 1 its Cramér-Rao bound is the trace over slopes of :math:`(X'X)^{-1}`.
    """
    case = drawn("eills", problem, repetition)
    assert case.support is not None
    figures = {}
    for name in ("elinvar-auto", "eills", "oracle"):
        given = case.answers if name == "oracle" else {}
        figures[name] = float(run_method(BASELINES[name], case, given=given)["coef_error"])
    causes = np.asarray(case.train.X)[:, case.support]
    design = np.column_stack([np.ones(len(causes)), causes])
    figures["bound"] = float(np.trace(np.linalg.inv(design.T @ design)[1:, 1:]))
    return figures


def eills(options: argparse.Namespace) -> Iterator[Row]:
    for n in (300, 1000, 2000):
        found = repeat(partial(eills_errors, f"eills-{n}"), 100, options)
        mean = {key: float(values.mean()) for key, values in found.items()}
        median = {key: float(np.median(values)) for key, values in found.items()}
        for what, of in (("mean", mean), ("median", median)):
            least = f"; unbiased estimators at least {of['bound']:.5f}" * (what == "mean")
            yield Row(
                what=f"EILLS, 2 x {n:,} rows, {what} squared error",
                figure=f"{of['elinvar']:.5f}",
                reference=f"2^12 search {of['eills']:.5f}, half of it {of['eills'] / 2:.5f}; "
                f"true support {of['oracle']:.5f}{least}",
            )
        if n >= 1000:
            level = mean["elinvar-auto"] / mean["bound"]
            yield at_most("  mean over the least of unbiased estimators", level, 1.25, digits=2)
            half = median["eills"] / 2 / median["oracle"]
            what = "  half of the search's median over that of the true support"
            yield at_most(what, half, 1.0, digits=2, reference="below 1: out of reach")


# Random models: what more rows tell


def recovery(problem: str, repetition: int) -> Figures:
    """F1 with the problem's rows and with more of them, and what single features are called."""
    rows = int(GENERATED[problem].settings["n_samples"])
    case = drawn("random", problem, repetition)
    more = drawn("random", problem, repetition, MORE_ROWS * rows)
    told = case.known is not None and case.known.identified is not False
    figures = {"told": float(told), "more": np.nan}
    figures["own"], figures["called"], figures["right"] = _recovered(case)
    # where these rows tell all, more of them are not asked
    figures["more"] = 1.0 if figures["own"] == 1 or not told else _recovered(more)[0]
    return figures


def _recovered(case: Case) -> tuple[float, float, float]:
    """Return F1, and how many features are called invariant, and how many rightly."""
    support, train = case.support, case.train
    assert support is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = InvariantRegressor().fit(train.X, train.y, environments=train.environments)
    called = (model.evidence_["verdict"] == "invariant").to_numpy()
    both = int((model.selected_ & support).sum())
    f1 = 2 * both / max(1, int(model.selected_.sum() + support.sum()))
    return f1, float(called.sum()), float((called & support).sum())


def random_models(options: argparse.Namespace) -> Iterator[Row]:
    parts = []
    for problem in SUITES["random"].problems:
        found = repeat(partial(recovery, problem), 100, options)
        told = found["told"] == 1
        parts.append({key: values[told] for key, values in found.items()})
        yield Row(
            what=f"{problem}: F1",
            figure=f"{parts[-1]['own'].mean():.3f}",
            reference=f"with {MORE_ROWS} times the rows where not exact "
            f"{parts[-1]['more'].mean():.3f}; not exact {(parts[-1]['own'] < 1).sum()} of "
            f"{told.sum()} draws whose environments tell",
        )
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    yield at_least("random models, mean F1", whole["own"].mean(), 0.99)
    yield at_most("  F1 below .5", float((whole["own"] < 0.5).mean()), 0.01)
    yield at_least(f"  mean F1 with {MORE_ROWS} times the rows", whole["more"].mean(), 0.99)
    right = whole["right"].sum() / whole["called"].sum()
    yield at_least("  parents among features called invariant", right, 0.97)


# What changes: of help in some places, turned round in others


def turning(suite: str, problem: str, repetition: int) -> Figures:
    """Return the pooled model's error over the invariant one's, and what training data say of it.

    ``chosen``: the pooled model leads in every environment left out, and by the criterion.
    """
    case = drawn(suite, problem, repetition)
    train, test = case.train, case.test
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = InvariantRegressor().fit(train.X, train.y, environments=train.environments)
    if model.status_ not in ("accepted", "borderline", "untested"):
        return {"ratio": np.nan, "chosen": np.nan}
    loss = SquaredLoss.from_moments(Moments.from_arrays(train.X, train.y, train.environments))
    problem = loss.problem
    masks = np.array([model.selected_[problem.features], np.ones(problem.n_gates, dtype=bool)])
    found = loss.assess(masks)
    own, pooled = loss.left_out(masks)[0], loss.pooled_left_out()
    # on the scale of the criterion, which is that of the standardised target
    score = np.log(pooled.max() / problem.target_scale**2)
    score += np.log1p(model.kappa * found.excess[1] / problem.count.sum())
    errors = [
        np.mean((test.X @ coef + intercept - test.y) ** 2)
        for coef, intercept in (
            (model.pooled_coef_, model.pooled_intercept_),
            (model.invariant_coef_, model.invariant_intercept_),
        )
    ]
    chosen = (pooled < own).all() and score < loss.criterion(
        found, model.kappa, price=np.zeros(2), margin=0.0
    )[0]
    return {"ratio": float(errors[0] / errors[1]), "chosen": float(chosen)}


def turned(options: argparse.Namespace) -> Iterator[Row]:
    for suite, problems in (
        ("random", ("random-noise", "random-shift", "random-weak")),
        ("chain", ("chain-feu", "chain-fes", "chain-peu", "chain-pes")),
        ("reversed", SUITES["reversed"].problems),
    ):
        for problem in problems:
            found = repeat(partial(turning, suite, problem), 30, options)
            ratio = found["ratio"][np.isfinite(found["ratio"])]
            chosen = int(np.nansum(found["chosen"]))
            yield Row(
                what=f"{problem}: pooled error over the invariant model's",
                figure=f"{np.exp(np.log(ratio).mean()):.2f}",
                reference=f"{ratio.min():.2g} to {ratio.max():.2g} in {len(ratio)} accepted; "
                f"training environments are for pooled in {chosen}",
            )


EXPERIMENTS: dict[str, Suite] = {"eills": eills, "random": random_models, "turning": turned}


def main() -> None:
    options = parser(__doc__ or "", EXPERIMENTS)
    options.add_argument("--seeds", type=int, help="repetitions of every problem")
    options.add_argument("--jobs", type=int, default=1, help="processes")
    run("Limits", EXPERIMENTS, options.parse_args())


if __name__ == "__main__":
    main()
