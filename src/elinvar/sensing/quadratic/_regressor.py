"""The paper's matrix problem as a scikit-learn regressor on quadratic features."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar._base._display import ShownTable
from elinvar.environments import Environments, Moments
from elinvar.errors import DataError
from elinvar.estimators import StochasticRegressor, random_generator, resolve_environment_weights
from elinvar.sensing.quadratic._learner import (
    AUTO,
    QuadraticLearner,
    QuadraticSteps,
    left_out,
)
from elinvar.sensing.quadratic._moments import product_moments
from elinvar.sensing.quadratic._steps import QuadraticTrajectory
from elinvar.sensing.quadratic._summary import (
    component_lines,
    component_table,
    left_out_line,
    notes_on,
)
from elinvar.sensing.quadratic._units import QuadraticUnits, check_sizes, parts_of, units_of

if TYPE_CHECKING:
    import pandas as pd

    from elinvar._base._reader import Reader

# columns of errors_
LEFT_OUT_ERRORS = ("environment", "rows", "model", "pooled", "mean")


class QuadraticInvariantRegressor(StochasticRegressor):
    r"""A quadratic form that holds in every environment: :math:`\hat y = x^\top A x + b`.

    :math:`A = U U^\top - V V^\top` (or :math:`U U^\top`) with factors that start small. Each step
    uses a single environment e:

    .. math:: U \leftarrow U + \eta R_e U, \qquad V \leftarrow V - \eta R_e V,

    with :math:`R_e = B_e - A` the distance to what the environment alone would fit (or, with
    ``direction="gradient"``, :math:`R_e = E_e\, r \phi`, the paper's step on infinite batches).
    `elinvar.sensing.solve` takes the paper's steps on batches of rows. Directions in which
    the environments disagree strongly shrink, although pooled least squares learns them; what
    holds everywhere stays. With one environment, or ``pooled=True``, this is gradient descent to
    least squares.

    Parameters
    ----------
    width : int or None
        Columns k of each factor, which bound the rank of its part of A. None: as many as columns
        of x, which leaves the rank to the data; fewer cost less where there are hundreds.
    parameterization : {"symmetric", "psd"}
        :math:`U U^\top - V V^\top`, or :math:`U U^\top` where A is known to have no negative
        eigenvalue.
    direction : {"slopes", "gradient"}
        Of a step. "slopes": the gradient times the inverse of the environment's own Hessian (with
        a slight ridge, which moves no fixed point), so that the sampling noise of the features
        cancels. "gradient": the paper's step.
    step_size : float or "auto"
        :math:`\eta`, in the units that ``standardize`` sets. "auto": .9 of the limit beyond which
        the steps become unstable, computed from the data (``step_limit_``); halved, and started
        again, if the steps diverge. Larger steps suppress spurious parts more strongly.
    gain : float
        :math:`\kappa >= 0`: a step follows :math:`\bar R + \kappa (R_e - \bar R)`. 1: the paper's
        step, which suppresses parts whose sign changes strongly between environments. Above 1,
        parts that keep their sign but differ in size are suppressed too.
    order : {"random", "cyclic"}
        Whether environments are drawn, or used in turn.
    pooled : bool
        Mix all environments in each step, for comparison.
    n_steps : int
        Number of steps.
    init_scale : float
        :math:`\alpha`: U starts at :math:`\alpha I`, or at k random orthogonal columns.
    intercept : {"environment", "shared", "none"}
        One for each environment, so that only A must be invariant; one for all; or b = 0.
    environment_weights : {"size", "equal"}, array-like of shape (E,) or mapping
        How often each environment is used: in proportion to its rows, equally often, or in
        proportion to these values (in the order of ``environments_``, or by label).
    average : float
        Share of the steps, at the end, over which A is averaged: near the critical heterogeneity,
        spurious parts come in bursts. 0: the last step alone.
    standardize : bool
        Let the steps see columns in units of their root mean square, and the target in units of
        its standard deviation. Nothing is centred: the form is homogeneous in x.
    record_every : int
        Distance between recorded steps.
    random_state : int, RandomState, Generator or None
        Draws environments, rows and the start. None: different in each fit.

    Attributes
    ----------
    matrix_ : ndarray of shape (n_columns, n_columns)
        A, in the data's units; exactly 0 for columns of zeros and reference levels, and everywhere
        if the steps diverged.
    eigenvalues_ : ndarray of shape (n_columns,)
        Of ``matrix_``, from the largest in size to the smallest.
    components_ : ndarray of shape (n_columns, n_columns)
        Their eigenvectors, a row each.
    own_eigenvalues_ : ndarray of shape (E, r)
        What each environment by itself would put in the place of the r leading eigenvalues (those
        above a tenth of the largest), the rest kept: they agree where a component is invariant.
    pooled_matrix_ : ndarray of shape (n_columns, n_columns)
        Pooled least squares, for comparison.
    intercept_ : float
        Shared intercept, or the average one.
    environment_intercepts_ : dict of str to float, or None
        Each environment's own intercept, with ``intercept="environment"``.
    diverged_ : bool
        Whether the steps grew beyond all bounds; otherwise they were completed.
    trajectory_ : QuadraticTrajectory
        The recorded steps: numbers, loss, eigenvalues in the data's units.
    n_steps_ : int
        Steps taken.
    step_size_, step_limit_ : float
        The step size used, and the largest one that promises bounded steps.
    environments_ : tuple of str
        The environments seen.
    moments_ : Moments
        Moments of the columns themselves, not of their products.
    notes_ : tuple of str
        What the numbers alone do not say, in sentences.

    Notes
    -----
    *Intercepts.* The features :math:`x_j x_k` have means, so a spurious part shifts the level of
    its environment by its trace: for standard normal x, :math:`E \langle x x^\top, R \rangle x
    x^\top = 2 R + \mathrm{tr}(R) I`. The last term disturbs gradients in every direction, and
    with one intercept for all such levels act as noise. With an intercept for each environment the
    features are :math:`\phi = x x^\top - E_e x x^\top`, and they are gone.

    *Linear terms.* Append a column of ones to x; together with ``intercept="environment"`` its
    products are linear terms. Centre columns whose zero has no meaning.

    *Step size.* A small factor is multiplied by :math:`I + \eta R_e`, :math:`R_e` about
    :math:`C_e = B_e` (gradient: :math:`C_e = E_e\, y \phi`): up to :math:`\eta \|C_e\|_2 = 1` it
    overshoots by an amount from which it returns. Near a solution A, a change dA is met by
    :math:`-\eta (P\, T_e(dA) + T_e(dA) P)`, :math:`P = |A|`, :math:`T_e(S) = E_e \langle \phi, S
    \rangle \phi` (slopes: the identity), which is stable up to :math:`\eta \lambda_{\max} = 2`.
    ``step_limit_`` is the smaller of the two over all environments. A spurious direction of
    eigenvalues :math:`\mu \pm M` dies if :math:`M^2 > \mu^2 + 2 \mu / \eta` (see
    ``elinvar.theory.critical_heterogeneity``), at the limit :math:`M > 3 \mu`; where the signs do
    not change, a gain of :math:`\kappa` turns M into :math:`\kappa M`.

    *Cost.* Steps work on p (p + 1) / 2 products of columns: the rows are read twice, a step costs
    the square of that number.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1 and its
    extension to quadratic activations. Slopes, the two-sided factor, centring, the gain and the
    rule for the step size are own derivations.

    Examples
    --------
    The square of the first column counts everywhere; that of the second changes its sign.

    >>> import numpy as np
    >>> from elinvar import QuadraticInvariantRegressor
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south"], 2_000)
    >>> X = rng.normal(size=(4_000, 2))
    >>> y = X[:, 0] ** 2 + np.where(place == "north", 6, -4) * X[:, 1] ** 2
    >>> model = QuadraticInvariantRegressor(random_state=0).fit(X, y, environments=place)
    >>> model.matrix_.round(1) + 0.0
    array([[1., 0.],
           [0., 0.]])
    >>> model.pooled_matrix_.diagonal().round()
    array([1., 1.])
    """

    matrix_: NDArray[np.float64]
    eigenvalues_: NDArray[np.float64]
    components_: NDArray[np.float64]
    own_eigenvalues_: NDArray[np.float64]
    pooled_matrix_: NDArray[np.float64]
    intercept: Literal["environment", "shared", "none"]
    trajectory_: QuadraticTrajectory
    notes_: tuple[str, ...]
    moments_: Moments
    _units: QuadraticUnits
    _moments: Moments

    _learned_name: ClassVar[str] = "matrix_"

    _auto_share: ClassVar[float] = AUTO
    _fallback: ClassVar[str] = "The matrix is set to 0."

    # steps are of whole environments, so that there is no batch_size
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            k: v for k, v in StochasticRegressor._parameter_constraints.items() if k != "batch_size"
        },
        "width": [None, Interval(Integral, 1, None, closed="left")],
        "parameterization": [StrOptions({"symmetric", "psd"})],
        "direction": [StrOptions({"slopes", "gradient"})],
        "intercept": [StrOptions({"environment", "shared", "none"})],
    }

    def __init__(
        self,
        *,
        width: int | None = None,
        parameterization: Literal["symmetric", "psd"] = "symmetric",
        direction: Literal["slopes", "gradient"] = "slopes",
        step_size: float | Literal["auto"] = "auto",
        gain: float = 1.0,
        order: Literal["random", "cyclic"] = "random",
        pooled: bool = False,
        n_steps: int = 3000,
        init_scale: float = 1e-3,
        intercept: Literal["environment", "shared", "none"] = "environment",
        environment_weights: str | ArrayLike | Mapping[str, float] = "size",
        average: float = 0.25,
        standardize: bool = True,
        record_every: int = 10,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            step_size=step_size,
            gain=gain,
            order=order,
            pooled=pooled,
            n_steps=n_steps,
            init_scale=init_scale,
            intercept=intercept,
            environment_weights=environment_weights,
            average=average,
            standardize=standardize,
            record_every=record_every,
            random_state=random_state,
        )
        self.width = width
        self.parameterization = parameterization
        self.direction = direction

    @cached_property
    def errors_(self) -> "pd.DataFrame":
        """Mean squared errors on each environment when it is left out, a row each.

        Columns: ``environment``, ``rows``, ``model`` (fitted to the others, with their average
        intercept), ``pooled`` (least squares) and ``mean`` (of their target). Empty with fewer
        than three environments. Computed when first asked for.
        """
        check_is_fitted(self, "matrix_")
        rows: list[list[str | float]] = []
        if len(self.environments_) > 2:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                found = left_out(
                    self._moments, self._weights(), self._steps(), self.step_size_,
                    lambda e: random_generator(self.random_state, 1 + e),
                )  # fmt: skip
            scale = self._units.y_scale**2
            rows = [
                [name, count, *(scale * error for error in errors)]
                for name, count, errors in zip(
                    self.environments_, self.moments_.count.tolist(), found, strict=True
                )
            ]
        return _errors_table(rows)

    def summary(self) -> str:
        """Say in a few lines of text what the steps led to, and how it does where it is left out.

        Returns
        -------
        str
        """
        check_is_fitted(self, "matrix_")
        p, leading = len(self.matrix_), self.own_eigenvalues_.shape[1]
        lines = self._summary_head(self.direction)
        lines.append(
            f"matrix: {p} x {p}, {self.parameterization}; its leading eigenvalues, with the "
            "largest entries of their directions:"
        )
        lines += component_lines(
            self.eigenvalues_[:leading], self.components_, self.schema_.columns
        )
        if len(self.errors_):
            lines.append(left_out_line(self.errors_))
        return "\n".join(lines + [f"Note: {note}" for note in self.notes_])

    def _terms(self) -> dict[str, list[Any]]:
        # x'Ax has twice A_jk of a product of two columns
        j, k = np.triu_indices(len(self.matrix_))
        told = ~(self.schema_.reference[j] | self.schema_.reference[k])
        j, k, names = j[told], k[told], self.schema_.columns
        terms = [
            f"{names[a]}^2" if a == b else f"{names[a]}:{names[b]}"
            for a, b in zip(j.tolist(), k.tolist(), strict=True)
        ]
        return {"term": terms, "estimate": (np.where(j == k, 1, 2) * self.matrix_[j, k]).tolist()}

    def _found_tables(self) -> list[ShownTable]:
        leading = self.own_eigenvalues_.shape[1]
        return [
            component_table(self.eigenvalues_[:leading], self.components_, self.schema_.columns)
        ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # a form without linear terms says little of a linear target
        tags.regressor_tags.poor_score = True
        return tags

    def _without_intercept(self, encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = ((encoded @ self.matrix_) * encoded).sum(axis=1)
        return values

    def _recorded(self) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str], str]:
        values = self.trajectory_.eigenvalues
        names = [str(rank) for rank in range(1, values.shape[1] + 1)]
        return self.trajectory_.steps, values, names, "eigenvalue"

    def _fit_rows(self, rows: Environments) -> None:
        self.__dict__.pop("errors_", None)
        check_sizes(rows)
        self.moments_, self.environments_ = rows.moments(), rows.names
        weights = self._weights()
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            units = units_of(rows, weights, intercept=self.intercept, standardize=self.standardize)
            self._moments, self._units = product_moments(rows, units), units
            learner = QuadraticLearner.of(self._moments, weights, self._steps())
            self._take(learner, rows, units, weights)

    def _weights(self) -> NDArray[np.float64]:
        return resolve_environment_weights(
            self.environment_weights, self.environments_, self.moments_.count
        )

    def _steps(self) -> QuadraticSteps:
        return self._asked(QuadraticSteps)

    def _take(
        self,
        learner: QuadraticLearner,
        rows: Environments,
        units: QuadraticUnits,
        weights: NDArray[np.float64],
    ) -> None:
        """Take the steps, and learn the matrix, its spectrum and the intercepts."""
        self.step_limit_ = learner.limit
        record = self._descend(
            lambda eta: learner.run(eta, random_generator(self.random_state, 0), units)
        )
        scaled = record.mean_matrix
        self.matrix_ = units.restore(scaled)
        self.trajectory_ = replace(record, mean_matrix=self.matrix_)
        self.pooled_matrix_ = units.restore(learner.pooled)
        residual = rows.y - self._without_intercept(rows.X)
        means = np.array([np.average(residual[at], weights=w) for at, w in parts_of(rows)])
        if not (np.isfinite(means).all() and np.isfinite(self.pooled_matrix_).all()):
            del self.matrix_
            raise DataError("Values differ so much in size that products overflow: rescale them.")
        self.eigenvalues_, self.components_ = spectrum(self.matrix_)
        leading = np.abs(self.eigenvalues_) > 0.1 * np.abs(self.eigenvalues_[0])
        # v'M v = y_scale u'A u with u = x_inverse v, M in the data's units and A in the steps'
        change = learner.changes(scaled, self.components_[leading] * units.x_inverse)
        self.own_eigenvalues_ = self.eigenvalues_[leading] + units.y_scale * change
        self.intercept_ = 0.0 if self.intercept == "none" else float(weights @ means)
        self.environment_intercepts_ = None
        if self.intercept == "environment":
            self.environment_intercepts_ = dict(zip(rows.names, means.tolist(), strict=True))
        self.notes_ = notes_on(
            self.eigenvalues_,
            self.own_eigenvalues_,
            weights,
            target=self.schema_.target,
            pooled=bool(self.pooled),
            diverged=self.diverged_,
        )

    def _file_entries(self) -> dict[str, object]:
        return {
            "matrix": self.matrix_,
            "pooled_matrix": self.pooled_matrix_,
            "own_eigenvalues": self.own_eigenvalues_,
            "errors": self.errors_.to_dict("records"),
            "notes": self.notes_,
        } | super()._file_entries()

    def _take_file_entries(self, file: "Reader") -> None:
        super()._take_file_entries(file)
        p = len(self.schema_.columns)
        self.matrix_ = file.array("matrix", (p, p))
        if not np.array_equal(self.matrix_, self.matrix_.T):
            file.refuse("matrix", "symmetric")
        self.pooled_matrix_ = file.array("pooled_matrix", (p, p))
        own = file.take("own_eigenvalues")
        leading = len(own[0]) if isinstance(own, list) and own and isinstance(own[0], list) else 0
        if leading > p:
            file.refuse("own_eigenvalues", f"at most {p} numbers an environment")
        self.own_eigenvalues_ = file.array("own_eigenvalues", (len(self.environments_), leading))
        self.eigenvalues_, self.components_ = spectrum(self.matrix_)
        self.errors_ = _read_errors(file)
        self.notes_ = file.texts("notes")


def _read_errors(file: "Reader") -> "pd.DataFrame":
    """Return ``errors_`` as it was written."""
    rows: list[list[str | float]] = []
    for record in file.records("errors"):
        if set(record.values) != set(LEFT_OUT_ERRORS):
            file.refuse("errors", f"rows with {', '.join(LEFT_OUT_ERRORS)}")
        numbers = [record.number(name, finite=False) for name in LEFT_OUT_ERRORS[1:]]
        rows.append([record.text("environment"), *numbers])
    return _errors_table(rows)


def _errors_table(rows: list[list[str | float]]) -> "pd.DataFrame":
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(LEFT_OUT_ERRORS))
    return table.astype(dict.fromkeys(LEFT_OUT_ERRORS[1:], float))


def spectrum(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues, the largest in size first, and their eigenvectors, a row each."""
    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order], vectors.T[order]
