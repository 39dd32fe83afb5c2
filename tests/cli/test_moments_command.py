"""elinvar moments, and what elinvar fit learns from moments and from databases."""

import json

import duckdb
import pyarrow as pa
import pytest

from elinvar.environments import Moments

ROLES = ["--target", "yield", "--environment", "place"]


@pytest.fixture
def run(elinvar):
    """Run the command, and return what it printed in one line."""

    def printed(*arguments, status=0):
        result = elinvar(*arguments)
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    return printed


@pytest.fixture
def folder(frame, tmp_path, monkeypatch):
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    con = duckdb.connect(str(tmp_path / "farm.db"))
    con.register("rows", pa.Table.from_pandas(frame, preserve_index=False))
    con.execute("create table harvest as select * from rows")
    con.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def described(elinvar):
    """Fit, and return the explanation."""

    def explanation(*arguments):
        result = elinvar("fit", *arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)["explanation"]

    return explanation


def test_sites_that_share_no_rows_find_what_the_rows_tell(run, described, frame, folder):
    for place, rows in frame.groupby("place"):
        rows.to_csv(f"{place}.csv", index=False)
        said = run("moments", f"{place}.csv", *ROLES, "--out", f"{place}.moments")
        assert "It holds no row" in said and "Moments of 100 rows in 1 environment" in said
    whole = Moments.from_frame(frame, target="yield", environment="place")
    run("moments", "rows.parquet", *ROLES, "--out", "all.moments")
    assert described("Bonn.moments", "Oslo.moments", "Rome.moments") == described("all.moments")
    assert Moments.load("all.moments").names == whole.names
    assert "Diagnosis" in run("diagnose", "[BOR]*.moments", "--exclude-environments", "Rome")


def test_a_database_is_asked_for_what_its_rows_tell(run, described, folder):
    run("moments", "rows.parquet", *ROLES, "--out", "all.moments")
    expected = described("all.moments")
    assert described("duckdb:///farm.db?table=harvest", *ROLES) == expected
    assert described("duckdb:///farm.db", "--query", "select * from harvest", *ROLES) == expected
    by_file = ["duckdb://", "--query", "select * from 'rows.parquet'"]
    assert described(*by_file, *ROLES) == expected
    run("fit", "duckdb:///farm.db?table=harvest", *ROLES, "--report", "page.html")
    assert (folder / "page.html").exists()


def test_small_counts_do_not_leave_the_site(run, frame, folder):
    few = frame.drop(index=frame.index[(frame["place"] == "Rome")][3:])
    few.to_csv("few.csv", index=False)
    said = run("moments", "few.csv", *ROLES, "--out", "few.moments", status=1)
    assert "Environments of fewer than 5 rows: 'Rome'" in said
    assert not (folder / "few.moments").exists()
    out = ["--exclude-environments", "Rome", "--out", "few.moments"]
    assert "in 2 environments" in run("moments", "few.csv", *ROLES, *out)
    rare = frame.assign(sex=["female"] * 2 + ["male"] * 298)
    rare.to_csv("rare.csv", index=False)
    said = run("moments", "rare.csv", *ROLES, "--out", "rare.moments", status=1)
    assert "sex=female in 'Oslo'" in said and "'Bonn'" not in said
    run("moments", "rare.csv", *ROLES, "--out", "rare.moments", "--min-count", "2")
    coded = frame.assign(sex=[1] * 3 + [0] * 297)
    coded.to_csv("coded.csv", index=False)
    assert "sex in 'Oslo'" in run("moments", "coded.csv", *ROLES, "--out", "c.moments", status=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "all.moments", "--robust"], "Moments are no rows"),
        (["fit", "all.moments", "--classify"], "Moments are no rows"),
        (["fit", "all.moments", "--drop", "sex"], "settled when the moments were made: leave out"),
        (["fit", "all.moments", "--target", "sex"], "The target of these moments is 'yield'"),
        (["fit", "all.moments", "rows.parquet"], "Moments are added to moments"),
        (["forecast", "all.moments", *ROLES], "Moments are no rows"),
        (["fit", "duckdb:///farm.db", *ROLES, "--robust"], "A database gives moments"),
        (["fit", "duckdb:///farm.db", *ROLES, "--cluster", "sex"], "A database gives moments"),
        (["forecast", "duckdb:///farm.db", *ROLES], "A database gives moments"),
        (["fit", "duckdb:///farm.db", *ROLES, "--decimal", ","], "turn values into numbers"),
        (["fit", "duckdb:///farm.db", "rows.parquet", *ROLES], "A database is read alone"),
        (["fit", "rows.parquet", *ROLES, "--query", "select 1"], "is asked of a database"),
        (["fit", "duckdb:///no.db", *ROLES], "There is no file no.db"),
        (["moments", "rows.parquet", *ROLES, "--out", "all.npz"], "must end in .moments"),
    ],
)
def test_what_moments_cannot_give_is_refused_in_a_sentence(run, folder, arguments, message):
    run("moments", "rows.parquet", *ROLES, "--out", "all.moments")
    assert message in run(*arguments, status=1)


def test_rows_need_a_target_and_an_environment(run, folder):
    assert "--target" in run("fit", "rows.parquet", status=2)
    assert "--environment" in run("fit", "rows.parquet", "--target", "yield", status=2)


def test_passwords_reach_no_page_and_no_terminal(run, folder):
    said = run("fit", "postgresql://me:secret@127.0.0.1:1/base?table=visits", *ROLES, status=1)
    assert "secret" not in said
