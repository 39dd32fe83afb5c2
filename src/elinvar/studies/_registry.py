"""All studies by name, in the order in which they are told."""

from elinvar.studies import (
    _batch_size,
    _coloured_digits,
    _few_shot,
    _heterogeneity,
    _network_width,
    _optimizers,
    _parameterization,
    _phase_diagram,
    _quadratic_network,
    _scaling,
    _step_size,
    _trajectories,
)
from elinvar.studies._study import AnyStudy

_ALL: tuple[AnyStudy, ...] = (
    _trajectories.STUDY,
    _heterogeneity.STUDY,
    _step_size.STUDY,
    _batch_size.STUDY,
    _parameterization.STUDY,
    _phase_diagram.STUDY,
    _scaling.STUDY,
    _quadratic_network.STUDY,
    _network_width.STUDY,
    _optimizers.STUDY,
    _few_shot.STUDY,
    _coloured_digits.STUDY,
)

STUDIES: dict[str, AnyStudy] = {study.name: study for study in _ALL}
