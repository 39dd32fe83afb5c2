"""All studies by name, in the order in which they are told."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from elinvar._base._words import check_names
from elinvar.errors import MissingExtraError
from elinvar.studies import (
    _batch_size,
    _causal_graphs,
    _coloured_digits,
    _continuum,
    _few_shot,
    _heterogeneity,
    _network_width,
    _normalised_steps,
    _optimizers,
    _parameterization,
    _penalties,
    _phase_diagram,
    _quadratic_network,
    _relaxed_orthogonality,
    _saddles,
    _scaling,
    _small_batches,
    _sources,
    _step_size,
    _three_factors,
    _trajectories,
)
from elinvar.studies._study import QUESTIONS, AnyStudy, install_command, study_of

EVERY_QUESTION = "questions"

T = TypeVar("T")

# in the order in which they are told
_MODULES = (
    _trajectories,
    _heterogeneity,
    _step_size,
    _batch_size,
    _small_batches,
    _parameterization,
    _phase_diagram,
    _three_factors,
    _continuum,
    _scaling,
    _relaxed_orthogonality,
    _saddles,
    _quadratic_network,
    _network_width,
    _normalised_steps,
    _optimizers,
    _penalties,
    _few_shot,
    _coloured_digits,
    _sources,
    _causal_graphs,
)

STUDIES = {study.name: study for study in map(study_of, _MODULES)}


def choose_studies(names: Sequence[str] = ()) -> list[AnyStudy]:
    """Return the studies of these names in the order of the registry; all if there are none.

    Parameters
    ----------
    names : sequence of str
        ``"questions"`` stands for all that answer an open question of the paper.

    Raises
    ------
    DataError
        If a name is not known.
    """
    check_names(names, [*STUDIES, EVERY_QUESTION], "study", "studies")
    return [
        study
        for name, study in STUDIES.items()
        if not names or name in names or (EVERY_QUESTION in names and study.question)
    ]


def by_question(studies: Sequence[AnyStudy]) -> list[tuple[str, list[AnyStudy]]]:
    """Return the studies by the open question that they answer, those that answer none first.

    Parameters
    ----------
    studies : sequence of Study

    Returns
    -------
    list of (str, list of Study)
        The question, with its number; "" of those that answer none.
    """
    return grouped(studies, lambda study: study.question)


def grouped(items: Sequence[T], question: Callable[[T], int | None]) -> list[tuple[str, list[T]]]:
    """Return what `by_question` does, of anything that has a question or none."""
    titles = [(None, ""), *((number, f"{number} {words}") for number, words in QUESTIONS.items())]
    found = [(words, [item for item in items if question(item) == k]) for k, words in titles]
    return [(words, group) for words, group in found if group]


def runnable_studies(studies: Sequence[AnyStudy], *, named: bool) -> tuple[list[AnyStudy], str]:
    """Return the studies that can run here, and a sentence on those that cannot.

    Parameters
    ----------
    studies : sequence of Study
        That were asked for.
    named : bool
        Whether by name: then none is left out.

    Returns
    -------
    studies : list of Study
    sentence : str
        Empty if all can.

    Raises
    ------
    MissingExtraError
        If a study that was named, or every study, needs packages that are not installed.
    """
    lacking = [study for study in studies if study.missing]
    if not lacking:
        return list(studies), ""
    them = "its optional packages are" if len(lacking) == 1 else "their optional packages are"
    sentence = (
        f"{', '.join(study.name for study in lacking)} cannot run, because {them} not installed; "
        f"install them with: {install_command(lacking)}"
    )
    if named or len(lacking) == len(studies):
        raise MissingExtraError(sentence)
    return [study for study in studies if not study.missing], f"Left out: {sentence}"
