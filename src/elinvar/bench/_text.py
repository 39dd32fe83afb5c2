"""A table of texts, and how numbers in it are written."""

from dataclasses import dataclass
from math import isnan

NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table to lay out.

    Attributes
    ----------
    name : str
        For links.
    title, about : str
        A heading, and what the numbers are.
    heads : tuple of str
    rows : list of list of str
    kinds : str
        A letter a column: "l" for text, "r" for numbers.
    picture : str
        File of a picture of it beside the document, if there is one.
    """

    name: str
    title: str
    about: str
    heads: tuple[str, ...]
    rows: list[list[str]]
    kinds: str
    picture: str = ""


def plain(value: float, decimals: int) -> str:
    """Return so many decimals; nothing if it is not known."""
    return NOTHING if isnan(value) else f"{value:.{decimals}f}"
