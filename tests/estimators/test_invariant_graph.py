"""The graph of all variables: found where it can be, left open or refused where it cannot."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from elinvar import InvariantGraph, Moments
from elinvar.datasets import make_random_graph
from elinvar.errors import DataError


@pytest.fixture(scope="module")
def data():
    return make_random_graph(n_variables=6, n_environments=7, in_degree=1.5, rng=4)


@pytest.fixture(scope="module")
def graph(data):
    frame = pd.DataFrame(data.X, columns=list(data.names))
    return InvariantGraph().fit(frame, environments=data.environments)


def distance(graph, data):
    """Pairs that are joined otherwise than in truth."""
    found, true = graph.adjacency_ | graph.undirected_, data.adjacency
    return int(np.triu((found != true) | (found.T != true.T)).sum())


def test_graph_and_actions_are_found(graph, data):
    np.testing.assert_array_equal(graph.adjacency_, data.adjacency)
    np.testing.assert_array_equal(graph.acts_on_, data.acts_on)
    assert list(graph.acts_on_.columns) == list(data.names) and not graph.undirected_.any()
    assert graph.notes_ == () and graph.refused_ == ()


def test_effects_are_those_of_mechanisms(graph, data):
    for edge in graph.evidence_.itertuples():
        i, j = data.names.index(edge.cause), data.names.index(edge.effect)
        assert edge.direction == "told" and edge.low < edge.coef < edge.high
        assert edge.coef == pytest.approx(data.coef[i, j], abs=0.1)
        assert edge.shared == 7 - data.acts_on[:, j].sum()
        assert min(edge.log_odds_edge, edge.log_odds_direction) > np.log(20)


def test_intervals_hold_the_effect_95_times_of_100():
    held = []
    for seed in range(25):
        data = make_random_graph(n_variables=5, n_environments=6, n_samples=300, rng=seed)
        graph = InvariantGraph().fit(data.X, environments=data.environments)
        for edge in graph.evidence_[graph.evidence_["direction"] == "told"].itertuples():
            true = data.coef[int(edge.cause[1:]), int(edge.effect[1:])]
            held.append(edge.low <= true <= edge.high)
    assert len(held) > 80 and 0.88 <= np.mean(held) < 1


def test_directions_are_told_where_their_odds_are_enough(data):
    for odds in (1, 20, 1e30):
        table = InvariantGraph(odds=odds).fit(data.X, environments=data.environments).evidence_
        enough = table["log_odds_direction"] >= np.log(odds)
        assert ((table["direction"] == "told") == enough).all()
    assert 0 < enough.sum() < len(enough)


@pytest.mark.parametrize("action", ["hard", "soft", "noise"])
@pytest.mark.parametrize("noise", ["gaussian", "laplace", "exponential"])
def test_graphs_of_many_kinds(action, noise):
    wrong = edges = false = 0
    for seed in range(4):
        data = make_random_graph(
            n_variables=6, n_environments=7, action=action, noise=noise, rng=100 + seed
        )
        graph = InvariantGraph().fit(data.X, environments=data.environments)
        wrong += distance(graph, data)
        edges += data.adjacency.sum()
        false += (graph.acts_on_.to_numpy() & ~data.acts_on).sum()
    assert wrong <= 0.1 * edges and false <= 4


def test_heavy_tails_are_no_actions():
    rng = np.random.default_rng(0)
    X = rng.laplace(size=(6000, 3)) ** 3
    place = np.repeat(np.arange(12), 500)
    blind = InvariantGraph().fit_moments(Moments.from_arrays(X[:, :2], X[:, 2], place))
    seeing = InvariantGraph().fit(X, environments=place)
    assert blind.acts_on_.to_numpy().sum() > 10 > 2 >= seeing.acts_on_.to_numpy().sum()
    assert (seeing.kurtosis_ > 20).all() and "heavy tails" in blind.notes_[-1].replace("\n", " ")


def test_many_variables(data):
    big = make_random_graph(n_variables=15, n_environments=10, n_targets=2, rng=0)
    graph = InvariantGraph().fit(big.X, environments=big.environments)
    assert distance(graph, big) <= 1


def test_moments_are_enough(graph, data):
    moments = Moments.from_arrays(
        data.X[:, :-1],
        data.X[:, -1],
        data.environments,
        feature_names=data.names[:-1],
        target=data.names[-1],
    )
    other = InvariantGraph().fit_moments(moments)
    assert other.variables_ == graph.variables_
    np.testing.assert_array_equal(other.adjacency_, graph.adjacency_)
    np.testing.assert_array_equal(other.acts_on_, graph.acts_on_)


def test_a_direction_that_nothing_tells_is_left_open():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    X = np.column_stack([x, x + rng.normal(size=2000)])
    place = np.repeat(["a", "b"], 1000)
    graph = InvariantGraph().fit(X, environments=place)
    assert graph.undirected_[0, 1] and graph.undirected_[1, 0] and not graph.adjacency_.any()
    edge = graph.evidence_.iloc[0]
    # both directions are one law, and of one likelihood where noises are taken as normal
    assert edge.direction == "open" and np.isnan(edge.coef)
    assert edge.log_odds_direction == pytest.approx(0, abs=0.2) and edge.log_odds_edge > 100
    assert "left open" in " ".join(graph.notes_) and "two environments" in graph.notes_[0]


def test_what_few_environments_share_is_refused():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(8), 300)
    x = rng.normal(size=2400)
    y = x * np.linspace(-2, 2, 8)[place] + rng.normal(size=2400) * (1 + place)
    graph = InvariantGraph().fit(np.column_stack([x, y]), environments=place)
    assert graph.refused_ == ("x1",) and not (graph.adjacency_ | graph.undirected_).any()
    assert "x1" in graph.notes_[0] and len(graph.evidence_) == 0
    free = InvariantGraph(intercept="environment", invariance="coefficients")
    noted = free.fit(np.column_stack([x, y]), environments=place).notes_[0]
    assert "each act on few variables" in noted and "leaves" not in noted


def test_noises_that_differ_everywhere_are_allowed_if_only_coefficients_are_invariant():
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(6), 400)
    x = rng.normal(size=2400) * np.array([1, 2, 0.5, 3, 1.5, 0.7])[place]
    y = x + rng.normal(size=2400) * np.array([2, 0.6, 1, 1.7, 3, 0.8])[place]
    X = np.column_stack([y, x])
    strict = InvariantGraph().fit(X, environments=place)
    assert strict.refused_ and not strict.adjacency_.any()
    assert "invariance='coefficients' leaves noises free" in strict.notes_[0]
    graph = InvariantGraph(invariance="coefficients").fit(X, environments=place)
    assert graph.adjacency_[1, 0] and not graph.acts_on_.to_numpy().any()


def test_levels_may_be_free():
    data = make_random_graph(n_variables=4, n_environments=6, action="noise", rng=1)
    level = np.random.default_rng(0).normal(size=(6, 4))
    X = data.X + 3 * level[np.searchsorted(np.unique(data.environments), data.environments)]
    strict = InvariantGraph().fit(X, environments=data.environments)
    assert len(strict.refused_) == 4 and "intercept='environment' leaves levels" in strict.notes_[0]
    graph = InvariantGraph(intercept="environment").fit(X, environments=data.environments)
    assert distance(graph, data) == 0 and not graph.refused_


def test_known_actions_are_taken(data):
    acts_on = {
        f"E{e}": [data.names[j] for j in np.flatnonzero(row)]
        for e, row in enumerate(data.acts_on)
        if row.any()
    }
    frame = pd.DataFrame(data.X, columns=list(data.names))
    model = InvariantGraph(acts_on=acts_on).fit(frame, environments=data.environments)
    np.testing.assert_array_equal(model.acts_on_, data.acts_on)
    np.testing.assert_array_equal(model.adjacency_, data.adjacency)
    nowhere = InvariantGraph(acts_on={}).fit(frame, environments=data.environments)
    assert not nowhere.acts_on_.to_numpy().any()


def test_a_variable_that_is_held_at_a_value_is_acted_on(data):
    X = data.X.copy()
    X[data.environments == "E0", 1] = 2.0
    graph = InvariantGraph().fit(X, environments=data.environments)
    assert graph.acts_on_.loc["E0"].tolist()[1]
    assert np.triu(graph.adjacency_ != data.adjacency).sum() <= 1
    # even where nothing is said to act
    told = InvariantGraph(acts_on={}).fit(X, environments=data.environments).acts_on_
    assert told.loc["E0"].tolist()[1] and told.to_numpy().sum() == 1


def test_what_is_shown(graph):
    assert "8 edges among 6 variables." in str(graph)
    card = graph._repr_html_()
    assert "x5 →" in card and "environments share" in card
    ax = graph.plot()
    assert ax.get_title(loc="left") == "8 edges among 6 variables."
    assert {text.get_text() for text in ax.texts} >= {"x1", "x6", "E3"}


class Halves(InvariantGraph):
    """Gives every second row to one of two environments, and each row often enough."""

    def fit(self, X, y=None):
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        if isinstance(X, np.ndarray) and X.ndim == 2 and 1 < n < 60:
            X = np.concatenate([X] * (60 // n + 1))
        rows = X.shape[0] if hasattr(X, "shape") else len(X)
        return super().fit(X, environments=np.arange(rows) % 2)


@parametrize_with_checks([Halves()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_scikit_learn_conventions(graph, data):
    model = InvariantGraph(level=0.01, odds=3)
    assert set(model._parameter_constraints) == set(model.get_params())
    assert clone(model).get_params() == model.get_params()
    with sklearn.config_context(enable_metadata_routing=True):
        assert model.get_metadata_routing().fit.requests["environments"] is True
    for name in ("evidence_", "acts_on_"):
        with pytest.raises(NotFittedError):
            getattr(model, name)
    with pytest.raises(NotFittedError):
        model.plot()
    assert graph.n_features_in_ == 6 and list(graph.feature_names_in_) == list(data.names)
    again = pickle.loads(pickle.dumps(graph))
    np.testing.assert_array_equal(again.adjacency_, graph.adjacency_)
    again.fit(data.X, environments=data.environments)
    assert not hasattr(again, "feature_names_in_") and again.variables_[0] == "x0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, e: (X, None), "none were given"),
        (lambda X, e: (X, np.repeat("a", len(X))), "one environment, 'a'"),
        (lambda X, e: (X[:, :1], e), r"1 feature\(s\)"),
        (lambda X, e: (X[::50], e[::50]), "fewer than 20 rows"),
        (lambda X, e: (np.column_stack([X, np.ones(len(X))]), e), "x6 is constant"),
        (lambda X, e: (np.column_stack([X, X[:, 0] - X[:, 1]]), e), "x0, x1 and x6 are linear"),
        (lambda X, e: (np.where(X > 3, np.nan, X), e), "missing values"),
        (lambda X, e: (pd.DataFrame(X).assign(site=e), e), "columns of text"),
        (lambda X, e: (X, e[:-1]), "one entry a row"),
        (lambda X, e: (np.random.default_rng(0).normal(size=(len(X), 61)), e), "at most 60"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(data, change, message):
    X, environments = change(data.X, data.environments)
    if isinstance(X, pd.DataFrame):
        X.columns = X.columns.astype(str)
    with pytest.raises(DataError, match=message):
        InvariantGraph().fit(X, environments=environments)


@pytest.mark.parametrize(
    ("acts_on", "message"),
    [
        ({"E99": ["x1"]}, "no environment 'E99'"),
        ({"E1": ["z"]}, "no variable 'z'"),
        ({"E1": [17]}, "no variable '17'"),
        ({"E1": "x1"}, "a list of variables"),
        ({"E1": [False, True]}, "in place of a truth value"),
    ],
)
def test_actions_on_what_is_not_there(data, acts_on, message):
    frame = pd.DataFrame(data.X, columns=list(data.names))
    with pytest.raises(DataError, match=message):
        InvariantGraph(acts_on=acts_on).fit(frame, environments=data.environments)


def test_moments_with_categories_are_refused():
    frame = pd.DataFrame({"y": np.arange(80.0), "k": ["a", "b"] * 40, "e": np.repeat([1, 2], 40)})
    moments = Moments.from_frame(frame, target="y", environment="e")
    with pytest.raises(DataError, match="k is categorical"):
        InvariantGraph().fit_moments(moments)


def test_labels_of_known_actions_are_read_as_those_of_rows(data):
    days = np.datetime64("2024-01-01") + pd.factorize(data.environments)[0]
    known = InvariantGraph(acts_on={pd.Timestamp("2024-01-02"): ["x0"]})
    acts_on = known.fit(data.X, environments=days).acts_on_
    assert acts_on.loc["2024-01-02", "x0"] and acts_on.to_numpy().sum() == 1


@pytest.mark.parametrize(("kind", "message"), [(int, "make them text"), (str, "as text")])
def test_positions_are_not_taken_for_names_that_are_numbers(data, kind, message):
    names = [kind(k) for k in range(1, data.X.shape[1] + 1)]
    frame = pd.DataFrame(data.X, columns=names)
    with pytest.raises(DataError, match=message):
        InvariantGraph(acts_on={"E1": [2]}).fit(frame, environments=data.environments)


def test_an_environment_may_hold_everything_at_a_value(data):
    X = np.where((data.environments == "E1")[:, None], 0.3, data.X)
    graph = InvariantGraph().fit(X, environments=data.environments)
    assert graph.acts_on_.loc["E1"].all() and distance(graph, data) <= 1


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_positions_in_frames_of_every_kind(data, kind):
    frame = kind({name: data.X[:, j] for j, name in enumerate(data.names)})
    graph = InvariantGraph(acts_on={"E1": [2]}).fit(frame, environments=data.environments)
    assert graph.acts_on_.loc["E1", data.names[2]] and graph.acts_on_.to_numpy().sum() == 1
