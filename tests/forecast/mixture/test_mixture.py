"""A mixture weighs learners by environments that they did not see, the same on any machine."""

import functools
import json
import math

import numpy as np
import pytest

from elinvar.errors import ModelFileError
from elinvar.forecast import Sample
from elinvar.forecast.learners import Additive, Boosting, OnResiduals
from elinvar.forecast.mixture import (
    balanced,
    default_learners,
    environment_errors,
    environment_folds,
    fit_mixture,
    read_blend,
)

FEW = (Additive(), Additive(name="curves", n_knots=4, ridge=0.003), Boosting(n_leaves=8))


@pytest.fixture
def mixture(curved):
    return fit_mixture(curved(), FEW, seed=0)


def test_weights_are_convex_and_predictions_are_their_mean(mixture, curved):
    assert mixture.names == ("least squares", "curves", "boosting")
    assert (mixture.weights >= 0).all()
    assert mixture.weights.sum() == pytest.approx(1)
    X = curved(seed=1).X
    np.testing.assert_allclose(mixture.predict(X)[:, 0], mixture.each(X)[:, :, 0] @ mixture.weights)


def test_rows_are_predicted_by_fits_without_their_environments(mixture, curved):
    sample = curved()
    for fold in mixture.folds:
        out = np.isin(sample.codes, fold)
        learnt = FEW[1].fit(sample.rows(~out))
        np.testing.assert_array_equal(mixture.left_out[out, 1], learnt.predict(sample.X[out]))
    assert mixture.left_out_mixture.shape == (400, 1)


def test_a_curved_target_is_given_to_curves(mixture):
    assert mixture.weights[0] < 0.2


def test_no_other_weights_have_a_smaller_objective(mixture, curved):
    sample = curved()
    shares, residuals = balanced(sample), mixture.left_out[:, :, 0] - sample.y[:, None]
    prior = np.array([3, 1, 1]) / 5

    def objective(weights):
        each = shares @ residuals**2 @ weights
        mean = shares @ (residuals @ weights) ** 2
        apart = np.sum(weights * np.log(np.maximum(weights, 1e-300) / prior))
        return 3 * 5 * np.log(0.75 * mean + 0.25 * each) + apart

    least = objective(mixture.weights)
    for way in np.eye(3)[mixture.weights > 0]:  # tiny ones are set to 0
        assert objective(0.97 * mixture.weights + 0.03 * way) > least


def test_who_fails_in_one_environment_has_no_weight(columns):
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 4
    X = np.hstack([rng.normal(size=(400, 2)), np.zeros((400, 3))])
    X[codes == 3, 0] += 30  # beyond what trees and curves know
    y = X[:, 0] + 0.1 * rng.normal(size=400)
    sample = Sample(X=X, y=y, codes=codes, weight=np.ones(400), columns=columns)
    assert fit_mixture(sample, FEW, seed=0).weights[0] > 0.98


def test_the_same_seed_gives_the_same_mixture_whatever_the_number_of_jobs(curved):
    sample = curved(n=150, missing=0.1)
    learners = default_learners(0, sample.columns)
    done = []
    one = fit_mixture(sample, learners, seed=1, n_jobs=1, progress=lambda *at: done.append(at))
    two = fit_mixture(sample, learners, seed=1, n_jobs=2)
    np.testing.assert_array_equal(one.left_out, two.left_out)
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.predict(sample.X), two.predict(sample.X))
    assert done == [(i, 6) for i in range(1, 7)]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_are_weighed_by_log_loss(curved, n_classes):
    sample = curved(n_classes=n_classes)
    mixture = fit_mixture(sample, default_learners(n_classes, sample.columns), seed=0)
    found = mixture.predict(sample.X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    errors = environment_errors(sample, mixture.left_out).mean(axis=0)
    mixed = environment_errors(sample, mixture.left_out_mixture[:, None]).mean()
    # the prior weights cost a little where they are wrong
    assert mixed <= 1.02 * errors.min()


def test_one_environment_leaves_out_rows(curved):
    mixture = fit_mixture(curved(n_environments=1), FEW, seed=0)
    assert mixture.folds == []
    assert mixture.weights[0] < 0.2


def test_a_file_predicts_the_same_and_is_checked(from_file, curved):
    sample = curved(n=150)
    mixture = fit_mixture(sample, default_learners(0, sample.columns), seed=0)
    entries = mixture.entries()
    again = read_blend(from_file(entries), n_columns=5, n_classes=0)
    np.testing.assert_array_equal(again.predict(sample.X), mixture.predict(sample.X))
    for key, value in (("weights", [1.0]), ("learnt", None), ("names", [1] * 8)):
        with pytest.raises(ModelFileError, match=key):
            read_blend(from_file(entries | {key: value}), n_columns=5, n_classes=0)


def test_folds_hold_whole_environments_of_about_equally_many_rows(curved):
    sample = curved(n=1000, n_environments=23)
    folds = environment_folds(sample, most=5, seed=0)
    assert np.array_equal(np.sort(np.concatenate(folds)), np.arange(23))
    rows = [np.isin(sample.codes, fold).sum() for fold in folds]
    assert len(folds) == 5
    assert max(rows) - min(rows) <= 44


def test_environments_count_the_same(curved):
    sample = curved(n_environments=3).rows(np.arange(150))
    sample.codes[:100] = 7
    shares = np.bincount(sample.codes, weights=balanced(sample))
    np.testing.assert_allclose(shares[shares > 0], np.full(4, 1 / 4))


def _places(entries, path=()):
    keys = entries if isinstance(entries, dict) else range(min(len(entries), 3))
    for key in keys:
        yield (*path, key)
        if isinstance(entries[key], dict | list):
            yield from _places(entries[key], (*path, key))


def test_a_file_that_was_changed_is_refused_or_still_predicts(from_file, curved):
    sample = curved(n=150)
    learners = [*FEW, OnResiduals(name="both", base=FEW[1], trees=Boosting(n_trees=3, n_leaves=4))]
    entries = json.loads(json.dumps(fit_mixture(sample, learners, seed=0).entries()))
    rng = np.random.default_rng(0)
    strange = [None, True, -1, 2**70, math.nan, "x", [], {}, [[1]]]
    refused = 0
    for path in list(_places(entries)):
        *above, last = path
        copy = json.loads(json.dumps(entries))
        inner = functools.reduce(lambda part, key: part[key], above, copy)
        inner[last] = strange[rng.integers(len(strange))]
        try:
            blend = read_blend(from_file(copy), n_columns=5, n_classes=0)
        except ModelFileError:
            refused += 1
        else:
            assert blend.predict(sample.X).shape == (150, 1)
    assert refused > 100
