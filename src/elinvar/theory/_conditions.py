"""What has to hold for HeteroSGD to find the invariant part, one condition a line."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import ge, gt, le, lt
from typing import Literal

import numpy as np

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar._base._numbers import figure
from elinvar.theory._limits import step_limits
from elinvar.theory._noise import critical_batch_size
from elinvar.theory._setup import Setup

Relation = Literal["<", "<=", ">=", ">"]
Source = Literal["paper", "own"]

_COMPARED = {"<": lt, "<=": le, ">=": ge, ">": gt}

# sampling noise below a tenth of the signal, overlaps below a cosine of .1
_SMALL = 0.1
_WORDS = {"<": "below", "<=": "at most", ">=": "at least", ">": "above"}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition, and whether it holds.

    Attributes
    ----------
    name : str
        What it is about.
    value, threshold : float
        What there is, and what it is held against.
    relation : {"<", "<=", ">=", ">"}
        How value and threshold must be related.
    holds : bool
        Whether they are.
    source : str
        "paper" or "own".
    otherwise : str
        For a condition of yes or no: what is the case if it fails.

    Examples
    --------
    >>> print(Condition(name="step", value=0.1, threshold=1.0, relation="<", holds=True,
    ...                 source="own"))
    step: holds, 0.1 < 1
    """

    name: str
    value: float
    threshold: float
    relation: Relation
    holds: bool
    source: Source
    otherwise: str = ""

    def __str__(self) -> str:
        if not self.holds:
            return f"{self.name}: fails, {self.missing}"
        if self.otherwise:
            return f"{self.name}: holds"
        value, threshold = figure(self.value, 4), figure(self.threshold, 4)
        return f"{self.name}: holds, {value} {self.relation} {threshold}"

    @property
    def missing(self) -> str:
        """What is the case instead, in words; empty if the condition holds."""
        if self.holds:
            return ""
        needed = f"{_WORDS[self.relation]} {figure(self.threshold, 4)}"
        return self.otherwise or f"{figure(self.value, 4)} is not {needed}"


def check_conditions(problem: MatrixProblem, algorithm: MatrixAlgorithm) -> tuple[Condition, ...]:
    """Return the conditions for the recovery of A*, each with its value and whether it holds.

    The paper asks for nearly orthogonal subspaces, low ranks, an over-parameterised model, large
    batches, a large step and a spread of the environments that is large against their mean. What
    "large" is, is an own derivation; so is that with fresh data it takes the factors, and no more
    columns than the rank of A*.

    Parameters
    ----------
    problem : MatrixProblem
        Such as `elinvar.sensing.SensingProblem`.
    algorithm : MatrixAlgorithm
        Such as `elinvar.sensing.HeteroSGD`.

    Returns
    -------
    tuple of Condition
        Those that bear on this algorithm: for pooled steps not those on the spread of the
        environments, which they do not see; for the matrix itself the first two, as no other helps.

    Raises
    ------
    DataError
        If a number is not finite, shapes do not fit, or environments cannot come in the order of
        the algorithm.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, for what is marked "paper"; own
    derivations in docs/theory-matrix.md, section 8.

    Examples
    --------
    >>> from elinvar.sensing import HeteroSGD, SensingProblem
    >>> from elinvar.theory import check_conditions
    >>> problem = SensingProblem.two_point(
    ...     dim=50, invariant_rank=2, spurious_rank=2, heterogeneity=4.0, rng=0
    ... )
    >>> for condition in check_conditions(problem, HeteroSGD(step_size=0.1, batch_size=10**6)):
    ...     print(condition)
    one environment a batch: holds
    factorised model: holds
    overlap of U* and V*: holds, 0 <= 0.1
    ranks together: holds, 4 <= 50
    columns of U for the invariant part: holds, 50 >= 2
    smallest invariant eigenvalue: holds, 1 > 0
    step for which invariant directions settle: holds, 0.1 < 1
    step that no order of environments makes diverge: holds, 0.1 < 0.2175
    growth exponent of the spurious part: fails, 0.0244 is not below 0
    growth exponent of the spurious part in learned columns: holds, -0.08718 < 0
    batch size: holds, 1,000,000 >= 9255
    """
    return tuple(conditions_of(Setup.of(problem, algorithm)))


def conditions_of(setup: Setup) -> Iterator[Condition]:
    """Yield the conditions of a setup, one by one."""
    reduced, problem, algorithm = setup.reduced, setup.problem, setup.algorithm
    width = problem.dim if algorithm.width is None else algorithm.width
    cosine = float(np.linalg.norm(reduced.within, 2)) if reduced.within.size else 0.0
    lowest, r1 = float(reduced.sigma.min()), len(reduced.sigma)
    if algorithm.parameterization == "symmetric":
        lowest = float(np.abs(reduced.sigma).min())
    limits = step_limits(np.abs(reduced.sigma), reduced.reach)
    one, factor = algorithm.sampling == "one", algorithm.parameterization != "direct"
    yield _true("one environment a batch", one, "batches mix environments")
    yield _true("factorised model", factor, "the matrix itself is trained")
    if not factor:
        return
    yield _is("overlap of U* and V*", cosine, "<=", _SMALL, "paper")
    yield _is("ranks together", r1 + reduced.spurious.shape[1], "<=", problem.dim, "paper")
    yield _is("columns of U for the invariant part", width, ">=", r1, "paper")
    yield _is("smallest invariant eigenvalue", lowest, ">", 0, "paper")
    settles = "step for which invariant directions settle"
    yield _is(settles, reduced.step, "<", limits.settles, "own")
    if one:
        bounded = "step that no order of environments makes diverge"
        yield _is(bounded, reduced.step, "<", limits.bounded, "own")
        growth = "growth exponent of the spurious part"
        yield _is(growth, setup.spurious.top, "<", 0, "own")
        yield _is(f"{growth} in learned columns", setup.spurious.aligned, "<", 0, "own")
    if reduced.step * np.abs(reduced.sigma).max() < 1 and lowest > 0 and reduced.power > 0:
        needed = critical_batch_size(
            np.abs(reduced.sigma), reduced.step, dim=problem.dim, power=reduced.power,
            width=max(width, r1), share=_SMALL,
        )  # fmt: skip
        size = np.inf if reduced.batch_size is None else reduced.batch_size
        yield _is("batch size", size, ">=", needed, "paper")


def _true(name: str, holds: bool, otherwise: str) -> Condition:
    return replace(_is(name, holds, ">=", 1, "paper"), otherwise=otherwise)


def _is(name: str, value: float, relation: Relation, threshold: float, source: Source) -> Condition:
    return Condition(
        name=name, value=float(value), threshold=float(threshold), relation=relation,
        holds=bool(_COMPARED[relation](value, threshold)), source=source,
    )  # fmt: skip
