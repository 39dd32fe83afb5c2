"""The pre-flight: its verdicts on tables whose answer is known, and what its columns say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import elinvar
from elinvar import Environments, Moments, diagnose
from elinvar.datasets import load_bikes, load_penguins, make_eills, make_linear_unit_test
from elinvar.errors import DataError
from elinvar.inference import LinearProblem, SquaredLoss, feature_effects
from elinvar.inference.diagnosis import marginal_slopes
from elinvar.inference.diagnosis._diagnose import _partial_effects
from elinvar.inference.problem import scale_moments, scaling_of
from elinvar.inference.stochastic import GateSteps, run_gates, step_limit

matplotlib.use("Agg")

COLUMNS = [
    "feature", "mean_shift", "mean_p", "scale_ratio", "scale_p", "slope", "slope_sd", "slope_p",
    "positive", "negative", "flips", "moved", "tested", "vif", "told_apart", "growth", "gain_low",
    "gain_high", "step_low", "step_high", "detectable_sd", "effect_size",
]  # fmt: skip


def of_table(dataset, **options):
    moments = Moments.from_frame(
        dataset.frame,
        target=dataset.target,
        environment=dataset.environment,
        features=dataset.features,
    )
    return diagnose(moments, **options)


def of_known(known, **options):
    return diagnose(Moments.from_arrays(known.X, known.y, known.environments), **options)


def row(found, feature):
    return found.features.set_index("feature").loc[feature]


# verdicts ---------------------------------------------------------------------------------------


def test_copies_answer_nothing():
    penguins = load_penguins()
    rng = np.random.default_rng(0)
    frame = penguins.frame.assign(part=rng.integers(0, 3, len(penguins.frame)))
    moments = Moments.from_frame(
        frame, target=penguins.target, environment="part", features=penguins.features
    )
    found = diagnose(moments)
    assert found.verdict == "cannot"
    assert "copies" in found.reason
    assert not found.features["moved"].any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_first_linear_unit_test_can_be_answered(seed):
    found = of_known(make_linear_unit_test(1, rng=seed))
    assert found.verdict == "can answer"
    assert "put to the test" in found.reason
    # inputs have other variances in each environment, and most spurious slopes differ
    assert found.features["moved"][:5].all()
    assert (found.features["slope_p"][:5] > 0.001).all()
    assert (found.features["slope_p"][5:] < 1e-6).sum() >= 4


def test_two_environments_answer_in_part():
    found = of_known(make_eills(n_samples=300, rng=0))
    assert found.verdict == "can answer in part"
    assert "only two environments" in found.reason
    assert row(found, "x6")["moved"]
    assert row(found, "x7")["flips"]
    note = next(note for note in found.notes if "changes sign" in note and "x7" in note)
    assert note.endswith("changes sign: up in E0, down in E1.")


def test_penguins_differ_by_level_and_hardly_within_species():
    shared = of_table(load_penguins())
    assert shared.features["moved"].all()
    own = of_table(load_penguins(), intercept="environment")
    assert own.verdict == "can answer in part"
    assert not own.features["moved"].any()
    # levels differ by far in either case, and every species has the same sign
    for found in (shared, own):
        assert (found.features["mean_shift"][:3] > 1.5).all()
        assert (found.features["positive"] == 3).all()
        assert not found.features["flips"].any()


def test_bikes_name_what_no_season_has_moved():
    found = of_table(load_bikes())
    assert found.verdict == "can answer in part"
    assert "weekday" in found.reason
    assert row(found, "temp")["moved"]
    assert not row(found, "weekday")["moved"]


def test_one_environment_cannot_be_compared(random_table):
    X, y, _ = random_table()
    found = diagnose(Moments.from_arrays(X, y))
    assert found.verdict == "cannot"
    assert "single environment" in found.reason
    assert found.features[["mean_shift", "slope_sd", "detectable_sd"]].isna().all(axis=None)
    assert not found.features["moved"].any()
    now = found.power[found.power["is_now"]]
    assert now["detectable_sd"].isna().all()
    assert found.power["detectable_sd"][found.power["environments"] > 1].notna().all()


def test_too_few_rows_for_any_fit():
    rng = np.random.default_rng(1)
    place = np.repeat(np.arange(5), [2, 2, 2, 2, 40])
    found = diagnose(Moments.from_arrays(rng.normal(size=(48, 2)), rng.normal(size=48), place))
    assert found.verdict == "cannot"
    assert "3 rows" in found.reason


def test_more_features_than_rows_are_looked_at_one_by_one():
    rng = np.random.default_rng(2)
    place = np.repeat([0, 1, 2], 12)
    X = rng.normal(size=(36, 40)) * np.array([0.05, 1.0, 20.0])[place][:, None]
    y = 2 * X[:, 0] + rng.normal(size=36)
    found = diagnose(Moments.from_arrays(X, y, place))
    assert found.verdict == "can answer in part"
    said = " ".join([found.reason, *found.notes])
    assert "42 rows" in said
    assert "A slope that varies" in said
    assert "combination" not in said
    for column in ("slope", "detectable_sd"):
        assert np.isfinite(found.features[column]).all()
    assert found.features["moved"].all()


def test_features_that_cannot_be_told_apart_are_named(cause_and_effect):
    X, y, place = cause_and_effect(p=4)
    X = X * np.array([0.5, 1.0, 1.5, 2.0])[place][:, None]
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame = frame.assign(twice=2 * frame["b"], steady=5.0, y=y, place=place)
    found = diagnose(Moments.from_frame(frame, target="y", environment="place"))
    assert found.verdict == "can answer in part"
    assert "b and twice are combinations" in found.reason
    assert "steady is constant." in found.notes
    features = found.features.set_index("feature")
    assert np.isinf(features.loc[["b", "twice"], "vif"]).all()
    assert not features.loc[["b", "twice", "steady"], "told_apart"].any()
    assert features.loc[["a", "c", "d"], "told_apart"].all()
    assert features.loc[["b", "twice"], "moved"].all()
    empty = ["slope", "vif", "growth", "gain_low", "step_high", "detectable_sd"]
    assert features.loc["steady", empty].isna().all()


def test_a_cause_without_a_change_is_not_put_to_the_test():
    rng = np.random.default_rng(3)
    place = np.repeat([0, 1, 2, 3], 500)
    still, moved = rng.normal(size=(2, 2000))
    moved *= np.array([0.3, 1.0, 2.0, 3.0])[place]
    y = still + moved + rng.normal(size=2000)
    found = diagnose(Moments.from_arrays(np.column_stack([still, moved]), y, place))
    assert found.verdict == "can answer in part"
    assert found.reason.startswith("x0 clearly goes with the target")
    assert found.features["moved"].tolist() == [False, True]


def test_large_noise_is_said():
    rng = np.random.default_rng(4)
    place = np.repeat([0, 1, 2], 60)
    X = rng.normal(size=(180, 2)) * np.array([0.2, 1.0, 3.0])[place][:, None]
    found = diagnose(Moments.from_arrays(X, X @ [1, 1] + 3 * rng.normal(size=180), place))
    assert found.verdict == "can answer in part"
    assert "comes and goes" in found.reason
    more = diagnose(Moments.from_arrays(X, X @ [1, 1] + 0.1 * rng.normal(size=180), place))
    assert more.verdict == "can answer"


def test_each_feature_is_said_in_words():
    found = of_known(make_eills(n_samples=300, rng=0))
    words = found.in_words().set_index("feature")
    assert words.loc["x7", "target with it"] == "up in 1, down in 1 of 2"
    assert words.loc["x11"].tolist() == ["not clear", "no", "-"]
    seen, numbers = words.loc["x1", "change seen from"], row(found, "x1")
    assert seen == f"{100 * numbers['detectable_sd'] / numbers['effect_size']:.2g}%"
    assert (words["put to the test"] == "yes").tolist() == found.features["tested"].tolist()


def test_it_says_where_environments_differ_most_and_what_to_do():
    found = of_table(load_penguins(), intercept="environment")
    assert "flipper_length_mm (lowest in Adelie, highest in Gentoo)" in found.notes[0]
    assert found.advice.startswith("Take the effect of bill_length_mm with reserve")


# columns ----------------------------------------------------------------------------------------


def test_the_tables_have_their_columns(random_table):
    X, y, place = random_table()
    moments = Moments.from_arrays(X, y, place)
    found = diagnose(moments)
    assert list(found.features.columns) == COLUMNS
    assert list(found.power.columns) == ["environments", "rows", "detectable_sd", "is_now"]
    assert found.features["positive"].dtype.kind == found.power["environments"].dtype.kind == "i"
    assert found.environments == moments.names
    assert found.rows == (40.0, 70.0, 100.0)
    assert found.power["is_now"].sum() == 1
    for name in ("flips", "moved", "told_apart"):
        assert found.features[name].dtype == bool


def test_detectable_differences_are_those_of_the_evidence(random_table):
    # the variance behind them is that of the effects in the model of all features
    X, y, place = random_table((200, 300, 400))
    moments = Moments.from_arrays(X, y, place)
    found, problem = diagnose(moments), LinearProblem.from_moments(moments)
    effects = feature_effects(SquaredLoss(problem=problem, shared=problem), np.ones(4, dtype=bool))
    rng = np.random.default_rng(0)
    for j, effect in enumerate(effects):
        unit = problem.scale[j] / problem.target_scale
        sd = found.features["detectable_sd"][j] / unit
        drawn = rng.normal(size=(20_000, 3)) * np.sqrt(effect.own_variance + sd**2)
        weight = 1 / effect.own_variance
        centre = drawn @ weight / weight.sum()
        q = ((drawn - centre[:, None]) ** 2 @ weight) > 5.9915  # 95% point of chi-squared(2)
        assert abs(q.mean() - 0.8) < 0.02


def test_more_rows_and_more_environments_show_smaller_differences(random_table):
    X, y, place = random_table((60, 80, 90))
    power = diagnose(Moments.from_arrays(X, y, place)).power
    rows = power[power["environments"] == 3]["detectable_sd"].to_numpy()
    environments = power[power["rows"] == power["rows"].min()]["detectable_sd"].to_numpy()
    np.testing.assert_allclose(rows[1:] / rows[:-1], np.sqrt(0.5), rtol=0.02)
    assert (np.diff(environments) < 0).all()
    # four times the rows of every environment, really there
    again = np.tile(np.arange(len(y)), 4)
    found = diagnose(Moments.from_arrays(X[again], y[again], place[again])).power
    assert found["detectable_sd"][0] == pytest.approx(rows[2], rel=0.05)


def test_growth_and_gains_are_those_of_the_steps():
    rng = np.random.default_rng(5)
    place = np.repeat(np.arange(4), 400)
    X = rng.normal(size=(1600, 2))
    slopes = np.array([[0.7, 0.2], [0.8, 0.4], [0.4, 0.9], [0.9, 0.6]])
    y = (X * slopes[place]).sum(axis=1) + 0.5 * rng.normal(size=1600)
    moments = Moments.from_arrays(X, y, place)
    found = diagnose(moments)
    scaling = scaling_of(moments, np.full(4, 0.25))
    scaled = scale_moments(moments, scaling)

    def rates(gain, n_steps, start):
        steps = GateSteps(
            step_size=found.step_size, n_steps=n_steps, init_scale=start, gain=gain, order="cyclic"
        )
        gates = run_gates(scaled, scaling.weights, steps, rng).gates
        return np.log(np.abs(gates) / start).max(axis=0) / n_steps

    # every environment in turn, gates too small to feel each other: the exponent, exactly
    np.testing.assert_allclose(rates(1.0, 200, 1e-90), found.features["growth"], rtol=1e-8)
    low, high = found.features["gain_low"].max(), found.features["gain_high"].min()
    assert low < high
    assert (rates(0.5 * (low + high), 200, 1e-10) < 0).all()
    assert (rates(0.9 * found.features["gain_low"].min(), 200, 1e-60) > 0).all()


def test_the_step_is_half_the_limit(random_table):
    moments = Moments.from_arrays(*random_table())
    scaling = scaling_of(moments, moments.count / moments.count.sum())
    limit = step_limit(scale_moments(moments, scaling), scaling.weights)
    assert diagnose(moments).step_size == pytest.approx(limit / 2)
    asked = diagnose(moments, step_size=0.01)
    assert asked.step_size == 0.01


def test_units_and_order_change_nothing(with_colour):
    frame, y, place = with_colour()
    frame["flag"] = (frame["a"] > frame["a"].median()).astype(float)
    options = dict(target="y", environment="e")
    first = diagnose(Moments.from_frame(frame.assign(y=y, e=place), **options))
    order = np.random.default_rng(6).permutation(len(y))
    turned = frame.assign(a=50 * frame["a"] + 4, y=3 * y, e=2 - place).iloc[order]
    second = diagnose(Moments.from_frame(turned[["flag", "b", "colour", "a", "y", "e"]], **options))
    assert first.verdict == second.verdict
    one, two = (found.features.set_index("feature") for found in (first, second))
    pd.testing.assert_frame_equal(one, two.loc[one.index], rtol=1e-6)
    assert first.step_size == pytest.approx(second.step_size)


def test_weights_count_rows(random_table):
    X, y, place = random_table()
    weight = np.random.default_rng(7).integers(1, 4, len(y))
    weighted = diagnose(Moments.from_arrays(X, y, place, sample_weight=weight))
    again = np.repeat(np.arange(len(y)), weight)
    repeated = diagnose(Moments.from_arrays(X[again], y[again], place[again]))
    pd.testing.assert_frame_equal(weighted.features, repeated.features, rtol=1e-6)
    assert weighted.reason == repeated.reason


# doors ------------------------------------------------------------------------------------------


def test_rows_in_memory_are_as_good_as_moments(random_table):
    X, y, place = random_table()
    from_rows = elinvar.diagnose(Environments.from_arrays(X, y, place))
    pd.testing.assert_frame_equal(
        from_rows.features, diagnose(Moments.from_arrays(X, y, place)).features
    )


def test_what_cannot_be_used_is_refused(random_table):
    X, y, place = random_table()
    moments = Moments.from_arrays(X, y, place)
    with pytest.raises(DataError, match="needs Moments or Environments; got ndarray"):
        diagnose(X)
    for options in (
        {"intercept": "none"},
        {"alpha": 0.0},
        {"power": 1.0},
        {"alpha": 0.5, "power": 0.4},
        {"step_size": -1.0},
        {"step_size": "large"},
    ):
        with pytest.raises(DataError, match=next(reversed(options))):
            diagnose(moments, **options)
    with pytest.raises(DataError, match="constant"):
        diagnose(Moments.from_arrays(X, np.ones(len(y)), place))
    with pytest.raises(DataError, match="constant in environment '1'"):
        diagnose(Moments.from_arrays(X, np.where(place == 1, 2.0, y), place))


def test_it_prints_and_draws(with_colour):
    frame, y, place = with_colour()
    frame["<b>"] = frame["b"] * 2
    found = diagnose(Moments.from_frame(frame.assign(y=y, e=place), target="y", environment="e"))
    text = repr(found)
    assert text.startswith(f"Diagnosis: {found.verdict}. ")
    assert all(len(line) <= 100 for line in text.splitlines())
    assert all(name in text for name in found.features["feature"])
    assert "What to do: " in text
    assert "growth" not in text
    page = found._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert len(found.plot(theory=True).figure.axes) == 3
    axes = found.plot()
    assert len(axes.figure.axes) == 2
    assert [label.get_text() for label in axes.get_yticklabels()] == list(frame.columns)
    plt.close("all")


def test_many_features_are_cut_in_print():
    rng = np.random.default_rng(8)
    place = np.repeat([0, 1], 60)
    X = rng.normal(size=(120, 20))
    found = diagnose(Moments.from_arrays(X, 3 * X[:, 17] + rng.normal(size=120), place))
    assert "... and 9 more" in repr(found)
    assert "x17" in repr(found)
    assert len(found.features) == 20


def unmoved_noise(seed=0):
    """A cause whose law changes, and a column of noise that is the same everywhere."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(4), 500)
    cause = (1 + place) * rng.normal(size=2000)
    X = np.column_stack([cause, rng.normal(size=2000)])
    return X, cause + rng.normal(size=2000), place


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_nothing_moved_misleads_nobody(seed):
    found = diagnose(Moments.from_arrays(*unmoved_noise(seed)))
    assert not row(found, "x1")["moved"]
    assert found.verdict == "can answer"


def test_an_effect_that_changes_sign_is_not_small(problem_of):
    """It is 0 on average; what it is in a typical environment says whether it could be missed."""
    rng = np.random.default_rng(1)
    place = np.repeat(np.arange(6), 200)
    X = rng.normal(size=(1200, 1))
    y = np.array([1.0, -1.0, 0.9, -0.9, 1.1, -1.1])[place] * X[:, 0] + rng.normal(size=1200)
    problem = problem_of(X, y, place)
    scaling = scaling_of(problem.moments, problem.weights)
    partial = _partial_effects(problem, marginal_slopes(problem.moments, scaling), 0.05)
    loss = SquaredLoss(problem=problem, shared=problem)
    own = feature_effects(loss, np.array([True]))[0].own * problem.scale / problem.target_scale
    assert partial.size[0] == pytest.approx(np.sqrt(np.mean(own**2)), rel=0.15)
    assert abs(own.mean()) < 0.1 * partial.size[0] and not partial.clear[0]


def test_rows_show_who_they_belong_to_and_moments_do_not():
    rng = np.random.default_rng(0)
    firm, year = np.tile(np.arange(30), 8), np.repeat(np.arange(2001, 2009), 30)
    frame = pd.DataFrame({"x": rng.normal(size=240), "firm": [f"firm {k}" for k in firm]})
    frame = frame.assign(y=frame["x"] + rng.normal(size=30)[firm], year=year)
    roles = {"target": "y", "environment": "year"}
    notes = diagnose(Environments.from_frame(frame, **roles)).notes
    assert any("firm looks like the name of who a row belongs to" in note for note in notes)
    assert not any(
        "belongs to" in note for note in diagnose(Moments.from_frame(frame, **roles)).notes
    )
