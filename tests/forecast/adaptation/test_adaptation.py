"""What environments teach of a new one, and what a few labelled rows there do."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from elinvar.errors import ModelFileError
from elinvar.forecast.adaptation import learn_adaptation, read_adaptation


@dataclass
class Places:
    """Rows of environments that differ from a common forecast x0 + x1 by normal differences."""

    level: float = 1.0
    slope: float = 0.0
    bend: float = 0.0
    classes: bool = False

    def draw(self, count, rows, seed):
        rng = np.random.default_rng(seed)
        codes = np.repeat(np.arange(count), rows)
        X = rng.normal(size=(count * rows, 2))
        base = X.sum(axis=1)
        odds = base + (self.level * rng.normal(size=count))[codes]
        odds = odds + (self.slope * rng.normal(size=count))[codes] * X[:, 0]
        if self.bend:
            odds = odds + (self.bend * rng.normal(size=count))[codes] * np.abs(X[:, 1])
        if not self.classes:
            return X, odds + rng.normal(size=len(X)), codes, base[:, None]
        y = (rng.random(len(X)) < 1 / (1 + np.exp(-odds))).astype(float)
        p = 1 / (1 + np.exp(-base))
        return X, y, codes, np.column_stack([1 - p, p])


def none(n, k=1):
    return np.zeros((n, 0, k))


def learn(places, count=20, rows=80, seed=0):
    X, y, codes, forecast = places.draw(count, rows, seed)
    found = learn_adaptation(
        X,
        y,
        codes,
        forecast,
        none(len(X), forecast.shape[1]),
        columns=("x0", "x1"),
        categorical=np.zeros(2, dtype=bool),
        n_classes=2 if places.classes else 0,
    )
    assert found is not None
    return found


def loss(y, predicted):
    if predicted.shape[1] == 1:
        return np.mean((y - predicted[:, 0]) ** 2)
    return -np.mean(np.log(predicted[np.arange(len(y)), y.astype(int)]))


def ratios(adaptation, places, k, count=100, seed=99):
    """Logs of errors with k labelled rows over errors without, in new places."""
    X, y, codes, forecast = places.draw(count, 100, seed)
    rng, empty, found = np.random.default_rng(seed), none(100, forecast.shape[1]), []
    for e in range(count):
        before = after = 0.0
        for _ in range(5):
            at = rng.permutation(np.flatnonzero(codes == e))
            few, rest = at[:k], at[k:]
            known = adaptation.learn(adaptation.no_rows(), X[few], forecast[few], empty[:k], y[few])
            moved = adaptation.predict(known, X[rest], forecast[rest], empty[k:])
            before += loss(y[rest], forecast[rest])
            after += loss(y[rest], moved)
        found.append(np.log(after / before))
    return np.array(found)


def test_variances_are_those_of_the_places():
    X, y, codes, forecast = Places(level=1.0, slope=0.5).draw(60, 80, 0)
    # of residuals, so that the forecast says nothing of the slopes
    found = learn_adaptation(
        X,
        y - forecast[:, 0],
        codes,
        0 * forecast,
        none(len(X)),
        columns=("x0", "x1"),
        categorical=np.zeros(2, dtype=bool),
    )
    assert found is not None
    by_name = dict(zip(found.terms.names, found.variances, strict=True))
    assert by_name["level"] == pytest.approx(1.0, rel=0.4)
    assert by_name["x0"] == pytest.approx(0.25, rel=0.4)
    assert by_name["x1"] < 0.03
    assert found.priors[-1].noise == pytest.approx(1.0, rel=0.1)


def test_the_error_with_a_few_rows_is_near_the_best_possible():
    places = Places(level=1.0)
    # with a known variance 1 of the level and noise 1, k rows leave 1 + 1 / (k + 1) of 1 + b^2
    b = np.random.default_rng(0).normal(size=100_000)
    best = np.log(1 + 1 / 11) - np.mean(np.log(1 + b**2))
    assert np.mean(ratios(learn(places), places, 10)) == pytest.approx(best, abs=0.1)


@pytest.mark.parametrize("classes", [False, True])
def test_what_is_expected_happens(classes):
    places = Places(level=1.0, slope=0.5, classes=classes)
    found = learn(places, count=60)
    for k in (5, 20):
        expected = found.expected.error(k) / found.expected.error(0)
        real = np.exp(np.mean(ratios(found, places, k)) / (1 if classes else 2))
        assert expected == pytest.approx(real, abs=0.06)
        assert real < 0.97


def test_the_range_holds_about_eight_of_ten_new_places():
    places = Places(level=0.7, slope=0.5)
    found = learn(places, count=30, rows=100)
    _, y, codes, forecast = places.draw(200, 100, 5)
    low, high = found.expected.range(0)
    squared = (y - forecast[:, 0]) ** 2
    errors = np.sqrt(np.bincount(codes, squared) / np.bincount(codes))
    assert 0.7 <= np.mean((errors >= low) & (errors <= high)) <= 0.92


@pytest.mark.parametrize("classes", [False, True])
def test_where_places_do_not_differ_nothing_is_changed(classes):
    places = Places(level=0.0, classes=classes)
    found = learn(places)
    assert np.mean(ratios(found, places, 10)) < 0.01
    assert abs(float(found.expected.removed(20))) < 0.02


def test_few_environments_are_trusted_less_than_many():
    places = Places(level=1.0)
    few, many = learn(places, count=2), learn(places, count=40)
    assert few.weights[:, 0].mean() > many.weights[:, 0].mean()
    assert many.weights[-1, 0] < 0.01


@pytest.mark.parametrize(("classes", "within"), [(False, 1e-9), (True, 0.03)])
def test_rows_add_up_over_calls(classes, within):
    places = Places(level=1.0, slope=0.5, classes=classes)
    found = learn(places)
    X, y, _, forecast = places.draw(1, 60, 7)
    empty = none(30, forecast.shape[1])
    once = found.learn(found.no_rows(), X, forecast, none(60, forecast.shape[1]), y)
    twice = found.no_rows()
    for part in (slice(0, 30), slice(30, 60)):
        twice = found.learn(twice, X[part], forecast[part], empty, y[part])
    both = [found.predict(known, X[:30], forecast[:30], empty) for known in (once, twice)]
    assert np.abs(both[0] - both[1]).max() < within


def test_classes_are_moved_to_the_mode_of_the_posterior():
    places = Places(level=1.5, classes=True)
    found = learn(places)
    X, y, _, forecast = places.draw(1, 40, 3)
    known = found.learn(found.no_rows(), X, forecast, none(40, 2), y)
    variances = found.priors[-1].variances
    b = np.linalg.solve(known.gram[0] + np.diag(1 / variances), known.cross[0])
    odds = np.log(forecast[:, 1] / forecast[:, 0])
    A = found.terms.columns(X, odds[:, None], none(40))[:, 0]
    p = 1 / (1 + np.exp(-odds - A @ b))
    assert np.abs(A.T @ (y - p) - b / variances).max() < 1e-6


def test_three_classes_have_probabilities_that_sum_to_one():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(8), 60)
    X = rng.normal(size=(480, 1))
    y = np.where(X[:, 0] + rng.normal(size=8)[codes] > 0, 2, rng.integers(2, size=480)) * 1.0
    flat = np.full((480, 3), 1 / 3)
    found = learn_adaptation(
        X, y, codes, flat, none(480, 3), columns=("x",), categorical=np.zeros(1, bool), n_classes=3
    )
    assert found is not None
    known = found.learn(found.no_rows(), X[:30], flat[:30], none(30, 3), y[:30])
    moved = found.predict(known, X, flat, none(480, 3))
    assert moved.shape == (480, 3)
    assert moved.sum(axis=1) == pytest.approx(1.0)
    assert loss(y[30:60], moved[30:60]) < loss(y[30:60], flat[30:60])


def test_a_learner_that_is_right_in_a_place_is_believed_there():
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(12), 60)
    learners = rng.normal(size=(720, 2, 1))
    right = rng.integers(2, size=12)[codes]
    y = learners[np.arange(720), right, 0] + 0.3 * rng.normal(size=720)
    found = learn_adaptation(
        np.zeros((720, 0)),
        y,
        codes,
        learners.mean(axis=1),
        learners,
        columns=(),
        categorical=np.zeros(0, dtype=bool),
        learner_names=("a", "b"),
    )
    assert found is not None
    at, mixed = np.arange(60), learners.mean(axis=1)
    X = np.zeros((60, 0))
    known = found.learn(found.no_rows(), X[:30], mixed[at[:30]], learners[at[:30]], y[at[:30]])
    moved = found.predict(known, X[30:], mixed[at[30:]], learners[at[30:]])
    assert loss(y[at[30:]], moved) < 0.5 * loss(y[at[30:]], mixed[at[30:]])


def test_missing_values_and_constant_columns_are_taken():
    places = Places(level=1.0)
    X, y, codes, forecast = places.draw(6, 40, 0)
    X[::7, 0], X[:, 1] = np.nan, 3.0
    found = learn_adaptation(
        X, y, codes, forecast, none(240), columns=("x0", "x1"), categorical=np.zeros(2, bool)
    )
    assert found is not None
    known = found.learn(found.no_rows(), X[:20], forecast[:20], none(20), y[:20])
    assert np.isfinite(found.predict(known, X, forecast, none(240))).all()


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_forecasts_without_an_error_are_left_alone(noise):
    X, _, codes, forecast = Places().draw(6, 40, 0)
    # columns that say the same, too
    X = np.column_stack([X, X.sum(axis=1)])
    y = forecast[:, 0] + noise * X[:, 0] * codes
    found = learn_adaptation(
        X, y, codes, forecast, none(240), columns=("a", "b", "c"), categorical=np.zeros(3, bool)
    )
    assert found is not None
    known = found.learn(found.no_rows(), X[:20], forecast[:20], none(20), y[:20])
    assert found.predict(known, X, forecast, none(240)) == pytest.approx(forecast, abs=1e-7)
    assert np.isfinite(found.expected.error(np.arange(101.0))).all()


def test_one_environment_or_tiny_ones_teach_nothing():
    X, y, codes, forecast = Places().draw(5, 12, 0)
    kinds = {"columns": ("x0", "x1"), "categorical": np.zeros(2, bool)}
    assert learn_adaptation(X, y, codes, forecast, none(60), **kinds) is None
    assert learn_adaptation(X, y, 0 * codes, forecast, none(60), **kinds) is None


def test_the_same_seed_learns_the_same_and_other_units_change_units_only():
    places = Places(level=1.0, slope=0.5)
    X, y, codes, forecast = places.draw(8, 50, 0)
    kinds = {"columns": ("x0", "x1"), "categorical": np.zeros(2, bool)}
    one, again, scaled = (
        learn_adaptation(unit * X, unit * y, codes, unit * forecast, none(400), **kinds)
        for unit in (1.0, 1.0, 1000.0)
    )
    assert one is not None and again is not None and scaled is not None
    assert one.entries() == again.entries()
    assert scaled.expected.error(10) == pytest.approx(1000 * one.expected.error(10), rel=1e-6)


def test_an_effect_may_bend_in_a_new_place():
    places = Places(level=0.3, bend=1.0)
    found = learn(places)
    assert found.terms.names[-2:] == ("x1, bend 1", "x1, bend 2")
    bent = ratios(found, places, 30).mean()
    X, y, codes, forecast = places.draw(20, 80, 0)
    kinds = {"columns": ("x0", "x1"), "categorical": np.zeros(2, bool)}
    straight = learn_adaptation(X, y, codes, forecast, none(len(X)), bending=False, **kinds)
    assert straight is not None
    assert bent < ratios(straight, places, 30).mean() - 0.1


def test_bends_leave_the_slope_alone_and_end_with_the_rows():
    X, y, codes, forecast = Places().draw(5, 100, 0)
    X[:, 1] = X[:, 1] > 0
    kinds = {"columns": ("x0", "x1"), "categorical": np.zeros(2, bool)}
    found = learn_adaptation(X, y, codes, forecast, none(500), **kinds)
    assert found is not None
    assert found.terms.names[-2:] == ("x0, bend 1", "x0, bend 2")  # of two values none bend
    bends = found.terms.bends
    within = np.clip(X[:, 0], *bends.ends[0])
    np.testing.assert_allclose(np.corrcoef(within, bends.expand(X).T)[0, 1:], 0, atol=1e-12)
    far = bends.expand(np.array([[50.0, 0.0], [60.0, 0.0], [np.nan, 0.0]]))
    np.testing.assert_array_equal(far[0], far[1])
    assert np.isnan(far[2]).all()


def test_of_many_numbers_none_bend():
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(200, 13)), np.arange(200) % 4
    kinds = {"columns": [f"x{j}" for j in range(13)], "categorical": np.zeros(13, bool)}
    found = learn_adaptation(X, rng.normal(size=200), codes, X[:, :1], none(200), **kinds)
    assert found is not None
    assert len(found.terms.names) == 2 + 13


def test_a_file_from_before_bends_is_read(restored):
    X, y, codes, forecast = Places().draw(8, 40, 0)
    kinds = {"columns": ("x0", "x1"), "categorical": np.zeros(2, bool)}
    found = learn_adaptation(X, y, codes, forecast, none(320), bending=False, **kinds)
    assert found is not None
    entries = found.entries()
    del entries["terms"]["bends"]
    assert restored(entries).variances == pytest.approx(found.variances)


@pytest.fixture
def restored(from_file):
    return lambda entries: read_adaptation(
        from_file(entries), n_learners=0, n_columns=2, n_classes=0
    )


def test_entries_come_back_as_they_were(restored):
    places = Places(level=1.0)
    found = learn(places)
    again = restored(found.entries())
    X, y, _, forecast = places.draw(1, 30, 1)
    moved = []
    for one in (found, again):
        known = one.learn(one.no_rows(), X[:10], forecast[:10], none(10), y[:10])
        moved.append(one.predict(known, X, forecast, none(30)))
    assert np.array_equal(*moved)
    assert again.expected.error(20) == found.expected.error(20)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.pop("weights"),
        lambda e: e["weights"][0].__setitem__(0, 2.0),
        lambda e: e["priors"][0]["variances"].__setitem__(0, -1.0),
        lambda e: e["priors"][1].__setitem__("noise", 0.0),
        lambda e: e["priors"].pop(),
        lambda e: e["terms"]["scale"].__setitem__(1, 0.0),
        lambda e: e["terms"]["kinds"].__setitem__(1, 7),
        lambda e: e["terms"]["names"].append("x9"),
        lambda e: e["terms"].pop("bends"),
        lambda e: e["terms"]["bends"]["columns"].__setitem__(1, 2),
        lambda e: e["terms"]["bends"]["ends"][0].reverse(),
        lambda e: e["terms"]["bends"]["slopes"].pop(),
        lambda e: e["expected"]["rows"].reverse(),
        lambda e: e["expected"].__setitem__("n_environments", 1),
        lambda e: e["expected"]["log_error"].__setitem__(0, 1e9),
    ],
)
def test_damaged_entries_are_refused(restored, change):
    entries = json.loads(json.dumps(learn(Places(), count=3, rows=40).entries()))
    change(entries)
    with pytest.raises(ModelFileError, match="damaged"):
        restored(entries)
