"""Where records of a run go beside its table: one protocol, and what people have."""

from collections.abc import Callable, Mapping
from typing import Any

from elinvar.errors import DataTypeError

Log = Callable[[Mapping[str, float], int], object]


def log_of(logger: Any) -> Log:
    """Return a function of values and step that tells a logger.

    Parameters
    ----------
    logger : object
        With ``log(values, step=...)`` as Weights & Biases, ``log_metrics(values, step=...)`` as
        Lightning, or ``add_scalar(name, value, step)`` as TensorBoard.

    Returns
    -------
    callable

    Raises
    ------
    DataTypeError
        If it has none of these.
    """
    for name in ("log", "log_metrics"):
        if callable(method := getattr(logger, name, None)):
            return lambda values, step, method=method: method(dict(values), step=step)
    if callable(add := getattr(logger, "add_scalar", None)):
        return lambda values, step: [add(name, value, step) for name, value in values.items()]
    raise DataTypeError(
        "A logger must have log(values, step=...), log_metrics(values, step=...) or "
        f"add_scalar(name, value, step); got {type(logger).__name__}."
    )
