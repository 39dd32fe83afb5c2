"""Cells for the tests, and a sweep that can be run, and killed, in a process of its own."""

import os
import signal
import sys
import time
from pathlib import Path

from elinvar.sweeps import Sweep, run_sweep


def draw(*, rng, problem, algorithm, repetition, seconds=0.0, log=None):
    """Return two rows of data; say in a file that this cell was computed."""
    time.sleep(seconds)
    if log is not None:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{problem} {algorithm} {repetition}\n")
    data = rng.normal(size=2)
    return [{"row": row, "value": data[row], "status": "completed"} for row in range(2)]


def draws(problems=3, repetitions=4, name="draws", seed=0, **fixed):
    return Sweep(
        name=name,
        function=draw,
        axes={
            "problem": [0.5 * k for k in range(problems)],
            "algorithm": ("hetero", "pooled"),
            "repetition": range(repetitions),
        },
        problem=("problem",),
        fixed=fixed,
        seed=seed,
    )


def wait(*, rng, seconds, repetition):
    time.sleep(seconds)
    return {"value": rng.random()}


def threads(*, rng, repetition):
    """Tell on how many threads linear algebra may run."""
    from threadpoolctl import threadpool_info

    blas = [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]
    return {"threads": max(blas)}


BROKEN = (2, 1)


def fail(*, rng, a, repetition):
    if (a, repetition) == BROKEN:
        raise ZeroDivisionError("nothing left")
    return {"value": rng.random()}


def die(*, rng, repetition):
    if repetition == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": 1.0}


def slow_draws(folder, seconds=0.01):
    return draws(4, 15, seconds=seconds, log=str(Path(folder) / "log.txt"))


if __name__ == "__main__":
    import sweep_cells  # the function by the name that other processes know it by

    FOLDER, WORKERS, BACKEND, SECONDS = sys.argv[1:]
    sweep = sweep_cells.slow_draws(FOLDER, float(SECONDS))
    run_sweep(sweep, Path(FOLDER) / "table.parquet", workers=int(WORKERS), backend=BACKEND)
