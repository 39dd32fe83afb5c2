"""Columns that say nothing but where a row stands: without a name, or an index of pandas."""

from collections.abc import Iterable

import numpy as np

from elinvar._base._voice import option
from elinvar._base._warn import warn
from elinvar._base._words import listed
from elinvar.environments._rows import Rows

_COUNTERS = {"id", "index", "level_0", "no", "nr", "obs", "row", "row.names", "rowid", "rownames"}
_ENOUGH = 10


def warn_of_index(names: Iterable[str]) -> None:
    """Say which columns are no features because they have no name, or were an index."""
    shown = [repr(name) if name.strip() else "one without a name" for name in names]
    if shown:
        many = len(shown) > 1
        warn(
            f"{listed(shown)} {'are' if many else 'is'} left out: the index of a frame, or row "
            f"numbers. {'They' if many else 'It'} may be named in {option('features')}."
        )


def warn_of_counters(rows: Rows) -> None:
    """Warn of features that count the rows and are called so.

    Parameters
    ----------
    rows : Rows
        The first ones of a table.
    """
    n = rows.n_rows
    if n < _ENOUGH:
        return
    for name, values in zip(rows.schema.columns, rows.X.T, strict=True):
        if name.casefold() in _COUNTERS and values[0] in (0, 1):
            if np.array_equal(values, values[0] + np.arange(n)):
                warn(
                    f"{name} counts the rows. If it is only their number, leave it out: "
                    f"{option('drop', name)}."
                )
