"""The same table is read wherever it lies and whatever holds it."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from functools import partial

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from elinvar.environments import Environments, Moments
from elinvar.errors import DataError, ElinvarWarning, FileError

ROLES = {"target": "y", "environment": "site"}
N = 12
TABLE = pd.DataFrame(
    {"x": np.arange(N) % 5 + 0.5, "site": ["north", "south"] * 6, "y": np.arange(N) ** 2 % 7}
)
ROWS = TABLE.to_csv(index=False).encode()
ARROW = pa.Table.from_pandas(TABLE, preserve_index=False)
RECORDS = TABLE.to_dict("records")


def written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def streamed(file):
    with pa.ipc.new_stream(file, ARROW.schema) as writer:
        writer.write_table(ARROW)


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, ROWS)
    return file.getvalue()


def packed(codec):
    return pa.Codec(codec).compress(ROWS, asbytes=True)


CONTENT = {
    "t.csv.bz2": bz2.compress(ROWS),
    "t.csv.xz": lzma.compress(ROWS),
    "t.CSV.ZST": packed("zstd"),
    "t.csv.zip": zipped("inner.csv", "__MACOSX/inner.csv"),
    "two.csv.gz": gzip.compress(ROWS[:50]) + gzip.compress(ROWS[50:]),
    "plain.csv.gz": ROWS,
    "t.gz": gzip.compress(ROWS),
    "t.dat": ROWS,
    "noending": ROWS,
    "t.unknown": json.dumps(RECORDS).encode(),
    "t.json": json.dumps(RECORDS, indent=1).encode(),
    "lines.json": "\n".join(map(json.dumps, RECORDS)).encode(),
    "t.xlsx": written(lambda file: TABLE.to_excel(file, index=False)),
    "t.parquet": written(TABLE.to_parquet),
    "t.feather": written(TABLE.to_feather),
    "t.arrows": written(streamed),
    "stream.arrow": written(streamed),
}


def check(path):
    data = Environments.from_files(path, **ROLES)
    assert data.X[:, 0].tolist() == TABLE["x"].tolist() and data.y.tolist() == TABLE["y"].tolist()
    assert data.names == ("north", "south")


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


@pytest.mark.parametrize("name", CONTENT)
def test_a_table_in_any_hull(name, tmp_path, memory):
    (tmp_path / name).write_bytes(CONTENT[name])
    check(tmp_path / name)
    check(f"file://{tmp_path / name}")
    memory.pipe_file(f"/{name}", CONTENT[name])
    check(f"memory://{name}")


def test_addresses_of_several_files(memory):
    for site, rows in TABLE.groupby("site"):
        body = rows.drop(columns="site")
        memory.pipe_file(
            f"/hive/site={site}/part.parquet", written(partial(body.to_parquet, index=False))
        )
        memory.pipe_file(f"/csv/{site}.csv", body.to_csv(index=False).encode())
    for path, environment in (
        ("memory://hive", "site"),
        ("memory://hive/*/*.parquet", "path:site"),
        ("memory://csv", "file"),
        ("memory://csv/*.csv", "file"),
    ):
        moments = Moments.from_files(path, target="y", environment=environment)
        assert moments.names == ("north", "south") and moments.n_rows == N
    for path in ("memory://nothing.csv", "memory://nothing/*.csv"):
        with pytest.raises(FileError, match="There is no file"):
            Moments.from_files(path, **ROLES)
    with pytest.raises(FileError, match="cannot be read: Protocol not known"):
        Moments.from_files("elsewhere://t.csv", **ROLES)


def test_of_a_workbook_the_first_sheet_is_read(tmp_path):
    path = tmp_path / "t.xlsx"
    day = TABLE.assign(site=pd.to_datetime(["2024-01-01", "2024-01-02"] * 6))
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame([["All sites"]]).to_excel(writer, sheet_name="d", index=False, header=False)
        day.to_excel(writer, sheet_name="d", index=False, startrow=2)
        TABLE.to_excel(writer, sheet_name="notes")
    with pytest.warns(ElinvarWarning, match="its first sheet, 'd', .*'notes'|'All sites'"):
        assert Moments.from_files(path, **ROLES).names == ("2024-01-01", "2024-01-02")


def test_archives_of_several_files_are_refused(tmp_path):
    (tmp_path / "t.zip").write_bytes(zipped("a.csv", "b.csv"))
    with pytest.raises(FileError, match=r"archive of 2 files \(a.csv and b.csv\): unpack it"):
        Moments.from_files(tmp_path / "t.zip", **ROLES)
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress(CONTENT["t.parquet"]))
    with pytest.raises(FileError, match="a packed parquet file; unpack it first"):
        Moments.from_files(tmp_path / "t.parquet.gz", **ROLES)


def test_columns_that_only_later_files_have_are_told(tmp_path):
    TABLE.to_csv(tmp_path / "a.csv", index=False)
    TABLE.assign(more=1.5).to_csv(tmp_path / "b.csv", index=False)
    with pytest.warns(ElinvarWarning, match="more is left out: b.csv has .* a.csv has none"):
        assert Moments.from_files(tmp_path, **ROLES).schema.features == ("x",)
    (tmp_path / "remarks.txt").write_text("all sites\n")
    with pytest.raises(DataError, match=r"remarks.txt lacks the column 'x'.*a pattern"):
        Moments.from_files(tmp_path, **ROLES)


def test_rows_of_sums_are_told():
    total = pd.DataFrame({"x": [30.0], "site": ["Total"], "y": [40]})
    with pytest.warns(ElinvarWarning, match="environments: 'Total' seems to name"):
        Moments.from_frame(pd.concat([TABLE, total]), **ROLES)
