"""Pages made from results and figures."""

from elinvar.report._bench_page import write_bench_page
from elinvar.report._figures import write_figures
from elinvar.report._page import write_report
from elinvar.report._studies_page import write_studies_page
from elinvar.report._study_records import write_study_record

__all__ = [
    "write_bench_page",
    "write_figures",
    "write_report",
    "write_studies_page",
    "write_study_record",
]
