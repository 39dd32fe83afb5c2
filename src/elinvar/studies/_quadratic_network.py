r"""A two-layer network with quadratic activation, trained one environment at a time.

The network :math:`f(x) = \sum_j (u_j^\top x)^2 = \langle x x^\top, U U^\top \rangle` is matrix
sensing with rank-one measurements :math:`X = x x^\top`. Its step for the loss mean
:math:`(f - y)^2 / 4` is on average

.. math:: U \leftarrow U + \eta (2 R + \mathrm{tr}(R) I) U ,

with twice the curvature, and a trace through which the spurious part of an environment shakes all
directions at once, the invariant ones too. Environments in turn let the shakes cancel; an intercept
for each environment takes them away, since then the measurement is :math:`x x^\top - I`.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from elinvar._base._numbers import figure
from elinvar.plots import plot_comparison
from elinvar.studies._setting import SensingConfig, Setting, last_third
from elinvar.studies._study import Claim, Row
from elinvar.studies._summary import quartiles, rows_of
from elinvar.studies._types import Axes, DataFrame

_PLAIN = "network"
_INTERCEPT = "network with an intercept for each environment"
_POOLED = "PooledSGD"


@dataclass(frozen=True, kw_only=True)
class Training:
    """One way to train a network.

    Parameters
    ----------
    group : str
        The network.
    setting : str
        The algorithm, as it is shown.
    step_size : float
        With the intercept, half the step of Gaussian measurements; without it, the trace limits it.
    order : {"random", "cyclic"}
        Of environments; of no meaning for pooled batches.
    """

    group: str
    setting: str
    step_size: float
    order: Literal["random", "cyclic"] = "random"


TRAININGS = {
    "random": Training(group=_PLAIN, setting="HeteroSGD, at random", step_size=0.01),
    "in turn": Training(group=_PLAIN, setting="HeteroSGD, in turn", step_size=0.01, order="cyclic"),
    "pooled": Training(group=_PLAIN, setting=_POOLED, step_size=0.01),
    "intercept": Training(group=_INTERCEPT, setting="HeteroSGD, at random", step_size=0.04),
    "intercept, pooled": Training(group=_INTERCEPT, setting=_POOLED, step_size=0.04),
}
# HeteroSGD, its pooled counterpart, and what the claim calls it
_PAIRS = (
    ("random", "pooled", "with environments at random"),
    ("in turn", "pooled", "with environments in turn"),
    ("intercept", "intercept, pooled", "with an intercept"),
)

TITLE = "Two-layer networks with quadratic activation"
CLAIM = (
    "The same holds for a network of two layers whose units square their input: the "
    "measurement is x x'."
)
QUESTION = 4
AXES = {"training": tuple(TRAININGS)}


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study: ``dim`` inputs, fresh ones of one environment a step.

    Parameters
    ----------
    hidden : int
        Hidden units.
    heterogeneity : float
        M of the spurious eigenvalues 1 + M and 1 - M.
    batch_size : int
        Inputs a step.
    init_scale : float
        Entries of U start as normals of this standard deviation over the root of ``hidden``.
    near : tuple of float
        Largest distances to A*: environments at random, in turn, and with an intercept.
    """

    dim: int = 30
    hidden: int = 60
    heterogeneity: float = 6.0
    batch_size: int = 10_000
    steps: int = 500
    init_scale: float = 1e-2
    near: tuple[float, float, float] = (1.0, 0.4, 0.25)
    repetitions: int = 5
    core_seconds: float = 55.0


QUICK = Config(batch_size=3_000, steps=240, near=(1.0, 0.6, 0.7), repetitions=5, core_seconds=8.0)


def cell(
    *,
    rng: np.random.Generator,
    training: str,
    repetition: int,
    setting: Setting,
    hidden: int,
    heterogeneity: float,
    batch_size: int,
) -> Row:
    """Train one network, and return where it ended: averages over the last third of the steps."""
    from elinvar.sensing import HeteroSGD, PooledSGD, solve

    how = TRAININGS[training]
    law = "rank_one" if how.group == _PLAIN else "rank_one_centred"
    problem = setting.problem(heterogeneity, rng, measurements=law)
    start: dict[str, Any] = {
        "step_size": how.step_size,
        "batch_size": batch_size,
        "width": hidden,
        "init": "gaussian",
        "init_scale": setting.init_scale,
    }
    pooled = how.setting == _POOLED
    algorithm = PooledSGD(**start) if pooled else HeteroSGD(**start, order=how.order)
    path = solve(problem, algorithm, steps=setting.steps, rng=rng)
    last = last_third(path)
    return {
        "error": float(np.mean(path.error[last])),
        "pooled_error": float(np.mean(path.pooled_error[last])),
        "invariant_signal": float(np.mean(path.invariant_signal[last])),
        "spurious_signal": float(np.mean(path.spurious_signal[last])),
        "diverged": path.status == "diverged",
        "seconds": float(path.seconds),
    }


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return where each network ended: median, least and largest over runs."""
    groups = rows.groupby("training", sort=False)
    table = quartiles(groups, ["error", "pooled_error"], ends=(0.0, 1.0))
    table.insert(0, "step_size", [TRAININGS[str(name)].step_size for name in table.index])
    for name in ("invariant_signal", "spurious_signal", "seconds"):
        table[name] = groups[name].median()
    return table.reset_index()


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw both distances of every run."""
    how = [TRAININGS[name] for name in rows["training"]]
    ends = dict(zip(summary["training"], summary["error"], strict=True))
    best, pooled = (figure(ends[name], 2) for name in _PAIRS[-1][:2])
    return plot_comparison(
        rows.assign(group=[one.group for one in how], setting=[one.setting for one in how]),
        xlabel="Frobenius norm, mean over the last third of the steps",
        title=f"With an intercept, the network ends {best} from A* one environment at a time, "
        f"{pooled} pooled",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge each way of one environment at a time beside its pooled counterpart."""
    rows = {row["training"]: row for row in rows_of(summary)}
    claims = [
        _compares(words, rows[hetero], rows[pooled], near)
        for (hetero, pooled, words), near in zip(_PAIRS, config.near, strict=True)
    ]
    pools = [rows[name] for name in ("pooled", "intercept, pooled")]
    claims.append(
        Claim(
            holds=all(row["pooled_error_high"] < row["error_low"] for row in pools),
            sentence="Pooled batches end nearer the pooled solution: "
            + " and, with the intercept, ".join(_range(row, "pooled_error") for row in pools)
            + " from it (needed: in every run nearer than any is to A*).",
        )
    )
    return tuple(claims)


def _compares(words: str, hetero: Row, pooled: Row, near: float) -> Claim:
    return Claim(
        holds=bool(hetero["error_high"] < pooled["error_low"] and hetero["error"] <= near),
        sentence=f"One environment at a time, {words}, |U U' - A*| is {_range(hetero, 'error')}, "
        f"pooled {_range(pooled, 'error')} (needed: every run nearer than every pooled one, and a "
        f"median of at most {near:g}).",
    )


def _range(row: Row, key: str) -> str:
    low, middle, high = (figure(row[f"{key}{end}"], 2) for end in ("_low", "", "_high"))
    return f"{middle} (median of {row['runs']} runs; {low} to {high})"
