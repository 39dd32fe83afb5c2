"""What an algorithm will do to a matrix problem, before it runs."""

from dataclasses import replace

import numpy as np
from scipy.special import ndtr

from elinvar._base import MatrixAlgorithm, MatrixProblem
from elinvar.errors import DataError
from elinvar.theory._case import Case
from elinvar.theory._conditions import check_conditions
from elinvar.theory._momentum import momentum_growth_exponent
from elinvar.theory._prediction import Outcome, Prediction
from elinvar.theory._reduction import Reduced
from elinvar.theory._spurious import order_of

_SURE = 0.95
_GOOD, _ROUGH = 0.1, 0.5
# an eigenvalue so many times another is learned in its place where columns are few
_LARGER = 1.25
# measured: batches within this factor of the smallest; slack at which noise matters, and rules
_CLOSE, _TOUCHED, _THROWN = 1.5, 1.0, 4.0
_TOLD_FEW = "measurements have heavier tails than Gaussian ones, and {} a batch are few."

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
    case = Case(
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


def _outside_theory(problem: MatrixProblem, algorithm: MatrixAlgorithm) -> str:
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


def _factored(case: Case) -> Answer:
    """Outcome of A = U U' or U U' - V V', in the order in which things go wrong."""
    reduced, spurious = case.reduced, case.spurious
    needed = case.columns(reduced.sigma)
    if needed > case.width:
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


def _settling(case: Case) -> Answer | None:
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


def _bounded(case: Case) -> Answer | None:
    """Whether spurious directions can run away; rehearsed where no formula decides."""
    reduced, alpha = case.reduced, case.algorithm.init_scale
    safe = case.slack() > 0 and reduced.step * (alpha**2 - min(reduced.reach[0], 0.0)) < 2
    if safe:
        return None
    share = case.rehearsal.diverged
    told = f"{100 * share:.0f}% of runs rehearsed in the span of U* and V* diverge"
    if share >= 0.9:
        return "diverges", f"{told}: the step is too large for this spread.", np.nan
    if share > 0.1:
        return "undecided", f"{told}.", np.nan
    return None


def _batch(case: Case) -> Answer | None:
    """Whether sampling noise itself makes runs diverge."""
    m, d = case.reduced.batch_size, case.problem.dim
    if m is not None and np.isinf(case.floor.error):
        if np.isfinite(case.floor_of(_CLOSE * m).error):
            return "undecided", f"noise of batches of {m} may feed on itself.", np.nan
        return "diverges", f"noise of batches of {m} feeds on itself.", np.nan
    if case.few:
        return "undecided", _TOLD_FEW.format(m), np.nan
    if case.sampled <= _ROUGH:
        return None
    # the noise of a step has eigenvalues up to sqrt(2 d v), and throws amplitudes that far
    room = case.slack(float(np.sqrt(2 * d * case.floor.variance)))
    if room < -_THROWN:
        return "diverges", f"noise of batches of {m} throws it beyond the bounded line.", np.nan
    if room < -_TOUCHED:
        return "undecided", f"noise of batches of {m} reaches beyond the bounded line.", np.nan
    return None


def _pooled(case: Case) -> Answer:
    """Answer for steps on the mean: they learn the positive part of the pooled matrix."""
    levels, reduced = case.spurious.levels, case.reduced
    size = float(np.linalg.norm(levels))
    if size < 1e-9 * reduced.signal and not reduced.oblique:
        return _recovered(case)
    if case.columns(np.concatenate([reduced.sigma, levels])) > case.width:
        if _crowded_out(case):
            return _recovered(case)
        reason = f"{_columns(case)} of U cannot hold all of the pooled matrix."
        return "learns a mixture", reason, np.nan
    if case.asked is not None and case.asked < case.spurious_steps:
        reason = f"the spurious part is half learned after {case.spurious_steps:.0f} steps."
        return "undecided", reason, np.nan
    error = case.relative_error
    if not reduced.oblique:
        error = float(np.hypot(size / reduced.signal, error))
    if case.sampled > _ROUGH * np.hypot(1.0, size / reduced.signal):
        return "noise dominates", _noisy(case), error
    return "learns pooled", "a mixed batch sees only the mean of the environments.", error


def _crowded_out(case: Case) -> bool:
    """Whether few columns hold what is invariant alone, being clearly larger."""
    for sign in (1, -1):
        own = [sign * s for s in case.reduced.sigma if sign * s > 0]
        other = [sign * s for s in case.spurious.levels if sign * s > 0]
        if other and (case.width > len(own) or min(own) < _LARGER * max(other)):
            return False
    return True


def _hidden(case: Case) -> float:
    """Probability that no spurious direction is seen at the horizon: its logarithm is a walk."""
    spurious, T = case.spurious, case.horizon
    walk = np.nan_to_num(spurious.spreads, nan=0.0) * np.sqrt(T)
    noise = np.maximum(np.hypot(walk, spurious.standard_error * T), 1e-9)
    room = 0.5 * np.log(case.visible) - np.log(case.algorithm.init_scale) - spurious.exponents * T
    return float(ndtr(room / noise).min(initial=1.0))


def _learned(case: Case) -> Answer:
    seen, floor = case.rehearsal, case.sampled
    error = float(np.hypot(seen.error / case.reduced.signal, floor))
    told = f"spurious directions grow, at up to {case.spurious.top:.3g} a step"
    if seen.spurious > 0.5 * case.pooled_level > 0:
        return "learns pooled", f"{told}, and rest near their mean.", error
    if floor > _ROUGH:
        return "noise dominates", _noisy(case), error
    share = f"visible {100 * seen.visible:.0f}% of the time"
    return "learns a mixture", f"{told}, but rest far below their mean, {share}.", error


def _recovered(case: Case) -> Answer:
    error, top = case.relative_error, case.spurious.top
    if case.algorithm.sampling != "one" and case.spurious.levels.any():
        reason = "the columns of U hold the largest eigenvalues alone, which are invariant"
    elif case.algorithm.sampling != "one":
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


def _columns(case: Case) -> str:
    return f"{case.width} column{'s' * (case.width != 1)}"


def _noisy(case: Case) -> str:
    size, m = case.sampled, case.reduced.batch_size
    return f"noise of batches of {m} leaves an error of {size:.2g} times the signal."


def _direct(case: Case) -> Answer:
    """Answer for A <- A + h (A_e - A): mean A* + E A^(e), variance h / (2 - h) of one step's."""
    problem, reduced = case.problem, case.reduced
    h, d, m = reduced.step, problem.dim, reduced.batch_size
    variance = _remembered(case)
    ratio = h / (2 - h) if h < 2 else np.inf
    if case.few:
        return "undecided", _TOLD_FEW.format(m), np.nan
    entries = d * (d + 1) / 2 / m if m is not None else 0.0
    if ratio * entries >= 1:
        return "diverges", f"step {h:.3g} is too large for the matrix itself.", np.nan
    # Var A = h / (2 - h) (Var A_e + noise), and sampling noise sees the fluctuation, too
    jitter = ratio * (variance + entries * reduced.power) / (1 - ratio * entries)
    mean = float(np.linalg.norm(reduced.mean))
    error = float(np.sqrt(mean**2 + jitter) / reduced.signal)
    if case.asked is not None and abs(1 - h) ** case.asked > _GOOD:
        return "too few steps", "the matrix still remembers its start.", np.nan
    if error <= _GOOD:
        return "recovers", "the spurious parts average out.", error
    if mean < 1e-9 * reduced.signal:
        told = f"A fluctuates by {error:.2g} times A* about it."
        return "recovers approximately" if error <= _ROUGH else "noise dominates", told, error
    return "learns pooled", "steps on the matrix itself average the environments.", error


def _remembered(case: Case) -> float:
    """Variance of a step's matrix, and twice its covariances with earlier ones as A keeps them."""
    reduced, kept = case.reduced, 1 - case.reduced.step
    order, block = order_of(case.algorithm)
    away = (reduced.spurious - reduced.mean).reshape(len(reduced.spurious), -1)
    own = float(reduced.weights @ (away**2).sum(1))
    if order == "cyclic" and abs(kept) < 1:
        rounds, lags = len(away), np.arange(1, len(away) + 1)
        later = [float((away * np.roll(away, -k, axis=0)).sum() / rounds) for k in lags]
        return own + 2 * float(kept**lags @ later) / (1 - kept**rounds)
    lags = np.arange(1, block)
    return own * (1 + 2 * float(kept**lags @ (1 - lags / block)))
