"""Batches from a window of a continuous environment: time, temperature, any axis."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import check_choice
from elinvar.errors import DataError
from elinvar.neural.batches._environment_sampler import Small
from elinvar.neural.batches._epoch_sampler import EpochSampler

Width = float | str | timedelta | np.timedelta64


class WindowBatchSampler(EpochSampler):
    """Draw every batch from a random window along an axis, when environments have no borders.

    A place on the axis is drawn; the batch is the rows about it. Rows of equal value have no order
    among themselves: where a window ends between them, chance decides which are in it.

    Parameters
    ----------
    values : (n,) array, Series, tensor or sequence of numbers, dates or durations
        Where each row lies on the axis.
    batch_size : int
        Rows of a batch, of all processes together; a multiple of their number.
    width : number or duration, optional
        Width of a window, in the unit of ``values``; the batch is drawn from the rows inside. By
        default a window is as wide as it must be to hold ``batch_size`` rows, and the batch is
        these.
    weights : {"uniform", "size"}
        Draw the place evenly along the axis (the row nearest to it is the middle of the window),
        or draw the middle among rows: then crowded stretches come oftener.
    drop_last : bool
        Make an epoch ``floor(n / batch_size)`` batches.
    seed : int
        Of the random order; the same seed and epoch give the same batches.
    small : {"repeat", "shrink", "refuse"}
        What to do with a window of fewer rows than a batch: repeat rows, no row more than once
        oftener than another; make the batch shorter, on one process alone; or raise an error.
    num_replicas, rank : int, optional
        As in :class:`EnvironmentBatchSampler`: all processes choose the same window and take
        disjoint rows of the batch.

    Attributes
    ----------
    epoch : int
        Of the iteration under way, or the last one; :meth:`set_epoch` names that of the next.

    Raises
    ------
    DataError
        If values are missing, infinite or no numbers, a window holds too few rows with
        ``small="refuse"``, or a setting is out of range.

    Examples
    --------
    >>> hours = [7, 0, 3, 1, 6, 2, 5, 4]
    >>> for batch in WindowBatchSampler(hours, batch_size=3, seed=1):
    ...     print(sorted(hours[row] for row in batch))
    [4, 5, 6]
    [0, 1, 2]
    [4, 5, 6]
    """

    def __init__(
        self,
        values: ArrayLike,
        batch_size: int,
        *,
        width: Width | None = None,
        weights: Literal["uniform", "size"] = "uniform",
        drop_last: bool = False,
        seed: int = 0,
        small: Small = "repeat",
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        axis = _axis(values)
        super().__init__(len(axis), batch_size, drop_last, seed, num_replicas, rank)
        check_choice("weights", weights, ("uniform", "size"))
        # a window of any number of rows cannot be shared out evenly
        alone = self.num_replicas == 1
        check_choice("small", small, ("repeat", *(["shrink"] if alone else []), "refuse"))
        self.weights, self.small = weights, small
        self._digest = hashlib.blake2b(axis.tobytes(), digest_size=12).hexdigest()
        self._order = np.argsort(axis, kind="stable")
        self._axis = axis[self._order]
        self._half = None if width is None else _half(width, self._axis)
        if small == "refuse":
            self._check_windows()

    def _draw(self, epoch: int, source: None) -> Iterator[NDArray[Any]]:
        rng, order = self._generator(epoch), self._order
        if (self._axis[1:] == self._axis[:-1]).any():
            order = order[np.lexsort((rng.random(self.n_rows), self._axis))]
        for _ in range(len(self)):
            middle = self._middle(rng)
            low, high = self._window(middle)
            yield order[low + self._pick(rng, high - low)]

    def _middle(self, rng: np.random.Generator) -> int:
        """Draw the place of a row in the sorted order."""
        if self.weights == "size":
            return int(rng.integers(self.n_rows))
        first, last = self._axis[0], self._axis[-1]
        # even along the axis: the nearest row to a uniform place, and chance among equals
        place = first + rng.random() * (last - first)
        above = min(int(np.searchsorted(self._axis, place)), self.n_rows - 1)
        below = max(above - 1, 0)
        nearest = min(self._axis[[below, above]], key=lambda value: abs(value - place))
        low, high = (np.searchsorted(self._axis, nearest, side) for side in ("left", "right"))
        return int(rng.integers(low, high))

    def _window(self, middle: int) -> tuple[int, int]:
        """Return where the window about a row begins and ends in the sorted order."""
        if self._half is None:
            size = min(self.batch_size, self.n_rows)
            low = min(max(middle - size // 2, 0), self.n_rows - size)
            return low, low + size
        value = self._axis[middle]
        low = int(np.searchsorted(self._axis, value - self._half, "left"))
        return low, int(np.searchsorted(self._axis, value + self._half, "right"))

    def _pick(self, rng: np.random.Generator, size: int) -> NDArray[np.intp]:
        """Draw the rows of a batch from a window of this size."""
        if size < self.batch_size and self.small == "shrink":
            return np.arange(size)
        copies, rest = divmod(self.batch_size, size)
        part = rng.choice(size, rest, replace=False, shuffle=False)
        return np.concatenate([np.tile(np.arange(size), copies), part]) if copies else part

    def _check_windows(self) -> None:
        least = self.n_rows
        if self._half is not None:
            low = np.searchsorted(self._axis, self._axis - self._half, "left")
            high = np.searchsorted(self._axis, self._axis + self._half, "right")
            least = int((high - low).min())
        if least < self.batch_size:
            raise DataError(
                f"A batch of {self.batch_size:,} rows is larger than the emptiest window with "
                f"{least:,}; take a smaller batch_size or a larger width, or small='repeat' or "
                "'shrink'."
            )

    def _fingerprint(self) -> str:
        return self._digest

    def _settings(self) -> dict[str, Any]:
        width = None if self._half is None else float(2 * self._half)
        own = {"order": "windows", "small": self.small, "weights": self.weights, "width": width}
        return super()._settings() | own


def _axis(values: ArrayLike) -> NDArray[Any]:
    """Return an axis as numbers; dates and durations as nanoseconds."""
    import pandas as pd

    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    column = values if isinstance(values, pd.Series) else np.asarray(values)
    if column.ndim != 1 or len(column) == 0:
        raise DataError(
            "values must hold one number or date for each row, in one dimension; got shape "
            f"{tuple(column.shape)}."
        )
    column = pd.Series(column).infer_objects()
    missing = column.isna().to_numpy()
    kind = column.dtype.kind
    if kind in "mM":
        axis = column.dt.as_unit("ns").astype("int64").to_numpy()
    elif kind in "iuf":
        axis = column.to_numpy(dtype=np.float64, na_value=np.nan)
        missing = ~np.isfinite(axis)
    else:
        raise DataError(f"values must be numbers, dates or durations; got {column.dtype}.")
    if missing.any():
        raise DataError(
            f"Row {int(np.argmax(missing)):,} has no place on the axis: its value is missing or "
            "infinite; drop such rows."
        )
    return np.asarray(axis)


def _half(width: Width, axis: NDArray[Any]) -> float:
    """Return half the width of a window, in the unit of the axis."""
    import pandas as pd

    dates = axis.dtype.kind == "i"
    try:
        # of numbers float itself refuses a duration
        wide = pd.Timedelta(width).as_unit("ns").value if dates else float(width)  # type: ignore[arg-type]
        valid = 0 < wide < np.inf and not (dates and isinstance(width, int | float))
    except (TypeError, ValueError):
        valid = False
    if not valid:
        unit = "duration" if dates else "number"
        raise DataError(f"width must be a {unit} above 0 on this axis; got {width!r}.")
    return wide // 2 if dates else wide / 2
