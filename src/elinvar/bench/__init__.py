"""Every method on every problem, by one rule for all: rows, tables and what elinvar is held to."""

from elinvar.bench._markdown import leaderboard
from elinvar.bench._page import write_bench_page
from elinvar.bench._paired import Interval, Ranking, paired_interval, rank
from elinvar.bench._protocol import Choice, choose
from elinvar.bench._run import BenchResult, choose_methods, choose_suites, run_bench
from elinvar.bench._suites import SUITES, Suite
from elinvar.bench._tables import TextTable, result_tables

__all__ = [
    "SUITES",
    "BenchResult",
    "Choice",
    "Interval",
    "Ranking",
    "Suite",
    "TextTable",
    "choose",
    "choose_methods",
    "choose_suites",
    "leaderboard",
    "paired_interval",
    "rank",
    "result_tables",
    "run_bench",
    "write_bench_page",
]
