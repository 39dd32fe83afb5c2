"""Files whose columns some environments cannot tell: answered, or refused in a sentence."""

import json

import numpy as np
import pytest

from elinvar.datasets import load_penguins


@pytest.mark.parametrize("options", [(), ("--intercept", "environment"), ("--classify",)])
def test_the_commands_answer(options, degenerate_table, elinvar, tmp_path):
    for seed in range(5):
        X, y, place = degenerate_table(seed)
        frame = X.assign(place=place, target=np.where(y > np.median(y), "high", "low"))
        if "--classify" not in options:
            frame["target"] = y
        frame.to_csv(tmp_path / "rows.csv", index=False)
        source = (tmp_path / "rows.csv", "--target", "target", "--environment", "place")
        model = tmp_path / f"{seed}.json"
        fitted = elinvar("fit", *source, *options, "--json", "--model", model)
        if fitted.exit_code == 1 and "one class only" in fitted.stderr:
            continue
        assert fitted.exit_code == 0, fitted.stderr
        assert len(json.loads(fitted.stdout)["evidence"]) == X.shape[1]
        assert "nan" not in elinvar("fit", *source, *options).stdout
        assert elinvar("predict", model, source[0]).exit_code == 0
        if "--classify" not in options:
            assert elinvar("diagnose", *source, *options).exit_code == 0


def test_penguins_with_islands_that_some_species_lack(elinvar, tmp_path):
    load_penguins().frame.to_csv(tmp_path / "penguins.csv", index=False)
    done = elinvar(
        "fit", tmp_path / "penguins.csv", "--target", "body_mass_g", "--environment", "species",
        "--features", "bill_length_mm,island",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "No set of effects is exactly the same in all" in " ".join(done.stdout.split())
    assert "nan" not in done.stdout
