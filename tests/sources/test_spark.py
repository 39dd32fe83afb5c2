"""A real Spark of two threads."""

import os
import shutil
import sys

import pytest

from elinvar.environments import Moments
from elinvar.errors import DataError

pyspark = pytest.importorskip("pyspark", reason="Spark needs the extra spark")
pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17 or newer"),
    pytest.mark.filterwarnings("ignore"),
]
ROLES = {"target": "y", "environment": "site"}


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()


def made(spark, rows):
    table = rows.astype({"whole": "int64"})
    found = spark.createDataFrame(table.where(table.notna(), None).to_dict("records"))
    return found.select(*rows.columns).repartition(5)


def test_spark_adds_up_its_partitions(spark, rows, assert_same):
    assert_same(Moments.from_frame(made(spark, rows), **ROLES, missing="drop"))


def test_spark_names_the_row_that_cannot_be_used(spark, rows):
    with pytest.raises(DataError, match=r"NaN\) in a \(\d+\); first in row \d+ of partition \d+"):
        Moments.from_frame(made(spark, rows), **ROLES)
    with pytest.raises(DataError, match="must be 'error' or 'drop'"):
        Moments.from_frame(made(spark, rows), **ROLES, missing="impute")
