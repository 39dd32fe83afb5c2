"""What differs between training environments, learnt from their moments."""

import numpy as np
from numpy.typing import NDArray

from elinvar.environments import Moments
from elinvar.forecast.adaptation import WIDE, Adaptation, learn_adaptation, rows_of_moments
from elinvar.inference import Findings, LinearModel

Floats = NDArray[np.float64]

_SEED = 0
# more environments change no variance that could be told
_MOST = 100


def adaptation_of(found: Findings[LinearModel]) -> Adaptation | None:
    """Learn what may differ in a new place from forecasts of environments left out.

    Parameters
    ----------
    found : Findings
        Of a number.

    Returns
    -------
    Adaptation or None
        None with fewer than two environments of 20 rows.
    """
    moments: Moments = found.problem.moments
    models = found.forecasters()
    rng = np.random.default_rng(_SEED)
    schema = moments.schema
    wide = moments.n_columns > WIDE
    parts = []
    for e in np.sort(rng.permutation(len(models))[:_MOST]):
        mean, cov = _joint(moments, int(e), models[e])
        # of very many columns only the forecast is looked at
        kept = slice(-2, None) if wide else slice(None)
        parts.append(rows_of_moments(mean[kept], cov[kept, kept], float(moments.count[e]), rng))
    if not parts:
        return None
    rows = np.concatenate(parts)
    X = np.zeros((len(rows), moments.n_columns)) if wide else rows[:, :-2]
    return learn_adaptation(
        X,
        rows[:, -1],
        np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        rows[:, -2:-1],
        np.zeros((len(rows), 0, 1)),
        columns=schema.columns,
        categorical=np.array([schema.features[j] in schema.levels for j in schema.groups]),
        bending=False,  # of which moments know nothing
        seed=_SEED,
    )


def _joint(moments: Moments, e: int, model: LinearModel) -> tuple[Floats, Floats]:
    """Return mean and covariance of columns, left-out forecast and target in an environment."""
    p = moments.n_columns
    whole = np.empty((p + 1, p + 1))
    whole[:p, :p], whole[p, p] = moments.cov_xx[e], moments.var_y[e]
    whole[:p, p] = whole[p, :p] = moments.cov_xy[e]
    # x, x coef + intercept, y
    to = np.zeros((p + 2, p + 1))
    to[:p, :p], to[p, :p], to[p + 1, p] = np.eye(p), model.coef, 1.0
    mean = to @ np.append(moments.mean_x[e], moments.mean_y[e])
    mean[p] += model.intercept
    return mean, to @ whole @ to.T
