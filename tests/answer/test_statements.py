"""One sentence an effect: from where to where, who stands out, what would decide."""

import numpy as np
import pytest

from elinvar.answer import VERDICTS
from elinvar.answer.statements import MEANINGS, deciding, statement

ROW = {
    "effect": 2.0, "low": 1.0, "high": 3.0, "new_low": 0.5, "new_high": 3.5, "smallest_effect": 4.0,
    "odd_environment": "Rome", "n_environments": 5, "needed_rows": np.nan,
    "needed_environments": np.nan,
}  # fmt: skip


def test_every_verdict_has_one_meaning():
    assert tuple(MEANINGS) == VERDICTS


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("invariant", "the same in all environments, 2 (1.0 to 3.0)"),
        ("nearly invariant", "in a new place from 0.5 to 3.5, about the average of 2"),
        ("same direction", "in a new place from 0.5 to 3.5, above 0"),
        ("varies", "in a new place from 0.5 to 3.5, so either sign; Rome stands out"),
        ("no effect", "in a new place from 0.5 to 3.5, smaller than 4"),
    ],
)
def test_a_statement_has_the_numbers_of_its_row(verdict, said):
    assert statement(ROW | {"verdict": verdict}) == said


def test_what_is_spurious_changes_beside_the_set():
    said = statement(ROW | {"verdict": "spurious", "odd_environment": ""})
    assert said == "beside the invariant set in a new place from 0.5 to 3.5"


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (
            {"needed_environments": 24.0, "needed_rows": 4.0},
            "24 environments like these or 4",
        ),
        ({"needed_rows": 1.5}, "1.5 times the rows would decide it"),
        ({}, "more data like these would hardly decide it"),
        ({"n_environments": 1}, "it varies too little within environments"),
    ],
)
def test_what_is_undecided_says_what_would_decide(needed, said):
    row = ROW | needed | {"verdict": "undecided"}
    assert deciding(row).startswith(said)
    assert statement(row).endswith(deciding(row))


def test_an_effect_that_no_environment_tells_has_no_numbers():
    row = ROW | {"verdict": "undecided", "n_environments": 0, "new_low": np.nan}
    assert "nan" not in statement(row)
