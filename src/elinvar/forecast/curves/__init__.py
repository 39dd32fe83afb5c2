"""What a forecast makes of each feature, and how that differs between environments."""

from elinvar.forecast.curves._curves import Curve, feature_curves
from elinvar.forecast.curves._deviations import Residuals

__all__ = ["Curve", "Residuals", "feature_curves"]
