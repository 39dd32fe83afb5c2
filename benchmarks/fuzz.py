"""Mutated files: what comes of them must be a result or an error of elinvar, and nothing else.

`python benchmarks/fuzz.py --mutations 10000` takes an hour; `--only moments` is one kind of file.
"""

import argparse
import sqlite3
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from _mutations import ODD, Mutation, Rng, changed, changed_archive, changed_json, damaged
from elinvar import (
    InvariantClassifier,
    InvariantRegressor,
    Moments,
    TransferClassifier,
    TransferRegressor,
    load_model,
    save_model,
)
from elinvar.errors import ElinvarError
from elinvar.sweeps import Sweep, run_sweep
from elinvar.sweeps._journal import journal_path


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file: one that is whole, how it is changed, and what is done with what is read."""

    content: bytes
    mutations: tuple[Mutation, ...]
    use: Callable[[Path], object]


def table(n: int = 120) -> tuple[pd.DataFrame, Any, Any]:
    """Draw three places with a cause, a consequence and a category."""
    rng = np.random.default_rng(0)
    place = np.repeat(["Oslo", "Rome", "Bonn"], n // 3)
    cause, sex = rng.normal(size=n), rng.choice(["female", "male"], size=n)
    y = 2 * cause + 0.7 * (sex == "male") + rng.normal(size=n)
    effect = np.repeat([0.2, 1.0, -2.0], n // 3) * y + rng.normal(size=n)
    return pd.DataFrame({"cause": cause, "effect": effect, "sex": sex}), y, place


def models(folder: Path) -> dict[str, Kind]:
    """Return model files: of effects, of classes, of forecasts, of a forecast moved to a place."""
    X, y, place = table()
    classes = np.where(y > 0, "yes", "no")
    forecast = TransferRegressor(random_state=0).fit(X, y, environments=place)
    fitted = {
        "model": InvariantRegressor(intercept="environment").fit(X, y, environments=place),
        "class model": InvariantClassifier().fit(X, classes, environments=place),
        "forecast": forecast,
        "class forecast": TransferClassifier(random_state=0).fit(X, classes, environments=place),
        "adapted": forecast.adapt(X.head(20), y[:20], place="Bern"),
    }
    kinds = {}
    for name, model in fitted.items():
        path = save_model(model, folder / "model.json")
        use = partial(_use_model, frame=X.head(10), again=folder / "again.json")
        kinds[name] = Kind(
            content=path.read_bytes(), mutations=(damaged, changed_json, changed_json), use=use
        )
    return kinds


def _use_model(path: Path, frame: pd.DataFrame, again: Path) -> None:
    model = load_model(path)
    model.predict(frame)
    if hasattr(model, "summary"):
        model.summary()
    if hasattr(model, "explain"):
        model.explain()
    if (answer := getattr(model, "answer_", None)) is not None:
        repr(answer), answer.summary("html")
    load_model(save_model(model, again))


def moments(folder: Path) -> Kind:
    """Return a file of moments; what is read is fitted, and added to what was there."""
    X, y, place = table()
    whole = Moments.from_frame(X.assign(y=y, place=place), target="y", environment="place")
    path = folder / "site.moments"
    whole.save(path)

    def use(path: Path) -> None:
        found = Moments.load(path)
        InvariantRegressor().fit_moments(found).summary()
        found + whole

    mutations = (damaged, changed_archive, changed_archive, changed_archive)
    return Kind(content=path.read_bytes(), mutations=mutations, use=use)


def draw(*, rng: Rng, scale: float, repetition: int) -> list[dict[str, Any]]:
    """Return the rows of a cell: every kind of value that a table can have."""
    flag = bool(rng.random() < 0.5)
    return [{"value": scale * rng.random(), "n": 3, "flag": flag, "word": "ü"} for _ in range(2)]


class _Stop(Exception):
    """Ends a run before its last cell."""


def journal(folder: Path) -> Kind:
    """Return the journal of a sweep of which some cells are finished; a table must be whole."""
    sweep = Sweep(name="fuzz", function=draw, axes={"scale": (1.0, 2.0), "repetition": range(3)})
    out, expected = folder / "table.parquet", run_sweep(sweep)

    def stop(done: int, total: int, left: float | None) -> None:
        if done == 4:
            raise _Stop

    try:
        run_sweep(sweep, out, progress=stop)
    except _Stop:
        pass

    def use(path: Path) -> None:
        for end in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        out.unlink(missing_ok=True)
        pd.testing.assert_frame_equal(run_sweep(sweep, out), expected)

    path = journal_path(out)
    return Kind(content=path.read_bytes(), mutations=(damaged, _changed_rows), use=use)


def _changed_rows(content: bytes, rng: Rng) -> bytes:
    """Change a journal's texts or their types, half of the time with no digest to tell."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite")
        path.write_bytes(content)
        with closing(sqlite3.connect(path)) as connection, connection:
            rows = connection.execute("SELECT rowid, * FROM cells").fetchall()
            row, *texts = rows[int(rng.integers(len(rows)))]
            which = int(rng.integers(4))
            if which in (1, 2):
                texts[which] = changed_json(texts[which].encode(), rng).decode()
            else:
                other = ODD[int(rng.integers(len(ODD)))]
                texts[which] = other if isinstance(other, float | None) else str(other)[:99]
            try:
                connection.execute(
                    "UPDATE cells SET cell = ?, kinds = ?, columns = ?, digest = ? WHERE rowid = ?",
                    (*texts, row),
                )
                if rng.random() < 0.1:
                    connection.execute("UPDATE about SET value = substr(value, 2)")
            except (sqlite3.Error, UnicodeEncodeError):
                connection.execute("DELETE FROM cells WHERE rowid = ?", (row,))
        return path.read_bytes()


def checkpoint(folder: Path) -> Kind:
    """Return a checkpoint of training; a run that goes on must end as one that never stopped."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from elinvar.neural import Checkpoint, EnvironmentBatchSampler, HeteroStep, HeteroTrainer

    path = folder / "run.pt"
    X = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 3))).float()
    data, environments = TensorDataset(X, X[:, :1]), np.repeat([0, 1, 2], 20)

    def run(steps: int, *, resume: bool) -> list[float]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        sampler = EnvironmentBatchSampler(environments, 5, seed=0)
        trainer = HeteroTrainer(
            model,
            torch.optim.Adam(model.parameters(), lr=0.01),
            nn.functional.mse_loss,
            rule=HeteroStep(),
            checkpoint=Checkpoint(path=path, every=100),
        )
        trainer.fit(DataLoader(data, batch_sampler=sampler), steps=steps, resume=resume)
        return [float(p.detach().sum()) for p in model.parameters()]

    expected = run(8, resume=False)
    run(4, resume=False)
    content = path.read_bytes()

    def use(_: Path) -> None:
        assert run(8, resume=True) == expected

    def changed_state(content: bytes, rng: Rng) -> bytes:
        path.write_bytes(content)
        odd = (*ODD, torch.zeros(2, 3), torch.tensor(1e30), (), 1j)
        state = changed(torch.load(path), rng, odd)
        torch.save(state, path)
        return path.read_bytes()

    return Kind(content=content, mutations=(damaged, changed_state), use=use)


def run(kind: Kind, n: int, path: Path, seed: int = 0) -> Counter[str]:
    """Return how many of ``n`` mutations gave a result, an error of ours, or anything else."""
    found: Counter[str] = Counter()
    warnings.simplefilter("ignore")
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        path.write_bytes(kind.mutations[k % len(kind.mutations)](kind.content, rng))
        try:
            with np.errstate(all="ignore"):
                kind.use(path)
        except ElinvarError:
            found["our error"] += 1
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            found[
                f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
            ] += 1
            if "-v" in sys.argv:
                print(k, "".join(traceback.format_exception(error)[-6:]), file=sys.stderr)
        else:
            found["a result"] += 1
    return found


def kinds(folder: Path) -> dict[str, tuple[Callable[[], Kind], str]]:
    """Return how to make a file of each kind, and what it is called."""
    return {
        **{name: (partial(lambda n: models(folder)[n], name), "mutated.json") for name in MODELS},
        "moments": (partial(moments, folder), "mutated.moments"),
        "journal": (partial(journal, folder), ".table.parquet.partial.sqlite"),
        "checkpoint": (partial(checkpoint, folder), "run.pt"),
    }


MODELS = ("model", "class model", "forecast", "class forecast", "adapted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--only", default="", help="a kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", action="store_true", help="print tracebacks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (make, file) in kinds(folder).items():
            if given.only in ("", kind):
                started = time.perf_counter()
                found = run(make(), given.mutations, folder / file, given.seed)
                other = {k: n for k, n in found.items() if k not in ("a result", "our error")}
                print(
                    f"{kind:<15} {found['a result']:>6} results "
                    f"{found['our error']:>6} our errors {sum(other.values()):>5} others (goal: 0) "
                    f"{time.perf_counter() - started:.0f} s",
                    flush=True,
                )
                for words, count in sorted(other.items(), key=lambda pair: -pair[1])[:15]:
                    print(f"    {count} x {words[:200]}")


if __name__ == "__main__":
    main()
