"""Exponents of all spurious directions under one algorithm."""

from dataclasses import dataclass

import numpy as np

from elinvar._base import MatrixAlgorithm
from elinvar.theory._bursts import burst_exponent
from elinvar.theory._growth import Floats, growth_exponent
from elinvar.theory._matrix import Order, matrix_growth_exponent
from elinvar.theory._reduction import Reduced


@dataclass(frozen=True, kw_only=True, eq=False)
class Spurious:
    """How each spurious direction grows from a small amplitude.

    Attributes
    ----------
    exponents, spreads : array of shape (f,)
        Growth a step and its standard deviation, for each direction and each side of the factor;
        one, the fastest, if environments do not share their directions.
    standard_error : float
        Of the exponents; 0 if they are closed forms.
    levels : array of shape (f,)
        What pooled steps learn of each: its mean eigenvalue where the factor can hold its sign, 0
        elsewhere.
    aligned : float
        Largest exponent in the columns that hold the invariant part, which noise feeds; minus
        infinity where there is nothing spurious.
    burst : float
        Smallest tail exponent there; NaN if environments do not share their directions.
    """

    exponents: Floats
    spreads: Floats
    standard_error: float
    levels: Floats
    aligned: float
    burst: float

    @classmethod
    def of(cls, reduced: Reduced, algorithm: MatrixAlgorithm) -> "Spurious":
        """Of a reduced problem."""
        signs = [1.0, -1.0] if algorithm.parameterization == "symmetric" else [1.0]
        order, block = order_of(algorithm)
        parts, error = [], 0.0
        for sign in signs if reduced.matrices.size else []:
            values = sign * reduced.eigenvalues
            if reduced.commute:
                drift = np.atleast_1d(growth_exponent(values.T, reduced.step, reduced.weights))
                spread = _spread(values, reduced) * np.sqrt(block)
                spread = np.zeros(len(drift)) if order == "cyclic" else spread
            else:
                found = matrix_growth_exponent(
                    sign * reduced.matrices, reduced.step, reduced.weights, order=order, block=block
                )
                error = max(error, found.standard_error)
                drift, spread = np.array([found.exponent]), np.array([found.spread])
                values = values[:, [int(np.argmax(reduced.weights @ values))]]
            parts.append((drift, spread, sign * np.maximum(reduced.weights @ values, 0.0)))
        joined = [np.concatenate([part[i] for part in parts] or [np.zeros(0)]) for i in range(3)]
        aligned, burst = _in_learned_columns(reduced)
        return cls(
            exponents=joined[0], spreads=joined[1], standard_error=error, levels=joined[2],
            aligned=aligned, burst=burst,
        )  # fmt: skip

    @property
    def top(self) -> float:
        """The largest exponent."""
        return float(self.exponents.max(initial=-np.inf))


def order_of(algorithm: MatrixAlgorithm) -> tuple[Order, int]:
    """Return the order in which environments come, and how long each stays."""
    if getattr(algorithm, "order", "random") == "cyclic":
        return "cyclic", 1
    stay = getattr(algorithm, "stay", None)
    if stay is not None:
        # a chain that stays has (1 + stay) / (1 - stay) times the variance, as blocks so long
        return "random", round((1 + stay) / (1 - stay))
    return "random", int(getattr(algorithm, "block", 1))


def _spread(values: Floats, reduced: Reduced) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(np.abs(1 + reduced.step * values))
        away = logarithm - reduced.weights @ logarithm
        spread: Floats = np.sqrt(reduced.weights @ away**2)
    return spread


def _in_learned_columns(reduced: Reduced) -> tuple[float, float]:
    """Exponent and tail of amplitudes with factors 1 + h (s - sigma): the worst pair."""
    sigma = np.abs(reduced.sigma)
    if not reduced.matrices.size:
        return -np.inf, np.inf
    if not reduced.commute:
        shifted = (reduced.matrices - s * np.eye(len(reduced.across)) for s in np.unique(sigma))
        found = [matrix_growth_exponent(S, reduced.step, reduced.weights) for S in shifted]
        return max(growth.exponent for growth in found), np.nan
    # beside a learned sigma the step multiplies what is spurious by 1 + h (s_e - sigma)
    pairs = reduced.eigenvalues.T[:, None, :] - sigma[:, None]
    rates = growth_exponent(pairs, reduced.step, reduced.weights)
    tails = burst_exponent(pairs, reduced.step, reduced.weights)
    return float(np.max(rates)), float(np.min(tails))
