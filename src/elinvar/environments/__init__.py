"""Data seen as environments: arrays, frames and files in; Environments and Moments out."""

from elinvar.environments._check import check_environments
from elinvar.environments._environments import Environments
from elinvar.environments._moments import Moments
from elinvar.environments._readers import encode_files
from elinvar.environments._recipe import environment_labels
from elinvar.environments._schema import Schema

__all__ = [
    "Environments",
    "Moments",
    "Schema",
    "check_environments",
    "encode_files",
    "environment_labels",
]
