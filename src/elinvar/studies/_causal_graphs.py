"""From one target to all: causal graphs from environments that act on unknown variables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import figure, percent
from elinvar.datasets import KnownGraph, make_random_graph
from elinvar.plots import plot_lines
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import rows_of
from elinvar.studies._types import Axes, DataFrame

if TYPE_CHECKING:
    from elinvar.estimators import InvariantGraph

Bools = NDArray[np.bool_]

UNKNOWN, KNOWN, POOLED, HIDDEN = "unknown", "known", "pooled", "hidden"

TITLE = "From one target to a causal graph"
CLAIM = (
    "What holds in all environments but those that act on a variable tells its causes, and which "
    "environments act on it."
)
QUESTION = 9
AXES = {"action": "actions", "environments": "environments"}
PROBLEM = ("action", "environments")


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study; claims and thresholds were written before its first run.

    Parameters
    ----------
    actions : tuple of str
        What environments do to the variables they act on, see `make_random_graph`.
    environments : tuple of int
        Of which the first is left as it is, and each other one acts on one variable, all in turn.
    variables, rows : int
        Of a graph, and of each environment.
    judged : int
        Environments at which distances are judged.
    few : int
        Environments that do not suffice.
    distance, distance_known : float
        Largest mean number of pairs that are joined otherwise than in truth, where it is unknown
        and known on what environments act.
    precision, recall : float
        Of the environments that are said to act on a variable.
    wrong : float
        Largest share of claimed edges that are wrong.
    """

    actions: tuple[str, ...] = ("hard", "soft", "noise")
    environments: tuple[int, ...] = (2, 3, 5, 9, 17)
    variables: int = 8
    rows: int = 500
    judged: int = 9
    few: int = 3
    distance: float = 1.0
    distance_known: float = 0.2
    precision: float = 0.95
    recall: float = 0.85
    wrong: float = 0.05
    repetitions: int = 30
    core_seconds: float = 95.0

    @property
    def batches(self) -> str:
        """What is said in place of a batch size."""
        return f"no batches: moments of {self.rows} rows an environment"


QUICK = Config(environments=(3, 9), repetitions=3, core_seconds=4.0)


def cell(
    *,
    rng: np.random.Generator,
    action: str,
    environments: int,
    repetition: int,
    variables: int,
    rows: int,
) -> list[Row]:
    """Learn one graph in four ways."""
    # scikit-learn takes a while, and whoever lists the studies needs none of it
    from elinvar.estimators import InvariantGraph

    data = make_random_graph(
        n_variables=variables,
        n_environments=environments,
        n_samples=rows,
        action=action,  # type: ignore[arg-type]
        rng=rng,
    )
    targets = {f"E{e}": np.flatnonzero(row).tolist() for e, row in enumerate(data.acts_on)}
    found = InvariantGraph().fit(data.X, environments=data.environments)
    known = InvariantGraph(acts_on=targets).fit(data.X, environments=data.environments)
    pooled = InvariantGraph(acts_on={}).fit(data.X, environments=data.environments)
    return [
        {**_row(UNKNOWN, found, data.adjacency), **_acts(found, data)},
        _row(KNOWN, known, data.adjacency),
        _row(POOLED, pooled, data.adjacency),
        _hidden(data),
    ]


def _row(way: str, found: "InvariantGraph", true: Bools) -> dict[str, object]:
    """Count what is claimed, and what of it is wrong."""
    loose = np.triu(found.undirected_)
    edges = found.adjacency_ | found.undirected_
    return {
        "way": way,
        "edges": int(true.sum()),
        "distance": int(np.triu((edges != true) | (edges.T != true.T)).sum()),
        "claimed": int(found.adjacency_.sum() + loose.sum()),
        "wrong": int((found.adjacency_ & ~true).sum() + (loose & ~(true | true.T)).sum()),
        "open": int(loose.sum()),
        "hits": 0,
        "said": 0,
        "acted": 0,
    }


def _acts(found: "InvariantGraph", data: KnownGraph) -> dict[str, object]:
    labels = [f"E{e}" for e in range(len(data.acts_on))]
    said = found.acts_on_.loc[labels].to_numpy()
    return {
        "hits": int((said & data.acts_on).sum()),
        "said": int(said.sum()),
        "acted": int(data.acts_on.sum()),
    }


def _hidden(data: KnownGraph) -> Row:
    """Learn the graph of the others where the variable with the most effects is not measured."""
    from elinvar.estimators import InvariantGraph

    out = int(data.adjacency.sum(axis=1).argmax())
    rest = np.delete(np.arange(len(data.names)), out)
    # its causes act on its effects directly, as far as can be seen
    through = np.outer(data.adjacency[rest, out], data.adjacency[out, rest])
    true = data.adjacency[np.ix_(rest, rest)] | through
    found = InvariantGraph().fit(data.X[:, rest], environments=data.environments)
    return _row(HIDDEN, found, true)


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return a row for each action and number of environments.

    Distances are means over runs; ``wrong`` and ``hidden_wrong`` shares of claimed edges, ``open``
    the share of them without a direction; ``precision`` and ``recall`` those of the environments
    that are said to act.
    """
    import pandas as pd

    lines = []
    for (environments, action), mine in rows.groupby(["environments", "action"], sort=True):
        ways = {way: those for way, those in mine.groupby("way")}
        own, hidden = ways[UNKNOWN].sum(numeric_only=True), ways[HIDDEN].sum(numeric_only=True)
        lines.append(
            {
                "environments": environments,
                "action": action,
                "edges": ways[UNKNOWN]["edges"].mean(),
                **{way: ways[way]["distance"].mean() for way in (UNKNOWN, KNOWN, POOLED)},
                "claimed": int(own["claimed"]),
                "wrong": own["wrong"] / max(own["claimed"], 1),
                "open": own["open"] / max(own["claimed"], 1),
                "precision": own["hits"] / max(own["said"], 1),
                "recall": own["hits"] / max(own["acted"], 1),
                "hidden_wrong": hidden["wrong"] / max(hidden["claimed"], 1),
                "runs": len(ways[UNKNOWN]),
            }
        )
    return pd.DataFrame(lines)


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the distance to the true graph against the number of environments."""
    lines = summary.groupby("environments")[["edges", UNKNOWN, KNOWN, POOLED]].mean().reset_index()
    at = lines[lines["environments"] == config.judged].iloc[0]
    return plot_lines(
        lines,
        "environments",
        {
            UNKNOWN: "targets unknown",
            KNOWN: "targets known",
            POOLED: "all rows pooled",
        },
        xlabel=f"environments of {config.rows} rows; each but one acts on one of "
        f"{config.variables} variables",
        ylabel="pairs joined otherwise than in truth",
        title=f"With {config.judged} environments {figure(at[UNKNOWN], 2)} of "
        f"{figure(at['edges'], 2)} edges are missed or wrong, {figure(at[POOLED], 2)} if rows are "
        "pooled",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge distances, actions, false claims, and where the limits are."""
    table = rows_of(summary)
    judged = [row for row in table if row["environments"] == config.judged]
    few = [row for row in table if row["environments"] == config.few]
    runs = sum(int(row["runs"]) for row in judged)
    unknown, known = (max(float(row[way]) for row in judged) for way in (UNKNOWN, KNOWN))
    precision, recall = (_mean(row[name] for row in judged) for name in ("precision", "recall"))
    claimed = [int(row["claimed"]) for row in table]
    wrong = float(np.average([float(row["wrong"]) for row in table], weights=claimed))
    short, left_open = (_mean(row[name] for row in few) for name in (UNKNOWN, "open"))
    hidden = _mean(row["hidden_wrong"] for row in judged)
    return (
        Claim(
            holds=unknown <= config.distance,
            sentence=f"With {config.judged} environments that act on unknown variables, "
            f"{figure(unknown, 2)} pairs on average are joined otherwise than in truth for the "
            f"worst kind of action (needed: at most {config.distance:g}; the empty graph has "
            f"{figure(_mean(row['edges'] for row in judged), 2)}, rows pooled "
            f"{figure(_mean(row[POOLED] for row in judged), 2)}); {runs} runs.",
        ),
        Claim(
            holds=known <= config.distance_known,
            sentence=f"Where it is known on what they act, {figure(known, 2)} (needed: at most "
            f"{config.distance_known:g}).",
        ),
        Claim(
            holds=precision >= config.precision and recall >= config.recall,
            sentence=f"Of the actions that are told {percent(precision)} are real (needed: at "
            f"least {percent(config.precision)}), and {percent(recall)} of all are told (needed: "
            f"at least {percent(config.recall)}).",
        ),
        Claim(
            holds=wrong <= config.wrong,
            sentence=f"Of {sum(claimed):,} claimed edges {percent(wrong)} are wrong, over all "
            "kinds of actions and numbers of environments (needed: at most "
            f"{percent(config.wrong)}).",
        ),
        Claim(
            holds=short > config.distance,
            sentence=f"The limit of number: {config.few} environments do not suffice, with "
            f"{figure(short, 2)} pairs (needed: above {config.distance:g}): {percent(left_open)} "
            "of the edges that are found are left without a direction.",
        ),
        Claim(
            holds=hidden > config.wrong,
            sentence=f"The limit of what is measured: with the variable of most effects hidden, "
            f"{percent(hidden)} of claimed edges are wrong (needed: above "
            f"{percent(config.wrong)}); nothing in the answer says so.",
        ),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([float(value) for value in values]))
