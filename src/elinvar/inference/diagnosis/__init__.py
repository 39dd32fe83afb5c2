"""The pre-flight: whether these environments can tell invariant effects from others."""

from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import DIAGNOSIS_WORDS, Diagnosis
from elinvar.inference.diagnosis._power import detectable_sd, heterogeneity_power
from elinvar.inference.diagnosis._row_hints import row_hints
from elinvar.inference.diagnosis._slopes import (
    marginal_slopes,
    mean_shifts,
    scale_ratios,
    variance_inflation,
)

__all__ = [
    "DIAGNOSIS_WORDS",
    "Diagnosis",
    "detectable_sd",
    "diagnose",
    "heterogeneity_power",
    "marginal_slopes",
    "mean_shifts",
    "row_hints",
    "scale_ratios",
    "variance_inflation",
]
