"""A model and its loss, as the rules of a step see them."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from elinvar.errors import DataError

Loss = Callable[[Any, Any], Tensor]
# a pair of inputs and labels, or whatever a loss takes with the model
Batch = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Learner:
    """What is trained, and in which precision.

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(output, target)``, the mean over the rows of a batch; or ``loss(model, batch)``.
    whole : bool
        Whether the loss takes model and batch, which can be anything then.
    precision : torch.dtype, optional
        Of autocast: ``torch.bfloat16`` or ``torch.float16``; None: that of the parameters.
    scaler : GradScaler, optional
        Keeps gradients in half precision from vanishing.
    """

    model: nn.Module
    loss: Loss
    whole: bool = False
    precision: torch.dtype | None = None
    scaler: torch.amp.GradScaler | None = None

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that are trained."""
        return [part for part in self.model.parameters() if part.requires_grad]

    def output(self, x: object) -> Any:
        """Return what the model makes of inputs.

        Parameters
        ----------
        x : Tensor, or whatever the model takes
            Inputs of a batch.

        Returns
        -------
        Tensor
        """
        with self._autocast():
            return self.model(x)

    def compare(self, output: Tensor, target: object) -> Tensor:
        """Return the loss of outputs.

        Parameters
        ----------
        output : Tensor
            Of the model.
        target : Tensor
            Labels of the batch.

        Returns
        -------
        Tensor of shape ()
        """
        with self._autocast():
            return self.loss(output, target)

    def risk(self, batch: Batch) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        batch : tuple of (x, y), or whatever the loss takes
            Inputs and labels.

        Returns
        -------
        Tensor of shape ()
        """
        # steps of small networks take so little time that an empty context counts
        if self.precision is None:
            return self._risk(batch)
        with self._autocast():
            return self._risk(batch)

    def backward(self, value: Tensor) -> None:
        """Add the gradient of a value to the parameters' ``grad``.

        Parameters
        ----------
        value : Tensor of shape ()
            What is to become smaller.
        """
        # float16 has no numbers below 6e-8: gradients are scaled up, and divided again at the step
        if self.scaler is not None:
            value = self.scaler.scale(value)
        value.backward()  # type: ignore[no-untyped-call]

    def _risk(self, batch: Batch) -> Tensor:
        if self.whole:
            return self.loss(self.model, batch)
        x, y = batch
        return self.loss(self.model(x), y)

    def _autocast(self) -> Any:
        if self.precision is None:
            return nullcontext()
        return torch.autocast(next(self.model.parameters()).device.type, dtype=self.precision)


def takes_batch(loss: Loss) -> bool:
    """Tell whether a loss takes model and batch: its first argument is called ``model``.

    Parameters
    ----------
    loss : callable
        ``loss(output, target)`` or ``loss(model, batch)``.
    """
    try:
        names = list(inspect.signature(loss).parameters)
    except (TypeError, ValueError):  # some callables in C tell nothing of their arguments
        return False
    return names[:1] == ["model"]


def as_batch(batch: object) -> Batch:
    """Return inputs and labels of a batch.

    Raises
    ------
    DataError
        If it is no pair.
    """
    # not tuple | list, which is a new object each time
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch
    shape = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
    raise DataError(
        f"A batch must be a pair (inputs, labels); the loader gave {shape}. Other batches go with "
        "a loss(model, batch), whose first argument is called model."
    )
