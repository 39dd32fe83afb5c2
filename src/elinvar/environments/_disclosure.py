r"""How few rows stand behind a number: what is to be known before moments leave a site.

A column of zeros and ones, such as a level, has mean :math:`m` and variance :math:`m(1 - m)`, and
then :math:`n m` rows of one and :math:`n (1 - m)` of the other.
"""

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import counted
from elinvar._base._voice import option
from elinvar._base._words import some
from elinvar.environments._raw_moments import RawMoments
from elinvar.errors import DataError

_HALF = 0.5


def check_counts(moments: RawMoments, smallest: int) -> None:
    """See :meth:`Moments.check_counts`."""
    if smallest < 1:
        raise DataError(f"The smallest count is 1 or more; got {smallest}.")
    small = moments.count < smallest - _HALF
    if small.any():
        names = [repr(moments.names[e]) for e in np.flatnonzero(small)]
        raise DataError(
            f"Environments of fewer than {counted(smallest, 'row')}: {some(names)}. Leave "
            f"{'them' if len(names) > 1 else 'it'} out "
            f"({option('exclude_environments', *_names(moments, small))}), or name a coarser "
            "environment."
        )
    means = np.column_stack([moments.mean_x, moments.mean_y])
    powers = np.column_stack([np.einsum("ejj->ej", moments.cov_xx), moments.var_y])
    spread = means * (1 - means)
    two_way = (means > 0) & (means < 1) & np.isclose(powers, spread, rtol=1e-9, atol=0)
    rows = moments.count[:, None] * np.minimum(means, 1 - means)
    found = two_way & (rows < smallest - _HALF)
    if found.any():
        columns = (*moments.schema.columns, moments.schema.target)
        names = [f"{columns[j]} in {moments.names[e]!r}" for e, j in np.argwhere(found)]
        raise DataError(
            f"Levels (or their counterparts) of fewer than {counted(smallest, 'row')}: "
            f"{some(names)}. Merge these levels, drop the columns "
            f"({option('drop')}), or leave the environments out "
            f"({option('exclude_environments', *_names(moments, found.any(axis=1)))})."
        )


def _names(moments: RawMoments, chosen: NDArray[np.bool_]) -> list[str]:
    return [moments.names[e] for e in np.flatnonzero(chosen)][:5]
