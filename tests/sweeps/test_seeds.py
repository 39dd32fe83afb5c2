"""Who sees which data."""

import os
import subprocess
import sys

import numpy as np
import pytest
import sweep_cells
from scipy.stats import kstest

from elinvar.sweeps import Sweep, run_sweep


def first(*, rng, **cell):
    return {"value": rng.random()}


def values(axes, problem=("a",), name="seeds", seed=0):
    """Return the first number of each cell, by the values of its axes in sorted order."""
    table = run_sweep(Sweep(name=name, function=first, axes=axes, problem=problem, seed=seed))
    names = sorted(axes)
    return {tuple(row[n] for n in names): row["value"] for row in table.to_dict("records")}


AXES = {"a": (1, 2.5), "b": ("x", "y"), "repetition": (0, 1)}


def test_data_belong_to_the_problem_and_the_repetition():
    found = values(AXES)
    assert len(set(found.values())) == 4
    for (a, _, repetition), value in found.items():
        assert value == found[a, "x", repetition]
    # without the axis among the problem's, nothing but the repetition makes a difference
    assert len(set(values(AXES, problem=()).values())) == 2
    assert len(set(values(AXES, problem=("a", "b")).values())) == 8


@pytest.mark.parametrize(
    "axes",
    [
        {**AXES, "a": (0, 1, 2, 2.5), "repetition": range(5)},
        {**AXES, "b": ("w", "x", "y"), "a": (2.5, 1)},
        {"repetition": (1, 0), "b": ("x", "y"), "a": (2.5, np.float64(1.0))},
    ],
)
def test_more_values_and_another_order_change_no_other_cell(axes):
    before, after = values(AXES), values(axes)
    assert {cell: after[cell] for cell in before} == before


def test_name_and_seed_change_all_data():
    before = set(values(AXES).values())
    assert before.isdisjoint(values(AXES, name="other").values())
    assert before.isdisjoint(values(AXES, seed=1).values())
    assert before == set(values(AXES, seed=np.int64(0)).values())


def test_kinds_of_values_are_told_apart():
    texts, numbers = values({"a": ("1", "2")}), values({"a": (1, 2)})
    assert set(texts.values()).isdisjoint(numbers.values())


def test_seeds_are_the_same_in_every_process_and_version():
    # a change of this number changes every table that was ever made
    assert values({"a": (1,)})[(1,)] == 0.49227908590745506
    program = (
        "import sweep_cells; from elinvar.sweeps import run_sweep;"
        "print(run_sweep(sweep_cells.draws())['value'].sum().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.path.dirname(__file__)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {run_sweep(sweep_cells.draws())["value"].sum().hex()}


def test_cells_draw_independently():
    found = values({"a": np.arange(60), "repetition": range(50)})
    grid = np.array(list(found.values())).reshape(60, 50)
    assert kstest(grid.ravel(), "uniform").pvalue > 1e-3
    # neighbours in the grid: correlations of 3,000 pairs have an sd of 0.018
    for one, other in ((grid[1:], grid[:-1]), (grid[:, 1:], grid[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 * 0.018
