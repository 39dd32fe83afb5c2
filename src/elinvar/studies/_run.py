"""Running a study: the cells that are missing, then table, picture and verdict."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elinvar._base import atomic_write, check_writable
from elinvar.errors import MissingExtraError
from elinvar.report import write_picture
from elinvar.studies._study import C, Claim, Study, StudyConfig, install_command
from elinvar.studies._types import Axes, DataFrame
from elinvar.sweeps import run_sweep

Progress = Callable[[int, int, float | None], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    study : Study
        What was asked.
    config : StudyConfig
        With which settings.
    stem : str
        What its files begin with: the study's name, or that and ``-quick``.
    rows : DataFrame
        The outcomes of all cells.
    summary : DataFrame
        What is printed and judged.
    axes : Axes
        The picture.
    claims : tuple of Claim
        What follows from the summary.
    seconds : float
        How long this run took; cells that were finished before took none of it.
    """

    study: Study[Any]
    config: StudyConfig
    stem: str
    rows: DataFrame
    summary: DataFrame
    axes: Axes
    claims: tuple[Claim, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every claim does."""
        return all(claim.holds for claim in self.claims)


def run_study(
    study: Study[C],
    config: C | None = None,
    *,
    out: Path | None = None,
    workers: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> StudyResult:
    """Run the cells of a study that are not finished, and judge.

    Parameters
    ----------
    study : Study
        One of `STUDIES`, or your own.
    config : StudyConfig, optional
        Its settings; by default those of the whole study.
    out : path, optional
        A folder that exists. The rows go to ``NAME.parquet``, where a run that was interrupted
        goes on; the summary to ``NAME-summary.csv``, the picture to ``NAME.png``. Those of the
        short settings begin with ``NAME-quick``.
    workers : int
        Cells that run at the same time.
    cluster : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``, to run the cells there.
    progress : callable, optional
        Called with the cells done, all cells, and the seconds left if they are known.

    Returns
    -------
    StudyResult
        Rows, summary, picture and claims.

    Raises
    ------
    MissingExtraError
        If it needs optional packages that are not installed.
    FileError
        If the folder cannot be written to, or holds the rows of other settings.

    Examples
    --------
    >>> from elinvar.studies import STUDIES, run_study
    >>> study = STUDIES["trajectories"]
    >>> run_study(study, study.quick).holds
    True
    """
    if study.missing:
        raise MissingExtraError(
            f"The study {study.name!r} needs optional packages that are not installed. Install "
            f"them with: {install_command([study])}"
        )
    started = time.perf_counter()
    config = study.full if config is None else config
    stem = f"{study.name}-quick" if config == study.quick else study.name
    rows_file = None if out is None else check_writable(Path(out) / f"{stem}.parquet")
    rows = run_sweep(
        study.sweep(config),
        out=rows_file,
        workers=workers,
        backend=study.backend,
        cluster=cluster,
        progress=progress,
    )
    summary = study.summarise(rows, config)
    axes = study.picture(rows, summary, config)
    result = StudyResult(
        study=study,
        config=config,
        stem=stem,
        rows=rows,
        summary=summary,
        axes=axes,
        claims=study.judge(summary, config),
        seconds=time.perf_counter() - started,
    )
    if out is not None:
        _write(result, Path(out))
    return result


def _write(result: StudyResult, folder: Path) -> None:
    with atomic_write(folder / f"{result.stem}-summary.csv") as file:
        result.summary.to_csv(file, index=False)
    write_picture(result.axes, folder / f"{result.stem}.png")
