"""Whether one forecast leads another by more than noise, where environments were left out."""

import numpy as np
from scipy.special import stdtrit

from elinvar.inference.problem._types import Floats

_ROUNDING = 1e-9


def sure_lead(lead: Floats, level: float = 0.9) -> float:
    r"""Mean lead over environments less its noise: above 0 it is more than noise.

    .. math:: \bar d - t_{E-1;\,\text{level}}\; s_d / \sqrt E

    Parameters
    ----------
    lead : array of shape (E,)
        Error of one forecast less that of another, at least two.
    level : float in (0.5, 1)
        One-sided level of Student's t.
    """
    n = len(lead)
    noise = float(stdtrit(n - 1, level)) * float(lead.std(ddof=1)) / float(np.sqrt(n))
    return float(lead.mean()) - noise - _ROUNDING
