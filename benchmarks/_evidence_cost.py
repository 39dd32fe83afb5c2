"""What evidence costs over the bare fit, and a report in bytes and seconds."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from _table import Row, at_most
from elinvar import InvariantRegressor
from elinvar.datasets import make_random_linear
from elinvar.environments import Moments
from elinvar.report import write_report

EVIDENCE = ("evidence_", "effects_", "tests_", "residuals_", "odd_environment_")
ALL = (*EVIDENCE, "errors_", "left_out_", "forecast_")


def _moments(features: int, environments: int, rows: int) -> Moments:
    data = make_random_linear(
        n_features=features, n_environments=environments, n_samples=rows, rng=0
    )
    return Moments.from_arrays(data.X, data.y, data.environments)


def cost(options: argparse.Namespace) -> Iterator[Row]:
    moments = _moments(12, 3, 1000)
    repetitions = 5 if options.quick else 25
    times: dict[str, list[float]] = {"fit": [], "evidence": [], "all": []}
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        model = InvariantRegressor().fit_moments(moments)
        fitted = time.perf_counter()
        for name in EVIDENCE:
            getattr(model, name)
        seen = time.perf_counter()
        for name in ALL:
            getattr(model, name)
        end = time.perf_counter()
        times["fit"].append(fitted - start)
        times["evidence"].append(seen - start)
        times["all"].append(end - start)
    fit, evidence, everything = (median(values[1:]) for values in times.values())
    what = "p = 12, 3 x 1000 rows, over the bare fit"
    yield at_most(f"fit and evidence on effects, {what}", evidence / fit, 2.0, digits=2)
    yield Row(
        what=f"  left-out errors too, {what}",
        figure=f"{everything / fit:.2f}",
        reference="they repeat the whole fit without each environment",
    )
    yield Row(what="  bare fit, ms", figure=f"{fit * 1e3:.1f}")
    yield from _page()


def _page() -> Iterator[Row]:
    model = InvariantRegressor().fit_moments(_moments(50, 20, 500))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_report(InvariantRegressor().fit_moments(_moments(8, 3, 500)), path)
        start = time.perf_counter()
        write_report(model, path)
        seconds, size = time.perf_counter() - start, path.stat().st_size / 1e6
    yield at_most("report, 50 features, 20 environments, MB", size, 2.0, digits=2)
    yield at_most("  seconds, its evidence included", seconds, 3.0, digits=2)
