"""A real Postgres, started by the test."""

import numpy as np
import pytest
from servers import postgres, postgres_programs

from elinvar.environments import Moments
from elinvar.errors import DataError

psycopg = pytest.importorskip("psycopg", reason="Postgres needs the extra postgres")
pytestmark = pytest.mark.skipif(
    postgres_programs() is None, reason="Postgres needs its server (Debian: postgresql)"
)
ROLES = {"target": "y", "environment": "site"}


@pytest.fixture(scope="module")
def address(rows):
    with postgres() as server:
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(
                "create table visits (a float8, whole int, flag bool, k text, site text, y float8)"
            )
            with con.cursor().copy("copy visits from stdin") as copy:
                for row in rows.itertuples(index=False):
                    copy.write_row([None if v != v else v for v in map(plain, row)])
            con.execute(
                "create table far as select 1e8 + sin(i) as y, i % 2 as site, "
                "1e8 + (i % 3) * 1.0::float8 as x from generate_series(1, 3000) t(i)"
            )
        yield server


def plain(value):
    return value.item() if isinstance(value, np.generic) else value


def test_postgres_adds_up_what_the_rows_do(address, assert_same):
    for asked in ("?table=visits", "?table=visits&schema=public"):
        assert_same(Moments.from_query(address + asked, **ROLES, missing="drop"))
    query = "select * from visits"
    assert_same(Moments.from_query(address, query=query, **ROLES, missing="drop"))


def test_postgres_says_which_values_are_missing(address):
    with pytest.raises(DataError, match=r"missing values \(NULL or NaN\) in a \(40\)"):
        Moments.from_query(f"{address}?table=visits", **ROLES)


def test_postgres_keeps_the_digits_of_large_means(address):
    found = Moments.from_query(f"{address}?table=far", **ROLES)
    for e, first in enumerate((2, 1)):
        x = np.arange(first, 3001, 2) % 3
        np.testing.assert_allclose(found.cov_xx[e, 0, 0], x.var(), rtol=1e-6)
