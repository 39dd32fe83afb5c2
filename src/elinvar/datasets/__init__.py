"""Real tables and generators with known answers."""

from elinvar.datasets._additive import make_additive
from elinvar.datasets._coloured_digits import make_coloured_digits
from elinvar.datasets._curved import make_curved
from elinvar.datasets._dataset import Dataset
from elinvar.datasets._eills import make_eills
from elinvar.datasets._fair import make_fair
from elinvar.datasets._gene_network import make_gene_network
from elinvar.datasets._irm_chain import make_irm_chain
from elinvar.datasets._known import KnownAnswer, Sample, Task
from elinvar.datasets._linear_unit_tests import make_linear_unit_test
from elinvar.datasets._mnist import Digits, load_mnist_digits
from elinvar.datasets._problems import PROBLEMS, SUITES, Problem, make_problem
from elinvar.datasets._random_graph import KnownGraph, make_random_graph
from elinvar.datasets._random_linear import make_random_linear
from elinvar.datasets._real_tables import TableSpec, load_table, read_specs, table_specs
from elinvar.datasets._reversed import make_reversed
from elinvar.datasets._sachs import SachsDataset, load_sachs
from elinvar.datasets._schools import SchoolsDataset, make_schools
from elinvar.datasets._sparse import make_sparse_linear
from elinvar.datasets._tables import load_bikes, load_penguins

__all__ = [
    "PROBLEMS",
    "SUITES",
    "Dataset",
    "Digits",
    "KnownAnswer",
    "KnownGraph",
    "Problem",
    "SachsDataset",
    "Sample",
    "SchoolsDataset",
    "TableSpec",
    "Task",
    "load_bikes",
    "load_mnist_digits",
    "load_penguins",
    "load_sachs",
    "load_table",
    "make_additive",
    "make_coloured_digits",
    "make_curved",
    "make_eills",
    "make_fair",
    "make_gene_network",
    "make_irm_chain",
    "make_linear_unit_test",
    "make_problem",
    "make_random_graph",
    "make_random_linear",
    "make_reversed",
    "make_schools",
    "make_sparse_linear",
    "read_specs",
    "table_specs",
]
