"""What labelled rows of a new place buy: as a table, and in words."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import figure, percent
from elinvar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.forecast.adaptation import Adaptation

MOST_ROWS = 100
"""Rows up to which something is said."""

# a share of the error that nobody would label rows for
_LITTLE = 0.03


def known(adaptation: "Adaptation | None") -> "Adaptation":
    """Return what is known of differences between places.

    Raises
    ------
    DataError
        If nothing is.
    """
    if adaptation is None:
        raise DataError(
            "This model cannot be adapted to a place: what differs between places is learnt from "
            "two environments of 20 rows at least (and model files of earlier versions do not hold "
            "it; save the model again)."
        )
    return adaptation


def rows_table(adaptation: "Adaptation | None") -> "pd.DataFrame":
    """Return the error to expect in a new place after 0 to 100 labelled rows, a row each.

    Columns: ``rows``; ``error``, root mean squared error or mean log loss; ``low``, ``high``,
    between which it is in eight of ten new places; ``removed``, the share of the error without
    labelled rows that they remove.
    """
    import pandas as pd

    rows = np.arange(MOST_ROWS + 1)
    if adaptation is None:
        return pd.DataFrame(
            {name: np.zeros(0) for name in ("rows", "error", "low", "high", "removed")}
        )
    expected = adaptation.expected
    low, high = expected.range(rows.astype(np.float64))
    return pd.DataFrame(
        {
            "rows": rows,
            "error": expected.error(rows.astype(np.float64)),
            "low": low,
            "high": high,
            "removed": expected.removed(rows.astype(np.float64)),
        }
    )


def rows_sentence(adaptation: "Adaptation | None") -> str:
    """Say what labelled rows of a new place would buy; nothing where it is not known."""
    if adaptation is None:
        return ""
    expected = adaptation.expected
    few, more = (float(expected.removed(k)) for k in (20.0, float(MOST_ROWS)))
    if more < _LITTLE:
        return (
            "Labelled rows from a new place would hardly help: what differs between places is too "
            f"little for {MOST_ROWS} of them to show."
        )
    if few < _LITTLE:
        return (
            f"It takes many labelled rows from a new place to help: 20 remove hardly any of the "
            f"error there, {MOST_ROWS} about {percent(more)}."
        )
    before, after = (figure(float(expected.error(k)), 3) for k in (0.0, 20.0))
    return (
        f"20 labelled rows from a new place remove about {percent(few)} of the error there "
        f"({before} to {after})."
    )
