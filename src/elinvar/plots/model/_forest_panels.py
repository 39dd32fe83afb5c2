"""What the panels of a forest plot show, and which rows they share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elinvar._base._verdicts import KEEP_SIZE
from elinvar.plots._axes import clean
from elinvar.plots._marks import Floats, Look, range_of
from elinvar.plots._tables import Row, Table, records
from elinvar.plots.palette import VERDICT_COLOURS

COMMON, POOLED, NEW = "average effect", "pooled model", "new environment (90%)"

# Beyond this many environments a panel has one strip of them instead of a row for each.
_MOST_ROWS = 25
# An environment whose interval is this many times as wide as the median does not set the range.
_VAGUE = 4.0


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one panel shows; NaN is not known.

    ``each`` has effect, low and high of every environment, shape (3, E), ``common`` those of all
    together, ``new`` low and high of a new one; ``odd`` is the environment that stands out.
    """

    feature: str
    verdict: str
    model: str
    each: Floats
    common: Floats
    pooled: float
    new: Floats
    odd: int | None

    @property
    def look(self) -> Look:
        return Look.of_verdict(self.verdict)

    @property
    def holds(self) -> bool:
        return self.verdict in KEEP_SIZE

    def limits(self, *, strip: bool) -> tuple[float, float]:
        """Return what to show: 0, the effects, and intervals unless they would dwarf these.

        A ``strip`` has no intervals of the environments.
        """
        width = self.each[2] - self.each[1]
        typical = np.median(width[np.isfinite(width)]) if np.isfinite(width).any() else np.inf
        # not <=: an environment whose interval is not known stays, by its effect
        clear = ~(width > _VAGUE * typical)
        if self.odd is not None:
            clear[self.odd] = True
        core = np.hstack([0.0, self.common, self.pooled, self.each[0, clear]])
        ends = [self.each[0] if strip else self.each.ravel(), self.new]
        return range_of(core, np.hstack(ends), reach=0.6)


@dataclass(frozen=True, kw_only=True)
class PanelRows:
    """Where rows stand, the same in every panel: environments from 0 down, then the summaries."""

    places: tuple[str, ...]
    summaries: tuple[str, ...]

    @classmethod
    def of(cls, panels: list[Panel], places: list[str]) -> "PanelRows":
        summaries = [COMMON]
        summaries += [POOLED] * any(np.isfinite(panel.pooled) for panel in panels)
        summaries += [NEW] * any(not np.isnan(panel.new).any() for panel in panels)
        return cls(places=tuple(places), summaries=tuple(summaries))

    @property
    def strip(self) -> bool:
        return len(self.places) > _MOST_ROWS

    @property
    def rule(self) -> float:
        return 0.5 if self.strip else len(self.places) - 0.5

    def of_summary(self, name: str) -> float:
        return self.rule + 0.7 + self.summaries.index(name)

    @property
    def bottom(self) -> float:
        return self.of_summary(self.summaries[-1]) + 0.6

    @property
    def labels(self) -> dict[float, str]:
        """Label by position."""
        each = [clean(place, 24) for place in self.places]
        above = [f"{len(each)} environments"] if self.strip else each
        below = {self.of_summary(name): name for name in self.summaries}
        return {float(y): name for y, name in enumerate(above)} | below


def chosen(table: list[Row], features: Sequence[str] | None) -> list[Row]:
    if features is None:
        return sorted(table, key=lambda row: (_rank(row["verdict"]), -_clearness(row)))
    by_name = {row["feature"]: row for row in table}
    for name in features:
        if str(name) not in by_name:
            raise ValueError(f"There is no feature {str(name)!r} in the table of evidence.")
    return [by_name[str(name)] for name in features]


def _rank(verdict: str) -> int:
    """Return the place of a verdict among all: what holds comes first, what is not there last."""
    kinds = list(VERDICT_COLOURS)
    return kinds.index(verdict) if verdict in kinds else len(kinds)


def _clearness(row: Row) -> float:
    """Return the size of an effect against its interval; -1 if it is not known."""
    width = row["high"] - row["low"]
    return abs(row["effect"]) / width if width > 0 else -1.0


def panels_of(effects: Table, shown: list[Row]) -> tuple[list[Panel], list[str]]:
    """Return the panels, and the environments in their common order."""
    found: dict[str, dict[str, list[float]]] = {row["feature"]: {} for row in shown}
    keys = ("effect", "low", "high")
    for row in records(effects, texts=("feature", "environment"), numbers=keys):
        if row["feature"] in found:
            found[row["feature"]][row["environment"]] = [row[key] for key in keys]
    places = _merged([list(each) for each in found.values()])
    panels = []
    for row in shown:
        each = [found[row["feature"]].get(place, [np.nan] * 3) for place in places]
        panels.append(
            Panel(
                feature=row["feature"],
                verdict=row["verdict"],
                model=row["model"],
                each=np.array(each).reshape(-1, 3).T,
                common=np.array([row[key] for key in keys]),
                pooled=row["pooled_effect"],
                new=np.array([row["new_low"], row["new_high"]]),
                odd=places.index(odd) if (odd := row["odd_environment"]) in places else None,
            )
        )
    return panels, places


def _merged(lists: list[list[str]]) -> list[str]:
    """Return all names once, in an order that agrees with each list."""
    merged: list[str] = []
    for names in sorted(lists, key=len, reverse=True):
        at = 0
        for name in names:
            if name in merged:
                at = merged.index(name)
            else:
                merged.insert(at, name)
            at += 1
    return merged
