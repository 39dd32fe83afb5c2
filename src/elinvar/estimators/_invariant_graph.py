"""From one target to all: which variable causes which, if environments act on some of them."""

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from elinvar._base._display import ShownTable
from elinvar._base._words import listed
from elinvar.answer.graph_words import edge_table, graph_notes, graph_said, shown_edges
from elinvar.environments import Environments, Moments, check_same_order, has_text
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._environment_estimator import check_moments, own_errors
from elinvar.estimators._graph_checks import (
    check_positions,
    check_sizes,
    check_variables,
    known_actions,
)
from elinvar.estimators._shown import Shown
from elinvar.inference import GraphMoments, GraphTask, learn_graph, noise_kurtosis
from elinvar.plots import plot_graph
from elinvar.plots.types import Axes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_RESTARTS = 4


class InvariantGraph(Shown, BaseEstimator):  # type: ignore[misc]
    r"""Which variable causes which, from environments that act on a few unknown ones.

    Every variable has one linear mechanism, :math:`x_j = a_j + \sum_{i \to j} b_{ij} x_i + s_j
    \varepsilon_j`, shared by all environments but those that act on it: these may change its
    effects, level or noise, or cut it off from its causes. Noises are independent: a common cause
    of two variables that is not among them shows as an edge. Among acyclic graphs, and for each
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
            check_positions(X)
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
        return self._learn(
            rows.names,
            rows.schema.features,
            moments.count,
            moments.mean_x,
            moments.cov_xx,
            partial(noise_kurtosis, rows),
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
        check_sizes(environments, variables, count)
        check_variables(environments, variables, count, cov)
        moments = GraphMoments.of(count, mean, cov, own_levels=self.intercept == "environment")
        task = GraphTask(
            invariance=self.invariance,
            level=self.level,
            odds=self.odds,
            exact_up_to=self.exact_up_to,
            restarts=_RESTARTS,
            seed=self.random_state,
        )
        known = known_actions(self.acts_on, environments, variables)
        graph = learn_graph(moments, task, acts_on=known, kurtosis=kurtosis)
        self.environments_, self.variables_ = environments, variables
        self.adjacency_, self.undirected_ = graph.adjacency, graph.undirected
        self.kurtosis_ = graph.kurtosis
        self.refused_ = tuple(n for n, no in zip(variables, graph.refused, strict=True) if no)
        self._graph = graph
        self.notes_ = tuple(
            graph_notes(graph, variables, self.get_params(deep=False), normal=kurtosis is None)
        )
        return self

    @property
    def evidence_(self) -> Any:
        """A row an edge: what speaks for it, and for its direction."""
        check_is_fitted(self, "adjacency_")
        return edge_table(self._graph, self.variables_)

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
        return graph_said(self._graph)

    def _found_tables(self) -> list[ShownTable]:
        return shown_edges(self._graph, self.variables_)
