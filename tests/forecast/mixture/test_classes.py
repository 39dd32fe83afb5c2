"""A mixture for classes: whatever the environments lack, and no surer than it may be."""

import numpy as np
import pytest

from elinvar.errors import ModelFileError
from elinvar.forecast.learners import Boosting, Logistic, OnResiduals
from elinvar.forecast.mixture import environment_errors, fit_mixture, read_blend

CURVES = Logistic(name="curves", n_knots=4, ridge=0.003)
SMALL = Boosting(n_leaves=8, n_trees=20)
FEW = (Logistic(), CURVES, OnResiduals(name="both", base=CURVES, trees=SMALL), SMALL)


def _one_class_in_an_environment(sample):
    sample.y[sample.codes == 0] = 1


def _a_class_in_one_environment_alone(sample):
    sample.y[(sample.codes > 0) & (sample.y == 1)] = 0


def _environments_of_one_class_each(sample):
    sample.y[:] = sample.codes % 2


def _separated_classes(sample):
    sample.X[:, 0] = sample.y


def _nothing_varies(sample):
    sample.X[:] = 1


def _nothing_known(sample):
    sample.X[:] = np.nan


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "spoil",
    [
        _one_class_in_an_environment,
        _a_class_in_one_environment_alone,
        _environments_of_one_class_each,
        _separated_classes,
        _nothing_varies,
        _nothing_known,
    ],
)
def test_environments_may_lack_anything(from_file, curved, spoil, n_classes):
    sample = curved(n=150, n_classes=n_classes)
    spoil(sample)
    mixture = fit_mixture(sample, FEW, seed=0)
    found = mixture.predict(sample.X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.min() > 0
    # no row costs more than a class that no other row has
    assert environment_errors(sample, mixture.left_out).max() <= np.log(150 + n_classes)
    again = read_blend(from_file(mixture.entries()), n_columns=5, n_classes=n_classes)
    np.testing.assert_array_equal(again.predict(sample.X), found)


def test_thirty_schools_of_thirty_rows(curved):
    mixture = fit_mixture(curved(n=900, n_environments=30, n_classes=2), FEW, seed=0)
    assert mixture.weights[0] < 0.2
    assert mixture.weights[1:3].sum() > 0.5


def test_where_nothing_tells_learners_apart_the_first_counts_three_times(curved):
    sample = curved(n_classes=2)
    sample.X[:] = 1
    mixture = fit_mixture(sample, FEW, seed=0)
    np.testing.assert_allclose(mixture.weights, np.array([3, 1, 1, 1]) / 6, atol=0.02)


def test_a_forecast_that_is_too_sure_is_made_less_sure(curved):
    sample = curved(n_classes=2)
    rng = np.random.default_rng(0)
    sample.y[:] = rng.random(400) < 1 / (1 + np.exp(-sample.X[:, 0]))
    mixture = fit_mixture(sample, (Boosting(n_leaves=31, n_trees=200, min_rows=5),), seed=0)
    assert mixture.sharpness < 0.7
    plain = environment_errors(sample, mixture.left_out).mean()
    assert environment_errors(sample, mixture.left_out_mixture[:, None]).mean() < 0.8 * plain


def test_a_file_with_another_sharpness_is_refused(from_file, curved):
    entries = fit_mixture(curved(n=100, n_classes=2), FEW[:1], seed=0).entries()
    for power in (0, -1.0, None, "1"):
        with pytest.raises(ModelFileError, match="sharpness"):
            read_blend(from_file(entries | {"sharpness": power}), n_columns=5, n_classes=2)
