"""The gate for classes: what numbers have in squared errors, in log loss."""

import numpy as np
import pytest

from elinvar.datasets import make_curved
from elinvar.forecast import Columns, Sample
from elinvar.forecast.gate import choose
from elinvar.forecast.learners import Boosting, Logistic
from elinvar.forecast.mixture import environment_errors

LEARNERS = (Logistic(), Logistic(name="curves", n_knots=4, ridge=0.003), Boosting(n_leaves=8))


def sample_of(X, y, environments):
    p = X.shape[1]
    return Sample(
        X=X,
        y=y,
        codes=np.unique(environments, return_inverse=True)[1].astype(np.intp),
        weight=np.ones(len(y)),
        columns=Columns(
            features=tuple(f"x{j}" for j in range(p)),
            groups=np.arange(p),
            categorical=np.zeros(p, dtype=bool),
        ),
        n_classes=2,
    )


def drawn(**changes):
    data = make_curved(classes=True, rng=0, **changes)
    new = data.new_environments(500, 1, n_environments=5)
    return sample_of(data.X, data.y, data.environments), sample_of(*new), data.support


def test_consequences_of_a_class_that_turn_round_are_left_out():
    sample, new, causes = drawn(turned=True, n_samples=300)
    choice = choose(sample, LEARNERS)
    assert choice.reason == "chosen"
    assert choice.selected[causes].all()
    full, gated = (
        environment_errors(new, one.predict(new.X)[:, None]).mean()
        for one in (choice.full, choice.mixture)
    )
    assert gated < 0.6 * full
    # what it cost where consequences help as they did
    assert choice.errors[2] <= 1.15 * choice.errors[0]


@pytest.mark.parametrize("changes", ["inputs", "nothing"])
def test_nothing_is_left_out_where_the_relation_holds(changes):
    sample, _, _ = drawn(changes=changes, n_samples=200)
    assert choose(sample, LEARNERS).reason == "nothing differs"


def _one_class_in_an_environment(sample):
    sample.y[sample.codes == 0] = 1


def _separated(sample):
    sample.X[:, 0] = sample.y


def _environments_of_one_class(sample):
    sample.y[:] = sample.codes % 2


@pytest.mark.parametrize(
    "spoil", [_one_class_in_an_environment, _separated, _environments_of_one_class]
)
@pytest.mark.parametrize("n_samples", [10, 40])
def test_environments_may_lack_a_class_or_have_few_rows(spoil, n_samples):
    sample, _, _ = drawn(n_samples=n_samples)
    spoil(sample)
    choice = choose(sample, LEARNERS[:2])
    np.testing.assert_allclose(choice.mixture.predict(sample.X).sum(axis=1), 1)
