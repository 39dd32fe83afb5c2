"""A real table with what its columns mean and whom to thank."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from elinvar.environments import Environments

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """A table gathered in several environments.

    Attributes
    ----------
    name : str
        What the table is about.
    frame : pandas.DataFrame
        All columns, also those that are not features by default.
    target : str
        Column to explain.
    environment : str
        Column that says where a row comes from.
    features : tuple of str
        Default features.
    categorical : tuple of str
        Those features that are levels rather than quantities.
    attribution : str
        Authors, source and licence.
    description : str
        Units, and what was changed on the way here.
    """

    name: str
    frame: "pd.DataFrame"
    target: str
    environment: str
    features: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    attribution: str
    description: str

    def environments(self, **kwargs: Any) -> Environments:
        """Return the rows as `Environments`.

        Parameters
        ----------
        **kwargs
            Whatever `Environments.from_frame` takes; it goes before this table's own target,
            environment, features and categorical columns.

        Examples
        --------
        >>> from elinvar.datasets import load_penguins
        >>> load_penguins().environments().names
        ('Adelie', 'Chinstrap', 'Gentoo')
        """
        own: dict[str, Any] = {"target": self.target, "environment": self.environment}
        # whoever names features means those, with whatever type they have
        if "features" not in kwargs and "drop" not in kwargs:
            own |= {"features": self.features, "categorical": self.categorical or None}
        return Environments.from_frame(self.frame, **(own | kwargs))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.name}: {len(self.frame):,} rows, target {self.target!r}, "
            f"{self.frame[self.environment].nunique()} environments by {self.environment!r}, "
            f"{len(self.features)} features)"
        )

    def _repr_html_(self) -> str:
        counts = self.frame[self.environment].value_counts(sort=False)
        environments = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
        rows = {
            "Target": self.target,
            f"Environments ({self.environment})": environments,
            "Features": ", ".join(self.features),
            "Source": self.attribution,
        }
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(key)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for key, value in rows.items()
        )
        head: Any = self.frame.head()
        return (
            f"<p><strong>{escape(self.name)}</strong>, {len(self.frame):,} rows. "
            f"{escape(self.description)}</p><table>{cells}</table>{head.to_html(border=0)}"
        )
