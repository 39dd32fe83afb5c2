import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from elinvar.cli._app import app


def places_frame(n=300, seed=0):
    """Return rows of three places: cause acts alike in all, effect is acted upon differently."""
    rng = np.random.default_rng(seed)
    place = np.repeat(["Oslo", "Rome", "Bonn"], n // 3)
    cause = rng.normal(size=n)
    sex = rng.choice(["female", "male"], size=n)
    yield_ = 2 * cause + 0.7 * (sex == "male") + rng.normal(size=n) / 3
    effect = np.repeat([0.2, 1.0, -2.0], n // 3) * yield_ + rng.normal(size=n)
    return pd.DataFrame(
        {"place": place, "cause": cause, "effect": effect, "sex": sex, "yield": yield_.round(6)}
    )


@pytest.fixture
def many_places():
    """Return a maker of rows of many places, whose noise has a standard deviation of 1."""

    def make(n_places, n, seed=0):
        rng = np.random.default_rng(seed)
        place = np.repeat([f"p{k:02d}" for k in range(n_places)], n)
        cause = rng.normal(size=n_places * n) * np.repeat(rng.uniform(0.5, 2, n_places), n)
        yield_ = cause + rng.normal(size=n_places * n)
        strength = np.repeat(rng.normal(size=n_places), n)
        effect = strength * yield_ + rng.normal(size=n_places * n)
        return pd.DataFrame({"place": place, "cause": cause, "effect": effect, "yield": yield_})

    return make


@pytest.fixture
def frame():
    return places_frame()


@pytest.fixture
def csv(frame, tmp_path):
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def elinvar(monkeypatch):
    """Run the command in this process; the result has exit_code, stdout and stderr."""
    # on a busy machine any fit may take so long that a line says so
    monkeypatch.setattr("elinvar.cli._console._LONG", math.inf)

    def run(*arguments, content=None):
        typed = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, typed, input=content)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
