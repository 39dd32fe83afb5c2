"""Whose turn it is: the environment of every batch of an epoch."""

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar.errors import DataError

Order = Literal["random", "cyclic", "blocks"]
ORDERS = ("random", "cyclic", "blocks")
BLOCK = 10


def resolve_weights(weights: Any, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of turns of each environment, (M,), adding up to 1.

    Raises
    ------
    DataError
        If they are neither ``"uniform"`` nor ``"size"`` nor a usable array.
    """
    if isinstance(weights, str):
        if weights not in ("uniform", "size"):
            raise DataError(
                f"weights must be 'uniform', 'size' or one number for each environment; got "
                f"{weights!r}."
            )
        shares = counts if weights == "size" else np.ones(len(counts))
    else:
        try:
            shares = np.asarray(weights, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"weights must be numbers; got {weights!r}.") from error
        if shares.shape != counts.shape:
            raise DataError(
                f"weights must hold one number for each of the {len(counts)} environments, in "
                f"their natural order; got shape {shares.shape}."
            )
        if not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
            raise DataError(
                "weights must be finite, at least 0 and not all 0; got "
                f"{np.array2string(shares, threshold=8, precision=4)}."
            )
    scaled = shares / shares.max()
    return np.asarray(scaled / scaled.sum())


def weights_name(weights: Any, shares: NDArray[np.float64]) -> str:
    """Return what stands for weights in a saved state."""
    if isinstance(weights, str):
        return weights
    return "array " + hashlib.blake2b(shares.tobytes(), digest_size=6).hexdigest()


def take_turns(
    order: Order,
    shares: NDArray[np.float64],
    n_batches: int,
    *,
    epoch: int,
    block: int,
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Return the environment of each batch of an epoch, (n_batches,).

    Parameters
    ----------
    order : {"random", "cyclic", "blocks"}
        Drawn anew for each batch; in turn, going on where the last epoch ended; drawn for ``block``
        batches at a time.
    shares : (M,) array adding up to 1
        Share of turns of each environment.
    n_batches : int
        Batches of an epoch.
    epoch : int
        Number of the epoch, from 0; for ``"cyclic"``.
    block : int
        Batches of a block.
    rng : Generator

    Returns
    -------
    (n_batches,) array of the smallest unsigned type
    """
    if order == "cyclic":
        turns = _cyclic(shares, epoch * n_batches, n_batches)
    else:
        length = block if order == "blocks" else 1
        drawn = rng.choice(len(shares), size=-(-n_batches // length), p=shares)
        turns = np.repeat(drawn, length)[:n_batches]
    return turns.astype(np.min_scalar_type(len(shares) - 1))


def _cyclic(shares: NDArray[np.float64], first: int, length: int) -> NDArray[np.intp]:
    """Return turns ``first`` to ``first + length`` when each environment comes evenly spaced.

    The j-th turn of an environment with share w falls at time (j + 1/2) / w; turns are taken in
    order of time, and of environments where times are equal. With equal shares: 0, 1, ..., M - 1,
    over and over.
    """
    present = np.flatnonzero(shares)
    w, M = shares[present], len(present)
    # Every turn up to number `first` falls at or before time first + M/2: those well before the
    # window are counted, and only those near it are sorted.
    low = np.maximum(np.floor(w * (first - M)) - 1, 0).astype(np.int64)
    high = np.ceil(w * (first + length + M)).astype(np.int64) + 1
    number = high - low
    who = np.repeat(np.arange(M), number)
    turn = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number - low, number)
    ordered = who[np.lexsort((who, (turn + 0.5) / w[who]))]
    skipped = first - int(low.sum())
    return present[ordered[skipped : skipped + length]]
