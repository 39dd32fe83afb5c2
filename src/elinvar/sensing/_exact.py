"""Runs by the exact law: chunks of steps, each taken by the kernel that is fastest for it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from elinvar.sensing._arrays import Reals
from elinvar.sensing._draws import RunSetting, draw
from elinvar.sensing._optimizers import SGD
from elinvar.sensing._records import Records
from elinvar.sensing._run import Outcome, Run
from elinvar.sensing._schedule import Schedule
from elinvar.sensing._start import KINDS, Factor, start_factor

Kernel: TypeAlias = Callable[..., int]
KernelName: TypeAlias = Literal["narrow", "triangle", "wide"]

# steps are taken in chunks of so many, and of so many random numbers beside the matrix noise
MOST_STEPS, _MOST_DRAWS = 1024, 2**21
# Measured (docs/exact-law.md, section 6): the kernel by triangles pays up to so many rows, the
# narrow one up to this share of columns, beside triangles and beside whole matrices
_LARGEST, _BESIDE_TRIANGLES, _BESIDE_WIDE = 256, 1 / 12, 1 / 6


def run_exact(run: Run) -> Outcome:
    """Draw averaged gradients from their law, in the frame of the problem if that is free."""
    from elinvar.sensing.kernels._normals import lane_states

    algorithm, truth, dim = run.algorithm, run.truth, run.problem.dim
    turning, frame, s = algorithm.optimizer.equivariant, truth.frame, truth.basis.shape[1]
    # rules that act element by element are not equivariant: their factor stays where it is, and
    # the kernel turns A into the frame at every step (docs/exact-law.md, section 4)
    factor = start_factor(
        algorithm, dim, frame if turning else None, run.dtype, run.start_rng, run.start
    )
    schedule, state = run.schedule(), lane_states(run.noise_rng)
    records = Records(run.steps, run.record_every, s)
    setting = RunSetting(
        mix=schedule.mix,
        batch=schedule.batch,
        noise=run.problem.noise,
        noisy=schedule.noisy,
        bound=run.bound,
        tiny=run.tiny,
        record_every=run.record_every,
    )
    rotation = np.ascontiguousarray(np.empty((0, 0)) if turning else frame, dtype=run.dtype)
    advance, held = _kernel(factor, fastest_kernel(factor, s, turning=turning), rotation)
    taken = 0
    for start, n in _chunks(run.steps, schedule, s):
        draws = draw(
            schedule.parts(start, n),
            noisy=schedule.noisy,
            noise=run.problem.noise,
            rng=run.noise_rng,
        )
        done = advance(
            draws, setting, state, factor.rule, factor.memory, start,
            records.blocks, records.outsides,
        )  # fmt: skip
        taken += done
        run.report(taken)
        if done < n:
            return Outcome(records=records, taken=taken, matrix=None)
    # the triangle kernel has worked on a padded transpose
    if held is not None:
        factor.P[:] = held[: factor.P.shape[1], : factor.P.shape[0]].T
    A = factor.matrix().astype(np.float64)
    inside = A if turning else frame.T @ A @ frame
    records.keep(-1, inside, np.eye(dim, s))
    return Outcome(records=records, taken=taken, matrix=frame @ inside @ frame.T)


def fastest_kernel(factor: Factor, s: int, *, turning: bool) -> KernelName:
    """Return the kernel that takes a step on the factor in the least time."""
    dim, columns = factor.P.shape
    if not turning or factor.kind == KINDS["direct"]:
        return "wide"
    triangle = factor.kind == KINDS["psd"] and factor.rule[0] == SGD.code and dim <= _LARGEST
    share = _BESIDE_TRIANGLES if triangle else _BESIDE_WIDE
    if columns + s <= share * dim:
        return "narrow"
    return "triangle" if triangle else "wide"


def _kernel(factor: Factor, name: KernelName, rotation: Reals) -> tuple[Kernel, Reals | None]:
    """Return the kernel, and the factor as it holds it if apart."""
    dim, columns = factor.P.shape
    if name == "narrow":
        from elinvar.sensing.kernels._narrow import run_narrow

        return partial(run_narrow, factor.P, factor.n_plus), None
    if name == "triangle":
        from elinvar.sensing.kernels._product import padded
        from elinvar.sensing.kernels._triangle import run_triangle

        T = padded(factor.P.T)
        return partial(run_triangle, T, dim, columns), T
    from elinvar.sensing.kernels._wide import run_wide

    return partial(run_wide, factor.P, factor.kind, factor.n_plus, rotation), None


def _chunks(steps: int, schedule: Schedule, s: int) -> Iterator[tuple[int, int]]:
    # numbers that a step draws beside the white matrix
    each = len(schedule.mix) * (s * (s + 1) // 2 + 1)
    most = min(MOST_STEPS, max(1, _MOST_DRAWS // each))
    for start in range(0, steps, most):
        yield start, min(most, steps - start)
