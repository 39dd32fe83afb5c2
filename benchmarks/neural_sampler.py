"""Samplers of batches against torch's own: indices a second, and memory.

    python benchmarks/neural_sampler.py [--only speed memory text] [--rows N] [--quick]

Speed is a ratio of the better of two times of an epoch, `for batch in sampler`, run in turn on one
core, in processor time; torch's is BatchSampler(RandomSampler(...)). Of text it is the median of
ratios. Memory is the peak of what a process of its own
holds above what it held when the labels were there, while a sampler is built and an epoch gone
through, over the 8 bytes a row of an index array.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from time import process_time

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar.neural import EnvironmentBatchSampler, PackedStream, PooledBatchSampler, audit
from elinvar.neural.batches._packed_stream import packed

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
    """Time an epoch, in processor time."""
    start = process_time()
    for _ in sampler:
        pass
    return process_time() - start


def speed(options: argparse.Namespace) -> Iterator[Row]:
    """Compare epochs."""
    labels = np.random.default_rng(0).integers(0, ENVIRONMENTS, options.rows)
    start = process_time()
    EnvironmentBatchSampler(labels, 256)
    built = process_time() - start
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


def text(options: argparse.Namespace) -> Iterator[Row]:
    """Compare tokens a second with packing that looks at no source, and count purity by tokens."""
    rng, length, batch_size = np.random.default_rng(0), 1024, 16
    # the source of a token is its thousands
    documents = {
        f"source {k}": [rng.integers(1000 * k, 1000 * (k + 1), size) for size in sizes]
        for k, sizes in enumerate(rng.lognormal(6, 1, (8, options.rows // 4_000)).astype(int) + 1)
    }
    n_batches = sum(map(len, itertools.chain(*documents.values()))) // (length * batch_size)

    class Plain(IterableDataset):
        """Packs one source after another, as if they were one."""

        def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
            every = packed(itertools.chain(*documents.values()), length, None)
            while len(rows := list(itertools.islice(every, batch_size))) == batch_size:
                ids = torch.from_numpy(np.stack(rows))
                yield {"input_ids": ids, "labels": ids}

    def plain() -> DataLoader:
        return DataLoader(Plain(), batch_size=None)

    def by_source() -> DataLoader:
        stream = PackedStream(documents, length, batch_size, n_batches)
        return DataLoader(stream, batch_size=None)

    rounds = [(seconds(plain()), seconds(by_source())) for _ in range(5 if options.quick else 30)]
    low, middle, high = np.quantile([theirs / ours for theirs, ours in rounds], [0.25, 0.5, 0.75])
    fastest = min(ours for _, ours in rounds)
    yield at_least(
        "text: tokens a second over packing that mixes sources",
        float(middle),
        0.97,
        digits=2,
        reference=f"quartiles {low:.2f} and {high:.2f} of {len(rounds)} pairs; "
        f"{n_batches * batch_size * length / fastest / 1e6:.0f} million a second",
    )
    pure = audit(by_source(), lambda batch: batch["input_ids"] // 1000, steps=200)
    mixed = audit(plain(), lambda batch: batch["input_ids"] // 1000)
    yield at_least(
        "text: purity of a step by tokens, at the least",
        float(pure.purity.min()),
        1.0,
        digits=2,
        reference=f"packing that mixes sources: {mixed.purity.min():.2f}",
    )


SUITES: dict[str, Suite] = {"speed": speed, "memory": memory, "text": text}


def main() -> None:
    options = parser(__doc__ or "", SUITES)
    options.add_argument("--rows", type=int, default=10_000_000)
    chosen = options.parse_args()
    run(f"Samplers: {chosen.rows:,} rows, {ENVIRONMENTS} environments", SUITES, chosen)


if __name__ == "__main__":
    main()
