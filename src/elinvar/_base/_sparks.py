"""Small pictures for the rows of a table, as SVG that takes its ink from the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

_WIDTH, _HEIGHT = 150, 16
_MIDDLE = _HEIGHT / 2
_UP, _DOWN, _BETWEEN = "#00639c", "#a84600", "#b8bec5"


@dataclass(frozen=True)
class Mark:
    """An effect to draw: where it is, its interval, that of a new place, and its colour."""

    at: float
    low: float
    high: float
    new_low: float
    new_high: float
    colour: str
    words: str


def intervals(marks: Sequence[Mark]) -> tuple[str, ...]:
    """Return a picture a row: 0, an effect with its interval, and a thin line for a new place.

    Intervals that would dwarf the effects are cut off at three times their reach.
    """
    # the same scale in every row, wide enough for what is known best
    reach = max((abs(mark.at) for mark in marks if isfinite(mark.at)), default=0.0) or 1.0
    ends = [v for m in marks for v in (m.low, m.high, m.new_low, m.new_high) if isfinite(v)]
    reach = min(max([reach, *map(abs, ends)]), 3.0 * reach)

    def x(value: float) -> float:
        inside = min(max(value / reach, -1.0), 1.0)
        return _WIDTH / 2 + inside * (_WIDTH / 2 - 5)

    return tuple(_interval(mark, x) for mark in marks)


def _interval(mark: Mark, x: Callable[[float], float]) -> str:
    parts = [_line(_WIDTH / 2, _WIDTH / 2, "currentColor", 1, tall=True)]
    for low, high, width in ((mark.new_low, mark.new_high, 1), (mark.low, mark.high, 4)):
        if isfinite(low) and isfinite(high):
            parts.append(_line(x(low), x(high), mark.colour, width))
    if isfinite(mark.at):
        parts.append(f'<circle cx="{x(mark.at):.1f}" cy="{_MIDDLE:g}" r="4" fill="{mark.colour}"/>')
    return _svg(parts, mark.words)


def bars(values: Sequence[float], words: Sequence[str], *, colour: str = _UP) -> tuple[str, ...]:
    """Return a picture a row: a bar from 0, to the left where a value is negative."""
    known = [abs(value) for value in values if isfinite(value)]
    reach = max(known, default=0.0) or 1.0
    signed = any(value < 0 for value in values)
    zero = _WIDTH / 2 if signed else 1.0
    room = _WIDTH / 2 - 2 if signed else _WIDTH - 4.0
    found = []
    for value, said in zip(values, words, strict=True):
        parts = [_line(zero, zero, "currentColor", 1, tall=True)]
        if isfinite(value):
            parts.append(_line(zero, zero + room * value / reach, colour, 8))
        found.append(_svg(parts, said))
    return tuple(found)


def shares(counts: Sequence[tuple[int, int]], total: int, words: Sequence[str]) -> tuple[str, ...]:
    """Return a picture a row: of so many environments, those with a rise, those with a fall.

    The rise is filled from the left, the fall from the right; between them it is not clear.
    """
    room = _WIDTH / max(total, 1)
    found = []
    for (up, down), said in zip(counts, words, strict=True):
        parts = [_line(0, _WIDTH, _BETWEEN, 8)]
        parts += [_line(0, up * room, _UP, 8)] * bool(up)
        parts += [_line(_WIDTH - down * room, _WIDTH, _DOWN, 8)] * bool(down)
        found.append(_svg(parts, said))
    return tuple(found)


def curves(series: Sequence[tuple[Sequence[float], Sequence[float], str]], words: str) -> str:
    """Return one picture of lines over a common horizontal axis.

    Parameters
    ----------
    series : sequence of (x, y, colour)
    words : str
        What it shows, for readers who do not see it.
    """
    width, height = 420, 110
    points = [
        (float(a), float(b)) for x, y, _ in series for a, b in zip(x, y, strict=True)
        if isfinite(a) and isfinite(b)
    ]  # fmt: skip
    if not points:
        return ""
    right = max(a for a, _ in points) or 1.0
    bottom, top = min(0.0, *(b for _, b in points)), max(0.0, *(b for _, b in points))
    span = top - bottom or 1.0

    def at(a: float, b: float) -> str:
        across, up = (width - 8) * a / right, (height - 8) * (b - bottom) / span
        return f"{4 + across:.1f},{height - 4 - up:.1f}"

    zero = f'<polyline points="{at(0, 0)} {at(right, 0)}" stroke="currentColor" opacity=".4"/>'
    lines = "".join(
        '<polyline points="'
        + " ".join(at(float(a), float(b)) for a, b in zip(x, y, strict=True) if isfinite(b))
        + f'" stroke="{colour}" stroke-width="2"/>'
        for x, y, colour in series
    )
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" fill="none" '
        f'role="img" aria-label="{escape(words)}">{zero}{lines}</svg>'
    )


def _line(start: float, end: float, colour: str, width: float, *, tall: bool = False) -> str:
    y1, y2 = (0.0, float(_HEIGHT)) if tall else (_MIDDLE, _MIDDLE)
    return (
        f'<line x1="{start:.1f}" y1="{y1:g}" x2="{end:.1f}" y2="{y2:g}" stroke="{colour}" '
        f'stroke-width="{width:g}"/>'
    )


def _svg(parts: Sequence[str], words: str) -> str:
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
    )
