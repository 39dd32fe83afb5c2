"""What each column of a table is for: as a user says it, and as it is found in the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from elinvar._base._check import check_choice
from elinvar.environments._column_names import check_columns, check_no_duplicates
from elinvar.environments._frames import Kind
from elinvar.environments._notation import Notation
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

    def check_kinds(self, kinds: Mapping[str, Kind]) -> None:
        """Refuse columns whose kind does not fit their role, before any value is read.

        Raises
        ------
        DataTypeError
        """
        for name in self.features:
            if kinds[name] == "date":
                raise DataTypeError(
                    f"{name} holds dates or times, which cannot be a feature as they are: drop it "
                    "(--drop), turn it into a number (such as days since a date, the hour or the "
                    "month), or use it as the environment."
                )
            if kinds[name] == "other":
                raise DataTypeError(
                    f"{name} holds neither numbers nor text (lists, records or raw bytes); drop it "
                    "(--drop) or convert it."
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

    def find(self, names: Sequence[str]) -> Columns:
        """Find the columns in a table; what has no other role is a feature.

        Parameters
        ----------
        names : sequence of str
            The table's columns.

        Returns
        -------
        Columns

        Raises
        ------
        DataError
            If a column does not exist, has two roles, or no feature is left.
        """
        check_no_duplicates(names)
        environment, drop = as_tuple(self.environment), as_tuple(self.drop)
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
            chosen = tuple(name for name in names if name not in taken)
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
