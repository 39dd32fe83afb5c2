"""Model files: JSON that a person can read, and that runs nothing when it is loaded."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from elinvar._base import atomic_write, check_writable
from elinvar._base._check import check_unicode
from elinvar._base._reader import Reader
from elinvar._base._words import some
from elinvar.answer.codec import by_column, read_columns
from elinvar.answer.json_text import parse, plain, write
from elinvar.environments import Schema
from elinvar.errors import DataError, FileError, ModelFileError
from elinvar.estimators._adapted_model import AdaptedModel
from elinvar.estimators._environment_estimator import EnvironmentEstimator
from elinvar.estimators._facts import DataFacts
from elinvar.estimators._formula import FormulaColumns

# where the classes of model files live, imported when one is met
_HOME = {
    "InvariantRegressor": "elinvar.estimators",
    "InvariantClassifier": "elinvar.estimators",
    "HeteroSGDRegressor": "elinvar.estimators",
    "TransferRegressor": "elinvar.estimators",
    "TransferClassifier": "elinvar.estimators",
    "QuadraticInvariantRegressor": "elinvar.sensing.quadratic",
}

_ADAPTED = "AdaptedModel"

KIND = "elinvar-model/"
FORMAT = 1


class SavedModel(Protocol):
    """An estimator that says what a model file needs of it, and takes it up again."""

    schema_: Schema
    _learned_name: ClassVar[str]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters."""

    def _data_facts(self) -> DataFacts:
        """Return what a file says of the training data."""

    def _file_entries(self) -> dict[str, object]:
        """Return what it says of the model itself."""

    def _take_file_entries(self, file: Reader) -> None:
        """Learn from a file instead of data."""


def save_model(model: SavedModel | AdaptedModel, path: str | os.PathLike[str]) -> Path:
    """Write a fitted model as a JSON file.

    The file holds what `predict`, `summary`, the tables and the pictures need, and neither rows nor
    moments. NaN is written as null, infinity as "inf", and numbers come back exactly.

    Parameters
    ----------
    model : any estimator of elinvar on environments, or one adapted to a place
        Fitted.
    path : str or path
        Where to; its folder must exist. The file appears whole or not at all.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    DataError
        If the model is of another kind or not fitted, or a name in it is no Unicode.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> from elinvar import InvariantRegressor, load_model, save_model
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> model = InvariantRegressor().fit(X, X[:, 0], environments=np.arange(60) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_model(save_model(model, Path(folder) / "model.json"))
    >>> bool(np.all(again.predict(X) == model.predict(X)))
    True
    """
    _check_known(model.model if isinstance(model, AdaptedModel) else model)
    path = check_writable(path)
    text = write(describe_model(model))
    check_unicode(text)
    with atomic_write(path) as file:
        file.write(text + "\n")
    return path


def _check_known(model: Any) -> None:
    name = type(model).__name__
    # a subclass may have learned what no file says
    if name not in _HOME or type(model) is not _class_of(name):
        raise DataError(f"A model file holds one of {', '.join(_HOME)}; got {name}.")
    if not hasattr(model, model._learned_name):
        raise DataError(f"This {name} is not fitted yet: call fit first.")
    formula: FormulaColumns | None = getattr(model, "_formula", None)
    if formula is not None and formula.made:
        raise DataError(
            f"The formula of this model makes {some(formula.made)}, and to make them again a model "
            "file would have to hold code, which it never does. Add them to the frame as columns "
            "and name those in the formula, or keep the model with pickle or joblib."
        )


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model file; nothing in it is ever run.

    Parameters
    ----------
    path : str or path
        A file that `save_model` has written.

    Returns
    -------
    estimator
        The one that was saved, ready to predict and to print; fit it again to learn from more data.

    Raises
    ------
    FileError
        If there is no such file, or it cannot be read.
    ModelFileError
        If it is no model file, is damaged, or was made by a newer elinvar.
    """
    values = _open(Path(path))
    try:
        return _build(Reader(values))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error


def _open(path: Path) -> Any:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"There is no model file {path}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"Cannot read the model file {path}: {reason}.") from error
    if not content.strip():
        raise ModelFileError(f"{path} is empty: save the model again.")
    try:
        values = parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{path} is not a model file: it is not text.") from error
    except ValueError as error:
        raise ModelFileError(
            f"{path} is not a model file, or only part of one: {error}."
        ) from error
    kind = values.get("schema") if isinstance(values, dict) else None
    if not isinstance(kind, str) or not kind.startswith(KIND):
        raise ModelFileError(
            f"{path} is JSON, but not a model file: its entry 'schema' is not '{KIND}{FORMAT}'."
        )
    _check_format(path, kind, values)
    return values


def _check_format(path: Path, kind: str, values: dict[str, Any]) -> None:
    number = kind.removeprefix(KIND)
    if number == str(FORMAT):
        return
    if number.isascii() and number.isdigit() and len(number) < 10 and int(number) > FORMAT:
        by = values.get("elinvar")
        version = f" ({by})" if isinstance(by, str) and len(by) < 30 else ""
        raise ModelFileError(
            f"{path} was made by a newer elinvar{version}: upgrade elinvar to read its format "
            f"{number}; this one reads format {FORMAT}."
        )
    raise ModelFileError(f"{path} has the format {kind[:40]!r}, which is not known.")


def describe_model(model: SavedModel | AdaptedModel) -> dict[str, Any]:
    """Return what a model file says, as what JSON can hold.

    Parameters
    ----------
    model : any estimator of elinvar on environments
        Fitted.

    Returns
    -------
    dict
        Texts, numbers, None, lists and dicts.
    """
    from elinvar._base._version import __version__

    kind = {"schema": f"{KIND}{FORMAT}", "elinvar": __version__}
    if isinstance(model, AdaptedModel):
        base: Any = model.model
        own = model._file_entries() | {"model": describe_model(base)}
        return dict(plain(kind | {"class": _ADAPTED} | own))
    schema, facts = model.schema_, model._data_facts()
    head = kind | {
        "class": type(model).__name__,
        "params": _parameters(model),
        "target": schema.target,
        "environment": schema.environment,
        "features": schema.features,
        "levels": schema.levels,
        "fill": schema.fill,
        "named": schema.named,
        "keeps_missing": schema.keeps_missing,
        "environments": [{"name": name, "rows": rows} for name, rows in facts.rows.items()],
        "n_dropped": facts.n_dropped,
        "scales": by_column(schema, facts.scales),
    }
    # a formula that only names columns, which is no code
    named = {"formula": model.formula_} if hasattr(model, "formula_") else {}
    result: dict[str, Any] = plain(head | named | model._file_entries())
    return result


def _parameters(model: SavedModel) -> dict[str, Any]:
    """Return the parameters; a random generator, whose state is not kept, becomes null."""
    values = {}
    for name, value in model.get_params(deep=False).items():
        try:
            values[name] = plain(value)
        except TypeError:
            values[name] = None
    return values


def _build(file: Reader) -> Any:
    if file.take("class") == _ADAPTED:
        return AdaptedModel.from_file(_build_estimator(file.inner("model")), file)
    return _build_estimator(file)


def _build_estimator(file: Reader) -> Any:
    kind = _class_of(file.choice("class", tuple(_HOME)))
    model: Any = kind(**_checked_parameters(kind, file))
    schema = _schema(file)
    model.schema_ = schema
    model.n_features_in_ = len(schema.features)
    if schema.named:
        model.feature_names_in_ = np.asarray(schema.features, dtype=object)
    if "formula" in file.values:
        model._take_formula(file.text("formula"), schema)
    rows = {row.text("name"): row.number("rows") for row in file.records("environments")}
    # environments of one name would have become one
    if not rows or len(rows) < len(file.take("environments")):
        file.refuse("environments", "a list of different environments")
    model.environments_ = tuple(rows)
    model.data_facts_ = DataFacts(
        rows=rows,
        scales=read_columns(file, "scales", schema),
        n_dropped=file.whole("n_dropped"),
    )
    model._take_file_entries(file)
    return model


def _checked_parameters(kind: type[EnvironmentEstimator], file: Reader) -> dict[str, Any]:
    given = file.inner("params").values
    known = kind().get_params(deep=False)
    strange = sorted(set(given) - set(known))
    if strange:
        file.refuse("params", f"those of {kind.__name__}, which has no {strange[0]!r}")
    try:
        kind(**given)._validate_params()
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelFileError(f"The model file is damaged: params: {reason}") from error
    return dict(given)


def _schema(file: Reader) -> Schema:
    try:
        return Schema.from_dict(file.values)
    except DataError as error:
        raise ModelFileError(f"The model file is damaged: {error}") from error


def _class_of(name: str) -> type[EnvironmentEstimator]:
    found: type[EnvironmentEstimator] = getattr(import_module(_HOME[name]), name)
    return found
