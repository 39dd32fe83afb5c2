"""Types of tables and figures, for annotations: pandas and matplotlib are not loaded for them."""

from typing import TYPE_CHECKING, Any

from elinvar.plots.types import Axes as Axes

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame
else:
    DataFrame = Any
