"""The generators under names and settings, as benchmarks go through them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from itertools import product
from types import MappingProxyType
from typing import Any, Final

from elinvar._base._words import did_you_mean
from elinvar.datasets._additive import make_additive
from elinvar.datasets._coloured_digits import make_coloured_digits
from elinvar.datasets._curved import make_curved
from elinvar.datasets._eills import make_eills
from elinvar.datasets._fair import make_fair
from elinvar.datasets._gene_network import make_gene_network
from elinvar.datasets._irm_chain import make_irm_chain
from elinvar.datasets._known import KnownAnswer, Rng, Task
from elinvar.datasets._linear_unit_tests import make_linear_unit_test
from elinvar.datasets._random_linear import make_random_linear
from elinvar.datasets._reversed import make_reversed
from elinvar.datasets._sparse import make_sparse_linear
from elinvar.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A generator with its settings: everything but the seed.

    Attributes
    ----------
    name : str
        Lower-case name, as a command line takes it.
    suite : str
        The table it belongs to.
    task : {"regression", "classification"}
        What is to be predicted.
    tests : str
        What it tests, in a sentence.
    make : callable
        The generator; its docstring has the equations and sources.
    settings : mapping of str to object
        What the generator is called with.
    """

    name: str
    suite: str
    task: Task = "regression"
    tests: str
    make: Callable[..., KnownAnswer]
    settings: Mapping[str, Any]

    def draw(self, rng: Rng, **settings: Any) -> KnownAnswer:
        """Draw the data.

        Parameters
        ----------
        rng : int or numpy.random.Generator
            Seed, or the generator to draw from.
        **settings
            Arguments of ``make`` that go before this problem's own.

        Returns
        -------
        KnownAnswer

        Raises
        ------
        DataError
            If the generator has no such setting, or a value is outside its range.
        """
        known = [name for name in signature(self.make).parameters if name != "rng"]
        for name in settings:
            if name not in known:
                raise DataError(
                    f"The problem {self.name!r} has no setting {name!r}; it has {', '.join(known)}."
                )
        return self.make(**{**self.settings, **settings}, rng=rng)


def make_problem(name: str, rng: Rng, **settings: Any) -> KnownAnswer:
    """Draw a problem of ``PROBLEMS`` by its name.

    Parameters
    ----------
    name : str
        One of ``PROBLEMS``.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.
    **settings
        Arguments of its generator that go before the problem's own.

    Returns
    -------
    KnownAnswer

    Raises
    ------
    DataError
        If there is no such problem or setting, or a value is outside its range.

    Examples
    --------
    >>> make_problem("unit-test-1s", 0, n_samples=100)
    KnownAnswer(linear unit test 1s: 300 rows, 10 features, 3 environments, 5 invariant)
    """
    if name not in PROBLEMS:
        hint = did_you_mean(str(name), PROBLEMS) or " PROBLEMS has all names."
        raise DataError(f"There is no problem {name!r}.{hint}")
    return PROBLEMS[name].draw(rng, **settings)


def _unit_tests() -> Iterator[Problem]:
    tests = {
        1: "unequal noise of cause and effect",
        2: "an invariant signal a hundred times smaller than the spurious one",
        3: "a small invariant margin against large spurious ones",
    }
    for n_environments, ending in ((3, ""), (10, "-e10")):
        for rotated in (False, True):
            for example, what in tests.items():
                yield Problem(
                    name=f"unit-test-{example}{'s' * rotated}{ending}",
                    suite="rotated" if rotated else "unit-tests",
                    task="regression" if example == 1 else "classification",
                    tests=what + ", columns mixed" * rotated,
                    make=make_linear_unit_test,
                    settings={
                        "example": example,
                        "rotated": rotated,
                        "n_environments": n_environments,
                    },
                )


def _entries(
    suite: str,
    make: Callable[..., KnownAnswer],
    entries: Mapping[str, tuple[str, Mapping[str, Any]]],
    *,
    task: Task = "regression",
) -> Iterator[Problem]:
    for name, (tests, settings) in entries.items():
        yield Problem(name=name, suite=suite, task=task, tests=tests, make=make, settings=settings)


def _eills() -> Iterator[Problem]:
    tests = "two environments, curved and heteroskedastic spurious columns"
    sizes = {f"eills-{n}": (tests, {"n_samples": n}) for n in (100, 300, 1000, 2000)}
    yield from _entries("eills", make_eills, sizes)


def _random() -> Iterator[Problem]:
    # what is "off" is switched on one kind at a time, so that a failure names its cause
    usual: dict[str, Any] = {"n_features": 10, "n_environments": 5, "n_samples": 1000}
    off: dict[str, Any] = {**usual, "noise_spread": 0.0, "edge_spread": 0.0}

    def sized(p: int, environments: int, rows: int) -> dict[str, Any]:
        return {"n_features": p, "n_environments": environments, "n_samples": rows}

    yield from _entries(
        "random",
        make_random_linear,
        {
            "random-10": ("noise and coefficients change", usual),
            "random-10-few": ("few rows and environments", sized(10, 3, 300)),
            "random-20": ("more features than can be tried in all subsets", sized(20, 5, 2000)),
            "random-30": ("many features, few rows", sized(30, 8, 300)),
            "random-noise": ("only noise scales change", {**off, "noise_spread": 0.6}),
            "random-edges": ("only coefficients change", {**off, "edge_spread": 1.0}),
            "random-shift": ("only levels change", {**off, "shift_spread": 1.0}),
            "random-do": ("some nodes are cut off and set", {**off, "do_share": 0.4}),
            "random-weak": (
                "weak interventions",
                {**usual, "noise_spread": 0.2, "edge_spread": 0.2},
            ),
        },
    )
    yield from _entries(
        "two-environments",
        make_random_linear,
        {f"random-2x{n}": ("two environments", sized(10, 2, n)) for n in (300, 1000)},
    )
    yield from _entries(
        "broken",
        make_random_linear,
        {
            "broken-target": ("the target is intervened on", {**usual, "broken": "target"}),
            "broken-confounder": ("a hidden cause changes", {**usual, "broken": "confounder"}),
            "broken-fixed-confounder": (
                "a hidden cause of one law; environments are instruments",
                {**usual, "edge_spread": 0.0, "shift_spread": 1.0, "broken": "fixed_confounder"},
            ),
            "broken-measurement": (
                "features with error",
                {**usual, "shift_spread": 1.0, "measurement_error": 1.0},
            ),
        },
    )
    yield from _entries(
        "controls",
        make_random_linear,
        {
            "control-10": ("no heterogeneity", off),
            "control-20": ("no heterogeneity, more features", {**off, "n_features": 20}),
        },
    )


def _reversed() -> Iterator[Problem]:
    few = {"n_environments": 3, "n_samples": 200}
    wide = {"n_invariant": 10, "n_spurious": 20, "n_environments": 6, "n_samples": 500}
    yield from _entries(
        "reversed",
        make_reversed,
        {
            "reversed-10": ("spurious effects turn round in new environments", {}),
            "reversed-10-few": ("the same, few rows and environments", few),
            "reversed-30": ("the same, more features", wide),
        },
    )


def _chain() -> Iterator[Problem]:
    for observed, heteroskedastic, rotated in product((True, False), (True, False), (False, True)):
        letters = "fp"[not observed] + "eo"[not heteroskedastic] + "us"[rotated]
        tests = (
            ("all observed" if observed else "a hidden cause of all")
            + (", the target's noise" if heteroskedastic else ", its effects' noise")
            + " changes"
            + ", columns mixed" * rotated
        )
        settings = {
            "observed": observed, "heteroskedastic": heteroskedastic, "rotated": rotated,
        }  # fmt: skip
        yield from _entries("chain", make_irm_chain, {f"chain-{letters}": (tests, settings)})


def _large() -> Iterator[Problem]:
    yield from _entries(
        "wide",
        make_sparse_linear,
        {f"sparse-{p}": (f"{p:,} features, few parents", {"n_features": p}) for p in (500, 2000)},
    )
    sizes = {44: 66, 46: 70, 64: 102, 107: 150}
    networks: dict[str, tuple[str, dict[str, Any]]] = {
        f"genes-{genes}": ("sparse network with hubs", {"n_genes": genes, "n_edges": edges})
        for genes, edges in sizes.items()
    }
    hubs = {"n_genes": 107, "n_edges": 150, "perturbed": "hubs"}
    networks["genes-107-hubs"] = ("only hubs are knocked down", hubs)
    yield from _entries("networks", make_gene_network, networks)
    yield from _entries(
        "additive", make_additive, {"additive": ("curved effects in spline columns", {})}
    )


def _curved() -> Iterator[Problem]:
    few, many = {"n_environments": 3}, {"n_environments": 10}
    turning: dict[str, tuple[str, dict[str, Any]]] = {
        "curved-flips": ("curved causes; consequences turned in some environments", {}),
        "curved-flips-e3": ("the same, three environments", few),
        "curved-flips-e10": ("the same, ten environments", many),
        "curved-size": ("consequences of the same sign, other sizes", {"changes": "size"}),
        "curved-size-e10": ("the same, ten environments", {"changes": "size", **many}),
        "curved-noise": ("only the noise of consequences changes", {"changes": "noise"}),
        "curved-products": ("causes act through each other", {"interacting": True}),
        "curved-target": ("the target's own effects vary as well", {"changes": "target"}),
    }
    controls = {
        "curved-inputs": ("control: only the inputs' laws change", {"changes": "inputs"}),
        "curved-nothing": ("control: no heterogeneity", {"changes": "nothing"}),
    }
    yield from _entries("curved", make_curved, {**turning, **controls})
    # the same rows to learn from, other new environments
    turned = {
        f"{name}-turned": (f"{tests}; turned round in new ones", {**settings, "turned": True})
        for name, (tests, settings) in turning.items()
    }
    yield from _entries("curved", make_curved, turned)
    alone = ("curved-flips-e3", "curved-size-e10", "curved-target")  # of numbers
    classes = {
        name.replace("curved", "curved-classes"): (tests, {**settings, "classes": True})
        for name, (tests, settings) in {**turning, **controls, **turned}.items()
        if name.removesuffix("-turned") not in alone
    }
    yield from _entries("curved-classes", make_curved, classes, task="classification")


def _fair() -> Iterator[Problem]:
    forms = {
        "additive": "five curved causes, four effects that turn, 17 other columns",
        "composite": "the same, causes act through each other",
    }
    entries = {
        f"fair-{form}": (tests, {"form": form, "n_samples": 2000}) for form, tests in forms.items()
    }
    yield from _entries("fair", make_fair, entries)


def _digits() -> Iterator[Problem]:
    tests = "colour tells the label better than shape, and turns round"
    entries = {
        "coloured-digits": (tests, {"channels": False}),
        "coloured-digits-channels": (f"{tests}, pixels in two channels", {"channels": True}),
    }
    yield from _entries("digits", make_coloured_digits, entries, task="classification")


def _all() -> Iterator[Problem]:
    yield from _unit_tests()
    yield from _eills()
    yield from _random()
    yield from _reversed()
    yield from _chain()
    yield from _large()
    yield from _curved()
    yield from _fair()
    yield from _digits()


PROBLEMS: Final[Mapping[str, Problem]] = MappingProxyType({one.name: one for one in _all()})
SUITES: Final = tuple(dict.fromkeys(one.suite for one in PROBLEMS.values()))
