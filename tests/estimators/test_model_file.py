import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from elinvar import (
    HeteroSGDRegressor,
    InvariantRegressor,
    QuadraticInvariantRegressor,
    load_model,
    save_model,
)
from elinvar.answer.json_text import plain, write
from elinvar.errors import DataError, FileError, ModelFileError
from elinvar.estimators import predict_files


def table(n=240, seed=0):
    rng = np.random.default_rng(seed)
    place = np.repeat(["Oslo", "Rome", "Bonn"], n // 3)
    cause = rng.normal(size=n)
    sex = rng.choice(["female", "male"], size=n)
    y = 2 * cause + 0.7 * (sex == "male") + rng.normal(size=n) / 3
    effect = np.repeat([0.2, 1.0, -2.0], n // 3) * y + rng.normal(size=n)
    frame = pd.DataFrame(
        {"cause": cause, "effect": effect, "sex": sex, "nothing": rng.normal(size=n)}
    )
    return frame, y, place


@pytest.fixture(scope="module")
def data():
    return table()


@pytest.fixture(
    scope="module",
    params=["shared", "environment", "one environment", "no names", "stochastic", "quadratic"],
)
def fitted(request, data):
    X, y, place = data
    if request.param == "one environment":
        return InvariantRegressor().fit(X, y), X
    if request.param == "no names":
        values = X[["cause", "effect", "nothing"]].to_numpy()
        return InvariantRegressor(tolerance=0.2).fit(values, y, environments=place), values
    if request.param == "stochastic":
        model = HeteroSGDRegressor(n_steps=200, random_state=0, intercept="environment")
        return model.fit(X, y, environments=place), X
    if request.param == "quadratic":
        model = QuadraticInvariantRegressor(n_steps=200, random_state=0)
        return model.fit(X, y, environments=place), X
    model = InvariantRegressor(intercept=request.param, features_always=["cause"])
    return model.fit(X, y, environments=place), X


@pytest.fixture(scope="module")
def saved(data, tmp_path_factory):
    X, y, place = data
    model = InvariantRegressor(intercept="environment").fit(X, y, environments=place)
    return save_model(model, tmp_path_factory.mktemp("model") / "model.json")


def test_a_model_comes_back_as_it_was(fitted, data, tmp_path):
    model, X = fitted
    place = data[2]
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert type(again) is type(model)
    assert np.array_equal(again.predict(X), model.predict(X))
    with_places = model.predict(X, environments=place)
    assert np.array_equal(again.predict(X, environments=place), with_places)
    assert again.summary() == model.summary()
    assert again.get_params() == model.get_params()
    main = "matrix_" if isinstance(model, QuadraticInvariantRegressor) else "coef_"
    outcome = "diverged_" if hasattr(model, "diverged_") else "status_"
    for name in (main, "intercept_", "environment_intercepts_", "environments_", outcome):
        assert np.all(getattr(again, name) == getattr(model, name))
    assert again.schema_ == model.schema_
    assert hasattr(again, "feature_names_in_") == hasattr(model, "feature_names_in_")


def test_tables_and_path_come_back_as_they_were(fitted, tmp_path):
    model, _ = fitted
    if not isinstance(model, InvariantRegressor):
        assert not hasattr(model, "evidence_")
        return
    again = load_model(save_model(model, tmp_path / "model.json"))
    for name in ("evidence", "effects", "tests", "residuals", "errors", "left_out"):
        table = getattr(model, f"{name}_")
        same = {"check_dtype": len(table) > 0, "check_index_type": False, "check_exact": True}
        assert_frame_equal(getattr(again, f"{name}_"), table, **same)
    for name in ("features", "power"):
        mine, theirs = getattr(again.diagnosis_, name), getattr(model.diagnosis_, name)
        assert_frame_equal(mine, theirs, check_exact=True)
    for name in ("verdict", "reason", "notes", "environments", "rows", "step_size"):
        assert getattr(again.diagnosis_, name) == getattr(model.diagnosis_, name)
    assert again.notes_ == model.notes_ and again.status_ == model.status_
    assert again.odd_environment_ == model.odd_environment_
    assert again.forecast_.reason == model.forecast_.reason
    assert str(again.answer_.explanation) == str(model.answer_.explanation)
    for name in ("strength", "coef", "converged", "standardized"):
        assert np.array_equal(getattr(again.path_, name), getattr(model.path_, name))
    for name in ("selected_", "invariant_coef_", "pooled_coef_", "p_value_", "predictor_"):
        assert np.all(getattr(again, name) == getattr(model, name))
    assert again.plot_path().get_title(loc="left") == model.plot_path().get_title(loc="left")


def test_saving_what_was_loaded_gives_the_same_file(fitted, tmp_path):
    first = save_model(fitted[0], tmp_path / "first.json")
    second = save_model(load_model(first), tmp_path / "second.json")
    assert first.read_text() == second.read_text()


def test_a_loaded_model_can_be_fitted_again(saved, data):
    X, y, place = data
    model = load_model(saved)
    half = slice(0, None, 2)
    model.fit(X[half], y[half], environments=place[half])
    fresh = InvariantRegressor(intercept="environment")
    fresh.fit(X[half], y[half], environments=place[half])
    assert_frame_equal(model.evidence_, fresh.evidence_)
    assert save_model(model, saved.parent / "again.json").read_text() == (
        save_model(fresh, saved.parent / "fresh.json").read_text()
    )


def test_the_file_can_be_read_by_a_person(saved):
    text = saved.read_text(encoding="utf-8")
    values = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert values["schema"] == "elinvar-model/1"
    assert set(values["coef"]) == {"cause", "effect", "sex=female", "sex=male", "nothing"}
    assert values["levels"] == {"sex": ["female", "male"]}
    assert [row["name"] for row in values["environments"]] == ["Bonn", "Oslo", "Rome"]
    assert {row["feature"] for row in values["evidence"]} == {"cause", "effect", "sex", "nothing"}
    assert '\n  "features": ["cause", "effect", "sex", "nothing"],\n' in text
    assert "moments" not in values


def test_columns_that_look_alike_are_told_apart(tmp_path):
    X, y, place = table()
    X["sex=male"] = X.pop("nothing")
    model = InvariantRegressor().fit(X, y, environments=place)
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert np.array_equal(again.predict(X), model.predict(X))


def test_a_random_generator_is_not_kept(data, tmp_path):
    X, y, place = data
    rng = np.random.default_rng(0)
    model = HeteroSGDRegressor(n_steps=50, random_state=rng).fit(X, y, environments=place)
    assert load_model(save_model(model, tmp_path / "model.json")).random_state is None


def test_loading_does_not_need_matplotlib_or_numba(saved):
    code = (
        f"import sys; from elinvar import load_model; load_model({str(saved)!r}).summary()\n"
        "assert not {'matplotlib', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_no_fitted_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="not fitted yet"):
        save_model(InvariantRegressor(), tmp_path / "model.json")
    with pytest.raises(DataError, match="got dict"):
        save_model({}, tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(saved, tmp_path):
    with pytest.raises(FileError, match="Create it first"):
        save_model(load_model(saved), tmp_path / "missing" / "model.json")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\x80\x04\x95\x0b", "not text"),
        (b"PAR1", "not a model file"),
        (b"{}", "its entry 'schema'"),
        (b"[1, 2]", "its entry 'schema'"),
        (b'{"schema": 3}', "its entry 'schema'"),
        (b'{"schema": "elinvar-model/2", "elinvar": "9.1"}', r"newer elinvar \(9.1\): upgrade"),
        (b'{"schema": "elinvar-model/2\\u0660"}', "not known"),
        (b'{"schema": "elinvar-model/1"}', "class must be there"),
        (b'{"schema": "elinvar-model/1", "class": "os.system"}', "class must be one of"),
        (b'{"schema": "elinvar-model/1", "a": NaN}', r"only part of one: .*invalid character"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_other_files_are_refused_in_a_sentence(content, reason, tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=reason):
        load_model(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileError, match="There is no model file"):
        load_model(tmp_path / "model.json")
    with pytest.raises(FileError, match="Cannot read"):
        load_model(tmp_path)


def test_a_byte_order_mark_is_no_damage(saved, tmp_path):
    path = tmp_path / "model.json"
    path.write_text("\ufeff" + saved.read_text(), encoding="utf-8")
    assert load_model(path).summary() == load_model(saved).summary()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v["coef"].pop("cause"), "coef must be"),
        (lambda v: v["coef"].update(cause=None), "coef.cause must be a finite number"),
        (lambda v: v["coef"].update(cause=True), "coef.cause must be a finite number"),
        (lambda v: v["coef"].update(cause=10**400), "coef.cause must be a finite number"),
        (lambda v: v.update(features=["cause"]), "damaged"),
        (lambda v: v.update(features="cause"), "features must be a list"),
        (lambda v: v["levels"].update(sex="male"), r"levels\[...\] must be a list"),
        (lambda v: v.update(fill={"cause": "blue"}), "fill.cause must be"),
        (lambda v: v.update(fill={"else": 1.0}), "fill.else must be of a feature"),
        (lambda v: v.update(named=1), "named must be true or false"),
        (lambda v: v["params"].update(intercept="none"), "params"),
        (lambda v: v["params"].update(shell="rm"), "has no 'shell'"),
        (lambda v: v.update(environments=[]), "environments must be"),
        (lambda v: v["intercepts"]["environments"].pop("Oslo"), "intercept for each environment"),
        (lambda v: v["evidence"][0].update(verdict="magic"), "verdicts that elinvar knows"),
        (lambda v: v["evidence"].pop(), "a row for each feature"),
        (lambda v: v["evidence"][1].pop("low"), "evidence must have rows with feature"),
        (lambda v: v["effects"][0].update(effect="large"), "effect must be a number or null"),
        (lambda v: v["diagnosis"].update(verdict="maybe"), "verdict must be one of"),
        (lambda v: v["diagnosis"]["features"][0].update(moved=1), "moved must be true or false"),
        (lambda v: v["forecast"].pop("needed"), "forecast.needed must be there"),
        (lambda v: v.update(odd_environment={"name": 3}), "odd_environment.name must be"),
        (lambda v: v["errors"][0].update(pooled="much"), "errors"),
        (lambda v: [row.pop("mean") for row in v["errors"]], "errors must have"),
        (lambda v: v["path"]["coef"].pop(), "path.coef must be finite numbers of shape"),
        (lambda v: v["path"]["converged"].pop(), "path.converged"),
        (lambda v: v.update(selected=[True]), "selected must be 4 times"),
        (lambda v: v.update(status="fine"), "status must be one of accepted"),
        (lambda v: v.update(notes=[1]), "notes must be a list of texts"),
        (lambda v: v.update(n_dropped=-1), "n_dropped must be a whole number"),
    ],
)
def test_damage_is_named(change, reason, saved, tmp_path):
    values = json.loads(saved.read_text())
    change(values)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ModelFileError, match=reason):
        load_model(path)


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def spots_of(values):
    """Return places in a file, few of them inside the long lists of the path."""
    return [p for p in places(values) if p and (p[0] != "path" or len(p) < 4 or p[-1] == 0)]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "inf", "cause", "invariant", "accepted", "elinvar-model/1", "\u0000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def check_loads_or_refuses(path, frame):
    try:
        model = load_model(path)
    except ModelFileError:
        return
    with np.errstate(all="ignore"):
        prediction = model.predict(frame)
    assert prediction.shape == (len(frame),)
    assert not np.isnan(prediction).any() or np.abs(model.coef_).max() > 1e100
    assert isinstance(model.summary(), str)


@given(drawn=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_files_load_or_are_refused(saved, data, drawn):
    values = json.loads(saved.read_text())
    for _ in range(drawn.draw(st.integers(1, 2))):
        *way, last = drawn.draw(st.sampled_from(spots_of(values)))
        inner = values
        for key in way:
            inner = inner[key]
        action = drawn.draw(st.sampled_from(["replace", "delete", "copy"]))
        if action == "delete":
            del inner[last]
        elif action == "copy":
            other = drawn.draw(st.sampled_from(list(values)))
            inner[last] = copy.deepcopy(values[other])
        else:
            inner[last] = drawn.draw(JSON)
    path = saved.parent / "mutated.json"
    path.write_text(json.dumps(values))
    check_loads_or_refuses(path, data[0])


@given(drawn=st.data())
@settings(max_examples=80, deadline=None)
def test_damaged_bytes_load_or_are_refused(saved, data, drawn):
    content = bytearray(saved.read_bytes())
    content = content[: drawn.draw(st.integers(0, len(content)))]
    for _ in range(drawn.draw(st.integers(0, 3)) if content else 0):
        content[drawn.draw(st.integers(0, len(content) - 1))] = drawn.draw(st.integers(0, 255))
    path = saved.parent / "damaged.json"
    path.write_bytes(content)
    check_loads_or_refuses(path, data[0])


@given(st.lists(st.floats(width=64), max_size=40) | st.dictionaries(st.text(), st.floats()))
@settings(max_examples=60, deadline=None)
def test_numbers_are_written_exactly(value):
    again = json.loads(write(plain(value)))
    back = {None: float("nan"), "inf": np.inf, "-inf": -np.inf}
    expected = list(value.values()) if isinstance(value, dict) else value
    found = list(again.values()) if isinstance(value, dict) else again
    found = [back[item] if item is None or isinstance(item, str) else item for item in found]
    assert np.array_equal(found, expected, equal_nan=True)


def test_files_are_predicted_as_frames_are(saved, data, tmp_path):
    X, _, place = data
    model = load_model(saved)
    X.assign(environment=place, other="x").to_csv(tmp_path / "rows.csv", index=False)
    X.to_csv(tmp_path / "bare.csv", index=False)
    rows = np.concatenate(list(predict_files(model, tmp_path / "rows.csv")))
    bare = np.concatenate(list(predict_files(model, tmp_path / "bare.csv")))
    np.testing.assert_allclose(rows, model.predict(X, environments=place), rtol=1e-12)
    np.testing.assert_allclose(bare, model.predict(X), rtol=1e-12)


def test_predictions_that_overflow_are_refused(saved, tmp_path):
    model = load_model(saved)
    path = Path(tmp_path / "rows.csv")
    path.write_text("cause,effect,sex,nothing\n1e308,1,male,1\n")
    with pytest.raises(DataError, match="overflow"):
        list(predict_files(model, path))
