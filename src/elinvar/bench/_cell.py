"""One method on one data set: the row of it, whatever happens."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from elinvar.baselines import BASELINES, Baseline
from elinvar.bench._budget import WIDE, budget_of
from elinvar.bench._data import Case, Floats, Split, draw_case, table_case, thinned
from elinvar.bench._limit import TimeUp, peak_memory, time_limit, timed
from elinvar.bench._measures import Values, coefficient_error, support_measures, verdict_measures
from elinvar.bench._protocol import Choice, Fitted, Parameters, choose, errors_in, fit, predict
from elinvar.bench._suites import SUITES
from elinvar.datasets import Sample
from elinvar.errors import MissingExtraError

COLUMNS = (
    "task", "kind", "identified", "n_features", "n_environments", "n_rows",
    "outcome", "reason", "chosen", "parameters", "note",
    "error", "worst_error", "best_error", "best_parameters",
    "f1", "precision", "recall", "coef_error",
    "status", "n_invariant", "n_right", "n_spurious", "n_wronged", "cautious",
    "seconds", "seconds_with_choice", "memory_mib",
)  # fmt: skip
"""What a row holds, besides the axes."""

ALL_SUBSETS = "speed-12"

_warm: set[str] = set()


def cell(
    *,
    rng: np.random.Generator,
    problem: str,
    method: str,
    repetition: int,
    suite: str,
    quick: bool,
    limit: float,
    version: str,
    tables: str,
) -> list[Mapping[str, Any]]:
    """Run one method on one data set.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same for all methods.
    problem, method : str
    repetition : int
    suite : str
    quick : bool
    limit : float
        Seconds for choosing and fitting together.
    version : str
        Of this library; rows of another are not mixed with these.
    tables : str
        Specifications of the tables of a suite of real ones; "" for those of this package.

    Returns
    -------
    list of dict
        One row with ``COLUMNS``; none if the method has fewer repetitions.
    """
    baseline, budget = BASELINES[method], budget_of(method)
    real = SUITES[suite].real
    if real:
        budget = budget.for_tables()
    if not budget.runs(repetition, suite, quick=quick):
        return []
    try:
        n_samples = SUITES[suite].rows_of(problem, quick=quick)
        case = (
            table_case(problem, repetition, tables)
            if real
            else draw_case(problem, repetition, rng, n_samples=n_samples)
        )
    except MissingExtraError as error:
        return [] if repetition else [row("not installed", reason=_short(error))]
    except Exception as error:  # of whatever kind a table that nobody has tried raises
        if not real:
            raise
        return [] if repetition else [row("no table", reason=words_of(error))]
    if case is None:
        return []
    about: Values = {
        "task": case.task,
        "kind": case.kind,
        "identified": None if case.known is None else case.known.identified,
        "n_features": case.n_features,
        "n_environments": len(case.train.names),
        "n_rows": len(case.train.y),
    }
    # "not applicable" is the method's nature, "not run" this benchmark's choice: rows say which
    why = baseline.why_not(len(case.train.names), case.n_features, case.task)
    if method == "oracle" and case.known is None:
        why = "nobody knows the truth"
    spared = budget.why_not(suite, case.n_features, quick=quick)
    if SUITES[suite].selecting and baseline.returns != "selection" and method != "pooled":
        spared = "not run here: selects no features"
    if case.task == "classification" and method not in (SUITES[suite].class_methods or (method,)):
        why = "predicts no probabilities"
    if why or spared:
        outcome = "not applicable" if why else "not run"
        return [] if repetition else [row(outcome, reason=why or spared, **about)]
    if real and budget.table_rows is not None:
        case = replace(case, train=thinned(case.train, budget.table_rows, rng))
    given, words = dict(budget.parameters), budget.words
    if problem == ALL_SUBSETS and "max_features" in given:
        given, words = {"max_features": case.n_features}, "default level, not chosen; all subsets"
    values = run_method(
        baseline,
        case,
        given={**given, **(case.answers if method == "oracle" else {})},
        tuned=budget.tuned,
        limit=limit,
        with_best=not real,
        with_memory=not repetition and case.n_features <= 1000,
    )
    return [row(**about, **{**values, "note": "; ".join(filter(None, (values["note"], words)))})]


def row(outcome: str, **values: object) -> Values:
    """Return a row with all columns, None where nothing is said."""
    return {**dict.fromkeys(COLUMNS), "outcome": outcome, **values}


def run_method(
    method: Baseline,
    case: Case,
    *,
    given: Parameters | None = None,
    tuned: bool = True,
    limit: float = 60.0,
    with_best: bool = True,
    with_memory: bool = False,
) -> Values:
    """Choose, fit and measure; what a method raises becomes a failure with its reason.

    Parameters
    ----------
    method : Baseline
    case : Case
    given : mapping, optional
        Parameters that are not for the rule to choose.
    tuned : bool
        Whether the grid is searched.
    limit : float
        Seconds for choosing and fitting together.
    with_best : bool
        Whether to find which candidate is best on the test environments.
    with_memory : bool
        Whether to fit once more and measure memory.

    Returns
    -------
    dict
        Some of ``COLUMNS``.
    """
    given = dict(given or {})
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            _warm_up(method)
            with time_limit(limit):
                choice = _choice(method, case, given, tuned)
                model, seconds = timed(lambda: _fit(method, case, choice.parameters))
            predicted = _predict(model, case, case.test)
        except TimeUp:
            return _failed(f"took longer than {limit:g} s")
        except MissingExtraError as error:
            return _failed(_short(error), "not installed")
        except Exception as error:  # of whatever kind a method raises
            return _failed(words_of(error))
        errors = errors_in(case.test, predicted, case.score)
        if not np.isfinite(errors).all():
            return _failed("predictions are not finite")
        values: Values = {
            "outcome": "finished",
            "reason": "",
            "note": _note(method, choice, case, tuned),
            "chosen": choice.how,
            "parameters": _text(choice.parameters),
            "error": float(errors.mean()),
            "worst_error": float(errors.max()),
            "seconds": seconds,
            "seconds_with_choice": seconds + choice.seconds,
            "coef_error": coefficient_error(_mechanism(model), case),
            **_best(method, case, given, float(errors.mean()), tuned and with_best, limit),
            **support_measures(model, case),
        }
        # after the clock has stopped: evidence is made when it is asked for
        values |= verdict_measures(model, case)
        if with_memory and seconds < limit / 4:
            values["memory_mib"] = peak_memory(lambda: _fit(method, case, choice.parameters))
    return values


def _failed(reason: str, outcome: str = "failed") -> Values:
    return {"outcome": outcome, "reason": reason, "note": ""}


def _choice(method: Baseline, case: Case, given: Parameters, tuned: bool) -> Choice:
    if not tuned:
        return Choice(parameters=given, how="defaults", seconds=0.0)
    return choose(method, case.train, case.task, given, score=case.score)


def _fit(method: Baseline, case: Case, parameters: Parameters) -> Any:
    """Fit; where columns belong together, a method that can be told so is."""
    if case.known is not None and _told_groups(method.estimator, case):
        return method.make(**parameters).fit_moments(case.known.to_environments().moments())
    return fit(method, case.train, parameters)


def _told_groups(model: object, case: Case) -> bool:
    """Say whether the model is told which columns are one variable."""
    return case.groups is not None and hasattr(model, "fit_moments")


def _predict(model: Fitted, case: Case, rows: Split) -> Floats:
    if case.known is not None and _told_groups(model, case):
        sample = Sample(np.asarray(rows.X), rows.y, rows.environments)
        columns = case.known.to_environments(sample).X
        return np.asarray(columns @ model.coef_ + model.intercept_)
    return predict(model, rows.X)


def _mechanism(model: Fitted) -> Floats | None:
    """Return a model's estimate of what holds everywhere, where it differs from its predictor."""
    found: Floats | None = getattr(model, "invariant_coef_", getattr(model, "coef_", None))
    return found


def _best(
    method: Baseline, case: Case, given: Parameters, error: float, tuned: bool, limit: float
) -> Values:
    """Return the error of whichever candidate is best on the test environments: nobody's to have.

    What cannot be fitted, or in the time of a method, is passed over.
    """
    # chosen on test environments: an upper bound on what better choosing could give, and no result
    best, parameters = error, ""
    candidates = list(method.candidates()) if tuned else []
    try:
        with time_limit(limit):
            for candidate in candidates if len(candidates) > 1 else []:
                try:
                    model = _fit(method, case, {**given, **candidate})
                    errors = errors_in(case.test, _predict(model, case, case.test), case.score)
                except Exception:  # of whatever kind a method raises
                    continue
                if errors.mean() < best:
                    best, parameters = float(errors.mean()), _text(candidate)
    except TimeUp:
        pass
    return {"best_error": best, "best_parameters": parameters}


def _warm_up(method: Baseline) -> None:
    """Fit on next to nothing: what a first fit imports and compiles is nobody's time.

    Methods for many features compile more where there are many.
    """
    if method.name in _warm:
        return
    _warm.add(method.name)
    for n_features in (3, 16) if budget_of(method.name).most_features > WIDE else (3,):
        rng = np.random.default_rng(0)
        rows = Split(
            X=rng.standard_normal((200, n_features)),
            y=rng.standard_normal(200),
            environments=np.repeat([f"warm-up {k}" for k in range(5)], 40),
        )
        given = {"support": np.arange(n_features) == 0} if method.name == "oracle" else {}
        with suppress(Exception):  # the fit that counts will raise it again
            fit(method, rows, given)


def _note(method: Baseline, choice: Choice, case: Case, tuned: bool) -> str:
    if _told_groups(method.estimator, case):
        return "told which columns are one variable"
    if tuned and choice.how == "defaults":
        return "defaults: one environment fewer is too few to choose"
    return ""


def _text(parameters: Parameters) -> str:
    shown = {key: value for key, value in parameters.items() if np.ndim(value) == 0}
    return ", ".join(f"{key}={value}" for key, value in shown.items() if value is not None)


def words_of(error: Exception) -> str:
    words = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _short(error: Exception) -> str:
    return f"not installed: {str(error).rpartition('Install it with: ')[2]}"
