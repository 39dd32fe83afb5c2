"""Where training gets stuck: slow and missed directions, and what width costs on re-used data."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.plots import plot_lines
from elinvar.studies._setting import last_third
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import quartiles, rows_of, side_by_side
from elinvar.studies._types import Axes, DataFrame
from elinvar.theory import escape_steps, reused_data_error, start_amplitudes

QUESTION = 10
TITLE = "Slow and missed directions"
CLAIM = (
    "From a small start all invariant directions are learned: saddles on the way delay it, and "
    "over-parameterisation is there to leave them."
)
AXES = {"case": "cases"}

# of a standard normal number
_MEDIAN_SIZE = 0.674
# at least so much larger is the error of a wide factor on re-used data
_COSTS = 1.5
_ESCAPES, _MISSES, _REUSES = "escape", "missed direction", "re-used data"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of run.

    Parameters
    ----------
    part : {"escape", "missed direction", "re-used data"}
        What is asked.
    extra : int or None
        Columns of the factor beyond r1; None: as many columns as rows.
    condition : float
        Largest over smallest invariant eigenvalue; those between are in equal ratios.
    batch_size : int or None
        None: infinite, or all data of the environment.
    samples : int
        Measurements in each environment that are used again; 0: fresh ones.
    """

    part: str
    extra: int | None
    condition: float = 1.0
    batch_size: int | None = None
    samples: int = 0


# columns of the factor beyond r1
_WIDTHS = {"k = r1": 0, "k = r1 + 1": 1, "k = d": None}


def _cases() -> dict[str, Case]:
    cases = {
        f"{width}, condition {condition:g}": Case(part=_ESCAPES, extra=extra, condition=condition)
        for width, extra in _WIDTHS.items()
        for condition in (1.0, 4.0, 25.0, 80.0)
    }
    cases |= {
        "k = r1, one direction missed": Case(part=_MISSES, extra=0),
        "k = r1 + 1, one direction missed by r1": Case(part=_MISSES, extra=1),
        "k = r1, one direction missed, batches of 20,000": Case(
            part=_MISSES, extra=0, batch_size=20_000
        ),
    }
    return cases | {
        f"{width}, {samples:,} measurements twice": Case(part=_REUSES, extra=extra, samples=samples)
        for width, extra in _WIDTHS.items()
        for samples in (1000, 2500, 6000)
    }


CASES = _cases()


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study: Gaussian starts, two environments.

    Parameters
    ----------
    cases : tuple of str
        Names in `CASES`.
    dim, invariant_rank, spurious_rank, heterogeneity, step_size, init_scale
        Of all runs, but that re-used data has `reused_dim`.
    reused_dim, reused_rank, reused_steps : int
        Of runs on re-used data, both ranks alike.
    patience : int
        Steps that a run with a missed direction may take.
    tolerance, noise_tolerance : float
        Largest deviation of median times, and of mean errors on re-used data, from the predicted
        ones.
    """

    cases: tuple[str, ...] = tuple(CASES)
    dim: int = 24
    invariant_rank: int = 3
    spurious_rank: int = 2
    heterogeneity: float = 7.0
    step_size: float = 0.08
    init_scale: float = 1e-3
    reused_dim: int = 20
    reused_rank: int = 1
    reused_steps: int = 600
    patience: int = 400
    tolerance: float = 0.1
    noise_tolerance: float = 0.1
    repetitions: int = 12
    core_seconds: float = 90.0


QUICK = Config(
    cases=tuple(
        name for name, case in CASES.items() if case.condition < 80 and case.samples < 6000
    ),
    repetitions=6,
    noise_tolerance=0.15,
    core_seconds=12.0,
)


def cell(
    *,
    rng: np.random.Generator,
    case: str,
    repetition: int,
    dim: int,
    invariant_rank: int,
    spurious_rank: int,
    heterogeneity: float,
    step_size: float,
    init_scale: float,
    reused_dim: int,
    reused_rank: int,
    reused_steps: int,
    patience: int,
) -> Row:
    """Run once, and return what is measured and what is predicted of this very start."""
    from elinvar.sensing import HeteroSGD, SensingProblem, solve

    told = CASES[case]
    fresh = told.samples == 0
    if not fresh:
        dim, invariant_rank, spurious_rank = reused_dim, reused_rank, reused_rank
    sigma = np.geomspace(1.0, 1.0 / told.condition, invariant_rank)
    problem = SensingProblem.two_point(
        dim=dim,
        invariant_rank=invariant_rank,
        spurious_rank=spurious_rank,
        heterogeneity=heterogeneity,
        invariant_eigenvalues=sigma,
        rng=rng,
    )
    width = dim if told.extra is None else invariant_rank + told.extra
    start = init_scale * rng.standard_normal((dim, width)) / np.sqrt(width)
    directions = np.linalg.eigh(problem.invariant)[1][:, : -invariant_rank - 1 : -1]
    if told.part == _MISSES:
        missed = directions[:, -1:]
        start[:, :invariant_rank] -= missed @ (missed.T @ start[:, :invariant_rank])
    algorithm = HeteroSGD(step_size=step_size, batch_size=told.batch_size)
    if not fresh:
        problem = problem.sample(told.samples, rng)
        path = solve(problem, algorithm, steps=reused_steps, rng=rng, start=start)
        return {
            "measured": float(np.median(path.error[last_third(path)])),
            "predicted": reused_data_error(
                sigma,
                dim=dim - spurious_rank,
                n_samples=2 * told.samples,
                power=spurious_rank * (heterogeneity**2 + 1.0),
                width=width,
                step_size=step_size,
                steps=reused_steps,
                init_scale=init_scale,
            ),
            "escaped": path.status == "completed",
        }
    own = start_amplitudes(directions.T @ start, sigma)
    if told.batch_size is not None:
        power = invariant_rank + spurious_rank * (heterogeneity**2 + 1.0)
        free = dim - invariant_rank - spurious_rank
        own[-1] = _noise_start(told.batch_size, free, width, power, step_size, init_scale)
    predicted = max(escape_steps(s, step_size, a) for s, a in zip(sigma, own, strict=True))
    steps = patience if told.part == _MISSES else int(1.5 * predicted) + 200
    path = solve(problem, algorithm, steps=steps, rng=rng, start=start, dtype="float64")
    # once all others are learned, half of the slowest eigenvalue is all that is missing
    there = np.flatnonzero(path.error <= 0.5 * sigma[-1])
    return {
        "measured": float(path.steps[there[0]]) if len(there) else np.inf,
        "predicted": predicted,
        "escaped": bool(len(there)),
    }


def _noise_start(
    batch_size: int, free: int, width: int, power: float, step_size: float, init_scale: float
) -> float:
    """Return the start that sampling noise gives to a direction without one (median).

    Docs/theory-matrix.md, section 16: each step adds noise of the start's own free directions,
    which then grows as a start would.
    """
    kick = step_size * np.sqrt(power / batch_size / 2) * init_scale * np.sqrt(free / width)
    return float(_MEDIAN_SIZE * kick / np.sqrt((1.0 + step_size) ** 2 - 1.0))


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return, of each case, what is measured beside what is predicted of the same starts."""
    import pandas as pd

    lines = []
    for name in config.cases:
        mine, told = rows[rows["case"] == name], CASES[name]
        typical = "mean" if told.part == _REUSES else "median"
        measured, predicted = (float(mine[c].agg(typical)) for c in ("measured", "predicted"))
        # what is predicted never to happen, and does not, has no deviation
        found = mine[np.isfinite(mine["predicted"]) & np.isfinite(mine["measured"])]
        off = (found["measured"] / found["predicted"] - 1.0).to_numpy(dtype=np.float64)
        lines.append(
            {
                "part": told.part,
                "case": name,
                "measured": measured,
                "predicted": predicted,
                "deviation": measured / predicted - 1.0 if len(off) else np.nan,
                "worst_run": max(off, key=abs, default=np.nan),
                "escaped": int(mine["escaped"].sum()),
                "runs": len(mine),
            }
        )
    return pd.DataFrame(lines)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the steps to escape against the condition, a line of the picture each width."""
    mine = rows[rows["case"].map(lambda name: CASES[name].part == _ESCAPES)]
    mine = mine.assign(
        condition=mine["case"].map(lambda name: CASES[name].condition),
        width=mine["case"].str.split(",").str[0],
    )
    by_width = mine.groupby(["width", "condition"], sort=False)
    table = quartiles(by_width, ["measured", "predicted"]).unstack("width")
    worst = float(summary[summary["part"] == _ESCAPES]["deviation"].abs().max())
    return plot_lines(
        side_by_side(table, "measured", {width: width for width in _WIDTHS})
        | {"condition": table.index, "predicted": table["predicted"]["k = r1"]},
        "condition",
        {
            "k = r1": "as many columns as directions (k = r1)",
            "k = r1 + 1": "one column more (k = r1 + 1)",
            "k = d": "as many columns as rows (k = d)",
        },
        predicted="predicted, k = r1",
        xlabel="condition: largest over smallest invariant eigenvalue",
        ylabel="steps until all are half learned, infinite batches",
        log_y=True,
        title=f"Saddles delay as predicted: median steps within {percent(worst)} of theory",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge times, missed directions and re-used data."""
    rows = {row["case"]: row for row in rows_of(summary)}
    parts = {
        part: [row for row in rows.values() if row["part"] == part]
        for part in (_ESCAPES, _MISSES, _REUSES)
    }
    stuck, wider, noisy = parts[_MISSES]
    return (
        _times(parts[_ESCAPES], config),
        _stuck(stuck, config),
        _freed(wider, "With one column more", config),
        _freed(noisy, "Sampling noise frees k = r1", config),
        _noise(parts[_REUSES], config),
        _costs(parts[_REUSES], config),
    )


def _times(rows: list[Row], config: Config) -> Claim:
    worst = max(rows, key=lambda row: abs(row["deviation"]))
    slow = max(rows, key=lambda row: row["predicted"])
    run = max((row["worst_run"] for row in rows), key=abs)
    escaped, runs = (sum(row[key] for row in rows) for key in ("escaped", "runs"))
    return Claim(
        holds=bool(abs(worst["deviation"]) <= config.tolerance and escaped == runs),
        sentence=f"{escaped} of {runs} runs learn all directions (needed: all), in median steps "
        f"within {percent(abs(worst['deviation']))} of the prediction (needed: "
        f"{percent(config.tolerance)}), such as {slow['measured']:,.0f} where "
        f"{slow['predicted']:,.0f} are predicted ({slow['case']}); the worst single run is "
        f"{percent(abs(run))} off.",
    )


def _stuck(row: Row, config: Config) -> Claim:
    return Claim(
        holds=bool(row["escaped"] == 0),
        sentence=f"A start of r1 columns that misses one direction is stuck: {row['escaped']} of "
        f"{row['runs']} runs learn it in {config.patience} steps of infinite batches (needed: 0).",
    )


def _freed(row: Row, what: str, config: Config) -> Claim:
    off = abs(row["deviation"])
    return Claim(
        holds=bool(row["escaped"] == row["runs"] and off <= config.tolerance),
        sentence=f"{what}: {row['escaped']} of {row['runs']} runs learn it (needed: all), after "
        f"{row['measured']:.0f} steps (median), {row['predicted']:.0f} predicted (needed: within "
        f"{percent(config.tolerance)}).",
    )


def _noise(rows: list[Row], config: Config) -> Claim:
    worst = max(rows, key=lambda row: abs(row["deviation"]))
    return Claim(
        holds=bool(abs(worst["deviation"]) <= config.noise_tolerance),
        sentence="On data that are used again the error is within "
        f"{percent(abs(worst['deviation']))} of the prediction (worst of {len(rows)} means over "
        f"{worst['runs']} runs, {worst['case']}: {figure(worst['measured'])}, predicted "
        f"{figure(worst['predicted'])}; needed: {percent(config.noise_tolerance)}).",
    )


def _costs(rows: list[Row], config: Config) -> Claim:
    narrow, wide = (
        [row for row in rows if row["case"].startswith(f"{width},")]
        for width in ("k = r1", "k = d")
    )
    least = min(b["measured"] / a["measured"] for a, b in zip(narrow, wide, strict=True))
    return Claim(
        holds=bool(least >= _COSTS),
        sentence=f"There width costs: with as many columns as rows the error is at least "
        f"{figure(least)} times that of k = r1 (means over {wide[0]['runs']} runs; needed: "
        f"{_COSTS:g}).",
    )
