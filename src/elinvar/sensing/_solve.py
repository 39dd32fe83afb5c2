"""One door to every algorithm: ``solve(problem, algorithm, steps=..., rng=...)``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice, check_count, generator
from elinvar.errors import DataError
from elinvar.sensing._algorithms import Algorithm
from elinvar.sensing._exact import draw
from elinvar.sensing._plain import DataSource, FreshSource
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._records import Records
from elinvar.sensing._schedule import Schedule
from elinvar.sensing._start import KINDS, Factor, start_factor
from elinvar.sensing._threads import one_blas_thread
from elinvar.sensing._trajectory import Method, Trajectory
from elinvar.sensing._truth import Truth

Progress = Callable[[int, int], None]

# a run has diverged when the matrix is so many times larger than the environments' own
_DIVERGED = 1e4
# steps are taken in chunks of so many, and of so many random numbers beside the matrix noise
_MOST_STEPS, _MOST_DRAWS = 1024, 2**21
# with fewer columns than this share of the rows, the narrow kernel is faster
_NARROW = 1 / 3


def solve(
    problem: SensingProblem,
    algorithm: Algorithm,
    *,
    steps: int,
    rng: int | np.random.Generator | None = None,
    method: Literal["auto", "plain", "exact"] = "auto",
    record_every: int = 1,
    dtype: Literal["auto", "float32", "float64"] = "auto",
    engine: Literal["numba", "numpy"] = "numba",
    progress: Progress | None = None,
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
    engine : {"numba", "numpy"}
        Of the exact step: compiled, or the same numbers (to rounding) from numpy alone.
    progress : callable, optional
        Called as ``progress(done, steps)`` now and then.

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
    _check_run(problem, algorithm, steps, record_every, method, dtype, engine)
    chosen, reason = _choose_method(problem, method)
    precision = _precision(problem, algorithm, dtype)
    children = generator(rng).spawn(3)
    run = _Run(
        problem=problem,
        algorithm=algorithm,
        steps=int(steps),
        record_every=int(record_every),
        dtype=np.dtype(precision).type,
        start_rng=children[0],
        environment_rng=children[1],
        noise_rng=children[2],
        progress=progress,
    )
    run.check_start()
    started = perf_counter()
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        if chosen == "plain":
            outcome = run.plain()
        else:
            outcome = run.exact(compiled=engine == "numba")
    return run.trajectory(outcome, chosen, reason, precision, perf_counter() - started)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outcome:
    """Records of a run, steps that stayed bounded, and the last matrix."""

    records: Records
    taken: int
    matrix: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    problem: SensingProblem
    algorithm: Algorithm
    steps: int
    record_every: int
    dtype: Any
    start_rng: np.random.Generator
    environment_rng: np.random.Generator
    noise_rng: np.random.Generator
    progress: Progress | None

    def check_start(self) -> None:
        """Refuse a start whose squares are not finite, of which nothing could be recorded."""
        scale, most = self.algorithm.init_scale, float(np.finfo(self.dtype).max) ** 0.25
        if not scale * self.problem.dim**0.25 < most:
            raise DataError(
                f"init_scale={scale:g} is too large for {np.dtype(self.dtype).name}, which bears "
                f"less than {most / self.problem.dim**0.25:.2g} here."
            )

    @property
    def _truth(self) -> Truth:
        assert self.problem.truth is not None
        return self.problem.truth

    def plain(self) -> _Outcome:
        """Draw every measurement, or use the finite data, in the problem's own coordinates."""
        factor = start_factor(self.algorithm, self.problem.dim, None, self.dtype, self.start_rng)
        if self.problem.data is not None:
            data = DataSource(self.problem, self.algorithm, self.steps, self.environment_rng)
            return self._loop(factor, data.gradient, self._basis(), loss=data.loss)
        schedule = Schedule(self.problem, self.algorithm, self.steps, self.environment_rng)
        fresh = FreshSource(self.problem, schedule, self.noise_rng)
        return self._loop(factor, fresh.gradient, self._basis())

    def exact(self, *, compiled: bool) -> _Outcome:
        """Draw averaged gradients from their law, in the frame of the problem if that is free."""
        from elinvar.sensing._kernel_normals import lane_states

        turning = self.algorithm.optimizer.equivariant
        frame = self._truth.frame
        factor = start_factor(
            self.algorithm, self.problem.dim, frame if turning else None, self.dtype, self.start_rng
        )
        schedule = Schedule(self.problem, self.algorithm, self.steps, self.environment_rng)
        state = lane_states(self.noise_rng)
        if not compiled:
            return self._exact_numpy(factor, schedule, state, turning)
        return self._exact_compiled(factor, schedule, state, turning)

    def _exact_compiled(
        self, factor: Factor, schedule: Schedule, state: Any, turning: bool
    ) -> _Outcome:
        s = self._truth.basis.shape[1]
        records = Records(self.steps, self.record_every, s)
        advance, T = self._kernel(factor, s, turning)
        taken = recorded = 0
        for start, n in self._chunks(schedule, s):
            parts = schedule.parts(start, n)
            draws = draw(parts, noisy=schedule.noisy, noise=self.problem.noise, rng=self.noise_rng)
            done = advance(
                parts.cores, parts.which, draws.chi, draws.linear, draws.rest, draws.small,
                schedule.mix, self.problem.noise, schedule.noisy, schedule.batch, state,
                factor.rule, factor.memory, self._bound, self._tiny, start, self.record_every,
                records.blocks[recorded:], records.outsides[recorded:],
            )  # fmt: skip
            taken += done
            recorded = -(-taken // self.record_every)
            self._tell(taken)
            if done < n:
                return _Outcome(records=records, taken=taken, matrix=None)
        if T is not None:
            factor.P[:] = T[: factor.P.shape[1], : factor.P.shape[0]].T
        A, frame = factor.matrix().astype(np.float64), self._truth.frame
        inside = A if turning else frame.T @ A @ frame
        _record(records, len(records.numbers), inside, np.eye(self.problem.dim, s))
        A = frame @ inside @ frame.T
        return _Outcome(records=records, taken=taken, matrix=A)

    def _kernel(
        self, factor: Factor, s: int, turning: bool
    ) -> tuple[Callable[..., int], NDArray[Any] | None]:
        """Return the fastest kernel for the factor, and the factor as it holds it if apart."""
        from elinvar.sensing._kernel_narrow import run_narrow
        from elinvar.sensing._kernel_product import LARGEST, padded
        from elinvar.sensing._kernel_triangle import run_triangle
        from elinvar.sensing._kernel_wide import run_wide

        dim, columns = factor.P.shape
        direct, square = (factor.kind == KINDS[kind] for kind in ("direct", "psd"))
        if turning and not direct and columns + s <= _NARROW * dim:
            return partial(run_narrow, factor.P, factor.n_plus), None
        if turning and square and factor.rule[0] == 0.0 and dim <= LARGEST:
            T = padded(factor.P.T)
            return partial(run_triangle, T, dim, columns), T
        frame = np.empty((0, 0)) if turning else self._truth.frame
        rotation = np.ascontiguousarray(frame, dtype=self.dtype)
        return partial(run_wide, factor.P, factor.kind, factor.n_plus, rotation), None

    def _exact_numpy(
        self, factor: Factor, schedule: Schedule, state: Any, turning: bool
    ) -> _Outcome:
        from elinvar.sensing._exact_numpy import NumpyNoise, gradient

        s, frame = self._truth.basis.shape[1], self._truth.frame.astype(self.dtype)
        source = NumpyNoise(state, self.problem.dim, s) if schedule.noisy else None
        chunk: list[Any] = []

        def averaged(A: Any, step: int) -> Any:
            if not chunk or step >= chunk[0] + chunk[1]:
                start, n = next(chunks)
                parts = schedule.parts(start, n)
                noise = self.problem.noise
                draws = draw(parts, noisy=schedule.noisy, noise=noise, rng=self.noise_rng)
                chunk[:] = [start, n, parts, draws]
            inside = A if turning else frame.T @ A @ frame
            G = gradient(
                inside, chunk[2], chunk[3], step - chunk[0], schedule.mix, self.problem.noise,
                schedule.batch, self._tiny, source,
            )  # fmt: skip
            return G if turning else frame @ G @ frame.T

        chunks = self._chunks(schedule, s)
        basis = np.eye(self.problem.dim, s, dtype=self.dtype) if turning else self._basis()
        outcome = self._loop(factor, averaged, basis)
        if outcome.matrix is None or not turning:
            return outcome
        A = self._truth.frame @ outcome.matrix @ self._truth.frame.T
        return _Outcome(records=outcome.records, taken=outcome.taken, matrix=A)

    def _loop(
        self,
        factor: Factor,
        gradient: Callable[[Any, int], Any],
        basis: Any,
        loss: Callable[[Any], float] | None = None,
    ) -> _Outcome:
        """Take the steps in numpy."""
        from elinvar.sensing._optimizers import renew_numpy

        records = Records(self.steps, self.record_every, 0 if basis is None else basis.shape[1])
        direct, signs = factor.kind == KINDS["direct"], factor.signs
        recorded = 0
        bound = self._bound
        for step in range(self.steps + 1):
            A = factor.matrix()
            if not np.linalg.norm(A) <= bound:
                return _Outcome(records=records, taken=step, matrix=None)
            if step % self.record_every == 0 or step == self.steps:
                _record(records, recorded, A, basis)
                if loss is not None:
                    records.losses[recorded] = loss(A)
                recorded += 1
            if step == self.steps:
                break
            G = gradient(A, step)
            descent = G if direct else (G @ factor.P) * signs
            renew_numpy(factor.P, descent, factor.rule, factor.memory, step + 1)
            self._tell(step + 1)
        return _Outcome(records=records, taken=self.steps, matrix=A.astype(np.float64))

    def trajectory(
        self, outcome: _Outcome, method: Method, reason: str, dtype: str, seconds: float
    ) -> Trajectory:
        """Turn what was recorded into signals."""
        records = outcome.records
        numbers: NDArray[np.int64] = np.append(records.numbers, self.steps)
        if outcome.taken < self.steps or outcome.matrix is None:
            numbers = numbers[numbers < outcome.taken]
        kept = len(numbers)
        known = self.problem.truth is not None
        if self.problem.data is not None:
            loss = records.losses[:kept]
        else:
            problem = self.problem
            loss = records.expected_loss(self._truth, problem.measurements, problem.noise, kept)
        return Trajectory(
            steps=numbers,
            status="completed" if outcome.matrix is not None else "diverged",
            method=method,
            reason=reason,
            dtype=dtype,
            seconds=seconds,
            loss=loss,
            matrix=outcome.matrix,
            problem=self.problem,
            **(records.signals(self._truth, kept) if known else {}),
        )

    def _basis(self) -> Any:
        if self.problem.truth is None:
            return None
        return self._truth.basis.astype(self.dtype)

    @cached_property
    def _bound(self) -> float:
        """Return the size of A beyond which a run has diverged."""
        start = self.algorithm.init_scale**2 * np.sqrt(self.problem.dim)
        if self.problem.truth is not None:
            largest = np.sqrt((self._truth.cores**2).sum((1, 2)).max())
        else:
            data = self.problem.data
            assert data is not None
            power = 2 if data.X.ndim == 2 else 1
            largest = np.sqrt(np.mean(data.y**2)) / np.sqrt(np.mean(data.X**2)) ** power
        return float(_DIVERGED * (largest + start))

    @cached_property
    def _tiny(self) -> float:
        """Return the size of A that is rounding."""
        return float(np.finfo(self.dtype).eps * self._bound / _DIVERGED)

    def _chunks(self, schedule: Schedule, s: int) -> Any:
        each = len(schedule.mix) * (s * (s + 1) // 2 + 1)
        most = min(_MOST_STEPS, max(1, _MOST_DRAWS // each))
        for start in range(0, self.steps, most):
            yield start, min(most, self.steps - start)

    def _tell(self, taken: int) -> None:
        if self.progress is not None:
            self.progress(taken, self.steps)


def _record(records: Records, at: int, A: Any, basis: Any) -> None:
    records.traces[at] = np.trace(A)
    if basis is None:
        return
    block = basis.T @ A @ basis
    outside = A - basis @ block @ basis.T
    records.blocks[at] = block
    records.outsides[at] = (outside**2).sum()


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


def _precision(problem: SensingProblem, algorithm: Any, dtype: str) -> str:
    if dtype != "auto":
        return dtype
    sampled = problem.data is None and algorithm.batch_size is not None
    return "float32" if sampled else "float64"


def _check_run(
    problem: Any,
    algorithm: Any,
    steps: Any,
    record_every: Any,
    method: Any,
    dtype: Any,
    engine: Any,
) -> None:
    if not isinstance(problem, SensingProblem):
        raise DataError(f"problem must be a SensingProblem; got {type(problem).__name__}.")
    if not isinstance(algorithm, Algorithm):
        raise DataError(
            f"algorithm must be HeteroSGD, PooledSGD or PooledGD; got {type(algorithm).__name__}."
        )
    check_count("steps", steps)
    check_count("record_every", record_every)
    check_choice("method", method, ("auto", "plain", "exact"))
    check_choice("dtype", dtype, ("auto", "float32", "float64"))
    check_choice("engine", engine, ("numba", "numpy"))
