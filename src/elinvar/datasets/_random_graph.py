"""Random linear causal graphs, in which every environment acts on a few variables."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._check import check_choice, generator, is_number
from elinvar.datasets._known import Floats, Rng, check_counts, numbered
from elinvar.errors import DataError

Action = Literal["hard", "soft", "noise"]
Noise = Literal["gaussian", "laplace", "uniform", "exponential"]

ACTIONS: Final = ("hard", "soft", "noise")
NOISES: Final = ("gaussian", "laplace", "uniform", "exponential")
_SPREAD: Final = 0.6


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class KnownGraph:
    """Rows from several environments, and the graph and the interventions that they come from.

    Attributes
    ----------
    name : str
        Which generator drew the data, and with which variant.
    X : ndarray of shape (n, n_variables)
        The variables, the rows of one environment after those of another.
    environments : ndarray of str, shape (n,)
        The environment of each row.
    names : tuple of str
        One name a variable.
    adjacency : ndarray of bool, shape (n_variables, n_variables)
        ``[i, j]``: i is a direct cause of j.
    coef : ndarray of shape (n_variables, n_variables)
        ``[i, j]``: the effect of i on j, where nothing acts on j.
    acts_on : ndarray of bool, shape (n_environments, n_variables)
        Which variables' mechanisms each environment, in the order of their first rows, replaces.
    """

    name: str
    X: Floats
    environments: NDArray[np.str_]
    names: tuple[str, ...]
    adjacency: NDArray[np.bool_]
    coef: Floats
    acts_on: NDArray[np.bool_]

    def __repr__(self) -> str:
        n, p = self.X.shape
        return (
            f"KnownGraph({self.name}: {n:,} rows, {p} variables, {len(self.acts_on)} environments, "
            f"{int(self.adjacency.sum())} edges)"
        )


def make_random_graph(
    *,
    n_variables: int = 8,
    n_environments: int = 9,
    n_samples: int = 500,
    in_degree: float = 1.0,
    n_targets: int = 1,
    action: Action = "hard",
    noise: Noise = "gaussian",
    rng: Rng,
) -> KnownGraph:
    r"""Draw a random linear causal graph, seen in environments that act on unknown variables.

    Every pair of variables is joined with the probability that gives ``in_degree`` parents on
    average, by a coefficient :math:`b_{ij} = \pm U(.5, 1.5)`, and each has noise of standard
    deviation U(.7, 1.3). Environment ``E0`` is left as it is. Every other one acts on ``n_targets``
    variables; all variables take their turn, in random order, before one has it again. Where an
    environment acts on :math:`x_j`, and with :math:`\log s \sim .6\, N(0, 1)`, its mechanism is

    * "hard": :math:`x_j = \mu + s\,\varepsilon_j`, cut off from its causes, at a level
      :math:`\mu \sim N(0, 1)`;
    * "soft": :math:`x_j = \sum_i b_{ij} (1 + \omega_i) x_i + s\,\varepsilon_j`,
      :math:`\omega \sim N(0, 1)`;
    * "noise": :math:`x_j = \sum_i b_{ij} x_i + s\,\varepsilon_j`.

    Parameters
    ----------
    n_variables : int, at least 2
        Variables, p. They come in random order.
    n_environments : int, at least 1
        Environments.
    n_samples : int, at least 2
        Rows an environment.
    in_degree : float, above 0
        Expected parents a variable; at most ``(n_variables - 1) / 2``, which joins every pair.
    n_targets : int
        Variables on which an environment acts, from 1 to all.
    action : {"hard", "soft", "noise"}
        What it does to them.
    noise : {"gaussian", "laplace", "uniform", "exponential"}
        Law of the noises, of mean 0 and variance 1 before they are scaled.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownGraph
        With soft actions some hardly change anything: ``acts_on`` marks these as well.

    Raises
    ------
    DataError
        If a parameter is outside its range.

    References
    ----------
    This library's own yardstick, on the lines of A. Hauser, P. Bühlmann, "Characterization and
    greedy learning of interventional Markov equivalence classes of directed acyclic graphs", JMLR
    13 (2012).

    Examples
    --------
    >>> make_random_graph(n_samples=10, rng=0)
    KnownGraph(random graph, hard actions, gaussian: 90 rows, 8 variables, 9 environments, 10 edges)
    """
    check_counts(n_variables=n_variables, n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments, n_targets=n_targets)
    check_choice("action", action, ACTIONS)
    check_choice("noise", noise, NOISES)
    if not (is_number(in_degree) and 0 < in_degree <= (n_variables - 1) / 2):
        raise DataError(
            f"in_degree is {in_degree!r}; with {n_variables} variables it must be above 0 and "
            f"at most {(n_variables - 1) / 2:g}."
        )
    if n_targets > n_variables:
        raise DataError(f"n_targets is {n_targets}; there are {n_variables} variables.")
    rng = generator(rng)
    coef, scale = _draw_graph(n_variables, in_degree, rng)
    acts_on = _draw_targets(n_environments, n_variables, n_targets, rng)
    parts = [_draw_rows(coef, scale, acts, action, noise, n_samples, rng) for acts in acts_on]
    order = rng.permutation(n_variables)
    coef = coef[np.ix_(order, order)]
    return KnownGraph(
        name=f"random graph, {action} actions, {noise}",
        X=np.concatenate(parts)[:, order],
        environments=np.repeat([f"E{e}" for e in range(n_environments)], n_samples),
        names=numbered("x", n_variables),
        adjacency=coef != 0,
        coef=coef,
        acts_on=acts_on[:, order],
    )


def _draw_graph(p: int, in_degree: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw coefficients [i, j], i before j, and the scales of the noises."""
    joined = np.triu(rng.random((p, p)) < 2 * in_degree / (p - 1), k=1)
    size = rng.uniform(0.5, 1.5, (p, p)) * rng.choice([-1.0, 1.0], (p, p))
    return np.where(joined, size, 0.0), rng.uniform(0.7, 1.3, p)


def _draw_targets(E: int, p: int, n_targets: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw on which variables each environment but the first acts, all in turn."""
    acts_on = np.zeros((E, p), dtype=bool)
    waiting: list[int] = []
    for acts in acts_on[1:]:
        while acts.sum() < n_targets:
            waiting = waiting or rng.permutation(p).tolist()
            # the last of one round may be among the first of the next
            turn = next((j for j in waiting if not acts[j]), None)
            if turn is None:
                waiting += rng.permutation(p).tolist()
                continue
            waiting.remove(turn)
            acts[turn] = True
    return acts_on


def _draw_rows(
    coef: Floats,
    scale: Floats,
    acts: NDArray[np.bool_],
    action: Action,
    noise: Noise,
    n: int,
    rng: np.random.Generator,
) -> Floats:
    """Draw rows of one environment, the variables in causal order."""
    p = len(coef)
    factor = np.where(acts, np.exp(_SPREAD * rng.standard_normal(p)), 1.0)
    level, turned = rng.standard_normal(p), 1 + rng.standard_normal((p, p))
    values = scale * factor * _draw_noise(noise, (n, p), rng)
    for j in range(p):
        own = coef[:j, j]
        if acts[j] and action == "hard":
            values[:, j] += level[j]
            continue
        if acts[j] and action == "soft":
            own = own * turned[:j, j]
        values[:, j] += values[:, :j] @ own
    return values


def _draw_noise(noise: Noise, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw noises of mean 0 and variance 1."""
    if noise == "laplace":
        return rng.laplace(scale=np.sqrt(0.5), size=shape)
    if noise == "uniform":
        return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)
    if noise == "exponential":
        return rng.exponential(size=shape) - 1
    return rng.standard_normal(shape)
