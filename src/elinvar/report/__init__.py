"""Pages made from results and figures."""

from elinvar.report._figures import environment_figure, write_figures, write_picture
from elinvar.report._page import write_report

__all__ = [
    "environment_figure",
    "write_figures",
    "write_picture",
    "write_report",
]
