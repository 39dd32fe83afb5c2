"""One file a claim of the paper: rows, a picture, and a verdict computed from the numbers."""

from elinvar.studies._registry import STUDIES
from elinvar.studies._run import StudyResult, run_study
from elinvar.studies._study import Claim, Study, StudyConfig, Verdict

__all__ = ["STUDIES", "Claim", "Study", "StudyConfig", "StudyResult", "Verdict", "run_study"]
