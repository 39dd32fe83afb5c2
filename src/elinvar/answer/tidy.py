"""What a model says of each term, and of itself, as frames under the names of R's broom."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from elinvar._base._check import check_choice
from elinvar.answer.tables import overall_errors
from elinvar.answer.transfer_found import ALL_FEATURES, CONSTANT, MIXTURE

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.answer._found import Found
    from elinvar.answer.transfer_found import TransferFound

TidyTable = Literal["all_features", "evidence"]

_UPPER = 0.975
_BROOM = {"effect": "estimate", "low": "conf.low", "high": "conf.high", "feature": "term"}


def with_statistics(table: "pd.DataFrame", df: "Sequence[float]") -> "pd.DataFrame":
    r"""Put standard error, statistic and p-value beside estimates and their 95% intervals.

    They are those of a Student's t with ``df`` degrees of freedom (infinity: a normal law) that has
    this interval: :math:`s = (\text{high} - \text{low}) / (2 t_{.975})`,
    :math:`p = 2 P(t > |\text{estimate}| / s)`.

    Parameters
    ----------
    table : DataFrame
        With ``term``, ``estimate``, ``conf.low`` and ``conf.high``, and columns of its own.
    df : sequence of float
        One for each row.

    Returns
    -------
    DataFrame
        Columns of broom first.
    """
    freedom = np.asarray(df, dtype=np.float64)
    normal = ~np.isfinite(freedom)
    safe = np.where(normal, 1.0, np.maximum(freedom, 1.0))
    half = (table["conf.high"] - table["conf.low"]).to_numpy(dtype=np.float64) / 2
    error = half / np.where(normal, ndtri(_UPPER), stdtrit(safe, _UPPER))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = table["estimate"].to_numpy(dtype=np.float64) / error
    tail = np.where(normal, ndtr(-np.abs(statistic)), stdtr(safe, -np.abs(statistic)))
    found = table.assign(
        **{"std.error": error, "statistic": statistic, "p.value": 2 * tail, "df": freedom}
    )
    first = ["term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high", "df"]
    return found[[*first, *(name for name in found if name not in first)]]


def tidy_effects(answer: "Found", table: str = "all_features") -> "pd.DataFrame":
    """Return a row a feature; see `InvariantRegressor.tidy`.

    Raises
    ------
    DataError
        If there is no such table.
    """
    check_choice("table", table, get_args(TidyTable))
    frame: pd.DataFrame = getattr(answer, table).rename(columns=_BROOM)
    # over environments the average has as many degrees of freedom as they are, less one; in an
    # accepted set environments are taken as fixed, and rows are many
    several = (frame["model"] == "all features") & (len(answer.rows) > 1)
    df = np.where(several, np.maximum(frame["n_environments"] - 1.0, 1.0), np.inf)
    return with_statistics(frame, df.tolist())


def glance_effects(answer: "Found") -> "pd.DataFrame":
    """Return the model in one row; see `InvariantRegressor.glance`."""
    import pandas as pd

    tests = answer.tests[answer.tests["test"] == "coefficients"].to_dict("records")
    test = tests[0] if tests else {}
    errors = overall_errors(answer.errors, classes=bool(answer.classes))
    return pd.DataFrame(
        {
            "nobs": [sum(answer.rows.values())],
            "n_environments": len(answer.rows),
            "n_features": len(answer.schema.features),
            "n_selected": len(answer.selected_features),
            "status": answer.status,
            "predictor": answer.predictor,
            "statistic": test.get("statistic", np.nan),
            "df": test.get("df1", np.nan),
            "df.residual": test.get("df2", np.nan),
            "p.value": answer.p_value,
            "disagreement": answer.disagreement,
            "error": errors.get("used", np.nan),
            "error_invariant": errors.get("invariant", np.nan),
            "error_pooled": errors.get("pooled", np.nan),
            "error_mean": errors.get("mean", np.nan),
            "margin": answer.forecast.margin,
        }
    )


def tidy_forecast(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row a feature; see `TransferRegressor.tidy`."""
    shapes = answer.shapes.rename(columns={"feature": "term", "size": "estimate"})
    unknown = shapes.assign(**{"conf.low": np.nan, "conf.high": np.nan})
    unknown["selected"] = unknown["term"].isin(answer.selected_features)
    return with_statistics(unknown, [np.nan] * len(unknown))


def glance_forecast(answer: "TransferFound") -> "pd.DataFrame":
    """Return the forecast in one row; see `TransferRegressor.glance`."""
    import pandas as pd

    return pd.DataFrame(
        {
            "nobs": [sum(answer.rows.values())],
            "n_environments": len(answer.rows),
            "n_features": len(answer.schema.features),
            "n_selected": len(answer.selected_features),
            "heaviest": answer.learners[int(answer.weights.argmax())],
            "error": answer.error(MIXTURE),
            "error_all_features": answer.error(ALL_FEATURES),
            "error_constant": answer.error(CONSTANT),
            "error_in_sample": answer.in_sample_error(),
            "wrong": float(answer.wrong.mean()) if len(answer.wrong) else np.nan,
            "margin": answer.margin,
        }
    )
