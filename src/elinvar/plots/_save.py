"""Axes as files: PNG, and SVG that takes its colours from the page it stands in."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO, StringIO
from typing import Any

from elinvar.errors import printable
from elinvar.plots._axes import Axes
from elinvar.plots.palette import INK, PALETTE

_PAPER = "#ffffff"


def to_png(ax: Axes) -> bytes:
    """Return the figure of ``ax`` as PNG.

    Parameters
    ----------
    ax : Axes
        What one of the plot functions returned.

    Returns
    -------
    bytes
        The file's content.
    """
    buffer = BytesIO()
    figure: Any = _whole(ax)
    with _quietly():
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _whole(ax: Axes) -> Any:
    """Return the figure of axes; of a panel of several, the one that holds all."""
    figure: Any = ax.figure
    return figure.figure


def to_svg(ax: Axes, *, prefix: str, alt: str) -> str:
    """Return the figure of ``ax`` as an SVG element to put into an HTML page, always the same.

    Its ink is the page's ``currentColor``, and each colour of the palette, such as #00639c, is
    ``var(--c00639c, #00639c)``, so that a page can redefine it for a dark background; white is
    ``var(--paper, #ffffff)``.

    Parameters
    ----------
    ax : Axes
        What one of the plot functions returned.
    prefix : str
        Put before every id, so that several figures can stand in one page.
    alt : str
        What the picture shows, for readers who do not see it.

    Returns
    -------
    str
        One ``<svg>`` element without references to anything outside.
    """
    import matplotlib as mpl

    buffer = StringIO()
    figure: Any = _whole(ax)
    with _quietly(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "elinvar"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->", "", svg, flags=re.DOTALL)
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    ids: dict[str, str] = {}
    body = re.sub(r"<[^>]*>", lambda tag: _adapt(tag.group(), prefix, ids), body)
    return printable(
        f'<svg {box.group() if box else ""} role="img" aria-label="{escape(alt)}" '
        f'stroke-linejoin="round" stroke-linecap="butt">{body}'
    )


def _adapt(tag: str, prefix: str, ids: dict[str, str]) -> str:
    """Give one tag of the picture the ids, font and colours of the page."""

    def own(found: re.Match[str]) -> str:
        return f"{found[1]}{prefix}-{_numbered(found[2], ids)}"

    tag = re.sub(r'(\sid="|url\(#|href="#)([^")]+)', own, tag).replace("xlink:href", "href")
    tag = re.sub(r"font-family:[^;\"]*;? ?", "", tag).replace(INK, "currentColor")
    for colour in PALETTE:
        tag = tag.replace(colour, f"var(--c{colour[1:]}, {colour})")
    return tag.replace(_PAPER, f"var(--paper, {_PAPER})")


def _numbered(name: str, ids: dict[str, str]) -> str:
    """Replace a hashed id by a number: positions, and so hashes, vary in the last digit."""
    if re.fullmatch("[a-z][0-9a-f]{10}", name):
        return ids.setdefault(name, f"{name[0]}{len(ids)}")
    return name


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence warnings of letters that the font lacks: the name is in the tables too."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
