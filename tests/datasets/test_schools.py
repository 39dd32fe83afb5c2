import numpy as np
import pandas as pd
import pytest

from elinvar.datasets import make_schools
from elinvar.errors import DataError


def test_scores_are_made_of_the_effects_that_it_tells():
    data = make_schools(n_schools=3, n_pupils=20_000, rng=1)
    for school, rows in data.frame.groupby("school"):
        X = np.column_stack([np.ones(len(rows)), rows[list(data.features)]])
        coef = np.linalg.lstsq(X, rows["score"].to_numpy(), rcond=None)[0][1:]
        # 6 / sqrt(20,000) an sd of a feature, which is 1 at the least: five standard errors
        np.testing.assert_allclose(coef, data.effects.loc[school], atol=0.35)


def test_some_effects_stay_some_keep_their_sign_and_one_does_not():
    effects = make_schools(n_schools=200, rng=2).effects
    assert (effects["homework_hours"] == 1.5).all() and (effects["shoe_size"] == 0).all()
    assert effects["days_present"].std() == pytest.approx(0.03, rel=0.2)
    assert (effects["books_at_home"] > 0).all()
    assert (effects["group_size"] > 0).mean() == pytest.approx(0.5, abs=0.1)


def test_the_same_seed_draws_the_same_pupils():
    first, second = (make_schools(n_schools=2, n_pupils=5, rng=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.environments().names == ("school 1", "school 2")


def test_one_school_is_refused():
    with pytest.raises(DataError, match=r"n_schools must be .*got 1"):
        make_schools(n_schools=1, rng=0)
