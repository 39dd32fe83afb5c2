"""What predicts: one learner a file, each blind to environments that it is not given."""

from elinvar.forecast.learners._additive import Additive, LearntAdditive
from elinvar.forecast.learners._basis import basis_of
from elinvar.forecast.learners._boosting import Boosting, LearntTrees, probabilities
from elinvar.forecast.learners._classes import LearntClasses, learn
from elinvar.forecast.learners._foreign import Foreign
from elinvar.forecast.learners._forest import Forest, LearntShares
from elinvar.forecast.learners._learner import Learner, Learnt, fit_once
from elinvar.forecast.learners._logistic import LearntLogistic, Logistic
from elinvar.forecast.learners._part import LearntPart
from elinvar.forecast.learners._read import read_learnt
from elinvar.forecast.learners._residuals import LearntOnResiduals, OnResiduals, log_odds
from elinvar.forecast.learners._trees import TreeEnsemble

__all__ = [
    "Additive",
    "Boosting",
    "Foreign",
    "Forest",
    "Learner",
    "Learnt",
    "LearntAdditive",
    "LearntClasses",
    "LearntLogistic",
    "LearntOnResiduals",
    "LearntPart",
    "LearntShares",
    "LearntTrees",
    "Logistic",
    "OnResiduals",
    "TreeEnsemble",
    "basis_of",
    "fit_once",
    "learn",
    "log_odds",
    "probabilities",
    "read_learnt",
]
