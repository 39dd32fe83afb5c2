"""Verdicts on environments that a model has not seen: the cells, and what they add up to."""

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from elinvar.bench._cell import words_of
from elinvar.bench._claims import claims
from elinvar.bench._data import Case, draw_case, table_case
from elinvar.errors import MissingExtraError
from elinvar.estimators import InvariantClassifier, InvariantRegressor

if TYPE_CHECKING:
    import pandas as pd

    Frame = pd.DataFrame

CLAIMS = (
    "table", "feature", "verdict", "model", "effect", "low", "high", "n_environments", "own",
    "own_error", "checked", "contradicted", "covered",
)  # fmt: skip
"""What a row says of a feature, as `claims` returns it."""

ORDER: Final = (
    "invariant", "nearly invariant", "same direction", "no effect", "varies", "spurious",
    "undecided", "cannot be told",
)  # fmt: skip
UNTOLD: Final = "cannot be told"
"""For undecided, where fewer than two environments tell the effect: most often it is of a column
that is constant in each of them, so that their rows say nothing of it."""

ENOUGH: Final = 0.8
REAL: Final = {"regression": "real tables", "classification": "real classes"}
SIMULATED: Final = "simulations"


def claims_cell(
    *,
    rng: np.random.Generator,
    problem: str,
    repetition: int,
    version: str,
    tables: str,
    simulated: bool,
) -> list[Mapping[str, Any]]:
    """Fit without an environment, and hold the verdicts against it.

    Parameters
    ----------
    rng : numpy.random.Generator
        What simulated rows are drawn from.
    problem : str
        A real table, or a generated problem, whose new environments are checked one by one.
    repetition : int
        Which environment of the table is left out.
    version : str
        Of this library; rows of another are not mixed with these.
    tables : str
        Specifications of real tables; "" for those of this package.
    simulated : bool
        Whether the problem is a generated one.

    Returns
    -------
    list of dict
        ``task``, ``environment``, ``outcome``, ``reason`` and ``CLAIMS``; a row a feature, once
        for each table of verdicts and new environment.
    """
    try:
        case = (
            draw_case(problem, repetition, rng)
            if simulated
            else table_case(problem, repetition, tables)
        )
    except MissingExtraError:
        return []
    except Exception:  # the cells of methods say which tables cannot be read
        if simulated:
            raise
        return []
    if case is None:
        return []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found: list[Mapping[str, Any]] = list(_checked(case))
        except Exception as error:  # of whatever kind: it is counted
            return [_row(case, "failed", reason=words_of(error))]
    return found or [_row(case, "finished")]


def _checked(case: Case) -> Iterator[Mapping[str, Any]]:
    kind = InvariantRegressor if case.task == "regression" else InvariantClassifier
    train = case.train
    model = kind().fit(train.X, train.y, environments=train.environments)
    for name in case.test.names:
        new = case.test.where(case.test.environments == name)
        for row in claims(model, new.X, new.y).to_dict("records"):
            values = {key: row[key] for key in CLAIMS}
            yield _row(case, "finished", environment=name, **values)


def _row(case: Case, outcome: str, **values: object) -> dict[str, Any]:
    empty = dict.fromkeys(("environment", "reason", *CLAIMS))
    return {"task": case.task, "outcome": outcome, **empty, **values}


def where(rows: "Frame", stem: str) -> "pd.Series[str]":
    """Return what each row is of: real tables, real classes, or simulations.

    Parameters
    ----------
    rows : DataFrame
        Of the cells.
    stem : str
        Name of their file.
    """
    if stem.endswith("-simulated"):
        return rows["task"].map(lambda _: SIMULATED)
    return rows["task"].map(REAL)


def statements(rows: "Frame") -> "Frame":
    """Return how often each verdict was given, and contradicted.

    Parameters
    ----------
    rows : DataFrame
        Of the cells, with a column ``where`` that names what they are of.

    Returns
    -------
    DataFrame
        By ``where``, ``table`` and ``verdict``, in the order of `ORDER`, an undecided effect that
        fewer than two environments tell being one that "cannot be told": ``effects``; ``share`` of
        all effects; ``checked``, those with a claim and a coefficient to hold it against;
        ``contradicted`` and ``covered``, shares (NaN where nothing could be checked).
    """
    import pandas as pd

    known = rows[rows["verdict"].notna()]
    # what is constant within all environments but one is undecided for another reason
    untold = (known["verdict"] == "undecided") & (known["n_environments"].astype(float) < 2)
    known = known.assign(verdict=known["verdict"].mask(untold, UNTOLD))
    found = []
    for (where, table), part in known.groupby(["where", "table"], sort=False):
        for verdict in ORDER:
            own = part[part["verdict"] == verdict]
            checked = own[own["checked"].astype(bool)]
            found.append(
                {
                    "where": where,
                    "table": table,
                    "verdict": verdict,
                    "effects": len(own),
                    "share": len(own) / len(part),
                    "checked": len(checked),
                    "contradicted": _share(checked["contradicted"]),
                    "covered": _share(_told(own)["covered"]),
                }
            )
    columns = ["where", "table", "verdict", "effects", "share", "checked", "contradicted"]
    return pd.DataFrame(found, columns=[*columns, "covered"])


def coverage(rows: "Frame") -> "Frame":
    """Return how often the interval for a new environment of the all-features model held.

    Parameters
    ----------
    rows : DataFrame
        Of the cells, with columns ``where`` and ``by_year``, whether environments are years.

    Returns
    -------
    DataFrame
        By ``where``: ``effects`` left out, the share of them ``covered``, the same
        ``without_years``, and ``enough``, the share of problems with a coverage of .80 or more.
    """
    import pandas as pd

    told = _told(rows[rows["table"] == "all_features"])
    found = []
    for where, part in told.groupby("where", sort=False):
        by_problem = part["covered"].astype(bool).groupby(part["problem"]).mean()
        found.append(
            {
                "where": where,
                "effects": len(part),
                "covered": _share(part["covered"]),
                "without_years": _share(part.loc[~part["by_year"].astype(bool), "covered"]),
                "enough": float((by_problem >= ENOUGH).mean()),
            }
        )
    return pd.DataFrame(found, columns=["where", "effects", "covered", "without_years", "enough"])


def _told(rows: "Frame") -> "Frame":
    """Return the rows with an interval, and a coefficient that it may hold."""
    known = np.isfinite(rows[["own", "low", "high"]].to_numpy(dtype=float)).all(axis=1)
    told: Frame = rows[known]
    return told


def _share(values: "pd.Series[Any]") -> float:
    return float(values.astype(bool).mean()) if len(values) else np.nan
