"""The type of what figures are drawn on, for annotations: matplotlib is not loaded for it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
else:
    Axes = Any
