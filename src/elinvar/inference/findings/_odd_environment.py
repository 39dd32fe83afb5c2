"""Which environment is responsible where environments do not agree."""

from dataclasses import dataclass

import numpy as np

from elinvar.errors import DataError
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.problem._types import Bools

_LEVEL = 0.05
_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class OddEnvironment:
    """The environment without which the others agree.

    Attributes
    ----------
    name : str
    share : float
        Part of the disagreement (statistic above its expectation) that goes with it, 0.5 to 1.
    p_value : float
        Of the overidentification test without it, at least 0.05. It was picked for being the worst,
        so this is a hint and no test.
    """

    name: str
    share: float
    p_value: float


def odd_environment(loss: Loss[M], gates: Bools) -> OddEnvironment | None:
    """Find the environment that alone is responsible for the disagreement on a support.

    Each is left out in turn (own derivation: the noncentrality of the test adds up over
    environments, but for their common mean).

    Parameters
    ----------
    loss : Loss
    gates : boolean array of shape (n_gates,)

    Returns
    -------
    OddEnvironment or None
        None with fewer than four environments, for any of three stands out by chance; without
        disagreement beyond chance (5%); or if the others do not agree without any single one.
    """
    if len(loss.problem.count) < 4:
        return None
    problem, whole = loss.problem, loss.assess(gates[None])
    excess = float(whole.excess[0])
    if not (0 < excess < np.inf and whole.p_value[0] < _LEVEL):
        return None
    found = None
    for name in problem.moments.names:
        try:
            rest = loss.without([name])
        except DataError:  # the target varies there only
            continue
        opened = np.isin(rest.problem.features, problem.features[gates])
        table = rest.assess(opened[None])
        # the noncentrality of the test adds up over environments, but for their common mean
        share = 1.0 - float(table.excess[0]) / excess
        agree = table.p_value[0] >= _LEVEL
        if agree and share >= (_SHARE if found is None else found.share):
            found = OddEnvironment(name=name, share=share, p_value=float(table.p_value[0]))
    return found
