"""Running suites: the cells that are missing, then tables."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from elinvar._base import atomic_save, check_writable
from elinvar._base._words import check_names
from elinvar.baselines import BASELINES
from elinvar.bench._cell import cell
from elinvar.bench._paired import Ranking, rank
from elinvar.bench._real import by_table, over_tables
from elinvar.bench._statements import claims_cell, where
from elinvar.bench._suites import ALWAYS, SUITES, Suite
from elinvar.bench._summary import measured, one_forecast, scores, summarise, verdicts
from elinvar.bench._targets import targets
from elinvar.datasets import read_specs, table_specs
from elinvar.errors import DataError, FileError
from elinvar.sweeps import Sweep, run_sweep

if TYPE_CHECKING:
    from pandas import DataFrame

Progress = Callable[[str, int, int, float | None], object]


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchResult:
    """What was measured.

    Attributes
    ----------
    suites : tuple of Suite
        In the order of the tables.
    rows : DataFrame
        A row a method and data set.
    by_problem, by_suite : DataFrame
        A row a method and problem, or suite and task.
    verdicts : DataFrame
        What elinvar says of features, against the truth.
    targets : DataFrame
        What elinvar is held to, and whether it gets there.
    ranking : Ranking, or None
        Over all problems that count; None if they are too few.
    by_table, over_tables : DataFrame
        A row a method and real table, or a method and kind of target: errors over those of least
        squares or logistic regression.
    claims : DataFrame, or None
        A row a verdict and environment that the model had not seen; None without real tables.
    quick : bool
        Whether this was a short run.
    seconds : float
        How long this run took; cells that were finished before took none of it.
    """

    suites: tuple[Suite, ...]
    rows: "DataFrame"
    by_problem: "DataFrame"
    by_suite: "DataFrame"
    verdicts: "DataFrame"
    targets: "DataFrame"
    ranking: Ranking | None
    by_table: "DataFrame"
    over_tables: "DataFrame"
    claims: "DataFrame | None"
    quick: bool
    seconds: float


def choose_suites(names: Sequence[str] = ()) -> tuple[Suite, ...]:
    """Return the suites of these names, in their order; all if there are none.

    Parameters
    ----------
    names : sequence of str

    Raises
    ------
    DataError
        If a name is not known.
    """
    check_names(names, list(SUITES), "suite")
    return tuple(suite for name, suite in SUITES.items() if not names or name in names)


def choose_methods(names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the methods of these names and those of every table; all if there are none.

    Parameters
    ----------
    names : sequence of str

    Raises
    ------
    DataError
        If a name is not known.
    """
    check_names(names, list(BASELINES), "method")
    return tuple(name for name in BASELINES if not names or name in (*ALWAYS, *names))


def sweep_of(
    suite: Suite, methods: Sequence[str], seeds: int | None, *, quick: bool, tables: str = ""
) -> Sweep:
    """Return the grid of a suite: the same data for all methods.

    Parameters
    ----------
    suite : Suite
    methods : sequence of str
    seeds : int, optional
        Repetitions of each problem; by default the suite's.
    quick : bool
        A short run.
    tables : str
        Specifications of real tables to run in place of this package's.

    Returns
    -------
    Sweep
    """
    from elinvar._base._version import __version__

    usual = suite.quick_seeds if quick else suite.seeds
    tables = tables if suite.real else ""
    problems = tuple(table_specs(tables)) if tables else suite.shown(quick=quick)
    return Sweep(
        name="bench",
        function=cell,
        axes={
            "problem": problems,
            "method": tuple(methods),
            "repetition": range(usual if seeds is None else seeds),
        },
        problem=("problem",),  # and not the method: all of them see the same data
        fixed={
            "suite": suite.name,
            "quick": quick,
            "limit": suite.limit,
            "version": __version__,
            "tables": tables,
        },
    )


def claims_sweep(
    suite: Suite, seeds: int | None, *, quick: bool, tables: str = "", simulated: bool = False
) -> Sweep:
    """Return the grid on which verdicts are held against environments left out.

    Parameters
    ----------
    suite : Suite
        Of real tables.
    seeds : int, optional
        Repetitions of each problem; by default the suite's.
    quick : bool
        A short run.
    tables : str
        Specifications of real tables to run in place of this package's.
    simulated : bool
        On generated problems in place of real tables.

    Returns
    -------
    Sweep
    """
    from elinvar._base._version import __version__

    usual = suite.quick_seeds if quick else suite.simulated_seeds if simulated else suite.seeds
    problems = tuple(table_specs(tables)) if tables else suite.shown(quick=quick)
    if simulated:
        problems = suite.simulated[:1] if quick else suite.simulated
    return Sweep(
        name="statements",
        function=claims_cell,
        axes={"problem": problems, "repetition": range(usual if seeds is None else seeds)},
        problem=("problem",),
        fixed={
            "version": __version__,
            "tables": "" if simulated else tables,
            "simulated": simulated,
        },
    )


def run_bench(
    suites: Sequence[str] = (),
    *,
    methods: Sequence[str] = (),
    seeds: int | None = None,
    workers: int | None = 1,
    quick: bool = False,
    tables: Sequence[Path] = (),
    out: Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> BenchResult:
    """Run suites, or what an earlier run has left of them, and make the tables.

    Parameters
    ----------
    suites : sequence of str, optional
        Names in `SUITES`; all by default.
    methods : sequence of str, optional
        Names in `elinvar.baselines.BASELINES`; all by default. constant, pooled, oracle,
        elinvar-auto and elinvar-invariant are in every table.
    seeds : int, optional
        Repetitions of each problem; slow methods run fewer. By default the suite's.
    workers : int, optional
        Cells that run at the same time, each in a process of its own; None for one a core.
    quick : bool
        Fewer problems and seeds, and no slow methods.
    tables : sequence of path, optional
        Files of specifications, as `elinvar.datasets.read_specs` takes them: real tables in place
        of this package's. One that cannot be read is told by its name.
    out : path, optional
        A folder that exists. The rows of a suite go to ``SUITE.parquet``, where a run that was
        interrupted goes on; tables to ``rows.parquet`` and ``summary.parquet``.
    resume : bool
        Go on with what the folder holds; if not, a folder with results of these suites is refused.
    progress : callable, optional
        Called with the suite's name, its cells done, all of them, and the seconds left in it if
        they are known.

    Returns
    -------
    BenchResult
        Rows and tables.

    Raises
    ------
    DataError
        If a name is not known, or tables are given and no suite of real tables is run.
    FileError
        If the folder cannot be written to, or holds results of other settings.

    Examples
    --------
    >>> from elinvar.bench import run_bench
    >>> found = run_bench(["unit-tests"], methods=["pooled"], seeds=1, quick=True)
    >>> sorted(set(found.rows["method"]))
    ['constant', 'elinvar-auto', 'elinvar-invariant', 'oracle', 'pooled']
    """
    import pandas as pd

    started = time.perf_counter()
    chosen, names = choose_suites(suites), choose_methods(methods)
    specs = read_specs(*tables) if tables else ""
    if specs and not any(suite.real for suite in chosen):
        raise DataError("Tables are given, but no suite of real ones is run; add the suite tables.")
    sweeps = {
        stem: sweep
        for suite in chosen
        for stem, sweep in _sweeps(
            suite, names if methods else suite.methods or names, seeds, quick, specs
        )
    }
    files = {stem: _file(stem, out, quick) for stem in sweeps}
    if not resume:
        _refuse_results([path for path in files.values() if path is not None])
    parts: dict[str, DataFrame] = {}
    for stem, sweep in sweeps.items():
        parts[stem] = run_sweep(
            sweep,
            out=files[stem],
            workers=workers,
            backend="processes",
            progress=None if progress is None else partial(progress, stem),
        )
    rows = [parts.pop(suite.name).assign(suite=suite.name) for suite in chosen]
    checked = [part.assign(where=where(part, stem)) for stem, part in parts.items() if len(part)]
    result = result_of(
        chosen,
        pd.concat(rows, ignore_index=True),
        pd.concat(checked, ignore_index=True) if checked else None,
        quick=quick,
        tables=specs,
    )
    result = replace(result, seconds=time.perf_counter() - started)
    if out is not None:
        _write(result, Path(out))
    return result


def result_of(
    suites: Sequence[Suite],
    rows: "DataFrame",
    claims: "DataFrame | None" = None,
    *,
    quick: bool = False,
    tables: str = "",
) -> BenchResult:
    """Return the tables of rows that were run.

    Parameters
    ----------
    suites : sequence of Suite
    rows : DataFrame
        Of the cells, with a column ``suite``.
    claims : DataFrame, optional
        Of verdicts on environments left out, with a column ``where``.
    quick : bool
        Whether it was a short run.
    tables : str
        Specifications of the real tables, if not this package's.

    Returns
    -------
    BenchResult
    """
    rows = measured(rows)
    ranked = rows[rows["suite"].isin([suite.name for suite in suites if suite.ranked])]
    real = rows[rows["suite"].isin([suite.name for suite in suites if suite.real])]
    specs = table_specs(tables or None)
    read = by_table(real, specs)
    if claims is not None:
        years = [name for name, spec in specs.items() if spec.by_year]
        claims = claims.assign(by_year=claims["problem"].isin(years))
    over = over_tables(read)
    by_problem = summarise(rows, ("suite", "task", "problem"))
    return BenchResult(
        suites=tuple(suites),
        rows=rows,
        by_problem=by_problem,
        by_suite=summarise(rows, ("suite", "task")),
        verdicts=verdicts(rows),
        targets=targets(rows, over, claims),
        ranking=rank(scores(one_forecast(ranked))) if len(ranked) else None,
        by_table=read,
        over_tables=over,
        claims=claims,
        quick=quick,
        seconds=0.0,
    )


def _sweeps(
    suite: Suite, methods: Sequence[str], seeds: int | None, quick: bool, tables: str
) -> Iterator[tuple[str, Sweep]]:
    """Yield the grids of a suite, each with the name of its file."""
    yield suite.name, sweep_of(suite, methods, seeds, quick=quick, tables=tables)
    if suite.real:
        yield f"{suite.name}-statements", claims_sweep(suite, seeds, quick=quick, tables=tables)
        yield f"{suite.name}-simulated", claims_sweep(suite, seeds, quick=quick, simulated=True)


def _file(stem: str, out: Path | None, quick: bool) -> Path | None:
    ending = "-quick" if quick else ""
    return None if out is None else check_writable(Path(out) / f"{stem}{ending}.parquet")


def _refuse_results(files: Sequence[Path]) -> None:
    for path in files:
        begun = path.with_name(f".{path.name}.partial.sqlite")
        if path.exists() or begun.exists():
            raise FileError(
                f"{path.parent} holds {'results' if path.exists() else 'an interrupted run'} of "
                f"{path.stem}; add --resume to go on with them, or give another folder."
            )


def _write(result: BenchResult, folder: Path) -> None:
    for name, frame in (
        ("rows", result.rows),
        ("summary", result.by_problem),
        ("suites", result.by_suite),
        ("verdicts", result.verdicts),
        ("targets", result.targets),
        ("by-table", result.by_table),
    ):
        if len(frame):
            atomic_save(folder / f"{name}.parquet", frame.to_parquet)
