"""Figures: arrays and tables in, matplotlib axes out; nothing is computed here."""

from elinvar.plots._save import to_png, to_svg
from elinvar.plots.bench._ranks import plot_ranks
from elinvar.plots.bench._recovery import plot_recovery
from elinvar.plots.bench._scatter import plot_error_time
from elinvar.plots.bench._tables import plot_tables
from elinvar.plots.model._diagnosis import plot_diagnosis
from elinvar.plots.model._effects import plot_effects
from elinvar.plots.model._environments import plot_environments
from elinvar.plots.model._errors import plot_errors
from elinvar.plots.model._forest import plot_forest
from elinvar.plots.model._left_out import plot_left_out
from elinvar.plots.model._lines import plot_path, plot_trajectory
from elinvar.plots.model._power import plot_power
from elinvar.plots.sensing._comparison import plot_comparison
from elinvar.plots.sensing._distances import plot_distances
from elinvar.plots.sensing._lines import plot_lines
from elinvar.plots.sensing._outcomes import plot_outcomes
from elinvar.plots.sensing._phase import plot_phase_diagram

__all__ = [
    "plot_comparison",
    "plot_diagnosis",
    "plot_distances",
    "plot_effects",
    "plot_environments",
    "plot_error_time",
    "plot_errors",
    "plot_forest",
    "plot_left_out",
    "plot_lines",
    "plot_outcomes",
    "plot_path",
    "plot_phase_diagram",
    "plot_power",
    "plot_ranks",
    "plot_recovery",
    "plot_tables",
    "plot_trajectory",
    "to_png",
    "to_svg",
]
