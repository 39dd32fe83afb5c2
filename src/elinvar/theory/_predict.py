"""What an algorithm will do to a matrix problem, before it runs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtr

from elinvar._base import DataError, MatrixAlgorithm, MatrixProblem
from elinvar.theory._conditions import check_conditions
from elinvar.theory._limits import stays_bounded
from elinvar.theory._momentum import momentum_growth_exponent
from elinvar.theory._noise import noise_floor
from elinvar.theory._prediction import Outcome, Prediction
from elinvar.theory._reduction import Reduced
from elinvar.theory._rehearsal import Rehearsal, rehearse
from elinvar.theory._spurious import Spurious, order_of
from elinvar.theory._times import convergence_steps

_SURE = 0.95
_GOOD, _ROUGH = 0.1, 0.5
# a spurious eigenvalue is visible from this share of the smallest invariant one on
_VISIBLE = 0.1
_FORGET = 10
_REHEARSED = 3000

Answer = tuple[Outcome, str, float]


def predict_outcome(
    problem: MatrixProblem, algorithm: MatrixAlgorithm, steps: int | None = None
) -> Prediction:
    """Say what an algorithm will do to a problem: recover A*, learn the pooled part, or diverge.

    Nothing of the problem's size is run. Growth exponents decide which spurious directions die,
    the step's limits whether it is safe, the noise floor what finite batches leave. Only where no
    formula decides (beyond the step that is certainly bounded, where spurious directions do not
    clearly die, and with subspaces that are not orthogonal) are 32 runs rehearsed in the span of U*
    and V*.

    Parameters
    ----------
    problem : MatrixProblem
        Such as `elinvar.sensing.SensingProblem`.
    algorithm : MatrixAlgorithm
        Such as `elinvar.sensing.HeteroSGD`.
    steps : int, optional
        How many will be made; as many as it takes if not given.

    Returns
    -------
    Prediction
        Prints as a sentence with the numbers behind it.

    Raises
    ------
    DataError
        If steps is not a positive number, a number of the problem is not finite, or shapes do not
        fit.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, for the three outcomes; the lines
    between them are own derivations, docs/theory-matrix.md, section 9.

    Examples
    --------
    >>> from elinvar.sensing import HeteroSGD, SensingProblem
    >>> from elinvar.theory import predict_outcome
    >>> problem = SensingProblem.two_point(
    ...     dim=50, invariant_rank=2, spurious_rank=2, heterogeneity=6.0, rng=0
    ... )
    >>> print(predict_outcome(problem, HeteroSGD(step_size=0.1, batch_size=10**6), steps=1500))
    recovers: all spurious directions die, at -0.0813 a step or faster.
    growth of spurious directions a step: -0.0813, -0.0813
    expected relative error: 0.014
    steps until A* is learned: 86
    steps until a spurious direction is learned: never
    tail exponent of bursts: 1
    """
    if steps is not None and not steps >= 1:
        raise DataError(f"steps must be at least 1; got {steps!r}.")
    case = _Case(
        problem=problem, algorithm=algorithm, reduced=Reduced.of(problem, algorithm), asked=steps
    )
    blank = Prediction(
        outcome="undecided", reason="", steps=steps, conditions=check_conditions(problem, algorithm)
    )
    unknown = _outside_theory(problem, algorithm)
    if unknown:
        return replace(blank, reason=unknown)
    if algorithm.parameterization == "direct":
        outcome, reason, error = _direct(case)
        return replace(blank, outcome=outcome, reason=reason, relative_error=error)
    outcome, reason, error = _factored(case)
    spurious = case.spurious
    return replace(
        blank,
        outcome=outcome,
        reason=reason,
        relative_error=error,
        exponents=tuple(float(rate) for rate in spurious.exponents),
        spurious_level=case.level if outcome in ("learns pooled", "learns a mixture") else 0.0,
        burst_exponent=spurious.burst if algorithm.sampling == "one" else float("nan"),
        convergence_steps=case.needed,
        spurious_steps=case.spurious_steps,
    )


def _outside_theory(problem: Any, algorithm: Any) -> str:
    """Why the theory has no answer, or nothing."""
    optimizer = getattr(algorithm, "optimizer", None)
    name = type(optimizer).__name__
    if optimizer is not None and name == "Momentum":
        reduced = Reduced.of(problem, algorithm)
        fastest = max(
            momentum_growth_exponent(s, reduced.step, optimizer.beta, reduced.weights).exponent
            for s in reduced.eigenvalues.T
        )
        return (
            f"with momentum the fastest spurious direction grows at {fastest:.3g} a step; what "
            "momentum does near the solution is not derived."
        )
    if optimizer is not None and name != "SGD":
        return (
            f"steps of {name} are not multiplicative in the amplitude, so that growth exponents of "
            "plain steps do not describe them."
        )
    if getattr(getattr(problem, "measurements", None), "trace", 0.0):
        return (
            "these measurements also see the trace of the residual, which moves all directions at "
            "once; centred ones do not."
        )
    if getattr(problem, "data", None) is not None:
        return "a finite data set is used again and again; the theory is for fresh measurements."
    return ""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """One problem under one algorithm, with what is computed once."""

    problem: MatrixProblem
    algorithm: MatrixAlgorithm
    reduced: Reduced
    asked: int | None

    @cached_property
    def spurious(self) -> Spurious:
        return Spurious.of(self.reduced, self.algorithm)

    @cached_property
    def width(self) -> int:
        asked = self.algorithm.width
        return self.problem.dim if asked is None else min(int(asked), self.problem.dim)

    @cached_property
    def needed(self) -> float:
        """Steps until all invariant eigenvalues are learned."""
        alpha, h = self.algorithm.init_scale, self.reduced.step
        if h * np.abs(self.reduced.sigma).max() >= 1:
            return float(np.inf)
        return max(convergence_steps(s, h, alpha) for s in np.abs(self.reduced.sigma))

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
        )

    @cached_property
    def relative_error(self) -> float:
        """Of A to A*, once the spurious part is gone: noise, a large start, an angle."""
        reduced, d = self.reduced, self.problem.dim
        floor = 0.0
        if reduced.batch_size is not None and reduced.power > 0:
            learned = np.abs(reduced.sigma)
            if self.algorithm.sampling != "one":
                learned = np.concatenate([learned, np.abs(self.spurious.levels)])
            floor = noise_floor(
                learned[learned > 0][:d], reduced.step, dim=d, batch_size=reduced.batch_size,
                power=reduced.power, width=self.width, steps=self.asked,
                init_scale=self.algorithm.init_scale,
            ).error  # fmt: skip
        still = 1 / (self.algorithm.init_scale**-2 + 2 * reduced.step * self.horizon)
        start = still * np.sqrt(max(self.width - len(reduced.sigma), 0))
        angle = self.rehearsal.error if reduced.oblique else 0.0
        return float(np.sqrt(floor**2 + start**2 + angle**2) / reduced.signal)


def _factored(case: _Case) -> Answer:
    """Outcome of A = U U' or U U' - V V', in the order in which things go wrong."""
    reduced, spurious = case.reduced, case.spurious
    if len(reduced.sigma) > case.width:
        needed = len(reduced.sigma)
        return "cannot represent", f"{_columns(case)} of U cannot hold rank {needed}.", np.nan
    if case.algorithm.parameterization == "psd" and reduced.sigma.min() < 0:
        return "cannot represent", "A = U U' has no negative eigenvalue, but A* has.", np.nan
    for check in (_settling, _bounded, _batch):
        answer = check(case)
        if answer:
            return answer
    if case.asked is not None and case.asked < case.needed:
        reason = f"A* is learned after {case.needed:.0f} steps, not {case.asked}."
        return "too few steps", reason, np.nan
    if case.algorithm.sampling != "one":
        return _pooled(case)
    if _hidden(case) >= _SURE or case.rehearsal.visible <= 1 - _SURE:
        return _recovered(case)
    if spurious.top < 0:
        if reduced.oblique:
            return _recovered(case)
        share = 100 * case.rehearsal.visible
        reason = f"spurious directions die, at {spurious.top:.3g} a step, but bursts or late starts"
        return "undecided", f"{reason} are visible {share:.0f}% of the time.", np.nan
    return _learned(case)


def _settling(case: _Case) -> Answer | None:
    """Whether what is to be learned is a stable point of the step."""
    pull = case.reduced.step * float(np.abs(case.reduced.sigma).max())
    if case.algorithm.sampling != "one":
        pull = max(pull, case.reduced.step * float(np.abs(case.spurious.levels).max(initial=0.0)))
    if pull >= 2:
        return "diverges", f"step times largest eigenvalue is {pull:.3g}, above 2.", np.nan
    if pull >= 1:
        reason = f"step times largest eigenvalue is {pull:.3g}, above 1: it oscillates."
        return "does not settle", reason, np.nan
    return None


def _bounded(case: _Case) -> Answer | None:
    """Whether spurious directions can run away; rehearsed where no formula decides."""
    reduced, alpha = case.reduced, case.algorithm.init_scale
    low, high = reduced.reach
    two_sided = case.algorithm.parameterization == "symmetric"
    safe = stays_bounded(reduced.step, low, high)
    safe &= reduced.step * alpha**2 < 2 + reduced.step * min(low, 0.0)
    if two_sided:
        safe &= stays_bounded(reduced.step, -high, -low)
    if safe:
        return None
    share = case.rehearsal.diverged
    told = f"{100 * share:.0f}% of runs rehearsed in the span of U* and V* diverge"
    if share >= 0.9:
        return "diverges", f"{told}: the step is too large for this spread.", np.nan
    if share > 0.1:
        return "undecided", f"{told}.", np.nan
    return None


def _batch(case: _Case) -> Answer | None:
    error = case.relative_error
    if np.isinf(error):
        m = case.reduced.batch_size
        return "diverges", f"noise of batches of {m} feeds on itself.", np.nan
    return None


def _pooled(case: _Case) -> Answer:
    """Answer for steps on the mean: they learn the positive part of the pooled matrix."""
    levels, reduced = case.spurious.levels, case.reduced
    size = float(np.linalg.norm(levels))
    if size < 1e-9 * reduced.signal and not reduced.oblique:
        return _recovered(case)
    if len(reduced.sigma) + int((levels != 0).sum()) > case.width:
        reason = f"{_columns(case)} of U cannot hold all of the pooled matrix."
        return "learns a mixture", reason, np.nan
    if case.asked is not None and case.asked < case.spurious_steps:
        reason = f"the spurious part is half learned after {case.spurious_steps:.0f} steps."
        return "undecided", reason, np.nan
    error = float(np.hypot(size / reduced.signal, case.relative_error))
    if case.relative_error > _ROUGH * np.hypot(1.0, size / reduced.signal):
        return "noise dominates", _noisy(case), error
    return "learns pooled", "a mixed batch sees only the mean of the environments.", error


def _hidden(case: _Case) -> float:
    """Probability that no spurious direction is seen at the horizon: its logarithm is a walk."""
    spurious, T = case.spurious, case.horizon
    walk = np.nan_to_num(spurious.spreads, nan=0.0) * np.sqrt(T)
    noise = np.maximum(np.hypot(walk, spurious.standard_error * T), 1e-9)
    room = 0.5 * np.log(case.visible) - np.log(case.algorithm.init_scale) - spurious.exponents * T
    return float(ndtr(room / noise).min(initial=1.0))


def _learned(case: _Case) -> Answer:
    seen, floor = case.rehearsal, 0.0 if case.reduced.oblique else case.relative_error
    error = float(np.hypot(seen.error / case.reduced.signal, floor))
    told = f"spurious directions grow, at up to {case.spurious.top:.3g} a step"
    if seen.spurious > 0.5 * case.pooled_level > 0:
        return "learns pooled", f"{told}, and rest near their mean.", error
    if floor > _ROUGH:
        return "noise dominates", _noisy(case), error
    share = f"visible {100 * seen.visible:.0f}% of the time"
    return "learns a mixture", f"{told}, but rest far below their mean, {share}.", error


def _recovered(case: _Case) -> Answer:
    error, top = case.relative_error, case.spurious.top
    if case.algorithm.sampling != "one":
        reason = "the pooled solution is A* itself"
    elif top < 0:
        reason = f"all spurious directions die, at {top:.3g} a step or faster"
    else:
        reason = f"spurious directions grow, at {top:.3g} a step, but stay invisible for this long"
    if error <= _GOOD:
        return "recovers", f"{reason}.", error
    cause = "the angle of the subspaces, noise and start" if case.reduced.oblique else "noise"
    if error <= _ROUGH:
        return "recovers approximately", f"{reason}; {cause} leave {100 * error:.0f}%.", error
    if case.reduced.oblique and case.rehearsal.error > 0.5 * error * case.reduced.signal:
        return "learns a mixture", "the subspaces are too far from orthogonal.", error
    return "noise dominates", _noisy(case), error


def _columns(case: _Case) -> str:
    return f"{case.width} column{'s' * (case.width != 1)}"


def _noisy(case: _Case) -> str:
    size, m = case.relative_error, case.reduced.batch_size
    return f"noise of batches of {m} leaves an error of {size:.2g} times the signal."


def _direct(case: _Case) -> Answer:
    """Answer for A <- A + h (A_e - A): mean A* + E A^(e), variance h / (2 - h) of one step's."""
    problem, reduced = case.problem, case.reduced
    h, d, m = reduced.step, problem.dim, reduced.batch_size
    away = reduced.spurious - reduced.mean
    variance = float(reduced.weights @ (away**2).sum((1, 2)))
    ratio = h / (2 - h) if h < 2 else np.inf
    entries = d * (d + 1) / 2 / m if m is not None else 0.0
    if ratio * entries >= 1:
        return "diverges", f"step {h:.3g} is too large for the matrix itself.", np.nan
    # sampling noise sees the fluctuation, too
    jitter = ratio * (variance + entries * reduced.power) / (1 - ratio * entries)
    mean = float(np.linalg.norm(reduced.mean))
    error = float(np.sqrt(mean**2 + jitter) / reduced.signal)
    if case.asked is not None and abs(1 - h) ** case.asked > _GOOD:
        return "too few steps", "the matrix still remembers its start.", np.nan
    if error <= _GOOD:
        return "recovers", "the spurious parts average out.", error
    if mean < 1e-9 * reduced.signal:
        return "noise dominates", f"A fluctuates by {error:.2g} times A* about it.", error
    return "learns pooled", "steps on the matrix itself average the environments.", error
