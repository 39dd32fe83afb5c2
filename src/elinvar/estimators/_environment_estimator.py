"""What every estimator on environments shares: rows at the door, and columns as numbers."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from types import FrameType
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from elinvar._base._numbers import count, counted
from elinvar._base._plain_frames import with_frame, without_frame
from elinvar._base._voice import option
from elinvar._base._warn import warn
from elinvar._base._words import listed
from elinvar.environments import (
    Environments,
    Missing,
    Moments,
    Schema,
    Unknown,
    check_same_order,
    check_target,
    has_text,
    labels_of_rows,
    warn_of_strangers,
)
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._formula import FromFormula
from elinvar.estimators._shown import Shown

Record = TypeVar("Record")
Floats = NDArray[np.float64]

SORTED_FOLDS = (
    "Folds of sorted rows cut environments apart: shuffle them (cv=KFold(5, shuffle=True)), or "
    "leave whole environments out, of three or more (cv=LeaveOneGroupOut(), with groups among the "
    "params)."
)

_FEWEST_ROWS = 5
_FOLDS = "sklearn.model_selection._validation"
_MOST_NAMED = 20


class EnvironmentEstimator(FromFormula, Shown, BaseEstimator):  # type: ignore[misc]
    """An estimator that is fitted on rows gathered in several environments.

    The environments of the rows are metadata in scikit-learn's sense: with
    ``sklearn.set_config(enable_metadata_routing=True)`` every meta-estimator hands
    ``environments`` on without being asked; ``set_fit_request(environments=False)`` and its
    siblings change that.

    Attributes
    ----------
    schema_ : Schema
        What the columns mean, and how a frame becomes numbers.
    n_features_in_ : int
        Number of input features.
    feature_names_in_ : ndarray of str
        Names of the features, where they have any.
    """

    schema_: Schema
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    environment_intercepts_: Mapping[str, Any] | None

    # the attribute that a fitted model has
    _learned_name: ClassVar[str] = "coef_"
    # what becomes of missing values, and of levels that training did not have
    _missing: ClassVar[Missing] = "error"
    _unknown: ClassVar[Unknown] = "error"

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"environments": True}

    def __getstate__(self) -> dict[str, Any]:
        # what was computed when it was asked for may be frames, which not every pickler takes
        state: dict[str, Any] = super().__getstate__()
        return {name: without_frame(value) for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: with_frame(value) for name, value in state.items()})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = self._missing == "keep"
        return tags

    def _read(
        self,
        X: ArrayLike,
        y: ArrayLike,
        environments: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        cluster: ArrayLike | None = None,
        reset: bool = True,
        min_rows: int = 2,
    ) -> Environments:
        """Validate rows as scikit-learn does, and see them as environments.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features. A frame with text or categorical columns is encoded by a `Schema`.
        y : array-like of shape (n,)
            Target.
        environments : array-like of shape (n,), optional
            Label of each row's environment; None: all rows come from one.
        sample_weight : array-like of shape (n,), optional
            Frequency weights if whole, else sampling weights.
        cluster : array-like of shape (n,), optional
            Who or what each row belongs to.
        reset : bool
            Learn the features from ``X`` (True), or require those learned before.
        min_rows : int
            The fewest rows to accept.

        Returns
        -------
        Environments
            The rows. ``schema_``, ``n_features_in_`` and ``feature_names_in_`` are set.

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        if reset:
            self._forget_formula()
        else:
            X = self._features_of(X)
        with own_errors():
            check_target(y)
            check_same_order(X=X, y=y, environments=environments, sample_weight=sample_weight)
            if has_text(X) or (not reset and self.schema_.levels):
                # numbers and text cannot be one array: names are checked here, values by the schema
                validate_data(self, X, y, reset=reset, skip_check_array=True)
                values = X if reset else self.schema_.encode(X, unknown=self._unknown)
                names, target = None, column_or_1d(y, warn=True)
            else:
                values, target = validate_data(
                    self,
                    X,
                    y,
                    reset=reset,
                    dtype=np.float64,
                    y_numeric=True,
                    ensure_all_finite=False,
                    ensure_min_samples=min_rows,
                )
                names = getattr(self, "feature_names_in_", None)
            rows = Environments.from_arrays(
                values,
                target,
                environments,
                feature_names=None if names is None else [str(name) for name in names],
                sample_weight=sample_weight,
                cluster=cluster,
                target=name_of(y),
                missing=self._missing,
            )
        if rows.n_rows < min_rows:
            raise DataError(
                f"X has {rows.n_rows} sample(s) of positive weight; at least {min_rows} are needed."
            )
        if not reset:
            return replace(rows, schema=self.schema_)
        self.schema_ = rows.schema
        return rows

    def _labels_for(
        self, encoded: Floats, X: ArrayLike, environments: ArrayLike | None
    ) -> list[str] | None:
        """Return the environment of each row to predict; warn of labels that are miswritten."""
        if environments is None:
            return None
        check_same_order(X=X, environments=environments)
        labels = labels_of_rows(environments, len(encoded))
        warn_of_unknown(labels, self.environment_intercepts_)
        return labels

    def _asked(self, kind: Callable[..., Record], **changes: object) -> Record:
        """Return a record, with the parameters that it has in common with this model."""
        wanted, own = signature(kind).parameters, self.get_params(deep=False)
        return kind(**({name: own[name] for name in wanted if name in own} | changes))

    def _take_schema(self, schema: Schema) -> None:
        """Learn the features from a schema, as `_read` does from rows."""
        self._forget_formula()
        self.schema_ = schema
        self.n_features_in_ = len(schema.features)
        if schema.named:
            self.feature_names_in_ = np.asarray(schema.features, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            # left by an earlier fit, to columns with names
            del self.feature_names_in_

    def _encode(self, X: ArrayLike) -> Floats:
        """Return ``X`` as numbers of shape (n, n_columns), its features checked."""
        check_is_fitted(self, self._learned_name)
        X = self._features_of(X)
        with own_errors():
            if self.schema_.levels or has_text(X):
                validate_data(self, X, reset=False, skip_check_array=True)
            else:
                X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=False)
            return self.schema_.encode(X, unknown=self._unknown)


def random_generator(random_state: object, salt: int) -> np.random.Generator:
    """Return the generator of a fit.

    Parameters
    ----------
    random_state : None, int, Generator or RandomState
        As given to the estimator; a Generator is used as it is.
    salt : int
        Tells the calls of a stream of fits apart.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        # drawing moves the state on, so that a second fit differs, as in scikit-learn
        return np.random.default_rng(random_state.randint(2**31, size=4))
    if random_state is None:
        return np.random.default_rng()
    return np.random.default_rng([int(random_state), salt])  # type: ignore[call-overload]


def warn_of_unknown(labels: Iterable[str], own: Mapping[str, Any] | None) -> None:
    """Warn of labels that are nearly those of environments with intercepts of their own."""
    if own is not None:
        fate = "Predictions take the average intercept there."
        warn_of_strangers(labels, tuple(own), "environments", fate)


def warn_if_single(environments: object) -> None:
    """Warn that a fit has nothing to compare: without environments, or in a fold with only one."""
    if environments is None:
        warn(
            "No environments were given: all rows count as one, nothing is compared, and the "
            f"pooled model answers. {_how_to_give_them()} If one environment is meant, give all "
            "rows one label."
        )
    elif in_a_fold() and _one_label(environments):
        warn(
            "A fold of the cross-validation has rows of one environment only: nothing is compared "
            f"there, and the pooled model answers. {SORTED_FOLDS}"
        )


def _one_label(environments: Any) -> bool:
    values = np.asarray(environments, dtype=object)
    return len({str(value) for value in values.ravel()}) == 1


def in_a_fold() -> bool:
    """Whether scikit-learn fits this model to a part of its rows."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == _FOLDS:
            return True
        frame = frame.f_back
    return False


def _how_to_give_them() -> str:
    if not in_a_fold():
        return (
            "Pass environments= to fit. cross_validate(groups=...) does not: give it "
            "params={'environments': labels} too."
        )
    return (
        "scikit-learn's tools hand them on after sklearn.set_config(enable_metadata_routing=True): "
        "cross_validate and cross_val_predict with params={'environments': labels}, "
        "StackingRegressor with fit(X, y, environments=labels) and a final estimator that takes "
        "them too, such as InvariantRegressor(predictor='pooled')."
    )


def name_of(y: object) -> str:
    """Return the name of a series, or "target"."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "target"


@contextmanager
def own_errors() -> Iterator[None]:
    """Let what scikit-learn refuses be one of our own errors, its message kept."""
    try:
        yield
    except DataError:
        raise
    except TypeError as error:
        raise DataTypeError(str(error)) from error
    except ValueError as error:
        hint = (
            "; give text columns in a pandas or polars frame." if "to float" in str(error) else ""
        )
        raise DataError(f"{error}{hint}") from error


def check_moments(moments: object) -> Moments:
    """Refuse what are no moments.

    Raises
    ------
    DataTypeError
    """
    if not isinstance(moments, Moments):
        raise DataTypeError(
            f"fit_moments needs elinvar.Moments; got {type(moments).__name__}. Make them with "
            "Moments.from_arrays, from_frame or from_files, or call fit with rows."
        )
    return moments


def check_enough_rows(names: Sequence[str], rows: Iterable[float]) -> None:
    """Refuse environments that are too small to say anything, all of them at once.

    Raises
    ------
    DataError
    """
    few = {n: k for n, k in zip(names, rows, strict=True) if k < _FEWEST_ROWS}
    if len(few) == 1:
        ((name, k),) = few.items()
        raise DataError(
            f"Environment {name!r} has {counted(k, 'row')}; at least {_FEWEST_ROWS} are needed. "
            f"{few_rows_advice('it', [name])}"
        )
    if few:
        raise DataError(
            f"{len(few)} of {len(names)} environments have fewer than {_FEWEST_ROWS} rows: "
            f"{listed([f'{n!r} ({count(k)})' for n, k in few.items()])}. "
            f"{few_rows_advice('them', list(few))}"
        )


def few_rows_advice(which: str, names: Sequence[str]) -> str:
    """Say what to do about environments with too few rows, in a fold about its rows."""
    similar = "a similar one" if which == "it" else "similar ones"
    if in_a_fold():
        told = f"This is a fold of a cross-validation. {SORTED_FOLDS}"
        return f"{told} Or merge {which} with {similar} beforehand."
    return f"Merge {which} with {similar}, or {leave_out(names)}."


def leave_out(names: Sequence[str]) -> str:
    """Say how environments are left out, all of them at once."""
    shown = names if len(names) <= _MOST_NAMED else ()
    return f"leave {'it' if len(names) == 1 else 'them'} out with " + option(
        "exclude_environments", *shown
    )
