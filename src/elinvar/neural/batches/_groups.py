"""Rows sorted by environment: what every sampler of labelled rows draws from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from elinvar.environments import label, natural_order
from elinvar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Labels: TypeAlias = "NDArray[Any] | pd.Categorical"

# rows read at a time, so that what is needed on the way stays small beside the rows
_CHUNK = 1 << 18


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """Rows of each environment.

    Attributes
    ----------
    names : tuple of str
        Environments in natural order.
    rows : (n,) array of int32, or int64 from 2^31 rows on
        Row numbers, environment by environment, ascending in each.
    starts : (M + 1,) array of int64
        Where each environment begins in ``rows``; the last entry is n.
    """

    names: tuple[str, ...]
    rows: NDArray[Any]
    starts: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each environment, (M,)."""
        return np.diff(self.starts)

    @cached_property
    def fingerprint(self) -> str:
        """A few letters that change when any row changes its environment."""
        seal = hashlib.blake2b(digest_size=12)
        seal.update("\0".join(self.names).encode())
        seal.update(self.starts.tobytes())
        seal.update(self.rows.data)
        return seal.hexdigest()

    def codes(self) -> NDArray[np.int32]:
        """Environment of each row as an index into ``names``, (n,)."""
        codes = np.empty(len(self.rows), dtype=np.int32)
        codes[self.rows] = np.repeat(np.arange(len(self.names), dtype=np.int32), self.counts)
        return codes


def group_rows(environments: ArrayLike) -> Groups:
    """Sort rows by environment.

    Parameters
    ----------
    environments : (n,) array, Series, Categorical, tensor or sequence of labels
        Environment of each row.

    Returns
    -------
    Groups

    Raises
    ------
    DataError
        If they are no column of labels, a label is missing, a category has no rows, or every row is
        an environment of its own.
    """
    values = _column(environments)
    codes, counts, names = _coded(values, getattr(values, "categories", ()))
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if empty:
        raise DataError(
            f"Environment {empty[0]!r} has no rows; drop it from the categories, for example with "
            "remove_unused_categories()."
        )
    if len(names) == len(codes) > 1:
        raise DataError(
            f"Each of the {len(codes):,} rows has an environment of its own, so no batch could be "
            "drawn from one; give labels that repeat, or draw windows along the axis with "
            "WindowBatchSampler."
        )
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Groups(names=names, rows=_sorted_rows(codes, starts), starts=starts)


def _column(environments: ArrayLike) -> Labels:
    """Return labels as something with a length that can be sliced, or refuse them."""
    import pandas as pd

    if isinstance(environments, torch.Tensor):
        environments = environments.detach().cpu().numpy()

    given: Any = environments
    categorical = isinstance(getattr(given, "dtype", None), pd.CategoricalDtype)
    values = pd.Categorical(given) if categorical else np.asarray(given)
    if values.ndim != 1 or len(values) == 0:
        raise DataError(
            "environments must hold one label for each row, in one dimension; got shape "
            f"{tuple(values.shape)}."
        )
    return values


def _coded(
    values: Labels, categories: Iterable[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int64], tuple[str, ...]]:
    """Return a number for each label, rows of each, and names in natural order."""
    import pandas as pd

    found: dict[str, int] = {}
    numbers = {
        value: found.setdefault(label(value) or str(value), len(found)) for value in categories
    }
    codes = np.empty(len(values), dtype=np.int32)
    # labels of different kinds may have one name, 2 and "2": a name is an environment
    counts = np.zeros(len(found), dtype=np.int64)
    for first in range(0, len(values), _CHUNK):
        # missing labels are -1 in local, and -1 again as the last entry of the lookup
        local, distinct = pd.factorize(values[first : first + _CHUNK])
        for value in distinct:
            if value not in numbers:
                name = label(value)
                numbers[value] = -1 if name is None else found.setdefault(str(name), len(found))
        lookup = np.array([*(numbers[value] for value in distinct), -1], dtype=np.int32)
        part = codes[first : first + len(local)] = lookup[local]
        if part.min() < 0:
            raise DataError(
                f"Row {first + int(np.argmin(part)):,} has no environment: its label is missing; "
                "drop such rows, or give them a label of their own."
            )
        counts.resize(len(found), refcheck=False)
        counts += np.bincount(part, minlength=len(found))
    names = tuple(natural_order(found))
    place = np.empty(len(names), dtype=np.int32)
    place[[found[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    for first in range(0, len(codes), _CHUNK):
        codes[first : first + _CHUNK] = place[codes[first : first + _CHUNK]]
    return codes, counts[[found[name] for name in names]], names


def _sorted_rows(codes: NDArray[np.int32], starts: NDArray[np.int64]) -> NDArray[Any]:
    """Sort row numbers by environment: a counting sort, chunk by chunk."""
    n, M = len(codes), len(starts) - 1
    rows = np.empty(n, dtype=np.int32 if n < 2**31 else np.int64)
    free = starts[:-1].copy()
    for first in range(0, n, _CHUNK):
        part = codes[first : first + _CHUNK]
        # 16-bit keys are sorted by radix
        order = np.argsort(part.astype(np.int16) if M < 2**15 else part, kind="stable")
        count = np.bincount(part, minlength=M)
        shift = free - (np.cumsum(count) - count)
        rows[np.repeat(shift, count) + np.arange(len(part))] = first + order
        free += count
    return rows
