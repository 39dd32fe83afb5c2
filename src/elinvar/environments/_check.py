"""What every estimator asks of moments before it starts."""

import numpy as np

from elinvar.environments._moments import Moments
from elinvar.environments._rows import identifier_message
from elinvar.errors import DataError


def check_environments(moments: Moments) -> None:
    """Refuse moments that no model can be learned from.

    Parameters
    ----------
    moments : Moments
        Moments of all environments to be learned from.

    Raises
    ------
    DataError
        If every one of several environments holds a single row or less than one, or the target is
        constant over all rows.
    """
    E, rows = moments.n_environments, moments.n_rows
    if E > 1 and (moments.count < 1).all():
        raise DataError(
            f"The weights of every environment add up to less than 1 ({rows:g} in all): they are "
            "frequency weights, and weight 2 counts a row twice; do not normalise them."
        )
    if E > 1 and (moments.count <= 1).all():
        raise DataError(identifier_message(E, rows))
    within = moments.count @ moments.var_y / rows
    mean = moments.count @ moments.mean_y / rows
    between = moments.count @ (moments.mean_y - mean) ** 2 / rows
    if within + between <= (4 * np.finfo(float).eps * abs(mean)) ** 2:
        raise DataError(
            f"The target {moments.schema.target!r} is constant ({mean:g} in all {rows:,.0f} rows), "
            "so there is nothing to learn; is it the right column?"
        )
