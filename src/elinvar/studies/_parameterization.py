"""What the factored form does: A itself, widths of the factor, rich and lazy starts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_comparison
from elinvar.studies._setting import SensingConfig, Setting, last_third
from elinvar.studies._study import Claim, Row
from elinvar.studies._summary import quartiles, rows_of
from elinvar.studies._types import Axes, DataFrame

_DIRECT = "A itself, infinite batches"
_WIDTH = "U U', step 0.1: columns k of U"
_START = "U U', k = d, step 0.1: start of U"
_LAZY = "U U' - V V', k = d: start of both, step on A of at most 0.1"


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write A.

    Parameters
    ----------
    group : str
        What varies beside its neighbours.
    parameterization : {"direct", "psd", "symmetric"}
        The matrix itself, U U' or U U' - V V'.
    step_size : float
        Of the factors, or of A itself.
    width : {"r1", "r1 + r2", "d"}
        Columns of a factor.
    init_scale : float
        The start.
    """

    group: str
    parameterization: Literal["direct", "psd", "symmetric"]
    step_size: float
    width: str = "d"
    init_scale: float = 1e-3


def _lazy(init_scale: float) -> Form:
    """Return U U' - V V' from U = V = alpha I, with a step that moves A by at most 0.1 of R.

    A starts at 0, and a step moves it by 4 eta alpha^2 R: from a large start this is a step on A
    itself, and a step of 0.1 for the factors would be one of 3.6 for A at alpha = 3.
    """
    step_size = 0.1 / max(1.0, 4.0 * init_scale**2)
    return Form(
        group=_LAZY, parameterization="symmetric", step_size=step_size, init_scale=init_scale
    )


SETTINGS = {
    "step 0.1": Form(group=_DIRECT, parameterization="direct", step_size=0.1),
    "step 0.01": Form(group=_DIRECT, parameterization="direct", step_size=0.01),
    "k = r1": Form(group=_WIDTH, parameterization="psd", step_size=0.1, width="r1"),
    "k = r1 + r2": Form(group=_WIDTH, parameterization="psd", step_size=0.1, width="r1 + r2"),
    "k = d": Form(group=_WIDTH, parameterization="psd", step_size=0.1),
    **{
        f"alpha = {scale:g}": Form(
            group=_START, parameterization="psd", step_size=0.1, init_scale=scale
        )
        for scale in (1e-4, 1e-2, 0.1, 1.0)
    },
    **{f"U = V = {scale:g} I": _lazy(scale) for scale in (1e-2, 0.3, 1.0, 3.0)},
}

TITLE = "What the factors do"
CLAIM = (
    "A has to be learnt as a product U U', with as few columns as A* has directions: with fresh "
    "data more width adds nothing, and steps on A itself fail even with infinite data."
)
AXES = {"setting": "settings"}


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study.

    Parameters
    ----------
    heterogeneity : float
        Of all runs.
    batch_size : int
        Of the factored forms; A itself has infinite batches.
    settings : tuple of str
        Names in ``SETTINGS``.
    recovered, failed : float
        Distance to A*, relative to its norm, at most of what recovers and at least of what fails.
    """

    heterogeneity: float = 6.0
    batch_size: int = 1_000_000
    settings: tuple[str, ...] = tuple(SETTINGS)
    recovered: float = 0.05
    failed: float = 0.5
    repetitions: int = 20
    core_seconds: float = 20.0

    @property
    def batches(self) -> str:
        """Of the factored forms, and of A itself."""
        return f"{super().batches} for factors, infinite ones for A itself"


QUICK = Config(dim=20, repetitions=8, core_seconds=4.0)


def cell(
    *,
    rng: np.random.Generator,
    setting: str,
    repetition: int,
    heterogeneity: float,
    batch_size: int,
    dim: int,
    invariant_rank: int,
    spurious_rank: int,
    steps: int,
) -> Row:
    """Run one form, and return where it ended: averages over the last third of the steps."""
    from elinvar.sensing import HeteroSGD, solve

    form = SETTINGS[setting]
    ranks = Setting(dim=dim, invariant_rank=invariant_rank, spurious_rank=spurious_rank)
    problem = ranks.problem(heterogeneity, rng)
    widths = {"r1": invariant_rank, "r1 + r2": invariant_rank + spurious_rank, "d": None}
    algorithm = HeteroSGD(
        step_size=form.step_size,
        batch_size=None if form.parameterization == "direct" else batch_size,
        parameterization=form.parameterization,
        width=widths[form.width],
        init="identity" if form.width == "d" else "gaussian",
        init_scale=form.init_scale,
    )
    path = solve(problem, algorithm, steps=steps, rng=rng)
    size = float(np.linalg.norm(problem.invariant))
    last = last_third(path)
    mean_spurious = problem.pooled - problem.invariant
    return {
        "error": float(np.mean(path.error[last])) / size,
        "pooled_error": float(np.mean(path.pooled_error[last])) / size,
        "spurious_part": float(np.vdot(path.matrix, mean_spurious) / np.sum(mean_spurious**2)),
        "diverged": path.status == "diverged",
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return distances, median and quartiles over runs, and the mean of the last iterates.

    ``spurious_part`` is the multiple of the mean A^(e) in the last iterate: 0 at A*, 1 at the
    pooled solution.
    """
    groups = rows.groupby("setting", sort=False)
    table = quartiles(groups, ["error", "pooled_error"])
    table.insert(0, "group", [SETTINGS[str(name)].group for name in table.index])
    table["spurious_part"] = groups["spurious_part"].mean()
    table["standard_error"] = groups["spurious_part"].std() / np.sqrt(table["runs"])
    return table.reset_index()


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw both distances of every run."""
    group = rows["setting"].map({name: form.group for name, form in SETTINGS.items()})
    failing = summary[summary["error"] > config.recovered]
    title = f"{len(summary) - len(failing)} of {len(summary)} settings recover A*"
    if set(failing["group"]) == {_DIRECT, _LAZY}:
        title += ": A itself and lazy factors do not"
    return plot_comparison(
        rows.assign(group=group),
        xlabel="distance, relative to the norm of A*; mean over the last third of the steps",
        title=title,
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge each group."""
    rows = rows_of(summary)
    direct, width, start, lazy = (
        [row for row in rows if row["group"] == group] for group in (_DIRECT, _WIDTH, _START, _LAZY)
    )
    return (
        _fails(direct, config),
        _pools(direct),
        _recovers(width, "U U' recovers A* whatever its width, even with k = r1", config),
        _recovers(start, "U U' recovers A* from small and from large starts", config),
        _loses(lazy, config),
    )


def _fails(rows: list[Row], config: Config) -> Claim:
    least = min(row["error"] for row in rows)
    return Claim(
        holds=bool(least >= config.failed),
        sentence="A itself as the parameter fails at each step size, with infinite batches: it "
        f"stays at least {percent(least)} of |A*| away from A* (medians of {rows[0]['runs']} runs; "
        f"needed: {percent(config.failed)}).",
    )


def _pools(rows: list[Row]) -> Claim:
    # a <- a + eta (s_e - a) has mean 1 and never settles: so averages over runs are judged
    near = all(abs(row["spurious_part"] - 1.0) <= 3.0 * row["standard_error"] for row in rows)
    sharpest = min(rows, key=lambda row: row["standard_error"])
    apart = sharpest["spurious_part"] >= 3.0 * sharpest["standard_error"]
    said = " and ".join(
        f"{figure(row['spurious_part'], 2)} ± {figure(row['standard_error'], 1)} at "
        f"{row['setting']}"
        for row in rows
    )
    return Claim(
        holds=bool(near and apart),
        sentence="Its last iterates, which fluctuate, are on average over runs the pooled "
        f"solution: they hold {said} times the mean spurious part (needed: 1 within three standard "
        "errors, and 0 beyond three at one of them).",
    )


def _recovers(rows: list[Row], what: str, config: Config) -> Claim:
    worst = max(row["error"] for row in rows)
    said = ", ".join(f"{row['setting']}: {percent(row['error'])}" for row in rows)
    return Claim(
        holds=bool(worst <= config.recovered),
        sentence=f"{what}: at the end it is so far from it, relative to |A*|: {said} (medians of "
        f"{rows[0]['runs']} runs; needed: at most {percent(config.recovered)}).",
    )


def _loses(rows: list[Row], config: Config) -> Claim:
    said = ", ".join(f"{row['setting']}: {percent(row['error'])}" for row in rows)
    return Claim(
        holds=bool(rows[0]["error"] <= config.recovered and rows[-1]["error"] >= config.failed),
        sentence="A lazy start loses the bias: from U = V large, with the step that it bears, U U' "
        f"- V V' moves as A itself does, and ends so far from A*: {said} (needed: at most "
        f"{percent(config.recovered)} from the smallest start, at least "
        f"{percent(config.failed)} from the largest).",
    )
