"""Matrix sensing with a whole grid of runs as one batch, by the exact-law step, in torch."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch

from elinvar._base._check import check_choice, check_count
from elinvar.errors import DataError
from elinvar.neural._sensing_batch import Batch, Run
from elinvar.sensing import SGD, SensingProblem, Trajectory
from elinvar.sensing._algorithms import Algorithm

__all__ = ["solve_batch"]

Progress = Callable[[int, int], None]


def solve_batch(
    problems: SensingProblem | Sequence[SensingProblem],
    algorithms: Algorithm | Sequence[Algorithm],
    *,
    steps: int,
    seed: int = 0,
    record_every: int = 1,
    dtype: Literal["float32", "float64"] = "float32",
    device: Any = "cpu",
    progress: Progress | None = None,
) -> tuple[Trajectory, ...]:
    r"""Run many algorithms on many problems at once: what a GPU is good at.

    Every step draws the averaged gradients of all runs from their exact law, as
    :func:`elinvar.sensing.solve` does for a single run, and the runs have the same law as there,
    not the same numbers.

    Parameters
    ----------
    problems : SensingProblem or sequence
        All of one dimension and of the same ranks; a single one is for all runs.
    algorithms : HeteroSGD, PooledSGD, PooledGD or sequence
        With plain SGD, all of one parameterization and width; a single one is for all runs.
    steps : int
        How many.
    seed : int
        Of all runs; the same seed gives the same numbers for the same batch on the same device.
    record_every : int
        Distance between recorded steps; the start and the last iterate are always recorded.
    dtype : {"float32", "float64"}
        Precision of the matrices; what decides about a step is computed in double.
    device : device
        Where to run.
    progress : callable, optional
        Called as ``progress(done, steps)`` now and then.

    Returns
    -------
    tuple of Trajectory
        One for each run. Those that diverge stop there, and their ``status`` says so; ``seconds``
        is an equal share of the batch's.

    Raises
    ------
    DataError
        If a setting is out of its range, runs do not fit into one batch, or the exact law does not
        hold for one.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The exact-law step is an own
    derivation, docs/exact-law.md.

    Examples
    --------
    >>> from elinvar.neural import solve_batch
    >>> from elinvar.sensing import HeteroSGD, SensingProblem
    >>> problems = [
    ...     SensingProblem.two_point(
    ...         dim=20, invariant_rank=1, spurious_rank=1, heterogeneity=spread, rng=0
    ...     )
    ...     for spread in (0.0, 6.0)
    ... ]
    >>> runs = solve_batch(problems, HeteroSGD(step_size=0.1, batch_size=10**6), steps=500)
    >>> [bool(run.spurious_signal[-1] > 0.5) for run in runs]
    [True, False]
    """
    started = perf_counter()
    check_count("steps", steps)
    check_count("record_every", record_every)
    check_choice("dtype", dtype, ("float32", "float64"))
    pairs = _pairs(problems, algorithms)
    children = np.random.SeedSequence(seed).spawn(len(pairs) + 1)
    noise = torch.Generator(device).manual_seed(int(children[-1].generate_state(1)[0]))
    runs = [
        Run.prepare(problem, algorithm, steps, getattr(np, dtype), np.random.default_rng(child))
        for (problem, algorithm), child in zip(pairs, children[:-1], strict=True)
    ]
    batch = Batch(runs, noise, device=torch.device(device), steps=steps, record_every=record_every)
    for start, n in batch.chunks():
        if not len(batch.alive):
            break
        batch.advance(start, n)
        if progress is not None:
            progress(start + n, steps)
    return batch.trajectories(dtype, perf_counter() - started)


def _pairs(problems: Any, algorithms: Any) -> list[tuple[SensingProblem, Algorithm]]:
    """Match problems and algorithms, and refuse what does not fit into one batch."""
    first = [problems] if isinstance(problems, SensingProblem) else list(problems)
    second = [algorithms] if isinstance(algorithms, Algorithm) else list(algorithms)
    count = max(len(first), len(second))
    if not first or not second or len(first) not in (1, count) or len(second) not in (1, count):
        raise DataError(
            f"There are {len(first)} problems and {len(second)} algorithms: give as many of both, "
            "or one for all."
        )
    pairs = list(zip(_spread(first, count), _spread(second, count), strict=True))
    for problem, algorithm in pairs:
        _check_pair(problem, algorithm)
    for name, values in (
        ("dimension and ranks", [(p.dim, p.truth.basis.shape[1]) for p, _ in pairs if p.truth]),
        ("width and parameterization", [(a.width, a.parameterization) for _, a in pairs]),
    ):
        if len(set(values)) > 1:
            raise DataError(f"All runs of a batch must have the same {name}; got {set(values)}.")
    return pairs


def _check_pair(problem: Any, algorithm: Any) -> None:
    if not (isinstance(problem, SensingProblem) and isinstance(algorithm, Algorithm)):
        raise DataError(
            "A run is a SensingProblem and HeteroSGD, PooledSGD or PooledGD; got "
            f"{type(problem).__name__} and {type(algorithm).__name__}."
        )
    fresh = problem.truth is not None and problem.data is None
    if not (fresh and problem.measurements.isotropic):
        raise DataError(
            "The exact law holds for fresh Gaussian measurements alone; take elinvar.sensing.solve "
            f"for {problem!r}."
        )
    if not isinstance(algorithm.optimizer, SGD):
        raise DataError(
            f"A batch takes plain SGD steps; take elinvar.sensing.solve for {algorithm.optimizer}."
        )


def _spread(values: list[Any], count: int) -> list[Any]:
    return values * count if len(values) == 1 else values
