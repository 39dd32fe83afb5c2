"""One problem under one algorithm, with what a prediction asks of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar.theory._double import Symmetric, as_symmetric
from elinvar.theory._growth import Floats
from elinvar.theory._limits import bounded_slack
from elinvar.theory._noise import NoiseFloor, noise_floor
from elinvar.theory._reduction import Reduced
from elinvar.theory._rehearsal import Rehearsal, rehearse
from elinvar.theory._reuse import reused_data_error
from elinvar.theory._spurious import Spurious, order_of
from elinvar.theory._times import convergence_steps

# a spurious eigenvalue is visible from this share of the smallest invariant one on
_VISIBLE = 0.1
_FORGET = 10
_REHEARSED = 3000
# noise that a step may add to itself if measurements have heavier tails than Gaussian ones
_FEW = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """One problem under one algorithm, with what is computed once."""

    problem: MatrixProblem
    algorithm: MatrixAlgorithm
    reduced: Reduced
    asked: int | None

    @classmethod
    def of(
        cls, problem: MatrixProblem, algorithm: MatrixAlgorithm, asked: int | None = None
    ) -> Self:
        """Reduce a problem and an algorithm, or what stands for them if it is rectangular."""
        problem, algorithm = as_symmetric(problem, algorithm)
        reduced = Reduced.of(problem, algorithm)
        return cls(problem=problem, algorithm=algorithm, reduced=reduced, asked=asked)

    @cached_property
    def spurious(self) -> Spurious:
        return Spurious.of(self.reduced, self.algorithm)

    @cached_property
    def width(self) -> int:
        asked = self.algorithm.width
        return self.problem.dim if asked is None else min(int(asked), self.problem.dim)

    def columns(self, eigenvalues: Floats) -> int:
        """Return how many these take: a two-sided factor has as many again for negative ones."""
        positive, negative = int((eigenvalues > 0).sum()), int((eigenvalues < 0).sum())
        two_sided = self.algorithm.parameterization == "symmetric"
        return max(positive, negative) if two_sided else positive + negative

    @cached_property
    def needed(self) -> float:
        """Steps until all invariant eigenvalues are learned."""
        alpha, h = self.algorithm.init_scale, self.reduced.step
        if h * np.abs(self.reduced.sigma).max() >= 1:
            return float(np.inf)
        starts = alpha * self._starts
        learned = np.sort(np.abs(self.reduced.sigma))[::-1]
        return max(convergence_steps(s, h, a) for s, a in zip(learned, starts, strict=True))

    @property
    def _starts(self) -> Floats:
        """What each invariant direction has of its own in a typical start of scale 1.

        The i-th largest has a row of k numbers and its distance to the span of i - 1 others: the
        root of a chi-squared with k - i + 1 degrees of freedom, here its median.
        """
        init, rank = getattr(self.algorithm, "init", "identity"), len(self.reduced.sigma)
        if init == "identity" or (init == "orthogonal" and self.width == self.problem.dim):
            return np.ones(rank)
        columns = self.algorithm.width or self.problem.dim
        freedom = np.maximum(columns - np.arange(rank), 1.0)
        # Wilson and Hilferty's median; Gaussian starts have variance 1 / k, orthogonal ones 1 / d
        share = columns if init == "gaussian" else self.problem.dim
        starts: Floats = np.sqrt(freedom * (1 - 2 / (9 * freedom)) ** 3 / share)
        return starts

    @cached_property
    def horizon(self) -> float:
        """Steps to judge by."""
        return float(self.asked) if self.asked is not None else _FORGET * self.needed

    @cached_property
    def pooled_level(self) -> float:
        """Root mean square of the spurious eigenvalues that pooled steps learn."""
        rank = max(len(self.reduced.across), 1)
        mean = np.linalg.eigvalsh(self.reduced.across @ self.reduced.mean @ self.reduced.across.T)
        held = mean if self.algorithm.parameterization == "symmetric" else np.maximum(mean, 0.0)
        return float(np.linalg.norm(held) / np.sqrt(rank))

    @cached_property
    def level(self) -> float:
        """The same of what these steps learn."""
        return self.rehearsal.spurious if self.algorithm.sampling == "one" else self.pooled_level

    @cached_property
    def visible(self) -> float:
        """Spurious eigenvalue from which on it is seen."""
        return _VISIBLE * float(np.abs(self.reduced.sigma).min())

    @cached_property
    def spurious_steps(self) -> float:
        goal = 0.5 * np.log(np.maximum(np.abs(self.spurious.levels) / 2, self.visible))
        climb = np.maximum(goal - np.log(self.algorithm.init_scale), 0.0)
        rates = self.spurious.exponents
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = np.where(rates > 0, climb / rates, np.inf)
        return float(needed.min(initial=np.inf))

    @cached_property
    def rehearsal(self) -> Rehearsal:
        order, block = order_of(self.algorithm)
        return rehearse(
            self.reduced,
            steps=int(min(max(self.horizon, 100), _REHEARSED)),
            init_scale=self.algorithm.init_scale,
            level=self.visible,
            width=self.algorithm.width,
            two_sided=self.algorithm.parameterization == "symmetric",
            order=order,
            block=block,
            free=max(self.width - len(self.reduced.sigma) - len(self.reduced.across), 0),
        )

    @cached_property
    def few(self) -> bool:
        """Whether batches are too small for measurements that are not Gaussian."""
        tame = getattr(getattr(self.problem, "measurements", None), "isotropic", True)
        if tame or self.reduced.batch_size is None:
            return False
        own = self.reduced.step * self.problem.dim**2 / (2 * self.reduced.batch_size)
        return own > _FEW or (self.algorithm.parameterization != "direct" and self.sampled > _FEW)

    @cached_property
    def floor(self) -> NoiseFloor:
        """What sampling noise leaves; nothing if batches are infinite."""
        m = self.reduced.batch_size
        if m is None or not self.reduced.power > 0:
            return NoiseFloor(error=0.0, aligned=0.0, tilt=0.0, free=0.0, variance=0.0)
        return self.floor_of(m)

    def floor_of(self, batch_size: float) -> NoiseFloor:
        """Return the same for batches of another size."""
        reduced, d = self.reduced, self.problem.dim
        return noise_floor(
            self._learned, reduced.step, dim=d, batch_size=batch_size,
            power=reduced.power, width=self.width, steps=self.asked,
            init_scale=self.algorithm.init_scale,
        )  # fmt: skip

    @cached_property
    def n_samples(self) -> int:
        """Measurements that are used again; 0 if they are fresh."""
        data = getattr(self.problem, "data", None)
        return 0 if data is None else len(data.y)

    @cached_property
    def reused(self) -> float:
        """The error that noise leaves which is the same at every step."""
        if not self.n_samples or not self.reduced.power > 0:
            return 0.0
        one, learned = self.algorithm.sampling == "one", self._learned

        def error(width: int) -> float:
            # spurious directions that die take their noise along
            return reused_data_error(
                learned, dim=self.problem.dim - one * len(self.reduced.across),
                n_samples=self.n_samples, power=self.reduced.power, width=width,
                step_size=self.reduced.step, steps=self.horizon,
                init_scale=self.algorithm.init_scale,
            )  # fmt: skip

        wide = error(self.width)
        if self.algorithm.parameterization == "symmetric" and not isinstance(
            self.problem, Symmetric
        ):
            # the negative part of the noise is learned as well
            wide = float(np.sqrt(max(2 * wide**2 - error(len(learned)) ** 2, 0.0)))
        return wide

    @property
    def _learned(self) -> Floats:
        """Sizes of all eigenvalues that are learned."""
        learned = np.abs(self.reduced.sigma)
        if self.algorithm.sampling != "one":
            learned = np.concatenate([learned, np.abs(self.spurious.levels)])
        return learned[learned > 0][: self.problem.dim]

    @cached_property
    def sampled(self) -> float:
        """Relative error that noise and a large start leave."""
        still = 1 / (self.algorithm.init_scale**-2 + 2 * self.reduced.step * self.horizon)
        start = still * np.sqrt(max(self.width - len(self.reduced.sigma), 0))
        noise = np.hypot(self.floor.error, self.reused)
        return float(np.hypot(noise, start) / self.reduced.signal)

    @cached_property
    def relative_error(self) -> float:
        """Of A to A*, once the spurious part is gone: the same, and an angle."""
        angle = self.rehearsal.error if self.reduced.oblique else 0.0
        return float(np.hypot(self.sampled, angle / self.reduced.signal))

    def slack(self, noise: float = 0.0) -> float:
        """Return the room to the bounded line of both sides of the factor, under such noise."""
        low, high = self.reduced.reach
        low, high = min(low, 0.0) - noise, max(high, 0.0) + noise
        room = bounded_slack(self.reduced.step, low, high)
        if self.algorithm.parameterization == "symmetric":
            room = min(room, bounded_slack(self.reduced.step, -high, -low))
        return room
