"""Evidence on every feature: verdicts, effects in their own units, and honest intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from elinvar.environments import Moments
from elinvar.inference import (
    LinearProblem,
    SquaredLoss,
    feature_effects,
    gather_evidence,
    select,
    status_of,
)
from elinvar.inference.losses.squared import refit

LEVEL = 1e-3


def loss_of(problem):
    return SquaredLoss(problem=problem, shared=problem)


def gathered(X, y, place, selected, status="accepted", *, intercept="shared", **options):
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place), intercept=intercept)
    return gather_evidence(loss_of(problem), np.array(selected), status, LEVEL, **options)


def evidence_of(*args, **options):
    return gathered(*args, **options).features


def three_kinds(seed=0, rows=400):
    """A cause, an effect of varying strength, and a column without any effect."""
    rng = np.random.default_rng(seed)
    place = np.repeat(np.arange(4), rows)
    n = len(place)
    cause, nothing = rng.normal(size=n), rng.normal(size=n)
    y = 2 * cause + rng.normal(size=n)
    effect = np.array([0.3, 1.0, 2.0, -1.0])[place] * y + rng.normal(size=n)
    return np.column_stack([cause, effect, nothing]), y, place


def test_verdicts_where_invariance_is_accepted():
    X, y, place = three_kinds()
    found = evidence_of(X, y, place, [True, False, False])
    assert [row.verdict for row in found] == ["invariant", "spurious", "no effect"]
    assert found[1].heterogeneity_p < 1e-6
    assert found[0].heterogeneity_p > LEVEL < found[2].heterogeneity_p
    assert found[2].low < 0 < found[2].high


def test_approximate_invariance_has_its_own_word():
    X, y, place = three_kinds()
    found = evidence_of(X, y, place, [True, False, False], "approximate")
    assert [row.verdict for row in found] == ["nearly invariant", "spurious", "no effect"]


def test_a_single_environment_decides_nothing():
    """It has no selection: its effects are those of the whole model."""
    X, y, _ = three_kinds()
    found = evidence_of(X, y, np.zeros(len(y)), [True, False, False], "pooled_only")
    assert {(row.verdict, row.model) for row in found} == {("undecided", "all features")}
    design = np.column_stack([X, np.ones(len(y))])
    coef = np.linalg.lstsq(design, y, rcond=None)[0]
    assert [row.effect for row in found] == pytest.approx(coef[:3])
    assert all(np.isnan(row.new_low) for row in found)


def four_kinds(rows=400):
    """Effects that are the same, keep their sign, turn round, and are next to nothing."""
    rng = np.random.default_rng(1)
    place = np.repeat(np.arange(5), rows)
    X = rng.normal(size=(len(place), 4))
    own = np.array([[2.0] * 5, [1.0, 1.3, 0.8, 1.6, 1.2], [1.0, 2.0, -1.0, 0.5, -2.0], [0.01] * 5])
    return X, np.einsum("np,pn->n", X, own[:, place]) + rng.normal(size=len(place)), place


STRONGEST = ["nearly invariant", "same direction", "varies", "no effect"]


@pytest.mark.parametrize("status", ["rejected", "borderline", "untested"])
def test_without_a_set_the_model_of_all_features_speaks(status):
    X, y, place = four_kinds()
    evidence = gathered(X, y, place, [True, False, True, False], status)
    assert [row.verdict for row in evidence.features] == STRONGEST
    assert evidence.features == evidence.all_features
    assert {row.model for row in evidence.features} == {"all features"}


def test_each_statement_is_what_the_interval_for_a_new_environment_says():
    X, y, place = four_kinds()
    steady, directed, _, small = evidence_of(X, y, place, [True] * 4, "rejected")
    reach = max(steady.effect - steady.new_low, steady.new_high - steady.effect) / steady.effect
    for factor, verdict in ((1.01, "nearly invariant"), (0.99, "same direction")):
        again = evidence_of(X, y, place, [True] * 4, "rejected", tolerance=factor * reach)
        assert again[0].verdict == verdict
    assert directed.new_low > 0.25 * directed.effect
    largest = max(-small.new_low, small.new_high)
    # the interval moves to within the smallest effect as long as 90% lie there
    for factor, verdict in ((1.01, "no effect"), (0.97, "no effect"), (0.7, "undecided")):
        share = factor * largest * np.std(X[:, 3]) / np.std(y)
        again = evidence_of(X, y, place, [True] * 4, "rejected", smallest_effect=share)[3]
        assert again.verdict == verdict
        assert again.smallest_effect == pytest.approx(factor * largest)
        reach = min(max(factor, 0.97), 1.0) if verdict == "no effect" else 1.0
        assert max(-again.new_low, again.new_high) == pytest.approx(reach * largest)


def test_an_undecided_effect_says_what_would_decide_it():
    """More rows where noise is in the way, more environments where they are few; both come true."""
    rng = np.random.default_rng(3)

    def verdict(environments, rows):
        place = np.repeat(np.arange(environments), rows)
        x = rng.normal(size=len(place))
        slope = rng.normal(0.3, 0.05, environments)[place]
        y = slope * x + rng.normal(size=len(place))
        return evidence_of(x[:, None], y, place, [True], "rejected")[0]

    row = verdict(4, 30)
    assert row.verdict == "undecided" and row.needed_rows > 1 and row.needed_environments > 4
    assert verdict(4, int(2 * 30 * row.needed_rows)).verdict != "undecided"
    assert verdict(int(2 * row.needed_environments), 30).verdict != "undecided"
    assert np.isnan(verdict(20, 400).needed_rows)


def test_few_rows_leave_out_the_features_that_matter_least():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(6), 14)
    X = rng.normal(size=(len(place), 8))
    y = X[:, 2] - X[:, 5] + 0.5 * rng.normal(size=len(place))
    found = gathered(X, y, place, [False] * 8, "rejected").all_features
    known = [j for j, row in enumerate(found) if np.isfinite(row.effect)]
    assert len(known) == 14 - 1 - 8 and {2, 5} <= set(known)
    assert found[2].n_environments == 6 and found[2].verdict == "same direction"
    enough = np.concatenate([np.arange(len(y)), np.arange(28).repeat(4)])
    wider = gathered(X[enough], y[enough], place[enough], [False] * 8, "rejected").all_features
    assert sum(np.isfinite(row.effect) for row in wider) == 5


def test_a_selected_effect_that_varies_much_is_not_called_nearly_invariant():
    """The support as a whole may be close to invariant when a small effect in it is not."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 4000)
    X = rng.normal(size=(len(place), 2)) * (1 + place)[:, None]
    small = np.array([0.02, 0.1, 0.18, 0.3])[place]
    y = 5 * X[:, 0] + small * X[:, 1] + rng.normal(size=len(place))
    found = evidence_of(X, y, place, [True, True], "approximate")
    assert [row.verdict for row in found] == ["nearly invariant", "no effect"]
    accepted = evidence_of(X, y, place, [True, True], "accepted")
    assert [row.verdict for row in accepted] == ["invariant", "no effect"]
    assert accepted[1].model == "all features" and accepted[1].heterogeneity_p < 1e-3


def test_a_feature_whose_law_is_the_same_everywhere_has_not_been_put_to_the_test():
    X, y, place = three_kinds()
    X = np.column_stack([X[:, 0], X[:, 2] * (1 + place)])
    y = X.sum(axis=1) + np.random.default_rng(4).normal(size=len(y))
    found = evidence_of(X, y, place, [True, True])
    assert found[0].shift_p_value > 0.05 and found[1].shift_p_value < 1e-6


def test_rivals_make_a_feature_undecided_and_its_interval_wider():
    X, y, place = three_kinds()
    selected = np.array([True, False, True])
    alone = evidence_of(X, y, place, selected)
    rivals = np.array([[True, False, False]])
    among = evidence_of(X, y, place, selected, rivals=rivals)
    assert alone[2].model == among[0].model == "invariant set"
    assert alone[2].verdict == among[0].verdict == "invariant"
    assert among[2].model == "all features"
    assert among[0].low == pytest.approx(alone[0].low, abs=0.02)
    other = evidence_of(X, y, place, [True, False, False])[0]
    assert among[0].low == min(alone[0].low, other.low)
    assert among[0].high == max(alone[0].high, other.high)


def test_each_environment_has_the_effect_of_its_own_least_squares():
    X, y, place = three_kinds()
    rows = {
        (row.feature, row.environment): row
        for row in gathered(X, y, place, [True, False, True]).effects
    }
    assert len(rows) == 12
    for e in range(4):
        here = place == e
        for feature, columns in (("x0", [0, 2]), ("x1", [1, 0, 2]), ("x2", [2, 0])):
            design = np.column_stack([X[here][:, columns], np.ones(here.sum())])
            coef, rss = np.linalg.lstsq(design, y[here], rcond=None)[:2]
            freedom = here.sum() - design.shape[1]
            error = np.sqrt(rss[0] / freedom * np.linalg.inv(design.T @ design)[0, 0])
            row = rows[feature, str(e)]
            assert row.effect == pytest.approx(coef[0])
            assert row.high - coef[0] == pytest.approx(stats.t.ppf(0.975, freedom) * error)
            assert coef[0] - row.low == pytest.approx(row.high - coef[0])


def test_the_environment_that_stands_out_is_named():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(5), 200)
    x = rng.normal(size=1000)
    y = np.where(place == 3, -1.0, 1.0) * x + rng.normal(size=1000)
    assert evidence_of(x[:, None], y, place, [True])[0].odd_environment == "3"
    two = place > 2
    assert evidence_of(x[two, None], y[two], place[two], [True])[0].odd_environment == ""
    y = x + rng.normal(size=1000)
    assert evidence_of(x[:, None], y, place, [True])[0].odd_environment == ""


def test_a_new_environment_is_less_sure_than_those_seen():
    X, y, place = three_kinds()
    found = evidence_of(X, y, place, [True, False, False])
    assert found[0].new_high - found[0].new_low > 0.8 * (found[0].high - found[0].low)
    assert found[1].new_low < found[1].low - 0.3 and found[1].new_high > found[1].high + 0.3
    assert 0.2 < found[1].between_sd < 1.5 and found[0].between_sd < 0.1


def test_a_needed_feature_that_was_not_chosen_is_told_by_all_features():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 300)
    X = rng.normal(size=(900, 2))
    y = X @ [1.0, 1.0] + rng.normal(size=900)
    found = evidence_of(X, y, place, [True, False])
    assert [row.verdict for row in found] == ["invariant", "same direction"]
    assert found[1].effect == pytest.approx(1.0, abs=0.15)


def test_effects_are_refits_in_the_datas_units():
    X, y, place = three_kinds()
    units = np.array([1e-3, 10.0, 1.0])
    found = evidence_of(X * units, 5 * y, place, [True, False, False])
    plain = evidence_of(X, y, place, [True, False, False])
    for row, other, unit in zip(found, plain, units, strict=True):
        for name in ("effect", "low", "high"):
            assert getattr(row, name) == pytest.approx(5 / unit * getattr(other, name))
        assert row.heterogeneity_p == pytest.approx(other.heterogeneity_p, abs=1e-12)
    problem = LinearProblem.from_moments(Moments.from_arrays(X, y, place))
    for gates, feature in (([1, 0, 0], 0), ([1, 0, 1], 2)):
        fit = refit(problem, np.array(gates, dtype=bool))
        slope = fit.coef[-1] * problem.target_scale / problem.scale[feature]
        assert plain[feature].effect == pytest.approx(slope)


def test_where_the_model_is_refuted_an_effect_is_an_average_over_environments():
    """A precision-weighted refit mixes the effects of all features, and may lie outside them."""
    X, y, place = three_kinds()
    for status in ("accepted", "rejected"):
        found = gathered(X, y, place, [True, False, False], status)
        row = found.features[1]
        own = [line.effect for line in found.effects if line.feature == "x1"]
        assert min(own) < row.effect < max(own)
        assert row.effect == pytest.approx(np.mean(own), abs=0.05)
        assert row.high - row.low > np.std(own)


def test_intervals_of_one_environment_are_students():
    rng = np.random.default_rng(0)
    x = rng.normal(size=25)
    y = 1.5 * x + rng.normal(size=25)
    row = evidence_of(x[:, None], y, np.zeros(25), [True], "pooled_only")[0]
    reference = stats.linregress(x, y)
    margin = stats.t.ppf(0.975, 23) * reference.stderr
    assert row.effect == pytest.approx(reference.slope)
    assert (row.low, row.high) == pytest.approx((row.effect - margin, row.effect + margin))


def test_constant_columns_have_no_evidence():
    X, y, place = three_kinds()
    X = np.insert(X, 1, 3.0, axis=1)
    found = evidence_of(X, y, place, [True, False, False])
    assert [row.verdict for row in found] == ["invariant", "undecided", "spurious", "no effect"]
    assert np.isnan([found[1].effect, found[1].low, found[1].high]).all()
    kept = [found[j] for j in (0, 2, 3)]
    assert np.isfinite([[r.effect, r.low, r.high, r.heterogeneity_p] for r in kept]).all()


def assert_unknown(row):
    assert row.verdict == "undecided"
    assert np.isnan([row.effect, row.low, row.high, row.heterogeneity_p]).all()


def test_more_columns_than_rows_tell_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 25)), rng.normal(size=20)
    for row in evidence_of(X, y, np.zeros(20), [False] * 25, "pooled_only"):
        assert_unknown(row)


def test_collinear_columns_tell_nothing_together_and_something_apart():
    X, y, _ = three_kinds()
    X = np.column_stack([X, X[:, 0] - X[:, 2]])
    together = evidence_of(X, y, np.zeros(len(y)), [False] * 4, "pooled_only")
    for feature in (0, 2, 3):
        assert_unknown(together[feature])
    assert together[1].low < together[1].effect < together[1].high
    place = np.arange(len(y)) % 4
    apart = evidence_of(X, y, place, [True, True, False, False])
    assert [row.verdict for row in apart[2:]] == ["no effect", "no effect"]
    assert apart[3].effect == pytest.approx(-apart[2].effect)
    within = evidence_of(X, y, place, [True, True, True, False])
    assert_unknown(within[3])


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_an_environment_without_rows_to_spare_does_not_decide(intercept):
    """Four rows fit four coefficients exactly, which is no sign of precision."""
    X, y, place = three_kinds()
    X = np.column_stack([X, np.random.default_rng(3).normal(size=len(y))])
    few = (place > 0) | (np.arange(len(y)) < 4)
    selected = [True, False, True, False]
    found = evidence_of(X[few], y[few], place[few], selected, intercept=intercept)
    rest = place > 0
    without = evidence_of(X[rest], y[rest], place[rest], selected, intercept=intercept)
    assert found[3].effect == pytest.approx(without[3].effect)
    assert found[3].high == pytest.approx(without[3].high)
    assert found[3].heterogeneity_p == pytest.approx(without[3].heterogeneity_p)


def test_nothing_selected():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(3), 10_000)
    X, y = rng.normal(size=(30_000, 2)), rng.normal(size=30_000)
    for intercept in ("shared", "environment"):
        found = evidence_of(X, y, place, [False, False], intercept=intercept)
        assert [row.verdict for row in found] == ["no effect", "no effect"]
        few = evidence_of(X[::50], y[::50], place[::50], [False, False], intercept=intercept)
        assert [row.verdict for row in few] == ["undecided", "undecided"]


def test_a_categorical_feature_has_its_largest_contrast(with_colour):
    frame, y, place = with_colour((300, 300, 300), effect=2.0)
    found = evidence_of(frame, y, place, [True, True, True])
    assert [row.verdict for row in found] == ["invariant"] * 3
    # red lifts by 2 and green lowers by 2 against the reference level blue
    assert found[1].low < 4.0 < found[1].high and found[1].high - found[1].low < 1.0
    dummies = np.column_stack([frame["a"], frame["colour"] == "red", frame["colour"] == "blue"])
    columns = np.column_stack([dummies, frame["b"]]).astype(float)
    against_green = evidence_of(columns, y, place, [True] * 4)[1]
    assert found[1].effect == pytest.approx(against_green.effect)
    # Scheffé's interval allows for the choice of the contrast among those of three levels
    freedom = len(y) - 3 * 5
    stretch = np.sqrt(2 * stats.f.ppf(0.95, 2, freedom)) / stats.t.ppf(0.975, freedom)
    half = stretch * (against_green.effect - against_green.low)
    assert found[1].low == pytest.approx(found[1].effect - half, rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_categorical_feature_may_be_spurious_or_of_no_effect(with_colour, seed):
    frame, y, place = with_colour((9000, 9000, 9000), effect=0.0, seed=seed)
    assert evidence_of(frame, y, place, [True, False, True])[1].verdict == "no effect"
    frame["colour"] = np.where(y * np.array([1, -1, 2])[place] > 3, "red", "blue")
    assert evidence_of(frame, y, place, [True, False, True])[1].verdict == "spurious"


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_a_feature_that_is_constant_somewhere_is_judged_elsewhere(intercept):
    X, y, place = three_kinds()
    X[place == 2, 0] = 0.7
    y = 2 * X[:, 0] + np.random.default_rng(1).normal(size=len(y))
    X[:, 1] = np.array([0.3, 1.0, 2.0, -1.0])[place] * y + X[:, 1]
    X[place == 1, 2] = X[place == 1, 0]
    found = evidence_of(X, y, place, [True, False, False], intercept=intercept)
    assert [row.verdict for row in found] == ["invariant", "spurious", "no effect"]
    assert found[0].heterogeneity_p > 0.001 and found[2].heterogeneity_p > 0.001
    assert found[0].low < 2.0 < found[0].high


@pytest.mark.parametrize("intercept", ["shared", "environment"])
@pytest.mark.parametrize("rows", [(20, 20), (25, 60, 200), (20,) * 10])
def test_intervals_cover(rows, intercept):
    """95% intervals of a fixed support, with noise of other size in each environment."""
    rng = np.random.default_rng(sum(rows))
    place = np.repeat(np.arange(len(rows)), rows)
    noise = np.geomspace(0.5, 3.0, len(rows))[place]
    truth = np.array([1.0, -0.5])
    covered = np.zeros(2)
    replications = 1500
    for _ in range(replications):
        X = rng.normal(size=(len(place), 2)) + place[:, None]
        y = X @ truth + noise * rng.normal(size=len(place))
        moments = Moments.from_arrays(X, y, place)
        problem = LinearProblem.from_moments(moments, intercept=intercept)
        found = feature_effects(loss_of(problem), np.array([True, True]))
        covered += [row.low < b < row.high for row, b in zip(found, truth, strict=True)]
    assert np.all((covered / replications > 0.93) & (covered / replications < 0.97))


def test_evidence_follows_the_selection(cause_and_effect, problem_of):
    problem = problem_of(*cause_and_effect(seed=1))
    chosen = select(loss_of(problem))
    found = gather_evidence(loss_of(problem), chosen.gates, chosen.outcome, 1 / 1200).features
    # partial effects that change, and keep their sign, are none that come and go
    assert [row.verdict for row in found] == ["invariant", "same direction", "same direction"]
    assert found[1].heterogeneity_p < 0.01


def test_verdicts_do_not_depend_on_the_order_of_environments():
    X, y, place = three_kinds()
    found = evidence_of(X, y, place, [True, False, False])
    other = evidence_of(X, y, np.array([2, 0, 3, 1])[place], [True, False, False])
    for a, b in zip(found, other, strict=True):
        assert a.verdict == b.verdict
        assert a.effect == pytest.approx(b.effect) and a.high == pytest.approx(b.high)


def test_a_set_that_barely_passes_is_no_evidence():
    assert status_of("accepted", 0.2, differ=True) == "accepted"
    assert status_of("accepted", 0.04, differ=True) == "borderline"
    assert status_of("rejected", 0.0, differ=True) == "rejected"
    assert status_of("approximate", 0.0, differ=True) == "approximate"
    assert status_of("accepted", 0.5, differ=False) == "untested"
    assert status_of(None, 1.0, differ=False) == "pooled_only"
    X, y, place = three_kinds()
    found = evidence_of(X, y, place, [True, False, False], "borderline")
    assert {row.model for row in found} == {"all features"}


def test_nothing_is_called_spurious_where_nothing_holds():
    """It may be the target's own mechanism that changes."""
    X, y, place = three_kinds()
    y = y + np.array([1.0, -3.0, 2.0, 5.0])[place] * X[:, 0]
    found = evidence_of(X, y, place, [False] * 3, intercept="environment")
    assert {row.model for row in found} == {"all features"}
    assert found[0].verdict == "varies" and found[0].heterogeneity_p < 1e-9


def test_a_category_is_as_steady_as_its_worst_level():
    """The largest contrast may be steady while another level is not."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(4), 1500)
    level = rng.integers(3, size=len(place))
    effects = np.array([0.0, 5.0, 2.0]) + np.zeros((4, 3))
    effects[:, 2] += [-1.5, 1.0, -1.0, 1.5]
    y = effects[place, level] + rng.normal(size=len(place))
    frame = pd.DataFrame({"kind": np.array(["low", "high", "middle"])[level]})
    found = evidence_of(frame, y, place, [True], "rejected")[0]
    assert found.effect == pytest.approx(5.0, abs=0.1)
    assert found.new_high - found.new_low < 0.1 * found.effect
    assert found.verdict == "same direction" and found.contrast == "high over low"
    assert found.heterogeneity_p < 1e-9


def test_rivals_widen_what_to_expect_in_a_new_environment_as_much():
    X, y, place = three_kinds()
    selected, rivals = np.array([True, False, True]), np.array([[True, True, False]])
    alone = evidence_of(X, y, place, selected)[0]
    among = evidence_of(X, y, place, selected, rivals=rivals)[0]
    assert among.low < alone.low or alone.high < among.high
    assert alone.low - among.low == pytest.approx(alone.new_low - among.new_low)
    assert among.high - alone.high == pytest.approx(among.new_high - alone.new_high)


def test_two_environments_cannot_show_that_an_effect_is_steady():
    X, y, place = three_kinds()
    two = place < 2
    found = evidence_of(X[two], y[two], place[two], [True, False, False], "rejected")
    assert "nearly invariant" not in {row.verdict for row in found}


def test_a_small_effect_that_is_sure_of_its_sign_is_not_called_none():
    """Below the bound on |t| and the smallest effect of interest, but its interval leaves 0 out."""
    rng = np.random.default_rng(2)
    place = np.repeat(np.arange(4), 300)
    X = rng.normal(size=(1200, 2)) * (1 + place)[:, None]
    y = X[:, 0] + 0.04 * X[:, 1] + rng.normal(size=1200)
    row = evidence_of(X, y, place, [True, False])[1]
    assert 0 < row.new_low < row.new_high < row.smallest_effect
    assert row.verdict == "same direction"


def test_environments_with_hardly_any_rows_do_not_judge():
    """With few degrees of freedom each, tests of single effects would reject what is the same."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(30):
        place = np.repeat(np.arange(20), 6)
        X = rng.normal(size=(120, 4)) * (1 + place % 3)[:, None]
        y = X[:, :2].sum(axis=1) + rng.normal(size=120)
        found = evidence_of(X, y, place, [True, True, False, False])
        wrong += sum(row.verdict == "spurious" for row in found)
        assert np.isnan(found[0].between_sd) and np.isfinite(found[0].effect)
    assert wrong == 0


def test_the_largest_contrast_of_a_category_without_effect_is_covered():
    """The interval allows for the choice: by Student's it would leave 0 out a third of the time."""
    rng = np.random.default_rng(0)
    place, outside = np.repeat(np.arange(4), 150), 0
    for _ in range(200):
        kind = rng.integers(6, size=600)
        x = (1 + place) * rng.normal(size=600)
        frame = pd.DataFrame({"x": x, "kind": np.array(list("abcdef"))[kind]})
        problem = LinearProblem.from_moments(
            Moments.from_arrays(frame, x + rng.normal(size=600), place)
        )
        outside += feature_effects(loss_of(problem), np.array([True, False]))[1].low > 0
    assert outside / 200 < 0.07
