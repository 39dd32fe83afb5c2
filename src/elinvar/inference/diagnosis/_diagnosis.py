"""What a pre-flight found, and how it looks when it is printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from elinvar._base._display import SHOWN, ShownTable, card, text_table, wrapped
from elinvar._base._numbers import percent
from elinvar._base._sparks import shares

if TYPE_CHECKING:
    import pandas as pd

Answer = Literal["can answer", "can answer in part", "cannot"]

DIAGNOSIS_WORDS = {
    "target with it": "in how many environments the target clearly goes up or down with this "
    "feature alone (of a category: between two of its levels)",
    "put to the test": "the feature, or how the target goes with it, differs between environments, "
    "so that an effect that stays the same there means something",
    "change seen from": "how much its effect must vary between environments, as a share of its "
    "size, to be noticed with 80% power (or that asked for); - where it is not clear",
}
"""What the columns of `Diagnosis.in_words` mean."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Diagnosis:
    """Whether a table can tell invariant effects from others, and what it would take.

    Attributes
    ----------
    verdict : {"can answer", "can answer in part", "cannot"}
        See :func:`elinvar.diagnose` for the rules.
    reason : str
        One or two sentences.
    advice : str
        What to do about it.
    notes : tuple of str
        What else there is to know: where environments differ most, what more rows or environments
        would buy, slopes that change sign, features that cannot be judged.
    features : DataFrame
        A row a feature:

        - ``feature``; ``mean_shift``, standard deviation of its mean between environments, per
          standard deviation within, without sampling noise; ``mean_p``, p-value of the same mean;
          ``scale_ratio``, its largest standard deviation in an environment by its smallest;
          ``scale_p``, p-value of the same variance.
        - ``slope``, the target's average slope on it alone, sd per sd (of a categorical feature,
          the difference between two levels, in sds of the target); ``slope_sd``, the standard
          deviation of that between environments; ``slope_p``, p-value of the same slope;
          ``positive``, ``negative``, numbers of environments where it is clearly above or below
          0; ``flips``, whether there are both.
        - ``moved``, whether its law given the other features clearly differs; ``tested``, whether
          that or its slope does; ``vif``, variance
          inflation by the others within environments; ``told_apart``, whether its effect can be
          told from the others': ``vif`` below 10,000, and moved.
        - ``growth``, growth exponent of plain HeteroSGD at ``step_size`` (above 0 it enters, below
          0 it is suppressed); ``gain_low``, ``gain_high``, gains that suppress it at that step;
          ``step_low``, ``step_high``, steps that suppress it at gain 1.
        - ``detectable_sd``, the smallest standard deviation of its effect between environments,
          sd per sd, that would be found; ``effect_size``, the size of that effect in a typical
          environment, the other features being in the model, where it is clear.

        NaN: ``mean_shift`` and ``slope_sd`` with a single environment, ``slope_sd`` also where
        fewer than two tell the slope; ``slope``, ``vif`` and ``growth`` of a constant feature;
        gains and steps where there are none; ``detectable_sd`` where no two environments tell
        the effect; ``effect_size`` where it is not clear.
    power : DataFrame
        ``environments``, ``rows`` (of all of them together, per environment on average),
        ``detectable_sd`` (median over features; NaN with one environment) and ``is_now``: the table
        as it is, with more rows in each environment, and with more environments like these.
    environments : tuple of str
        Their names.
    rows : tuple of float
        Rows of each.
    step_size : float
        Step size that growth exponents and gains are for.
    """

    verdict: Answer
    reason: str
    advice: str
    notes: tuple[str, ...]
    features: "pd.DataFrame"
    power: "pd.DataFrame"
    environments: tuple[str, ...]
    rows: tuple[float, ...]
    step_size: float

    def in_words(self) -> "pd.DataFrame":
        """Say of each feature what the environments show, and what they could show.

        Returns
        -------
        DataFrame
            A row a feature, of texts: ``feature``, ``target with it``, ``put to the test`` and
            ``change seen from``.
        """
        import pandas as pd

        rows = self.features.to_dict("records")
        return pd.DataFrame(
            {
                "feature": [str(row["feature"]) for row in rows],
                "target with it": [_direction(row, len(self.environments)) for row in rows],
                "put to the test": ["yes" if row["tested"] else "no" for row in rows],
                "change seen from": [_seen_from(row) for row in rows],
            }
        )

    def plot(self, axes: Any = None, *, theory: bool = False) -> Any:
        """Draw what differs between environments, and which slopes change.

        Parameters
        ----------
        axes : sequence of two matplotlib axes, three with the theory, optional
            Where to draw; a new figure by default.
        theory : bool
            Whether to draw what plain one-environment steps would suppress, too.

        Returns
        -------
        matplotlib axes
            The first of them.
        """
        from elinvar.plots import plot_diagnosis

        step_size = self.step_size if theory else None
        return plot_diagnosis(self.features, step_size=step_size, axes=axes)

    def __repr__(self) -> str:
        rows, more = self._table()
        parts = [wrapped(self._head()), text_table("", rows, more, left=2)]
        if self.advice:
            parts.append(wrapped(f"What to do: {self.advice}"))
        return "\n".join([*parts, *(wrapped(note, bullet="- ") for note in self.notes)])

    def _repr_html_(self) -> str:
        (header, *rows), more = self._table()
        slopes = self.features.set_index("feature").loc[[row[0] for row in rows]]
        pictures = shares(
            list(zip(slopes["positive"].astype(int), slopes["negative"].astype(int), strict=True)),
            len(self.environments),
            [f"{row[0]}: {row[1]}" for row in rows],
        )
        table = ShownTable(
            title="", header=header, rows=rows, pictures=pictures, drawn="up, not clear, down"
        )
        advice = f" What to do: {self.advice}" * bool(self.advice)
        return card("Diagnosis", f"{self._head()}{advice}", [table], self.notes, more=more)

    def _head(self) -> str:
        return f"Diagnosis: {self.verdict}. {self.reason}"

    def _table(self) -> tuple[list[tuple[str, ...]], int]:
        """Rows for the features with the largest slopes, in their order, and how many are left."""
        frame = self.in_words()
        shown = len(frame) if len(frame) <= SHOWN else SHOWN - 1
        size = np.nan_to_num(self.features["slope"].abs().to_numpy(), nan=-1.0)
        largest = np.sort(np.argsort(-size, kind="stable")[:shown])
        rows = [tuple(frame), *frame.iloc[largest].itertuples(index=False, name=None)]
        return rows, len(frame) - shown


def _direction(row: Mapping[Any, Any], n_environments: int) -> str:
    """Say in how many environments the target goes up or down with a feature."""
    up, down = int(row["positive"]), int(row["negative"])
    said = [f"{way} in {many}" for way, many in (("up", up), ("down", down)) if many]
    return f"{', '.join(said)} of {n_environments}" if said else "not clear"


def _seen_from(row: Mapping[Any, Any]) -> str:
    return percent(row["detectable_sd"] / row["effect_size"], missing="-")
