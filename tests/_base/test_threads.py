import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from elinvar import InvariantRegressor

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
