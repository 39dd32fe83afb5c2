"""Files: every format means the same, memory stays bounded, damage gets one sentence."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from elinvar.environments import Environments, Moments, Roles, encode_files, read_classes
from elinvar.errors import DataError, DataTypeError, ElinvarError, FileError

ROLES = {"target": "y", "environment": "site"}


def frame(n=200):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "whole": rng.integers(0, 9, n),
            "flag": rng.random(n) > 0.5,
            "kind": rng.choice(["u", "v", "w"], n),
            "site": rng.choice(["Oslo", "Bergen"], n),
            "year": rng.choice([2020, 2021], n),
            "y": rng.normal(size=n),
        }
    )


def write_gzip(table, path):
    path.write_bytes(gzip.compress(table.to_csv(index=False).encode()))


def write_polars(frame, path):
    pytest.importorskip("polars").from_pandas(frame).write_ipc(path)


WRITERS = {
    "t.csv": lambda f, p: f.to_csv(p, index=False),
    "t.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "t.txt": lambda f, p: f.to_csv(p, index=False, sep=";"),
    "bom.csv": lambda f, p: f.to_csv(p, index=False, encoding="utf-8-sig"),
    "t.CSV.gz": write_gzip,
    "t.parquet": lambda f, p: f.to_parquet(p, row_group_size=70),
    "no_ending": lambda f, p: f.to_parquet(p),
    "t.feather": lambda f, p: f.to_feather(p),
    "polars.arrow": write_polars,
    "category.parquet": lambda f, p: f.astype({"kind": "category"}).to_parquet(p),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_means_the_same(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](frame(), path)
    expected = Environments.from_frame(frame(), **ROLES)
    data = Environments.from_files(path, **ROLES)
    moments = Moments.from_files(str(path), **ROLES)
    assert data.schema == moments.schema == expected.schema
    np.testing.assert_array_equal(data.X, expected.X)
    np.testing.assert_array_equal(data.codes, expected.codes)
    np.testing.assert_allclose(moments.cov_xx, expected.moments().cov_xx, atol=1e-12)
    X, labels = next(encode_files(path, expected.schema, environments=True))
    np.testing.assert_array_equal(X, expected.X)
    assert labels == [expected.names[code] for code in expected.codes]


def test_globs_lists_and_mixed_formats(tmp_path):
    frame()[:80].to_csv(tmp_path / "p1.csv", index=False)
    frame()[80:81].to_csv(tmp_path / "p2.csv", index=False)
    frame()[81:][frame().columns[::-1]].to_parquet(tmp_path / "p3.parquet")
    expected = Moments.from_frame(frame(), **ROLES)
    for path in (
        tmp_path / "p*",
        [tmp_path / "p1.csv", str(tmp_path / "p[23].*")],
        [tmp_path / "p3.parquet", tmp_path / "p1.csv", tmp_path / "p2.csv"],
    ):
        moments = Moments.from_files(path, **ROLES)
        assert moments.schema == expected.schema or isinstance(path, list)
        assert moments.n_rows == 200
        if not isinstance(path, list):
            np.testing.assert_allclose(moments.cov_xx, expected.cov_xx, atol=1e-12)
    site = {"target": "y", "environment": "year", "drop": "site"}
    with pytest.raises(DataError, match=r"NaN\) in a \(1\).* in row 1 of p2.csv"):
        broken = pd.read_csv(tmp_path / "p2.csv").assign(a=np.nan)
        broken.to_csv(tmp_path / "p2.csv", index=False)
        Moments.from_files(tmp_path / "p*", **site)


def rows(cells, column="t"):
    lines = [f"{cell},{i + 2},{i * i % 7},s{i % 2}" for i, cell in enumerate(cells)]
    return "\n".join([f"{column},x,y,site", *lines, ""])


LATE = 100_000


def test_a_csv_column_is_judged_by_all_its_values(tmp_path):
    """What a column holds shows far beyond the first megabyte."""
    path = tmp_path / "t.csv"
    path.write_text(rows([str(i % 9) for i in range(LATE)] + ["2.5"]))
    assert Moments.from_files(path, **ROLES).schema.columns == ("t", "x")
    path.write_text(rows([str(i % 9) for i in range(LATE)] + ["?"]))
    message = rf"t is text, though 100,000 of its 100,001 values.*'\?' in row {LATE + 1:d}"
    with pytest.raises(DataError, match=message):
        Moments.from_files(path, **ROLES)
    path.write_text(rows(["1"] * LATE + ["a"] * (LATE + 9)))
    assert Moments.from_files(path, **ROLES).schema.levels == {"t": ("1", "a")}
    path.write_text(rows(["a"] * LATE + ["1"] * (LATE + 9)))
    with pytest.raises(DataError, match=r"t is text.*'a' in row 1 "):
        Moments.from_files(path, **ROLES)
    path.write_text(rows([""] * LATE + ["7"]))
    assert Moments.from_files(path, **ROLES, missing="impute").schema.fill["t"] == 7.0
    path.write_text(rows(["true"] * LATE + ["maybe"]))
    assert Moments.from_files(path, **ROLES).schema.levels == {"t": ("maybe", "true")}


def test_a_late_text_in_the_target_or_at_predict_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(rows([str(i % 9) for i in range(LATE)] + ["?"], "z"))
    with pytest.raises(DataTypeError, match=rf"target must be a number.*'\?' in row {LATE + 1}"):
        Moments.from_files(path, target="z", environment="site")
    (tmp_path / "good.csv").write_text(rows(["2", "2", "3"], "z"))
    schema = Moments.from_files(tmp_path / "good.csv", **ROLES).schema
    with pytest.raises(DataError, match=r"z must hold numbers, but does not in all rows.*'\?'"):
        list(encode_files(path, schema))


def test_labels_of_csv_files_are_as_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("code,x,y,site\n01,1,1,2020.0\n1,2,5,2021\n02,3,2,2020\n")
    moments = Moments.from_files(path, **ROLES, categorical="code")
    assert moments.names == ("2020", "2021")
    assert moments.schema.levels == {"code": ("01", "1", "02")}
    X, _ = next(encode_files(path, moments.schema))
    assert X[:, :3].argmax(axis=1).tolist() == [0, 1, 2]


def test_missing_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,k,y,site\n1,u,1,p\n,v,2,p\n3,,3,q\n4,NA,NaN,q\n8,u,5,p\nn/a,v,6,q\n")
    with pytest.raises(DataError, match=r"a \(2\), k \(2\) and y \(1\); first in row 2"):
        Moments.from_files(path, **ROLES)
    assert Environments.from_files(path, **ROLES, missing="drop").y.tolist() == [1, 5]
    data = Environments.from_files(path, **ROLES, missing="impute")
    assert data.schema.fill == {"a": 4.0, "k": "(missing)"} and data.n_dropped == 1
    path.write_text("a,y,site\n1,1,p\n2,2,\n")
    with pytest.raises(DataError, match="site: the environment label is missing in 1 row"):
        Moments.from_files(path, **ROLES)


def test_column_names_may_be_odd(tmp_path):
    table = frame(30).rename(columns={"a": "a.b", "whole": "a", "kind": "größe, [m] =x"})
    table["a.b.c"] = np.arange(30.0)
    expected = Environments.from_frame(table, **ROLES)
    for name in ("t.csv", "t.parquet", "t.feather"):
        WRITERS[name](table, tmp_path / name)
        data = Environments.from_files(tmp_path / name, **ROLES)
        assert data.schema == expected.schema
        np.testing.assert_array_equal(data.X, expected.X)


def test_quoted_line_breaks(tmp_path):
    path = tmp_path / "t.csv"
    cells = ['"x\ny"' if i % 2 else "z" for i in range(1000)]
    path.write_text(rows(cells))
    assert Moments.from_files(path, **ROLES).schema.levels == {"t": ("x\ny", "z")}


LATE_KEY = b'{"a": 1, "y": 2, "site": "s"}\n' * 60_000 + b'{"a": 1, "y": 2, "site": "s", "b": 1}\n'
BAD = {
    "empty.csv": (b"", r"empty.csv is empty \(0 bytes\)"),
    "empty.parquet": (b"", r"is empty \(0 bytes\)"),
    "blank.csv": (b"\n\n", "is empty: its first line"),
    "header.csv": (b"a,y,site\n", "no rows, 0 sample"),
    "cut.csv": (b"a,y,site\n1,2,s\n1,2", "cut short: line 3 has 2 fields where the header has 3"),
    "ragged.csv": (b"a,y,site\n1,2,s\n1,2,s,4\n", "line 3 has 4 fields"),
    "twice.csv": (b"a,a,y,site\n1,1,2,s\n", "duplicated column names: 'a'"),
    "greek.csv": ("a,y,site\n1,2,νότος\n".encode("cp1253"), "not UTF-8 text.*iconv"),
    "chinese.csv": ("北京,y,site\n1,2,e\n".encode("gb18030"), "not UTF-8 text"),
    "binary.csv": (b"a,y\x00\x01\x02site\n", "not a text file"),
    "noise.csv": (bytes(range(1, 255)) * 9, "noise.csv"),
    "quote.csv": (b'a,y,site\n"1,2,s\n1,2,s\n', "quote.csv"),
    "cut.csv.gz": (gzip.compress(os.urandom(3000))[:200], "cut.csv.gz cannot be read"),
    "fake.parquet": (b"hello world", "fake.parquet cannot be read; it is damaged"),
    "fake.feather": (b"hello world", "cannot be read; it is damaged"),
    "magic.parquet": (b"PAR1" + b"\0" * 99 + b"PAR1", "cannot be read; it is damaged"),
    "magic.arrow": (b"ARROW1\0\0" + b"\0" * 99, "cannot be read; it is damaged"),
    "old.feather": (b"FEA1" + b"\0" * 99 + b"FEA1", "cannot be read; it is damaged"),
    "parquet.csv": (b"PAR1abcPAR1", "ends in .csv, but its content is Parquet"),
    "book.xlsx": (b"PK\x03\x04abc", "cannot be read: it is damaged"),
    "old.xls": (b"\xd0\xcf\x11\xe0", "another program: read it with pandas.read_excel"),
    "old.csv": (b"\xd0\xcf\x11\xe0", "workbook of an old format"),
    "stata.dta": (b"<stata_dta>", "read it with pandas.read_stata"),
    "page.csv": (b"<!DOCTYPE html><html>a,y,site", "is a web page"),
    "noending": (b"a,y\0site\n1,2,s\n", "of a format that is not known; files that can be read"),
    "parts.json": (b"[1, 2]", "no list of objects"),
    # pyarrow before 20 reads such a file at once: what its first rows lack is missing there
    "late.jsonl": (LATE_KEY, r"keys further down that its first rows lack|\(NaN\) in b \("),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files_get_one_sentence(tmp_path, name):
    content, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    for read in (Moments.from_files, Environments.from_files):
        with pytest.raises(ElinvarError, match=message) as caught:
            read(path, **ROLES)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.CSV.gz"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](frame(), path)
    whole = path.read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileError, match=r"damaged|cannot be read"):
            Moments.from_files(path, **ROLES)


def test_paths_that_lead_nowhere(tmp_path):
    WRITERS["t.csv"](frame(), tmp_path / "table.csv")
    for path, message in (
        (tmp_path / "tabel.csv", "There is no file .*tabel.csv; did you mean 'table.csv'"),
        (tmp_path / "no" / "t.csv", "the folder .*no does not exist"),
        (tmp_path / "*.parquet", r"No file matches .*\*.parquet"),
        ([], "list of files is empty"),
        ([tmp_path / "table.csv"] * 2, "named twice"),
        (3, "A path, a pattern or a list of paths is needed; got 3"),
        ([3], "A path is needed; got 3"),
        ("a\0b", "cannot be opened"),
        ("", "not a path"),
    ):
        with pytest.raises(FileError, match=message):
            Moments.from_files(path, **ROLES)
    if os.getuid():
        (tmp_path / "table.csv").chmod(0)
        with pytest.raises(FileError, match="cannot be opened: Permission denied"):
            Moments.from_files(tmp_path / "table.csv", **ROLES)


def test_files_of_different_columns_are_refused(tmp_path):
    WRITERS["t.csv"](frame(), tmp_path / "a.csv")
    WRITERS["t.csv"](frame().rename(columns={"whole": "whloe"}), tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"b.csv lacks the column 'whole'.*did you mean 'whloe'"):
        Moments.from_files(tmp_path / "*.csv", **ROLES)
    with pytest.raises(DataError, match="There is no target column 'z'"):
        Moments.from_files(tmp_path / "a.csv", target="z", environment="site")
    schema = Moments.from_files(tmp_path / "a.csv", **ROLES).schema
    with pytest.raises(DataError, match="There is no column 'whole'; did you mean 'whloe'"):
        list(encode_files(tmp_path / "b.csv", schema))


def test_types_may_differ_between_files(tmp_path):
    pq.write_table(
        pa.table({"a": [1, 2], "y": [1.0, 2], "site": ["p", "q"]}), tmp_path / "1.parquet"
    )
    pq.write_table(
        pa.table({"a": [2.5, 3], "y": [1, 7], "site": ["p", "q"]}), tmp_path / "2.parquet"
    )
    moments = Moments.from_files(tmp_path / "*.parquet", **ROLES)
    assert moments.schema.levels == {} and moments.n_rows == 4
    pq.write_table(
        pa.table({"a": ["k", "m"], "y": [1, 7], "site": ["p", "q"]}), tmp_path / "3.parquet"
    )
    with pytest.raises(
        DataError, match=r"a is text, though 4 of its 6 .* 'k' in row 1 of 3.parquet"
    ):
        Moments.from_files(tmp_path / "*.parquet", **ROLES)


def test_dates_and_nested_columns_in_files_are_refused(tmp_path):
    table = frame(9).assign(day=pd.Timestamp("2020-01-01"), many=[[1, 2]] * 9)
    WRITERS["t.parquet"](table, tmp_path / "t.parquet")
    with pytest.raises(DataTypeError, match="day holds dates"):
        Moments.from_files(tmp_path / "t.parquet", **ROLES)
    with pytest.raises(DataTypeError, match="many holds neither"):
        Moments.from_files(tmp_path / "t.parquet", **ROLES, drop="day")
    assert Moments.from_files(tmp_path / "t.parquet", **ROLES, drop=["day", "many"]).n_rows == 9
    WRITERS["t.csv"](table.drop(columns="many"), tmp_path / "t.csv")
    with pytest.raises(DataTypeError, match="day holds dates"):
        Moments.from_files(tmp_path / "t.csv", **ROLES)
    by_day = Moments.from_files(
        tmp_path / "t.parquet", target="y", environment=["site", "day"], drop="many"
    )
    assert by_day.names[0] == "Bergen / 2020-01-01"


MEASURE = """
import sys
from pathlib import Path
import narwhals, pyarrow.dataset, pyarrow.parquet
import elinvar.environments
from elinvar import Moments

def memory(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e3

before = memory("VmRSS")
Moments.from_files(sys.argv[1], target="y", environment="site")
print(memory("VmHWM") - before)
"""


def measured(path):
    """MiB that reading a file takes at most, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc to read memory")
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_memory_does_not_grow_with_the_file(tmp_path, ending):
    """Twice the rows, about the same peak."""
    rng = np.random.default_rng(0)
    n = 150_000 if ending == "parquet" else 60_000
    peaks = []
    for times in (1, 2):
        path = tmp_path / f"{times}.{ending}"
        columns = {f"x{j}": rng.normal(size=n * times).round(6) for j in range(50)}
        table = pa.table({**columns, "y": columns["x1"], "site": np.arange(n * times) % 5})
        if ending == "parquet":
            pq.write_table(table, path)
        else:
            pyarrow.csv.write_csv(table, path)
        # on a busy machine readers are farther ahead now and then, by a bounded number of blocks
        peaks.append(min(measured(path) for _ in range(3)))
    assert peaks[1] < 200 and peaks[1] < 1.35 * peaks[0], peaks


def test_importing_is_cheap_and_arrays_need_no_frames():
    code = """
import sys, numpy as np
from elinvar import Moments, Environments
X = np.arange(8.0).reshape(4, 2)
Environments.from_arrays(X, X[:, 0], [1, 1, 2, 2]).moments().schema.encode(X)
heavy = {"pandas", "pyarrow", "matplotlib", "numba", "sklearn", "polars"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_row_identifiers_in_files_are_refused_before_memory_is_taken(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    n = 10_000
    table = pd.DataFrame({f"x{j}": np.arange(n) % 7.0 for j in range(50)})
    table["y"], table["site"] = np.arange(n) % 3.0, np.arange(n)
    WRITERS[f"t.{ending}"](table, path)
    for read in (Moments.from_files, Environments.from_files):
        with pytest.raises(DataError, match=r"10,000 environments for 10,000 rows.*identifier"):
            read(path, **ROLES)


def test_many_sites_that_come_back_later_are_environments(tmp_path):
    path = tmp_path / "t.parquet"
    n, sites = 45_000, 15_000
    table = pd.DataFrame({"x": np.arange(n) % 7.0, "y": np.arange(n) % 3.0})
    table["site"] = np.arange(n) % sites
    WRITERS["t.parquet"](table, path)
    assert Moments.from_files(path, **ROLES).n_environments == sites


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_classes_are_read_in_natural_order_whatever_the_order_of_files(tmp_path, kind):
    first = pd.DataFrame({"grade": ["b", "b", None], "x": [1.0, 2.0, 3.0], "site": "north"})
    second = pd.DataFrame({"grade": ["a10", "a2"], "x": [4.0, 5.0], "site": "south"})
    for name, frame in (("1", first), ("2", second)):
        path = tmp_path / f"{name}.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    roles = Roles(target="grade", environment="site", missing="drop")
    rows = read_classes(tmp_path / f"*.{kind}", roles)
    assert rows.classes == ("a2", "a10", "b")
    assert rows.y.tolist() == [2, 2, 1, 0]
    assert rows.n_dropped == 1 and rows.schema.target == "grade"
    assert rows.exclude("north").classes == rows.classes


def test_codes_of_classes_may_be_numbers(tmp_path):
    frame = pd.DataFrame({"ill": [0, 1, 1, 0], "x": [1.0, 2.0, 3.0, 4.0], "site": [1, 1, 2, 2]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    rows = read_classes(tmp_path / "rows.csv", Roles(target="ill", environment="site"))
    assert rows.classes == ("0", "1") and rows.y.tolist() == [0, 1, 1, 0]


def test_a_class_that_is_missing_is_refused(tmp_path):
    frame = pd.DataFrame({"ill": ["yes", None], "x": [1.0, 2.0], "site": ["a", "b"]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"missing values .* in ill .*row 2"):
        read_classes(tmp_path / "rows.csv", Roles(target="ill", environment="site"))


def test_a_target_of_text_is_refused_with_what_takes_it(tmp_path):
    frame = pd.DataFrame({"ill": ["yes", "no"], "x": [1.0, 2.0], "site": ["a", "b"]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataTypeError, match=r"'yes' in row 1.*--classify"):
        Moments.from_files(tmp_path / "rows.csv", target="ill", environment="site")


def test_days_of_csv_files_have_no_time(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y,site\n1,1,2020-01-01 00:00:00\n2,2,2021-01-01T00:00\n3,3,2020-01-01\n")
    assert Moments.from_files(path, **ROLES).names == ("2020-01-01", "2021-01-01")


def test_levels_of_a_text_column_are_read_again_as_they_were(tmp_path):
    path = tmp_path / "t.csv"
    kind = ["low", "1.0", "2024-01-01 00:00"] * 10
    frame = pd.DataFrame({"kind": kind, "y": range(30), "site": ["a", "b"] * 15})
    frame.to_csv(path, index=False)
    moments = Moments.from_files(path, target="y", environment="site")
    assert set(moments.schema.levels["kind"]) == set(kind)
    ((X, _),) = encode_files(path, moments.schema)
    assert X.sum(axis=0).tolist() == [10.0, 10.0, 10.0]
