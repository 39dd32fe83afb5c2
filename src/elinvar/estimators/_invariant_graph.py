"""From one target to all: which variable causes which, if environments act on some of them."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from elinvar._base._display import ShownTable
from elinvar._base._numbers import counted, estimate, number
from elinvar._base._words import check_names, listed
from elinvar.environments import (
    Environments,
    Moments,
    check_same_order,
    has_text,
    labels_of_rows,
)
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._environment_estimator import check_moments, own_errors
from elinvar.estimators._shown import Shown
from elinvar.inference import MOST_VARIABLES, Graph, GraphMoments, GraphTask, learn_graph
from elinvar.plots import plot_graph
from elinvar.plots.types import Axes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_RESTARTS = 4
# smallest eigenvalue of a correlation matrix that is told from zero
_DEPENDENT = 1e-9


class InvariantGraph(Shown, BaseEstimator):  # type: ignore[misc]
    r"""Which variable causes which, from environments that act on a few unknown ones.

    Every variable has one linear mechanism, :math:`x_j = a_j + \sum_{i \to j} b_{ij} x_i + s_j
    \varepsilon_j`, shared by all environments but those that act on it: these may change its
    effects, level or noise, or cut it off from its causes. Among acyclic graphs, and for each
    variable among sets of environments that share its mechanism, it minimises

    .. math::
        \sum_j \Big[\sum_e \tfrac{n_e}{2} \log r_{ej} + \tau_j \sum_{e\ \mathrm{shares}}
        \tfrac{n_e}{2} \log \tfrac{r_j}{r_{ej}} + \sum_{e\ \mathrm{acts}} c(k_{ej}) +
        |\mathrm{pa}(j)|\, c(1)\Big],

    with r the residual variances, k the numbers an action needs (its own level, noise, both, or all
    coefficients), and c(k) half the quantile of chi-squared with k degrees of freedom at ``level``.
    At :math:`\tau = 1` this is the Gaussian likelihood. Only moments are needed; from rows the
    kurtosis of the noises is taken too, and equal variances then count
    :math:`\tau_j = 2/(\mathrm{kurtosis}_j - 1)` as much, at most 1.

    Parameters
    ----------
    invariance : {"coefficients and noise", "coefficients"}
        What a mechanism has in common where nothing acts on it. "coefficients": noises may differ
        everywhere, and tell nothing.
    intercept : {"shared", "environment"}
        Whether a change of level is an action, or levels differ anyhow (other instruments).
    level : float in (0, 1)
        At which a single edge, or a single action, is significant.
    odds : float, at least 1
        How much better, as a ratio of likelihoods, a graph must fit than the best with an edge
        turned round for the direction of this edge to be told.
    acts_on : mapping of environment to list of variables, optional
        The variables, by name or position, on which each environment acts, if that is known; an
        environment that it does not name acts on none.
    exact_up_to : int, 0 to 14
        All graphs are tried up to this many variables; beyond, orders of variables are improved
        from several starts.
    random_state : int
        Seed of these starts.

    Attributes
    ----------
    adjacency_ : boolean ndarray of shape (p, p)
        ``[i, j]``: i is a direct cause of j.
    undirected_ : boolean ndarray of shape (p, p)
        Pairs that are joined, while the data do not tell which is the cause; symmetric.
    evidence_ : DataFrame
        A row an edge: ``cause``, ``effect``, ``direction`` ("told" or "open"), ``coef`` with its
        95% interval ``low`` to ``high`` (NaN where the direction is open), ``shared`` (environments
        that share the effect's mechanism), ``log_odds_edge`` and ``log_odds_direction``
        (log-likelihood that the best graph without it, or with it turned round, lacks).
    acts_on_ : DataFrame of bool
        Environments by variables: where an environment's mechanism is not that of the others.
    refused_ : tuple of str
        Variables whose mechanism fewer than half of the environments share: nothing is said of
        their causes.
    kurtosis_ : ndarray of shape (p,)
        Of the noises; 3 where it was not looked at.
    notes_ : tuple of str
        What the user should know, in sentences.
    environments_, variables_ : tuple of str
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Unknown interventions: C. Squires, Y. Wang, C. Uhler, "Permutation-based causal structure
    learning with unknown intervention targets", UAI 2020; J. L. Gamella, A. Taeb, C. Heinze-Deml,
    P. Bühlmann, "Characterization and greedy learning of Gaussian structural causal models under
    unknown interventions", arXiv:2211.14897; R. Perry, J. von Kügelgen, B. Schölkopf, "Causal
    discovery in heterogeneous environments under the sparse mechanism shift hypothesis", NeurIPS
    2022. The cost, the search for environments that share and the temper are own.

    Examples
    --------
    >>> from elinvar import InvariantGraph
    >>> from elinvar.datasets import make_random_graph
    >>> data = make_random_graph(n_variables=5, rng=1)
    >>> graph = InvariantGraph().fit(data.X, environments=data.environments)
    >>> bool((graph.adjacency_ == data.adjacency).all())
    True
    """

    adjacency_: Bools
    undirected_: Bools
    environments_: tuple[str, ...]
    variables_: tuple[str, ...]
    refused_: tuple[str, ...]
    kurtosis_: Floats
    notes_: tuple[str, ...]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    _learned_name: ClassVar[str] = "adjacency_"

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"environments": True}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "invariance": [StrOptions({"coefficients", "coefficients and noise"})],
        "intercept": [StrOptions({"shared", "environment"})],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "odds": [Interval(Real, 1, None, closed="left")],
        "acts_on": [None, Mapping],
        "exact_up_to": [Interval(Integral, 0, 14, closed="both")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        invariance: Literal["coefficients", "coefficients and noise"] = "coefficients and noise",
        intercept: Literal["shared", "environment"] = "shared",
        level: float = 0.0005,
        odds: float = 20.0,
        acts_on: Mapping[Any, Sequence[str | int]] | None = None,
        exact_up_to: int = 10,
        random_state: int = 0,
    ) -> None:
        self.invariance = invariance
        self.intercept = intercept
        self.level = level
        self.odds = odds
        self.acts_on = acts_on
        self.exact_up_to = exact_up_to
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def fit(self, X: ArrayLike, y: object = None, *, environments: ArrayLike | None = None) -> Self:
        """Learn the graph of the columns of ``X``.

        Parameters
        ----------
        X : array-like or frame of shape (n, p)
            Variables, numbers all of them; from 2 to 60.
        y : ignored
        environments : array-like of shape (n,)
            Label of each row's environment.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If there are not two environments, one has too few rows, a column is constant, missing
            or a linear function of others, or ``acts_on`` names what is not there.
        """
        self._validate_params()
        if environments is None:
            raise DataError(
                "A graph is told by what differs between environments, and none were given: pass "
                "environments= to fit, one label a row."
            )
        check_same_order(X=X, environments=environments)
        if has_text(X):
            raise DataTypeError(
                "X has columns of text, categories or dates, but the variables of a graph must be "
                "numbers: leave those columns out, or give the column of environments as "
                "environments=."
            )
        if self.acts_on:
            _check_numbered(X)
        with own_errors():
            values = validate_data(
                self, X, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=2
            )
            names = getattr(self, "feature_names_in_", None)
            rows = Environments.from_arrays(
                values,
                np.zeros(len(values)),
                environments,
                feature_names=None if names is None else [str(name) for name in names],
            )
        moments = rows.moments()

        def kurtosis(coef: Floats) -> Floats:
            return _kurtosis(rows, coef)

        return self._learn(
            rows.names,
            rows.schema.features,
            moments.count,
            moments.mean_x,
            moments.cov_xx,
            kurtosis,
        )

    def fit_moments(self, moments: Moments) -> Self:
        """Learn the graph of all columns and the target, which is the last variable.

        Noises are taken as normal: moments do not tell their kurtosis.

        Parameters
        ----------
        moments : Moments

        Returns
        -------
        self

        Raises
        ------
        DataError
            As in `fit`.
        """
        self._validate_params()
        schema = check_moments(moments).schema
        if schema.levels:
            raise DataError(
                f"{listed(list(schema.levels))} {'are' if len(schema.levels) > 1 else 'is'} "
                "categorical, but the variables of a graph must be numbers: leave it out (drop=)."
            )
        self.n_features_in_ = schema.n_columns + 1
        names = (*schema.features, schema.target)
        self.feature_names_in_ = np.asarray(names, dtype=object)
        cross = moments.cov_xy[:, :, None]
        cov = np.block(
            [[moments.cov_xx, cross], [cross.swapaxes(1, 2), moments.var_y[:, None, None]]]
        )
        mean = np.column_stack([moments.mean_x, moments.mean_y])
        return self._learn(moments.names, names, moments.count, mean, cov, None)

    def _learn(
        self,
        environments: tuple[str, ...],
        variables: tuple[str, ...],
        count: Floats,
        mean: Floats,
        cov: Floats,
        kurtosis: Any,
    ) -> Self:
        _check_sizes(environments, variables, count)
        _check_columns(environments, variables, count, cov)
        moments = GraphMoments.of(count, mean, cov, own_levels=self.intercept == "environment")
        task = GraphTask(
            invariance=self.invariance,
            level=self.level,
            odds=self.odds,
            exact_up_to=self.exact_up_to,
            restarts=_RESTARTS,
            seed=self.random_state,
        )
        known = self._known(environments, variables)
        graph = learn_graph(moments, task, acts_on=known, kurtosis=kurtosis)
        self.environments_, self.variables_ = environments, variables
        self.adjacency_, self.undirected_ = graph.adjacency, graph.undirected
        self.kurtosis_ = graph.kurtosis
        self.refused_ = tuple(n for n, no in zip(variables, graph.refused, strict=True) if no)
        self._graph = graph
        self.notes_ = tuple(self._notes(graph, normal=kurtosis is None))
        return self

    def _known(self, environments: tuple[str, ...], variables: tuple[str, ...]) -> Bools | None:
        if self.acts_on is None:
            return None
        known = np.zeros((len(environments), len(variables)), dtype=bool)
        labels = labels_of_rows(list(self.acts_on), len(self.acts_on)) if self.acts_on else []
        check_names(labels, environments, "environment")
        for label, names in zip(labels, self.acts_on.values(), strict=True):
            if isinstance(names, str) or not isinstance(names, Iterable):
                raise DataTypeError(
                    f"acts_on[{label!r}] is {names!r}; a list of variables is needed, by name or "
                    "position."
                )
            for name in names:
                known[environments.index(label), _place(name, variables)] = True
        return known

    def _notes(self, graph: Graph, *, normal: bool) -> Iterable[str]:
        if self.refused_:
            yield (
                f"Of the causes of {listed(self.refused_)} nothing is said: fewer than half of the "
                "environments share a mechanism there."
            )
        if len(self.environments_) == 2 and self.acts_on is None:
            yield (
                "With two environments it is not told which of them acts: acts_on_ marks where "
                "they differ."
            )
        if graph.undirected.any():
            n = int(graph.undirected.sum()) // 2
            yield (
                f"The direction of {counted(n, 'edge')} is left open: an environment that acts on "
                "one end, and not on the other, would tell it."
            )
        if normal and self.invariance == "coefficients and noise":
            yield (
                "Noises were taken as normal, since moments do not tell otherwise; with heavy "
                "tails some actions on noise are then false. fit on rows looks at the tails."
            )

    @property
    def evidence_(self) -> Any:
        """A row an edge: what speaks for it, and for its direction."""
        import pandas as pd

        check_is_fitted(self, "adjacency_")
        shared = (~self._graph.acts_on).sum(axis=0)
        rows = [
            {
                "cause": self.variables_[edge.cause],
                "effect": self.variables_[edge.effect],
                "direction": "told" if edge.directed else "open",
                "coef": edge.coef if edge.directed else np.nan,
                "low": edge.low if edge.directed else np.nan,
                "high": edge.high if edge.directed else np.nan,
                "shared": int(shared[edge.effect]),
                "log_odds_edge": edge.log_odds_edge,
                "log_odds_direction": edge.log_odds_direction,
            }
            for edge in self._graph.edges
        ]
        return pd.DataFrame(rows, columns=_EVIDENCE)

    @property
    def acts_on_(self) -> Any:
        """Environments by variables: which do not share a variable's mechanism."""
        import pandas as pd

        check_is_fitted(self, "adjacency_")
        return pd.DataFrame(
            self._graph.acts_on, index=list(self.environments_), columns=list(self.variables_)
        )

    def plot(self, *, title: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the graph: causes above effects, and beside each variable who acts on it.

        Parameters
        ----------
        title : str, optional
            By default how many edges there are, and how many directions are told.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        check_is_fitted(self, "adjacency_")
        return plot_graph(
            self.adjacency_,
            undirected=self.undirected_,
            names=self.variables_,
            acts_on=self._graph.acts_on,
            environments=self.environments_,
            title=self._said() if title is None else title,
            ax=ax,
        )

    def _said(self) -> str:
        told, left = int(self.adjacency_.sum()), int(self.undirected_.sum()) // 2
        sentence = f"{counted(told, 'edge')} among {counted(len(self.variables_), 'variable')}"
        if left:
            sentence += f", and {left} more without a direction"
        if self.refused_:
            sentence += f"; causes of {counted(len(self.refused_), 'variable')} are not told"
        return f"{sentence}."

    def _found_tables(self) -> list[ShownTable]:
        rows: list[tuple[str, ...]] = [
            (
                f"{row.cause} {'→' if row.direction == 'told' else '-'} {row.effect}",
                estimate(row.coef, row.low, row.high),
                f"{row.shared} of {len(self.environments_)}",
                number(row.log_odds_edge, digits=3),
                number(row.log_odds_direction, digits=3),
            )
            for row in self.evidence_.itertuples()
        ]
        header = ("edge", "effect [95%]", "environments share", "log odds", "of its direction")
        return [ShownTable(title="Direct effects", header=header, rows=rows)] if rows else []


_EVIDENCE = [
    "cause", "effect", "direction", "coef", "low", "high", "shared", "log_odds_edge",
    "log_odds_direction",
]  # fmt: skip


def _place(name: object, variables: tuple[str, ...]) -> int:
    """Return where a variable stands that is given by its name or position."""
    if isinstance(name, bool | np.bool_):
        raise DataTypeError(
            f"acts_on holds {name!r} where a variable is needed, by name or position: list those "
            "on which the environment acts, in place of a truth value for each."
        )
    text = str(name)
    if not isinstance(name, int | np.integer) or not 0 <= name < len(variables):
        check_names([text], variables, "variable")
        return variables.index(text)
    if text in variables and variables[name] != text:
        raise DataError(
            f"acts_on holds {text}, which is the position of {variables[name]!r} and the name of "
            f"another variable: give the name, {text!r}, as text."
        )
    return int(name)


def _check_numbered(X: object) -> None:
    """Refuse positions beside names that are other numbers."""
    names = list(getattr(X, "columns", []))
    numbered = any(isinstance(name, int | np.integer) for name in names)
    if numbered and names != list(range(len(names))):
        raise DataError(
            "The columns of X are named by numbers that are not their positions, and acts_on could "
            "mean either: make them text, X.columns = X.columns.astype(str), and name them so."
        )


def _kurtosis(rows: Environments, coef: Floats) -> Floats:
    """Return the kurtosis (p,) of what coefficients [e, i, j] leave, each environment's in turn."""
    p = rows.X.shape[1]
    fourth, kept = np.zeros(p), np.zeros(p)
    for e in range(len(rows.names)):
        X = rows.X[rows.codes == e]
        X = X - X.mean(axis=0)
        left = X - X @ coef[e]
        spread = left.std(axis=0)
        moves = spread > 0
        fourth[moves] += ((left[:, moves] / spread[moves]) ** 4).sum(axis=0)
        kept[moves] += len(X)
    return fourth / kept


def _check_sizes(environments: Sequence[str], variables: Sequence[str], count: Floats) -> None:
    """Refuse data that are too few, or too many, for a graph."""
    E, p = len(environments), len(variables)
    if E < 2:
        raise DataError(
            f"All rows are of one environment, {environments[0]!r}; a graph is told by what "
            "differs between environments, and needs two or more, each acting on few variables."
        )
    if not 2 <= p <= MOST_VARIABLES:
        raise DataError(
            f"X has {p} feature(s); a graph needs a minimum of 2 and takes at most "
            f"{MOST_VARIABLES}."
        )
    needed = max(20, 2 * (p + 2))
    few = [f"{n!r} ({k:.0f})" for n, k in zip(environments, count, strict=True) if k < needed]
    if few:
        raise DataError(
            f"{counted(len(few), 'environment')} of {E} {'has' if len(few) == 1 else 'have'} fewer "
            f"than {needed} rows, which {p} variables need in each: {listed(few)}. Leave them out, "
            "or merge them with similar ones."
        )


def _check_columns(
    environments: Sequence[str], variables: Sequence[str], count: Floats, cov: Floats
) -> None:
    """Refuse variables that never move, or that are linear functions of others."""
    spread = np.einsum("ejj->ej", cov)
    typical = count @ spread / count.sum()
    still = [n for n, v in zip(variables, typical, strict=True) if not v > 0]
    if still:
        raise DataError(
            f"{listed(still)} {'is' if len(still) == 1 else 'are'} constant in every environment, "
            "so that nothing can be said of causes; leave such columns out."
        )
    for name, matrix, own in zip(environments, cov, spread, strict=True):
        moves = np.flatnonzero(own > 1e-12 * typical)
        if moves.size < 2:
            continue
        sd = np.sqrt(own[moves])
        values, vectors = np.linalg.eigh(matrix[np.ix_(moves, moves)] / np.outer(sd, sd))
        if values[0] < _DEPENDENT:
            part = np.abs(vectors[:, 0])
            which = [variables[moves[k]] for k in np.flatnonzero(part > 1e-4 * part.max())]
            raise DataError(
                f"In environment {name!r} {listed(which)} are linear functions of one another, "
                "which no noise explains; leave one of them out."
            )
