"""What a forecast for new environments is worth, as one object."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from elinvar._base._display import wrapped
from elinvar.answer.explanation import Explanation
from elinvar.answer.notebook import forecast_card
from elinvar.answer.summary import laid_out
from elinvar.answer.tidy import glance_forecast, tidy_forecast
from elinvar.answer.transfer_found import TransferFound
from elinvar.answer.transfer_tables import forecast_tables
from elinvar.answer.transfer_words import explain_forecast, forecast_headline, forecast_notes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class TransferAnswer(TransferFound):
    """How good a forecast is in environments that it has not seen, and why.

    Attributes
    ----------
    estimator : str
        Name of the class that was fitted.
    parameters : mapping of str to object
        Its parameters.
    schema : Schema
    classes : tuple of str
        Labels of the classes, as text; none where the target is a number.
    rows : mapping of str to float
        Rows of each environment, or the sum of their weights.
    n_dropped : int
        Rows left out because the target was missing.
    scales : array of shape (n_columns,)
        Standard deviation of each column.
    learners : tuple of str
        What was weighed.
    weights : array of shape (n_learners,)
    losses : mapping of str to array of shape (E,)
        Mean squared error, or mean log loss, in each environment where it is left out: of each
        learner, of the "mixture", of the "constant" (mean, or shares of classes, of the others),
        and of the mixture of "all features" where fewer were chosen. Empty with one environment.
    wrong : array of shape (E,)
        Share of rows left out whose class is not the likeliest; empty where the target is a number.
    in_sample : mapping of str to float
        The same losses on the rows that were learnt from, of each learner and the mixture.
    spread : Spread
        How far rows of environments left out are from their predictions.
    selected : boolean array of shape (n_features,)
        Features that the forecast uses.
    shift_share : tuple of two floats
        Part of the error in a new environment that the same columns there could explain: with all
        features, and with those selected. NaN where it is not known.
    curves : tuple of Curve
        Of each feature that varies (and class, where there are three or more).
    adaptation : Adaptation or None
        What may differ in a new place, and what rows labelled there buy; None where it is not
        known.
    """

    @property
    def headline(self) -> str:
        """How far off the forecast is in a new environment, in a sentence."""
        return forecast_headline(self)

    @property
    def explanation(self) -> Explanation:
        """What was found, and what to do, for a reader who is no statistician."""
        return explain_forecast(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, in sentences."""
        return forecast_notes(self)

    def summary(self, format: Literal["text", "markdown", "latex", "html"] = "text") -> str:
        """Return the answer in a few lines.

        Parameters
        ----------
        format : {"text", "markdown", "latex", "html"}
            Plain text, or tables for a page or a paper.

        Returns
        -------
        str
            The headline, a row a learner, a row a feature, and the notes.

        Raises
        ------
        DataError
            If the format is not known.
        """
        lines = [*self.explanation.body, *(f"Note: {note}" for note in self.notes)]
        return laid_out(self.headline, forecast_tables(self), lines, format)

    def tidy(self) -> "pd.DataFrame":
        """Return a row a feature, under the names of R's broom.

        Returns
        -------
        DataFrame
            ``term``; ``estimate``, the size of what the feature does to the forecast; ``spread`` of
            that between environments; ``share`` of the error; ``selected``; ``outcome`` (the class,
            of three or more). Columns of broom for tests are NaN: a forecast has none.
        """
        return tidy_forecast(self)

    def glance(self) -> "pd.DataFrame":
        """Return the forecast in one row.

        Returns
        -------
        DataFrame
            ``nobs``; ``n_environments``, ``n_features``, ``n_selected``; ``heaviest`` (learner);
            ``error`` in environments left out (root mean squared, or mean log loss), with
            ``error_all_features``, ``error_constant`` and ``error_in_sample``; ``wrong`` (share
            of rows whose class is not the likeliest) and ``margin``. NaN: not known.
        """
        return glance_forecast(self)

    def __repr__(self) -> str:
        return wrapped(f"TransferAnswer: {self.headline}")

    def _repr_html_(self) -> str:
        return forecast_card(self, self.estimator)
