from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from elinvar.bench import paired_interval, rank
from elinvar.bench._tables import rank_table


def test_one_stratum_is_the_usual_t_interval():
    values = np.random.default_rng(0).normal(0.3, 1, 12)
    found = paired_interval(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.middle == pytest.approx(values.mean())


def test_two_strata_have_welchs_interval():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, 8), rng.normal(2, 3, 15)
    found = paired_interval(np.concatenate([first, second]), [0] * 8 + [1] * 15)
    welch = stats.ttest_ind(first, -second, equal_var=False).confidence_interval(0.95)
    assert (2 * found.low, 2 * found.high) == pytest.approx((welch.low, welch.high))


def test_the_interval_holds_as_often_as_it_says():
    rng = np.random.default_rng(2)
    strata = np.repeat([0, 1, 2], 6)
    means = np.array([0.0, 1.0, 5.0])[strata]
    found = [
        paired_interval(means + (1 + strata) * rng.normal(size=18), strata) for _ in range(1000)
    ]
    share = np.mean([one.low <= 2.0 <= one.high for one in found])
    assert share == pytest.approx(0.95, abs=0.025)


def test_strata_count_alike_and_what_is_missing_is_left_out():
    found = paired_interval([1.0, 1.0, 1.0, 5.0, np.nan, np.inf], list("aaabbb"))
    assert (found.middle, found.n) == (3.0, 4)
    assert np.isnan(found.low)
    assert np.isnan(paired_interval([]).middle)
    equal = paired_interval([2.0, 2.0])
    assert (equal.low, equal.high) == (2.0, 2.0)


def scores(n=12, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=n)
    return pd.DataFrame(
        {
            "good": base + 0.1 * rng.normal(size=n),
            "elinvar-auto": base + 0.1 * rng.normal(size=n) - 0.1,
            "middle": base + 0.5,
            "wrong": base + 3.0,
        }
    )


def test_ranks_agree_with_scipy_and_a_wrong_method_is_last():
    table = scores()
    found = rank(table)
    assert list(found.ranks)[-1] == "wrong"
    assert found.ranks["wrong"] == 4.0
    assert sum(found.ranks.values()) == pytest.approx(10)
    theirs = stats.friedmanchisquare(*table.to_numpy().T)
    assert found.p_value == pytest.approx(theirs.pvalue)


def test_the_critical_difference_is_that_of_the_published_table():
    # Demšar (2006), table 5: q.05 = 2.569 for 4 methods
    found = rank(scores(n=14))
    assert found.critical_difference == pytest.approx(2.569 * (4 * 5 / (6 * 14)) ** 0.5, rel=1e-3)


def test_comparisons_with_elinvar_are_wilcoxons_by_holm():
    table = scores()
    found = rank(table)
    raw = [
        stats.wilcoxon(table[name] - table["elinvar-auto"]).pvalue
        for name in ("good", "middle", "wrong")
    ]
    # the smallest times 3, the next times 2, the largest as it is; none below the one before
    stepped = np.maximum.accumulate(np.minimum(np.sort(raw) * [3, 2, 1], 1))
    assert sorted(found.against.values()) == pytest.approx(stepped.tolist())
    assert found.against["good"] == max(found.against.values())


def test_a_failure_is_last_and_who_hardly_ran_is_left_out():
    table = scores()
    table["elinvar-auto"] -= 10
    table.loc[3, "elinvar-auto"] = np.inf
    table["rare"] = np.nan
    table.loc[:2, "rare"] = -9.0
    table.loc[0, "good"] = np.nan
    found = rank(table)
    assert found.left_out == ("rare",)
    assert len(found.problems) == 11
    assert found.ranks["elinvar-auto"] == pytest.approx((10 * 1 + 4) / 11)


def test_rounding_errors_are_ties():
    values = {"a": [1.0, 2.0] * 3, "b": [1.0 + 1e-13, 2.0] * 3, "c": [0.5, 3.0] * 3}
    assert rank(pd.DataFrame(values)).ranks == {"a": 2.0, "b": 2.0, "c": 2.0}


def test_groups_are_the_largest_sets_within_the_critical_difference():
    found = rank(scores(n=6))
    for group in found.groups():
        values = [found.ranks[name] for name in group]
        assert max(values) - min(values) <= found.critical_difference
    assert len({group[-1] for group in found.groups()}) == len(found.groups())


def test_too_few_problems_or_methods_are_not_ranked():
    assert rank(scores(n=4)) is None
    assert rank(scores()[["good", "wrong"]]) is None


def test_the_table_of_ranks_says_whom_methods_are_held_against():
    table = rank_table(SimpleNamespace(ranking=rank(scores())))
    assert "Wilcoxon's signed-rank test against elinvar-auto, with" in table.about
    assert table.heads[-1] == "p against elinvar-auto"
    assert [row[0] for row in table.rows][-1] == "wrong"
