"""
A benchmark in small
====================

Every method on the same data, hyper-parameters chosen by one rule, compared pair by pair. Here a
few methods on a few draws, to see the parts; ``elinvar bench`` runs them all.
"""

# %%
# A suite is a list of problems with a known answer. Random linear models, three draws of each:
from elinvar.bench import choose_methods, choose_suites, run_bench

print(", ".join(suite.name for suite in choose_suites()))
print(f"{len(choose_methods())} methods")
found = run_bench(["random"], methods=["pooled", "anchor", "lasso"], seeds=3, quick=True)

# %%
# Errors in new environments, over those of the oracle, which knows what holds:
errors = found.rows.pivot_table(
    index=["problem", "repetition"], columns="method", values="relative"
)
print(errors.groupby("problem").median().T.round(2))

# %%
# Is one method better than another? Its difference draw by draw, with an interval, problems
# counting alike; and ranks over the draws, with the difference from which on two methods are not
# alike.
import numpy as np

from elinvar.bench import paired_interval, rank
from elinvar.plots import plot_ranks

logs = np.log(errors["pooled"]) - np.log(errors["elinvar-auto"])
found_apart = paired_interval(logs, errors.index.get_level_values("problem"))
low, high = np.exp([found_apart.low, found_apart.high])
print(f"least squares errs {low:.1f} to {high:.1f} times as much as elinvar (95%)")

ranking = rank(errors)
plot_ranks(ranking.ranks, ranking.critical_difference, ranking.groups(), n_problems=len(errors))

# %%
# **What to take away.** Few draws decide little, and the picture says so. The leaderboard has
# twenty draws and more of each problem.
#
# A suite is a :class:`~elinvar.bench.Suite`, what is returned a
# :class:`~elinvar.bench.BenchResult` with a :class:`~elinvar.bench.Ranking`; a difference has an
# :class:`~elinvar.bench.Interval`.
# :func:`~elinvar.bench.leaderboard` and :func:`~elinvar.bench.write_bench_page` make pages of it,
# with the pictures :func:`~elinvar.plots.plot_error_time`, :func:`~elinvar.plots.plot_recovery`
# and :func:`~elinvar.plots.plot_tables`.
