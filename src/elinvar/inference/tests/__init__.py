"""Tests of single questions: equal numbers, equal laws of the features, agreement of estimates."""

from elinvar.inference.tests._equality import (
    same_correlation,
    same_effect,
    same_fit,
    same_scale,
    same_shares,
)
from elinvar.inference.tests._laws import law_p_values, marginal_laws, nothing_moved
from elinvar.inference.tests._overidentification import (
    agreement_p_value,
    matched_f,
    noncentrality_limit,
)

__all__ = [
    "agreement_p_value",
    "law_p_values",
    "marginal_laws",
    "matched_f",
    "noncentrality_limit",
    "nothing_moved",
    "same_correlation",
    "same_effect",
    "same_fit",
    "same_scale",
    "same_shares",
]
