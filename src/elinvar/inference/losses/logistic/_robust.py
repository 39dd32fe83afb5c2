"""Each environment's maximum likelihood, and what clusters of rows contribute to it."""

import numpy as np

from elinvar.inference.losses.logistic._fits import informations
from elinvar.inference.problem._linear_algebra import roots
from elinvar.inference.problem._rows import LogisticProblem
from elinvar.inference.problem._sandwich import Cells, OwnScores, cell_scores, plain_scores
from elinvar.inference.problem._types import Bools, Floats

# the variance follows from the prediction: none is estimated
_KNOWN = 1e12
_SMALLEST = 1e-12


def own_scores(data: LogisticProblem, cells: Cells, gates: Bools, coefs: Floats) -> OwnScores:
    r"""Contributions of clusters to the own fits ``coefs`` (E, m, q) of a support.

    A row's score is :math:`(1_{y = c} - p_c)\, x`. With the root L of the covariance
    :math:`\mathrm{diag}\, p - p p^\top` of the classes it is that of m rows of weighted least
    squares, :math:`L_{\cdot j} \otimes x` with the residuals :math:`L^{-1}(1_y - p)`, so that the
    leverage correction of `cell_scores` applies as it is.
    """
    columns, m, E = data.columns(gates), data.m, len(data.count)
    X = data.Z[columns].T
    back, root = roots(informations(data, gates, coefs))
    spread, residual = _standard(data, np.einsum("nk,nmk->nm", X, coefs[data.place][:, :, columns]))
    # m rows for each: (n, m, m k), outcome by outcome
    design = np.einsum("ncj,nk->njck", spread, X).reshape(len(X), m, m * len(columns))
    white = np.empty(design.shape)
    for e in range(E):
        here = slice(data.bounds[e], data.bounds[e + 1])
        white[here] = design[here] @ back[e]
    several = cells.repeated(m)
    rows = (
        several,
        np.repeat(data.weight, m),
        white.reshape(1, -1, m * len(columns)),
        residual.reshape(1, -1),
    )
    scores, expected = cell_scores(*rows)
    known = np.full((1, E), _KNOWN)
    return OwnScores(
        cells=several,
        levels=np.arange(m * len(columns)) % len(columns) == 0,
        own=coefs[:, :, columns].reshape(1, E, -1),
        root=root[None],
        back=back[None],
        scores=scores,
        expected=expected,
        plain=plain_scores(*rows) if cells.few(m * len(columns)) else None,
        freedom=known,
        steady=known,
    )


def _standard(data: LogisticProblem, odds: Floats) -> tuple[Floats, Floats]:
    """Roots (n, m, m) of the classes' covariances, and residuals (n, m) in their units."""
    m = data.m
    full = np.concatenate([np.zeros((len(odds), 1)), odds], axis=1)
    full = np.exp(full - full.max(axis=1, keepdims=True))
    share = np.maximum((full / full.sum(axis=1, keepdims=True))[:, 1:], _SMALLEST)
    left = (data.y[:, None] == np.arange(1, m + 1)) - share
    if m == 1:
        root = np.sqrt(np.maximum(share * (1 - share), _SMALLEST))
        return root[:, :, None], left / root
    joint = share[:, :, None] * np.eye(m) - share[:, :, None] * share[:, None, :]
    spread = np.linalg.cholesky(joint + _SMALLEST * np.eye(m))
    return spread, np.linalg.solve(spread, left[..., None])[..., 0]
