"""Every method on every problem, by one rule for all: rows, tables and what elinvar is held to."""

from elinvar.bench._cell import run_method
from elinvar.bench._claims import claims
from elinvar.bench._data import Case, Split, case_of, draw_case, table_case
from elinvar.bench._markdown import leaderboard
from elinvar.bench._page import table_pictures, write_bench_page
from elinvar.bench._paired import Interval, Ranking, paired_interval, rank
from elinvar.bench._protocol import Choice, choose
from elinvar.bench._run import (
    BenchResult,
    choose_methods,
    choose_suites,
    claims_sweep,
    result_of,
    run_bench,
    sweep_of,
)
from elinvar.bench._suites import SUITES, Suite
from elinvar.bench._tables import result_tables
from elinvar.bench._text import TextTable

__all__ = [
    "SUITES",
    "BenchResult",
    "Case",
    "Choice",
    "Interval",
    "Ranking",
    "Split",
    "Suite",
    "TextTable",
    "case_of",
    "choose",
    "choose_methods",
    "choose_suites",
    "claims",
    "claims_sweep",
    "draw_case",
    "leaderboard",
    "paired_interval",
    "rank",
    "result_of",
    "result_tables",
    "run_bench",
    "run_method",
    "sweep_of",
    "table_case",
    "table_pictures",
    "write_bench_page",
]
