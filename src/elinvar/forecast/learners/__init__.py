"""What predicts: one learner a file, each blind to environments that it is not given."""

from elinvar.forecast.learners._learner import Learner, Learnt

__all__ = ["Learner", "Learnt"]
