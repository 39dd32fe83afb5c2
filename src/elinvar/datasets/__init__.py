"""Real tables and generators with known answers."""

from elinvar.datasets._dataset import Dataset
from elinvar.datasets._eills import make_eills
from elinvar.datasets._known import KnownAnswer, Sample
from elinvar.datasets._linear_unit_tests import make_linear_unit_test
from elinvar.datasets._random_linear import make_random_linear
from elinvar.datasets._reversed import make_reversed
from elinvar.datasets._sachs import SachsDataset, load_sachs
from elinvar.datasets._tables import load_bikes, load_penguins

__all__ = [
    "Dataset",
    "KnownAnswer",
    "SachsDataset",
    "Sample",
    "load_bikes",
    "load_penguins",
    "load_sachs",
    "make_eills",
    "make_linear_unit_test",
    "make_random_linear",
    "make_reversed",
]
