"""Kernels are compiled whether or not there is a place to keep them."""

from types import SimpleNamespace

import numba
import numpy as np
import pytest

from elinvar._base import _compile
from elinvar._base._compile import compiled


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


@pytest.mark.parametrize("fastmath", [False, True])
def test_a_kernel_without_a_place_to_be_kept_still_runs(monkeypatch, fastmath):
    def njit(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    # numba itself goes on with its own: it loads parts of itself when they are first needed
    monkeypatch.setattr(_compile, "numba", SimpleNamespace(njit=njit))
    assert compiled(fastmath=fastmath)(total)(np.array([1.0, 2.0])) == 3.0


def test_nan_does_not_pass_silently():
    assert np.isnan(compiled(fastmath=True)(total)(np.array([1.0, np.nan])))
