"""What a graph can be learnt from: data that are enough, and actions that can be read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import counted
from elinvar._base._words import check_names, listed
from elinvar.environments import labels_of_rows
from elinvar.errors import DataError, DataTypeError
from elinvar.inference import MOST_VARIABLES

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# smallest eigenvalue of a correlation matrix that is told from zero
_DEPENDENT = 1e-9


def check_sizes(environments: Sequence[str], variables: Sequence[str], count: Floats) -> None:
    """Refuse data that are too few, or too many, for a graph.

    Raises
    ------
    DataError
    """
    E, p = len(environments), len(variables)
    if E < 2:
        raise DataError(
            f"All rows are of one environment, {environments[0]!r}; a graph is told by what "
            "differs between environments, and needs two or more, each acting on few variables."
        )
    if not 2 <= p <= MOST_VARIABLES:
        raise DataError(
            f"X has {p} feature(s); a graph needs a minimum of 2 and takes at most "
            f"{MOST_VARIABLES}."
        )
    needed = max(20, 2 * (p + 2))
    few = [f"{n!r} ({k:.0f})" for n, k in zip(environments, count, strict=True) if k < needed]
    if few:
        raise DataError(
            f"{counted(len(few), 'environment')} of {E} {'has' if len(few) == 1 else 'have'} fewer "
            f"than {needed} rows, which {p} variables need in each: {listed(few)}. Leave them out, "
            "or merge them with similar ones."
        )


def check_variables(
    environments: Sequence[str], variables: Sequence[str], count: Floats, cov: Floats
) -> None:
    """Refuse variables that never move, or that are linear functions of others.

    Raises
    ------
    DataError
    """
    spread = np.einsum("ejj->ej", cov)
    typical = count @ spread / count.sum()
    still = [n for n, v in zip(variables, typical, strict=True) if not v > 0]
    if still:
        raise DataError(
            f"{listed(still)} {'is' if len(still) == 1 else 'are'} constant in every environment, "
            "so that nothing can be said of causes; leave such columns out."
        )
    for name, matrix, own in zip(environments, cov, spread, strict=True):
        moves = np.flatnonzero(own > 1e-12 * typical)
        if moves.size < 2:
            continue
        sd = np.sqrt(own[moves])
        values, vectors = np.linalg.eigh(matrix[np.ix_(moves, moves)] / np.outer(sd, sd))
        if values[0] < _DEPENDENT:
            part = np.abs(vectors[:, 0])
            which = [variables[moves[k]] for k in np.flatnonzero(part > 1e-4 * part.max())]
            raise DataError(
                f"In environment {name!r} {listed(which)} are linear functions of one another, "
                "which no noise explains; leave one of them out."
            )


def check_positions(X: object) -> None:
    """Refuse positions beside names that are other numbers.

    Raises
    ------
    DataError
    """
    names = list(getattr(X, "columns", []))
    numbered = any(isinstance(name, int | np.integer) for name in names)
    if numbered and names != list(range(len(names))):
        raise DataError(
            "The columns of X are named by numbers that are not their positions, and acts_on could "
            "mean either: make them text, X.columns = X.columns.astype(str), and name them so."
        )


def known_actions(
    acts_on: Mapping[Any, Sequence[str | int]] | None,
    environments: tuple[str, ...],
    variables: tuple[str, ...],
) -> Bools | None:
    """Return on which variables each environment acts, (E, p), if that is known.

    Raises
    ------
    DataError
        If there is no such environment or variable.
    """
    if acts_on is None:
        return None
    known = np.zeros((len(environments), len(variables)), dtype=bool)
    labels = labels_of_rows(list(acts_on), len(acts_on)) if acts_on else []
    check_names(labels, environments, "environment")
    for label, names in zip(labels, acts_on.values(), strict=True):
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise DataTypeError(
                f"acts_on[{label!r}] is {names!r}; a list of variables is needed, by name or "
                "position."
            )
        for name in names:
            known[environments.index(label), _place(name, variables)] = True
    return known


def _place(name: object, variables: tuple[str, ...]) -> int:
    """Return where a variable stands that is given by its name or position."""
    if isinstance(name, bool | np.bool_):
        raise DataTypeError(
            f"acts_on holds {name!r} where a variable is needed, by name or position: list those "
            "on which the environment acts, in place of a truth value for each."
        )
    text = str(name)
    if not isinstance(name, int | np.integer) or not 0 <= name < len(variables):
        check_names([text], variables, "variable")
        return variables.index(text)
    if text in variables and variables[name] != text:
        raise DataError(
            f"acts_on holds {text}, which is the position of {variables[name]!r} and the name of "
            f"another variable: give the name, {text!r}, as text."
        )
    return int(name)
