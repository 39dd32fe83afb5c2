r"""Merge moments of disjoint rows without losing digits.

Counts, means and centred moments of two parts combine as

.. math::

    n = n_a + n_b,\qquad \delta = \bar z_b - \bar z_a,\qquad
    \bar z = \bar z_a + \tfrac{n_b}{n} \delta,\qquad
    C = \tfrac{n_a}{n} C_a + \tfrac{n_b}{n} C_b + \tfrac{n_a n_b}{n^2} \delta \delta^T.

References
----------
T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances", COMPSTAT 1982.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from elinvar.environments._accumulate import check_size
from elinvar.environments._checks import Floats
from elinvar.environments._labels import natural_order
from elinvar.environments._raw_moments import RawMoments
from elinvar.errors import DataError

M = TypeVar("M", bound=RawMoments)


def merge(a: M, b: RawMoments) -> M:
    """Return the moments of the rows of both."""
    if a.schema.target != b.schema.target:
        raise DataError(
            f"Only moments of the same target can be merged; got {a.schema.target!r} and "
            f"{b.schema.target!r}."
        )
    schema = a.schema.unite(b.schema)
    names = natural_order({*a.names, *b.names})
    check_size(len(names), int(a.n_rows + b.n_rows), schema.n_columns)
    p = schema.n_columns
    count = np.zeros(len(names))
    mean = np.zeros((len(names), p + 1))
    cov = np.zeros((len(names), p + 1, p + 1))
    position = {name: e for e, name in enumerate(names)}
    for part in (a, b):
        columns = np.append(part.schema.position_in(schema), p)
        for e, name in enumerate(part.names):
            k = position[name]
            part_mean, part_cov = np.zeros(p + 1), np.zeros((p + 1, p + 1))
            part_mean[columns] = np.append(part.mean_x[e], part.mean_y[e])
            part_cov[columns[:, None], columns[None, :]] = _joint(part, e)
            with np.errstate(over="ignore", invalid="ignore"):
                count[k] = _update(count[k], mean[k], cov[k], part.count[e], part_mean, part_cov)
    return replace(
        a,
        names=tuple(names),
        count=count,
        mean_x=mean[:, :p],
        mean_y=mean[:, p],
        cov_xx=cov[:, :p, :p],
        cov_xy=cov[:, :p, p],
        var_y=cov[:, p, p],
        schema=schema,
        n_dropped=a.n_dropped + b.n_dropped,
    )


def _joint(moments: RawMoments, e: int) -> Floats:
    return np.block(
        [
            [moments.cov_xx[e], moments.cov_xy[e][:, None]],
            [moments.cov_xy[e][None, :], moments.var_y[e][None, None]],
        ]
    )


def _update(
    n_a: float, mean_a: Floats, cov_a: Floats, n_b: float, mean_b: Floats, cov_b: Floats
) -> float:
    """Fold part b into part a, in place; return the joint count."""
    n = n_a + n_b
    delta = mean_b - mean_a
    weight = n_b / n
    mean_a += weight * delta
    cov_a *= n_a / n
    cov_a += weight * cov_b
    if n_a:
        cov_a += (weight * (n_a / n)) * np.outer(delta, delta)
    return n
