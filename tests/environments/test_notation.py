"""Numbers as people write them are never taken for categories without a word."""

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor
from elinvar.environments import Environments, Moments, Notation, encode_files
from elinvar.errors import DataError, ElinvarWarning

ROLES = {"target": "y", "environment": "site"}
PLAIN = [0.5, -1.25, 2.0, 1500.0, -0.5, 3.5]


def table(cells):
    n = len(cells)
    return pd.DataFrame(
        {"x": cells, "y": np.arange(n) % 7, "site": ["p", "q"] * (n // 2) + ["p"] * (n % 2)}
    )


UNIT, COMMA = {"numeric": "x"}, {"decimal": ","}
BRACKETS = {"numeric": "x", "thousands": ","}
WAYS = {
    "decimal comma": (["0,5", "-1,25", "2", "1500", "-,5", "3,5"], {"decimal": ","}),
    "comma, thousands point": (
        ["0,5", "-1,25", "2,0", "1.500", "-0,5", "3,5"],
        {"decimal": ",", "thousands": "."},
    ),
    "thousands comma": (
        ["0.5", "-1.25", "2", "1,500", "-.5", "3.50"],
        {"thousands": ","},
    ),
    "thousands blank": (
        ["0.5", "-1.25", "2", "1\u202f500", "-0.5", "3.5"],
        {"thousands": " "},
    ),
    "thousands apostrophe": (
        ["0.5", "-1.25", "2", "1\u2019500.0", "-0.5", "3.5"],
        {"thousands": "'"},
    ),
    "percent": (["0.5%", "-1.25 %", "2%", "1500%", "-.5%", "3.5%"], {"numeric": "x"}),
    "currency": (["$0.5", "-$1.25", "$2", "$1500", "-$0.5", "$3.5"], {"numeric": "x"}),
    "currency, thousands": (
        ["0.5 €", "-1.25 €", "2 €", "1,500 €", "-0.5 €", "3.5 €"],
        {"numeric": "x", "thousands": ","},
    ),
    "exponent": (["5e-1", "-1,25e0", "2", "1,5e+3", "-5e-1", "3,5"], {"decimal": ","}),
    "text of spreadsheets": (["'0.5", "-'1.25", "'2", "'1500", "-'.5", "'3.5"], {"numeric": "x"}),
    "formulas": (['="0.5"', "-1.25", '="2"', '="1500"', "-.5", '="3.5"'], {"numeric": "x"}),
    "minus behind": (["0.5", "1.25-", "2", "1500", "0.5-", "3.5"], {"numeric": "x"}),
    "limits": (["<0.5", "-1.25", "~2", ">1500", "-.5", "<= 3.5"], {"numeric": "x"}),
    "losses in brackets": (["0.5", "(1.25)", "2", "1,500", "(.5)", "3.5"], BRACKETS),
    "losses with currency": (
        ["$0.5", "$(1.25)", "$2", "$1500", "($0.5)", "$3.5"],
        {"numeric": "x"},
    ),
    "currencies by name": (
        ["Rs. 0.5", "-Rs. 1.25", "Rs. 2", "Rs. 1500", "-Rs. .5", "Rs. 3.5"],
        UNIT,
    ),
    "unit of letters": (
        ["0,5 zł", "-1,25 zł", "2 zł", "1500 zł", "-,5 zł", "3,5 zł"],
        COMMA | UNIT,
    ),
    "unit": (["0.5 kg", "-1.25kg", "2 kg", "1500 kg", "-0.5 kg", "3.5 kg"], {"numeric": "x"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_numbers_written_otherwise_are_refused_with_what_reads_them(way, tmp_path):
    cells, said = WAYS[way]
    path = tmp_path / "t.csv"
    table(cells).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"^x holds numbers written .* in row \d") as caught:
        Moments.from_frame(table(cells), **ROLES)
    for name, value in said.items():
        assert f"{name}={value!r}" in str(caught.value)
    with pytest.raises(DataError, match=r"^x holds numbers written"):
        Moments.from_files(path, **ROLES)
    with pytest.raises(DataError, match="turn them into numbers first"):
        frame = table(cells)
        InvariantRegressor().fit(frame[["x"]], frame["y"], environments=frame["site"])
    for data in (
        Environments.from_frame(table(cells), **ROLES, **said),
        Environments.from_files(path, **ROLES, **said),
    ):
        assert data.schema.levels == {} and data.X[:, 0].tolist() == PLAIN
    given = {"decimal": ".", "thousands": None, "na": None, "no_na": False, "numeric": None}
    ((X, _),) = encode_files(path, data.schema, notation=Notation.of(**(given | said)))
    assert X[:, 0].tolist() == PLAIN
    with pytest.raises(DataError, match=r"x must hold numbers.*read them with|say whether"):
        data.schema.encode(table(cells))


@pytest.mark.parametrize("way", WAYS)
def test_frames_of_polars_are_read_alike(way):
    cells, said = WAYS[way]
    frame = pytest.importorskip("polars").from_pandas(table(cells))
    data = Environments.from_frame(frame, **ROLES, **said)
    assert data.schema.levels == {} and data.X[:, 0].tolist() == PLAIN


def test_losses_in_brackets_are_negative():
    data = Environments.from_frame(table(["(5)", "3", "(2.5)", "7"]), **ROLES, numeric="x")
    assert data.X[:, 0].tolist() == [-5, 3, -2.5, 7]


def test_a_minus_of_typography_is_one():
    for minus in "\u2212\u2013":
        data = Environments.from_frame(table([f"{minus}1", "2", f"{minus}.5"]), **ROLES)
        assert data.X[:, 0].tolist() == [-1, 2, -0.5]
    apart = Environments.from_frame(table(["- 1", "2", "+ .5"]), **ROLES)
    assert apart.X[:, 0].tolist() == [-1, 2, 0.5]


def test_what_may_be_two_numbers_is_asked():
    cells = ["1,600", "1,400", "950", "1,200"]
    message = r"say whether '1,600' is 1600 \(thousands=','\) or 1.6 \(decimal=','\)"
    with pytest.raises(DataError, match=message):
        Moments.from_frame(table(cells), **ROLES)
    points = table([cell.replace(",", ".") for cell in cells]).assign(z=["0.5", "1.250", "2", "3"])
    with pytest.raises(DataError, match=r"x: '1.600' in row 1 .* may be 1.6 or 1,600"):
        Moments.from_frame(points, **ROLES, decimal=",")
    # a point that cannot keep thousands apart says what the others are
    data = Environments.from_frame(points, **ROLES, decimal=",", drop="x")
    assert data.X[:, 0].tolist() == [0.5, 1.25, 2, 3]


def test_all_columns_are_named_at_once():
    frame = table(["0,5", "1,5", "2,5"]).assign(z=["1,5", "2", "3"], w=["1 %", "2 %", "4 %"])
    with pytest.raises(DataError, match=r"x and z hold numbers.*decimal=','.*w holds.*numeric='w'"):
        Moments.from_frame(frame, **ROLES)
    assert Moments.from_frame(frame, **ROLES, categorical=["x", "z", "w"]).n_columns == 9


@pytest.mark.parametrize("mark", ["?", "-", "n.a.", "unknown"])
def test_numbers_with_marks_of_missing_values_in_most_rows(mark, tmp_path):
    cells = ["1", mark, "2.5", mark, mark, mark, mark, "3"]
    with pytest.raises(DataError, match=r"though 3 of its 8 values .* missing value, say na="):
        Moments.from_frame(table(cells), **ROLES)
    table(cells).to_csv(tmp_path / "t.csv", index=False)
    for data in (
        Environments.from_frame(table(cells), **ROLES, na=mark, missing="drop"),
        Environments.from_files(tmp_path / "t.csv", **ROLES, na=[mark], missing="drop"),
    ):
        assert data.X[:, 0].tolist() == [1, 2.5, 3] and data.n_dropped == 5


def test_a_number_may_mean_missing(tmp_path):
    frame = table([1.0, -999.0, 3.0, 4.0]).assign(k=["u", "-999", "v", "u"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for data in (
        Environments.from_frame(frame, **ROLES, na="-999", missing="drop"),
        Environments.from_files(tmp_path / "t.csv", **ROLES, na="-999", missing="drop"),
        Environments.from_files(tmp_path / "t.parquet", **ROLES, na="-999", missing="drop"),
    ):
        assert data.X[:, 0].tolist() == [1, 3, 4] and data.schema.levels == {"k": ("u", "v")}


def test_na_may_be_a_label(tmp_path):
    """The country code of Namibia."""
    path = tmp_path / "t.csv"
    path.write_text("x,k,y,site\n1,NA,1,NA\n2,b,2,ZA\nNA,b,2,NA\n3,b,1,ZA\n")
    with pytest.raises(DataError, match="no_na=True"):
        Moments.from_files(path, **ROLES)
    data = Environments.from_files(path, **ROLES, no_na=True, missing="drop")
    assert data.names == ("NA", "ZA") and data.schema.levels == {"k": ("NA", "b")}
    assert data.X[:, 0].tolist() == [1, 2, 3] and data.n_dropped == 1


@pytest.mark.parametrize(
    "cells",
    [
        ["1-2", "3-4", "1-2", "5+"],
        ["0", "+", "-", "0"],
        ["1st", "2nd", "3rd", "4th"],
        ["5a", "7b", "12c", "5a"],
        ["1,2", "2,3", "1,2,3", "a"],
        ["2020-01-02", "12.03.2020", "a", "b"],
        ["Q1 2020", "2020", "May 2020", "2020"],
        ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"],
        ["A1", "B2", "A1", "C3"],
    ],
)
def test_categories_that_hold_digits_stay_categories(cells):
    schema = Moments.from_frame(table(cells), **ROLES).schema
    assert set(schema.levels["x"]) == set(cells)


def test_few_amounts_with_a_unit_are_categories_with_a_warning():
    with pytest.warns(ElinvarWarning, match=r"such as '2wd', .*numeric='x'"):
        data = Moments.from_frame(table(["4wd", "2wd", "4wd", "2wd"]), **ROLES)
    assert data.schema.levels == {"x": ("2wd", "4wd")}


def test_grades_are_told_what_the_caller_can_say():
    frame = table(["K", "1", "2", "3", "1", "2"])
    with pytest.raises(DataError, match=r"name it in categorical="):
        Moments.from_frame(frame, **ROLES)
    with pytest.raises(DataError) as caught:
        InvariantRegressor().fit(frame[["x"]], frame["y"], environments=frame["site"])
    assert "astype('category')" in str(caught.value) and "categorical=" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"decimal": ";"}, "point or a comma; got ';'"),
        ({"thousands": "ab"}, "one sign"),
        ({"decimal": ",", "thousands": ","}, "cannot both be ','"),
        ({"numeric": "z"}, "no column 'z'"),
    ],
)
def test_notations_that_cannot_be_are_refused(said, message):
    with pytest.raises(DataError, match=message):
        Moments.from_frame(table([1.0, 2.0]), **ROLES, **said)


def test_thousands_of_a_thousand_are_written_in_full():
    for cells in (["1.5k", "2.5k", "630", "1k", "2k", "7k"], ["1M", "2M", "3M", "4M", "5M", "7M"]):
        for said in ({}, {"numeric": "x"}):
            with pytest.raises(DataError, match=r"'[kM]' behind them.*write them in full|'1"):
                Moments.from_frame(table(cells), **ROLES, **said)
    indian = Environments.from_frame(table(["1,10,000", "2,500"]), **ROLES, thousands=",")
    assert indian.X[:, 0].tolist() == [110_000, 2500]


def test_dates_in_text_are_no_categories():
    for cells in (
        ["01.03.2020", "2.3.2020"],
        ["2020-03-01", "2020-03-02"],
        ["3/1/2020 12:00"] * 2,
        ["1979 Q3", "1979 Q4"],
        ["Q3 1979", "Q1 1980"],
        ["2020-W05", "2020-W11"],
    ):
        with pytest.raises(DataError, match=r"x holds dates or times, such as .*drop='x'"):
            Moments.from_frame(table(cells), **ROLES)
        schema = Moments.from_frame(table(cells), **ROLES, categorical="x").schema
        assert set(schema.levels["x"]) == set(cells)
        with pytest.raises(DataError, match="x holds dates") as caught:
            Environments.from_arrays(table(cells)[["x"]], table(cells)["y"], ["p", "q"])
        assert "drop=" not in str(caught.value)


@pytest.mark.parametrize("cells", [["5 kg", "500 g", "2 kg"], ["5%", "0.07", "8%"], ["$5", "5 €"]])
def test_units_that_differ_are_refused(cells, tmp_path):
    table(cells).to_csv(tmp_path / "t.csv", index=False)
    for read, data in (
        (Moments.from_frame, table(cells)),
        (Environments.from_files, tmp_path / "t.csv"),
    ):
        with pytest.raises(DataError, match="x holds numbers with several units"):
            read(data, **ROLES, numeric="x")
    same = Environments.from_frame(table(["$5", "7", "8 $"]), **ROLES, numeric="x")
    assert same.X[:, 0].tolist() == [5, 7, 8]


READ = {
    "minus": ["0.5", "\u22121.25", "2", "1500", "\u20130.5", "3.5"],
    "Arabic": ["\u0660\u066b\u0665", "-\u0661\u066b\u0662\u0665", "2", "1\u066c500", "-.5", "3.5"],
    "full width": ["\uff10\uff0e\uff15", "\uff0d1.25", "2", "1500", "-.5", "3.5"],
    "signs that no one sees": ["\u200e0.5", "-1.25\u200b", "\ufeff2", "\u00a01500 ", "-.5", "3.5"],
}


@pytest.mark.parametrize("way", READ)
def test_numbers_in_other_signs_are_read(way, tmp_path):
    table(READ[way]).to_csv(tmp_path / "t.csv", index=False)
    for data in (
        Environments.from_frame(table(READ[way]), **ROLES),
        Environments.from_files(tmp_path / "t.csv", **ROLES),
    ):
        assert data.X[:, 0].tolist() == PLAIN


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["TBD"] * 5 + ["1", "2", "3"], "If 'TBD' means a missing value, say na='TBD'"),
        (["1.5k", "2M", "3k", "4M", "5k", "6k"], "several units .'M' and 'k'"),
        (["5CR", "7", "8", "9 CR"], "'CR' behind them"),
        (["0.18", "2.5", "3", "4.25"], "with a decimal point.*leave out thousands="),
        (["5 Jan 2020", "6-Jan-20"], "dates or times"),
        (["Jan 5, 2020", "Feb 16, 2020"], "dates or times"),
        (["1/2/20", "3/4/21"], "dates or times"),
        (["05:30", "17:45:10"], "dates or times"),
        (["1", "2", "3", "x"], "second line of column names"),
    ],
)
def test_what_else_is_refused(cells, message):
    said = {"numeric": "x"} if "CR" in message else {}
    said |= {"decimal": ",", "thousands": "."} if "point" in message else {}
    with pytest.raises(DataError, match=message):
        Moments.from_frame(table(cells), **ROLES, **said)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["yes", "0", "no", "1"], "numbers beside words such as 'no'.*categorical='x'"),
        ([f"{k}-{k + 1}" for k in range(8)], "texts that begin with numbers, such as '0-1'"),
    ],
)
def test_levels_that_could_be_numbers_are_told(cells, message):
    with pytest.warns(ElinvarWarning, match=message):
        assert set(Moments.from_frame(table(cells), **ROLES).schema.levels["x"]) == set(cells)
    Moments.from_frame(table(cells), **ROLES, categorical="x")
