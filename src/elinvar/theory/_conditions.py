"""What has to hold for HeteroSGD to find the invariant part, one condition a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar.theory._limits import step_limits
from elinvar.theory._noise import critical_batch_size
from elinvar.theory._reduction import Reduced
from elinvar.theory._spurious import Spurious

# sampling noise below a tenth of the signal, overlaps below a cosine of .1
_SMALL = 0.1


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

    Examples
    --------
    >>> print(Condition(name="step", value=0.1, threshold=1.0, relation="<", holds=True,
    ...                 source="own"))
    step: 0.1 < 1, holds
    """

    name: str
    value: float
    threshold: float
    relation: Literal["<", "<=", ">=", ">"]
    holds: bool
    source: Literal["paper", "own"]

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "fails"
        return f"{self.name}: {self.value:.4g} {self.relation} {self.threshold:.4g}, {verdict}"


def check_conditions(problem: MatrixProblem, algorithm: MatrixAlgorithm) -> tuple[Condition, ...]:
    """Return the conditions for the recovery of A*, each with its value and whether it holds.

    The paper asks for nearly orthogonal subspaces, low ranks, an over-parameterised model, large
    batches, a large step and a spread of the environments that is large against their mean. What
    "large" is, is an own derivation.

    Parameters
    ----------
    problem : MatrixProblem
        Such as `elinvar.sensing.SensingProblem`.
    algorithm : MatrixAlgorithm
        Such as `elinvar.sensing.HeteroSGD`.

    Returns
    -------
    tuple of Condition
        The conditions of a factorised model; for the matrix itself none of them helps.

    Raises
    ------
    DataError
        If a number is not finite or shapes do not fit.

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
    one environment a batch: 1 >= 1, holds
    factorised model: 1 >= 1, holds
    overlap of U* and V*: 0 <= 0.1, holds
    ranks together: 4 <= 50, holds
    columns of U for the invariant part: 50 >= 2, holds
    smallest invariant eigenvalue: 1 > 0, holds
    step for which invariant directions settle: 0.1 < 1, holds
    step that no order of environments makes diverge: 0.1 < 0.2175, holds
    growth exponent of the spurious part: 0.0244 < 0, fails
    the same in learned columns: -0.08718 < 0, holds
    batch size: 1e+06 >= 9255, holds
    """
    return tuple(_conditions(Reduced.of(problem, algorithm), problem, algorithm))


def _conditions(
    reduced: Reduced, problem: MatrixProblem, algorithm: MatrixAlgorithm
) -> Iterator[Condition]:
    width = problem.dim if algorithm.width is None else algorithm.width
    cosine = float(np.linalg.norm(reduced.within, 2)) if reduced.within.size else 0.0
    lowest, r1 = float(reduced.sigma.min()), len(reduced.sigma)
    if algorithm.parameterization == "symmetric":
        lowest = float(np.abs(reduced.sigma).min())
    limits = step_limits(np.abs(reduced.sigma), reduced.reach)
    spurious = Spurious.of(reduced, algorithm)
    one, factor = algorithm.sampling == "one", algorithm.parameterization != "direct"
    ranks = float(r1 + reduced.spurious.shape[1])
    yield _is("one environment a batch", one, ">=", 1, "paper")
    yield _is("factorised model", factor, ">=", 1, "paper")
    yield _is("overlap of U* and V*", cosine, "<=", _SMALL, "paper")
    yield _is("ranks together", ranks, "<=", problem.dim, "paper")
    yield _is("columns of U for the invariant part", width, ">=", r1, "paper")
    yield _is("smallest invariant eigenvalue", lowest, ">", 0, "paper")
    settles = "step for which invariant directions settle"
    yield _is(settles, reduced.step, "<", limits.settles, "own")
    bounded = "step that no order of environments makes diverge"
    yield _is(bounded, reduced.step, "<", limits.bounded, "own")
    yield _is("growth exponent of the spurious part", spurious.top, "<", 0, "own")
    yield _is("the same in learned columns", spurious.aligned, "<", 0, "own")
    if reduced.step * np.abs(reduced.sigma).max() < 1 and lowest > 0 and reduced.power > 0:
        needed = critical_batch_size(
            np.abs(reduced.sigma), reduced.step, dim=problem.dim, power=reduced.power,
            width=max(width, r1), share=_SMALL,
        )  # fmt: skip
        size = np.inf if reduced.batch_size is None else reduced.batch_size
        yield _is("batch size", size, ">=", needed, "paper")


def _is(
    name: str,
    value: float,
    relation: Literal["<", "<=", ">=", ">"],
    threshold: float,
    source: Literal["paper", "own"],
) -> Condition:
    holds = {
        "<": value < threshold,
        "<=": value <= threshold,
        ">=": value >= threshold,
        ">": value > threshold,
    }[relation]
    return Condition(
        name=name, value=float(value), threshold=float(threshold), relation=relation,
        holds=bool(holds), source=source,
    )  # fmt: skip
