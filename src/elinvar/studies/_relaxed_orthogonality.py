"""What an angle between the invariant and the spurious subspace costs, and where A* itself dies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import quartiles, rows_of, side_by_side
from elinvar.studies._transition import Transition, slope, transition, transition_claim
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import critical_heterogeneity, predict_outcome, tilt_response

QUESTION = 2
TITLE = "When the spurious part leans into the invariant one"
CLAIM = "The invariant and the spurious subspace have to be nearly orthogonal."
AXES = {"case": "cases"}

_ANGLES = (1.0, 3.0, 7.0, 12.0, 20.0, 30.0, 45.0, 60.0)
# the angle at which the line is shown to fail
_STEEP = 45.0
# errors count from this share of the steps on
_SETTLED = 1 / 6
# standard error of a median of normal values over that of their mean
_OF_MEDIAN = 1.25
_RATIOS = (0.82, 0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.13, 1.18)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One problem.

    Parameters
    ----------
    part : str
        What varies beside its neighbours.
    step_size, heterogeneity : float
        Of HeteroSGD, and of the environments.
    angle : float
        Of all spurious directions, in degrees.
    shared : int
        Directions that belong to both subspaces; if all are, there is but one of each kind.
    """

    part: str
    step_size: float
    heterogeneity: float
    angle: float = 0.0
    shared: int = 0


def _cases() -> dict[str, Case]:
    """Return all cases by name.

    With orthogonal subspaces the spurious part dies in all of them; at a heterogeneity of 6 and a
    step of 0.06 only just: the critical heterogeneity is 5.86.
    """
    cases = {}
    for M, step_size in ((7.0, 0.06), (7.0, 0.1), (4.6, 0.16), (6.0, 0.06)):
        part = f"M = {M:g}, step size {step_size:g}"
        for angle in _ANGLES:
            cases[f"{part}, {angle:g} degrees"] = Case(
                part=part, step_size=step_size, heterogeneity=M, angle=angle
            )
    for step_size in (0.05, 0.08, 0.1):
        part, line = f"one direction, shared, step size {step_size:g}", _dies_from(step_size)
        for ratio in _RATIOS:
            cases[f"{part}, {ratio:g} of the line"] = Case(
                part=part, step_size=step_size, heterogeneity=ratio * line, angle=90.0, shared=1
            )
    part = "one direction of three, shared"
    for step_size in (0.05, 0.08, 0.1):
        cases[f"{part}, step size {step_size:g}"] = Case(
            part=part, step_size=step_size, heterogeneity=1.2 * _dies_from(step_size), shared=1
        )
    return cases


def _dies_from(step_size: float) -> float:
    # a direction of both has the eigenvalue 1 + s_e in environment e, whose mean is 2
    return critical_heterogeneity(step_size, 2.0)


CASES = _cases()
_QUICK_PARTS = ("M = 7, step size 0.1", "one direction, shared, step size 0.1")
_NEAR, _SOME = "M = 6, step size 0.06", "one direction of three, shared"


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study; batches are infinite.

    Parameters
    ----------
    cases : tuple of str
        Names in `CASES`.
    dim, invariant_rank, spurious_rank, steps
        Of all runs but those in which one direction is all there is.
    straight : float
        Angle in degrees up to which the error is said to be a line.
    tolerance, rehearsed, line_tolerance : float
        Largest deviation of its slope, of the error at a steep angle from that of rehearsals, and
        of the line from which a shared direction dies.
    """

    cases: tuple[str, ...] = tuple(CASES)
    dim: int = 12
    invariant_rank: int = 3
    spurious_rank: int = 2
    steps: int = 6000
    straight: float = 20.0
    tolerance: float = 0.15
    rehearsed: float = 0.1
    line_tolerance: float = 0.05
    repetitions: int = 20
    core_seconds: float = 10.0


QUICK = Config(
    cases=tuple(name for name, case in CASES.items() if case.part in (*_QUICK_PARTS, _SOME, _NEAR)),
    steps=4000,
    repetitions=8,
    tolerance=0.2,
    rehearsed=0.15,
    core_seconds=3.0,
)


def cell(
    *,
    rng: np.random.Generator,
    case: str,
    repetition: int,
    dim: int,
    invariant_rank: int,
    spurious_rank: int,
    steps: int,
) -> Row:
    """Run one case, and return the median error, and the growth of what A* has left."""
    from elinvar.sensing import HeteroSGD, SensingProblem, solve

    told = CASES[case]
    alone = told.angle == 90.0
    angles = np.full(1 if alone else spurious_rank, np.deg2rad(told.angle))
    angles[: told.shared] = np.pi / 2
    problem = SensingProblem.two_point(
        dim=4 if alone else dim,
        invariant_rank=1 if alone else invariant_rank,
        spurious_rank=1 if alone else spurious_rank,
        heterogeneity=told.heterogeneity,
        angle=angles,
        rng=rng,
    )
    algorithm = HeteroSGD(step_size=told.step_size, batch_size=None)
    path = solve(problem, algorithm, steps=steps, rng=rng)
    # medians: at equal eigenvalues the stationary amplitude has no mean
    return {
        "heterogeneity": told.heterogeneity,
        "error": float(np.median(path.relative_error[int(_SETTLED * len(path.steps)) :])),
        "diverged": path.status == "diverged",
        **slope(path, signal="invariant_signal"),
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return, of each part, what is measured and what theory says.

    Of leaning directions the slope of the error against the angle in radians, and errors at single
    angles beside those of rehearsals, which solve the reduced problem; of a direction that is all
    there is, the heterogeneity from which it dies; of one in three, the error.
    """
    import pandas as pd

    parts: dict[str, list[str]] = {}
    for name in config.cases:
        parts.setdefault(CASES[name].part, []).append(name)
    lines = []
    for part, names in parts.items():
        mine, told = rows[rows["case"].isin(names)], CASES[names[0]]
        if told.angle == 90.0:
            found = transition(mine, "heterogeneity")
            line = _line(part, _dies_from(told.step_size), found.at, found.error)
        elif told.shared:
            error = mine.groupby("repetition")["error"].median()
            gone = float(np.sqrt(told.shared / config.invariant_rank))
            line = _line(part, gone, *_typical(error.to_numpy()))
        else:
            line = _leaning(part, mine, config)
        lines.append(line | {"diverged": int(mine["diverged"].sum())})
    return pd.DataFrame(lines)


def _line(part: str, predicted: float, measured: float, error: float) -> dict[str, Any]:
    return {
        "part": part,
        "predicted": predicted,
        "measured": measured,
        "standard_error": error,
        "deviation": measured / predicted - 1.0,
    }


def _typical(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median over runs, and its standard error."""
    return float(np.median(values)), float(_OF_MEDIAN * np.std(values) / np.sqrt(len(values)))


def _leaning(part: str, rows: DataFrame, config: Config) -> dict[str, Any]:
    table = rows.pivot(index="repetition", columns="case", values="error")
    table.columns = [CASES[name].angle for name in table.columns]
    straight = np.array(
        [angle for angle in sorted(map(float, table.columns)) if angle <= config.straight]
    )
    x = np.deg2rad(straight)
    # every angle counts alike: the line is one of relative errors
    slopes = (table[straight].to_numpy(dtype=np.float64) / x).mean(axis=1)
    told = CASES[rows["case"].iloc[0]]
    per_radian = _slope(told, config)
    middle = table.median()
    return {
        **_line(part, per_radian, *_typical(slopes)),
        "over_line_first": float(middle[straight[0]] / (per_radian * x[0]) - 1.0),
        "over_line_last": float(middle[straight[-1]] / (per_radian * x[-1]) - 1.0),
        "steep": float(middle[_STEEP]),
        "steep_line": per_radian * float(np.deg2rad(_STEEP)),
        "steep_rehearsed": _rehearsed(told, config),
    }


def _slope(told: Case, config: Config) -> float:
    """Return the predicted relative error a radian."""
    M, leaning = told.heterogeneity, min(config.spurious_rank, config.invariant_rank)
    c = tilt_response([1.0 + M, 1.0 - M], told.step_size)
    # each of r1 equal directions is a share of A*, and those that are leant on err together
    return float(np.sqrt(2.0 * leaning / config.invariant_rank) * c)


def _rehearsed(told: Case, config: Config) -> float:
    """Return the error that 32 runs in the span of both subspaces end with at the steep angle."""
    from elinvar.sensing import HeteroSGD, SensingProblem

    problem = SensingProblem.two_point(
        dim=config.dim,
        invariant_rank=config.invariant_rank,
        spurious_rank=config.spurious_rank,
        heterogeneity=told.heterogeneity,
        angle=np.deg2rad(_STEEP),
        rng=0,
    )
    algorithm = HeteroSGD(step_size=told.step_size, batch_size=None)
    return predict_outcome(problem, algorithm, config.steps).relative_error


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the error against the angle, a line of the picture each heterogeneity and step size."""
    leaning = [name for name in config.cases if 0.0 < CASES[name].angle < 90.0]
    mine = rows[rows["case"].isin(leaning)]
    mine = mine.assign(
        angle=mine["case"].map(lambda name: CASES[name].angle),
        part=mine["case"].map(lambda name: CASES[name].part),
    )
    table = quartiles(mine.groupby(["part", "angle"], sort=False), ["error"]).unstack("part")
    parts = {part: part for part in mine["part"]}
    first = next(iter(parts))
    slope_of_first = summary.set_index("part")["predicted"][first]
    return plot_lines(
        side_by_side(table, "error", parts)
        | {"angle": table.index, "predicted": slope_of_first * np.deg2rad(table.index)},
        "angle",
        parts,
        predicted=f"predicted line, {first}",
        xlabel="angle by which the spurious part leans into the invariant one (degrees)",
        ylabel="distance to A* over the norm of A*, infinite batches",
        log_y=True,
        title="The error grows with the angle from 0 on: there is no threshold",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge the slopes, what comes beyond, and what is shared."""
    rows = rows_of(summary)
    leaning = [row for row in rows if not np.isnan(row["steep"])]
    others = [row for row in rows if np.isnan(row["steep"])]
    alone = [row for row in others if row["part"] != _SOME]
    return (
        *(_straight(row, config) for row in leaning),
        _from_zero(leaning, config),
        _beyond(leaning, config),
        *(_dies(row, config) for row in alone),
        *(_some(row, config) for row in others if row["part"] == _SOME),
    )


def _straight(row: Row, config: Config) -> Claim:
    off = abs(row["deviation"])
    near = " (just beyond its critical heterogeneity)" if row["part"] == _NEAR else ""
    return Claim(
        holds=bool(off <= config.tolerance),
        sentence=f"{row['part']}{near}: up to {config.straight:g} degrees the relative error is "
        f"{figure(row['measured'])} ± {figure(row['standard_error'], 1)} a radian (median of "
        f"{config.repetitions} runs); predicted {figure(row['predicted'])}, a deviation of "
        f"{percent(row['deviation'], 3)} (needed: within {percent(config.tolerance)}).",
    )


def _from_zero(rows: list[Row], config: Config) -> Claim:
    worst = max((row["over_line_first"] for row in rows), key=abs)
    last = max((row["over_line_last"] for row in rows), key=abs)
    return Claim(
        holds=bool(abs(worst) <= config.tolerance),
        sentence=f"There is no threshold: at {_ANGLES[0]:g} degree the error is within "
        f"{percent(abs(worst))} of the line already (medians of "
        f"{config.repetitions} runs; needed: {percent(config.tolerance)}). At "
        f"{config.straight:g} degrees it is up to {percent(abs(last))} off: large steps bend it.",
    )


def _beyond(rows: list[Row], config: Config) -> Claim:
    told = "; ".join(
        f"{row['part']}: {figure(row['steep'])}, line {figure(row['steep_line'])}, rehearsed "
        f"{figure(row['steep_rehearsed'])}"
        for row in rows
    )
    off = max(abs(row["steep"] / row["steep_rehearsed"] - 1.0) for row in rows)
    return Claim(
        holds=bool(off <= config.rehearsed),
        sentence=f"At {_STEEP:g} degrees, where the line is not sharp, rehearsals of the reduced "
        f"problem say the error within {percent(off)} (needed: {percent(config.rehearsed)}); "
        f"measured, medians of {config.repetitions} runs: {told}.",
    )


def _dies(row: Row, config: Config) -> Claim:
    part = f"{row['part'][0].upper()}{row['part'][1:]}"
    where = f"{part}: A* itself dies, by the slopes of {config.repetitions} runs a point, from M ="
    return transition_claim(
        Transition(at=row["measured"], error=row["standard_error"]),
        row["predicted"],
        config.line_tolerance,
        where=where,
        nowhere=f"{where} nowhere near the predicted {figure(row['predicted'])}",
    )


def _some(row: Row, config: Config) -> Claim:
    off = abs(row["deviation"])
    return Claim(
        holds=bool(off <= config.line_tolerance),
        sentence=f"Beyond that line only what is shared is lost: with one direction of "
        f"{config.invariant_rank} shared, the error is {figure(row['measured'])} (median of "
        f"{config.repetitions} runs a step size); predicted "
        f"sqrt(1/{config.invariant_rank}) = {figure(row['predicted'])} (needed: within "
        f"{percent(config.line_tolerance)}).",
    )
