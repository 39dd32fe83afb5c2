"""Pages made from results and figures."""

from elinvar.report._figures import write_figures
from elinvar.report._page import write_report

__all__ = [
    "write_figures",
    "write_report",
]
