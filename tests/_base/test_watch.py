"""Who watches is told of the parts of long work, and of nothing within them."""

import numpy as np
import pytest

from elinvar import InvariantRegressor, watching
from elinvar._base._watch import parts


def test_a_watcher_is_told_of_each_part_and_not_of_parts_within():
    told = []
    with watching(lambda *news: told.append(news)):
        for _ in parts("outer", "ab"):
            assert list(parts("inner", "cde")) == ["c", "d", "e"]
    assert told == [("outer", done, 2) for done in range(3)]
    assert list(parts("outer", "ab")) == ["a", "b"]
    assert len(told) == 3


def test_work_that_is_broken_off_leaves_the_watcher_in_its_place():
    told = []
    with watching(lambda *news: told.append(news)):
        with pytest.raises(ZeroDivisionError):
            for part in parts("first", [0]):
                1 / part
        list(parts("second", [1]))
    assert told[-1] == ("second", 1, 1)


@pytest.mark.parametrize(
    ("n_environments", "what"),
    [(4, "left-out environments"), (30, "left-out groups of environments")],
)
def test_fits_and_errors_tell_how_many_environments_are_left_out(n_environments, what):
    rng = np.random.default_rng(0)
    place = np.arange(900) % n_environments
    X = rng.normal(size=(900, 2)) + rng.normal(size=(n_environments, 2))[place]
    y = X[:, 0] + rng.normal(size=900)
    told = []
    with watching(lambda *news: told.append(news)):
        model = InvariantRegressor().fit(X, y, environments=place)
        fitted = len(told)
        _ = model.errors_
    total = min(n_environments, 20)
    assert told[:fitted] == [(what, done, total) for done in range(total + 1)]
    assert told[fitted:] == told[:fitted]
