import numpy as np

from elinvar._base._numbers import count, interval, number, p_value


def test_numbers_for_readers():
    values = [
        0, 1, -2.5, 1234.56, 159737, 0.00012345, 1e-7, 12345678, np.inf, -np.inf, np.nan,
    ]  # fmt: skip
    assert [number(value) for value in values] == [
        "0", "1.000", "-2.500", "1235", "159,737", "0.0001234", "1.000e-07", "1.235e+07", "inf",
        "-inf", "-",
    ]  # fmt: skip
    assert number(1.9876, digits=3) == "1.99"
    assert [count(value) for value in (1234.0, 0.5, 99.99999999999999)] == ["1,234", "0.5", "100"]
    assert [p_value(value) for value in (np.nan, 1e-9, 0.0321, 0.4, 1)] == [
        "-", "< 0.0001", "0.032", "0.40", "1.00",
    ]  # fmt: skip


def test_an_interval_has_two_digits_of_its_half_width():
    assert interval(0.99842, 1.02876) == "0.998 to 1.029"
    assert interval(-0.0182, 0.01364) == "-0.018 to 0.014"
    assert interval(101.11, 214.32) == "101 to 214"
    assert interval(-0.3, 246912) == "0 to 246,912"
    assert interval(1e-7, 2e-7) == "1.000e-07 to 2.000e-07"
    assert interval(2, 2) == "2.000 to 2.000"
    assert interval(2, np.inf) == "2.000 to inf"
    assert interval(np.nan, 1) == interval(1, np.nan) == "-"
