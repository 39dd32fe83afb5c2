import dataclasses

import numpy as np
import pytest

from elinvar.studies import STUDIES, run_study
from elinvar.studies._parameterization import _lazy

study = STUDIES["parameterization"]


@pytest.fixture(scope="module")
def result():
    return run_study(study, dataclasses.replace(study.quick, repetitions=6), workers=2)


def row(result, setting):
    return result.summary.set_index("setting").loc[setting]


def test_the_claims_hold_in_small(result):
    assert [claim.sentence for claim in result.claims if not claim.holds] == []


def test_the_matrix_itself_fluctuates_about_the_pooled_solution_as_a_linear_recursion_does(result):
    """Its spurious part follows a <- a + eta (s_e - a): mean 1, variance M^2 eta / (2 - eta)."""
    pooled = row(result, "step 0.01")
    spread = 6.0 * np.sqrt(0.01 / 1.99)
    assert pooled["standard_error"] * np.sqrt(6) == pytest.approx(spread, rel=0.6)
    assert pooled["spurious_part"] == pytest.approx(1.0, abs=4 * spread / np.sqrt(6))


def test_a_study_whose_settings_are_exchanged_fails(result):
    summary = result.summary.copy()
    direct, width = summary["group"].unique()[:2]
    summary["group"] = summary["group"].replace({direct: width, width: direct})
    claims = study.judge(summary, result.config)
    assert not claims[0].holds
    assert not claims[2].holds


def test_the_lazy_step_on_the_matrix_is_at_most_a_tenth():
    for scale in (1e-3, 0.5, 1.0, 3.0):
        setting = _lazy(scale)
        assert 4 * setting.step_size * scale**2 <= 0.1 + 1e-12
        assert setting.step_size <= 0.1
