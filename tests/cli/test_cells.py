import math

import pytest

from elinvar.cli._cells import bracket, estimate, span

NAN = math.nan


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (101.07, 214.28, "[101, 214]"),
        (10.99, 29.93, "[11.0, 29.9]"),
        (1.9412, 2.0153, "[1.941, 2.015]"),
        (-0.001, 0.0004, "[-0.00100, 0.00040]"),
        (12345.6, 54321.9, "[12346, 54322]"),
        (-1e9, 2e9, "[-1.00e+09, 2.00e+09]"),
        (1.5, 1.5, "[1.50, 1.50]"),
        (-math.inf, math.inf, "[-inf, inf]"),
        (NAN, NAN, "-"),
    ],
)
def test_an_interval_has_two_digits_of_its_half_width(low, high, text):
    assert bracket(low, high) == text


def test_an_estimate_has_the_digits_of_its_interval():
    assert estimate(139.04, 101.07, 214.28) == "139 [101, 214]"
    assert estimate(-0.0001, -0.52, 0.55) == "0.00 [-0.52, 0.55]"
    assert estimate(2.0647, NAN, NAN) == "2.06"
    assert estimate(NAN, NAN, NAN) == "-"


def test_a_range_is_written_in_words():
    assert span(6.3, 491.2) == "from 6 to 491"
    assert span(-1.577, -0.432) == "from -1.58 to -0.43"
