"""What cannot be run is refused in one sentence, before anything is computed."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
import sweep_cells

from elinvar.errors import DataError, FileError
from elinvar.sweeps import Sweep, run_sweep


def cell(*, rng, a, b=0):
    return {"value": a}


def sentence(raised):
    text = str(raised.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 300
    return text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"axes": {}}, "no axes"),
        ({"axes": {"a": ()}}, "'a' is empty"),
        ({"axes": {"a": (1, 2, 1)}}, "value 1 twice"),
        ({"axes": {"a": (1, 1.0)}}, "value 1 twice"),
        ({"axes": {"a": (1, "x")}}, "mixes numbers and text"),
        ({"axes": {"a": (0, True)}}, "mixes booleans and numbers"),
        ({"axes": {"a": ((1, 2), (3, 4))}}, r"value \(1, 2\)"),
        ({"axes": {"a": (1.0, np.nan)}}, "value nan"),
        ({"axes": {"a": (None,)}}, "value None"),
        ({"axes": {"a": (2**70,)}}, "needed numbers"),
        ({"axes": {"a": "text"}}, "sequence"),
        ({"axes": {"a": 3}}, "sequence"),
        ({"axes": {1: (1,)}}, "called 1"),
        ({"axes": {"a": (1,), "rng": (1,)}}, "called 'rng'"),
        ({"axes": {"a": (1,), "c": (1,)}}, "cannot be called with rng, a, c"),
        ({"axes": {"b": (1,)}}, "missing a required argument: 'a'"),
        ({"fixed": {"a": 1}}, "'a' is a fixed value and an axis"),
        ({"fixed": {"rng": 1}}, "'rng' is a fixed value and the generator"),
        ({"fixed": {"b": object()}}, "'b' holds a object"),
        ({"fixed": {"b": [1, {"x": len}]}}, "'b' holds a builtin"),
        ({"fixed": [1]}, "fixed is"),
        ({"fixed": {1: 1}}, "called 1"),
        ({"problem": ("c",)}, "'c', which is no axis"),
        ({"problem": "a"}, "tuple of names"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"name": ""}, "name of a sweep is ''"),
        ({"function": 3}, "function of a sweep is 3"),
    ],
)
def test_a_sweep_that_cannot_be(wrong, words):
    with pytest.raises(DataError, match=words) as raised:
        Sweep(**{"name": "bad", "function": cell, "axes": {"a": (1, 2)}, **wrong})
    sentence(raised)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"workers": 1.5}, "workers is 1.5"),
        ({"workers": True}, "workers is True"),
        ({"backend": "dask"}, "backend is 'dask'; choose among 'threads', 'processes'"),
        ({"cluster": 8786}, "cluster is 8786"),
    ],
)
def test_a_crew_that_cannot_be(wrong, words):
    with pytest.raises(DataError, match=words) as raised:
        run_sweep(sweep_cells.draws(), **wrong)
    sentence(raised)


def test_only_other_processes_need_a_function_that_can_be_imported():
    sweep = Sweep(name="local", function=lambda *, rng, a: {"value": a}, axes={"a": (1, 2)})
    assert run_sweep(sweep, workers=2)["value"].tolist() == [1, 2]
    for where in ({"backend": "processes"}, {"cluster": "tcp://127.0.0.1:1"}):
        with pytest.raises(DataError, match=r"lambda.* cannot go to other processes") as raised:
            run_sweep(sweep, **where)
        assert "'threads'" in str(raised.value)


def test_something_else_than_a_sweep():
    with pytest.raises(DataError, match="Only a Sweep"):
        run_sweep({"a": (1, 2)})


def test_places_where_no_table_can_be(tmp_path, monkeypatch):
    sweep = sweep_cells.draws()
    with pytest.raises(FileError, match="Create it first") as raised:
        run_sweep(sweep, tmp_path / "none" / "a.parquet")
    sentence(raised)
    with pytest.raises(FileError, match="is a folder"):
        run_sweep(sweep, tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FileError, match="no permission"):
        run_sweep(sweep, tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Settings:
    dim: int
    step: float = 0.1


def test_fixed_values_may_be_made_of_values():
    fixed = {"b": [Settings(dim=3), {"x": np.arange(3.0), "y": None}, (1, "z", np.float32(2.0))]}
    sweep = Sweep(name="fixed", function=cell, axes={"a": (1, 2)}, fixed=fixed)
    assert len(run_sweep(sweep)) == len(sweep) == 2
