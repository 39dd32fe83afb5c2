"""Environments left out in turn, against models learned and judged on the rows."""

import numpy as np
import pytest

from elinvar.environments import Moments
from elinvar.inference import LearningTask, SelectionRule, learn
from elinvar.inference.losses.squared import lasso_model
from elinvar.inference.problem import folds_of


def task(p, **options):
    options.setdefault("intercept", "shared")
    options.setdefault("always", np.zeros(p, dtype=bool))
    rule = SelectionRule(exact_up_to=options.pop("exact_up_to", 14))
    return LearningTask(predictor="auto", t_threshold=4.5, rule=rule, **options)


def left_out(X, y, place, **options):
    moments = Moments.from_arrays(X, y, place)
    share, asked = moments.count / moments.count.sum(), task(X.shape[1], **options)
    return learn(moments, share, asked).left_out()


def learned_without(X, y, place, e, **options):
    moments = Moments.from_arrays(X[place != e], y[place != e], place[place != e])
    share = moments.count / moments.count.sum()
    found = learn(moments, share, task(X.shape[1], **options))
    return {
        "invariant": found.invariant,
        "pooled": found.pooled,
        "lasso": lasso_model(moments, share),
        "used": found.used,
    }


@pytest.mark.parametrize("intercept", ["shared", "environment"])
def test_every_model_is_judged_as_on_the_rows(cause_and_effect, intercept):
    X, y, place = cause_and_effect((120, 200, 150, 90))
    y = y + (2.0 * (place == 1) if intercept == "environment" else 0.0)
    for e, row in enumerate(left_out(X, y, place, intercept=intercept)):
        assert row.environment == str(e) and row.rows == (place == e).sum()
        truth = y[place == e]
        assert row.errors["mean"] == pytest.approx(np.mean((truth - y[place != e].mean()) ** 2))
        models = learned_without(X, y, place, e, intercept=intercept)
        assert [fit.model for fit in row.fits] == list(models)
        for fit in row.fits:
            model = models[fit.model]
            predicted = X[place == e] @ model.coef + model.intercept
            residual = truth - predicted
            assert row.errors[fit.model] == pytest.approx(np.mean(residual**2), rel=1e-6)
            for name, expected in (
                ("predicted_mean", predicted.mean()),
                ("predicted_sd", predicted.std()),
                ("truth_mean", truth.mean()),
                ("truth_sd", truth.std()),
                ("slope", np.polyfit(predicted, truth, 1)[0]),
                ("residual_sd", residual.std()),
                ("bias", residual.mean()),
            ):
                assert getattr(fit, name) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_lasso_is_hurt_where_effects_are_other(cause_and_effect):
    X, y, place = cause_and_effect((400, 400, 400, 400))
    rows = left_out(X, y, place)
    assert max(row.errors["invariant"] for row in rows) < 0.7 * max(
        row.errors["lasso"] for row in rows
    )


def test_a_search_is_not_repeated(cause_and_effect):
    X, y, place = cause_and_effect((150, 150, 150), 5)
    for row, exact in zip(left_out(X, y, place, exact_up_to=0), left_out(X, y, place), strict=True):
        assert row.errors["invariant"] == pytest.approx(exact.errors["invariant"])


def test_two_environments(cause_and_effect):
    X, y, place = cause_and_effect((200, 300))
    rows = left_out(X, y, place)
    for e, row in enumerate(rows):
        train = place != e
        coef = np.polyfit(X[train, 0], y[train], 1)
        error = np.mean((y[~train] - np.polyval(coef, X[~train, 0])) ** 2)
        assert row.errors["invariant"] == pytest.approx(error)
        assert np.isfinite(list(row.errors.values())).all()


def test_predictions_that_do_not_vary_have_no_slope():
    rng = np.random.default_rng(0)
    X, place = rng.normal(size=(90, 2)), np.repeat([0, 1, 2], 30)
    for row in left_out(X, rng.normal(size=90), place):
        fit = row.fits[0]
        assert fit.model == "invariant" and fit.predicted_sd == 0 and np.isnan(fit.slope)
        assert fit.residual_sd == fit.truth_sd


def test_all_the_weight_on_one_environment(random_table):
    X, y, place = random_table()
    moments, share = Moments.from_arrays(X, y, place), np.array([1.0, 0.0, 0.0])
    rows = learn(moments, share, task(4)).left_out()
    assert np.isfinite(
        [[row.errors[key] for key in ("lasso", "used", "pooled")] for row in rows]
    ).all()
    rest = moments.exclude(["0"])
    expected = lasso_model(rest, np.array([0.5, 0.5]))
    fit = rows[0].fits[2]
    assert fit.predicted_mean == pytest.approx(
        moments.mean_x[0] @ expected.coef + expected.intercept
    )


def test_always_is_given_up_where_the_others_cannot_tell():
    rng = np.random.default_rng(0)
    X, place = rng.normal(size=(120, 2)), np.repeat([0, 1, 2], 40)
    X[place > 0, 1] = X[place > 0, 0]
    y = X[:, 0] + rng.normal(size=120)
    rows = left_out(X, y, place, always=np.ones(2, dtype=bool))
    assert np.isfinite([row.errors["used"] for row in rows]).all()


def test_many_environments_are_left_out_in_twenty_groups(cause_and_effect):
    X, y, place = cause_and_effect((12,) * 45)
    rows = left_out(X, y, place)
    assert [row.environment for row in rows] == [str(e) for e in range(45)]
    folds = folds_of(np.full(45, 12.0))
    assert len(folds) == 20 and sorted(np.concatenate(folds)) == list(range(45))
    assert {len(fold) for fold in folds} == {2, 3}
    together = next(fold for fold in folds if 7 in fold)
    inside = np.isin(place, together)
    fit = np.linalg.lstsq(np.column_stack([np.ones(len(y)), X])[~inside], y[~inside])[0]
    here = place == 7
    residual = y[here] - fit[0] - X[here] @ fit[1:]
    assert rows[7].errors["pooled"] == pytest.approx(np.mean(residual**2), rel=1e-6)
