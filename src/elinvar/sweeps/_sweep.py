"""A sweep: the grid, the function of a cell, and the seed and the key of every cell."""

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from elinvar._base._words import listed
from elinvar.errors import DataError, DataTypeError
from elinvar.sweeps._values import Scalar, canonical, families, kind_of, plain, text_of

Row = Mapping[str, Any]
REPETITION = "repetition"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A grid of named axes and the function that computes one cell of it.

    The generator of a cell depends on nothing but ``seed``, ``name``, the cell's values of the
    ``problem`` axes and of the axis called "repetition", if there is one. Cells that differ along
    other axes (the algorithm, its step size) see the same data, and more values along an axis
    change no other cell.

    Parameters
    ----------
    name : str
        What the sweep is called; part of every seed.
    function : callable
        ``function(*, rng, **axes, **fixed)`` returns the rows of one cell: a mapping from columns
        to numbers, text, booleans or None, or a list of such mappings with the same columns in
        every cell. ``rng`` is a `numpy.random.Generator`. For worker processes and clusters it must
        be importable. It should depend on nothing but its arguments; what it mutates is its own.
    axes : dict of str to sequence
        Values of each axis: numbers, text or booleans, no two alike. The last axis runs fastest.
    problem : tuple of str
        Axes that change the problem, and so the data.
    fixed : dict of str to value
        What all cells share: numbers, text, None, arrays of numbers, or lists, mappings and
        dataclasses of these.
    seed : int >= 0
        Seed of the whole sweep.

    Raises
    ------
    DataError
        If a name, an axis, a fixed value or the seed cannot be used.

    Examples
    --------
    >>> from elinvar.sweeps import Sweep, run_sweep
    >>> def mean(*, rng, size, sd):
    ...     return {"mean": sd * rng.normal(size=size).mean()}
    >>> sweep = Sweep(
    ...     name="means",
    ...     function=mean,
    ...     axes={"size": (10, 1000)},
    ...     problem=("size",),
    ...     fixed={"sd": 1.0},
    ... )
    >>> len(sweep)
    2
    >>> run_sweep(sweep).round(3)
       size   mean
    0    10  0.392
    1  1000  0.026
    """

    name: str
    function: Callable[..., Row | list[Row]]
    axes: dict[str, Any]
    problem: tuple[str, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise DataTypeError(f"The name of a sweep is {self.name!r}; give a text.")
        if not isinstance(self.axes, Mapping) or not self.axes:
            raise DataError("A sweep has no axes; give a mapping from names to values.")
        axes = {name: _values(name, given) for name, given in self.axes.items()}
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "fixed", _fixed(self.fixed, axes))
        object.__setattr__(self, "problem", _problem(self.problem, axes))
        object.__setattr__(self, "seed", _seed(self.seed))
        _check_function(self.function, [*axes, *self.fixed])

    def __len__(self) -> int:
        return prod(len(values) for values in self.axes.values())

    def cell(self, place: int) -> dict[str, Scalar]:
        """Return the value on each axis of the cell at a place of the grid.

        Parameters
        ----------
        place : int
            From 0; the last axis runs fastest.
        """
        cell: dict[str, Scalar] = {}
        for name, values in reversed(self.axes.items()):
            place, along = divmod(place, len(values))
            cell[name] = values[along]
        return dict(reversed(cell.items()))

    def generator(self, cell: Mapping[str, Scalar]) -> np.random.Generator:
        """Return the generator that all cells with the same problem and repetition start from.

        Parameters
        ----------
        cell : mapping of str to value
            A value of each axis.
        """
        # a hash of names and values, and not of places: more values on an axis move no seed
        problem = {name: canonical(cell[name], name) for name in self.problem}
        repetition = canonical(cell.get(REPETITION), REPETITION)
        text = text_of([self.name, problem, repetition])
        words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
        sequence = np.random.SeedSequence([self.seed, *words.tolist()])
        return np.random.default_rng(sequence)


def _values(name: object, given: object) -> tuple[Scalar, ...]:
    if not isinstance(name, str) or not name:
        raise DataTypeError(f"An axis is called {name!r}; name it by a text.")
    if name == "rng":
        raise DataError("An axis is called 'rng', as is the generator of a cell; rename the axis.")
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise DataTypeError(
            f"The axis {name!r} is {given!r}; give a sequence of values, even if it is only one."
        )
    values = tuple(plain(value) for value in given)
    if not values:
        raise DataError(f"The axis {name!r} is empty; give at least one value.")
    for value in values:
        if kind_of(value) in (None, "nothing") or value != value:
            raise DataTypeError(
                f"The axis {name!r} has the value {value!r}; "
                "needed numbers, text or booleans, and no NaN."
            )
    mixed = families(str(kind_of(value)) for value in values)
    if len(mixed) > 1:
        raise DataTypeError(f"The axis {name!r} mixes {listed(mixed)}; use one of them.")
    if len(set(values)) < len(values):
        twice = next(value for value in values if values.count(value) > 1)
        raise DataError(f"The axis {name!r} has the value {twice!r} twice; name each once.")
    return values


def _fixed(given: object, axes: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise DataTypeError(f"fixed is {given!r}; give a mapping from names to values.")
    for name, value in given.items():
        if not isinstance(name, str):
            raise DataTypeError(f"A fixed value is called {name!r}; name it by a text.")
        if name in axes or name == "rng":
            other = "an axis" if name in axes else "the generator of a cell"
            raise DataError(f"{name!r} is a fixed value and {other}; it can be only one of them.")
        canonical(value, f"The fixed value {name!r}")
    return dict(given)


def _problem(given: object, axes: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DataTypeError(f"problem is {given!r}; give a tuple of names of axes.")
    names = tuple(given)
    for name in names:
        if name not in axes:
            raise DataError(
                f"problem names {name!r}, which is no axis; choose among {', '.join(axes)}."
            )
    return names


def _seed(given: object) -> int:
    seed = plain(given)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise DataTypeError(f"The seed is {given!r}; needed a whole number, 0 or more.")
    return seed


def _check_function(function: Callable[..., object], names: list[str]) -> None:
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise DataTypeError(
            f"The function of a sweep is {function!r}; give a function made by def, and what it "
            "should always get in fixed."
        )
    try:
        signature = inspect.signature(function)
    except ValueError:  # some compiled functions do not tell
        return
    try:
        signature.bind(**dict.fromkeys(["rng", *names]))
    except TypeError as error:
        raise DataTypeError(
            f"{name_of(function)} cannot be called with rng, {', '.join(names)}: {error}; "
            "let its arguments be rng, the axes and the fixed values."
        ) from error


def name_of(function: Callable[..., object]) -> str:
    """Return where a function lives and what it is called there."""
    return f"{function.__module__}.{function.__qualname__}"


def key_of(cell: Mapping[str, Scalar]) -> str:
    """Return the one text that stands for a cell, whatever the other values on its axes."""
    return text_of({name: canonical(value, name) for name, value in cell.items()})


def words_for(cell: Mapping[str, Scalar]) -> str:
    """Name a cell in a sentence."""
    return ", ".join(f"{name}={value!r}" for name, value in cell.items())


def description(sweep: Sweep) -> dict[str, Any]:
    """Return what tells this sweep from every other, part by part, as canonical JSON."""
    return {
        "name": sweep.name,
        "function": name_of(sweep.function),
        "axes": [[name, canonical(values, name)] for name, values in sweep.axes.items()],
        "problem": sorted(sweep.problem),
        "fixed": canonical(sweep.fixed, "fixed"),
        "seed": sweep.seed,
    }
