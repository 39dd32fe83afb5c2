"""Matrix sensing: speed of the exact-law step against its competitors and its floor, and accuracy.

    python benchmarks/sensing.py [--quick] [--only SUITE ...]

with the suites step, floor, width, kernels, orders, cores, phase, transition and recovery.

All speeds are ratios of least CPU times of one thread (`cores` and `phase`: of whole runs, by the
clock) on this machine, and what is compared runs in turn. The suite `step` compares with torch: pip
install torch==2.13.0, if it is not there.
"""

import argparse
import os

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from collections.abc import Callable, Iterator  # noqa: E402
from functools import partial  # noqa: E402
from threading import Thread  # noqa: E402
from time import perf_counter, thread_time  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from _table import Row, Suite, at_least, at_most, parser, run  # noqa: E402
from elinvar.sensing import HeteroSGD, SensingProblem, solve  # noqa: E402
from elinvar.sensing import _exact as exact  # noqa: E402
from elinvar.sensing.kernels._normals import LANES, fill_normals, lane_states, room_for  # noqa: E402

SETTING = {"invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 6.0}


def problem_of(dim: int) -> SensingProblem:
    return SensingProblem.two_point(dim=dim, rng=0, **SETTING)


def best(
    *tasks: tuple[Callable[[], object], int],
    rounds: int,
    clock: Callable[[], float] = thread_time,
) -> list[float]:
    """Best seconds a repetition of each (task, repetitions), run in turn."""
    found = [np.inf] * len(tasks)
    for _ in range(rounds):
        for k, (task, repetitions) in enumerate(tasks):
            start = clock()
            for _ in range(repetitions):
                task()
            found[k] = min(found[k], (clock() - start) / repetitions)
    return found


def trajectory(dim: int, steps: int, batch_size: int, **setting: Any) -> Callable[[], object]:
    problem = problem_of(dim)
    algorithm = HeteroSGD(step_size=0.1, batch_size=batch_size, **setting)
    return lambda: solve(problem, algorithm, steps=steps, rng=0, dtype="float32")


def floor_tasks(dim: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """One matrix product, and as many normals as a symmetric matrix has."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((dim, dim), dtype=np.float32)
    out = np.empty_like(A)
    words, mantissa, normals = room_for(dim * (dim + 1) // 2, LANES)
    state = lane_states(rng)
    return (
        lambda: np.matmul(A, A, out=out),
        lambda: fill_normals(state, words, mantissa, normals),
    )


def floor_seconds(dim: int, rounds: int) -> float:
    product, noise = floor_tasks(dim)
    many = max(5, int(2e8 / dim**3))
    product_s, noise_s = best((product, many), (noise, many), rounds=rounds)
    return 2 * product_s + noise_s


def torch_step(dim: int, batch_size: int) -> Callable[[], object]:
    """The step as one would write it: draw the measurements, average the gradient."""
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    truth = torch.zeros(dim, dim)
    truth[0, 0] = truth[1, 1] = 1.0
    U = 0.1 * torch.eye(dim)

    def step() -> object:
        nonlocal U
        X = torch.randn(batch_size, dim, dim, generator=generator)
        flat = X.view(batch_size, -1)
        residual = flat @ (truth - U @ U.T).reshape(-1)
        G = (residual @ flat).view(dim, dim) / batch_size
        U = U + 0.1 * (G + G.T) / 2 @ U
        return U

    return step


def step(options: argparse.Namespace) -> Iterator[Row]:
    rounds = 3 if options.quick else 7
    for dim, batch_size, target in ((50, 500, 250), (200, 2000, 500), (50, 10_000, 4500)):
        steps = 1500 if dim == 50 else 150
        ours, theirs = trajectory(dim, steps, batch_size), torch_step(dim, batch_size)
        ours(), theirs()
        slow_s, fast_s = best((theirs, 1 if dim == 200 else 5), (ours, 1), rounds=rounds)
        yield at_least(
            f"torch's step over the exact-law step, d = {dim}, m = {batch_size:,}",
            slow_s / (fast_s / steps),
            target,
            digits=0,
            reference=f"{slow_s * 1e3:.3g} ms against {fast_s / steps * 1e6:.3g} us",
        )


def floor(options: argparse.Namespace) -> Iterator[Row]:
    for dim in (50, 100, 200, 400):
        steps = max(40, int(1500 * (50 / dim) ** 2))
        ours = trajectory(dim, steps, 10**6)
        ours()
        product, noise = floor_tasks(dim)
        many = max(5, int(2e8 / dim**3))
        ours_s, product_s, noise_s = best(
            (ours, 1), (product, many), (noise, many), rounds=5 if options.quick else 15
        )
        least = 2 * product_s + noise_s
        yield at_most(
            f"step of a trajectory over two products and its normals, d = {dim}",
            ours_s / steps / least,
            1.35,
            digits=2,
            reference=f"{ours_s / steps * 1e6:.4g} us; floor {least * 1e6:.4g} us",
        )


def width(options: argparse.Namespace) -> Iterator[Row]:
    whole, narrow = trajectory(800, 12, 10**6), trajectory(800, 300, 10**6, width=20)
    whole(), narrow()
    whole_s, narrow_s = best((whole, 1), (narrow, 1), rounds=2 if options.quick else 4)
    yield at_least(
        "a step with k = d over one with k = 20, d = 800",
        (whole_s / 12) / (narrow_s / 300),
        25,
        digits=0,
        reference=f"{whole_s / 12 * 1e3:.3g} ms against {narrow_s / 300 * 1e3:.3g} ms",
    )


def kernel_seconds(dim: int, columns: int, rounds: int) -> tuple[str, dict[str, float]]:
    """The kernel that `solve` takes for a factor, and CPU seconds a step of all, run in turn."""
    steps = max(150 if dim >= 400 else 40, int(1500 * (50 / dim) ** 2))
    run = trajectory(dim, steps, 10**6, width=columns)
    names = ["wide"] + ["triangle"] * (dim <= 256) + ["narrow"] * (columns < dim / 2)
    found = dict.fromkeys(names, np.inf)
    fastest = exact.fastest_kernel
    chosen: list[str] = []

    def spy(*shape: Any, **how: Any) -> str:
        chosen.append(fastest(*shape, **how))
        return chosen[0]

    try:
        exact.fastest_kernel = spy
        run()
        for _ in range(rounds + 1):
            for name in names:
                exact.fastest_kernel = lambda *shape, name=name, **how: name
                start = thread_time()
                run()
                found[name] = min(found[name], (thread_time() - start) / steps)
    finally:
        exact.fastest_kernel = fastest
    return chosen[0], found


def kernels(options: argparse.Namespace) -> Iterator[Row]:
    """What the kernel that `solve` takes gains over the one on whole matrices."""
    for dim, columns in (
        (50, 50), (100, 100), (200, 200), (50, 2), (50, 20), (100, 2), (100, 20), (200, 20),
        (400, 20), (800, 20),
    ):  # fmt: skip
        rounds = (3 if options.quick else 25) if dim < 400 else 3
        chosen, seconds = kernel_seconds(dim, columns, rounds)
        yield at_least(
            f"a step by the wide kernel over the {chosen} one, d = {dim}, k = {columns}",
            seconds["wide"] / seconds[chosen],
            1.3,
            digits=2,
            reference=", ".join(f"{name} {s * 1e6:,.1f} us" for name, s in seconds.items()),
        )


# order, how it is told, and how many of its steps may cost at most, in steps of environments drawn
ORDERS: tuple[tuple[str, dict[str, Any], dict[int, float]], ...] = (
    ("markov", {"order": "markov", "stay": 0.8}, {50: 1.1, 200: 1.1}),
    ("drift", {"order": "drift", "speed": 0.01}, {50: 1.1, 200: 1.1}),
    ("4 environments a batch", {"environments": 4}, {50: 1.5, 200: 1.1}),
    ("window", {"order": "window", "window": 0.3}, {50: 2.0, 200: 1.1}),
)


def circle(t: Any) -> Any:
    return 1 + 8 * np.cos(2 * np.pi * t)[:, None] * np.ones(2)


def orders(options: argparse.Namespace) -> Iterator[Row]:
    """Steps of other orders over those of environments drawn, on the same continuum."""
    for dim in (50, 200):
        problem = SensingProblem.continuum(dim=dim, invariant_rank=2, curve=circle, rng=0)
        steps = max(100, int(1500 * (50 / dim) ** 2))

        def of(order: dict[str, Any], problem: SensingProblem = problem, steps: int = steps) -> Any:
            algorithm = HeteroSGD(step_size=0.1, batch_size=10**6, **order)
            return lambda: solve(problem, algorithm, steps=steps, rng=0, dtype="float32")

        tasks = [of({}), *(of(how) for _, how, _ in ORDERS)]
        for task in tasks:
            task()
        drawn, *others = best(*((task, 1) for task in tasks), rounds=5 if options.quick else 25)
        for (name, _, most), seconds in zip(ORDERS, others, strict=True):
            yield at_most(
                f"a step of {name} over one of an environment drawn, d = {dim}",
                seconds / drawn,
                most[dim],
                digits=2,
                reference=f"{seconds / steps * 1e6:.3g} us against {drawn / steps * 1e6:.3g} us",
            )


def one_trajectory(*, rng: np.random.Generator, repetition: int, steps: int) -> dict[str, float]:
    run = solve(
        problem_of(50),
        HeteroSGD(step_size=0.1, batch_size=10**6),
        steps=steps,
        rng=rng,
        record_every=steps,
    )
    return {"error": float(run.error[-1])}


def bare_trajectories(many: int) -> None:
    problem, algorithm = problem_of(50), HeteroSGD(step_size=0.1, batch_size=10**6)
    for seed in range(many):
        solve(problem, algorithm, steps=1500, rng=seed, record_every=1500)


def on_two_bare_threads(many: int) -> None:
    """What the machine itself gives a second thread, without a sweep around it."""
    threads = [Thread(target=bare_trajectories, args=(many // 2,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cores(options: argparse.Namespace) -> Iterator[Row]:
    from elinvar.sweeps import Sweep, run_sweep

    many = 100
    sweep = Sweep(
        name="cores",
        function=one_trajectory,
        axes={"repetition": tuple(range(many))},
        fixed={"steps": 1500},
    )
    crews: dict[str, dict[str, Any]] = {
        "one": {"workers": 1},
        "threads": {"workers": 2},
        "processes": {"workers": 2, "backend": "processes"},
    }
    run_sweep(sweep, **crews["processes"])  # workers start, and kernels are loaded
    tables = {name: run_sweep(sweep, **crew) for name, crew in crews.items()}
    tasks: list[tuple[Callable[[], object], int]] = [
        (partial(run_sweep, sweep, **crew), 1) for crew in crews.values()
    ]
    tasks += [(partial(bare_trajectories, many), 1), (partial(on_two_bare_threads, many), 1)]
    one, threads, processes, bare_one, bare_two = best(
        *tasks, rounds=3 if options.quick else 10, clock=perf_counter
    )
    for name, seconds in (("threads", threads), ("processes", processes)):
        assert tables["one"].equals(tables[name])
        yield at_least(
            f"one worker over two {name}, sweep of {many} trajectories, same numbers",
            one / seconds,
            1.8,
            digits=2,
            reference=f"{one:.2f} s against {seconds:.2f} s; two bare threads "
            f"{bare_one / bare_two:.2f}",
        )


def phase(options: argparse.Namespace) -> Iterator[Row]:
    """The whole phase diagram on two workers, between two measurements of the floor."""
    from elinvar.studies import STUDIES, run_study

    study = STUDIES["phase-diagram"]
    run_study(study, study.quick, workers=2)
    before = floor_seconds(50, 15)
    config = study.config(quick=options.quick)
    done = run_study(study, config, workers=2)
    least = (before + floor_seconds(50, 15)) / 2
    floor_s = len(done.rows) * config.steps * least / 2
    taken = config.steps * float((~done.rows["diverged"]).sum())
    yield at_most(
        f"phase diagram of {len(done.rows):,} trajectories, 2 workers, over its floor",
        done.seconds / floor_s,
        1.25,
        digits=2,
        reference=f"{done.seconds:.1f} s; floor {floor_s:.1f} s, without diverged runs "
        f"{taken * least / 2:.1f} s",
    )


def transition(options: argparse.Namespace) -> Iterator[Row]:
    from elinvar.studies import STUDIES, run_study

    for name in ("heterogeneity", "phase-diagram"):
        study = STUDIES[name]
        done = run_study(study, study.config(quick=options.quick), workers=2)
        for claim in done.claims:
            yield Row(
                what=f"{name}: {claim.sentence}",
                figure="holds" if claim.holds else "fails",
                passed=claim.holds,
            )


def recovery(options: argparse.Namespace) -> Iterator[Row]:
    seeds = range(5 if options.quick else 20)
    algorithm = HeteroSGD(step_size=0.1, batch_size=10**6)
    errors, ratios = [], []
    for seed in seeds:
        problem = SensingProblem.two_point(dim=50, rng=seed, **SETTING)
        found = solve(problem, algorithm, steps=1500, rng=seed)
        errors.append(found.relative_error[-1])
        ratios.append(found.spurious_signal[-1] / found.invariant_signal[-1])
    what = "HeteroSGD, d = 50, M = 6, eta = .1, T = 1,500, m = 1e6"
    yield at_most(
        f"{what}: relative error to A*, median",
        float(np.median(errors)),
        0.02,
        digits=4,
        reference=f"largest of {len(seeds)}: {max(errors):.4f}",
    )
    yield at_most(
        f"{what}: spurious over invariant signal, median",
        float(np.median(ratios)),
        0.001,
        digits=6,
        reference=f"largest: {max(ratios):.6f}",
    )


SUITES: dict[str, Suite] = {
    "step": step,
    "floor": floor,
    "width": width,
    "kernels": kernels,
    "orders": orders,
    "cores": cores,
    "phase": phase,
    "transition": transition,
    "recovery": recovery,
}


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    run("Matrix sensing", SUITES, options)


if __name__ == "__main__":
    main()
