"""From a table to a file of its moments, which holds no row."""

from pathlib import Path

from elinvar._base._numbers import counted
from elinvar.cli._console import Printer, progress
from elinvar.cli._source import MOMENTS, Source, check_outputs
from elinvar.errors import FileError


def run(
    source: Source, *, out: Path, min_count: int, exclude_environments: list[str] | None
) -> None:
    """Read, check that no count is too small, write, and say what the file reveals."""
    if not out.name.endswith(MOMENTS):
        raise FileError(f"{out} must end in {MOMENTS}, by which elinvar fit knows it.")
    check_outputs(source.data, out)
    with progress("Reading ..."):
        found = source.moments()
    if exclude_environments:
        found = found.exclude(exclude_environments)
    found.check_counts(min_count)
    found.save(out)
    printer = Printer()
    columns = counted(found.n_columns + 1, "column")
    printer.text(
        f"Moments of {counted(found.n_rows, 'row')} in "
        f"{counted(found.n_environments, 'environment')}: {out}"
    )
    printer.text(
        f"The file holds, of each environment, its number of rows and the means, variances and "
        f"covariances of {columns}; and the names of environments, columns and levels. It holds no "
        f"row. No environment, and no level in one, has fewer than {counted(min_count, 'row')}."
    )
    printer.flush()
