from functools import cache

import numpy as np
import pandas as pd
import pytest

from elinvar import InvariantRegressor, Moments
from elinvar.report import write_report


def places(*, nasty="", kind="accepted", names=("Bonn", "Oslo", "Rome"), n=100):
    """Two causes, one of them a category, and a child of the target that changes."""
    rng = np.random.default_rng(0)
    total = len(names) * n
    place = np.repeat([f"{nasty}{name}" for name in names], n)
    cause, sex = rng.normal(size=total), rng.choice(["f", "m"], total)
    cause = cause * np.repeat(rng.uniform(0.5, 2.0, len(names)), n)
    slope = {"accepted": 2.0, "rejected": np.repeat(rng.normal(0, 4, len(names)), n)}[kind]
    y = slope * (cause + (kind == "rejected")) + (sex == "m") + rng.normal(size=total) / 3
    child = np.repeat(rng.normal(size=len(names)), n) * y + rng.normal(size=total)
    frame = pd.DataFrame({"cause": cause, "child": child, "sex": sex, "y": y, "place": place})
    target, environment = "y", "place"
    if nasty:
        target, environment = '"&y', "<b>"
        frame = frame.rename(columns={"cause": nasty, "y": target, "place": environment})
        frame["sex"] = frame["sex"].replace({"m": "<img src=x>"})
    return Moments.from_frame(frame, target=target, environment=environment)


def wide():
    """50 features in 20 environments; 7 of them follow the target."""
    rng = np.random.default_rng(0)
    e = np.repeat(np.arange(20), 300)
    X = rng.normal(size=(len(e), 50)) * rng.uniform(0.5, 2, (20, 50))[e]
    y = X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + rng.normal(size=len(e))
    X[:, 3:10] += rng.normal(size=(20, 7))[e] * y[:, None]
    return Moments.from_arrays(X, y, e)


@pytest.fixture(scope="session")
def models(nasty):
    accepted = places()
    many = [f"site {k}" for k in range(10)]
    return {
        "accepted": InvariantRegressor().fit_moments(accepted),
        "environment": InvariantRegressor(intercept="environment").fit_moments(accepted),
        "approximate": InvariantRegressor(level=0.9, tolerance=0.5).fit_moments(accepted),
        "rejected": InvariantRegressor().fit_moments(places(kind="rejected")),
        "excluded": InvariantRegressor(exclude_environments=["Rome"]).fit_moments(accepted),
        "one": InvariantRegressor().fit_moments(accepted.exclude(["Rome", "Oslo"])),
        "nasty": InvariantRegressor().fit_moments(places(nasty=nasty)),
        "dotted": InvariantRegressor().fit_moments(places(names=["Oslo", "Rome", "St. John"])),
        "many": InvariantRegressor().fit_moments(places(names=many)),
    }


@pytest.fixture(scope="session")
def wide_model():
    return InvariantRegressor().fit_moments(wide())


@pytest.fixture
def page_of(parsed, tmp_path):
    def write(model, **options):
        return parsed(write_report(model, tmp_path / "page.html", **options).read_text("utf-8"))

    return write


@pytest.fixture(scope="session")
def pages(parsed, models, tmp_path_factory):
    """Each model's page, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def page(name):
        path = write_report(
            models[name], folder / f"{name}.html", source="a table", command="elinvar fit rows.csv"
        )
        return parsed(path.read_text("utf-8"))

    return page
