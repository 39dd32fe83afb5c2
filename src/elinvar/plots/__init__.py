"""Figures: arrays and tables in, matplotlib axes out; nothing is computed here."""

from elinvar.plots._diagnosis import plot_diagnosis
from elinvar.plots._effects import plot_effects
from elinvar.plots._environments import plot_environments
from elinvar.plots._errors import plot_errors
from elinvar.plots._forest import plot_forest
from elinvar.plots._left_out import plot_left_out
from elinvar.plots._lines import plot_path, plot_trajectory
from elinvar.plots._power import plot_power
from elinvar.plots._save import to_png, to_svg

__all__ = [
    "plot_diagnosis",
    "plot_effects",
    "plot_environments",
    "plot_errors",
    "plot_forest",
    "plot_left_out",
    "plot_path",
    "plot_power",
    "plot_trajectory",
    "to_png",
    "to_svg",
]
