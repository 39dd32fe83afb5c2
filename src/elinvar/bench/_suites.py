"""Which problems make a table, in which order, and how often each is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from elinvar.bench._data import DEMO, GENERATED
from elinvar.datasets import PROBLEMS, table_specs


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Problems of one kind.

    Attributes
    ----------
    name : str
        Lower-case, as the command takes it.
    title : str
        A heading.
    about : str
        What is asked, in a sentence or two.
    problems : tuple of str
        What a whole run draws; if empty, the problems that belong to a suite of this name.
    quick : tuple of str
        What a short run draws.
    seeds, quick_seeds : int
        Repetitions of each problem.
    limit : float
        Seconds for choosing and fitting together, in one cell.
    ranked : bool
        Whether its problems count in the ranks over all suites.
    selecting : bool
        Whether only methods that select features run.
    rows : mapping of str to int
        Rows an environment of problems that would take too long with their own.
    quick_rows : int, optional
        The same in a short run, for all its problems.
    methods : tuple of str
        Methods that run if none are named; all if empty.
    class_methods : tuple of str
        Those of them that run on classes, where it is not all.
    real : bool
        Whether its problems are real tables, each environment left out in turn; then verdicts are
        held against the environments left out, too.
    simulated : tuple of str
        Generated problems on which they are as well; in a short run the first.
    simulated_seeds : int
        Repetitions of each of these.
    """

    name: str
    title: str
    about: str
    problems: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    seeds: int = 20
    quick_seeds: int = 3
    limit: float = 60.0
    ranked: bool = True
    selecting: bool = False
    rows: Mapping[str, int] = field(default_factory=dict)
    quick_rows: int | None = None
    methods: tuple[str, ...] = ()
    class_methods: tuple[str, ...] = ()
    real: bool = False
    simulated: tuple[str, ...] = ()
    simulated_seeds: int = 10

    def __post_init__(self) -> None:
        if not self.problems:
            own = tuple(name for name, one in GENERATED.items() if one.suite == self.name)
            object.__setattr__(self, "problems", own)

    def shown(self, *, quick: bool) -> tuple[str, ...]:
        """Return the problems of a run.

        Parameters
        ----------
        quick : bool
            Of a short run.
        """
        return self.quick or self.problems if quick else self.problems

    def rows_of(self, problem: str, *, quick: bool) -> int | None:
        """Return how many rows an environment has; None for the problem's own number.

        Parameters
        ----------
        problem : str
        quick : bool
            In a short run.
        """
        return self.quick_rows if quick else self.rows.get(problem)


_CLASS_METHODS = (
    "constant", "forest", "logistic", "logisticboosting", "elinvar-classifier-auto",
    "elinvar-classifier-invariant", "elinvar-forecast-classifier",
)  # fmt: skip
_TABLE_METHODS = (
    "constant", "pooled", "ridge", "lasso", "randomintercept", "fixedeffects", "anchor",
    "boosting", "forest", "anchorboosting", "elinvar-auto", "elinvar-invariant",
    "elinvar-forecast", *_CLASS_METHODS[2:],
)  # fmt: skip
_ROWS = {name: 2000 for name in PROBLEMS if name.endswith("-e10")}

_ALL = (
    Suite(
        name="unit-tests",
        title="Linear unit tests",
        about="Three small problems that defeat many methods; 3 and 10 environments.",
        quick=("unit-test-1", "unit-test-2", "unit-test-3"),
        seeds=5,
        quick_seeds=2,
        rows=_ROWS,
        quick_rows=4000,
    ),
    Suite(
        name="rotated",
        title="Linear unit tests with mixed columns",
        about="The same after a rotation: no column is invariant, a subspace is. Three "
        "environments do not identify it, so that silence is the right answer there.",
        quick=("unit-test-1s", "unit-test-1s-e10"),
        seeds=5,
        quick_seeds=2,
        rows=_ROWS,
        quick_rows=500,
    ),
    Suite(
        name="eills",
        title="The model of the EILLS paper",
        about="Two environments, 12 features, curved and heteroskedastic spurious columns.",
        quick=("eills-300", "eills-1000"),
        quick_seeds=5,
    ),
    Suite(
        name="random",
        title="Random linear models",
        about="Linear causal models with at least three environments; the target's parents hold "
        "everywhere.",
        quick=("random-10", "random-10-few"),
        seeds=10,
        quick_seeds=2,
    ),
    Suite(
        name="two-environments",
        title="Two environments",
        about="The same with two environments, which do not always tell.",
        quick=("random-2x300",),
    ),
    Suite(
        name="reversed",
        title="Effects that turn round",
        about="Spurious effects change their sign in new environments.",
        quick=("reversed-10",),
        seeds=6,
        quick_seeds=2,
    ),
    Suite(
        name="chain",
        title="The chain of the IRM paper",
        about="Ten dimensions; observed or hidden cause, noise of the target or of its effects, "
        "plain or mixed columns.",
        quick=("chain-feu",),
        seeds=3,
        quick_seeds=2,
    ),
    Suite(
        name="wide",
        title="Many features",
        about="500 and 2,000 features, 10 environments of 1,000 rows, few parents.",
        quick=("sparse-500",),
        seeds=2,
        quick_seeds=1,
        limit=300.0,
    ),
    Suite(
        name="networks",
        title="Sparse networks with hubs",
        about="44 to 107 nodes, like gene networks; every environment knocks some down.",
        quick=("genes-44",),
        seeds=2,
        quick_seeds=1,
    ),
    Suite(
        name="additive",
        title="Curved effects in spline columns",
        about="A sum of curved functions; each variable is a group of columns.",
        seeds=5,
        quick_seeds=1,
    ),
    Suite(
        name="curved",
        title="Curved causes, and consequences that turn round",
        about="Curved and interacting causes, four columns of nine to trust; new environments are "
        "drawn like the others, or consequences are turned round there. The oracle is boosting on "
        "the causes.",
        quick=("curved-flips", "curved-flips-turned", "curved-size-turned", "curved-nothing"),
        seeds=3,
        quick_seeds=1,
    ),
    Suite(
        name="curved-classes",
        title="The same of classes",
        about="Curved causes of two classes, and consequences of the class that turn round. The "
        "oracle is boosting on the causes.",
        quick=("curved-classes-flips-turned", "curved-classes-nothing"),
        seeds=3,
        quick_seeds=1,
    ),
    Suite(
        name="fair",
        title="The nonlinear model of the FAIR paper",
        about="Two environments; five curved causes, four effects of the target that turn, and 17 "
        "columns that depend on both.",
        quick=("fair-additive",),
        seeds=5,
        quick_seeds=1,
        limit=300.0,
    ),
    Suite(
        name="broken",
        title="Nothing to find",
        about="The target is intervened on, or a hidden cause changes, or features are measured "
        "with error: no set of features predicts alike everywhere. The oracle is least squares on "
        "the target's own causes.",
        quick=("broken-target",),
        seeds=10,
    ),
    Suite(
        name="controls",
        title="Controls without heterogeneity",
        about="All environments have one law: pooling is right, and nothing can be called "
        "spurious.",
        quick=("control-10",),
        seeds=10,
        quick_seeds=2,
    ),
    Suite(
        name="digits",
        title="Coloured digits",
        about="Shape is invariant, colour tells more and turns round.",
        quick=("coloured-digits",),
        seeds=3,
        quick_seeds=1,
    ),
    Suite(
        name="tables",
        title="Real tables",
        about="Tables of other packages with a natural environment, chosen before any result, each "
        "environment left out in turn.",
        problems=tuple(table_specs()),
        quick=("auto", "castle", "dietox", "oslo", "produc", "titanic", "ncb_low"),
        seeds=30,
        quick_seeds=3,
        limit=300.0,
        ranked=False,
        methods=_TABLE_METHODS,
        class_methods=_CLASS_METHODS,
        real=True,
        simulated=tuple(f"environments-{n}" for n in (3, 5, 8, 12, 20, 30)),
    ),
    Suite(
        name="demo",
        title="Tables of the demo",
        about="Each environment is the new one once. Nobody knows the truth: errors are over those "
        "of pooled least squares.",
        problems=tuple(DEMO),
        quick=("penguins",),
        seeds=9,
        quick_seeds=4,
    ),
    Suite(
        name="environments",
        title="More and more environments",
        about="Random linear models, 10 features, 500 rows an environment.",
        quick=("environments-2", "environments-5"),
        seeds=10,
        quick_seeds=2,
        ranked=False,
        selecting=True,
    ),
    Suite(
        name="sizes",
        title="More and more features",
        about="Random linear models of growing size, and what a fit costs.",
        quick=("size-8", "size-30"),
        seeds=4,
        quick_seeds=2,
        limit=180.0,
        ranked=False,
        selecting=True,
    ),
)

SUITES: Final[Mapping[str, Suite]] = MappingProxyType({one.name: one for one in _ALL})
"""Every suite by name."""

ALWAYS: Final = ("constant", "pooled", "oracle", "elinvar-auto", "elinvar-invariant")
"""Rows of every table."""
