"""Frames as lists, for picklers that take no frames, such as skops."""

from dataclasses import dataclass


@dataclass(frozen=True)
class _Columns:
    """A table as lists, and the kinds of its columns."""

    values: dict[str, list[object]]
    kinds: dict[str, str]


def without_frame(value: object) -> object:
    """Return a frame as lists, and anything else as it is."""
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        return value
    names = [str(name) for name in value]
    return _Columns(
        {name: value[name].tolist() for name in names},
        {name: str(value[name].dtype) for name in names},
    )


def with_frame(value: object) -> object:
    """Return lists that were a frame as a frame again, and anything else as it is."""
    import pandas as pd

    return pd.DataFrame(value.values).astype(value.kinds) if isinstance(value, _Columns) else value
