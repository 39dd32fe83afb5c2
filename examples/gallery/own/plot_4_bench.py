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
# One cell of it, by hand: a data set with new environments and the truth, a method, the setting
# that the rule chooses by leaving places out, and what is measured.
import numpy as np

from elinvar.baselines import BASELINES
from elinvar.bench import choose, draw_case, run_method

case = draw_case(found.rows["problem"].iloc[0], 0, np.random.default_rng(0), n_samples=200)
method = BASELINES["anchor"]
chosen = choose(method, case.train, case.task)
print(chosen.parameters, chosen.how)
row = run_method(method, case)
print(f"error in new environments: {row['error']:.2f}; in the worst: {row['worst_error']:.2f}")

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
# :class:`~elinvar.bench.Interval`. Data are a :class:`~elinvar.bench.Case` of two
# :class:`~elinvar.bench.Split`, what the rule took is a :class:`~elinvar.bench.Choice`; a real
# table comes from :func:`~elinvar.bench.table_case`, a generator's from
# :func:`~elinvar.bench.case_of`.
# :func:`~elinvar.bench.leaderboard` and :func:`~elinvar.bench.write_bench_page` make pages of it,
# with the pictures :func:`~elinvar.plots.plot_error_time`, :func:`~elinvar.plots.plot_recovery`
# and :func:`~elinvar.plots.plot_tables`.
