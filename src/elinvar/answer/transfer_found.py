"""What was found of a forecast for new environments: numbers and their tables."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar.answer.few_rows import rows_table
from elinvar.environments import Schema
from elinvar.forecast import Spread
from elinvar.forecast.adaptation import Adaptation
from elinvar.forecast.curves import Curve
from elinvar.forecast.gate import STEADY

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

COMMON = "common"
MIXTURE, CONSTANT, ALL_FEATURES = "mixture", "constant", "all features"


@dataclass(frozen=True, eq=False, repr=False)
class TransferFound:
    """Numbers of a forecast; `TransferAnswer` documents the attributes."""

    _: KW_ONLY
    estimator: str
    parameters: Mapping[str, object]
    schema: Schema
    classes: tuple[str, ...] = ()
    rows: Mapping[str, float]
    n_dropped: int
    scales: Floats
    learners: tuple[str, ...]
    weights: Floats
    losses: Mapping[str, Floats]
    wrong: Floats
    in_sample: Mapping[str, float]
    spread: Spread
    selected: NDArray[np.bool_]
    shift_share: tuple[float, float]
    curves: tuple[Curve, ...]
    adaptation: Adaptation | None = None

    @property
    def adaptation_(self) -> "pd.DataFrame":
        """Error to expect in a new place after 0 to 100 labelled rows; see `rows_table`."""
        return rows_table(self.adaptation)

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments."""
        return tuple(self.rows)

    @property
    def selected_features(self) -> list[str]:
        """Names of the features whose relation to the target holds; all, if not chosen among."""
        pairs = zip(self.schema.features, self.selected, strict=True)
        return [name for name, inside in pairs if inside]

    @property
    def steady_share(self) -> float:
        """Weight of the learners that see the selected features alone."""
        steady = np.array([name.endswith(STEADY) for name in self.learners])
        return float(self.weights[steady].sum())

    def error(self, name: str) -> float:
        """Return the error in environments left out, which weigh equally.

        Parameters
        ----------
        name : str
            A learner, "mixture", "constant" or "all features".

        Returns
        -------
        float
            Root mean squared error in units of the target, or mean log loss; NaN if not known.
        """
        return self.shown(self.losses[name].mean()) if name in self.losses else float("nan")

    def in_sample_error(self, name: str = "mixture") -> float:
        """Return the error on the rows that were learnt from.

        Parameters
        ----------
        name : str
            A learner, or "mixture".

        Returns
        -------
        float
        """
        return self.shown(self.in_sample[name])

    def shown(self, loss: float) -> float:
        """Return a mean loss as it is shown: the root of squared errors.

        Parameters
        ----------
        loss : float

        Returns
        -------
        float
        """
        return float(loss if self.classes else np.sqrt(loss))

    @property
    def weights_table(self) -> "pd.DataFrame":
        """A row a learner: see `TransferRegressor.weights_`."""
        return _weights(self)

    @property
    def left_out(self) -> "pd.DataFrame":
        """A row an environment: see `TransferRegressor.left_out_`."""
        return _left_out(self)

    @property
    def curves_table(self) -> "pd.DataFrame":
        """A row a point of a curve: see `TransferRegressor.curves_`."""
        return _curves(self)

    @property
    def shapes(self) -> "pd.DataFrame":
        """A row a feature: size and spread of its curves, and its share of the error."""
        return _shapes(self)

    @property
    def margin(self) -> float:
        """Half-width that holds 90% of the rows in 90% of new environments; NaN if not known."""
        return self.spread.margin()

    @property
    def no_margin(self) -> str:
        """Why there is no margin, in a sentence; empty if there is one."""
        return self.spread.why_unknown()


def _weights(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row a learner: its weight, its error elsewhere, and on what it learnt from."""
    import pandas as pd

    return pd.DataFrame(
        {
            "learner": list(answer.learners),
            "weight": answer.weights,
            "left_out_error": [answer.error(name) for name in answer.learners],
            "in_sample_error": [answer.in_sample_error(name) for name in answer.learners],
        }
    )


def _left_out(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row an environment: the error of everything where it is left out."""
    import pandas as pd

    known = len(next(iter(answer.losses.values()), ()))
    table: dict[str, object] = {
        "environment": list(answer.rows)[:known],
        "rows": list(answer.rows.values())[:known],
    }
    for name in (*answer.learners, MIXTURE, ALL_FEATURES, CONSTANT):
        if name in answer.losses:
            losses = answer.losses[name]
            table[name] = losses if answer.classes else np.sqrt(losses)
    if answer.classes:
        table["mixture_wrong"] = answer.wrong
    return pd.DataFrame(table)


def _curves(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row a point of a curve: common, and of each environment."""
    import pandas as pd

    several = len(answer.classes) > 2
    parts = []
    for curve in answer.curves:
        name = answer.schema.features[curve.feature]
        levels = answer.schema.levels.get(name)
        x = [levels[int(place)] for place in curve.x] if levels else curve.x.tolist()
        rows = [
            (COMMON, curve.common, curve.low, curve.high),
            *zip(answer.rows, curve.each, curve.each_low, curve.each_high, strict=True),
        ]
        for environment, effect, low, high in rows:
            table: dict[str, object] = {"feature": name, "environment": environment}
            if several:
                table["outcome"] = answer.classes[curve.outcome]
            table |= {"x": np.array(x, dtype=object), "effect": effect, "low": low, "high": high}
            parts.append(pd.DataFrame(table))
    heads = ["feature", "environment", *["outcome"] * several, "x", "effect", "low", "high"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=heads)


def _shapes(answer: "TransferFound") -> "pd.DataFrame":
    """Return a row a feature (and class, of three or more), those that matter most first."""
    import pandas as pd

    several = len(answer.classes) > 2
    rows = [
        {
            "feature": answer.schema.features[curve.feature],
            **({"outcome": answer.classes[curve.outcome]} if several else {}),
            "size": curve.size,
            "spread": curve.spread,
            "share": curve.share,
        }
        for curve in answer.curves
    ]
    heads = ["feature", *["outcome"] * several, "size", "spread", "share"]
    return pd.DataFrame(rows, columns=heads)
