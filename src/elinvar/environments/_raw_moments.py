"""The one record of moments, without ways in: what accumulating, merging and loading make."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from elinvar.environments._checks import Floats
from elinvar.environments._schema import Schema
from elinvar.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RawMoments:
    """Count, means and centred second moments; see :class:`elinvar.environments.Moments`."""

    names: tuple[str, ...]
    count: Floats
    mean_x: Floats
    mean_y: Floats
    cov_xx: Floats
    cov_xy: Floats
    var_y: Floats
    schema: Schema
    n_dropped: int = 0

    def __post_init__(self) -> None:
        E, p = len(self.names), self.schema.n_columns
        object.__setattr__(self, "names", tuple(self.names))
        shapes = {
            "count": (E,),
            "mean_x": (E, p),
            "mean_y": (E,),
            "cov_xx": (E, p, p),
            "cov_xy": (E, p),
            "var_y": (E,),
        }
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.float64, order="C", copy=None).view()
            if array.shape != shape:
                raise DataError(
                    f"{name} has shape {array.shape}, but {E} environments and {p} columns need "
                    f"{shape}."
                )
            if not np.isfinite(array).all():
                raise DataError(f"{name} holds NaN or infinity; moments must be finite.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not E:
            raise DataError(
                "There are no environments: 0 sample(s) while a minimum of 1 is required."
            )
        if len(set(self.names)) < E:
            raise DataError("Each environment may be named only once.")
        if (self.count <= 0).any():
            raise DataError("Every environment needs a positive count.")
        if (self.var_y < 0).any() or (np.einsum("ejj->ej", self.cov_xx) < 0).any():
            raise DataError("Variances must not be negative.")

    def without_empty_levels(self) -> Self:
        """Leave out the columns of levels that occur in no row."""
        schema = self.schema.without_levels(~(self.mean_x != 0).any(axis=0))
        if schema is self.schema:
            return self
        at = schema.position_in(self.schema)
        return replace(
            self,
            mean_x=self.mean_x[:, at],
            cov_xx=self.cov_xx[:, at[:, None], at[None, :]],
            cov_xy=self.cov_xy[:, at],
            schema=schema,
        )

    @property
    def n_rows(self) -> float:
        """Rows in all environments, or the sum of their weights."""
        return float(self.count.sum())
