"""Supports of a logistic model with covariances, from the Fisher information."""

import numpy as np

from elinvar.inference.losses._records import Refit
from elinvar.inference.losses._robust import with_sandwich
from elinvar.inference.losses.logistic._fits import informations
from elinvar.inference.losses.logistic._newton import RIDGE
from elinvar.inference.losses.logistic._supports import Support
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._types import Bools, Floats

_LOOSE = 0.01


def refit_of(data: LogisticProblem, support: Support) -> Refit:
    """Fit of a support in each environment and over all, as evidence needs it."""
    m = data.m
    columns = data.columns(support.gates)
    kept = columns[data.linear.absorbed :]
    common = np.repeat(support.common.coef[None], len(data.count), axis=0)
    common[:, :, 0] = support.common.intercepts
    precision = _information(data, support.gates, common)
    own_information = _information(data, support.gates, support.own.coef)
    ridge = RIDGE * np.eye(precision.shape[1])
    # the inverse of the information at the common fit, and of each at its own
    covariance = np.linalg.inv(precision.sum(axis=0) + ridge)
    own_covariance = np.linalg.inv(own_information + ridge)
    freedom = np.maximum(data.count - len(columns), 0.0)
    # a direction that the ridge alone holds has the variance 1 / RIDGE, shared by its columns
    estimable = np.einsum("ejj->ej", own_covariance) < _LOOSE / RIDGE
    whole = ~support.separated & (data.present > 0).all(axis=1) & (freedom > 0)
    estimable &= whole[:, None]
    units = np.append(1.0, 1.0 / data.linear.scale)
    fit = Refit(
        columns=np.tile(kept - data.linear.absorbed, m),
        units=np.tile(units[kept], m),
        n_outcomes=m,
        coef=support.common.coef[:, kept].ravel(),
        known=covariance.diagonal() < 0.5 / RIDGE,
        covariance=covariance,
        precision=precision,
        own=support.own.coef[:, :, kept].reshape(len(data.count), -1),
        own_covariance=own_covariance * (estimable[:, :, None] & estimable[:, None, :]),
        freedom=freedom,
        noise_known=True,
        test_alone=support.by_discriminant,
    )
    if support.scores is None:
        return fit
    return with_sandwich(fit, support.scores, levels=not data.linear.absorbed)


def _information(data: LogisticProblem, gates: Bools, coef: Floats) -> Floats:
    """Fisher information; with own intercepts that of the slopes, these taken out."""
    found = informations(data, gates, coef)
    if not data.linear.absorbed:
        return found
    constant = np.arange(found.shape[1]) % (found.shape[1] // data.m) == 0
    slopes, levels = np.flatnonzero(~constant), np.flatnonzero(constant)
    # S = H_ww - H_wa H_aa^-1 H_aw: docs/theory.md, section 12, "Own intercepts"
    border = found[:, slopes[:, None], levels]
    inner = found[:, levels[:, None], levels] + RIDGE * np.eye(len(levels))
    taken = border @ np.linalg.solve(inner, np.swapaxes(border, 1, 2))
    left: Floats = found[:, slopes[:, None], slopes] - taken
    return left
