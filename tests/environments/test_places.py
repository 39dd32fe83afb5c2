"""The environment is a file, a folder, or what a path says; and JSON lines are tables, too."""

import gzip
import os
import sys

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Environments, Moments, encode_files, find_files
from elinvar.errors import DataError, ElinvarError, FileError


def frame(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n).round(3),
            "kind": rng.choice(["u", "v"], n),
            "y": rng.normal(size=n).round(3),
            "site": np.repeat(["north", "south", "west"], n // 3),
            "year": np.tile([2020, 2021], n // 2),
        }
    )


def write(folder, name):
    """Write one file a site, or a site and a year, and return what to read."""
    for (site, year), rows in frame().groupby(["site", "year"]):
        path = folder / name.format(site=site, year=year)
        path.parent.mkdir(parents=True, exist_ok=True)
        own = rows.drop(columns=["site", "year"])
        if path.suffix == ".parquet":
            own.to_parquet(path, index=False)
        else:
            own.to_csv(path, index=False)


LAYOUTS = {
    "{site}-{year}.csv": ("file", "north-2020"),
    "{site}/{year}.parquet": (["folder", "file"], "north / north/2020"),
    "{site}/t{year}/rows.csv.gz": ("file", "north/t2020/rows"),
    "site={site}/year={year}/part.parquet": (["site", "year"], "north / 2020"),
    "b/site={site}/year={year}/part.csv": (["path:site", "path:year"], "north / 2020"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_paths_name_environments(tmp_path, layout):
    environment, name = LAYOUTS[layout]
    write(tmp_path, layout)
    expected = Environments.from_frame(frame(), target="y", environment=["site", "year"])
    data = Environments.from_files(tmp_path, target="y", environment=environment)
    assert data.names[0] == name and data.n_environments == 6
    assert data.schema.features == ("x", "kind")
    np.testing.assert_allclose(data.moments().mean_y, expected.moments().mean_y)
    moments = Moments.from_files(tmp_path, target="y", environment=environment)
    assert moments.names == data.names and moments.n_rows == 60
    labels = [
        label
        for _, batch in encode_files(tmp_path, data.schema, environments=True)
        for label in batch
    ]
    assert labels == [data.names[code] for code in data.codes]


def test_files_of_one_site_each_are_read_by_pattern_and_list(tmp_path):
    for site, rows in frame().groupby("site"):
        rows.drop(columns=["site", "year"]).to_csv(tmp_path / f"{site}.csv", index=False)
    for path in (tmp_path, tmp_path / "*.csv", [tmp_path / f"{s}.csv" for s in ("west", "north")]):
        data = Environments.from_files(path, target="y", environment="file")
        assert data.names == (
            ("north", "west") if isinstance(path, list) else ("north", "south", "west")
        )
    with pytest.raises(DataError, match=r"no environment column 'site'.*environment='file'"):
        Environments.from_files(tmp_path, target="y", environment="site")


def test_what_folders_say_is_a_feature_where_it_tells_files_apart(tmp_path):
    write(tmp_path, "site={site}/year={year}/part.parquet")
    data = Environments.from_files(tmp_path, target="y", environment="site")
    assert data.schema.features == ("x", "kind", "year")
    assert set(data.X[:, -1]) == {2020.0, 2021.0}
    one = tmp_path / "site=north" / "year=2021"
    ((X, _),) = encode_files(one, data.schema)
    assert set(X[:, -1]) == {2021.0}
    alone = Environments.from_files(one, target="y", environment=None)
    assert alone.schema.features == ("x", "kind")


def test_a_column_goes_before_a_path(tmp_path):
    path = tmp_path / "site=elsewhere" / "t.csv"
    path.parent.mkdir()
    frame().assign(file="b").to_csv(path, index=False)
    read = Environments.from_files
    assert read(path, target="y", environment="site").names == ("north", "south", "west")
    assert read(path, target="y", environment="file").names == ("b",)
    assert read(path, target="y", environment="path:site").names == ("elsewhere",)
    with pytest.raises(DataError, match="no environment column 'path:town'"):
        read(path, target="y", environment="path:town")


def test_a_value_that_is_missing_in_a_path(tmp_path):
    write(tmp_path, "site={site}/{year}.csv")
    (tmp_path / "site=west").rename(tmp_path / "site=__HIVE_DEFAULT_PARTITION__")
    with pytest.raises(DataError, match="label is missing in 10 rows"):
        Moments.from_files(tmp_path, target="y", environment="site")
    kept = Moments.from_files(tmp_path, target="y", environment="site", missing="drop")
    assert kept.names == ("north", "south") and kept.n_dropped == 20


def test_of_a_folder_only_tables_are_read(tmp_path):
    write(tmp_path, "{site}{year}.csv")
    for name in ("_SUCCESS", ".hidden.csv", "_tmp/t.csv", "notes.md", "model.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("nothing")
    assert len(find_files(tmp_path)) == 6
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="empty holds no files that can be read"):
        find_files(tmp_path / "empty")


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.jsonl.gz"])
def test_json_lines_mean_the_same(tmp_path, name):
    text = frame().to_json(orient="records", lines=True)
    packed = gzip.compress(text.encode()) if name.endswith("gz") else text.encode()
    (tmp_path / name).write_bytes(packed)
    expected = Environments.from_frame(frame(), target="y", environment=["site", "year"])
    data = Environments.from_files(tmp_path / name, target="y", environment=["site", "year"])
    assert data.schema == expected.schema and data.names == expected.names
    np.testing.assert_array_equal(data.X, expected.X)


def test_json_lines_may_leave_values_out(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"x": 1, "y": 2, "site": "a"}\n{"site": "a", "y": 1}\n{"x": 2.5, "y": 1, "site": "b"}\n'
    )
    with pytest.raises(DataError, match=r"NaN\) in x \(1\); first in row 2"):
        Moments.from_files(path, target="y", environment="site")
    data = Environments.from_files(path, target="y", environment="site", missing="drop")
    assert data.X[:, 0].tolist() == [1, 2.5]
    for text in (
        '{"x": 1',
        "[1, 2]\n",
        '{"x": 1, "y": 1, "site": "a"}\n{"x": "b", "y": 1, "site": "b"}',
    ):
        path.write_text(text)
        with pytest.raises(ElinvarError) as caught:
            Moments.from_files(path, target="y", environment="site")
        assert "JSON parse" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes there")
def test_a_file_whose_name_is_no_unicode_is_an_environment(tmp_path):
    for site, rows in frame().groupby("site"):
        name = f"{site}.csv".encode().replace(b"o", b"\xf6")
        with open(os.path.join(os.fsencode(tmp_path), name), "w") as file:
            rows.drop(columns=["site", "year"]).to_csv(file, index=False)
    data = Moments.from_files([tmp_path], target="y", environment="file")
    assert data.names == (r"n\udcf6rth", r"s\udcf6uth", "west")
