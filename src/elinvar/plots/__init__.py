"""Figures: arrays and tables in, matplotlib axes out; nothing is computed here."""

from elinvar.plots._bench_ranks import plot_ranks
from elinvar.plots._bench_recovery import plot_recovery
from elinvar.plots._bench_scatter import plot_error_time
from elinvar.plots._diagnosis import plot_diagnosis
from elinvar.plots._effects import plot_effects
from elinvar.plots._environments import plot_environments
from elinvar.plots._errors import plot_errors
from elinvar.plots._forest import plot_forest
from elinvar.plots._left_out import plot_left_out
from elinvar.plots._lines import plot_path, plot_trajectory
from elinvar.plots._noise import plot_noise
from elinvar.plots._outcomes import plot_outcomes
from elinvar.plots._power import plot_power
from elinvar.plots._save import to_png, to_svg
from elinvar.plots._sensing_distances import plot_distances
from elinvar.plots._sensing_fits import plot_comparison, plot_scaling
from elinvar.plots._sensing_phase import plot_phase_diagram
from elinvar.plots._sensing_signals import plot_sensing, plot_signals

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
    "plot_noise",
    "plot_outcomes",
    "plot_path",
    "plot_phase_diagram",
    "plot_power",
    "plot_ranks",
    "plot_recovery",
    "plot_scaling",
    "plot_sensing",
    "plot_signals",
    "plot_trajectory",
    "to_png",
    "to_svg",
]
