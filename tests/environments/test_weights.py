"""Weights that count rows, and weights that are shares of a population."""

import numpy as np
import pandas as pd
import pytest

from elinvar import Environments, InvariantClassifier, InvariantRegressor, Moments
from elinvar.errors import ElinvarWarning

RNG = np.random.default_rng(0)
PLACE = np.repeat(["a", "b", "c"], 60)
X = (RNG.normal(size=180) * np.repeat([1.0, 2.0, 3.0], 60))[:, None]
Y = 2 * X[:, 0] + RNG.normal(size=180)
SURVEY = RNG.uniform(800, 9000, 180)


def kish(weight):
    return weight.sum() ** 2 / (weight**2).sum()


@pytest.mark.parametrize("kind", [InvariantRegressor, InvariantClassifier])
def test_the_scale_of_sampling_weights_has_no_part(kind):
    y = Y if kind is InvariantRegressor else X[:, 0] + RNG.logistic(size=180) > 0
    a, b = (
        kind().fit(X, y, environments=PLACE, sample_weight=SURVEY * scale) for scale in (1, 1e-6)
    )
    pd.testing.assert_frame_equal(a.evidence_, b.evidence_, rtol=1e-6)
    assert a.status_ == b.status_ and a.notes_ == b.notes_
    worth = [kish(SURVEY[PLACE == name]) for name in "abc"]
    np.testing.assert_allclose(list(a.answer_.rows.values()), worth)
    assert f"they are worth {sum(worth):.1f} rows of equal weight" in " ".join(a.notes_)


@pytest.mark.parametrize("kind", [InvariantRegressor, InvariantClassifier])
def test_equal_shares_are_no_weights(kind):
    y = Y if kind is InvariantRegressor else Y > 0
    shares = kind().fit(X, y, environments=PLACE, sample_weight=np.full(180, 1 / 60))
    plain = kind().fit(X, y, environments=PLACE)
    assert shares.answer_.rows == plain.answer_.rows
    pd.testing.assert_frame_equal(shares.evidence_, plain.evidence_, rtol=1e-6)


def test_moments_with_sampling_weights_add_up(tmp_path):
    whole = Moments.from_arrays(X, Y, PLACE, sample_weight=SURVEY)
    np.testing.assert_allclose(whole.count, [kish(SURVEY[PLACE == n]) for n in "abc"])
    # the first chunk happens to hold whole numbers only
    weight = np.where(np.arange(180) < 70, np.rint(SURVEY), SURVEY)
    whole = Moments.from_arrays(X, Y, PLACE, sample_weight=weight)
    cuts = [slice(0, 70), slice(70, 100), slice(100, 180)]
    batches = Moments.from_batches((X[c], Y[c], PLACE[c], weight[c]) for c in cuts)
    with pytest.warns(ElinvarWarning, match="whole numbers"):
        first = Moments.from_arrays(X[:70], Y[:70], PLACE[:70], sample_weight=weight[:70])
    first.save(tmp_path / "first.npz")
    rest = Moments.from_arrays(X[70:], Y[70:], PLACE[70:], sample_weight=weight[70:])
    for other in (batches, Moments.load(tmp_path / "first.npz") + rest, rest + first):
        assert other.sampling
        np.testing.assert_allclose(other.count, whole.count)
        np.testing.assert_allclose(other.cov_xx, whole.cov_xx)
        np.testing.assert_allclose(other.mean_y, whole.mean_y)
    rest.save(tmp_path / "rest.npz")
    again = Moments.load(tmp_path / "rest.npz")
    assert again.sampling and (again.weight_sum == rest.weight_sum).all()


def test_rows_and_their_moments_agree():
    rows = Environments.from_arrays(X, Y, PLACE, sample_weight=SURVEY)
    moments = Moments.from_arrays(X, Y, PLACE, sample_weight=SURVEY)
    np.testing.assert_allclose(np.bincount(rows.codes, rows.sample_weight), moments.count)
    np.testing.assert_allclose(rows.moments().count, moments.count)
    np.testing.assert_allclose(rows.moments().cov_xy, moments.cov_xy)


def test_intervals_of_weighted_rows_cover():
    """Weights that have nothing to do with the rows cost precision, which is told."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        x, weight = rng.normal(size=(180, 1)), rng.lognormal(sigma=1.2, size=180) * 5000
        y = 2 * x[:, 0] + rng.normal(size=180)
        moments = Moments.from_arrays(x, y, sample_weight=weight)
        slope = moments.cov_xy[0, 0] / moments.cov_xx[0, 0, 0]
        noise = moments.var_y[0] - slope * moments.cov_xy[0, 0]
        error = np.sqrt(noise / (moments.count[0] * moments.cov_xx[0, 0, 0]))
        covered += abs(slope - 2) < 1.96 * error
    # 5% would be 190; as counts of rows the same weights cover 7 of 200
    assert covered >= 170


def test_the_size_of_the_test_is_kept():
    below = 0
    place = np.repeat(np.arange(5), 120)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(600, 2)) + rng.normal(size=(5, 2))[place]
        y = x @ [1.0, -0.5] + rng.normal(size=600) * rng.uniform(0.7, 1.4, 5)[place]
        weight = 3000 * rng.lognormal(size=600)
        below += (
            InvariantRegressor().fit(x, y, environments=place, sample_weight=weight).p_value_ < 0.05
        )
    # 3 are expected; taken for counts the same weights reject in all 60
    assert below <= 8


def test_large_whole_numbers_are_asked_about():
    with pytest.warns(ElinvarWarning, match=r"count as 9\d\d,\d+ rows.*divide them by their mean"):
        moments = Moments.from_arrays(X, Y, PLACE, sample_weight=np.rint(SURVEY))
    assert moments.n_rows == np.rint(SURVEY).sum() and not moments.sampling
    with pytest.warns(ElinvarWarning, match="divide them by their mean"):
        InvariantRegressor().fit(X, Y, environments=PLACE, sample_weight=np.rint(SURVEY))
    table = pd.DataFrame(X, columns=["x"]).assign(y=Y, site=PLACE, w=np.rint(SURVEY))
    with pytest.warns(ElinvarWarning, match="divide them by their mean"):
        Environments.from_frame(table, target="y", environment="site", sample_weight="w")
