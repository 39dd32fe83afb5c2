"""What differs in a place, for a reader: differences of terms as those of effects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from elinvar._base._display import ShownTable
from elinvar._base._numbers import estimate, number
from elinvar._base._sparks import Mark, intervals
from elinvar.environments import Schema
from elinvar.forecast.adaptation import WIDE, Adaptation, Sums
from elinvar.plots.palette import VERDICT_COLOURS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

_COVERAGE = 0.95
_NINE_OF_TEN = float(ndtri(0.95))


def differences_table(
    adaptation: Adaptation,
    sums: Sums,
    schema: Schema,
    *,
    coef: Floats | None,
    classes: Sequence[Any],
) -> "pd.DataFrame":
    """Return what differs in a place; see ``AdaptedModel.evidence_``.

    Parameters
    ----------
    adaptation : Adaptation
    sums : Sums
        Of the place's labelled rows.
    schema : Schema
    coef : (n_columns,) array, or None
        Coefficients, where the forecast is linear in them.
    classes : sequence
        Classes that the target names, if it does.
    """
    import pandas as pd

    names, to = _effects(adaptation, schema, coef)
    mean, spread = adaptation.differences(sums)
    between = np.sqrt(np.einsum("tq,q,tq->t", to, adaptation.variances, to))
    half = float(ndtri((1 + _COVERAGE) / 2))
    tables = []
    for outcome, (b, cov) in enumerate(zip(mean, spread, strict=True)):
        shift = to @ b
        sd = np.sqrt(np.maximum(np.einsum("tj,jk,tk->t", to, cov, to), 0.0))
        low, high = shift - half * sd, shift + half * sd
        table = pd.DataFrame({"term": names})
        if len(mean) > 1:
            table["outcome"] = str(classes[outcome])
        tables.append(
            table.assign(
                shift=shift,
                low=low,
                high=high,
                training_spread=between,
                differs=(low > 0) | (high < 0),
            )
        )
    return pd.concat(tables, ignore_index=True)


def differences_shown(table: "pd.DataFrame") -> ShownTable:
    """Return the table of `differences_table` as texts, with a picture of each row."""
    several = ["outcome"] * ("outcome" in table)
    rows: list[tuple[str, ...]] = []
    pictures: list[str] = []
    for row in table.to_dict("records"):
        shift = estimate(row["shift"], row["low"], row["high"])
        spread, sure = row["training_spread"], "yes" if row["differs"] else "no"
        names = [str(row[key]) for key in ("term", *several)]
        rows.append((*names, shift, number(spread, digits=2), sure))
        reach = _NINE_OF_TEN * spread
        colour = VERDICT_COLOURS["spurious" if row["differs"] else "no effect"]
        mark = Mark(row["shift"], row["low"], row["high"], -reach, reach, colour, shift)
        # terms have units of their own: each row its own scale
        pictures += intervals([mark])
    return ShownTable(
        title="What differs there from what was expected",
        header=("term", *several, "shift [95%]", "sd between training environments", "sure"),
        rows=rows,
        pictures=tuple(pictures),
        drawn="thin: nine of ten places",
    )


def _effects(
    adaptation: Adaptation, schema: Schema, coef: Floats | None
) -> tuple[list[str], Floats]:
    """Return names (t,) and the map (t, q) from terms to what is called a difference of each."""
    terms = adaptation.terms
    units = np.diag(1 / terms.scale)
    n_columns, groups = schema.n_columns, schema.groups
    # with very many columns terms are of the forecast alone
    told = n_columns <= WIDE
    first = terms.n_whole
    # what is of the forecast as a whole is of its columns, where it is linear in them
    whole = range(1) if coef is not None else range(first)
    names = [terms.names[k] for k in whole]
    rows = [units[k] for k in whole]
    slopes = units[first : first + n_columns] if told else np.zeros((n_columns, len(terms.names)))
    if coef is not None:
        slopes = slopes + np.outer(coef, units[1])
    if not told and coef is None:
        return names, np.array(rows)
    leaders = np.searchsorted(groups, groups)
    for j, leader in enumerate(leaders):
        category = schema.features[groups[j]] in schema.levels
        if category and j == leader:
            continue
        names.append(schema.columns[j])
        # a level differs from the first one, another column by itself
        rows.append(slopes[j] - slopes[leader] if category else slopes[j])
    return names, np.array(rows)
