"""One file a claim of the paper: rows, a picture, and a verdict computed from the numbers."""

from elinvar.studies._page import write_studies_page
from elinvar.studies._records import read_study_records, summary_texts, write_study_record
from elinvar.studies._registry import STUDIES, choose_studies, runnable_studies
from elinvar.studies._run import StudyResult, run_study
from elinvar.studies._study import Claim, Study, StudyConfig, install_command
from elinvar.studies._transition import Transition, slope, transition

__all__ = [
    "STUDIES",
    "Claim",
    "Study",
    "StudyConfig",
    "StudyResult",
    "Transition",
    "choose_studies",
    "install_command",
    "read_study_records",
    "run_study",
    "runnable_studies",
    "slope",
    "summary_texts",
    "transition",
    "write_studies_page",
    "write_study_record",
]
