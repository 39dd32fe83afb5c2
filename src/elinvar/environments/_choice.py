"""Which columns of a table are features, target, environment and weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from elinvar.environments._frames import Kind, names_of
from elinvar.environments._names import nearest, refuse_duplicates
from elinvar.errors import DataError, DataTypeError

Names = str | Sequence[str] | None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The role of each column that is used."""

    features: tuple[str, ...]
    target: str
    environment: tuple[str, ...]
    categorical: frozenset[str]
    weight: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        weight = () if self.weight is None else (self.weight,)
        return (*self.features, self.target, *self.environment, *weight)


def choose(
    names: Sequence[str],
    *,
    target: str,
    environment: Names,
    features: Names = None,
    drop: Names = None,
    categorical: Names = None,
    sample_weight: str | None = None,
) -> Choice:
    """Give each column its role; what is not named otherwise is a feature.

    Raises
    ------
    DataError
        If a column does not exist, has two roles, or no feature is left.
    """
    refuse_duplicates(names)
    environments = names_of(environment)
    if environment is not None and not environments:
        raise DataError("No environment column was named; name at least one.")
    dropped, listed, chosen = names_of(drop), names_of(categorical), names_of(features)
    require_columns(names, (target,), "target column")
    require_columns(names, environments, "environment column")
    require_columns(names, dropped, "column to drop")
    require_columns(names, listed, "categorical column")
    require_columns(names, chosen, "feature")
    if sample_weight is not None:
        require_columns(names, (sample_weight,), "weight column")
    roles = _roles(target, environments, sample_weight)
    refuse_duplicates(chosen, "The features chosen")
    for name in (*chosen, *listed):
        if name in roles:
            raise DataError(
                f"{name!r} is the {roles[name]} column and cannot be a feature as well; "
                "leave it out of the features."
            )
    if features is not None:
        wanted = [name for name in chosen if name not in dropped]
    else:
        wanted = [name for name in names if name not in roles and name not in dropped]
    stray = [name for name in listed if name not in wanted]
    if stray:
        raise DataError(f"{stray[0]!r} is listed as categorical, but is not among the features.")
    if not wanted:
        raise DataError(
            "No feature is left: 0 feature(s) while a minimum of 1 is required; name columns "
            "beside target and environment."
        )
    return Choice(
        features=tuple(wanted),
        target=target,
        environment=environments,
        categorical=frozenset(listed),
        weight=sample_weight,
    )


def _roles(target: str, environments: tuple[str, ...], sample_weight: str | None) -> dict[str, str]:
    """Say what each column that is no feature is for."""
    roles = {**dict.fromkeys(environments, "environment"), target: "target"}
    if target in environments:
        raise DataError(f"{target!r} is named both as the target and as an environment column.")
    if sample_weight is not None:
        if sample_weight in roles:
            raise DataError(
                f"{sample_weight!r} is named both as the weight and as {roles[sample_weight]}."
            )
        roles[sample_weight] = "weight"
    return roles


def require_columns(names: Sequence[str], wanted: Sequence[str], role: str = "column") -> None:
    """Refuse columns that do not exist, naming the nearest that do."""
    for name in wanted:
        if name not in names:
            raise DataError(f"There is no {role} {name!r}{nearest(name, names)}.")


def refuse_kinds(choice: Choice, kinds: Mapping[str, Kind]) -> None:
    """Refuse columns whose kind does not fit their role, before any value is read.

    Raises
    ------
    DataTypeError
    """
    for name in choice.features:
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
    numeric = [choice.target, *([] if choice.weight is None else [choice.weight])]
    for name in numeric:
        if kinds.get(name) in ("date", "other"):
            raise DataTypeError(f"{name} must hold numbers; it holds {kinds[name]} values.")
