"""What a data set is known by, so that a run does not go on with another one."""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from elinvar.errors import DataError

_ROWS = 64


def fingerprint(data: object) -> str | None:
    """Return a digest of a data set.

    Parameters
    ----------
    data : Dataset
        Tensors of a `TensorDataset` are read whole. Of others: their length, and 64 rows spread
        evenly, read with torch's random numbers held fixed. A data set that knows better has a
        method ``fingerprint()``.

    Returns
    -------
    str or None
        None if it is a stream, of which nothing can be read without using it up.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> from elinvar.neural import fingerprint
    >>> one, other = TensorDataset(torch.zeros(3)), TensorDataset(torch.ones(3))
    >>> fingerprint(one) == fingerprint(other), fingerprint(one) == fingerprint(one)
    (False, True)
    """
    own = getattr(data, "fingerprint", None)
    if callable(own):
        return str(own())
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(data, TensorDataset):
        _add(digest, data.tensors)
        return digest.hexdigest()
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        return None
    rows = np.unique(np.linspace(0, max(len(data) - 1, 0), _ROWS).round().astype(int))
    _add(digest, len(data))
    # augmentation draws random numbers: the same ones each time, and none of the run's
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for row in rows[: len(data)]:
            _add(digest, data[int(row)])
    return digest.hexdigest()


def check_fingerprint(found: str | None, saved: str | None, path: object) -> None:
    """Refuse to go on with another data set.

    Raises
    ------
    DataError
        If the fingerprints differ.
    """
    if found != saved:
        raise DataError(
            f"{path} belongs to a run on another data set (its fingerprint is "
            f"{saved or 'unknown':.12}, this one's {found or 'unknown':.12}): give the same data, "
            "or start anew with resume=False."
        )


def digest_of(state: object) -> str:
    """Return a digest of tensors and plain values, however deep they lie in lists and mappings."""
    digest = hashlib.blake2b(digest_size=16)
    _add(digest, state)
    return digest.hexdigest()


def _add(digest: "hashlib.blake2b", value: object) -> None:
    if isinstance(value, Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        # as bytes: NumPy does not know all types of numbers
        flat = value.detach().cpu().to_dense().reshape(-1)
        # of one number any stride counts as contiguous, and cannot be seen as bytes
        flat = flat if flat.stride(0) == 1 else flat.new_empty(flat.shape).copy_(flat)
        value = flat.view(torch.uint8).numpy()
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, tuple | list):
        digest.update(f"{len(value)}".encode())
        for part in value:
            _add(digest, part)
    elif isinstance(value, dict):
        digest.update(b"mapping")
        _add(digest, list(value.items()))
    else:
        digest.update(f"{type(value).__name__}{value!r}".encode())
