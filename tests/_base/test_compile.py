"""Kernels are compiled when it pays, and whether or not there is a place to keep them."""

import numba
import numpy as np
import pytest

from elinvar._base import _compile
from elinvar._base._compile import compiled
from elinvar.datasets import load_penguins
from elinvar.inference import LinearProblem
from elinvar.inference.kernels._lasso import lasso_fits
from elinvar.inference.kernels._path import follow_path
from elinvar.inference.losses.squared._lasso import lasso_without
from elinvar.inference.losses.squared._path import default_strengths, path_coefficients


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


@pytest.mark.parametrize("fastmath", [False, True])
def test_a_kernel_without_a_place_to_be_kept_still_runs(monkeypatch, fastmath):
    njit = numba.njit

    def refusing(*functions, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*functions, **options)

    monkeypatch.setattr(numba, "njit", refusing)
    assert compiled(fastmath=fastmath)(total)(np.array([1.0, 2.0])) == 3.0


def test_nan_does_not_pass_silently():
    assert np.isnan(compiled(fastmath=True)(total)(np.array([1.0, np.nan])))


def test_python_runs_a_kernel_until_compiling_pays():
    ran = []

    def look(values):
        ran.append("python")

    kernel = compiled(work=lambda values: 0.4 * _compile._PAYS)(look)
    kernel.machine = lambda values: ran.append("machine")
    for _ in range(4):
        kernel(np.ones(2))
    assert ran == ["python", "python", "machine", "machine"]


def test_python_and_the_compiler_make_the_same_of_kernels(monkeypatch):
    moments = load_penguins().environments().moments()
    problem = LinearProblem.from_moments(moments)
    found = {}
    for form in ("python", "machine"):
        for kernel in (lasso_fits, follow_path):
            monkeypatch.setattr(kernel, "_work", lambda *_: 0.0)
            monkeypatch.setattr(kernel, "python", getattr(kernel, form))
        path, converged = path_coefficients(problem, default_strengths())
        folds = [np.array([e]) for e in range(len(problem.count))]
        lassos = lasso_without(moments, problem.weights, folds)
        found[form] = [path, converged, *(model.coef for model in lassos)]
        monkeypatch.undo()
    for own, other in zip(found["python"], found["machine"], strict=True):
        np.testing.assert_array_equal(own, other)


def test_the_first_kernel_that_is_compiled_says_so_once(monkeypatch, capsys):
    monkeypatch.setattr(_compile, "_announced", [])

    def doubled(value):
        return 2.0 * value

    doubled.__module__ = "elinvar.example"
    njit = numba.njit
    monkeypatch.setattr(numba, "njit", lambda *own, cache=False, **options: njit(*own, **options))
    try:
        kernels = [compiled()(doubled) for _ in range(2)]
        assert [kernel(1.5) for kernel in kernels] == [3.0, 3.0]
    finally:
        numba.core.event.unregister("numba:compile", _compile._announced[0])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("elinvar: compiling once")
