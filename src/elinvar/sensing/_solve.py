"""One door to every algorithm: ``solve(problem, algorithm, steps=..., rng=...)``."""

from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import as_numbers, check_choice, check_count, generator
from elinvar._base._threads import one_blas_thread
from elinvar.errors import DataError
from elinvar.sensing._algorithms import Algorithm, AnyAlgorithm
from elinvar.sensing._arrays import Floats
from elinvar.sensing._exact import run_exact
from elinvar.sensing._measurements import Rectangular
from elinvar.sensing._plain import run_plain
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._run import Progress, Run
from elinvar.sensing._trajectory import Method, Trajectory


def solve(
    problem: SensingProblem,
    algorithm: AnyAlgorithm,
    *,
    steps: int,
    rng: int | np.random.Generator | None = None,
    method: Literal["auto", "plain", "exact"] = "auto",
    record_every: int = 1,
    dtype: Literal["auto", "float32", "float64"] = "auto",
    progress: Progress | None = None,
    start: ArrayLike | None = None,
) -> Trajectory:
    r"""Run an algorithm on a matrix sensing problem.

    Parameters
    ----------
    problem : SensingProblem
        What is to be learned.
    algorithm : HeteroSGD, PooledSGD or PooledGD
        How.
    steps : int
        How many.
    rng : int or Generator, optional
        Draws environments, measurements and the start; the same seed gives the same numbers.
    method : {"auto", "plain", "exact"}
        "plain" draws every measurement, at a cost of :math:`m d^2` a step. "exact" draws the
        averaged gradient from its law, at a cost of :math:`d^2` plus two matrix products; it is
        open for fresh measurements that are Gaussian in law. "auto" takes it where it is, and
        `Trajectory.reason` says why.
    record_every : int
        Distance between recorded steps; the start and the last iterate are always recorded.
    dtype : {"auto", "float32", "float64"}
        Precision. "auto": single where steps are sampled, since sampling noise is far above its
        rounding; double where they are not, and for finite data.
    progress : callable, optional
        Called as ``progress(done, steps)`` now and then.
    start : array of shape (d, k), optional
        :math:`U_0` itself, in place of the algorithm's ``init``, ``init_scale`` and ``width``; for
        d1 x d2 matrices both factors, one below the other.

    Returns
    -------
    Trajectory
        A run that diverges stops early, which its ``status`` says.

    Raises
    ------
    DataError
        If an argument is out of its range, or "exact" is asked for where its law does not hold.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The exact-law
    step is an own derivation, docs/exact-law.md.

    Examples
    --------
    >>> from elinvar.sensing import HeteroSGD, PooledSGD, SensingProblem, solve
    >>> problem = SensingProblem.two_point(
    ...     dim=20, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ... )
    >>> hetero = solve(problem, HeteroSGD(step_size=0.1, batch_size=10**6), steps=600, rng=0)
    >>> hetero.status, hetero.method, bool(hetero.relative_error[-1] < 0.05)
    ('completed', 'exact', True)
    >>> pooled = solve(problem, PooledSGD(step_size=0.1, batch_size=10**6), steps=600, rng=0)
    >>> bool(pooled.spurious_signal[-1] > 0.9)
    True
    """
    _check_run(problem, algorithm, steps, record_every, method, dtype)
    chosen, reason = _choose_method(problem, method)
    # three streams, so that the start does not depend on how many environments are drawn
    children = generator(rng).spawn(3)
    run = Run(
        problem=problem,
        algorithm=algorithm,
        steps=int(steps),
        record_every=int(record_every),
        dtype=_precision(problem, algorithm) if dtype == "auto" else dtype,
        start_rng=children[0],
        environment_rng=children[1],
        noise_rng=children[2],
        progress=progress,
        start=None if start is None else _read_start(start, problem, algorithm),
    )
    run.check_start()
    started, rectangular = perf_counter(), isinstance(problem.measurements, Rectangular)
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        if chosen == "plain" or rectangular:
            # kernels draw symmetric matrices; rectangular ones take d1 d2 numbers as they are
            outcome = run_plain(run, exact=chosen == "exact")
        else:
            outcome = run_exact(run)
    return run.trajectory(outcome, chosen, reason, perf_counter() - started)


def _choose_method(problem: SensingProblem, method: str) -> tuple[Method, str]:
    """Return the step to take, and why."""
    if problem.data is not None:
        why = "the measurements are a finite data set"
    elif not problem.measurements.isotropic:
        why = f"{problem.measurements.name} measurements are not Gaussian in law"
    elif method == "plain":
        return "plain", "plain steps were asked for"
    else:
        return "exact", "measurements are fresh and Gaussian in law"
    if method == "exact":
        raise DataError(f'method="exact" has no law here: {why}; use "auto" or "plain".')
    return "plain", why


def _read_start(start: ArrayLike, problem: SensingProblem, algorithm: AnyAlgorithm) -> Floats:
    U = as_numbers("start", start)
    columns = "k" if algorithm.width is None else str(algorithm.width)
    fits = U.ndim == 2 and len(U) == problem.dim and U.shape[1] > 0
    if not fits or algorithm.width not in (None, U.shape[1]):
        raise DataError(f"start must be of shape ({problem.dim}, {columns}); got {U.shape}.")
    if not np.isfinite(U).all():
        raise DataError("start must be finite numbers.")
    return U


def _precision(problem: SensingProblem, algorithm: AnyAlgorithm) -> Literal["float32", "float64"]:
    # sampling noise is far above the rounding of single precision
    sampled = problem.data is None and algorithm.batch_size is not None
    return "float32" if sampled else "float64"


def _check_run(
    problem: object, algorithm: object, steps: int, record_every: int, method: str, dtype: str
) -> None:
    if not isinstance(problem, SensingProblem):
        raise DataError(f"problem must be a SensingProblem; got {type(problem).__name__}.")
    if not isinstance(algorithm, Algorithm):
        raise DataError(
            f"algorithm must be HeteroSGD, PooledSGD or PooledGD; got {type(algorithm).__name__}."
        )
    if isinstance(problem.measurements, Rectangular) and algorithm.parameterization == "symmetric":
        raise DataError(
            'parameterization="symmetric" is for symmetric matrices; rectangular ones are the '
            'product U V\', "psd", or "direct".'
        )
    problem.check_order(getattr(algorithm, "order", "random"))
    check_count("steps", steps)
    check_count("record_every", record_every)
    check_choice("method", method, ("auto", "plain", "exact"))
    check_choice("dtype", dtype, ("auto", "float32", "float64"))
