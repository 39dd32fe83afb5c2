"""The types of what figures are made of, for annotations: matplotlib is not loaded for them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist as Artist
    from matplotlib.axes import Axes as Axes
else:
    Artist = Axes = Any
