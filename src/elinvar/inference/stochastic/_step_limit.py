"""The largest step that the data allow, before any step is taken."""

import numpy as np

from elinvar.inference.problem._scaling import ScaledMoments, check_overflow
from elinvar.inference.problem._types import Floats
from elinvar.inference.stochastic._steps import GateSteps

# A ridge of this share of each feature's variance keeps the limit finite for collinear features.
_LIMIT_RIDGE = 1e-2
# No step is larger than the one for features that explain this share of the target's sd.
_LIMIT_FLOOR = 0.25


def step_limit(moments: ScaledMoments, weights: Floats, *, steps: GateSteps | None = None) -> float:
    r"""Return the largest step size that keeps the steps bounded.

    :math:`1 / (2 L)` with :math:`L` the largest, over environments, of
    :math:`\lambda_{\max}(D S_e D)` and :math:`\max_j |c_{ej}|`; :math:`D = \mathrm{diag}
    (|w|^{1/2})`, w the pooled ridge solution. The second is the strongest pull on a closed gate:
    the iteration of a single gate is bounded while it stays below about :math:`1 / (2 \eta)`. The
    gain enters through extrapolated environments. Batches of m rows add the sampling noise of
    their gradients, times the gain: twice :math:`\mathrm{tr}(D S_e D) / m` to the first, three
    standard errors to the second. L is at least a quarter of (largest feature scale x target
    scale). Own derivation, see docs/theory.md.

    Parameters
    ----------
    moments : ScaledMoments
        Of the environments.
    weights : ndarray of shape (E,)
        Probability of each environment.
    steps : GateSteps, optional
        Where ``gain``, ``pooled`` and ``batch_size`` are taken from.

    Returns
    -------
    float
        Step size, per unit of (feature scale x target scale).

    Raises
    ------
    DataError
        If the moments differ so much in size that products overflow.
    """
    gain = 1.0 if steps is None else steps.gain
    mixture = moments.pooled(weights)
    pooled_steps = steps is not None and steps.pooled
    step_moments = mixture if pooled_steps else moments.extrapolated(mixture, gain)
    variance = np.diag(mixture.gram[0])
    ridge = np.where(variance > 0, _LIMIT_RIDGE * variance, 1.0)
    solution = np.linalg.solve(mixture.gram[0] + np.diag(ridge), mixture.cross[0])
    # the Jacobian at a solution is I - 4 eta D S D, D = diag(|w|^(1/2)): docs/theory.md, section 11
    root = np.sqrt(np.abs(solution))
    with np.errstate(over="ignore", invalid="ignore"):
        inner = step_moments.gram * root[:, None] * root
    check_overflow(inner)
    curvature = np.abs(np.linalg.eigvalsh(inner)).max(axis=1)
    pull = np.abs(step_moments.cross).max(axis=1)
    if steps is not None and steps.batch_size is not None:
        # tr(D S_e D) / m bounds what a batch adds to the curvature, a standard error what it pulls
        diagonal = np.einsum("ejj->ej", moments.gram)
        noise = abs(gain) / steps.batch_size
        curvature = curvature + 2 * noise * np.max(diagonal @ np.abs(solution))
        spread = np.max(np.sqrt(diagonal) * np.sqrt(moments.power / steps.batch_size)[:, None])
        pull = pull + 3 * abs(gain) * spread
    floor = _LIMIT_FLOOR * np.sqrt(variance.max()) * np.sqrt(mixture.power[0])
    largest = float(max(curvature.max(), pull.max(), floor))
    return 0.5 / largest if largest > 1e-100 else 0.5
