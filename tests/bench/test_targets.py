import numpy as np
import pandas as pd
import pytest

from elinvar.bench import SUITES, result_of
from elinvar.bench._budget import Budget

UNKNOWN = (
    "error", "worst_error", "best_error", "coef_error", "f1", "precision", "recall", "seconds",
    "seconds_with_choice", "memory_mib",
)  # fmt: skip
NOTHING = dict.fromkeys(UNKNOWN, np.nan) | {
    "task": "regression", "outcome": "finished", "identified": True, "kind": "columns",
    "reason": "", "note": "", "chosen": "", "parameters": "", "best_parameters": "", "status": None,
    "cautious": None, "n_features": 12, "n_environments": 10, "n_rows": 100, "n_invariant": 0,
    "n_right": 0, "n_spurious": 0, "n_wronged": 0,
}  # fmt: skip


def row(suite, problem, method, repetition, **known):
    keys = {"suite": suite, "problem": problem, "method": method, "repetition": repetition}
    return {**NOTHING, **keys, **known}


def held(rows, suite, words):
    found = result_of([SUITES[suite]], pd.DataFrame(rows)).targets
    (one,) = found[(found["suite"] == suite) & found["target"].str.contains(words)].itertuples()
    return one.met, one.measured


def test_a_peer_is_compared_on_the_data_that_it_ran_on():
    name = "unit-test-1s-e10"
    rows = [
        row("rotated", name, "elinvar-auto", k, error=error) for k, error in enumerate((1.0, 9.0))
    ]
    rows += [row("rotated", name, "vrex", 0, error=2.0)]
    assert held(rows, "rotated", "test 1s, 10") == ("yes", "1; vrex 2")
    rows += [row("rotated", name, "elinvar-classifier-auto", 0, error=0.5)]  # no peer, but ours
    assert held(rows, "rotated", "test 1s, 10") == ("yes", "1; vrex 2")
    rows += [row("rotated", name, "iga", k, error=1.5) for k in range(2)]
    assert held(rows, "rotated", "test 1s, 10") == ("no", "5; iga 1.5")


@pytest.mark.parametrize(
    ("repetition", "suite", "quick", "runs"),
    [
        (1, "random", False, True), (2, "random", False, False), (2, "rotated", False, True),
        (2, "rotated", True, False), (0, "random", True, True), (1, "random", True, False),
    ],
)  # fmt: skip
def test_a_method_is_spared_repetitions_except_where_it_is_held_against(
    repetition, suite, quick, runs
):
    budget = Budget(seeds=2, quick_seeds=0, whole=("rotated",))
    assert budget.runs(repetition, suite, quick=quick) is runs


def test_forecasts_are_held_against_the_oracle_and_the_best_peer_where_effects_turn():
    def rows(suite, method, errors, task):
        kinds = zip(("one", "one-turned", "control"), errors, strict=True)
        return [row(suite, name, method, 0, error=error, task=task) for name, error in kinds]

    numbers = [
        *rows("curved", "oracle", (1.0, 1.0, 1.0), "regression"),
        *rows("curved", "elinvar-forecast", (0.8, 2.0, 0.9), "regression"),
        *rows("curved", "forest", (0.7, 3.0, 0.8), "regression"),
    ]
    assert held(numbers, "curved", "elinvar-forecast's error at most 1.5") == ("no", "2.00 times")
    assert held(numbers, "curved", "like those seen") == ("yes", "0.80 times")
    assert held(numbers, "curved", "controls") == ("yes", "0.90 times")
    found = held(numbers, "curved", "best peer")
    assert found == ("yes", "+0.69 in the logarithm; forest +1.10")
    classes = [
        *rows("curved-classes", "oracle", (0.1, 0.1, 0.1), "classification"),
        *rows("curved-classes", "elinvar-forecast-classifier", (0.1, 0.3, 0.1), "classification"),
        *rows("curved-classes", "logistic", (0.1, 0.25, 0.1), "classification"),
    ]
    assert held(classes, "curved-classes", "best peer")[0] == "no"
