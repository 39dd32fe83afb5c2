"""Formulas in the manner of R: which columns of a frame a model sees, and what becomes of them."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from elinvar._base import import_extra
from elinvar._base._numbers import counted
from elinvar._base._warn import warn
from elinvar._base._words import check_names
from elinvar.environments import Missing, Schema, labels_of_rows
from elinvar.errors import DataError, DataTypeError

if TYPE_CHECKING:
    import pandas as pd

_CATEGORY = re.compile(r"C\((.+)\)")


@dataclass(frozen=True, kw_only=True)
class FormulaColumns:
    """What a formula makes of a frame.

    Attributes
    ----------
    text : str
        The formula.
    columns : tuple of str
        Columns of the frame that are features as they are, numbers or categories.
    categories : tuple of str
        Those whose numbers are names of levels, as in ``C(year)``.
    made : tuple of str
        Features that are made of others, such as ``np.log(income)`` or ``x:z``.
    spec : formulaic.ModelSpec, optional
        How they are made, with what was learnt from the training rows; None where none is made. To
        evaluate it is to run the code in the formula.
    """

    text: str
    columns: tuple[str, ...]
    categories: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    spec: Any = field(default=None, repr=False)

    def of(self, data: object) -> "pd.DataFrame":
        """Return the features of the rows of a frame.

        Raises
        ------
        DataError
            If it is no frame, lacks a column, or has levels that a made feature does not know.
        """
        import pandas as pd

        frame = as_pandas(data)
        needed = {*self.columns, *self._variables()}
        check_names(sorted(needed), [str(name) for name in frame], "column")
        parts = {name: self._column(name, frame[name]) for name in self.columns}
        if self.spec is not None:
            rows = frame[sorted(needed)]
            matrix = evaluated(lambda: self.spec.get_model_matrix(rows, na_action="ignore"))
            parts |= {name: matrix[name] for name in self.made}
        return pd.DataFrame(parts, index=frame.index)

    def _variables(self) -> list[str]:
        return [] if self.spec is None else [str(name) for name in self.spec.required_variables]

    def _column(self, name: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
        from pandas.api.types import is_numeric_dtype

        as_levels = name in self.categories and is_numeric_dtype(values)
        return _levels(values) if as_levels else values


class FromFormula:
    """An estimator that a formula can be fitted by."""

    _missing: ClassVar[Missing]
    _formula: FormulaColumns | None
    formula_: str

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: Any,
        *,
        environment: str | Sequence[str],
        sample_weight: str | None = None,
        cluster: str | None = None,
        **parameters: Any,
    ) -> Self:
        """Fit a model to the columns that a formula names.

        A name alone is a column as it is, ``.`` all columns that have no other role, ``C(name)``
        one whose values are levels; a category stays one feature with all its levels. Products
        (``x:z``, ``x*z``) and transforms (``np.log(x)``, ``poly(x, 2)``, ``bs(x, df=4)``) are a
        feature for each of their columns. ``predict`` takes frames with the same columns, and
        makes of them what it made of the training rows.

        Formulas are code: formulaic evaluates them, the optional package ``elinvar[formula]``.

        Parameters
        ----------
        formula : str
            Such as ``"y ~ x + C(z)"``. There is always an intercept; the parameter ``intercept``
            says of which kind.
        data : frame
            Of pandas, polars or Arrow. Rows without a target or an environment are left out with a
            warning; those that lack a feature, too, where the model cannot take them.
        environment : str or list of str
            Column that names the environment, or several that do so together.
        sample_weight, cluster : str, optional
            Columns of weights and of clusters, for ``fit``.
        **parameters
            Parameters of the estimator, such as ``intercept="environment"``.

        Returns
        -------
        Self
            Fitted; ``formula_`` is the formula.

        Raises
        ------
        DataError
            If the formula cannot be read or evaluated, has no target or no intercept, or a column
            is missing.
        MissingExtraError
            If formulaic is not installed.
        """
        frame = as_pandas(data)
        places = [environment] if isinstance(environment, str) else list(environment)
        others = {"sample_weight": sample_weight, "cluster": cluster}
        given = {key: name for key, name in others.items() if name is not None}
        # what "." stands for
        rest = [str(name) for name in frame if name not in {*places, *given.values()}]
        parsed = _parsed(formula, rest)
        used = sorted({str(name) for name in parsed.required_variables})
        needed = list(dict.fromkeys([*places, *given.values(), *used]))
        check_names(needed, [str(name) for name in frame], "column")
        target = {str(name) for name in parsed.lhs.required_variables}
        kept = [*places, *target] if cls._missing == "keep" else needed
        frame = _complete(frame[needed], kept)
        y = _target(parsed, frame)
        columns = _columns(formula, parsed, frame)
        model: Any = cls(**parameters)
        model.fit(
            columns.of(frame),
            y,
            environments=frame[places[0]] if len(places) == 1 else _joined(frame[places]),
            **{key: frame[name] for key, name in given.items()},
        )
        model._formula, model.formula_ = columns, formula
        fitted: Self = model
        return fitted

    def _take_formula(self, text: str, schema: Schema) -> None:
        """Take up a formula that names columns and makes none, as a model file holds it."""
        self.formula_ = text
        self._formula = FormulaColumns(
            text=text, columns=schema.features, categories=tuple(schema.levels)
        )

    def _features_of(self, X: Any) -> Any:
        """Return the features of rows: what the formula makes of a frame, if there is one."""
        formula = getattr(self, "_formula", None)
        return X if formula is None else formula.of(X)

    def _forget_formula(self) -> None:
        """Take the columns as they come, as every other fit does."""
        for name in ("_formula", "formula_"):
            self.__dict__.pop(name, None)


def as_pandas(data: Any) -> "pd.DataFrame":
    """Return a frame of pandas, of what is one or can become one.

    Raises
    ------
    DataTypeError
        If it is no frame.
    """
    import pandas as pd

    frame = data if isinstance(data, pd.DataFrame) else getattr(data, "to_pandas", lambda: None)()
    if not isinstance(frame, pd.DataFrame):
        raise DataTypeError(
            "A formula names the columns of a frame of pandas, polars or Arrow; got "
            f"{type(data).__name__}."
        )
    return frame


def evaluated(make: Any) -> Any:
    """Return what formulaic makes, its errors as ours.

    Raises
    ------
    DataError
    """
    of = import_extra("formulaic.errors", "formula")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", of.DataMismatchWarning)
            return make()
    except of.DataMismatchWarning as error:
        raise DataError(
            f"The formula makes features of levels, and training did not have these: {error}"
        ) from error
    except (of.FormulaicError, ValueError, TypeError, AttributeError) as error:
        # colours that mark the place in a terminal
        said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
        raise DataError(f"The formula cannot be used: {said}") from error


def _parsed(formula: str, rest: list[str]) -> Any:
    read = import_extra("formulaic", "formula").Formula
    parsed = evaluated(lambda: read(formula, _context={"__formulaic_variables_available__": rest}))
    sides = hasattr(parsed, "lhs") and hasattr(parsed.rhs, "required_variables")
    if not sides or len(list(parsed.lhs)) != 1:
        raise DataError(
            f"The formula must name one target and features, as in 'y ~ x + C(z)'; got {formula!r}."
        )
    if "1" not in [str(term) for term in parsed.rhs]:
        raise DataError(
            f"The formula {formula!r} takes the intercept away, but there always is one: leave out "
            "'- 1' or '0 +'. intercept='environment' gives each environment its own."
        )
    return parsed


def _complete(frame: "pd.DataFrame", names: Sequence[str]) -> "pd.DataFrame":
    whole = frame[list(names)].notna().all(axis=1)
    lost = int((~whole).sum())
    if lost:
        warn(f"{counted(lost, 'row')} of {len(frame):,} left out: a value is missing.")
    return frame[whole].reset_index(drop=True)


def _target(parsed: Any, frame: "pd.DataFrame") -> "pd.Series[Any]":
    (term,) = parsed.lhs
    name = str(term)
    if name in frame:
        return frame[name]
    made = evaluated(lambda: parsed.lhs.get_model_matrix(frame, na_action="ignore"))
    if made.shape[1] != 1:
        raise DataError(f"The target {name!r} of the formula is {made.shape[1]} columns; name one.")
    target: pd.Series[Any] = made.iloc[:, 0].rename(name)
    return target


def _columns(text: str, parsed: Any, frame: "pd.DataFrame") -> FormulaColumns:
    from pandas.api.types import is_numeric_dtype

    columns: dict[str, bool] = {}
    left: list[Any] = []
    for term in parsed.rhs:
        name = str(term)
        inner = _CATEGORY.fullmatch(name)
        if name in frame:
            columns.setdefault(name, False)
        elif inner and inner[1] in frame:
            columns[inner[1]] = is_numeric_dtype(frame[inner[1]])
        elif name != "1":
            left.append(term)
    if not columns and not left:
        raise DataError(f"The formula {text!r} names no feature.")
    spec, made = None, []
    if left:
        # the whole right-hand side: what columns a product has depends on what stands beside it
        spec = evaluated(lambda: parsed.rhs.get_model_matrix(frame, na_action="ignore")).model_spec
        names = spec.column_names
        made = [names[k] for term in left for k in spec.term_indices[term]]
    return FormulaColumns(
        text=text,
        columns=tuple(columns),
        categories=tuple(name for name, as_levels in columns.items() if as_levels),
        made=tuple(made),
        spec=spec,
    )


def _levels(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers as levels in their order; what is missing stays missing."""
    import pandas as pd

    known = values.notna().to_numpy()
    numbers = np.unique(values[known].to_numpy())
    named = np.full(len(values), None, dtype=object)
    named[known] = labels_of_rows(values[known].to_numpy(), int(known.sum()))
    order = labels_of_rows(numbers, len(numbers))
    return pd.Series(pd.Categorical(named, categories=order), index=values.index)


def _joined(places: "pd.DataFrame") -> list[tuple[Any, ...]]:
    return list(places.itertuples(index=False, name=None))
