"""Moments on disk."""

import io
import json
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from elinvar.environments import Moments
from elinvar.errors import DataError, FileError


def moments():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "β", "y"])
    frame["kind"] = rng.choice(["u", None, "w"], 50)
    frame["site"] = rng.integers(0, 3, 50)
    return Moments.from_frame(frame, target="y", environment="site", missing="impute")


def test_what_is_saved_comes_back(tmp_path):
    path = tmp_path / "site.moments"
    saved = moments()
    saved.save(path)
    loaded = Moments.load(str(path))
    assert [p.name for p in tmp_path.iterdir()] == ["site.moments"]
    assert loaded.schema == saved.schema and loaded.names == saved.names
    for name in ("count", "mean_x", "mean_y", "cov_xx", "cov_xy", "var_y"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    assert (loaded + saved).n_rows == 100


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        moments().save(tmp_path / "no" / "m.npz")
    with pytest.raises(FileError, match="is a folder"):
        moments().save(tmp_path)


def edit(path, **changes):
    with np.load(path) as data:
        arrays = dict(data)
    about = json.loads(bytes(arrays["about"]).decode())
    for key, value in changes.items():
        if key in arrays:
            arrays[key] = value
        else:
            about[key] = value
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})


def test_files_that_are_not_moments_are_refused(tmp_path):
    path = tmp_path / "m.npz"
    with pytest.raises(FileError, match="cannot be opened: No such file"):
        Moments.load(path)
    with pytest.raises(FileError, match="cannot be opened"):
        Moments.load(tmp_path)
    for content in (b"", b"PK", b"hello", b"\x93NUMPY" + b"\0" * 99):
        path.write_bytes(content)
        with pytest.raises(FileError, match="not a file of moments"):
            Moments.load(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(FileError, match="damaged or not a file of moments"):
        Moments.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", "x")
    with pytest.raises(FileError, match="damaged or not a file of moments"):
        Moments.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "elinvar-moments/2"}, "written by a newer version of elinvar"),
        ({"format": "elinvar-model/1"}, "not a file of moments"),
        ({"names": ["0", "1"]}, "damaged.*shape"),
        ({"names": 3}, "damaged"),
        ({"schema": {"features": ["a"]}}, "damaged"),
        ({"n_dropped": "x"}, "damaged"),
        ({"var_y": np.array([np.nan, 1, 1])}, "damaged.*NaN"),
        ({"mean_x": None}, "damaged"),
        ({"count": np.array(["a", "b", "c"])}, "damaged"),
        ({"cov_xx": np.array([{}, {}, {}], dtype=object)}, "damaged"),
    ],
)
def test_newer_foreign_and_inconsistent_files_are_refused(tmp_path, changes, message):
    path = tmp_path / "m.npz"
    moments().save(path)
    edit(path, **changes)
    with pytest.raises(FileError, match=message):
        Moments.load(path)


def test_no_damage_goes_unseen(tmp_path):
    path = tmp_path / "m.npz"
    moments().save(path)
    whole = path.read_bytes()
    original = Moments.load(path)
    rng = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        if rng.random() < 0.3:
            del content[rng.integers(len(whole)) :]
        else:
            content[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        try:
            loaded = Moments.load(path)
        except FileError:
            continue
        np.testing.assert_array_equal(loaded.cov_xx, original.cov_xx)
        assert loaded.schema == original.schema


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    moments().save(path)
    before = path.read_bytes()

    def interrupted(file: io.BufferedWriter, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        moments().save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def repacked(path, member, content, **options):
    """Put another member into the archive, with the checksum that it needs."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, old in members.items():
            archive.writestr(name, content if name == member else old)


def header(shape, descr="<f8"):
    file = io.BytesIO()
    about = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("cov_xx.npy", header((3, 10**4, 10**5))),
        ("cov_xx.npy", header((3, 5, 5))),
        ("about.npy", header((10**10,), "|u1")),
        ("about.npy", header((-1,), "|u1")),
        ("about.npy", header((), "|u1") + b"1"),
        ("mean_y.npy", header((3,), "|O") + b"\0" * 24),
        ("mean_y.npy", header((3,), "<c16") + b"\0" * 48),
    ],
)
def test_a_header_cannot_ask_for_memory_that_the_file_does_not_have(tmp_path, member, content):
    path = tmp_path / "m.npz"
    moments().save(path)
    repacked(path, member, content)
    tracemalloc.start()
    with pytest.raises(FileError, match="damaged"):
        Moments.load(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_small_file_cannot_unpack_to_a_large_one(tmp_path):
    path = tmp_path / "bomb.npz"
    moments().save(path)
    names = header((3 * 10**7,), "|u1") + b" " * 3 * 10**7
    repacked(path, "about.npy", names, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1e5
    tracemalloc.start()
    with pytest.raises(FileError, match="damaged"):
        Moments.load(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_names_that_no_file_can_keep_are_refused(tmp_path):
    saved = moments()
    with pytest.raises(DataError, match="half a letter"):
        replace(saved, names=("\udcff", *saved.names[1:])).save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cov_xy", "cov_xx"])
def test_moments_that_no_rows_have_are_refused(tmp_path, name):
    path = tmp_path / "m.npz"
    saved = moments()
    saved.save(path)
    other = getattr(saved, name).copy()
    if name == "cov_xx":
        other[0, 0, 1] += 1e-6
    else:
        other[0] *= 100
    edit(path, **{name: other})
    with pytest.raises(FileError, match="covariances are larger than variances allow, or not"):
        Moments.load(path)
