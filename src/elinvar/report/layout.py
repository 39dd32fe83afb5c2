"""What pages are made of: templates, tables, and pictures with their findings as headings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from elinvar._base import atomic_write
from elinvar.errors import printable
from elinvar.plots import to_svg
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    from markupsafe import Markup

Kind = Literal["number", "text", "kind"]

# Rows beyond these are folded away.
_OPEN_ROWS = 20


@dataclass(frozen=True)
class Table:
    """What a template lays out; the first cell of each row is its header, and "-" is grey."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    kinds: Sequence[Kind]

    @property
    def open_rows(self) -> Sequence[Sequence[str]]:
        """Rows to show at once."""
        return self.rows[:_OPEN_ROWS]

    @property
    def more_rows(self) -> Sequence[Sequence[str]]:
        """Rows to fold away."""
        return self.rows[_OPEN_ROWS:]


def finding(ax: "Axes") -> str:
    """Return the title of a figure, which says what it shows, on one line."""
    figure: Any = ax.figure
    return " ".join((figure.get_suptitle() or ax.get_title(loc="left")).split())


def take_finding(ax: "Axes") -> str:
    """Return what `finding` does, and take it off the figure: a page writes it as a heading."""
    says = finding(ax)
    figure: Any = ax.figure
    if figure.get_suptitle():
        figure.suptitle("")
    else:
        ax.set_title("", loc="left")
    return says


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of a page, and what it ``says``, which is its heading."""

    name: str
    says: str
    svg: "Markup"
    caption: str


def picture(ax: "Axes", name: str, caption: str, *, where: str = "") -> Picture:
    """Draw a figure into a page; ``where`` tells readers who cannot see it how it is laid out."""
    from markupsafe import Markup

    # before it is drawn, or the page would say it twice
    says = take_finding(ax)
    alt = f"{says}. {where}" if where else says
    return Picture(
        name=name, says=says, svg=Markup(to_svg(ax, prefix=name, alt=alt)), caption=caption
    )


def write_page(path: Path, template: str, *folders: Path, **content: object) -> Path:
    """Write a page from a template of these folders, or of those that all pages share.

    What is not marked as safe is escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).parent / "templates"]),
        autoescape=True,
        # a name that a template misspells fails instead of printing nothing
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(content)
    with atomic_write(path) as file:
        file.write(printable(page))
    return path
