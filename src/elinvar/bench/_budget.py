"""What slow methods are spared, so that everything ends in time; every row says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from elinvar.bench._suites import ALWAYS

WIDE = 250
_ANY = 10**6


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a method is run on.

    Attributes
    ----------
    seeds, quick_seeds : int
        The most repetitions of a problem, in a whole and in a short run.
    whole : tuple of str
        Suites in which it runs every repetition of a whole run all the same, since there it is
        what elinvar is held against.
    most_features : int
        Problems with more are left out.
    tuned : bool
        Whether its grid is searched; if not, it has its defaults.
    suites : tuple of str
        Suites that it runs in; all if empty.
    parameters : mapping
        Parameters other than the default.
    words : str
        Why, in the rows' words.
    table_rows : int, optional
        The most rows of a real table that it learns from.
    table_tuned : bool
        Whether its grid is searched on real tables.
    """

    seeds: int = 1000
    quick_seeds: int = 1000
    whole: tuple[str, ...] = ()
    most_features: int = WIDE
    tuned: bool = True
    suites: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    table_rows: int | None = None
    table_tuned: bool = True

    def for_tables(self) -> "Budget":
        """Return what the method is run on where problems are real tables: every environment."""
        words = []
        if self.table_rows is not None:
            words.append(f"learns from {self.table_rows:,} rows of a table at most")
        if not self.table_tuned:
            words.append("has its defaults")
        return Budget(
            quick_seeds=1000 if self.quick_seeds else 0,
            most_features=_ANY,
            tuned=self.tuned and self.table_tuned,
            parameters=self.parameters,
            words="; ".join(words),
            table_rows=self.table_rows,
        )

    def why_not(self, suite: str, n_features: int, *, quick: bool) -> str:
        """Return why the method is not run here, or "" if it is."""
        if quick and not self.quick_seeds:
            return "not run with --quick: slow"
        if self.suites and suite not in self.suites:
            return f"not run here: slow; run in {', '.join(self.suites)}"
        if n_features > self.most_features:
            return f"not run beyond {self.most_features} features: slow"
        return ""

    def runs(self, repetition: int, suite: str, *, quick: bool) -> bool:
        """Say whether the method runs this repetition, counted from 0; the first it always does."""
        if not quick and suite in self.whole:
            return True
        return repetition < max(1, self.quick_seeds if quick else self.seeds)


# a table of 300,000 rows, read and fitted for each candidate and environment
_TABLE_ROWS = 2500
_USUAL = Budget(table_rows=_TABLE_ROWS)
_WIDE = Budget(most_features=_ANY)
# minimised step by step, for each candidate of a grid
_MEDIUM = Budget(seeds=3, quick_seeds=1, whole=("rotated",))
# trees, fourth moments or thousands of steps: seconds a fit, and five fits for each candidate
_SLOW = Budget(
    seeds=1,
    quick_seeds=0,
    most_features=12,
    suites=(
        "unit-tests",
        "eills",
        "random",
        "two-environments",
        "reversed",
        "curved",
        "curved-classes",
        "fair",
        "demo",
    ),
    table_rows=_TABLE_ROWS,
    table_tuned=False,
)
# so many columns has FAIR's model
_TREES = replace(_SLOW, most_features=30)
# networks and trees of the peers: where their papers, or curves, are
_CURVED = Budget(
    seeds=1,
    quick_seeds=0,
    most_features=30,
    tuned=False,
    suites=("eills", "curved", "curved-classes", "fair", "demo"),
    words="its defaults, not chosen",
    table_rows=_TABLE_ROWS,
)
# all 2^p subsets, each with its tests: minutes from a dozen features on
_SUBSETS = Budget(
    seeds=1,
    quick_seeds=0,
    whole=("sizes",),
    tuned=False,
    most_features=12,
    suites=("unit-tests", "eills", "random", "two-environments", "sizes"),
    parameters={"max_features": 8},
    words="default level, not chosen; of more than 8 features, the 8 first on the lasso path",
)

BUDGETS: Final[Mapping[str, Budget]] = MappingProxyType(
    {
        **dict.fromkeys(ALWAYS, _WIDE),
        **dict.fromkeys(("randomintercept", "fixedeffects"), Budget()),
        "logistic": Budget(table_tuned=False),
        "lasso": Budget(seeds=2, quick_seeds=1, most_features=_ANY, table_rows=_TABLE_ROWS),
        "elasticnet": Budget(seeds=2, quick_seeds=1),
        **dict.fromkeys(
            ("elinvar-classifier-auto", "elinvar-classifier-invariant"), Budget(seeds=3)
        ),
        **dict.fromkeys(("irmv1", "vrex", "groupdro"), _MEDIUM),
        **dict.fromkeys(("andmask", "andgradient"), Budget(seeds=1, quick_seeds=0)),
        **dict.fromkeys(("fishr", "fish"), _SLOW),
        **dict.fromkeys(("boosting", "logisticboosting", "forest", "anchorboosting"), _TREES),
        **dict.fromkeys(
            (
                "fairnetwork",
                "irmnetwork",
                "coralnetwork",
                "nonlinearicp",
                "erasplitting",
                "directionalerasplitting",
                "groupdroboosting",
            ),
            _CURVED,
        ),
        **dict.fromkeys(
            ("elinvar-forecast", "elinvar-forecast-classifier"),
            replace(_TREES, seeds=3, tuned=False),
        ),
        **dict.fromkeys(("causalicp", "icp"), _SUBSETS),
    }
)


def budget_of(method: str) -> Budget:
    """Return what a method is run on."""
    return BUDGETS.get(method, _USUAL)
