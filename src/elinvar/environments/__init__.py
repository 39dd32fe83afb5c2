"""Data seen as environments: arrays, frames and files in; Environments and Moments out."""

from elinvar.environments._arrays import labels_of_rows
from elinvar.environments._check import check_environments
from elinvar.environments._environments import Environments
from elinvar.environments._frames import has_text
from elinvar.environments._labels import label, natural_order
from elinvar.environments._moments import Moments
from elinvar.environments._read_files import Paths, find_files
from elinvar.environments._readers import encode_files
from elinvar.environments._recipe import environment_labels
from elinvar.environments._schema import Schema

__all__ = [
    "Environments",
    "Moments",
    "Paths",
    "Schema",
    "check_environments",
    "encode_files",
    "environment_labels",
    "find_files",
    "has_text",
    "label",
    "labels_of_rows",
    "natural_order",
]
