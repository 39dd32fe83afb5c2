"""Many sensing runs side by side in one batch of tensors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elinvar.sensing import SensingProblem, Trajectory
from elinvar.sensing._algorithms import Algorithm
from elinvar.sensing._records import Records
from elinvar.sensing._schedule import Schedule
from elinvar.sensing._solve import _DIVERGED
from elinvar.sensing._start import KINDS, start_factor

Floats = NDArray[np.float64]

_HALF = float(np.sqrt(0.5))
# steps are scheduled in chunks of so many, after which runs that diverged leave the batch
_MOST_STEPS, _MOST_NUMBERS = 256, 2**25


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What one run brings along."""

    problem: SensingProblem
    algorithm: Algorithm
    schedule: Schedule
    factor: Any
    kind: int
    n_plus: int
    bound: float

    @classmethod
    def prepare(
        cls,
        problem: SensingProblem,
        algorithm: Algorithm,
        steps: int,
        dtype: Any,
        rng: np.random.Generator,
    ) -> "Run":
        truth = problem.truth
        assert truth is not None
        first, second = rng.spawn(2)
        factor = start_factor(algorithm, problem.dim, truth.frame, dtype, first)
        largest = np.sqrt((truth.cores**2).sum((1, 2)).max())
        start = algorithm.init_scale**2 * np.sqrt(problem.dim)
        return cls(
            problem=problem,
            algorithm=algorithm,
            schedule=Schedule(problem, algorithm, steps, second),
            factor=factor.P,
            kind=factor.kind,
            n_plus=factor.n_plus,
            bound=float(_DIVERGED * (largest + start)),
        )

    @property
    def block(self) -> int:
        """Axes s that the invariant and spurious subspaces span."""
        assert self.problem.truth is not None
        return int(self.problem.truth.basis.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """What a chunk of n steps needs beside the white noise, (B, n, C, ...)."""

    cores: Tensor
    chi: Tensor
    linear: Tensor
    rest: Tensor
    small: Tensor


class Batch:
    """All runs that have not diverged; arrays have one entry a run along their first axis."""

    def __init__(
        self,
        runs: list[Run],
        noise: torch.Generator,
        *,
        device: torch.device,
        steps: int,
        record_every: int,
    ) -> None:
        self._runs, self._noise, self._device = runs, noise, device
        self._steps, self._record_every = steps, record_every
        self._s, self._kind = runs[0].block, runs[0].kind
        self.alive = torch.arange(len(runs), device=device)
        self._P = torch.as_tensor(np.stack([run.factor for run in runs]), device=device)
        self._signs = torch.ones(self._P.shape[2], dtype=self._P.dtype, device=device)
        self._signs[runs[0].n_plus :] = -1
        self._step_size = self._numbers([run.algorithm.step_size for run in runs])
        self._bound = self._numbers([run.bound for run in runs])
        self._sigma = self._numbers([run.problem.noise for run in runs])
        self._size = self._numbers([run.schedule.batch for run in runs])
        self._noisy = self._numbers([run.schedule.noisy for run in runs])
        self._parts = max(len(run.schedule.mix) for run in runs)
        self._mix = self._numbers([_padded(run.schedule.mix, self._parts) for run in runs])
        at = np.tril_indices(self._s)
        self._at = torch.as_tensor(at[0] * self._s + at[1], device=device)
        self._weights = self._numbers(np.where(at[0] == at[1], 1.0, 2.0))
        room = (len(runs), -(-steps // record_every) + 1)
        self._taken = np.zeros(len(runs), dtype=np.int64)
        self._blocks = torch.zeros((*room, self._s, self._s), dtype=torch.float64, device=device)
        self._outsides = torch.zeros(room, dtype=torch.float64, device=device)

    def _numbers(self, values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float64), device=self._device)

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield where chunks of steps begin, and how many they have."""
        each = len(self._runs) * self._parts * (self._s**2 + len(self._at) + 4)
        most = min(_MOST_STEPS, max(1, _MOST_NUMBERS // each))
        for start in range(0, self._steps, most):
            yield start, min(most, self._steps - start)

    def advance(self, start: int, n: int) -> None:
        """Take ``n`` steps; drop the runs that diverged in them."""
        draws = self._draw(start, n)
        going = torch.ones(len(self.alive), dtype=torch.bool, device=self._device)
        taken = torch.zeros(len(self.alive), dtype=torch.int64, device=self._device)
        for k in range(n):
            A = self._matrix()
            block, beyond2 = self._parts_of(A)
            going = going & (block.square().sum((1, 2)) + beyond2 <= self._bound**2)
            if (start + k) % self._record_every == 0:
                self._record((start + k) // self._record_every, block, beyond2)
            # runs that have diverged stand still
            self._step(A, block, beyond2, draws, k, self._step_size * going)
            taken += going
        self._taken[self.alive.cpu().numpy()] += taken.cpu().numpy()
        self._keep(going)

    def _draw(self, start: int, n: int) -> Draws:
        cores, counts = [], []
        for run in self.alive.tolist():
            parts = self._runs[run].schedule.parts(start, n)
            missing = self._parts - parts.which.shape[1]
            which = np.pad(parts.which, ((0, 0), (0, missing)))
            cores.append(parts.cores[which])
            counts.append(np.pad(parts.counts, ((0, 0), (0, missing))))
        freedom = self._numbers(counts)
        noisy = (self._noisy > 0)[:, None, None]
        linear, rest = torch.zeros_like(freedom), torch.zeros_like(freedom)
        if (self._sigma > 0).any():
            linear = self._normals(freedom.shape)
            rest = self._chi_square(freedom - 1)
        return Draws(
            cores=self._numbers(np.stack(cores)),
            chi=torch.where(noisy, self._chi_square(freedom), freedom),
            linear=linear,
            rest=rest,
            small=self._normals((*freedom.shape, len(self._at) + 1)),
        )

    def _chi_square(self, freedom: Tensor) -> Tensor:
        drawn = 2.0 * torch._standard_gamma(freedom.clamp(min=1.0) / 2, generator=self._noise)
        return torch.where(freedom > 0, drawn, 0.0)

    def _normals(self, shape: Any, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.randn(shape, generator=self._noise, dtype=dtype, device=self._device)

    def _matrix(self) -> Tensor:
        if self._kind == KINDS["direct"]:
            return self._P.clone()
        signed = self._P if self._kind == KINDS["psd"] else self._P * self._signs
        return torch.bmm(signed, self._P.mT)

    def _parts_of(self, A: Tensor) -> tuple[Tensor, Tensor]:
        """Return the blocks (B, s, s) and the squared norms outside, in double."""
        s = self._s
        rows, corner = A[:, s:].square().sum((1, 2)), A[:, :s, s:].square().sum((1, 2))
        return A[:, :s, :s].double(), rows.double() + corner.double()

    def _step(
        self, A: Tensor, block: Tensor, beyond2: Tensor, draws: Draws, k: int, size: Tensor
    ) -> None:
        """Take step k of a chunk: docs/exact-law.md, sections 3 and 4."""
        at, beyond = self._at, beyond2.sqrt()
        chi, linear, rest = draws.chi[:, k], draws.linear[:, k], draws.rest[:, k]
        residual = (draws.cores[:, k] - block[:, None]).flatten(2)[:, :, at]
        z, z0 = draws.small[:, k, :, 1:], draws.small[:, k, :, 0]
        z = z * torch.where(self._weights == 1.0, 1.0, _HALF)
        norm = (beyond2[:, None] + residual.square() @ self._weights).sqrt()
        inner = (z * residual) @ self._weights - z0 * beyond[:, None]
        sigma, noisy = self._sigma[:, None], self._noisy[:, None]
        first = norm * chi + sigma * chi.sqrt() * linear
        second = norm**2 * chi + 2 * norm * sigma * chi.sqrt() * linear
        second = noisy * (second + sigma**2 * (linear**2 + rest)).clamp(min=0.0) * (chi > 0)
        spread, scale = second.sqrt(), self._mix / self._size[:, None]
        safe = norm.clamp(min=torch.finfo(torch.float64).tiny)
        pull = torch.where(norm > 0, scale * (first - spread * inner / safe) / safe, 0.0)
        drawn = (pull[:, :, None] * residual + (scale * spread)[:, :, None] * z).sum(1)
        along = (-pull * beyond[:, None] + scale * spread * z0).sum(1)
        tau = (scale**2 * second).sum(1).sqrt()
        inside = torch.zeros_like(block).flatten(1)
        inside[:, at] = drawn
        inside = inside.view_as(block)
        inside = inside + inside.tril(-1).mT
        self._move(A, inside, tau, along, beyond, size)

    def _move(
        self, A: Tensor, inside: Tensor, tau: Tensor, along: Tensor, beyond: Tensor, size: Tensor
    ) -> None:
        """Move by ``size`` times G, which is white outside the block but for its part along A."""
        dtype, s = A.dtype, self._s
        tiny = torch.finfo(dtype).eps * self._bound / _DIVERGED
        directed = beyond > torch.where(self._noisy > 0, tiny, 0.0)
        N = self._normals(A.shape, dtype)
        G = (N + N.mT).mul_(0.5)
        G[:, :s, :s] = 0.0
        overlap = torch.bmm(G.flatten(1)[:, None], A.flatten(1)[:, :, None]).flatten().double()
        safe = torch.where(directed, beyond, 1.0)
        pull = torch.where(directed, (along - tau * overlap / safe) / safe, 0.0)
        G.mul_((size * tau).to(dtype)[:, None, None])
        G.addcmul_(A, (size * pull).to(dtype)[:, None, None].expand_as(A))
        G[:, :s, :s] = (size[:, None, None] * inside).to(dtype)
        if self._kind == KINDS["direct"]:
            self._P = self._P + G
        elif self._kind == KINDS["psd"]:
            self._P = torch.baddbmm(self._P, G, self._P)
        else:
            self._P = self._P + torch.bmm(G, self._P) * self._signs

    def _record(self, number: int, block: Tensor, beyond2: Tensor) -> None:
        self._blocks[self.alive, number] = block
        self._outsides[self.alive, number] = beyond2

    def _keep(self, going: Tensor) -> None:
        if bool(going.all()):
            return
        for name in ("alive", "_P", "_step_size", "_bound", "_sigma", "_size", "_noisy", "_mix"):
            setattr(self, name, getattr(self, name)[going])

    def trajectories(self, dtype: str, seconds: float) -> tuple[Trajectory, ...]:
        """Return all runs, in the order in which they were given."""
        A = self._matrix()
        block, beyond2 = self._parts_of(A)
        sound = block.square().sum((1, 2)) + beyond2 <= self._bound**2
        self._record(self._outsides.shape[1] - 1, block, beyond2)
        ends = dict(zip(self.alive[sound].tolist(), A[sound].double().cpu().numpy(), strict=True))
        blocks, outsides = self._blocks.cpu().numpy(), self._outsides.cpu().numpy()
        share, runs = seconds / len(self._runs), []
        for number in range(len(self._runs)):
            records = Records(self._steps, self._record_every, self._s)
            records.blocks, records.outsides = blocks[number], outsides[number]
            runs.append(self._trajectory(number, records, ends.get(number), dtype, share))
        return tuple(runs)

    def _trajectory(
        self, number: int, records: Records, end: Any, dtype: str, seconds: float
    ) -> Trajectory:
        problem = self._runs[number].problem
        truth = problem.truth
        assert truth is not None
        numbers: NDArray[np.int64] = np.append(records.numbers, self._steps)
        if end is None:
            numbers = numbers[numbers < self._taken[number]]
        kept = len(numbers)
        return Trajectory(
            steps=numbers,
            status="diverged" if end is None else "completed",
            method="exact",
            reason=f"measurements are fresh and Gaussian in law; a batch on {self._device}",
            dtype=dtype,
            seconds=seconds,
            loss=records.expected_loss(truth, problem.measurements, problem.noise, kept),
            matrix=None if end is None else truth.frame @ end @ truth.frame.T,
            problem=problem,
            **records.signals(truth, kept),
        )


def _padded(mix: Floats, parts: int) -> Floats:
    return np.pad(mix, (0, parts - len(mix)))
