from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from elinvar import InvariantRegressor
from elinvar._base._threads import one_blas_thread

LINEAR_ALGEBRA = ("cholesky", "eigh", "inv", "lstsq", "solve", "svd")


LIBRARIES = ThreadpoolController().select(user_api="blas")


def blas_threads():
    return {library["num_threads"] for library in LIBRARIES.info()}


@pytest.fixture
def seen(monkeypatch):
    """Numbers of BLAS threads whenever numpy was asked for linear algebra."""
    found = set()

    def watched(function):
        def call(*args, **kwargs):
            found.update(blas_threads())
            return function(*args, **kwargs)

        return call

    for name in LINEAR_ALGEBRA:
        monkeypatch.setattr(np.linalg, name, watched(getattr(np.linalg, name)))
    return found


def test_fits_take_one_blas_thread_and_give_the_others_back(seen):
    rng = np.random.default_rng(0)
    X, environments = rng.normal(size=(400, 16)), np.repeat(range(4), 100)
    y = X[:, 0] + environments * X[:, 1] + rng.normal(size=400)
    model = InvariantRegressor()
    works = (
        lambda: model.fit(X, y, environments=environments),
        lambda: model.explain(),
    )
    with LIBRARIES.limit(limits=2):
        for work in works:
            work()
            assert seen == {1}
            assert blas_threads() == {2}
            seen.clear()


@pytest.fixture
def two_blas_threads():
    """As at the start of Python: set by no thread that could take it back."""

    def set_threads(number):
        with ThreadPoolExecutor(1) as passing:
            return passing.submit(LIBRARIES.limit, limits=number).result()

    before = max(blas_threads())
    set_threads(2)
    yield
    set_threads(before)


@pytest.mark.parametrize("first", [0, 1])
def test_blas_threads_are_given_back_whichever_python_thread_ends_first(two_blas_threads, first):
    runs = [one_blas_thread(), one_blas_thread()]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        threads = one, other
        for thread, run in zip(threads, runs, strict=True):
            thread.submit(run.__enter__).result()
            assert blas_threads() == {1}
        for which in (first, 1 - first):
            threads[which].submit(runs[which].__exit__, None, None, None).result()
        assert blas_threads() == {2}


def test_blas_threads_are_given_back_after_an_error(two_blas_threads):
    for _ in range(2):
        with pytest.raises(KeyError), one_blas_thread():
            assert blas_threads() == {1}
            raise KeyError
        assert blas_threads() == {2}
