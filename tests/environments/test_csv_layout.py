"""A CSV file's table is found wherever it begins, and what is left out is said."""

import bz2
import gzip
import re

import pytest

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarError, ElinvarWarning, FileError

ROLES = {"target": "y", "environment": "site"}
ROWS = [("0.5", "-1", "north", "1"), ("1.5", "2", "south", "3"), ("2.5", "0", "north", "2")]


def lines(delimiter=",", end="\n"):
    rows = [("x", "z", "site", "y"), *ROWS]
    return end.join(delimiter.join(row) for row in rows) + end


# so many rows tell units from a first row
LONG = lines() + "".join(f"{k}.5,{k},north,{k}\n" for k in range(6))


def check(path, names=("x", "z")):
    data = Environments.from_files(path, **ROLES)
    assert data.schema.features == names
    assert data.X[:3].tolist() == [[0.5, -1], [1.5, 2], [2.5, 0]] and data.n_rows in (3, 9)
    assert data.y[:3].tolist() == [1, 3, 2] and data.names == ("north", "south")


SILENT = {
    "blank lines": "\n  \n" + lines(),
    "blank cells": ",,,\n" + lines(),
    "comments": "# of 2024, all sites\n#\n" + lines(),
    "comment of as many fields": "# a, b, c, d\n" + lines(),
    "sep": "sep=;\n" + lines(";"),
    "sep quoted": '"sep=|"\r\n' + lines("|", "\r\n"),
    "carriage returns": lines(end="\r"),
    "quotes": lines().replace("north", '"north"'),
    "bars": lines("|"),
    "blanks around names": lines().replace("x,z,site,y", "x , z, site,y "),
    "blanks after commas": lines(", "),
    "several blanks": lines("   ").replace("north   1", "north 1  ").replace("0.5", "  0.5"),
    "sign of Hive": lines("\x01"),
    "carets": lines("^"),
    "comments among rows": lines().replace("1.5", "# a break\n1.5"),
    "no line break at the end": lines()[:-1],
    "text of R": lines(" ").replace("x z site y", '"x" "z" "site" "y"'),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_is_certain_needs_no_words(tmp_path, name):
    path = tmp_path / "t.csv"
    path.write_text(SILENT[name], newline="")
    check(path)


SAID = {
    "title": (
        "Measurements of all sites\n" + lines(),
        "1 line above .*'Measurements of all sites'",
    ),
    "title and blank cells": ("All sites,,,\n,,,\n" + lines(), "1 line above"),
    "several lines": ("Export,2024-01-01,,\nby,me,,\n\n" + lines(), "2 lines above .*'Export"),
    "index": (re.sub("^", ",", lines(), flags=re.M)[:-1], "column 1, which has no name"),
    "trailing column": (lines().replace("\n", ",\n"), "column 5, which has no name"),
    "trailing columns": (lines().replace("\n", ",,\n"), "columns 5 and 6, which have no name"),
    "a sign at the end of rows": (
        lines().replace("\n", ",\n").replace("y,", "y"),
        "column 5, which has no name",
    ),
    "title of as many cells": ("Table 1,2024,all,final\n\n" + LONG, "1 line above .*Table 1"),
    "groups of names": (LONG.replace("x,z,site,y", "in,in,place,out\nx,z,site,y"), "1 line above"),
    "groups with blanks": (LONG.replace("x,z,site,y", "in,,place,\nx,z,site,y"), "1 line above"),
    "units": (LONG.replace("site,y", "site,y\ncm,%,,kg"), "1 line below .*'cm,%,,kg'"),
    "types": (LONG.replace("site,y", "site,y\nfloat,int,text,int"), "1 line below"),
    "source below": (LONG + "Source: a yearbook\n", "1 line among rows .'Source: a yearbook'"),
    "many lines": ("".join(f"note {k}\n" for k in range(9)) + LONG, "9 lines above"),
    "row names of R": (
        'x,z,site,y\n"1",0.5,-1,north,1\n"2",1.5,2,south,3\n"3",2.5,0,north,2\n',
        "column 1, which has no name",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_left_out_is_said(tmp_path, name):
    content, message = SAID[name]
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.warns(ElinvarWarning, match=rf"^t\.csv: left out {message}"):
        check(path)


def test_signs_inside_quotes_part_no_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(lines(";").replace("x;z", '"height, mean, cm";"z, other\nunit"'))
    check(path, ("height, mean, cm", "z, other\nunit"))


def test_decimal_commas_part_no_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x;site;y\n0,5;a;1\n1,5;b;3\n2,5;a;2\n")
    assert Moments.from_files(path, **ROLES, decimal=",").schema.features == ("x",)
    path.write_text("x;y\n0,5;1\n1,5;3\n2,5;2\n")
    alone = Environments.from_files(path, target="y", environment=None, decimal=",")
    assert alone.X[:, 0].tolist() == [0.5, 1.5, 2.5]


def test_a_header_may_begin_with_a_hash(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(lines().replace("x,", "#x,", 1))
    check(path, ("#x", "z"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_text_of_spreadsheets_is_read(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_text(lines("\t").replace("z", "größe"), encoding=encoding)
    check(path, ("x", "größe"))


@pytest.mark.parametrize(
    ("name", "pack"),
    [("DATA.CSV.GZ", gzip.compress), ("t.csv.bz2", bz2.compress), ("t.tsv.Gz", gzip.compress)],
)
def test_packed_files_are_known_by_their_ending(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(lines().encode()))
    check(tmp_path / name)


def test_files_packed_by_zstandard(tmp_path):
    import pyarrow as pa

    with pa.output_stream(str(tmp_path / "t.csv.zst"), compression="zstd") as file:
        file.write(lines().encode())
    check(tmp_path / "t.csv.zst")


def test_a_header_may_be_longer_than_a_megabyte(tmp_path):
    names = [f"{'a long name ' * 9}{k}" for k in range(12_000)]
    path = tmp_path / "t.csv"
    values = "\n".join(",".join(["1"] * len(names)) + f",{k},{'ab'[k % 2]}" for k in range(4))
    path.write_text(",".join([*names, "y", "site"]) + "\n" + values + "\n")
    data = Environments.from_files(path, **ROLES, features=[names[0], names[-1]])
    assert data.X.tolist() == [[1, 1]] * 4


def test_lines_of_another_length_are_counted_from_the_top(tmp_path):
    path = tmp_path / "t.csv"
    many = "".join(f"{k},1,north,2\n" for k in range(120_000))
    path.write_text("# a comment\n" + lines() + many + "1,2,north\n")
    with pytest.raises(FileError, match="line 120006 has 3 fields where the header has 4"):
        Moments.from_files(path, **ROLES)


def test_words_of_the_parser_do_not_leak(tmp_path):
    for content in ("a,y,site\n1,2,s\n1,2,s,4\n", 'a,y,site\n"1,2,s\n1,2,s\n', "a,y,site\n1,x,s\n"):
        (tmp_path / "t.csv").write_text(content)
        with pytest.raises(ElinvarError) as caught:
            Moments.from_files(tmp_path / "t.csv", **ROLES)
        assert not re.search("Arrow|Invalid|CSV parse|straddl|Expected|#", str(caught.value))


def test_a_column_without_a_name_may_hold_surprises(tmp_path):
    """Columns are counted by the file, those without a name included."""
    path = tmp_path / "t.csv"
    many = "".join(f",{k},{k % 7}.5,s{k % 2},{k % 5}\n" for k in range(60_000))
    path.write_text(",x,z,site,y\n" + many + ",?,1,s0,1\n")
    with (
        pytest.warns(ElinvarWarning, match="column 1"),
        pytest.raises(DataError, match=r"x is text, though 60,000 .*'\?' in row 60001"),
    ):
        Moments.from_files(path, **ROLES)
    with pytest.warns(ElinvarWarning, match="column 1"):
        assert Moments.from_files(path, **ROLES, drop="x").n_rows == 60_001


def test_files_that_are_packed_without_saying_so(tmp_path):
    (tmp_path / "t.csv").write_bytes(gzip.compress(lines().encode()))
    check(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"PK\x03\x04" + bytes(99))
    with pytest.raises(FileError, match="cannot be read: it is damaged"):
        Moments.from_files(tmp_path / "t.csv", **ROLES)


def test_points_that_may_keep_thousands_apart_are_asked_about(tmp_path):
    path = tmp_path / "t.csv"
    values = [950, 1600, 2450, 870, 12300, 1001, 3020]
    cells = [f"{value:,}".replace(",", ".") for value in values]
    rows = "".join(f"{cell};{k % 3};{'pq'[k % 2]};{k}\n" for k, cell in enumerate(cells))
    path.write_text("x;z;site;y\n" + rows)
    with pytest.warns(ElinvarWarning, match=r"^x: .* say decimal=',' thousands='\.'"):
        Moments.from_files(path, **ROLES)
    data = Environments.from_files(path, **ROLES, decimal=",", thousands=".")
    assert data.X[:, 0].tolist() == values
    path.write_text("x;z;site;y\n" + rows.replace("2.450", "2.45"))
    Moments.from_files(path, **ROLES)


def test_text_of_western_europe_is_read_with_a_word(tmp_path):
    (tmp_path / "t.csv").write_bytes(lines().replace("north", "nörd").encode("cp1252"))
    with pytest.warns(ElinvarWarning, match="read as Windows-1252: '.*nörd"):
        assert Moments.from_files(tmp_path / "t.csv", **ROLES).names == ("nörd", "south")
