"""Penalties in the matrix problem: gradients, where they end, and the law of their batches."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import ks_2samp

from elinvar.studies import STUDIES, run_study
from elinvar.studies._penalised import Penalised, batch_gradients, circumcentre, extrapolates


def symmetric(rng, n, count=()):
    drawn = rng.normal(size=(*count, n, n))
    return drawn + np.swapaxes(drawn, -1, -2)


@pytest.mark.parametrize("penalty", ["IRMv1", "V-REx"])
@pytest.mark.parametrize("batch_size", [None, 40])
def test_gradients_are_those_of_the_penalty(penalty, batch_size):
    rng = np.random.default_rng(0)
    risk = Penalised(targets=symmetric(rng, 4, (3,)), penalty=penalty, batch_size=batch_size)
    A, along = symmetric(rng, 4), symmetric(rng, 4)
    ahead, behind = (risk.value(A + step * along) for step in (1e-6, -1e-6))
    assert np.vdot(risk.gradient(A), along) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "does"),
    [
        ([[4, 4], [-2, -2]], True),
        ([[8, -6], [-6, 8]], False),
        ([[9, -5], [-7, 7]], False),
        ([[9, -5], [-7, 7], [1, 2]], True),
        ([[3, 1]], False),
    ],
)
def test_an_extrapolated_environment_loses_all_that_is_spurious_or_none_does(values, does):
    assert extrapolates(np.array(values, dtype=float)) is does


def test_the_circumcentre_is_equally_far_from_all_environments():
    values = np.array([[9.0, 8.0], [4.0, -7.0], [-8.0, 2.0]])
    away = np.linalg.norm(values - circumcentre(values), axis=1)
    assert away == pytest.approx(away[0])
    assert np.isnan(circumcentre(values[:2])).all()


STATISTICS = {
    "along R": lambda G, H, R, A, risk: np.vdot(G, R),
    "along A": lambda G, H, R, A, risk: np.vdot(G, A),
    "H along A": lambda G, H, R, A, risk: np.vdot(H, A),
    "an entry": lambda G, H, R, A, risk: G[0, 1],
    "together": lambda G, H, R, A, risk: np.vdot(G, H),
    "difference": lambda G, H, R, A, risk: np.linalg.eigvalsh(G - H)[0],
    "risk": lambda G, H, R, A, risk: risk,
}


@pytest.fixture(scope="module")
def batches():
    """Batches of 20 measurements drawn one by one, and from the law."""
    rng = np.random.default_rng(0)
    R, A = symmetric(rng, 4), symmetric(rng, 4)
    X = rng.normal(size=(3000, 20, 4, 4))
    r, h = (np.einsum("nijk,jk->ni", X, matrix) for matrix in (R, A))
    G, H = (np.einsum("ni,nijk->njk", one, X) / 20 for one in (r, h))
    risks = 0.5 * (r**2).mean(axis=1)
    G, H = (0.5 * (one + one.transpose(0, 2, 1)) for one in (G, H))
    drawn = [batch_gradients(R, A, 20, rng) for _ in range(3000)]
    return R, A, list(zip(G, H, risks, strict=True)), drawn


@pytest.mark.parametrize("name", list(STATISTICS))
def test_batches_have_the_law_of_their_measurements(name, batches):
    R, A, plain, drawn = batches
    one, other = (
        [STATISTICS[name](G, H, R, A, risk) for G, H, risk in these] for these in (plain, drawn)
    )
    assert ks_2samp(one, other).pvalue > 1e-3


@pytest.mark.parametrize("penalty", ["IRMv1", "V-REx"])
def test_a_penalty_is_the_mean_of_what_batches_say_of_it(penalty):
    rng = np.random.default_rng(0)
    targets, A = symmetric(rng, 3, (3,)), symmetric(rng, 3)
    said = []
    for _ in range(3000):
        drawn = [batch_gradients(T - A, A, 10, rng) for T in targets]
        risks = np.array([risk for _, _, risk in drawn])
        own = [np.vdot(G, A) for G, _, _ in drawn]
        said.append(np.mean(np.square(own if penalty == "IRMv1" else risks - risks.mean())))
    value = Penalised(targets=targets, penalty=penalty, batch_size=10).value(A)
    error = np.std(said) / len(said) ** 0.5
    assert error < 0.03 * value
    assert np.mean(said) == pytest.approx(value, abs=4 * error)


@pytest.fixture(scope="module")
def small():
    study = STUDIES["penalties"]
    config = dataclasses.replace(
        study.quick, weights=(1.0, 100.0), counts=(4,), batch_sizes=(50, 400), repetitions=2
    )
    return run_study(study, config, workers=2)


def test_the_claims_hold_in_small(small):
    assert [claim.sentence for claim in small.claims if not claim.holds] == []


def test_a_penalty_that_leaves_the_pooled_solution_is_not_said_to_stay(small):
    summary = small.summary.copy()
    summary.loc[summary["case"] == "opposed signs, M = 7", "V-REx_error"] = 0.01
    assert not small.study.judge(summary, small.config)[0].holds


def test_another_rule_for_enough_environments_fails(small):
    summary = small.summary.assign(agree=1 - small.summary["agree"])
    assert not small.study.judge(summary, small.config)[5].holds
