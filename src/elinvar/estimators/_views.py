"""What an estimator of effects shows of its answer: attributes, words and figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from sklearn.utils.validation import check_is_fitted

from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.notebook import answer_card, answer_said
from elinvar.estimators._facts import DataFacts
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.inference import BreakEven, Diagnosis, Forecast, InvariancePath, OddEnvironment


A = TypeVar("A", Answer, TransferAnswer)


class Answered(Generic[A]):
    """What every estimator shows of its answer, to effects or to a forecast."""

    answer_: A

    @property
    def margin_(self) -> float:
        """Half-width within which 90% of rows lie in 90% of new environments; NaN if unknown."""
        return self._answer().margin

    def summary(self, format: Literal["text", "markdown", "latex", "html"] = "text") -> str:
        """Return the answer in a few lines.

        Parameters
        ----------
        format : {"text", "markdown", "latex", "html"}
            Plain text, or tables for a page or a paper.

        Returns
        -------
        str
            A headline, a row a feature (of a forecast also a row a learner), what predicts, and
            the notes.

        Raises
        ------
        DataError
            If the format is not known.
        """
        return self._answer().summary(format)

    def explain(self) -> str:
        """Return what was found, and what to do, for a reader who is no statistician.

        Lines have 80 columns at most; ``answer_.explanation`` has the text in parts.
        """
        return self._answer().explanation.printed()

    def _data_facts(self) -> DataFacts:
        answer = self.answer_
        return DataFacts(rows=answer.rows, scales=answer.scales, n_dropped=answer.n_dropped)

    def _answer(self) -> A:
        check_is_fitted(self, "answer_")
        return self.answer_


class AnswerViews(Answered[Answer]):
    """Views of ``answer_``, under the names that scikit-learn's users expect."""

    @property
    def path_(self) -> "InvariancePath":
        """Coefficients along the mean-field path."""
        return self._answer().path

    @property
    def evidence_(self) -> "pd.DataFrame":
        """Strongest statement on every feature, a row each.

        Columns: ``feature``; ``verdict``; ``model`` ("all features"; "invariant set" for members of
        an accepted or approximate set; "invariant set and this feature" outside it), of which the
        other columns speak; ``effect``, ``low``, ``high`` (average over environments, 95%; in an
        accepted set the efficient refit, environments taken as fixed); ``pooled_effect``;
        ``heterogeneity_p`` (same effect everywhere); ``between_sd`` (of the effect, between
        environments); ``new_low``, ``new_high`` (90% interval for the effect in a new
        environment); ``exit_strength`` (on the path); ``shift_p_value`` (same law of the feature
        everywhere: where it is large, invariance was not put to the test); ``odd_environment``;
        ``contrast`` (of a category, between which levels); ``n_environments`` (that tell the
        effect); ``smallest_effect`` (of interest, in the same units); ``needed_rows`` and
        ``needed_environments`` (what would decide an undecided effect: so many times the rows, or
        so many environments). Effects are NaN only where the verdict is
        "undecided". Of classes, effects are on the log odds; with more than two of them, or levels,
        the largest contrast between two.
        """
        return self._answer().evidence

    @property
    def all_features_(self) -> "pd.DataFrame":
        """What one model says of every feature, all of them together; a row each.

        Each environment's own fit, and random effects over environments. Columns as in
        ``evidence_``. ``notes_`` names features and environments that rows do not suffice for.
        """
        return self._answer().all_features

    @property
    def effects_(self) -> "pd.DataFrame":
        """Effect of each feature in each environment that can tell it, a row each.

        Columns: ``feature``, ``environment``, ``effect``, ``low``, ``high`` (95%).
        """
        return self._answer().effects

    @property
    def tests_(self) -> "pd.DataFrame":
        """Tests of the invariant model, a row each; empty with a single environment.

        Columns: ``test`` ("coefficients", the overidentification test; its parts "residual mean"
        and "slopes"; "scale"), ``statistic``, ``df1``, ``df2``, ``p_value`` and ``question``.
        """
        return self._answer().tests

    @property
    def residuals_(self) -> "pd.DataFrame":
        """Residuals of the invariant model in each environment, with 95% intervals.

        Columns: ``environment``, ``rows``, ``mean``, ``mean_low``, ``mean_high``, ``slope`` (of the
        target on the prediction; NaN if that does not vary), ``slope_low``, ``slope_high``, ``sd``
        and ``outcome`` (the class, of which there is a row each beyond two; "" for numbers).
        """
        return self._answer().residuals

    @property
    def errors_(self) -> "pd.DataFrame":
        """Errors on each environment when it is left out, a row each.

        Columns: ``environment``, ``rows``, ``invariant``, ``pooled``, ``lasso``, ``mean`` and
        ``used`` (what ``predict`` would have used): root mean squared errors, in the unit of the
        target, or mean log losses with the shares of wrong classes beside them
        (``invariant_wrong`` and so on). The whole procedure is repeated without the environment,
        among the most promising supports that were found with it; with two or three environments
        the set that all chose is refitted. Of more than 20 environments several are left out
        together, in 20 groups of about as many rows.
        """
        return self._answer().errors

    @property
    def left_out_(self) -> "pd.DataFrame":
        """Predictions for each left-out environment against its truth, a row a model.

        Columns: ``environment``, ``model``, ``predicted_mean``, ``predicted_sd``, ``truth_mean``,
        ``truth_sd``, ``slope`` (of the truth on the prediction; NaN if that does not vary),
        ``residual_sd`` and ``outcome`` (the class, as in ``residuals_``).
        """
        return self._answer().left_out

    @property
    def forecast_(self) -> "Forecast":
        """How far predictions may be off in a new environment, or why that cannot be said."""
        return self._answer().forecast

    @property
    def break_even_(self) -> "BreakEven | None":
        r"""From which shift on the invariant model is the better forecast, if that can be said.

        ``lines`` has level a and rise b of each model's risk, :math:`a + \kappa b` in environments
        that differ :math:`\kappa` times as much as those seen; ``shift`` is where the invariant
        model becomes better than what predicts, between ``low`` and ``high`` (95%).
        """
        return self._answer().break_even

    @property
    def odd_environment_(self) -> "OddEnvironment | None":
        """The environment that is responsible where environments do not agree, if one is."""
        return self._answer().odd_environment

    @property
    def diagnosis_(self) -> "Diagnosis":
        """What the data could answer, whatever the model: see `elinvar.diagnose`."""
        return self._answer().diagnosis

    @property
    def status_reason_(self) -> str:
        """Why ``status_`` is what it is, in a sentence."""
        return self._answer().reason

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
            ``conf.high`` (95%), ``df``, and then the columns of ``evidence_``, such as
            ``verdict``, ``new_low`` and ``new_high``. The interval is the model's own; standard
            error, statistic and p-value are those of a Student's t that has this interval, with
            as many degrees of freedom as environments less one. In an accepted set, and with one
            environment, ``df`` is infinite.

        Raises
        ------
        DataError
            If there is no such table.
        """
        return self._answer().tidy(table)

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
        return self._answer().glance()

    def plot_effects(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every effect with its interval beside the pooled one.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes
        """
        from elinvar.plots import plot_effects

        return plot_effects(self.evidence_, ax=ax)

    def plot_forest(self, features: Sequence[str] | None = None) -> "Axes":
        """Draw each environment's effect, the common and the pooled one, and that in a new place.

        Parameters
        ----------
        features : list of str, optional
            Which features; None: those that hold, and those of largest effect.

        Returns
        -------
        Axes
            The first panel.
        """
        from elinvar.answer.figures import draw_forest

        return draw_forest(self._answer(), features)

    def plot_path(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the coefficients along the mean-field path.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes
        """
        from elinvar.answer.figures import draw_path

        return draw_path(self._answer(), ax)

    def plot_errors(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the errors on left-out environments.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; None: a new figure.

        Returns
        -------
        Axes
        """
        from elinvar.answer.figures import draw_errors

        return draw_errors(self._answer(), ax)

    def plot_break_even(self) -> "Axes":
        """Draw the errors of models against how much new environments differ.

        Returns
        -------
        Axes

        Raises
        ------
        DataError
            If nothing can be said of them.
        """
        from elinvar.answer.figures import draw_break_even

        return draw_break_even(self._answer())

    def plot_left_out(self) -> "Axes":
        """Draw predictions for left-out environments against the truth.

        Returns
        -------
        Axes
            The first panel.
        """
        from elinvar.answer.figures import draw_left_out

        return draw_left_out(self._answer())

    def _said(self) -> str:
        return answer_said(self.answer_)

    def _card(self) -> str:
        return answer_card(self.answer_, self._name())  # type: ignore[attr-defined]
