"""Maps of the reference: how the names of a section fit together, drawn as one picture.

A page of docs/api has ``.. map:: TITLE`` with a line for each step, top down::

    "your files"
    > which ones
    find_files: paths of a pattern | is_database
    > read
    Schema: what columns mean

Names may have a few words; texts in quotes are no names; ``> words`` is an arrow. The page of each
name shows the last map of its package that has it (``.. mapped:: module.name``), the name marked.
"""

import functools
import html
import importlib
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

PAGES = Path(__file__).parents[1] / "api"
MODULE = re.compile(r"^\.\. (?:current)?module:: (\S+)$")
MAP = re.compile(r"^\.\. map:: (.+)$")

# Widths and heights, in pixels; a map is as wide as a phone, so that its words stay legible there.
WIDTH, MARGIN, GAP, LINE, ARROW = 440, 10, 8, 15, 34
LETTER, WORD_LETTER = 7.3, 5.9


@dataclass(frozen=True, kw_only=True)
class Box:
    """A name with a few words, or words alone (``address`` is None)."""

    name: str
    address: str | None
    words: tuple[str, ...]

    @property
    def width(self):
        letters = max([0, *map(len, self.words)]) * WORD_LETTER
        return min(max(len(self.name) * LETTER, letters) + 18, WIDTH - 2 * MARGIN)

    @property
    def height(self):
        return (27 if self.name else 6) + LINE * len(self.words)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Boxes side by side, and the words at the arrow that leads to them (None: no arrow)."""

    arrow: str | None
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True)
class Map:
    title: str
    page: Path
    module: str
    rows: tuple[Row, ...]

    def addresses(self):
        return {box.address for row in self.rows for box in row.boxes} - {None}


def box_of(text, module):
    if text.startswith('"'):
        return Box(name="", address=None, words=tuple(textwrap.wrap(text.strip('"'), 66)))
    name, _, words = (part.strip() for part in text.partition(":"))
    home, _, last = name.rpartition(".")
    wrapped = tuple(textwrap.wrap(words, max(28, len(last) + 4)))
    return Box(name=last, address=f"{home or module}.{last}", words=wrapped)


def rows_of(lines, module):
    """Yield the rows of a map."""
    arrow = None
    for line in filter(None, map(str.strip, lines)):
        if line.startswith(">"):
            arrow = line[1:].strip()
        else:
            boxes = tuple(box_of(text.strip(), module) for text in line.split(" | "))
            yield Row(arrow=arrow, boxes=boxes)
            arrow = None


@functools.cache
def all_maps(pages=PAGES):
    """Return every map of the reference, in the order of its pages."""
    found = []
    for page in sorted(pages.glob("*.rst")):
        module, title, content = "elinvar", None, []
        for line in [*page.read_text(encoding="utf-8").splitlines(), "the end"]:
            if title and line.strip() and not line.startswith(" "):
                rows = tuple(rows_of(content, module))
                found.append(Map(title=title, page=page, module=module, rows=rows))
                title, content = None, []
            if match := MODULE.match(line):
                module = match[1]
            elif match := MAP.match(line):
                title = match[1]
            elif title:
                content.append(line)
    return tuple(found)


def wrong_addresses(maps):
    """Return what maps name and no package has."""
    named = sorted(set().union(*(one.addresses() for one in maps)))
    return [address for address in named if not there(address)]


def there(address):
    home, _, name = address.rpartition(".")
    try:
        return hasattr(importlib.import_module(home), name)
    except ModuleNotFoundError:
        return False


def lines_of(boxes):
    """Return boxes in lines that are no wider than the map."""
    lines = [[]]
    for box in boxes:
        taken = sum(other.width + GAP for other in lines[-1])
        if lines[-1] and taken + box.width > WIDTH - 2 * MARGIN:
            lines.append([])
        lines[-1].append(box)
    return lines


def draw_box(box, x, y, *, marked, link):
    middle = x + box.width / 2
    words = "".join(
        f'<text class="words" x="{middle:.0f}" y="{y + (33 if box.name else 14) + LINE * k:.0f}">'
        f"{html.escape(line)}</text>"
        for k, line in enumerate(box.words)
    )
    if box.address is None:
        return words
    kind = "name marked" if box.address == marked else "name"
    drawn = (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{box.width:.0f}" '
        f'height="{box.height}" rx="5"/>'
        f'<text class="{kind}" x="{middle:.0f}" y="{y + 18:.0f}">{box.name}</text>{words}'
    )
    return f'<a href="{html.escape(link(box.address))}">{drawn}</a>'


def draw(one, *, marked, link):
    """Return a map as SVG; ``link`` gives the page of a name."""
    parts, y = [], 4
    for row in one.rows:
        if row.arrow is not None:
            # left of the middle, so that its words have room
            x = WIDTH // 4
            parts.append(
                f'<path class="arrow" d="M{x} {y - 4}v{ARROW - 6}m-5 -7l5 7l5 -7"/>'
                f'<text class="arrow" x="{x + 12}" y="{y + 16}">{html.escape(row.arrow)}</text>'
            )
            y += ARROW
        lines = lines_of(row.boxes)
        heights = [max(box.height for box in line) for line in lines]
        tall = sum(heights) + GAP * (len(lines) + 1)
        if any(box.address for box in row.boxes):
            parts.append(
                f'<rect class="row" x="1" y="{y}" width="{WIDTH - 2}" height="{tall}" rx="8"/>'
            )
        y += GAP
        for line, height in zip(lines, heights, strict=True):
            wide = sum(box.width for box in line) + GAP * (len(line) - 1)
            x = (WIDTH - wide) / 2
            for box in line:
                parts.append(draw_box(box, x, y, marked=marked, link=link))
                x += box.width + GAP
            y += height + GAP
        y += 6
    return (
        f'<figure class="map"><svg role="img" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}">'
        f"<title>{html.escape(one.title)}</title>{''.join(parts)}</svg>"
        f"<figcaption>{html.escape(one.title)}</figcaption></figure>"
    )


def map_of(address, maps):
    """Return the map for the page of a name: the last of the nearest package; None without."""

    def nearness(one):
        return len(one.module) if address.startswith(f"{one.module}.") else 0

    having = [one for one in reversed(maps) if address in one.addresses()]
    return max(having, key=nearness, default=None)


class Drawn(SphinxDirective):
    """What both directives do: draw a map, with links that fit the page."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def link(self, address):
        builder, here = self.env.app.builder, self.env.docname
        return builder.get_relative_uri(here, f"api/generated/{address}")

    def drawn(self, one, marked=None):
        return nodes.raw("", draw(one, marked=marked, link=self.link), format="html")


class MapHere(Drawn):
    """``.. map:: TITLE``: a map in the page of its package."""

    def run(self):
        return [self.drawn(one) for one in all_maps() if one.title == self.arguments[0]]


class Mapped(Drawn):
    """``.. mapped:: module.name``: where a name stands, in its own page."""

    def run(self):
        one = map_of(self.arguments[0], all_maps())
        if one is None:
            return []
        self.env.note_dependency(str(one.page))
        return [nodes.rubric("", "Where it stands"), self.drawn(one, self.arguments[0])]


def check(app):
    all_maps.cache_clear()
    for address in wrong_addresses(all_maps()):
        logging.getLogger(__name__).warning("a map of docs/api names %s: there is none", address)


def setup(app):
    app.add_directive("map", MapHere)
    app.add_directive("mapped", Mapped)
    app.connect("builder-inited", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
