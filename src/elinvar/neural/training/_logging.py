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
    tell = next((name for name in ("log", "log_metrics") if hasattr(logger, name)), None)
    if tell is None and not hasattr(logger, "add_scalar"):
        raise DataTypeError(
            "A logger must have log(values, step=...), log_metrics(values, step=...) or "
            f"add_scalar(name, value, step); got {type(logger).__name__}."
        )

    def log(values: Mapping[str, float], step: int) -> None:
        if tell is not None:
            getattr(logger, tell)(dict(values), step=step)
            return
        for name, value in values.items():
            logger.add_scalar(name, value, step)

    return log
