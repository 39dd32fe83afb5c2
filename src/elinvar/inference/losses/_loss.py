"""What the engine asks of a loss; selection, evidence, left-out errors know no more of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from elinvar.inference.losses._records import (
    Assessment,
    Competitor,
    EnvironmentResiduals,
    Judgement,
    LinearModel,
    LogisticModel,
    ModelTest,
    Parts,
    Refit,
    Subspace,
)
from elinvar.inference.losses.squared._path import InvariancePath
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._sandwich import Cells
from elinvar.inference.problem._types import Bools, Floats, Places

if TYPE_CHECKING:
    from elinvar.environments import Moments

Model: TypeAlias = LinearModel | LogisticModel
M = TypeVar("M", LinearModel, LogisticModel)


class Loss(Protocol, Generic[M]):
    r"""A loss on the data of several environments, and the supports that were fitted to them.

    To bring another one (quantile, Poisson) takes one class with these methods. Supports are masks
    over gates (M, n_gates), M of them at once. With :math:`\ell_e` the mean loss in environment e,
    its common scale is that of a log likelihood: squared loss takes part as its logarithm, which is
    twice that.

    Attributes
    ----------
    problem : LinearProblem
        Columns, gates, environments and their weights; moments of the features and of the target,
        or of the number of its class.
    scale : float
        A difference of `comparable` losses by that of twice the mean log likelihood.
    level_untested : float
        One-sided level at which a model that no test has accepted has to lead, to predict.
    n_scored, n_shortlist : int
        How many supports can be refitted without each environment, and compared anew without some.
    """

    @property
    def problem(self) -> LinearProblem:
        """Columns, gates, environments."""

    @property
    def scale(self) -> float:
        """1, or 0.5 for a log likelihood."""

    @property
    def outcome_sd(self) -> float:
        """Standard deviation of what effects are on, in their units."""

    @property
    def portable(self) -> bool:
        """Whether moments are all that it holds."""

    @property
    def cells(self) -> Cells | None:
        """Clusters of the rows that covariances come from, if they do."""

    @property
    def level_untested(self) -> float:
        """Level at which a model that no test has accepted has to lead."""

    @property
    def n_scored(self) -> int:
        """Supports that can be refitted without each environment."""

    @property
    def n_shortlist(self) -> int:
        """Supports that can be compared anew without some environments."""

    def candidates(self, supports: Bools | None, *, exact_up_to: int, seed: int) -> Assessment:
        """Fit and test supports to choose among; by default all, or those of a search."""

    def assess(self, masks: Bools) -> Assessment:
        """Fit and test supports."""

    def needed(self, table: Assessment, among: Bools, kappa: float) -> Places:
        """Rows among these whose every gate is needed; the most promising, if it takes long."""

    def parts(self, masks: Bools) -> Parts:
        """Test slopes, intercepts and noise by themselves."""

    def criterion(self, table: Assessment, kappa: float, *, price: Floats, margin: float) -> Floats:
        """Loss (M,) in environments ``kappa`` times as different, plus a price each.

        Infinity is allowed where it is beyond the lowest one by more than the margin.

        It comes from the largest loss on an environment left out of the fit (of slopes alone, where
        each has its own intercept) and the noncentrality of the test, a row.
        """

    def rough_criterion(self, table: Assessment, kappa: float) -> Floats:
        """Return the same from the loss where fitted, (M,)."""

    def left_out(self, masks: Bools) -> Floats:
        """Mean loss of supports on each environment, fitted to the others, (M, E)."""

    def pooled_left_out(self) -> Floats:
        """Return the same of the pooled model, (E,)."""

    def mean_left_out(self) -> Floats:
        """Return the same of the mean (shares of classes), whatever the features, (E,)."""

    def comparable(self, loss: Floats) -> Floats:
        """Put losses on the scale on which their differences count."""

    def forecast_error(self, loss: Floats) -> Floats:
        """Put losses where left out on the scale on which forecasts are compared."""

    def shares_explained(self, table: Assessment, row: int) -> tuple[float, float]:
        """Return what a support and the pooled model explain of the loss of the mean."""

    def subspace(self, alpha: float, *, seed: int, near: Floats | None = None) -> Subspace | None:
        """Find combinations of columns that hold in all environments, perhaps near known ones."""

    def refits(self, masks: Bools) -> list[Refit]:
        """Fit supports with covariances, in every environment and over all of them."""

    def tests(self, gates: Bools) -> list[ModelTest]:
        """Test a support as a whole and part by part."""

    def residuals(self, model: M, gates: Bools) -> list[EnvironmentResiduals]:
        """Mean, slope and spread of a model's residuals in each environment."""

    def path(self, strengths: Floats | None) -> InvariancePath:
        """Follow the mean-field path, in a quadratic picture of the loss if it is not quadratic."""

    def preflight(self) -> tuple["Moments", str]:
        """Moments to diagnose, and a sentence on what stands for the target in them."""

    def pooled_model(self) -> M:
        """Return the model of all features with one intercept."""

    def mean_model(self) -> M:
        """Return the model without features."""

    def support_model(self, gates: Bools, coef: Floats | None = None) -> M:
        """Return a support's model from its standardised fit; by default a plain one."""

    def subspace_model(self, found: Subspace, place: int | None = None) -> M:
        """Return the model along combinations of columns; perhaps that without an environment."""

    def random_intercept_model(self) -> M | None:
        """Return the model of all features with a random level for each environment."""

    def nearly_invariant_model(self, masks: Bools, kappa: float) -> M | None:
        """Return the support of least risk where environments differ ``kappa`` times as much."""

    def risk_parts(self, gates: Bools | None) -> tuple[Floats, Floats] | None:
        """Level and rise (E,) of the risk of a support, or of all features, by environment.

        None where an environment has too few rows for it.
        """

    def nearly_invariant(self, masks: Bools, kappa: float) -> Bools | None:
        """Return which of these supports has the least risk at ``kappa``, (n_gates,)."""

    def errors(self, model: M, places: Places) -> Floats:
        """Mean loss of a model on each of these environments."""

    def judge(self, name: Competitor, model: M, place: int) -> Judgement:
        """Hold the predictions of the model ``name`` for one environment against its truth."""

    def others_without(self, folds: Sequence[Places]) -> Mapping[Competitor, list[M]]:
        """Rivals from elsewhere, fitted without each fold of environments: the lasso."""

    def without(self, names: Sequence[str], always: Bools | None = None) -> "Loss[M]":
        """Return the loss on the other environments; ``always`` are features that stay."""
