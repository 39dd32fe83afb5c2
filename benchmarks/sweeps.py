"""What a sweep costs beside its cells, and how honest the time is that it says is left."""

import tempfile
import time
from pathlib import Path

import numpy as np

from elinvar.sweeps import Sweep, run_sweep


def wait(*, rng, seconds, repetition):
    time.sleep(seconds)  # stands for work without the GIL, and needs no core
    return {"value": 0.0}


def quick(*, rng, repetition):
    return {"value": rng.random()}


def seconds_of(sweep: Sweep, **crew: object) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run_sweep(sweep, Path(folder) / "table.parquet", **crew)
        return time.perf_counter() - started


def main() -> None:
    many = Sweep(name="quick", function=quick, axes={"repetition": range(3000)})
    for workers in (1, 2):
        cost = seconds_of(many, workers=workers) / len(many)
        print(f"a cell of no work, {workers} worker(s): {1e3 * cost:.2f} ms (goal: 1 ms)")
    axes = {"seconds": (0.02,), "repetition": range(50)}
    waits = Sweep(name="waits", function=wait, axes=axes)
    ratio = seconds_of(waits, workers=1) / seconds_of(waits, workers=2)
    print(f"one worker over two, cells that wait: {ratio:.2f} times (goal: 1.7)")
    told = []
    axes = {"seconds": np.linspace(0.0, 0.06, 20), "repetition": range(5)}
    run_sweep(
        Sweep(name="costs", function=wait, axes=axes),
        workers=2,
        progress=lambda done, total, left: told.append((time.perf_counter(), done / total, left)),
    )
    end = told[-1][0]
    ratios = [left / (end - when) for when, done, left in told if 0.3 < done < 0.7]
    print(f"seconds said to be left over the truth: {np.median(ratios):.2f} (goal: 0.65 to 1.5)")


if __name__ == "__main__":
    main()
