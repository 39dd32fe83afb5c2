"""What was found about effects in several environments, as one object."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from elinvar._base._display import wrapped
from elinvar.answer._found import Found
from elinvar.answer.explanation import Explanation, explain
from elinvar.answer.headline import headline, reason
from elinvar.answer.notebook import answer_card, answer_said
from elinvar.answer.summary import summary
from elinvar.answer.tidy import glance_effects, tidy_effects

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Found):
    """What was found, and what it says.

    Whoever shows a fitted model (words, tables, figures, pages, files, the command line) reads this
    and nothing else.

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
    excluded : tuple of str
        Environments that were left out of the fit.
    n_dropped : int
        Rows left out because a value was missing.
    scales : array of shape (n_columns,)
        Standard deviation of each column: about each environment's own mean if the model has an
        intercept for each, about the common mean otherwise.
    status : {"accepted", "borderline", "approximate", "rejected", "untested", "pooled_only"}
        What the answer is worth: "borderline" if a set was only just accepted, "untested" if the
        features' laws do not differ between environments, so that nothing could be refuted.
    predictor : {"pooled", "random_intercept", "invariant", "nearly_invariant", "subspace"}
        What predicts.
    p_value : float
        Of the overidentification test of the selected set; 1 with a single environment.
    disagreement : float
        Upper 95% limit of what environments' own coefficients would explain, as a share of the
        residual variance (for classes: the test's noncentrality a row).
    selected : boolean array of shape (n_features,)
        The invariant set; the best candidate even when it is rejected.
    used, invariant, pooled : FittedModel
        What predicts; the selected set; all features.
    notes : tuple of str
        What the user should know, in sentences.
    evidence, effects, tests, residuals, errors, left_out : DataFrame
        As the attributes of `InvariantRegressor` of these names.
    forecast : Forecast
        How far predictions may be off in a new environment, or why that cannot be said.
    break_even : BreakEven or None
        From which shift on the invariant model is the better forecast, with the risk lines of the
        models; None where that cannot be said.
    odd_environment : OddEnvironment or None
        The environment that is responsible where environments do not agree.
    path : InvariancePath
        Coefficients along the mean-field path.
    diagnosis : Diagnosis
        What the data could answer, whatever the model.
    """

    @property
    def reason(self) -> str:
        """Why the status is what it is, in a sentence."""
        return reason(self)

    @property
    def margin(self) -> float:
        """Half-width that holds 90% of the rows in 90% of new environments; NaN if not known."""
        return self.forecast.margin

    @property
    def no_margin(self) -> str:
        """Why there is no margin, in a sentence; empty if there is one."""
        return self.forecast.reason

    @property
    def headline(self) -> str:
        """What became of invariance, and of which features, in a sentence."""
        return headline(self)

    @cached_property
    def explanation(self) -> Explanation:
        """What was found, and what to do, for a reader who is no statistician."""
        return explain(self)

    def summary(self, format: Literal["text", "markdown", "latex", "html"] = "text") -> str:
        """Return the answer in a few lines.

        Parameters
        ----------
        format : {"text", "markdown", "latex", "html"}
            Plain text, or a table for a page or a paper.

        Returns
        -------
        str
            The headline, a row a feature, what predicts, and the notes.

        Raises
        ------
        DataError
            If the format is not known.
        """
        return summary(self, format)

    def tidy(self, table: Literal["all_features", "evidence"] = "all_features") -> "pd.DataFrame":
        """Return a row a feature, under the names of R's broom.

        Parameters
        ----------
        table : {"all_features", "evidence"}
            One model of all features together, or the strongest statement on each feature.

        Returns
        -------
        DataFrame
            ``term``, ``estimate``, ``std.error``, ``statistic``, ``p.value``, ``conf.low``,
            ``conf.high`` (95%), ``df``, and then the columns of ``evidence``, such as
            ``verdict``, ``new_low`` and ``new_high``. The interval is the model's own; standard
            error, statistic and p-value are those of a Student's t that has this interval, with
            as many degrees of freedom as environments less one. In an accepted set, and with one
            environment, ``df`` is infinite.

        Raises
        ------
        DataError
            If there is no such table.
        """
        return tidy_effects(self, table)

    def glance(self) -> "pd.DataFrame":
        """Return the model in one row.

        Returns
        -------
        DataFrame
            ``nobs``; ``n_environments``, ``n_features``, ``n_selected``; ``status``,
            ``predictor``; ``statistic``, ``df``, ``df.residual`` and ``p.value`` of the test of
            equal coefficients; ``disagreement``; ``error`` on environments left out (root mean
            squared, or mean log loss, over all rows), with ``error_invariant``,
            ``error_pooled`` and ``error_mean``; and ``margin``. Errors are worked out for it.
        """
        return glance_effects(self)

    def __repr__(self) -> str:
        return wrapped(f"Answer({self.status}): {answer_said(self)}")

    def _repr_html_(self) -> str:
        return answer_card(self, f"{self.estimator}: {self.status}")
