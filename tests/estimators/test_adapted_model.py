"""Fitted models, moved to a place by a few of its rows."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from elinvar import (
    InvariantClassifier,
    InvariantRegressor,
    Moments,
    TransferClassifier,
    TransferRegressor,
    load_model,
    save_model,
)
from elinvar.errors import DataError, ModelFileError

FEATURES = ["a", "b", "kind"]


def places(count=11, rows=60, seed=0):
    """Level and effect of b differ between places; those of a and kind do not."""
    rng = np.random.default_rng(seed)
    n = count * rows
    level, slope = (np.repeat(rng.normal(size=count), rows) for _ in range(2))
    frame = pd.DataFrame(
        {
            "place": np.repeat([f"p{k:02d}" for k in range(count)], rows),
            "a": rng.normal(size=n),
            "b": rng.normal(size=n),
            "kind": rng.choice(["u", "v"], size=n),
        }
    )
    noise = rng.normal(size=n) / 2
    frame["y"] = frame.a + (1 + slope) * frame.b + level + (frame.kind == "v") + noise
    frame["high"] = np.where(frame.y > 0.5, "yes", "no")
    # what differs from the average of the places seen
    return frame, *(b[-1] - b[:-rows].mean() for b in (level, slope))


FRAME, LEVEL, SLOPE = places()
SEEN, NEW = FRAME[FRAME.place != "p10"], FRAME[FRAME.place == "p10"]
FEW, REST = NEW[:25], NEW[25:]


def fit(kind):
    target = "high" if kind is TransferClassifier else "y"
    return kind().fit(SEEN[FEATURES], SEEN[target], environments=SEEN.place), target


@pytest.fixture(scope="module", params=[InvariantRegressor, TransferRegressor, TransferClassifier])
def fitted(request):
    return fit(request.param)


@pytest.fixture(scope="module")
def linear():
    return fit(InvariantRegressor)[0]


def error(model, target):
    if target == "y":
        return np.sqrt(np.mean((model.predict(REST[FEATURES]) - REST.y) ** 2))
    p = model.predict_proba(REST[FEATURES])
    return -np.mean(np.log(p[np.arange(len(REST)), (REST.high == "yes").astype(int)]))


def test_a_few_rows_of_a_place_help_there_and_leave_the_model_alone(fitted):
    model, target = fitted
    before = model.predict(REST[FEATURES])
    site = model.adapt(FEW[FEATURES], FEW[target], place="p10")
    assert error(site, target) < 0.75 * error(model, target)
    assert np.array_equal(model.predict(REST[FEATURES]), before)
    assert (site.n_rows_, site.place) == (25, "p10")
    assert "p10" in repr(site) and "25 labelled rows" in site.explain()
    assert max(map(len, site.explain().splitlines())) <= 80
    page = site._repr_html_()
    assert "25 labelled rows" in page and page.count("<svg") == len(site.evidence_)


def test_a_saved_place_predicts_the_same_and_says_what_it_is(fitted, tmp_path):
    model, target = fitted
    site = model.adapt(FEW[FEATURES], FEW[target], place="p10")
    again = load_model(save_model(site, tmp_path / "site.json"))
    assert (again.n_rows_, again.place) == (25, "p10")
    assert np.array_equal(again.predict(REST[FEATURES]), site.predict(REST[FEATURES]))
    pd.testing.assert_frame_equal(again.evidence_, site.evidence_)
    more = [one.adapt(REST[FEATURES], REST[target]) for one in (site, again)]
    assert np.array_equal(*[one.predict(REST[FEATURES]) for one in more])


def test_a_loaded_model_can_still_be_adapted(fitted, tmp_path):
    model, target = fitted
    again = load_model(save_model(model, tmp_path / "model.json"))
    sites = [one.adapt(FEW[FEATURES], FEW[target]) for one in (model, again)]
    assert np.array_equal(*[site.predict(REST[FEATURES]) for site in sites])
    pd.testing.assert_frame_equal(again.answer_.adaptation_, model.answer_.adaptation_)


def test_what_rows_buy_is_said_before_any_is_labelled(fitted):
    model, _ = fitted
    table = model.answer_.adaptation_
    assert table["rows"].tolist() == list(range(101))
    assert ((table["low"] < table["error"]) & (table["error"] < table["high"])).all()
    assert table["removed"][0] == 0
    assert 0.2 < table["removed"][20] < 0.8
    title = model.plot_adaptation().get_title(loc="left").replace("\n", " ")
    assert title.startswith("20 labelled rows from a new place remove about")


def test_evidence_names_what_differs_in_the_place(linear):
    table = linear.adapt(NEW[FEATURES], NEW.y).evidence_.set_index("term")
    assert list(table.index) == ["level", "a", "b", "kind=v"]
    for term, true in (("level", LEVEL), ("b", SLOPE)):
        assert table.low[term] < true < table.high[term]
        assert table.differs[term]
    assert abs(table["shift"]["a"]) < 0.2
    assert table.training_spread["b"] > 2 * table.training_spread["a"]


def test_rows_add_up_over_calls_and_one_by_one(linear):
    once = linear.adapt(NEW[FEATURES], NEW.y)
    twice = linear.adapt(FEW[FEATURES], FEW.y).adapt(REST[FEATURES], REST.y)
    stream = linear.adapt(place="p10")
    said = stream.partial_adapt(NEW[FEATURES], NEW.y)
    for other in (twice, stream):
        assert other.n_rows_ == once.n_rows_ == len(NEW)
        assert other.predict(REST[FEATURES]) == pytest.approx(once.predict(REST[FEATURES]))
    assert said[0] == pytest.approx(linear.predict(NEW[FEATURES])[0])
    before = linear.adapt(NEW[FEATURES][:40], NEW.y[:40])
    assert said[40] == pytest.approx(before.predict(NEW[FEATURES][40:41])[0])


def test_rows_and_moments_teach_nearly_the_same(linear):
    rows = SEEN.drop(columns=["high"])
    moments = Moments.from_frame(rows, target="y", environment="place")
    model = InvariantRegressor().fit_moments(moments)
    assert model.answer_.adaptation_["error"].tolist() == pytest.approx(
        linear.answer_.adaptation_["error"].tolist(), rel=0.03
    )


def test_units_of_the_target_change_units_of_the_answer_only(linear):
    model = InvariantRegressor().fit(SEEN[FEATURES], 100 * SEEN.y, environments=SEEN.place)
    ratio = model.answer_.adaptation_["error"] / linear.answer_.adaptation_["error"]
    assert ratio.to_numpy() == pytest.approx(100, rel=1e-3)


def test_a_pickled_model_can_be_adapted(linear):
    again = pickle.loads(pickle.dumps(linear))
    sites = [one.adapt(FEW[FEATURES], FEW.y) for one in (linear, again)]
    assert np.array_equal(*[site.predict(REST[FEATURES]) for site in sites])


def test_many_columns_are_moved_by_the_forecast_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 120))
    place = np.repeat(np.arange(4), 100)
    y = X[:, 0] * 2 + rng.normal(size=4)[place] + rng.normal(size=400)
    model = InvariantRegressor().fit(X, y, environments=place)
    site = model.adapt(X[:30], y[:30])
    assert np.isfinite(site.predict(X)).all()
    assert len(site.evidence_) == 121


def test_what_cannot_be_adapted_says_why(linear):
    with pytest.raises(DataError, match="two environments of 20 rows"):
        InvariantRegressor().fit(SEEN[["a", "b"]], SEEN.y).adapt(FEW[["a", "b"]], FEW.y)
    assert not hasattr(InvariantClassifier(), "adapt")
    with pytest.raises(DataError, match="or neither"):
        linear.adapt(FEW[FEATURES])
    with pytest.raises(DataError, match="rows"):
        linear.adapt(FEW[FEATURES], FEW.y[:3])
    with pytest.raises(DataError, match="no probabilities"):
        linear.adapt(FEW[FEATURES], FEW.y).predict_proba(FEW[FEATURES])


def test_a_class_that_the_model_does_not_know_is_refused():
    model, _ = fit(TransferClassifier)
    with pytest.raises(DataError, match="class 'maybe', which the model does not know"):
        model.adapt(FEW[FEATURES], ["maybe"] * len(FEW))


@pytest.mark.parametrize(
    "change",
    [
        lambda site: site.pop("sums"),
        lambda site: site.pop("model"),
        lambda site: site.__setitem__("place", 3),
        lambda site: site["sums"].__setitem__("count", -1),
        lambda site: site["sums"]["gram"][0].__setitem__(0, -5.0),
        lambda site: site["sums"]["gram"][0].__setitem__(1, 1e6),
        lambda site: site["sums"]["cross"][0].pop(),
        lambda site: site["model"].__setitem__("adaptation", None),
        lambda site: site["model"]["adaptation"]["terms"]["names"].pop(),
        lambda site: site["model"].__setitem__("class", "AdaptedModel"),
    ],
)
def test_damaged_files_of_a_place_are_refused(change, linear, tmp_path):
    path = save_model(linear.adapt(FEW[FEATURES], FEW.y), tmp_path / "site.json")
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)
