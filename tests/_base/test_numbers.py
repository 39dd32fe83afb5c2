import math

import numpy as np
import pytest

from elinvar._base._numbers import (
    bracket,
    count,
    counted,
    estimate,
    figure,
    interval,
    number,
    p_value,
    p_words,
    percent,
)

NAN = math.nan


def test_numbers_in_columns_keep_their_digits():
    values = [
        0, 1, -2.5, 1234.56, 159737, 0.00012345, 1e-7, 12345678, np.inf, -np.inf, np.nan,
    ]  # fmt: skip
    assert [number(value) for value in values] == [
        "0", "1.000", "-2.500", "1235", "159,737", "0.0001234", "1.000e-07", "1.235e+07", "inf",
        "-inf", "-",
    ]  # fmt: skip
    assert number(1.9876, digits=3) == "1.99"


def test_rounding_up_adds_no_digit():
    assert [number(value) for value in (9.99996, 0.0999999)] == ["10.00", "0.1000"]
    assert number(9.996, digits=3) == "10.0"


def test_numbers_in_sentences_have_no_zeros_at_the_end():
    values = [0, 1, -2.5, 100, 0.30004, 12345.6, 2e-7, np.inf, -np.inf, np.nan]
    assert [figure(value) for value in values] == [
        "0", "1", "-2.5", "100", "0.3", "12,346", "2e-07", "infinity", "minus infinity", "unknown",
    ]  # fmt: skip
    assert figure(0.123456, 4) == "0.1235"


def test_counts_and_shares():
    assert [count(value) for value in (1234.0, 0.5, 99.99999999999999)] == ["1,234", "0.5", "100"]
    assert counted(1, "row") == "1 row"
    assert counted(0, "row") == "0 rows"
    assert counted(1200, "batch", "es") == "1,200 batches"
    shares = [0.5, 1, 0.123, 0.00456, NAN]
    assert [percent(share, missing="-") for share in shares] == ["50%", "100%", "12%", "0.46%", "-"]


def test_p_values_below_a_ten_thousandth_are_not_told_apart():
    assert [p_value(value) for value in (np.nan, 1e-9, 0.0321, 0.4, 1)] == [
        "-", "< 0.0001", "0.032", "0.40", "1.00",
    ]  # fmt: skip
    assert [p_words(value) for value in (1e-9, 0.0321)] == ["p < 0.0001", "p = 0.032"]


def test_an_interval_has_two_digits_of_its_half_width():
    assert interval(0.99842, 1.02876) == "0.998 to 1.029"
    assert interval(-0.0182, 0.01364) == "-0.018 to 0.014"
    assert interval(101.11, 214.32) == "101 to 214"
    assert interval(-0.3, 246912) == "0 to 246,912"
    assert interval(1e-7, 2e-7) == "1.00e-07 to 2.00e-07"
    assert interval(2, 2) == "2.00 to 2.00"
    assert interval(2, np.inf) == "2.00 to inf"
    assert interval(np.nan, 1) == interval(1, np.nan) == "-"


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
def test_a_bracket_rounds_as_an_interval_does(low, high, text):
    assert bracket(low, high) == text


def test_an_estimate_has_the_digits_of_its_interval():
    assert estimate(139.04, 101.07, 214.28) == "139 [101, 214]"
    assert estimate(-0.0001, -0.52, 0.55) == "0.00 [-0.52, 0.55]"
    assert estimate(2.0647, NAN, NAN) == "2.06"
    assert estimate(NAN, NAN, NAN) == "-"
