"""What a generator with a known answer returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_count, check_number, generator, is_number
from elinvar.environments import Environments, Schema
from elinvar.errors import DataError

Floats = NDArray[np.float64]
Labelled = tuple[Floats, Floats]
"""Columns (n, p) and target (n,) of one environment."""

Task = Literal["regression", "classification"]
Invariance = Literal["columns", "subspace", "trivial", "none", "everything"]

Rng = int | np.random.Generator
"""A seed, or the generator to draw from."""


class Sample(NamedTuple):
    """Rows of several environments, in the order in which ``fit`` takes them.

    Attributes
    ----------
    X : (n, n_features) array
        Features.
    y : (n,) array
        Target.
    environments : (n,) array of str
        Environment of each row.
    """

    X: Floats
    y: Floats
    environments: NDArray[np.str_]


Draw = Callable[[int, np.random.Generator, int | None], Sample]
"""Rows an environment, generator and number of environments in; new environments out."""

Oracle = Callable[[Floats], Floats]
"""Rows in; the target's mean, or the probability of class 1, by the best invariant prediction."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class KnownAnswer:
    """Training data from several environments, and what a learner should find in them.

    Attributes
    ----------
    name : str
        Which generator drew the data, and with which variant.
    task : {"regression", "classification"}
        What ``y`` is: a number, or a class (0 or 1).
    X : ndarray of shape (n, n_features)
        Inputs, the rows of one environment after those of another.
    y : ndarray of shape (n,)
        Target; 0 or 1 where the problem is one of two classes.
    environments : ndarray of str, shape (n,)
        The environment of each row.
    feature_names : tuple of str
        One name a column of ``X``.
    coef : ndarray of shape (n_features,), or None
        Coefficients of ``y`` on the columns of ``X`` in the target's own mechanism. None if ``y``
        is no linear function of ``X``: a label, or curved.
    support : ndarray of bool, shape (n_features,)
        Which columns enter that mechanism. If ``rotation`` is given, which columns entered it
        before the rotation: see `invariant_columns`.
    invariance : {"columns", "subspace", "trivial", "none", "everything"}
        What holds in all environments, new ones too. "columns": the target's mean given the columns
        in ``support``. "subspace": the same before the rotation, and no set of columns after it.
        "trivial": only the mean given no column at all, or given remote causes. "none": no set of
        columns, the empty one included. "everything": all environments have one law, so that
        whatever predicts best in one does so in all.
    identified : bool, or None
        Whether the training environments, with as many rows as one likes, tell the columns or the
        subspace from all others that predict at least as well: True where they do for almost all
        parameters, None where that is not known.
    risk : float, or None
        Error of `oracle` averaged over the training environments: mean squared, or the share of
        wrong classes. None where it has no closed form.
    curved : bool
        Whether effects bend, so that no linear model of ``support`` comes near `oracle`.
    groups : ndarray of int, shape (n_features,), or None
        The variable that each column belongs to, if some variables have several columns.
    rotation : ndarray of shape (n_features, n_features), or None
        The orthogonal matrix that mixed the columns, shared by all environments:
        ``X = columns @ rotation``.
    """

    name: str
    task: Task = "regression"
    X: Floats
    y: Floats
    environments: NDArray[np.str_]
    feature_names: tuple[str, ...]
    coef: Floats | None
    support: NDArray[np.bool_]
    invariance: Invariance = "columns"
    identified: bool | None = True
    risk: float | None = None
    curved: bool = False
    groups: NDArray[np.intp] | None = None
    rotation: Floats | None = None
    _draw: Draw
    _oracle: Oracle | None = None

    def new_environments(
        self, n_samples: int, rng: Rng, *, n_environments: int | None = None
    ) -> Sample:
        """Draw rows from environments that are not in the training data.

        Parameters
        ----------
        n_samples : int, at least 2
            Rows an environment.
        rng : int or numpy.random.Generator
            Seed, or the generator to draw from.
        n_environments : int, optional
            How many environments; as many as in the training data if left out.

        Returns
        -------
        Sample
            ``X``, ``y`` and ``environments``.
        """
        check_counts(n_samples=n_samples)
        if n_environments is not None:
            check_counts(minimum=1, n_environments=n_environments)
        return self._draw(n_samples, generator(rng), n_environments)

    def invariant_columns(self, X: Floats) -> Floats:
        """Return the columns of the invariant mechanism, with any rotation undone.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Inputs as in ``self.X`` or as `new_environments` gave them.

        Returns
        -------
        ndarray of shape (n, support.sum())
            What an oracle regresses on.
        """
        columns = X if self.rotation is None else X @ self.rotation.T
        return columns[:, self.support]

    def oracle(self, X: Floats) -> Floats:
        """Predict as someone who knows the law of the invariant columns.

        Where ``invariance`` is "everything" that is the best prediction from all columns.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Inputs as in ``self.X`` or as `new_environments` gave them.

        Returns
        -------
        ndarray of shape (n,)
            The mean of the target; of a class, the probability of class 1.

        Raises
        ------
        DataError
            If nothing is invariant, or the best invariant prediction has no closed form.
        """
        if self._oracle is None:
            broken = self.invariance in ("none", "trivial")
            why = "the target given its causes is not invariant" if broken else "no closed form"
            raise DataError(
                f"There is no oracle for the {self.name}: {why}. "
                "Fit a model on invariant_columns(X) instead."
            )
        return self._oracle(X)

    def to_environments(self, sample: Sample | None = None) -> Environments:
        """Return rows as `Environments`, the columns of one variable as one feature.

        A variable with several columns takes the place of a categorical feature whose reference
        level is what its columns lack of 1: so its columns enter and leave a model together.

        Parameters
        ----------
        sample : Sample, optional
            What `new_environments` gave; the training data if left out.

        Returns
        -------
        Environments
            Its ``moments()`` are what ``fit_moments`` takes, its ``X`` what ``coef_`` multiplies.
        """
        X, y, environments = sample or (self.X, self.y, self.environments)
        plain = Environments.from_arrays(X, y, environments, feature_names=self.feature_names)
        if self.groups is None:
            return plain
        features, columns = [], []
        levels: dict[str, tuple[str, ...]] = {}
        for group in np.unique(self.groups):
            inside = np.flatnonzero(self.groups == group)
            name = self.feature_names[inside[0]].partition(":")[0]
            features.append(name)
            # the reference level comes first: what the columns lack of 1
            if len(inside) > 1:
                levels[name] = tuple(str(k) for k in range(len(inside) + 1))
                columns.append(1 - X[:, inside].sum(axis=1))
            columns.extend(X[:, inside].T)
        schema = Schema(features=tuple(features), levels=levels)
        return replace(plain, X=np.column_stack(columns), schema=schema)

    def __repr__(self) -> str:
        n, p = self.X.shape
        return (
            f"KnownAnswer({self.name}: {n:,} rows, {p} features, "
            f"{np.unique(self.environments).size} environments, "
            f"{int(self.support.sum())} invariant)"
        )


def check_counts(*, minimum: int = 2, **counts: int) -> None:
    """Refuse a number of rows, columns or environments below ``minimum``."""
    for name, value in counts.items():
        check_count(name, value, least=minimum)


def check_positive(**values: float) -> None:
    """Refuse a number that is not finite and at least zero."""
    for name, value in values.items():
        check_number(name, value, least=0.0)


def check_share(**values: float) -> None:
    """Refuse a number outside [0, 1]."""
    for name, value in values.items():
        if not (is_number(value) and 0 <= value <= 1):
            raise DataError(f"{name} must be a number from 0 to 1; got {value!r}.")


def numbered(letter: str, n: int) -> tuple[str, ...]:
    """Name columns ``x1, ..., xn``."""
    return tuple(f"{letter}{j}" for j in range(1, n + 1))


def stack(parts: Sequence[Labelled], prefix: str) -> Sample:
    """Put the rows of environments under one another, labelled ``prefix0``, ``prefix1``, ..."""
    labels = np.array([f"{prefix}{e}" for e in range(len(parts))])
    return Sample(
        np.concatenate([X for X, _ in parts]),
        np.concatenate([y for _, y in parts]),
        np.repeat(labels, [len(y) for _, y in parts]),
    )


def drawn_anew(environment: Callable[[int, np.random.Generator], Labelled], usual: int) -> Draw:
    """Return what draws new environments one after another, ``usual`` many if nobody says."""

    def draw(n: int, rng: np.random.Generator, k: int | None) -> Sample:
        return stack([environment(n, rng) for _ in range(k or usual)], "new")

    return draw


def random_rotation(n: int, rng: np.random.Generator) -> Floats:
    """Draw an ``n x n`` orthogonal matrix from the uniform (Haar) law."""
    # signs of the diagonal of R make the factor unique, and its law that of Haar
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(q * np.sign(np.diag(r)))
