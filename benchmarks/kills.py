"""Commands killed at random moments: what they leave must be whole, and gone after the next run.

`python benchmarks/kills.py --kills 200 [--only fit reproduce ...]` takes half an hour.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from elinvar import Moments, load_model
from elinvar.datasets import load_penguins

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
ROLES = ("--target", "body_mass_g", "--environment", "species", "--drop", "island,year")

MOMENTS = """
import sys
from elinvar import Moments
moments = Moments.load(sys.argv[1])
while True:
    moments.save(sys.argv[2])
"""

SWEEP = """
import sys, time
from elinvar.sweeps import Sweep, run_sweep
def cell(*, rng, k):
    time.sleep(0.005)
    return {"value": rng.random()}
run_sweep(Sweep(name="killed", function=cell, axes={"k": range(60)}), sys.argv[1])
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command, the files that it writes, and how each is read.

    ``ends`` if it does by itself, ``fresh`` if it does nothing where its outputs are there.
    """

    command: tuple[str, ...]
    outputs: dict[str, Callable[[Path], object]]
    ends: bool = True
    fresh: bool = False


def read_page(path: Path) -> None:
    """Read a page to its end."""
    assert path.read_text("utf-8").rstrip().endswith("</html>")


def cases(around: Path) -> dict[str, Case]:
    """Write what the commands read, and return them; they run in a folder of their own."""
    table, kept = around / "penguins.csv", around / "kept.moments"
    frame = load_penguins().frame.dropna()
    frame.to_csv(table, index=False)
    numbers = frame[["body_mass_g", "bill_depth_mm", "flipper_length_mm", "species"]]
    Moments.from_frame(numbers, target="body_mass_g", environment="species").save(kept)
    fit = (sys.executable, "-m", "elinvar", "fit", str(table), *ROLES)
    fit = (*fit, "--model", "model.json", "--report", "page.html")
    stem = "trajectories-quick"
    return {
        "fit": Case(command=fit, outputs={"model.json": load_model, "page.html": read_page}),
        "moments": Case(
            command=(sys.executable, "-c", MOMENTS, str(kept), "site.moments"),
            outputs={"site.moments": Moments.load},
            ends=False,
        ),
        "sweep": Case(
            command=(sys.executable, "-c", SWEEP, "table.parquet"),
            outputs={"table.parquet": pq.read_table},
            fresh=True,
        ),
        "reproduce": Case(
            command=(
                *(sys.executable, "-m", "elinvar", "reproduce", "trajectories", "--quick"),
                *("--workers", "1", "--out", "."),
            ),
            outputs={
                f"{stem}.parquet": pq.read_table,
                f"{stem}-summary.csv": pd.read_csv,
                f"{stem}.png": matplotlib.image.imread,
                f"{stem}.json": lambda path: json.loads(path.read_text("utf-8")),
                "index.html": read_page,
                "explore.html": read_page,
            },
            fresh=True,
        ),
    }


def duration(case: Case, folder: Path) -> float:
    """Return how long the command takes when nobody kills it."""
    if not case.ends:
        return 1.5
    started = time.perf_counter()
    subprocess.run(case.command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def killed(case: Case, folder: Path, number: int, after: float) -> None:
    """Start the command, and send it a signal."""
    with open(os.devnull, "w") as away:
        process = subprocess.Popen(case.command, cwd=folder, stdout=away, stderr=away)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    process.wait(timeout=60)


def corrupt(case: Case, folder: Path) -> list[str]:
    """Return the outputs that are there and cannot be read."""
    found = []
    for name, read in case.outputs.items():
        if (folder / name).exists():
            try:
                read(folder / name)
            except Exception as error:
                found.append(f"{name}: {error}")
    return found


def leftovers(case: Case, folder: Path) -> list[str]:
    """Run once more, whole, and return what is there beside the outputs."""
    if case.ends:
        subprocess.run(case.command, cwd=folder, check=True, capture_output=True)
    else:
        Moments.load(folder.parent / "kept.moments").save(folder / "site.moments")
    return sorted(set(os.listdir(folder)) - set(case.outputs))


def run(case: Case, folder: Path, n: int, seed: int = 0) -> tuple[list[str], list[str], int]:
    """Return corrupt files, leftovers after the next run, and how often something was hidden."""
    rng, whole = np.random.default_rng(seed), duration(case, folder)
    if case.fresh:
        for name in case.outputs:
            (folder / name).unlink()
    damage: list[str] = []
    hidden = 0
    for k in range(n):
        # half of the kills near the end, where files are written
        share = rng.random() if k % 2 else 1 - 0.3 * rng.random()
        killed(case, folder, SIGNALS[k % 3], share * whole)
        hidden += any(name.startswith(".") for name in os.listdir(folder))
        damage += corrupt(case, folder)
        if case.fresh or k % 4 == 3:
            for name in case.outputs:
                (folder / name).unlink(missing_ok=True)
    return damage, leftovers(case, folder), hidden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", nargs="+", help="of fit, moments, sweep and reproduce")
    given = parser.parse_args()
    around = Path(tempfile.mkdtemp())
    chosen = {k: case for k, case in cases(around).items() if k in (given.only or (k,))}
    for name, case in chosen.items():
        folder = around / name
        folder.mkdir()
        n = given.kills // len(chosen) + 1
        damage, left, hidden = run(case, folder, n)
        print(
            f"{name:<9} {n} kills: {len(damage)} corrupt files, {len(left)} left after the next "
            f"run (goals: 0, 0); {hidden} times a file was left until then",
            flush=True,
        )
        for words in [*damage, *left]:
            print(f"    {words}")
    shutil.rmtree(around)


if __name__ == "__main__":
    main()
