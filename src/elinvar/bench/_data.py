"""What a method is given, what it is measured on, and what is true."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.datasets import (
    PROBLEMS,
    Dataset,
    KnownAnswer,
    Problem,
    Task,
    load_bikes,
    load_penguins,
    load_sachs,
    load_table,
    make_random_linear,
    table_specs,
)

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    Features = NDArray[np.float64] | DataFrame

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Score = Literal["squared error", "wrong classes", "log loss"]

NEW_ENVIRONMENTS = 10
NEW_ROWS = 500
FEWEST = 10
_WIDE = 300


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Rows of several environments, to learn from or to be measured on.

    Attributes
    ----------
    X : (n, n_features) array or frame
    y : (n,) array
    environments : (n,) array of str
    """

    X: "Features"
    y: Floats
    environments: NDArray[np.str_]

    @property
    def names(self) -> tuple[str, ...]:
        """The environments, in order."""
        return tuple(np.unique(self.environments).tolist())

    def where(self, mask: Mask) -> "Split":
        """Return some of the rows.

        Parameters
        ----------
        mask : (n,) mask
        """
        return Split(X=self.X[mask], y=self.y[mask], environments=self.environments[mask])


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One data set: rows to learn from, rows of new environments, and the truth if it is known.

    Attributes
    ----------
    task : {"regression", "classification"}
    train, test : Split
        No environment is in both.
    known : KnownAnswer, or None
        What generated the rows.
    support : (n_features,) mask, or None
        The features to find, where there is such a set.
    coef : (n_columns,) array, or None
        The coefficients to find.
    probabilities : bool
        Whether predictions of classes are judged as probabilities.
    """

    task: Task
    train: Split
    test: Split
    known: KnownAnswer | None = None
    support: Mask | None = None
    coef: Floats | None = None
    probabilities: bool = False

    @property
    def score(self) -> Score:
        """What an error is."""
        if self.task == "regression":
            return "squared error"
        return "log loss" if self.probabilities else "wrong classes"

    @property
    def n_features(self) -> int:
        """Columns of ``X``."""
        return int(self.train.X.shape[1])

    @property
    def groups(self) -> NDArray[np.intp] | None:
        """The variable of each column, where some have several columns."""
        return None if self.known is None else self.known.groups

    @property
    def kind(self) -> str:
        """What holds in all environments; "" if nobody knows."""
        return "" if self.known is None else self.known.invariance

    @property
    def answers(self) -> dict[str, NDArray[np.generic] | bool | None]:
        """What only the oracle is told; nothing if nobody knows."""
        if self.known is None:
            return {}
        support = self.known.support
        if self.kind == "everything":
            support = np.ones_like(support)
        told: dict[str, NDArray[np.generic] | bool | None] = {
            "support": support,
            "rotation": self.known.rotation,
        }
        # least squares on causes whose effects are curved would be no oracle
        return {**told, "curved": True} if self.known.curved else told


def _random(suite: str, name: str, tests: str, p: int, environments: int, rows: int) -> Problem:
    settings = {"n_features": p, "n_environments": environments, "n_samples": rows}
    return Problem(name=name, suite=suite, tests=tests, make=make_random_linear, settings=settings)


def _ladders() -> Mapping[str, Problem]:
    sizes = [
        _random("sizes", f"size-{p}", f"{p} features, 5 environments of 1,000 rows", p, 5, 1000)
        for p in (8, 12, 16, 30, 100, 200)
    ]
    tested = "12 features, all 4,096 subsets tested by everyone who tests subsets"
    speed = _random("sizes", "speed-12", tested, 12, 3, 1000)
    counts = [
        _random("environments", f"environments-{n}", f"{n} environments of 500 rows", 10, n, 500)
        for n in (2, 3, 5, 8, 12, 20, 30)
    ]
    return {one.name: one for one in (*sizes, speed, *counts)}


DEMO: Final = {"penguins": load_penguins, "bikes": load_bikes, "sachs": load_sachs}
GENERATED: Final[Mapping[str, Problem]] = {**PROBLEMS, **_ladders()}


def draw_case(
    problem: str, repetition: int, rng: np.random.Generator, *, n_samples: int | None = None
) -> Case | None:
    """Return one data set of a problem.

    Parameters
    ----------
    problem : str
        A name in ``GENERATED`` or ``DEMO``.
    repetition : int
        Which environment of a real table is the new one.
    rng : numpy.random.Generator
        What is drawn from; nothing is for a real table.
    n_samples : int, optional
        Rows an environment, if not the problem's own.

    Returns
    -------
    Case, or None
        None if all environments of the table have had their turn.
    """
    if problem in DEMO:
        return _left_out(DEMO[problem](), repetition)
    settings = {} if n_samples is None else {"n_samples": n_samples}
    return case_of(GENERATED[problem].draw(rng, **settings), rng)


def case_of(known: KnownAnswer, rng: np.random.Generator) -> Case:
    """Return drawn rows with rows from environments that nobody has seen.

    Parameters
    ----------
    known : KnownAnswer
    rng : numpy.random.Generator
    """
    # 2,000 columns of as many test rows as others get would be 80 MB
    wide = known.X.shape[1] > _WIDE
    rows, count = (NEW_ROWS // 2, NEW_ENVIRONMENTS // 2) if wide else (NEW_ROWS, NEW_ENVIRONMENTS)
    new = known.new_environments(rows, rng, n_environments=count)
    columns = known.invariance == "columns"
    linear = columns or known.invariance == "subspace"
    return Case(
        task=known.task,
        train=Split(X=known.X, y=known.y, environments=known.environments),
        test=Split(X=new.X, y=new.y, environments=new.environments),
        known=known,
        support=known.support if columns else None,
        coef=known.coef if linear else None,
    )


def table_case(problem: str, repetition: int, tables: str = "") -> Case | None:
    """Return a real table with one of its environments left out.

    Parameters
    ----------
    problem : str
        A name in the specifications.
    repetition : int
        Which environment is the new one.
    tables : str
        Specifications, for `elinvar.datasets.table_specs`; "" for those of this package.

    Returns
    -------
    Case, or None
        None if all environments have had their turn.

    Raises
    ------
    DataError
        If the table is not what its specification says.
    """
    return _left_out(_table(problem, tables), repetition)


@lru_cache(maxsize=64)
def _table(problem: str, tables: str) -> Dataset:
    return load_table(problem, specs=table_specs(tables or None))


def _left_out(table: Dataset, which: int) -> Case | None:
    frame: DataFrame = table.frame
    target, task = _target(frame[table.target])
    labels = frame[table.environment].astype(str).to_numpy(dtype=str)
    names = np.unique(labels)
    if which >= len(names):
        return None
    rows = Split(
        X=frame[list(table.features)].reset_index(drop=True),
        y=target,
        environments=labels,
    )
    new = labels == names[which]
    # of a level that no other environment has, nobody can know anything
    told = np.ones(len(frame), dtype=bool)
    for name in table.categorical:
        told &= frame[name].isin(frame.loc[~new, name].unique()).to_numpy()
    train, test = rows.where(~new), rows.where(new & told)
    return Case(task=task, train=train, test=test, probabilities=True)


def _target(values: "Series[Any]") -> tuple[Floats, Task]:
    """Return a target and its kind; of two values the second is class 1."""
    kinds = sorted(values.unique())
    if len(kinds) == 2:
        return (values == kinds[1]).to_numpy(dtype=float), "classification"
    return values.to_numpy(dtype=float), "regression"


def thinned(rows: Split, most: int, rng: np.random.Generator) -> Split:
    """Return at most about so many rows, of each environment the same share.

    Parameters
    ----------
    rows : Split
    most : int
    rng : numpy.random.Generator
        Draws them.
    """
    if len(rows.y) <= most:
        return rows
    kept = np.zeros(len(rows.y), dtype=bool)
    for name in rows.names:
        at = np.flatnonzero(rows.environments == name)
        few = min(len(at), max(FEWEST, round(len(at) * most / len(rows.y))))
        kept[rng.choice(at, few, replace=False)] = True
    # and a row of each level, or the method would not know the level
    X: Any = rows.X
    for column in X.select_dtypes("category") if hasattr(X, "select_dtypes") else ():
        kept[np.unique(X[column].cat.codes, return_index=True)[1]] = True
    return rows.where(kept)
