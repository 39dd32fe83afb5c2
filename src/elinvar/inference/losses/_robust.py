"""Refits and tests with sandwich covariances, whatever the loss."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from elinvar.inference.losses._records import ModelTest, Part, Refit
from elinvar.inference.problem._sandwich import OwnScores
from elinvar.inference.tests._robust import RobustTest, common_fit


def with_sandwich(fit: Refit, own: OwnScores, *, levels: bool) -> Refit:
    """Return the refit with covariances from rows; ``levels``: whether it has intercepts."""
    common = common_fit(own, levels=levels)
    at = own.places(len(fit.columns))
    known = np.einsum("ejj->ej", fit.own_covariance) > 0
    sampling = own.own_covariance()[0][:, at[:, None], at]
    return replace(
        fit,
        covariance=common.covariance[0],
        own_covariance=sampling * (known[:, :, None] & known[:, None, :]),
        scores=own,
        pulls=np.swapaxes(common.frame[0] @ common.back[0].T, 1, 2),
    )


def in_table(found: Mapping[Part, RobustTest], questions: Mapping[Part, str]) -> list[ModelTest]:
    """Lay out tests of one support that the data can answer."""
    return [
        ModelTest(
            test=part,
            statistic=float(test.statistic[0] / test.df1[0]),
            df1=float(test.df1[0]),
            df2=float(test.df2[0]),
            p_value=float(test.p_value[0]),
            question=questions[part],
        )
        for part, test in found.items()
        if test.statistic[0] > 0
    ]
