"""All studies by name, in the order in which they are told."""

from elinvar.studies import _batch_size, _heterogeneity, _step_size, _trajectories
from elinvar.studies._study import AnyStudy

_ALL: tuple[AnyStudy, ...] = (
    _trajectories.STUDY,
    _heterogeneity.STUDY,
    _step_size.STUDY,
    _batch_size.STUDY,
)

STUDIES: dict[str, AnyStudy] = {study.name: study for study in _ALL}
