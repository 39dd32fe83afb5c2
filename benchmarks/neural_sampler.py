"""Samplers of batches against torch's own: indices a second, and memory.

    python benchmarks/neural_sampler.py [--only speed memory] [--rows N] [--quick]

Speed is a ratio of the better of two times of an epoch, `for batch in sampler`, run in turn on one
core; torch's is BatchSampler(RandomSampler(...)). Memory is the peak of what a process of its own
holds above what it held when the labels were there, while a sampler is built and an epoch gone
through, over the 8 bytes a row of an index array.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from time import perf_counter

import numpy as np
from torch.utils.data import BatchSampler, RandomSampler

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar.neural import EnvironmentBatchSampler, PooledBatchSampler

ENVIRONMENTS = 100
SPEED, MEMORY = 2.5, 1.2

PEAK = """
import json, sys
from pathlib import Path
import numpy, pandas, torch
from torch.utils.data import BatchSampler, RandomSampler
from elinvar.neural import EnvironmentBatchSampler

def memory(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024

def drain(sampler):
    for batch in sampler:
        pass

rows, environments, ours = json.loads(sys.argv[1])
labels = numpy.random.default_rng(0).integers(0, environments, rows)
drain(EnvironmentBatchSampler(labels[:1000], 10))
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
if ours:
    drain(EnvironmentBatchSampler(labels, 256))
else:
    drain(BatchSampler(RandomSampler(range(rows)), 256, False))
print((memory("VmHWM") - before) / (8 * rows))
"""


def seconds(sampler: Iterable[list[int]]) -> float:
    """Time an epoch."""
    start = perf_counter()
    for _ in sampler:
        pass
    return perf_counter() - start


def speed(options: argparse.Namespace) -> Iterator[Row]:
    """Compare epochs."""
    labels = np.random.default_rng(0).integers(0, ENVIRONMENTS, options.rows)
    start = perf_counter()
    EnvironmentBatchSampler(labels, 256)
    built = perf_counter() - start
    for batch_size in (32, 256, 4096):
        usual = BatchSampler(RandomSampler(range(options.rows)), batch_size, False)
        sampler = EnvironmentBatchSampler(labels, batch_size)
        rounds = [(seconds(usual), seconds(sampler)) for _ in range(1 if options.quick else 2)]
        theirs, ours = (min(times) for times in zip(*rounds, strict=True))
        yield at_least(
            f"indices a second over torch's, batches of {batch_size:,}",
            theirs / ours,
            SPEED,
            digits=2,
            reference=f"{options.rows / ours / 1e6:.1f} million a second",
        )
    pooled = seconds(PooledBatchSampler(labels, 4096))
    yield Row(what="PooledBatchSampler, batches of 4,096", figure=f"{theirs / pooled:.2f}")
    yield Row(what="building the sampler, seconds", figure=f"{built:.2f}")


def memory(options: argparse.Namespace) -> Iterator[Row]:
    """Compare peaks."""

    def peak(ours: bool) -> float:
        setting = json.dumps([options.rows, ENVIRONMENTS, ours])
        command = [sys.executable, "-c", PEAK, setting]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    yield at_most(
        "peak memory over the index array, batches of 256",
        peak(True),
        MEMORY,
        digits=2,
        reference=f"torch's: {peak(False):.2f}",
    )


SUITES: dict[str, Suite] = {"speed": speed, "memory": memory}


def main() -> None:
    options = parser(__doc__ or "", SUITES)
    options.add_argument("--rows", type=int, default=10_000_000)
    chosen = options.parse_args()
    run(f"Samplers: {chosen.rows:,} rows, {ENVIRONMENTS} environments", SUITES, chosen)


if __name__ == "__main__":
    main()
