"""From rows to summaries, and from summaries to what judges read."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from elinvar.studies._study import Row
from elinvar.studies._types import DataFrame

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy


def quartiles(
    groups: "DataFrameGroupBy[Any, Any]",
    names: Sequence[str],
    *,
    ends: tuple[float, float] = (0.25, 0.75),
) -> DataFrame:
    """Return, for each group, its ``runs`` and of each column the median and both quartiles.

    Other quantiles than the quartiles if ``ends`` says so: 0 and 1 are the least and the largest.
    """
    table: DataFrame = groups.size().rename("runs").to_frame()
    for name in names:
        for end, quantile in (("", 0.5), ("_low", ends[0]), ("_high", ends[1])):
            table[f"{name}{end}"] = groups[name].quantile(quantile)
    return table


def side_by_side(table: Any, name: str, lines: Mapping[str, Any]) -> dict[str, object]:
    """Return the columns of ``plot_lines`` from `quartiles` of one column, unstacked.

    Parameters
    ----------
    table : DataFrame
        Whose columns have a second level.
    name : str
        The column of which there are quartiles.
    lines : mapping of str to object
        What columns are to be called, and the value of each on the second level.
    """
    return {
        f"{line}{end}": table[f"{name}{end}"][value]
        for line, value in lines.items()
        for end in ("", "_low", "_high")
    }


def rows_of(summary: DataFrame) -> list[Row]:
    """Return the rows of a summary, each a mapping from its columns."""
    return [{str(name): value for name, value in row.items()} for row in summary.to_dict("records")]
