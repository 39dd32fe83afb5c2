"""Models from formulas, and what predicts, is saved and is refused of them."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from elinvar import (
    InvariantClassifier,
    InvariantRegressor,
    TransferRegressor,
    load_model,
    save_model,
)
from elinvar.errors import DataError, DataTypeError, ElinvarWarning

pytest.importorskip("formulaic")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 240
    made = pd.DataFrame(
        {
            "x": rng.uniform(0.5, 2, n) + np.repeat([0, 1, 2], 80),
            "year": rng.choice([9, 10, 11], n),
            "z": rng.choice(["u", "v"], n),
            "site": np.repeat(["a", "b", "c"], 80),
        }
    )
    made["y"] = 2 * made["x"] + (made["year"] == 10) + 0.3 * rng.normal(size=n) + 5
    return made


def fitted(formula, frame, **options):
    return InvariantRegressor.from_formula(formula, frame, environment="site", **options)


def test_plain_names_are_the_columns_themselves(frame):
    model = fitted("y ~ x + C(year) + z", frame, intercept="environment")
    assert model.schema_.levels == {"year": ("9", "10", "11"), "z": ("u", "v")}
    X = frame[["x", "year", "z"]]
    X = X.assign(year=pd.Categorical(X["year"].astype(str), categories=["9", "10", "11"]))
    same = InvariantRegressor(intercept="environment")
    same.fit(X, frame["y"], environments=frame["site"])
    assert_allclose(model.predict(frame), same.predict(X))
    assert model.schema_.target == "y" and list(model.feature_names_in_) == ["x", "year", "z"]
    every = fitted("y ~ .", frame)
    assert list(every.feature_names_in_) == ["x", "year", "z"]
    assert_allclose(fitted("y ~ x", pl.from_pandas(frame)).predict(pl.from_pandas(frame)),
                    fitted("y ~ x", frame).predict(frame))  # fmt: skip


def test_new_frames_are_made_what_training_rows_were(frame):
    model = fitted("np.log(y) ~ poly(x, 2) + x:z + C(year)", frame)
    names = list(model.feature_names_in_)
    assert names[0] == "year" and "x:z[v]" in names and model.schema_.target == "np.log(y)"
    assert_allclose(model.predict(frame[3:7]), model.predict(frame)[3:7])
    logs = np.log(frame["y"])
    assert np.mean((model.predict(frame) - logs) ** 2) < 0.1 * logs.var()
    assert_allclose(pickle.loads(pickle.dumps(model)).predict(frame), model.predict(frame))


def test_a_model_file_holds_names_and_no_code(frame, tmp_path):
    model = fitted("y ~ x + C(year)", frame)
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert again.formula_ == model.formula_ == "y ~ x + C(year)"
    assert_allclose(again.predict(frame), model.predict(frame))
    with pytest.raises(DataError, match=r"makes np\.log\(x\), and .* hold code, which it never"):
        save_model(fitted("y ~ np.log(x)", frame), tmp_path / "other.json")
    text = (tmp_path / "model.json").read_text(encoding="utf-8")
    code = "__import__('pathlib').Path('ran').touch()"
    path = tmp_path / "changed.json"
    path.write_text(text.replace("y ~ x + C(year)", f"y ~ {{{code}}}"), encoding="utf-8")
    load_model(path).predict(frame)
    assert not list(tmp_path.glob("ran"))


def test_other_estimators_take_formulas(frame):
    middle = frame.groupby("site")["y"].transform("median")
    place = frame.assign(kind=np.where(frame["y"] > middle, "high", "low"))
    classes = InvariantClassifier.from_formula("kind ~ x + z", place, environment="site")
    assert list(classes.classes_) == ["high", "low"]
    assert set(classes.predict(place)) <= {"high", "low"}
    forecast = TransferRegressor.from_formula("y ~ x * z", frame, environment=["site"])
    assert list(forecast.feature_names_in_) == ["x", "z", "x:z[T.v]"]
    few = forecast.adapt(frame[:20], frame["y"][:20])
    assert few.predict(frame[:3]).shape == (3,)


def test_rows_with_missing_values(frame):
    holes = frame.copy()
    holes.loc[3, "x"] = holes.loc[5, "y"] = np.nan
    with pytest.warns(ElinvarWarning, match="2 rows of 240 left out"):
        assert sum(fitted("y ~ x", holes).answer_.rows.values()) == 238
    with pytest.warns(ElinvarWarning, match="1 row of 240 left out"):
        model = TransferRegressor.from_formula("y ~ x", holes, environment="site")
    assert np.isfinite(model.predict(holes)).all()


def test_clusters_and_weights_are_columns(frame):
    more = frame.assign(who=np.arange(240) // 4, w=2)
    robust = fitted("y ~ x", more, cluster="who")
    plain = fitted("y ~ x", more, sample_weight="w")
    assert robust.p_value_ != fitted("y ~ x", more).p_value_
    assert sum(plain.answer_.rows.values()) == pytest.approx(480)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ x - 1", "takes the intercept away"),
        ("y ~ (x", "cannot be used"),
        ("x + z", "must name one target"),
        ("y + x ~ z", "must name one target"),
        ("y ~ x | z", "must name one target"),
        ("y ~ 1", "names no feature"),
        ("y ~ xx", "There is no column 'xx'. Did you mean x?"),
        ("y ~ np.nothing(x)", "cannot be used"),
    ],
)
def test_formulas_that_cannot_be(frame, formula, words):
    with pytest.raises(DataError) as caught:
        fitted(formula, frame)
    assert words in str(caught.value)


def test_frames_that_cannot_be(frame):
    model = fitted("y ~ x:z", frame)
    with pytest.raises(DataError, match="There is no column 'z'"):
        model.predict(frame.drop(columns="z"))
    with pytest.raises(DataError, match="training did not have"):
        model.predict(frame.assign(z="w"))
    with pytest.raises(DataTypeError, match="frame of pandas, polars or Arrow; got ndarray"):
        model.predict(frame[["x"]].to_numpy())


def test_another_fit_forgets_the_formula(frame):
    model = fitted("y ~ np.log(x)", frame)
    model.fit(frame[["x"]], frame["y"], environments=frame["site"])
    assert not hasattr(model, "formula_")
    assert_allclose(model.predict(frame[["x"]]), model.fit(
        frame[["x"]].to_numpy(), frame["y"], environments=frame["site"]
    ).predict(frame[["x"]].to_numpy()))  # fmt: skip
