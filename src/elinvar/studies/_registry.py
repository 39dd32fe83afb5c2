"""All studies by name, in the order in which they are told."""

from elinvar.studies._study import AnyStudy

_ALL: tuple[AnyStudy, ...] = ()

STUDIES: dict[str, AnyStudy] = {study.name: study for study in _ALL}
