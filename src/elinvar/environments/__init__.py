"""Data seen as environments: arrays, frames and files in; Environments and Moments out."""

from elinvar.environments._checks import (
    check_same_order,
    code_environments,
    labels_of_rows,
    numbers_by_label,
)
from elinvar.environments._databases import is_database
from elinvar.environments._environments import Environments, read_classes
from elinvar.environments._frames import has_text
from elinvar.environments._labels import label, natural_order
from elinvar.environments._moments import Moments, check_environments
from elinvar.environments._notation import Notation
from elinvar.environments._paths import Paths, find_files
from elinvar.environments._read_files import encode_and_keep, encode_files
from elinvar.environments._read_frames import environment_labels
from elinvar.environments._read_labelled import read_labelled
from elinvar.environments._roles import Missing, Roles
from elinvar.environments._schema import Schema, Unknown
from elinvar.environments._spelling import warn_of_strangers, warn_of_twins
from elinvar.environments._target import check_target

__all__ = [
    "Environments",
    "Missing",
    "Moments",
    "Notation",
    "Paths",
    "Roles",
    "Schema",
    "Unknown",
    "check_environments",
    "check_same_order",
    "check_target",
    "code_environments",
    "encode_and_keep",
    "encode_files",
    "environment_labels",
    "find_files",
    "has_text",
    "is_database",
    "label",
    "labels_of_rows",
    "natural_order",
    "numbers_by_label",
    "read_classes",
    "read_labelled",
    "warn_of_strangers",
    "warn_of_twins",
]
