"""What is measured on a fitted model, where the truth is known."""

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from elinvar.answer import HOLDS
from elinvar.bench._data import Case, Floats, Mask

if TYPE_CHECKING:
    import pandas as pd

_MOST_FEATURES = 700

Values = dict[str, Any]


class _Judging(Protocol):
    """A model that has verdicts."""

    status_: str

    @property
    def evidence_(self) -> "pd.DataFrame":
        """A row a feature."""


def support_measures(model: object, case: Case) -> Values:
    """Return how well the selected features are those that hold everywhere.

    Where several columns are one variable, it counts as selected if any of them is.

    Parameters
    ----------
    model : estimator
        With ``selected_``, if it selects.
    case : Case
        With ``support``, if there is a set to find.

    Returns
    -------
    dict
        ``f1``, ``precision`` (None where nothing is selected) and ``recall``; None for a method
        that does not select, or where there is no such set.
    """
    selected = getattr(model, "selected_", None)
    if selected is None or case.support is None:
        return dict.fromkeys(("f1", "precision", "recall"))
    truth, found = by_variable(case.support, case), by_variable(np.asarray(selected), case)
    # F1 = 2 hits / (found + true): 1 where there is nothing to find and nothing was found
    hits, n_found, n_true = int((truth & found).sum()), int(found.sum()), int(truth.sum())
    return {
        "f1": 2 * hits / (n_found + n_true) if n_found + n_true else 1.0,
        "precision": hits / n_found if n_found else None,
        "recall": hits / n_true if n_true else 1.0,
    }


def by_variable(mask: Mask, case: Case) -> Mask:
    """Return a mask of columns as one of variables; one of variables as it is."""
    if case.groups is None or len(mask) != len(case.groups):
        return mask
    return np.array([bool(mask[case.groups == group].any()) for group in np.unique(case.groups)])


def coefficient_error(coef: Floats | None, case: Case) -> float | None:
    """Return the squared distance of coefficients from the true ones, if there are both."""
    if coef is None or case.coef is None or np.shape(coef) != case.coef.shape:
        return None
    return float(np.sum((np.asarray(coef) - case.coef) ** 2))


def verdict_measures(model: object, case: Case) -> Values:
    """Return what a model says of its features, against the truth.

    Parameters
    ----------
    model : estimator
        With ``status_`` and ``evidence_``, as `InvariantRegressor` has; others say nothing.
    case : Case

    Returns
    -------
    dict
        ``status``; ``n_invariant``, the features called invariant or nearly so as members of a set,
        and ``n_right``, those of them that are (None where no set of features is); ``n_spurious``,
        features called spurious, and ``n_wronged``, those of them that are
        invariant, or in environments that do not differ; ``cautious``, whether invariance is
        rejected or nothing is called invariant, nearly so or spurious.
    """
    names = (
        "status", "n_invariant", "n_right", "n_spurious", "n_wronged", "cautious",
    )  # fmt: skip
    values: Values = dict.fromkeys(names)
    if not hasattr(model, "status_") or not hasattr(type(model), "evidence_"):
        return values
    judging = cast(_Judging, model)
    values["status"] = str(judging.status_)
    if case.n_features > _MOST_FEATURES:
        return values
    evidence = judging.evidence_
    verdicts = evidence["verdict"].to_numpy(dtype=str)
    # what one model of all features says is no claim about causes
    of_set = (evidence["model"] == "invariant set").to_numpy()
    invariant, spurious = np.isin(verdicts, HOLDS) & of_set, verdicts == "spurious"
    decided = invariant | spurious
    values["n_invariant"], values["n_spurious"] = int(invariant.sum()), int(spurious.sum())
    values["cautious"] = bool(judging.status_ == "rejected" or not decided.any())
    if case.support is not None:
        truth = by_variable(case.support, case)
        values["n_right"] = int((invariant & truth).sum())
        values["n_wronged"] = int((spurious & truth).sum())
    elif case.kind == "everything":
        values["n_wronged"] = int(spurious.sum())
    return values
