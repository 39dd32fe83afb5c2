r"""Where three algorithms go: HeteroSGD to A\*, the pooled ones to A\* plus the mean of A^(e)."""

from dataclasses import dataclass

from elinvar._base._numbers import percent
from elinvar.studies._distances import DISTANCES, ends, plot_over_time
from elinvar.studies._distances import cell as cell
from elinvar.studies._setting import SensingConfig
from elinvar.studies._study import Claim, Row
from elinvar.studies._summary import rows_of
from elinvar.studies._types import Axes, DataFrame

TITLE = "Where three algorithms go"
CLAIM = (
    "Training on one environment a step (HeteroSGD) ends at A*, what all environments share; "
    "training on mixed batches (PooledSGD, PooledGD) ends at A* plus the mean of what changes, "
    "the spurious parts A^(e)."
)
AXES = {"algorithm": "algorithms"}


@dataclass(frozen=True, kw_only=True)
class Config(SensingConfig):
    """The settings of this study.

    Parameters
    ----------
    heterogeneity, step_size, batch_size
        Of every run.
    recovering, pooling : tuple of str
        Algorithms that are to end at the invariant part, and at the pooled solution.
    record_every : int
        Steps between rows.
    tolerance : float
        How far from there, relative to the norm of A*, is still there.
    """

    heterogeneity: float = 6.0
    step_size: float = 0.1
    batch_size: int = 1_000_000
    recovering: tuple[str, ...] = ("HeteroSGD",)
    pooling: tuple[str, ...] = ("PooledSGD", "PooledGD")
    record_every: int = 10
    tolerance: float = 0.05
    repetitions: int = 20
    core_seconds: float = 3.0

    @property
    def algorithms(self) -> tuple[str, ...]:
        """All of them, in the order of the summary."""
        return (*self.recovering, *self.pooling)


QUICK = Config(repetitions=4, record_every=20, core_seconds=1.0)


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return where each algorithm ended: averages over the last third, quartiles over runs."""
    # averages and no last iterates: spurious parts burst on the way
    return ends(rows, "algorithm", config.algorithms, steps=config.steps, over_time="mean")


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw both distances over time, medians and quartiles over runs."""
    return plot_over_time(rows)


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge where each algorithm ended."""
    rows = {row["algorithm"]: row for row in rows_of(summary)}
    invariant = "the invariant part A*"
    pooled = "the pooled solution, A* plus the mean of A^(e)"
    return (
        *(_claim(rows[name], "error", invariant, config) for name in config.recovering),
        *(_claim(rows[name], "pooled_error", pooled, config) for name in config.pooling),
    )


def _claim(row: Row, key: str, where: str, config: Config) -> Claim:
    other = next(name for name in DISTANCES if name != key)
    return Claim(
        holds=bool(row["runs"] == config.repetitions and row[key] <= config.tolerance < row[other]),
        sentence=f"{row['algorithm']} ends at {where}: {percent(row[key])} of |A*| from it (median "
        f"of {row['runs']} runs; quartiles {percent(row[f'{key}_low'])} to "
        f"{percent(row[f'{key}_high'])}; needed: at most {percent(config.tolerance)}), and "
        f"{percent(row[other])} from the other solution.",
    )
