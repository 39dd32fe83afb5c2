"""What an algorithm will do to a matrix problem, before it runs."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar.errors import DataError
from elinvar.theory._conditions import conditions_of
from elinvar.theory._momentum import momentum_growth_exponent
from elinvar.theory._prediction import Outcome, Prediction
from elinvar.theory._setup import Setup
from elinvar.theory._spurious import order_of

_SURE = 0.95
_GOOD, _ROUGH = 0.1, 0.5
# an eigenvalue so many times another is learned in its place where columns are few
_LARGER = 1.25
# measured: batches within this factor of the smallest; slack at which noise matters, and rules
_CLOSE, _TOUCHED, _THROWN = 1.5, 1.0, 4.0
_TOLD_FEW = "measurements have heavier tails than Gaussian ones, and {} a batch are few."


class Finding(NamedTuple):
    """What comes of a setup, why, and the relative error that it leaves if that is known."""

    outcome: Outcome
    reason: str
    error: float = float("nan")


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
        If steps is not a positive number, a number of the problem is not finite, shapes do not
        fit, or environments cannot come in the order of the algorithm.

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
    setup = Setup.of(problem, algorithm, steps)
    algorithm = setup.algorithm
    blank = Prediction(
        outcome="undecided", reason="", steps=steps, conditions=tuple(conditions_of(setup))
    )
    unknown = _outside_theory(setup)
    if unknown:
        return replace(blank, reason=unknown)
    if algorithm.parameterization == "direct":
        found = _direct(setup)
        return replace(
            blank, outcome=found.outcome, reason=found.reason, relative_error=found.error
        )
    found = _traced(setup) if setup.reduced.trace else _factored(setup)
    spurious = setup.spurious
    return replace(
        blank,
        outcome=found.outcome,
        reason=found.reason,
        relative_error=found.error,
        exponents=tuple(float(rate) for rate in spurious.exponents),
        spurious_level=setup.level
        if found.outcome in ("learns pooled", "learns a mixture")
        else 0.0,
        burst_exponent=spurious.burst if algorithm.sampling == "one" else float("nan"),
        convergence_steps=setup.needed,
        spurious_steps=setup.spurious_steps,
    )


def _outside_theory(setup: Setup) -> str:
    """Why the theory has no answer, or nothing."""
    problem, algorithm, reduced = setup.problem, setup.algorithm, setup.reduced
    optimizer = getattr(algorithm, "optimizer", None)
    name = type(optimizer).__name__
    if optimizer is not None and name == "Momentum":
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
    if getattr(algorithm, "order", "random") == "drift":
        return (
            "environments that drift slowly bring the spurious part back even where its growth "
            "exponent is negative; critical_speed says below which speed."
        )
    data = getattr(problem, "data", None)
    if data is not None and len(data.names) != len(problem.spurious_matrices):
        return "the environments of a finite data set are few of a continuum, and not told."
    trace = getattr(getattr(problem, "measurements", None), "trace", 0.0)
    if data is not None and trace:
        return (
            "what noise does to data that are used again is not derived for a trace that is seen."
        )
    return ""


def _factored(setup: Setup) -> Finding:
    """Outcome of A = U U' or U U' - V V', in the order in which things go wrong."""
    reduced, spurious = setup.reduced, setup.spurious
    needed = setup.columns(reduced.sigma)
    if needed > setup.width:
        return Finding("cannot represent", f"{_columns(setup)} of U cannot hold rank {needed}.")
    if setup.algorithm.parameterization == "psd" and reduced.sigma.min() < 0:
        return Finding("cannot represent", "A = U U' has no negative eigenvalue, but A* has.")
    for check in (_settling, _bounded, _batch):
        finding = check(setup)
        if finding:
            return finding
    if setup.asked is not None and setup.asked < setup.needed:
        reason = f"A* is learned after {setup.needed:.0f} steps, not {setup.asked}."
        return Finding("too few steps", reason)
    if setup.algorithm.sampling != "one":
        return _pooled(setup)
    if _hidden(setup) >= _SURE or setup.rehearsal.visible <= 1 - _SURE:
        return _recovered(setup)
    if spurious.top < 0:
        if reduced.oblique:
            return _recovered(setup)
        share = 100 * setup.rehearsal.visible
        reason = f"spurious directions die, at {spurious.top:.3g} a step, but bursts or late starts"
        return Finding("undecided", f"{reason} are visible {share:.0f}% of the time.")
    return _learned(setup)


def _traced(setup: Setup) -> Finding:
    """Answer for measurements that also see the trace: no part of A is moved by itself."""
    reduced, algorithm = setup.reduced, setup.algorithm
    needed = setup.columns(reduced.sigma)
    if needed > setup.width:
        return Finding("cannot represent", f"{_columns(setup)} of U cannot hold rank {needed}.")
    if algorithm.parameterization == "psd" and reduced.sigma.min() < 0:
        return Finding("cannot represent", "A = U U' has no negative eigenvalue, but A* has.")
    if setup.few:
        return Finding("undecided", _TOLD_FEW.format(reduced.batch_size))
    seen, free = setup.rehearsal, reduced.trace_growth
    if seen.diverged > 0.1:
        told = f"{100 * seen.diverged:.0f}% of rehearsed runs diverge: the trace of the residual "
        outcome: Outcome = "diverges" if seen.diverged >= 0.9 else "undecided"
        return Finding(outcome, f"{told}moves all directions at once.")
    error = float(np.hypot(seen.error / reduced.signal, setup.sampled))
    told = (
        "measurements see the trace of the residual, which moves all directions at once (free ones "
        f"at {free:.3g} a step)"
    )
    if error <= _GOOD:
        return Finding("recovers", f"{told}, but leaves little.", error)
    if error <= _ROUGH:
        return Finding("recovers approximately", f"{told}.", error)
    if seen.spurious > 0.5 * setup.pooled_level > 0:
        return Finding("learns pooled", f"{told}; spurious ones rest near their mean.", error)
    return Finding("learns a mixture", f"{told}.", error)


def _settling(setup: Setup) -> Finding | None:
    """Whether what is to be learned is a stable point of the step."""
    pull = setup.reduced.step * float(np.abs(setup.reduced.sigma).max())
    if setup.algorithm.sampling != "one":
        pull = max(pull, setup.reduced.step * float(np.abs(setup.spurious.levels).max(initial=0.0)))
    if pull >= 2:
        return Finding("diverges", f"step times largest eigenvalue is {pull:.3g}, above 2.")
    if pull >= 1:
        reason = f"step times largest eigenvalue is {pull:.3g}, above 1: it oscillates."
        return Finding("does not settle", reason)
    return None


def _bounded(setup: Setup) -> Finding | None:
    """Whether spurious directions can run away; rehearsed where no formula decides."""
    reduced, alpha = setup.reduced, setup.algorithm.init_scale
    safe = setup.slack() > 0 and reduced.step * (alpha**2 - min(reduced.reach[0], 0.0)) < 2
    if safe:
        return None
    share = setup.rehearsal.diverged
    told = f"{100 * share:.0f}% of runs rehearsed in the span of U* and V* diverge"
    if share >= 0.9:
        return Finding("diverges", f"{told}: the step is too large for this spread.")
    if share > 0.1:
        return Finding("undecided", f"{told}.")
    return None


def _batch(setup: Setup) -> Finding | None:
    """Whether sampling noise itself makes runs diverge."""
    m, d = setup.reduced.batch_size, setup.problem.dim
    if m is not None and np.isinf(setup.floor.error):
        if np.isfinite(setup.floor_of(_CLOSE * m).error):
            return Finding("undecided", f"noise of batches of {m} may feed on itself.")
        return Finding("diverges", f"noise of batches of {m} feeds on itself.")
    if setup.few:
        return Finding("undecided", _TOLD_FEW.format(m))
    if setup.sampled <= _ROUGH:
        return None
    # the noise of a step has eigenvalues up to sqrt(2 d v), and throws amplitudes that far
    room = setup.slack(float(np.sqrt(2 * d * setup.floor.variance)))
    if room < -_THROWN:
        return Finding("diverges", f"noise of batches of {m} throws it beyond the bounded line.")
    if room < -_TOUCHED:
        return Finding("undecided", f"noise of batches of {m} reaches beyond the bounded line.")
    return None


def _pooled(setup: Setup) -> Finding:
    """Answer for steps on the mean: they learn the positive part of the pooled matrix."""
    levels, reduced = setup.spurious.levels, setup.reduced
    size = float(np.linalg.norm(levels))
    if size < 1e-9 * reduced.signal and not reduced.oblique:
        return _recovered(setup)
    if setup.columns(np.concatenate([reduced.sigma, levels])) > setup.width:
        if _crowded_out(setup):
            return _recovered(setup)
        reason = f"{_columns(setup)} of U cannot hold all of the pooled matrix."
        return Finding("learns a mixture", reason)
    if setup.asked is not None and setup.asked < setup.spurious_steps:
        reason = f"the spurious part is half learned after {setup.spurious_steps:.0f} steps."
        return Finding("undecided", reason)
    error = setup.relative_error
    if not reduced.oblique:
        error = float(np.hypot(size / reduced.signal, error))
    if setup.sampled > _ROUGH * np.hypot(1.0, size / reduced.signal):
        return Finding("noise dominates", _noisy(setup), error)
    return Finding("learns pooled", "a mixed batch sees only the mean of the environments.", error)


def _crowded_out(setup: Setup) -> bool:
    """Whether few columns hold what is invariant alone, being clearly larger."""
    for sign in (1, -1):
        own = [sign * s for s in setup.reduced.sigma if sign * s > 0]
        other = [sign * s for s in setup.spurious.levels if sign * s > 0]
        if other and (setup.width > len(own) or min(own) < _LARGER * max(other)):
            return False
    return True


def _hidden(setup: Setup) -> float:
    """Probability that no spurious direction is seen at the horizon: its logarithm is a walk."""
    spurious, T = setup.spurious, setup.horizon
    walk = np.nan_to_num(spurious.spreads, nan=0.0) * np.sqrt(T)
    noise = np.maximum(np.hypot(walk, spurious.standard_error * T), 1e-9)
    room = 0.5 * np.log(setup.visible) - np.log(setup.algorithm.init_scale) - spurious.exponents * T
    return float(ndtr(room / noise).min(initial=1.0))


def _learned(setup: Setup) -> Finding:
    seen, floor = setup.rehearsal, setup.sampled
    error = float(np.hypot(seen.error / setup.reduced.signal, floor))
    told = f"spurious directions grow, at up to {setup.spurious.top:.3g} a step"
    if seen.spurious > 0.5 * setup.pooled_level > 0:
        return Finding("learns pooled", f"{told}, and rest near their mean.", error)
    if floor > _ROUGH:
        return Finding("noise dominates", _noisy(setup), error)
    share = f"visible {100 * seen.visible:.0f}% of the time"
    return Finding("learns a mixture", f"{told}, but rest far below their mean, {share}.", error)


def _recovered(setup: Setup) -> Finding:
    error, top = setup.relative_error, setup.spurious.top
    if setup.algorithm.sampling != "one" and setup.spurious.levels.any():
        reason = "the columns of U hold the largest eigenvalues alone, which are invariant"
    elif setup.algorithm.sampling != "one":
        reason = "the pooled solution is A* itself"
    elif top < 0:
        reason = f"all spurious directions die, at {top:.3g} a step or faster"
    else:
        reason = f"spurious directions grow, at {top:.3g} a step, but stay invisible for this long"
    if error <= _GOOD:
        return Finding("recovers", f"{reason}.", error)
    cause = "the angle of the subspaces, noise and start leave"
    cause = cause if setup.reduced.oblique else "noise leaves"
    if error <= _ROUGH:
        return Finding("recovers approximately", f"{reason}; {cause} {100 * error:.0f}%.", error)
    if setup.reduced.oblique and setup.rehearsal.error > 0.5 * error * setup.reduced.signal:
        return Finding("learns a mixture", "the subspaces are too far from orthogonal.", error)
    return Finding("noise dominates", _noisy(setup), error)


def _columns(setup: Setup) -> str:
    return f"{setup.width} column{'s' * (setup.width != 1)}"


def _noisy(setup: Setup) -> str:
    size, m = setup.sampled, setup.reduced.batch_size
    if setup.reused > setup.floor.error:
        rows = f"{setup.n_samples:,} measurements that are used again"
        return f"noise of {rows} leaves an error of {size:.2g} times the signal."
    return f"noise of batches of {m} leaves an error of {size:.2g} times the signal."


def _direct(setup: Setup) -> Finding:
    """Answer for A <- A + h (A_e - A): mean A* + E A^(e), variance h / (2 - h) of one step's."""
    problem, reduced = setup.problem, setup.reduced
    h, d, m = reduced.step, problem.dim, reduced.batch_size
    variance = _remembered(setup)
    # the trace of A follows its residual tau d times as fast
    fast = h * (1 + reduced.trace * d)
    ratio = h / (2 - h) if fast < 2 else np.inf
    if setup.few:
        return Finding("undecided", _TOLD_FEW.format(m))
    entries = d * (d + 1) / 2 / m if m is not None else 0.0
    if np.isinf(ratio) or ratio * entries >= 1:
        return Finding("diverges", f"step {h:.3g} is too large for the matrix itself.")
    # Var A = h / (2 - h) (Var A_e + noise), and sampling noise sees the fluctuation, too
    jitter = ratio * (variance + entries * reduced.power) / (1 - ratio * entries)
    if reduced.trace:
        jitter += (fast / (2 - fast) - ratio) * reduced.trace_variance / d
    mean = float(np.linalg.norm(reduced.mean))
    error = float(np.sqrt(mean**2 + jitter) / reduced.signal)
    if setup.asked is not None and abs(1 - h) ** setup.asked > _GOOD:
        return Finding("too few steps", "the matrix still remembers its start.")
    if error <= _GOOD:
        return Finding("recovers", "the spurious parts average out.", error)
    if mean < 1e-9 * reduced.signal:
        told = f"A fluctuates by {error:.2g} times A* about it."
        return Finding(
            "recovers approximately" if error <= _ROUGH else "noise dominates", told, error
        )
    return Finding("learns pooled", "steps on the matrix itself average the environments.", error)


def _remembered(setup: Setup) -> float:
    """Variance of a step's matrix, and twice its covariances with earlier ones as A keeps them."""
    reduced, kept = setup.reduced, 1 - setup.reduced.step
    order, block = order_of(setup.algorithm)
    away = (reduced.spurious - reduced.mean).reshape(len(reduced.spurious), -1)
    own = float(reduced.weights @ (away**2).sum(1))
    if order == "cyclic" and abs(kept) < 1:
        rounds, lags = len(away), np.arange(1, len(away) + 1)
        later = [float((away * np.roll(away, -k, axis=0)).sum() / rounds) for k in lags]
        return own + 2 * float(kept**lags @ later) / (1 - kept**rounds)
    lags = np.arange(1, block)
    return own * (1 + 2 * float(kept**lags @ (1 - lags / block)))
