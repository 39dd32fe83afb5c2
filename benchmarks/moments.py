"""Speed and memory of moments: ``python benchmarks/moments.py [--size MB] [--rows N]``.

The first table compares the moments of an array whose rows come in random order of environment
with the least that any way must do: gather the rows of each environment (their order known
beforehand) and multiply. The second reads a Parquet file of random numbers, in row groups of the
default length, in a process of its own and reports the peak of its resident memory above what
it held after its imports.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Moments

COLUMNS, ENVIRONMENTS, REPEATS = 50, 10, 9
SPEED_TARGET, MEMORY_TARGET = 1.5, 200.0

READ = """
import json, sys, time
from pathlib import Path
import narwhals, pyarrow.dataset, pyarrow.parquet
import elinvar.environments
from elinvar import Moments

def memory(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e3

before, start = memory("VmRSS"), time.perf_counter()
moments = Moments.from_files(sys.argv[1], target="y", environment="site")
seconds = time.perf_counter() - start
print(json.dumps([moments.n_rows, before, memory("VmHWM") - before, seconds]))
"""


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def speed(rows: int) -> None:
    """Print the first table."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, COLUMNS))
    y = rng.normal(size=rows)
    codes = rng.integers(0, ENVIRONMENTS, rows)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes, minlength=ENVIRONMENTS))[:-1])

    def floor() -> list[NDArray[np.float64]]:
        return [(gathered := X[part]).T @ gathered for part in parts]

    def moments() -> Moments:
        return Moments.from_arrays(X, y, codes)

    floor(), moments()
    pairs = [(seconds(floor), seconds(moments)) for _ in range(REPEATS)]
    least, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"Moments of {rows:,} x {COLUMNS} float64, {ENVIRONMENTS} environments in random order")
    print(f"(medians of {REPEATS} alternating runs)\n")
    print("| what | seconds | over gather + product | target |")
    print("|---|---|---|---|")
    print(f"| gather + matrix product | {least:.3f} | 1.00 | |")
    print(f"| Moments.from_arrays | {ours:.3f} | {ours / least:.2f} | <= {SPEED_TARGET} |\n")


def write(path: Path, megabytes: float) -> None:
    """Write a Parquet file of about this size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    rows = int(megabytes * 1e6 / (8 * (COLUMNS + 1)))
    names = [*(f"x{j}" for j in range(COLUMNS)), "y"]
    schema = pa.schema([*((name, pa.float64()) for name in names), ("site", pa.string())])
    sites = np.array([f"site {e}" for e in range(ENVIRONMENTS)])
    group = 1_048_576
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, group):
            n = min(group, rows - start)
            columns = [rng.normal(size=n) for _ in names]
            labels = pa.array(sites[rng.integers(0, ENVIRONMENTS, n)])
            writer.write_table(pa.table([*columns, labels], schema=schema), row_group_size=group)


def memory(megabytes: float) -> None:
    """Print the second table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path, megabytes)
        size = path.stat().st_size / 1e6
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
        )
    rows, before, peak, elapsed = json.loads(done.stdout)
    print(f"Moments of a Parquet file of {size:,.0f} MB ({rows:,.0f} rows)\n")
    print("| what | MB | target |")
    print("|---|---|---|")
    print(f"| resident after imports | {before:.0f} | |")
    print(f"| peak above imports | {peak:.0f} | < {MEMORY_TARGET:.0f} |")
    print(f"\nRead in {elapsed:.1f} s, {size / elapsed:,.0f} MB/s.")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=2000.0, help="MB of the Parquet file")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the array")
    given = parser.parse_args()
    speed(given.rows)
    memory(given.size)


if __name__ == "__main__":
    main()
