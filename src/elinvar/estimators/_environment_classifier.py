"""What classifiers on environments share: classes at the door."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from elinvar._base._words import listed
from elinvar.environments import Environments, check_same_order, check_target, warn_of_twins
from elinvar.errors import DataError, DataTypeError
from elinvar.estimators._environment_estimator import (
    SORTED_FOLDS,
    EnvironmentEstimator,
    check_enough_rows,
    in_a_fold,
    leave_out,
    name_of,
    own_errors,
)


class EnvironmentClassifier(ClassifierMixin, EnvironmentEstimator):  # type: ignore[misc]
    """A classifier that is fitted on rows gathered in several environments.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    """

    classes_: NDArray[Any]

    def _rows_of(
        self,
        X: ArrayLike,
        y: ArrayLike,
        environments: Any,
        sample_weight: Any,
        cluster: Any = None,
    ) -> Environments:
        """Validate rows, the target becoming the number of its class."""
        with own_errors():
            check_target(y, numbers=False)
            check_same_order(X=X, y=y)
            values = column_or_1d(y, warn=True)
            check_one_kind(values)
            check_classification_targets(values)
            classes, codes = np.unique(values, return_inverse=True)
        rows = self._read(X, codes.astype(np.float64), environments, sample_weight, cluster=cluster)
        present, codes = np.unique(rows.y, return_inverse=True)
        self.classes_ = classes[present.astype(np.intp)]
        if len(self.classes_) < 2:
            raise DataError(
                f"The target has one class only ({str(self.classes_[0])!r}); at least two classes "
                "are needed."
            )
        self.schema_ = replace(rows.schema, target=name_of(y))
        warn_of_twins(map(str, self.classes_), self.schema_.target)
        return replace(rows, schema=self.schema_, y=codes.astype(np.float64))

    def _take_classes(self, rows: Environments) -> None:
        """Take the schema and the classes of rows that were read with them."""
        if len(rows.classes) < 2:
            found = f"one class only ({rows.classes[0]!r})" if rows.classes else "no classes"
            raise DataError(f"The target has {found}; at least two classes are needed.")
        self._take_schema(rows.schema)
        self.classes_ = np.array(rows.classes)


def check_one_kind(values: NDArray[Any]) -> None:
    """Refuse labels of classes that cannot be put in order, such as numbers among text."""
    if values.dtype == object and len({isinstance(label, str) for label in values}) > 1:
        raise DataTypeError(
            "The target names its classes in text and in numbers; write all of them in one way."
        )


def check_number_of_classes(rows: Environments, classes: NDArray[Any], instead: str) -> None:
    """Refuse classes that are numbers: nearly every row has one of its own.

    Raises
    ------
    DataError
    """
    if len(classes) > max(len(rows.y) // 2, 2):
        raise DataError(
            f"The target has {len(classes):,} classes in {len(rows.y):,} rows, too few of each to "
            f"learn from. If it is a number, take {instead} without --classify)."
        )


def check_classes(rows: Environments, classes: NDArray[Any]) -> None:
    """Refuse environments that can say nothing of classes, and classes that are numbers.

    Parameters
    ----------
    rows : Environments
        Rows whose target is the number of a class.
    classes : ndarray of shape (n_classes,)
        The classes, for the sentence.

    Raises
    ------
    DataError
        If nearly every row has a class of its own, or an environment has too few rows or one class
        only.
    """
    check_number_of_classes(rows, classes, "InvariantRegressor (elinvar fit")
    if len(rows.names) < 2:
        return
    check_enough_rows(rows.names, np.bincount(rows.codes, minlength=len(rows.names)))
    lone = {}
    for e, name in enumerate(rows.names):
        here = np.unique(rows.y[rows.codes == e])
        if len(here) < 2:
            lone[name] = str(classes[int(here[0])])
    if len(lone) == 1:
        ((name, only),) = lone.items()
        raise DataError(
            f"Environment {name!r} holds one class only ({only!r}) and says nothing about effects; "
            f"{_instead([name])}."
        )
    if lone:
        raise DataError(
            f"{len(lone)} of {len(rows.names)} environments hold one class only and say nothing "
            f"about effects: {listed([f'{name!r} ({only!r})' for name, only in lone.items()])}; "
            f"{_instead(list(lone))}."
        )


def _instead(names: list[str]) -> str:
    return SORTED_FOLDS[0].lower() + SORTED_FOLDS[1:-1] if in_a_fold() else leave_out(names)
