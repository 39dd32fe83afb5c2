"""Rows sorted by environment: what every sampler of labelled rows draws from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from elinvar.environments import code_environments, natural_order
from elinvar.errors import DataError

# rows read at a time, so that what is needed on the way stays small beside the rows
_CHUNK = 1 << 18


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """Rows of each environment.

    Attributes
    ----------
    names : tuple of str
        Environments in natural order, or in their own if they are ordered categories.
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
        Environment of each row; several columns, (n, k), or tuples are environments together, as
        everywhere in the package.

    Returns
    -------
    Groups

    Raises
    ------
    DataError
        If they are no column of labels, a label is missing, or every row is an environment of its
        own.
    """
    codes, counts, names = _coded(_column(environments))
    if len(names) == len(codes) > 1:
        raise DataError(
            f"Each of the {len(codes):,} rows has an environment of its own, so no batch could be "
            "drawn from one; give labels that repeat, or draw windows along the axis with "
            "WindowBatchSampler."
        )
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Groups(names=names, rows=_sorted_rows(codes, starts), starts=starts)


def _column(environments: ArrayLike) -> Any:
    """Return labels as something with a length, that can be sliced, or refuse them."""
    given: Any = environments
    if isinstance(given, Sampler):
        raise DataError(
            f"environments must hold one label for each row; got a {type(given).__name__}. If a "
            "framework builds the sampler anew around its own, as Lightning does on several "
            "processes, tell it to leave it alone: Trainer(use_distributed_sampler=False)."
        )
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, str) or not hasattr(given, "__getitem__"):
        given = np.asarray(given)
    scalar = isinstance(given, np.ndarray) and given.ndim == 0
    if scalar or len(given) == 0:
        shape = () if scalar else (0,)
        raise DataError(f"environments must hold one label for each row; got shape {shape}.")
    return given


def _coded(values: Any) -> tuple[NDArray[np.int32], NDArray[np.int64], tuple[str, ...]]:
    """Return a number for each label, rows of each, and names in their order."""
    n, found, ranked = len(values), dict[str, int](), True
    # frames and Series of pandas are sliced by position there only
    by_position = getattr(values, "iloc", values)
    codes, counts = np.empty(n, dtype=np.int32), np.zeros(0, dtype=np.int64)
    for first in range(0, n, _CHUNK):
        size = min(_CHUNK, n - first)
        factor = code_environments(by_position[first : first + size], size, missing=True)
        if factor.codes.min() < 0:
            raise DataError(
                f"Row {first + int(np.argmin(factor.codes)):,} has no environment: its label is "
                "missing; drop such rows, or give them a label of their own."
            )
        ranked &= factor.ranked
        numbers = [found.setdefault(name, len(found)) for name in factor.labels]
        part = codes[first : first + size] = np.array(numbers, dtype=np.int32)[factor.codes]
        counts.resize(len(found), refcheck=False)
        counts += np.bincount(part, minlength=len(found))
    # a category without rows is no environment
    used = [name for name, number in found.items() if counts[number]]
    names = tuple(used if ranked else natural_order(used))
    place = np.zeros(len(found), dtype=np.int32)
    place[[found[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    for first in range(0, n, _CHUNK):
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
