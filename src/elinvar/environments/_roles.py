"""What each column of a table is for: as a user says it, and as it is found in the table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from elinvar._base._check import check_choice
from elinvar._base._voice import option
from elinvar._base._words import listed
from elinvar.environments._column_names import (
    as_spelled,
    check_columns,
    check_no_duplicates,
    is_nameless,
)
from elinvar.environments._frames import Kind
from elinvar.environments._notation import Notation
from elinvar.environments._row_numbers import warn_of_index
from elinvar.environments._schema import Schema
from elinvar.errors import DataError, DataTypeError

Names = str | Sequence[str] | None
Missing = Literal["error", "drop", "impute", "keep"]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of one table that are read, each in its role.

    Attributes
    ----------
    features : tuple of str
        What to predict from, in the order of the table or of the user.
    target : str
    environment : tuple of str
        Columns whose values name the environment; none: all rows are in one.
    categorical : frozenset of str
        Features to take as categories though they are numbers.
    sample_weight : str or None
        Column of frequency weights.
    cluster : str or None
        Column that names who or what a row belongs to.
    missing : {"error", "drop", "impute", "keep"}
    classes : bool
        Whether the target names classes, in numbers or text.
    by_name : bool
        Whether the user can say more of a column by its name, such as that it is categorical.
    """

    features: tuple[str, ...]
    target: str
    environment: tuple[str, ...]
    categorical: frozenset[str] = frozenset()
    sample_weight: str | None = None
    cluster: str | None = None
    missing: Missing = "error"
    classes: bool = False
    by_name: bool = True

    @property
    def weights(self) -> tuple[str, ...]:
        """The column of weights, if there is one."""
        return () if self.sample_weight is None else (self.sample_weight,)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are read, each once: a cluster may be an environment column, too."""
        names = (*self.features, self.target, *self.environment, *self.weights)
        return tuple(dict.fromkeys((*names, *as_tuple(self.cluster))))

    @property
    def labels(self) -> set[str]:
        """Columns whose values are names, whatever they look like."""
        named = {*self.environment, *self.categorical, *as_tuple(self.cluster)}
        return named | {self.target} if self.classes else named

    def schema(
        self,
        levels: Mapping[str, tuple[str, ...]],
        fill: Mapping[str, float | str] | None = None,
    ) -> Schema:
        """Return what the features mean, once their levels and what fills them in are known."""
        return Schema(
            features=self.features,
            levels=levels,
            target=self.target,
            environment=self.environment,
            fill=fill or {},
            keeps_missing=self.missing == "keep",
        )

    def way_to_drop(self, names: Sequence[str]) -> str:
        """Return, in brackets, what leaves columns out; "" if the user has no argument for it."""
        return f" ({option('drop', *names)})" if self.by_name else ""

    def check_kinds(self, kinds: Mapping[str, Kind]) -> None:
        """Refuse columns whose kind does not fit their role, before any value is read.

        Raises
        ------
        DataTypeError
        """
        dates = [name for name in self.features if kinds[name] == "date"]
        if dates:
            it = "it" if len(dates) == 1 else "them"
            raise DataTypeError(
                f"{listed(dates)} {'holds' if len(dates) == 1 else 'hold'} dates or times, which "
                f"cannot be a feature as they are: drop {it}{self.way_to_drop(dates)}, turn {it} "
                "into a number (such as days since a date, the hour or the month), or use it as "
                "the environment."
            )
        others = [name for name in self.features if kinds[name] == "other"]
        if others:
            it = "it" if len(others) == 1 else "them"
            raise DataTypeError(
                f"{listed(others)} {'holds' if len(others) == 1 else 'hold'} neither numbers nor "
                "text (but lists, records, raw bytes, complex numbers or sparse text); drop "
                f"{it}{self.way_to_drop(others)} or convert {it}."
            )
        numeric = self.weights if self.classes else (self.target, *self.weights)
        for name in numeric:
            if kinds.get(name) in ("date", "other"):
                raise DataTypeError(f"{name} must hold numbers; it holds {kinds[name]} values.")


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the columns of a table are for, as a user says it.

    Parameters
    ----------
    target : str
        Column to predict.
    environment : str, sequence of str, or None
        One or several columns whose values name the environment; None: all rows are in one.
    features : sequence of str, optional
        Columns to predict from; all the others if not given.
    drop : sequence of str, optional
        Columns to leave out.
    categorical : sequence of str, optional
        Features to take as categories though they are numbers.
    sample_weight : str, optional
        Column of frequency weights.
    cluster : str, optional
        Column that names who or what a row belongs to; rows of one cluster are not independent.
    missing : {"error", "drop", "impute", "keep"}
        Refuse missing values, drop their rows, fill in the mean (in categories, a level of their
        own), or leave them as they are, NaN in all columns of their feature. A row whose target is
        missing is dropped, never filled in.
    decimal : {".", ","}
        What parts whole from broken in numbers that are written as text.
    thousands : str, optional
        What keeps thousands apart in them.
    na : str or sequence of str, optional
        Further texts, or numbers such as "-999", that mean a missing value.
    no_na : bool
        Whether NA, null and the like are labels in CSV files: only empty cells are missing then.
        In columns of numbers they mean a missing value all the same.
    numeric : sequence of str, optional
        Columns of numbers beside a sign or a unit ("12%", "$5", "3 kg"), which is left out.

    Examples
    --------
    >>> from elinvar.environments import Roles
    >>> roles = Roles(target="y", environment="site", drop="id")
    >>> roles.find(["id", "a", "b", "y", "site"]).features
    ('a', 'b')
    """

    target: str
    environment: Names
    features: Names = None
    drop: Names = None
    categorical: Names = None
    sample_weight: str | None = None
    cluster: str | None = None
    missing: Missing = "error"
    decimal: str = "."
    thousands: str | None = None
    na: Names = None
    no_na: bool = False
    numeric: Names = None

    def __post_init__(self) -> None:
        # frames of several levels of names have tuples for names
        object.__setattr__(self, "target", str(self.target))
        check_choice("missing", self.missing, ("error", "drop", "impute", "keep"))
        _ = self.notation

    @property
    def notation(self) -> Notation:
        """How numbers and missing values are written."""
        return Notation.of(
            decimal=self.decimal,
            thousands=self.thousands,
            na=self.na,
            no_na=self.no_na,
            numeric=self.numeric,
        )

    def find(self, names: Sequence[str], index: Collection[str] = ()) -> Columns:
        """Find the columns in a table; what has a name and no other role is a feature.

        Parameters
        ----------
        names : sequence of str
            The table's columns.
        index : collection of str
            Those that were the index of a pandas frame: no features unless they are named.

        Returns
        -------
        Columns

        Raises
        ------
        DataError
            If a column does not exist, has two roles, or no feature is left.
        """
        check_no_duplicates(names)
        self = self._as_spelled(names)
        environment = as_tuple(self.environment)
        # a name that is empty is that of a column which is left out in any case
        drop = tuple(name for name in as_tuple(self.drop) if name in names or name.strip())
        categorical, chosen = as_tuple(self.categorical), as_tuple(self.features)
        if self.environment is not None and not environment:
            raise DataError("No environment column was named; name at least one.")
        check_columns(names, (self.target,), "target column")
        check_columns(names, environment, "environment column")
        check_columns(names, drop, "column to drop")
        check_columns(names, categorical, "categorical column")
        check_columns(names, chosen, "feature")
        check_columns(names, as_tuple(self.numeric), "column")
        check_columns(names, as_tuple(self.sample_weight), "weight column")
        check_columns(names, as_tuple(self.cluster), "cluster column")
        taken = self._taken(environment)
        check_no_duplicates(chosen, "The features chosen")
        for name in (*chosen, *categorical):
            if name in taken:
                raise DataError(
                    f"{name!r} is the {taken[name]} column and cannot be a feature as well; "
                    "leave it out of the features."
                )
        if self.features is None:
            rest = [name for name in names if name not in taken and name not in drop]
            counters = [name for name in rest if name in index or is_nameless(name)]
            warn_of_index(counters)
            chosen = tuple(name for name in rest if name not in counters or name in categorical)
        features = tuple(name for name in chosen if name not in drop)
        stray = [name for name in categorical if name not in features]
        if stray:
            raise DataError(
                f"{stray[0]!r} is listed as categorical, but is not among the features."
            )
        if not features:
            raise DataError(
                "No feature is left: 0 feature(s) while a minimum of 1 is required; name columns "
                "beside target and environment."
            )
        return Columns(
            features=features,
            target=self.target,
            environment=environment,
            categorical=frozenset(categorical),
            sample_weight=self.sample_weight,
            cluster=self.cluster,
            missing=self.missing,
        )

    def _as_spelled(self, names: Sequence[str]) -> "Roles":
        """Return the same roles, columns named as the table spells them."""
        named: dict[str, Any] = {}
        for role in ("target", "environment", "features", "drop", "categorical", "sample_weight"):
            given = getattr(self, role)
            found = [as_spelled(name, names) for name in as_tuple(given)]
            if tuple(found) != as_tuple(given):
                named[role] = found[0] if isinstance(given, str) else found
        if self.cluster is not None:
            named["cluster"] = as_spelled(self.cluster, names)
        return replace(self, **named)

    def _taken(self, environment: tuple[str, ...]) -> dict[str, str]:
        """Say what each column that is no feature is for."""
        taken = {self.target: "target"}
        weights = as_tuple(self.sample_weight)
        for role, given in (("environment", environment), ("weight", weights)):
            for name in given:
                if taken.setdefault(name, role) != role:
                    raise DataError(
                        f"{name!r} is named both as the {taken[name]} and as the {role} column."
                    )
        if self.cluster in (self.target, self.sample_weight) and self.cluster is not None:
            raise DataError(
                f"{self.cluster!r} is the {taken[self.cluster]} column and cannot name clusters."
            )
        return taken | {name: "cluster" for name in as_tuple(self.cluster) if name not in taken}


def as_tuple(names: Names) -> tuple[str, ...]:
    """Return one or several names as a tuple."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(str(name) for name in names)
