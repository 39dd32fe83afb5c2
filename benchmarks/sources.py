"""How fast moments come from where the data are, against the engine's own time for the same sums.

    python benchmarks/sources.py [--rows 1e8] [--only duckdb,digits,dask,postgres] [--folder /tmp]

DuckDB: a Parquet file of ten columns (the environment, eight features, the target), which DuckDB
writes first; ``Moments.from_query`` against the statement that a person would write for the same
two passes, and against the sums of raw products in one pass, which lose digits. Peak memory is that
of the process that reads. Postgres needs its server's programs (Debian: postgresql); Dask is a
cluster of two processes against one.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import combinations_with_replacement
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from elinvar import Moments

ROLES = {"target": "y", "environment": "site"}
FEATURES = [f"x{j}" for j in range(8)]


def write_parquet(path, n):
    columns = ", ".join(f"(random() - 0.5) * {j + 1} + i % 8 * {j} as x{j}" for j in range(8))
    duckdb.connect().execute(
        f"copy (select 'site' || i % 8 as site, {columns}, random() + i % 8 as y "
        f"from range({n}) t(i)) to '{path}' (format parquet)"
    )


def own_sums(columns, table):
    """Return SQL for means of each environment, and sums of products about them."""
    means = ", ".join(f"avg({c}) as m_{c}" for c in columns)
    about = ", ".join(f"{c} - m_{c} as {c}" for c in columns)
    products = ", ".join(f"sum({a} * {b})" for a, b in combinations_with_replacement(columns, 2))
    return (
        f"with m as (select site as s, {means} from {table} group by site), "
        f"d as (select site, {about} from {table} join m on site = s) "
        f"select site, count(*), {products} from d group by site"
    )


def raw_sums(columns, table):
    """Return SQL for sums and sums of raw products, in one pass."""
    sums = ", ".join(f"sum({c})" for c in columns)
    products = ", ".join(f"sum({a} * {b})" for a, b in combinations_with_replacement(columns, 2))
    return f"select site, count(*), {sums}, {products} from {table} group by site"


def seconds(work, repeats=1):
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def step(name, path):
    """Do one thing in this process, and print seconds and the peak of its memory in MB."""
    con = duckdb.connect()
    columns, table = [*FEATURES, "y"], f"'{path}'"
    work = {
        "own": lambda: con.execute(own_sums(columns, table)).fetchall(),
        "raw": lambda: con.execute(raw_sums(columns, table)).fetchall(),
        "elinvar": lambda: Moments.from_query(con, query=f"select * from {table}", **ROLES),
        "stream": lambda: Moments.from_frame(con.sql(f"select * from {table}"), **ROLES),
        "files": lambda: Moments.from_files(path, **ROLES),
    }[name]
    import ibis  # noqa: F401  a second of its own, whatever is asked

    took = seconds(work)
    print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def child(name, path):
    out = subprocess.run(
        [sys.executable, __file__, "--step", name, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    took, peak = map(float, out.stdout.split())
    return took, peak


def bench_duckdb(n, folder):
    path = Path(folder, "elinvar-sources.parquet")
    try:
        write_parquet(path, n)
        found = {name: child(name, path) for name in ("own", "elinvar", "raw", "stream", "files")}
        own = found["own"][0]
        print(f"DuckDB, {n:,} rows of 10 columns in Parquet ({path.stat().st_size / 1e9:.1f} GB)")
        for name, words in (
            ("own", "its own two passes"),
            ("elinvar", "Moments.from_query"),
            ("raw", "raw products, one pass (loses digits)"),
            ("stream", "Moments.from_frame(relation)"),
            ("files", "Moments.from_files"),
        ):
            took, peak = found[name]
            print(f"  {words:40s} {took:7.2f} s  {took / own:5.2f} x  {peak:6.0f} MB")
    finally:
        path.unlink(missing_ok=True)


def bench_digits():
    rng = np.random.default_rng(0)
    far = pd.DataFrame({"x": rng.normal(size=10**6) + 1e8, "y": rng.normal(size=10**6) + 1e8})
    far["site"] = np.where(np.arange(len(far)) % 2, "p", "q")
    con = duckdb.connect()
    con.register("far", far)
    found = Moments.from_query(con, table="far", **ROLES)
    rows = Moments.from_frame(far, **ROLES)
    true = np.array([far.x[far.site == e].sub(1e8).var(ddof=0) for e in found.names])
    print("Mean 1e8, sd 1: relative error of the variance")
    print(f"  Moments.from_query {np.abs(found.cov_xx[:, 0, 0] / true - 1).max():.1e}")
    print(f"  Moments.from_frame {np.abs(rows.cov_xx[:, 0, 0] / true - 1).max():.1e}")


def bench_dask(n, folder):
    import dask
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory(dir=folder) as parts:
        rng = np.random.default_rng(0)
        for k in range(16):
            X = rng.normal(size=(n // 16, 40))
            frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(40)])
            frame["y"], frame["site"] = X[:, 0] + rng.normal(size=len(X)), f"site{k % 4}"
            frame.to_parquet(Path(parts, f"{k:02d}.parquet"))
        took = {}
        for workers in (1, 2):
            with (
                dask.config.set({"distributed.admin.tick.limit": "1h"}),
                LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None
                ) as cluster,
                Client(cluster) as client,
            ):
                client.run(__import__, "elinvar.environments")
                frame = dd.read_parquet(parts)
                took[workers] = seconds(lambda: Moments.from_frame(frame, **ROLES), 3)  # noqa: B023
        print(f"Dask, {n:,} rows of 42 columns in 16 files")
        print(f"  one worker {took[1]:.2f} s, two {took[2]:.2f} s: {took[1] / took[2]:.2f} x")


def bench_postgres(n, p=20):
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "sources"))
    from servers import postgres

    columns = [f"x{j}" for j in range(p - 2)] + ["y"]
    with postgres() as address:
        import psycopg

        with psycopg.connect(address, autocommit=True) as con:
            drawn = ", ".join(f"random() * {j + 1} + i % 8 as {c}" for j, c in enumerate(columns))
            con.execute(
                f"create table visits as select 'site' || i % 8 as site, {drawn} "
                f"from generate_series(1, {n}) t(i)"
            )
            con.execute("analyze visits")
            sql = own_sums(columns, "visits")
            own = seconds(lambda: con.execute(sql).fetchall(), 3)
            raw = seconds(lambda: con.execute(raw_sums(columns, "visits")).fetchall(), 3)
        asked = f"{address}?table=visits"
        found = seconds(lambda: Moments.from_query(asked, **ROLES), 3)
    print(f"Postgres, {n:,} rows of {p} columns")
    print(f"  its own two passes {own:.2f} s, raw products {raw:.2f} s")
    print(f"  Moments.from_query {found:.2f} s: {found / own:.2f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--only", default="duckdb,digits,dask,postgres")
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--step", nargs=2)
    asked = parser.parse_args()
    if asked.step:
        step(*asked.step)
        return
    wanted = asked.only.split(",")
    if "duckdb" in wanted:
        bench_duckdb(int(asked.rows), asked.folder)
    if "digits" in wanted:
        bench_digits()
    if "dask" in wanted:
        bench_dask(2 * 10**6, asked.folder)
    if "postgres" in wanted:
        bench_postgres(10**6)


if __name__ == "__main__":
    main()
