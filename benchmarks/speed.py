"""Speed: the path, whole fits against causalicp and the lasso, and the command line's start.

    python benchmarks/speed.py [--only first path scaling fit search large cli] [--quick]

All times are medians of warm runs on this machine, in processor seconds; what is compared runs in
turn. ``first`` is what a newcomer waits for: new processes, with nothing compiled yet.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar import InvariantClassifier, InvariantRegressor, Moments
from elinvar.datasets import KnownAnswer, load_penguins, make_problem, make_random_linear
from elinvar.inference import LinearProblem, assess
from elinvar.inference.losses.squared import every_support, invariance_path


def medians(tasks: Sequence[Callable[[], object]], repeats: Sequence[int]) -> list[float]:
    """Seconds of every task, run in turn; a task with fewer repeats drops out early."""
    times: list[list[float]] = [[] for _ in tasks]
    for turn in range(max(repeats)):
        for task, n, found in zip(tasks, repeats, times, strict=True):
            if turn < n:
                start = spent()
                task()
                found.append(spent() - start)
    return [float(np.median(found)) for found in times]


def spent() -> float:
    """Processor seconds so far of this process, and of those that it waited for."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def example_moments(p: int, n_environments: int, n_samples: int) -> Moments:
    data = make_random_linear(
        n_features=p, n_environments=n_environments, n_samples=n_samples, rng=0
    )
    return Moments.from_arrays(data.X, data.y, data.environments)


def path_seconds(p: int, n_environments: int, n_samples: int, repeats: int) -> tuple[float, float]:
    """From moments to the path, and the path alone."""
    moments = example_moments(p, n_environments, n_samples)
    problem = LinearProblem.from_moments(moments)

    def whole() -> object:
        return invariance_path(LinearProblem.from_moments(moments))

    def alone() -> object:
        return invariance_path(problem)

    whole()
    first, second = medians([whole, alone], [repeats, repeats])
    return first, second


def path(options: argparse.Namespace) -> Iterator[Row]:
    for p, n_environments, n, limit, repeats, reference in (
        (10, 3, 1000, 0.3, 300, "prototype .12 ms"),
        (200, 8, 1000, 400.0, 5, "prototype 390 ms"),
    ):
        whole, alone = path_seconds(p, n_environments, n, repeats)
        yield at_most(
            f"40-point path from moments, p = {p}, {n_environments} environments, ms",
            whole * 1e3,
            limit,
            reference=f"{reference}; here without preparing {alone * 1e3:.3g} ms",
        )


def scaling(options: argparse.Namespace) -> Iterator[Row]:
    for p in (20, 50, 100, 200, 500) if options.quick else (20, 50, 100, 200, 500, 1000, 2000):
        _, seconds = path_seconds(p, 5, max(500, p + 200), 1 if p > 200 else 3)
        yield Row(what=f"40-point path, p = {p:,}, 5 environments, s", figure=f"{seconds:.4f}")


def fit(options: argparse.Namespace) -> Iterator[Row]:
    import causalicp

    data = make_random_linear(n_features=12, n_environments=3, n_samples=1000, rng=0)
    names = np.unique(data.environments)
    table = np.column_stack([data.X, data.y])
    samples = [table[data.environments == e] for e in names]
    problem = LinearProblem.from_moments(Moments.from_arrays(data.X, data.y, data.environments))
    masks = every_support(problem)

    ours = quiet_fit(data)

    def exact() -> object:
        return assess(problem, masks)

    def theirs() -> object:
        return causalicp.fit(samples, target=12)

    ours(), exact()
    ours_s, exact_s, theirs_s = medians([ours, exact, theirs], [20, 20, 1 if options.quick else 3])
    what = "whole fit, p = 12, 3 x 1000 rows"
    yield at_least(
        f"{what}: causalicp's time over ours", theirs_s / ours_s, 300, digits=0,
        reference="causalicp 5.5 s",
    )  # fmt: skip
    yield Row(what="  ours, ms", figure=f"{ours_s * 1e3:.2f}")
    yield Row(what="  causalicp, ms", figure=f"{theirs_s * 1e3:.0f}")
    yield Row(
        what="  exact 2^12 search from moments, ms",
        figure=f"{exact_s * 1e3:.2f}",
        reference="1-30 ms",
    )
    small = make_random_linear(n_features=20, n_environments=3, n_samples=100, rng=0)
    for what, one in (("the same rows", data), ("20 features, 3 x 100 rows", small)):
        classes = replace(one, y=(one.y > np.median(one.y)).astype(float))
        classify = quiet_fit(classes, InvariantClassifier())
        classify()
        (seconds,) = medians([classify], [7])
        yield at_most(f"whole fit of the classifier, {what}, s", seconds, 0.1, digits=3)


def quiet_fit(
    data: KnownAnswer, model: InvariantRegressor | InvariantClassifier | None = None
) -> Callable[[], object]:
    model = model or InvariantRegressor()

    def fit() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(data.X, data.y, environments=data.environments)

    return fit


def search(options: argparse.Namespace) -> Iterator[Row]:
    """More features than all supports can be tried of: against the exact search, and the lasso."""
    for p in (17, 18):
        data = make_random_linear(n_features=p, n_environments=3, n_samples=1000, rng=0)
        moments = Moments.from_arrays(data.X, data.y, data.environments)
        problem = LinearProblem.from_moments(moments)
        masks = every_support(problem)
        ours = quiet_fit(data)
        ours()
        ours_s, exact_s = medians([ours, partial(assess, problem, masks)], [7, 1])
        yield at_least(
            f"exact search of 2^{p} supports from moments over a whole fit",
            exact_s / ours_s,
            1.0,
            digits=0,
            reference=f"{exact_s:.2f} s against {ours_s * 1e3:.0f} ms",
        )
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import LeaveOneGroupOut
    from sklearn.preprocessing import StandardScaler

    data = make_random_linear(n_features=200, n_environments=8, n_samples=1000, rng=0)
    folds = list(LeaveOneGroupOut().split(data.X, data.y, data.environments))
    X = StandardScaler().fit_transform(data.X)
    ours = quiet_fit(data)
    ours()
    ours_s, lasso_s = medians([ours, lambda: LassoCV(cv=folds).fit(X, data.y)], [5, 5])
    yield at_most(
        "whole fit over scikit-learn's LassoCV with a fold an environment, p = 200, 8 x 1,000",
        ours_s / lasso_s,
        3.0,
        digits=2,
        reference=f"{ours_s:.3f} s against {lasso_s:.3f} s",
    )


def large(options: argparse.Namespace) -> Iterator[Row]:
    for p, limit in ((500, 1.0),) if options.quick else ((500, 1.0), (2000, 40.0)):
        data = make_problem(f"sparse-{p}", rng=0)
        ours = quiet_fit(data)
        ours()
        (seconds,) = medians([ours], [7 if p == 500 else 2])
        yield at_most(f"whole fit, p = {p:,}, 10 environments x 1,000 rows, s", seconds, limit)


# Runs the command line in this process, then lists the third-party modules it loaded.
_RECORD = """
import sys
before = set(sys.modules)
sys.argv = ["elinvar", *sys.argv[1:]]
from elinvar.cli import main
try:
    main()
except SystemExit as stop:
    if stop.code:
        raise
from pathlib import Path
from typing import Any
with open("modules.txt", "w") as file:
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None) or ""
        if name not in before and "site-packages" in place and not name.startswith("elinvar"):
            file.write(name + "\\n")
"""

_IMPORT = """
from importlib import import_module
for name in open("modules.txt").read().split():
    try:
        import_module(name)
    except ImportError:
        pass
"""


_ANSWER = """
from elinvar import InvariantRegressor
from elinvar.datasets import load_penguins
data = load_penguins()
X, y = data.frame[list(data.features)], data.frame[data.target]
model = InvariantRegressor(intercept="environment")
print(model.fit(X, y, environments=data.frame[data.environment]).explain())
"""


def first(options: argparse.Namespace) -> Iterator[Row]:
    """Time to the first answer, and to that of a second process."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "penguins.csv"
        load_penguins().frame.to_csv(table, index=False)
        fit = ["-m", "elinvar", "fit", str(table), "--target", "body_mass_g"]
        fit += ["--environment", "species", "--drop", "island,year"]
        for what, words, limits in (
            ("fit and explain() on penguins", ["-c", _ANSWER], (5.0, 2.3)),
            ("elinvar fit on penguins", fit, (6.0, 2.3)),
        ):
            cache = tempfile.mkdtemp(dir=folder)
            for turn, limit in zip(("first", "second"), limits, strict=True):
                seconds = processor_seconds(words, {"NUMBA_CACHE_DIR": cache})
                yield at_most(f"{what}, {turn} process, imports included, s", seconds, limit)


def processor_seconds(words: Sequence[str], setting: dict[str, str]) -> float:
    """Processor time of a new Python process, its children included."""
    before = spent()
    environment = os.environ | setting | {"TERM": "dumb"}
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)
    return spent() - before


def cli(options: argparse.Namespace) -> Iterator[Row]:
    command = str(Path(sys.executable).parent / "elinvar")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "penguins.csv"
        load_penguins().frame.to_csv(table, index=False)
        arguments = ["fit", str(table), "--target", "body_mass_g", "--environment", "species"]

        def call(*words: str) -> Callable[[], object]:
            environment = os.environ | {"TERM": "dumb"}
            return lambda: subprocess.run(
                words, check=True, capture_output=True, cwd=folder, env=environment
            )

        call(sys.executable, "-c", _RECORD, *arguments)()
        tasks = [
            call(command, "--help"),
            call(command, *arguments),
            call(sys.executable, "-c", _IMPORT),
        ]
        for task in tasks:
            task()
        help_s, fit_s, bare_s = medians(tasks, [3] * 3 if options.quick else [9] * 3)
    yield at_most("elinvar --help, s", help_s, 0.7)
    yield at_most("elinvar fit on a small file, warm, over its bare imports", fit_s / bare_s, 2.0)
    yield Row(what="  elinvar fit, s", figure=f"{fit_s:.2f}")
    yield Row(what="  the modules it loads, imported alone, s", figure=f"{bare_s:.2f}")


SUITES: dict[str, Suite] = {
    "first": first, "path": path, "scaling": scaling, "fit": fit, "search": search,
    "large": large, "cli": cli,
}  # fmt: skip


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    run("Speed", SUITES, options)


if __name__ == "__main__":
    main()
