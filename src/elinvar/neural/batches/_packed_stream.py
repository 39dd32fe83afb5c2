"""Sequences of tokens, packed from the documents of one source each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from elinvar._base._check import check_count
from elinvar.errors import DataError
from elinvar.neural.batches._order import Order, Weights
from elinvar.neural.batches._stream import EnvironmentStream, Shard

Tokens = NDArray[np.int64]


class PackedStream(EnvironmentStream):
    """Pack documents into sequences of equal length, and draw every batch from one source.

    Documents of a source are put one behind another and cut into sequences of ``length`` tokens: no
    token is lost or padded, a document that does not fit goes on in the next sequence, and no
    sequence holds two sources. As all sequences are as long, weights are shares of tokens, and a
    batch is pure by tokens and not by rows alone. Give it to a loader as
    ``DataLoader(stream, batch_size=None)``.

    Parameters
    ----------
    shards : mapping of str to iterable of documents, or to function that opens one
        The documents of each source, each a sequence of token numbers. What can be read only once,
        such as a generator or a streamed data set, must be given as a function.
    length : int
        Tokens of a sequence.
    batch_size : int
        Sequences of a batch; of the **global** batch, if there are several processes.
    n_batches : int
        Batches of an epoch.
    end : int, optional
        Token put after each document. None: documents bring their own, or touch.
    order, weights, seed, block, num_replicas, rank
        As in :class:`EnvironmentStream`; ``weights`` mix sources by tokens.
    collate_fn : callable, optional
        Makes a batch of a list of (length,) arrays. By default a dict of ``input_ids`` and
        ``labels``, both (sequences, length), as language models of Hugging Face take them: they
        shift labels themselves.

    Attributes
    ----------
    environments : tuple of str
        Names of the sources, in natural order.
    epoch : int
        Of the iteration under way, or the last one.

    Raises
    ------
    DataError
        If a setting is out of range, a shard is empty or can be read only once, or a document is
        no sequence of whole numbers.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> shards = {"news": [[1, 2, 3], [4, 5]], "wiki": [[11, 12], [13, 14, 15, 16, 17]]}
    >>> stream = PackedStream(shards, 4, batch_size=1, n_batches=4, end=0, order="cyclic")
    >>> for batch in DataLoader(stream, batch_size=None):
    ...     print(batch["input_ids"].tolist())
    [[1, 2, 3, 0]]
    [[11, 12, 0, 13]]
    [[4, 5, 0, 1]]
    [[14, 15, 16, 17]]
    """

    def __init__(
        self,
        shards: Mapping[str, Shard],
        length: int,
        batch_size: int,
        n_batches: int,
        *,
        end: int | None = None,
        order: Order = "random",
        weights: Weights = "uniform",
        seed: int = 0,
        block: int | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        check_count("length", length)
        if end is not None:
            check_count("end", end, least=0)
        self.length, self.end = int(length), end
        super().__init__(
            shards,
            batch_size,
            n_batches,
            order=order,
            weights=weights,
            seed=seed,
            block=block,
            collate_fn=collate_fn or _together,
            num_replicas=num_replicas,
            rank=rank,
        )

    def _rows(self, shard: int) -> Iterator[Tokens]:
        return packed(super()._rows(shard), self.length, self.end)

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"end": self.end, "length": self.length}


def packed(documents: Iterable[ArrayLike], length: int, end: int | None) -> Iterator[Tokens]:
    """Yield sequences of ``length`` tokens from documents put one behind another.

    Parameters
    ----------
    documents : iterable of sequences of int
    length : int
    end : int, optional
        Token after each document.

    Yields
    ------
    (length,) array of int64

    Raises
    ------
    DataError
        If a document is no sequence of whole numbers.
    """
    sequence, filled = np.empty(length, dtype=np.int64), 0
    for document in documents:
        tokens = np.asarray(document)
        if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
            raise DataError(
                "A document must be a sequence of token numbers, as a tokenizer gives (of rows "
                "that are dicts, the entry that holds it, such as 'input_ids'); got "
                f"{document!r:.60}."
            )
        if end is not None:
            tokens = np.append(tokens, end)
        at = 0
        while at < len(tokens):
            part = tokens[at : at + length - filled]
            sequence[filled : filled + len(part)] = part
            at, filled = at + len(part), filled + len(part)
            if filled == length:
                yield sequence
                sequence, filled = np.empty(length, dtype=np.int64), 0


def _together(sequences: list[Tokens]) -> dict[str, Tensor]:
    ids = torch.from_numpy(np.stack(sequences))
    return {"input_ids": ids, "labels": ids}
