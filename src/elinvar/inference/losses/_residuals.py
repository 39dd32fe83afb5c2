"""Residuals of a model in one environment, whatever the loss."""

import numpy as np
from scipy.special import stdtrit

from elinvar.inference.losses._records import Competitor, EnvironmentResiduals, LeftOutFit, Refit
from elinvar.inference.problem._linear_algebra import pseudo_inverses
from elinvar.inference.problem._types import Bools, Floats

# predictions that vary by less than this share of the target's standard deviation do not vary
_FLAT = 1e-9
_ROUNDING = 1e-9


def taken_freedom(fit: Refit, constant: Bools) -> Floats:
    r"""Degrees of freedom (E,) that each environment's rows lose to the common slopes.

    :math:`\mathrm{tr}\, \Phi P_e` with the intercepts, ``constant`` (k,), taken out of both.
    """
    slopes, levels = np.flatnonzero(~constant), np.flatnonzero(constant)
    precision = fit.precision[:, slopes[:, None], slopes]
    if len(levels):
        border = fit.precision[:, slopes[:, None], levels]
        inverse = pseudo_inverses(fit.precision[:, levels[:, None], levels])[0]
        # the Schur complement: what an environment says of slopes when its level is free
        precision = precision - border @ inverse @ np.swapaxes(border, 1, 2)
    taken: Floats = np.einsum("jk,ekj->e", fit.covariance[slopes[:, None], slopes], precision)
    return np.maximum(taken, 0.0)


def residuals_of(
    environment: str,
    rows: float,
    *,
    mean: float,
    truth: float,
    signal: float,
    joint: float,
    freedom: float,
    floor: float,
    slope_error: float | None = None,
    outcome: str = "",
) -> EnvironmentResiduals:
    """Return intervals for the mean residual and for the slope of the truth on the prediction.

    ``truth`` and ``signal`` are the variances of truth and prediction, ``joint`` their covariance;
    ``slope_error`` replaces the standard error for a constant variance of the residuals.
    """
    varies = signal > floor
    # least squares of the truth on the prediction: 1 if the model is calibrated
    slope = joint / signal if varies else np.nan
    about_line = max(truth - joint * slope, 0.0) if varies else np.nan
    scatter = max(truth - 2 * joint + signal, 0.0)
    # E n s^2 = sigma^2 (n - 1 - tr Phi P_e): docs/evidence.md, section 2, "Residuals"
    sd = np.sqrt(scatter * rows / freedom) if freedom > 0 else np.nan
    if abs(mean) <= _ROUNDING * sd:  # 0 where the environment has an intercept of its own
        mean = 0.0
    mean_margin = _quantile(freedom) * sd / np.sqrt(rows)
    slope_margin = np.nan
    if varies and freedom > 1:
        error = slope_error
        if error is None:
            # a slope takes one more degree of freedom
            error = np.sqrt(about_line / ((freedom - 1) * signal))
        slope_margin = _quantile(freedom - 1) * error
    return EnvironmentResiduals(
        environment=environment,
        rows=rows,
        mean=mean,
        mean_low=float(mean - mean_margin),
        mean_high=float(mean + mean_margin),
        slope=float(slope),
        slope_low=float(slope - slope_margin),
        slope_high=float(slope + slope_margin),
        sd=float(sd),
        outcome=outcome,
    )


def left_out_fit(
    model: Competitor,
    *,
    predicted: float,
    signal: float,
    truth: float,
    target: float,
    joint: float,
    outcome: str = "",
) -> LeftOutFit:
    """Hold predictions against the truth by their means, variances and covariance."""
    return LeftOutFit(
        model=model,
        predicted_mean=predicted,
        predicted_sd=signal**0.5,
        truth_mean=truth,
        truth_sd=target**0.5,
        slope=joint / signal if signal > _FLAT**2 * target else float("nan"),
        residual_sd=max(target - 2 * joint + signal, 0.0) ** 0.5,
        bias=truth - predicted,
        outcome=outcome,
    )


def _quantile(freedom: float) -> float:
    """Half-width of Student's 95% interval, in standard errors."""
    return float(stdtrit(freedom, 0.975)) if freedom > 0 else np.nan
