"""FAIR's nonlinear model: its equations, and that its effects mislead."""

import numpy as np
import pytest

from elinvar.datasets import make_fair
from elinvar.errors import DataError


def parts(data):
    return [(data.X[data.environments == e], data.y[data.environments == e]) for e in ("E0", "E1")]


@pytest.mark.parametrize("form", ["additive", "composite"])
def test_the_target_is_its_mean_and_standard_normal_noise(form):
    data = make_fair(form=form, n_samples=4000, rng=0)
    for X, y in parts(data):
        noise = y - data.oracle(X)
        assert abs(noise.mean()) < 0.06 and noise.std() == pytest.approx(1.0, abs=0.05)
        # causes are uniform on (-1.5, 1.5)
        assert np.abs(X[:, :5]).max() <= 1.5 and X[:, :5].std() == pytest.approx(0.866, abs=0.02)


def test_the_composite_mean_is_the_published_one():
    data = make_fair(form="composite", n_samples=10, rng=0)
    x = np.zeros((1, 26))
    assert data.oracle(x)[0] == pytest.approx(2 * np.log(3))
    x[0, :2], x[0, 4] = (0.5, 2.0), 1.0
    assert data.oracle(x)[0] == pytest.approx(4 + 2 * np.log(3) + np.sin(1.0))


def test_effects_answer_to_the_target_by_far_other_factors():
    data = make_fair(n_samples=20_000, rng=1)
    factors = []
    for X, y in parts(data):
        bent = np.tanh(y) - np.tanh(y).mean()
        factors.append(bent @ X[:, 5:9] / (bent @ bent))
    assert (np.abs(factors[0]) < 1.6).all()
    assert (np.abs(factors[1] - factors[0]) > 2.9).all()


def test_a_form_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"form must be .*got 'linear'"):
        make_fair(form="linear", rng=0)
