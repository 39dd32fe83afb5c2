"""Real tables and generators with known answers."""

from elinvar.datasets._eills import make_eills
from elinvar.datasets._known import KnownAnswer, Sample
from elinvar.datasets._linear_unit_tests import make_linear_unit_test
from elinvar.datasets._random_linear import make_random_linear
from elinvar.datasets._reversed import make_reversed

__all__ = [
    "KnownAnswer",
    "Sample",
    "make_eills",
    "make_linear_unit_test",
    "make_random_linear",
    "make_reversed",
]
