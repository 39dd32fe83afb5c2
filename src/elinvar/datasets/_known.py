"""What a generator with a known answer returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elinvar._base import DataError

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

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    environments: NDArray[np.str_]


Draw = Callable[[int, np.random.Generator, int | None], Sample]
"""Rows an environment, generator and number of environments in; new environments out."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class KnownAnswer:
    """Training data from several environments, and what a learner should find in them.

    Attributes
    ----------
    name : str
        Which generator drew the data, and with which variant.
    X : ndarray of shape (n, n_features)
        Inputs, the rows of one environment after those of another.
    y : ndarray of shape (n,)
        Target; 0 or 1 where the problem is one of two classes.
    environments : ndarray of str, shape (n,)
        The environment of each row.
    feature_names : tuple of str
        One name a column of ``X``.
    coef : ndarray of shape (n_features,), or None
        Coefficients of ``y`` on the columns of ``X`` in the mechanism that is the same in every
        environment. None if ``y`` is a label, which is no linear function of ``X``.
    support : ndarray of bool, shape (n_features,)
        Which columns enter that mechanism. If ``rotation`` is given, which columns entered it
        before the rotation: see `invariant_columns`.
    rotation : ndarray of shape (n_features, n_features), or None
        The orthogonal matrix that mixed the columns, shared by all environments:
        ``X = columns @ rotation``.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[np.float64]
    environments: NDArray[np.str_]
    feature_names: tuple[str, ...]
    coef: NDArray[np.float64] | None
    support: NDArray[np.bool_]
    rotation: NDArray[np.float64] | None = None
    _draw: Draw

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
        return self._draw(n_samples, np.random.default_rng(rng), n_environments)

    def invariant_columns(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
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
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < minimum:
            raise DataError(
                f"{name} is {value!r}; it must be a whole number of at least {minimum}."
            )


def check_positive(**values: float) -> None:
    """Refuse a number that is not finite and at least zero."""
    for name, value in values.items():
        if not (np.isfinite(value) and value >= 0):
            raise DataError(f"{name} is {value!r}; it must be a finite number of at least 0.")


def stack(parts: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], prefix: str) -> Sample:
    """Put the rows of environments under one another, labelled ``prefix0``, ``prefix1``, ..."""
    labels = np.array([f"{prefix}{e}" for e in range(len(parts))])
    return Sample(
        np.concatenate([X for X, _ in parts]),
        np.concatenate([y for _, y in parts]),
        np.repeat(labels, [len(y) for _, y in parts]),
    )


def random_rotation(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an ``n x n`` orthogonal matrix from the uniform (Haar) law."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(q * np.sign(np.diag(r)))
