"""Three factors and a continuum: in small, and verdicts that numbers can turn."""

import dataclasses
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from elinvar.studies import STUDIES, run_study
from elinvar.studies._three_factors import dividends

factors, continuum = STUDIES["three-factors"], STUDIES["continuum"]


def holds(claims):
    return [claim.holds for claim in claims]


def test_dividends_are_what_sets_add_beyond_their_parts():
    rng = np.random.default_rng(0)
    sets = [frozenset(part) for size in range(4) for part in combinations("abc", size)]
    own = {part: rng.normal(size=5) for part in sets}
    values = {whole: sum(own[part] for part in sets if part <= whole) for whole in sets}
    found = dividends(values)
    for part in sets:
        np.testing.assert_allclose(found[part], own[part], atol=1e-12)


SMALL = dataclasses.replace(
    factors.quick,
    dim=10, steps=500, line_steps=900, repetitions=8, environments=(1, 2), gains=(4.0,),
    heterogeneities=(5.0, 7.6), ratios=(0.75, 0.9, 1.0, 1.1, 1.25), tolerance=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def together():
    return run_study(factors, SMALL)


def test_the_effect_is_the_interaction(together):
    assert [claim.sentence for claim in together.claims if not claim.holds] == []
    part = together.summary[together.summary["kind"] == "part"]
    assert part["share"].sum() == pytest.approx(1.0)
    error = together.summary[together.summary["kind"] == "error"]["measured"].to_numpy()
    assert (error[-2:] < 0.2).all() and (error[:-2] > 0.8).all()


def test_a_factor_that_does_it_alone_is_seen(together):
    rows = together.rows.copy()
    alone = rows["arm"].str.contains("U U'")
    rows.loc[alone, "error"] = 0.05
    claims = factors.judge(factors.summarise(rows, SMALL), SMALL)
    assert holds(claims)[:2] == [False, False]
    wide = together.rows.copy()
    wide.loc[wide["arm"].str.contains("k = d"), "error"] *= 3.0
    assert holds(factors.judge(factors.summarise(wide, SMALL), SMALL))[2] is False


def test_lines_elsewhere_fail(together):
    moved = together.summary.assign(
        measured=together.summary["measured"] * 1.3,
        deviation=1.3 * (1 + together.summary["deviation"]) - 1,
    )
    assert holds(factors.judge(moved, SMALL))[3:] == [False, False, False]
    none = together.summary.assign(measured=np.nan, deviation=np.nan)
    assert "not at all near one" in factors.judge(none, SMALL)[3].sentence
    one = together.summary.copy()
    one.loc[one["what"] == "2 environments a batch", ["measured", "deviation"]] = np.nan
    assert not factors.judge(one, SMALL)[3].holds


DRIFTS = dataclasses.replace(
    continuum.quick,
    circles=(), ramps=(), stays=(), drift_batches=(10**5,), speeds=(0.7, 0.9, 1.1, 1.4),
    repetitions=6,
)  # fmt: skip


def test_slow_drifts_bring_the_spurious_part_back():
    from elinvar.sweeps import run_sweep

    rows = run_sweep(continuum.sweep(DRIFTS))
    table = continuum.summarise(rows, DRIFTS).iloc[0]
    assert abs(table["deviation"]) < 0.1
    assert table["leading_order"] < table["predicted"] < 1.3 * table["leading_order"]
    assert table["peak_below"] > 0.1 > table["peak_beyond"]
    assert table["back_below"] > 0.9


def summary(**speed):
    lines = [
        {"kind": kind, "what": what, "predicted": 0.5, "measured": 0.505, "standard_error": 0.002,
         "deviation": 0.01}
        for kind, what in (("width", "circle, M = 13"), ("chain", "chain, stays at 0.3"))
    ]  # fmt: skip
    drift = {
        "kind": "speed", "what": "drift, m = 1e04", "predicted": 0.05, "measured": 0.051,
        "deviation": 0.02, "peak_below": 0.2, "peak_beyond": 0.05, "back_below": 1.0,
    }  # fmt: skip
    return pd.DataFrame([*lines, drift | speed])


def test_verdicts_on_a_continuum_can_be_contradicted():
    config = continuum.full
    assert holds(continuum.judge(summary(), config)) == [True] * 4
    for wrong in ({"peak_below": 0.09}, {"peak_beyond": 0.11}):
        assert holds(continuum.judge(summary(**wrong), config))[2] is False
    assert holds(continuum.judge(summary(back_below=0.5), config))[3] is False
    # the exponent at M = 7 is positive: then there is nothing that a speed would have to explain
    weak = dataclasses.replace(config, drifting=7.0)
    assert holds(continuum.judge(summary(), weak))[3] is False
    off = summary()
    off["deviation"] = [0.04, 0.06, 0.0]
    assert holds(continuum.judge(off, config))[:2] == [False, False]


def test_arms_of_a_continuum_are_its_lines():
    config = continuum.full
    counts = len(config.lines) * len(config.ratios) + len(config.drifts) * len(config.speeds)
    assert len(config.arms) == len(set(config.arms)) == counts
    assert all(0 < at < 1 for name, at in config.lines.items() if "chain" not in name)
