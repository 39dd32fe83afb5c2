"""Heterogeneity, batches of one environment, factors: what each does alone, and all together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_comparison, plot_panels
from elinvar.studies._lines import (
    FAR_WINDOW,
    arms_of,
    line_claim,
    measured_lines,
    plot_signals,
    split_arm,
)
from elinvar.studies._setting import last_third, settled
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import quartiles, rows_of
from elinvar.studies._transition import slope
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import critical_environments, critical_heterogeneity, heterogeneity_window

Floats = NDArray[np.float64]

_SPREAD, _PURE, _FACTORED, _WIDE = FACTORS = (
    "heterogeneity", "one environment a batch", "factored model", "width"
)  # fmt: skip
_MODELS = {
    "A itself": (),
    "U U', k = r1 + r2": (_FACTORED,),
    "U U', k = d": (_FACTORED, _WIDE),
}

TITLE = "All three factors together"
CLAIM = (
    "Heterogeneity, batches of one environment and a factored model recover A* together, and only "
    "together: what they do is their interaction."
)
QUESTION = 1
AXES = {"arm": "arms"}


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Problems with and without each factor, and the lines that theory draws in them.

    Parameters
    ----------
    weak, strong : float
        Heterogeneity without and with the factor; the line is between them.
    mean, step_size : float
        Of the spurious eigenvalues, and of the factors.
    direct_step : float
        Of A itself: small, so that it is not the noise of its last iterates that is judged.
    batch_size : int
        Of all eight combinations; where lines are measured batches are infinite.
    line_steps, line_scale : int, float
        Steps and start there.
    environments : tuple of int
        Of a batch: one line of critical heterogeneity each.
    gains : tuple of float
        Heterogeneities below the line, at each of which the critical gain is measured.
    """

    dim: int = 40
    invariant_rank: int = 3
    spurious_rank: int = 2
    steps: int = 1500
    weak: float = 1.0
    strong: float = 9.0
    mean: float = 1.2
    step_size: float = 0.06
    direct_step: float = 0.01
    batch_size: int = 50_000
    line_steps: int = 2000
    line_scale: float = 1e-6
    environments: tuple[int, ...] = (1, 2, 3, 4)
    gains: tuple[float, ...] = (4.0, 0.8)

    # every cell asks for them, and they take longer than some runs
    @cached_property
    def lines(self) -> dict[str, float]:
        """Where the spurious part stops growing along M, or along the gain."""
        along = {
            f"{b} environment{'s' * (b > 1)} a batch": heterogeneity_window(
                self.step_size, mean=self.mean, environments=b
            ).low
            for b in self.environments
        }
        critical = critical_heterogeneity(self.step_size, self.mean)
        return along | {f"gain, at M = {M:g}": critical / M for M in self.gains}


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig, Factors):
    """The settings of this study; hypotheses and thresholds were written before its first run.

    In that, batches of 10^14 stood for infinite ones where lines are measured (`_continuum` says
    what that does).

    Parameters
    ----------
    heterogeneities : tuple of float
        At which it is counted how many environments a batch may have.
    ratios : tuple of float
        Multiples of the lines.
    share : float
        Of the whole effect that the interaction of all three must have.
    others : float
        Largest share, up or down, of any other part.
    tolerance : float
        Largest relative deviation from a line.
    """

    heterogeneities: tuple[float, ...] = (6.0, 8.0, 10.0, 11.5)
    ratios: tuple[float, ...] = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2)
    share: float = 0.9
    others: float = 0.1
    tolerance: float = 0.05
    repetitions: int = 30
    core_seconds: float = 22.0

    @property
    def arms(self) -> tuple[str, ...]:
        """All combinations of factors and models, and the lines at their multiples."""
        return (*_COMBINATIONS, *arms_of(list(self.lines), self.ratios))

    @property
    def batches(self) -> str:
        """Of the combinations, and of the lines."""
        return f"batches of {self.batch_size:,}, and infinite ones where lines are measured"


QUICK = Config(
    dim=20,
    steps=1000,
    line_steps=1500,
    environments=(1, 2, 3),
    gains=(4.0,),
    heterogeneities=(6.0, 8.0, 10.0),
    repetitions=10,
    core_seconds=3.0,
)


def _combinations() -> dict[str, tuple[str, frozenset[str]]]:
    """Return the factors that are there in every combination, and its model."""
    named = {}
    for spread in (False, True):
        for pure in (False, True):
            for model, held in _MODELS.items():
                words = ("differ" if spread else "hardly differ", "one" if pure else "all")
                name = f"environments {words[0]}, {words[1]} in a batch; {model}"
                factors = {*([_SPREAD] if spread else []), *([_PURE] if pure else []), *held}
                named[name] = (model, frozenset(factors))
    return named


_COMBINATIONS = _combinations()


def cell(*, rng: np.random.Generator, arm: str, repetition: int, setting: Factors) -> Row:
    """Run a combination of factors, or a line at one of its multiples."""
    from elinvar.sensing import HeteroSGD, PooledSGD, SensingProblem, solve

    heterogeneity, steps = setting.strong, setting.steps
    how: dict[str, Any] = {"step_size": setting.step_size, "batch_size": setting.batch_size}
    line, ratio = split_arm(arm)
    make: Callable[..., Any] = HeteroSGD
    along, narrow = 0.0, setting.invariant_rank + setting.spurious_rank
    if arm in _COMBINATIONS:
        _, factors = _COMBINATIONS[arm]
        heterogeneity = setting.strong if _SPREAD in factors else setting.weak
        make = HeteroSGD if _PURE in factors else PooledSGD
        if _FACTORED not in factors:
            how |= {"parameterization": "direct", "step_size": setting.direct_step}
        elif _WIDE not in factors:
            how |= {"width": narrow, "init": "gaussian"}
    else:
        along, steps = ratio * setting.lines[line], setting.line_steps
        how |= {"batch_size": None, "init_scale": setting.line_scale}
        if line.startswith("gain"):
            heterogeneity, how["gain"] = float(line.rpartition("= ")[2]), along
        else:
            heterogeneity, how["environments"] = along, int(line.split()[0])
    problem = SensingProblem.two_point(
        dim=setting.dim,
        invariant_rank=setting.invariant_rank,
        spurious_rank=setting.spurious_rank,
        heterogeneity=heterogeneity,
        mean=setting.mean,
        rng=rng,
    )
    path = solve(problem, make(**how), steps=steps, rng=rng)
    ends = settled(path)
    error = np.nan if ends["diverged"] else float(np.mean(path.relative_error[last_third(path)]))
    return {
        "line": line,
        "ratio": ratio,
        "along": along,
        "error": error,
        **ends,
        **slope(path, FAR_WINDOW),
    }


def dividends(values: Mapping[frozenset[str], Floats]) -> dict[frozenset[str], Floats]:
    """Return what every set of factors adds beyond all its parts: its Moebius inverse.

    Parameters
    ----------
    values : mapping of frozenset to array
        Value of each set, of all subsets of the factors.
    """
    return {
        whole: np.sum(
            [
                (-1) ** (len(whole) - size) * values[frozenset(part)]
                for size in range(len(whole) + 1)
                for part in combinations(sorted(whole), size)
            ],
            axis=0,
        )
        for whole in values
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return the errors of all combinations, what each set of factors adds, and the lines."""
    import pandas as pd

    chosen = rows[rows["arm"].isin(_COMBINATIONS)]
    table = quartiles(chosen.groupby("arm", sort=False), ["error"]).reindex(list(_COMBINATIONS))
    errors = [
        {"kind": "error", "what": name, "measured": row["error"], "low": row["error_low"],
         "high": row["error_high"]}
        for name, row in table.iterrows()
    ]  # fmt: skip
    parts = _parts(chosen)
    measured = measured_lines(rows, config.lines, "along")
    return pd.DataFrame([*errors, *parts, *({"kind": "line", **line} for line in measured)])


def _parts(rows: DataFrame) -> list[Row]:
    """Return dividends of the negative log error, mean over repetitions, largest sets last."""
    # one seed a repetition: all combinations meet the same problem, and differences are paired
    errors = rows.pivot(index="repetition", columns="arm", values="error")
    values: dict[frozenset[str], Floats] = {}
    for name, (model, factors) in _COMBINATIONS.items():
        # the width of A itself is no choice
        for known in {factors, factors | {_WIDE}} if model == "A itself" else {factors}:
            values[frozenset(known)] = -np.log(errors[name].to_numpy(dtype=np.float64))
    found = dividends(values)
    # k = d stands for the factored model, and what narrowing it changes is told apart
    told = {
        whole: found[whole] + found[whole | {_WIDE}]
        for whole in found
        if whole and _WIDE not in whole
    }
    total = float(np.mean(sum(told.values())))
    ordered = sorted(
        told, key=lambda whole: (len(whole), [name in whole for name in FACTORS[::-1]])
    )
    widest = max(
        (whole for whole in found if _WIDE in whole), key=lambda whole: abs(found[whole].mean())
    )
    return [
        *(_part("part", whole, told[whole], total) for whole in ordered),
        _part("width", widest, found[widest], total),
    ]


def _part(kind: str, whole: frozenset[str], values: Floats, total: float) -> Row:
    return {
        "kind": kind,
        "what": " x ".join(name for name in FACTORS if name in whole),
        "measured": float(values.mean()),
        "standard_error": float(values.std(ddof=1) / np.sqrt(len(values))),
        "share": float(values.mean()) / total,
    }


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the errors of all combinations, and spurious signals over their lines."""
    chosen = rows[rows["arm"].isin(_COMBINATIONS)]
    split = chosen["arm"].str.split("; ")
    part = summary[summary["kind"] == "part"]
    lines = summary[summary["kind"] == "line"]
    return plot_panels(
        [
            lambda ax: plot_comparison(
                chosen.assign(group=split.str[0], setting=split.str[1]),
                values=("error",),
                xlabel="distance to A*, relative to its norm; mean over the last third of steps",
                title="The interaction of all three factors is "
                f"{percent(float(part['share'].iloc[-1]))} of the effect on the log error",
                ax=ax,
            ),
            lambda ax: plot_signals(
                rows,
                list(config.lines),
                mark="predicted line",
                xlabel="heterogeneity M (or gain) over the predicted line of each",
                title="More environments a batch take more heterogeneity: growth stops within "
                f"{percent(float(lines['deviation'].abs().max()))} of the lines",
                ax=ax,
            ),
        ],
        (6.2, 4.6),
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the interaction, the width, the lines, and how many environments a batch may have."""
    rows = rows_of(summary)
    parts = [row for row in rows if row["kind"] == "part"]
    width = next(row for row in rows if row["kind"] == "width")
    lines = [row for row in rows if row["kind"] == "line"]
    mixed = [row for row in lines if not row["what"].startswith("gain")]
    return (
        *_interaction(parts, config),
        Claim(
            holds=bool(abs(width["share"]) <= config.others),
            sentence="With fresh data width is no ingredient: the largest part that any set of "
            f"factors with it has is {percent(width['share'])} of the effect, up or down (needed: "
            f"at most {percent(config.others)}; {width['what']}).",
        ),
        line_claim(mixed, config.tolerance, "Along M the spurious part stops growing"),
        _purity(mixed, config),
        line_claim(
            [row for row in lines if row["what"].startswith("gain")],
            config.tolerance,
            "Along the gain the spurious part stops growing",
        ),
    )


def _interaction(parts: list[Row], config: Config) -> tuple[Claim, Claim]:
    triple = parts[-1]
    other = max(parts[:-1], key=lambda row: abs(row["share"]))
    total = triple["measured"] / triple["share"]
    runs = f"{config.repetitions} runs of each"
    return (
        Claim(
            holds=bool(triple["share"] >= config.share and total > 0),
            sentence="The interaction of all three factors is "
            f"{percent(triple['share'])} of the whole effect on the log error (needed: "
            f"{percent(config.share)}): {figure(triple['measured'])} ± "
            f"{figure(triple['standard_error'], 1)} (standard error) of {figure(total)}; {runs}.",
        ),
        Claim(
            holds=bool(abs(other["share"]) <= config.others),
            sentence="No factor, and no two, add anything by themselves: the largest part is "
            f"{percent(other['share'])}, up or down (needed: at most {percent(config.others)}; "
            f"{other['what']}).",
        ),
    )


def _purity(mixed: list[Row], config: Config) -> Claim:
    """Judge how many environments a batch may have, from the measured lines."""
    told, right = [], True
    most = len(config.environments)
    for M in config.heterogeneities:
        said = int(critical_environments(M, config.step_size, mean=config.mean))
        seen = sum(bool(row["measured"] < M) for row in mixed)
        right = right and seen == min(said, most)
        thumb = M**2 / critical_heterogeneity(config.step_size, config.mean) ** 2
        told.append(f"{seen} at M = {M:g} (predicted {said}; by the variance alone {thumb:.1f})")
    return Claim(
        holds=right,
        sentence="So many environments a batch may have before the spurious part grows: "
        f"{', '.join(told)} (needed: as predicted at every M).",
    )
