"""A fitted model that a few labelled rows have moved to one place."""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import column_or_1d

from elinvar._base._display import card, wrapped
from elinvar._base._numbers import counted
from elinvar._base._reader import Reader
from elinvar._base._words import did_you_mean, listed
from elinvar.answer import Answer, TransferAnswer
from elinvar.answer.few_rows import known, rows_sentence
from elinvar.environments import (
    Schema,
    Unknown,
    check_same_order,
    check_target,
    labels_of_rows,
)
from elinvar.errors import DataError
from elinvar.estimators._environment_estimator import Floats, own_errors
from elinvar.estimators._place_evidence import differences_shown, differences_table
from elinvar.forecast.adaptation import Adaptation, Sums, read_sums
from elinvar.plots.types import Axes

if TYPE_CHECKING:
    import pandas as pd

NEW_PLACE = "the new place"


class Base(Protocol):
    """A fitted model that knows what differs between places."""

    schema_: Schema
    _unknown: ClassVar[Unknown]

    def _answer(self) -> Answer | TransferAnswer:
        """Return its answer."""

    def _encode(self, X: ArrayLike) -> Floats:
        """Return rows as numbers (n, n_columns)."""

    def _forecasts(self, encoded: Floats) -> tuple[Floats, Floats, Floats]:
        """Return columns, forecast (n, k) and that of each learner (n, M, k) of rows."""

    def _linear_coef(self) -> Floats | None:
        """Return coefficients of the columns, where the forecast is linear in them."""


class Adaptable:
    """A model that labelled rows can move to a place."""

    def adapt(
        self: Base,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        place: str = NEW_PLACE,
    ) -> "AdaptedModel":
        """Return a model for one place, from a few labelled rows of it.

        What differed between the training environments is the prior; what did not, such as
        invariant effects, is left alone. ``answer_.adaptation_`` says beforehand what rows buy.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features), optional
            Rows of the place. None: start from no rows, for `AdaptedModel.partial_adapt`.
        y : array-like of shape (n,), optional
            Their target.
        place : str
            Name of the place, for sentences and files.

        Returns
        -------
        AdaptedModel
            Predicts rows of that place; its own ``adapt`` adds rows.

        Raises
        ------
        DataError
            If the rows cannot be used, or two environments of 20 rows were not there to learn from.
        """
        fresh = AdaptedModel(self, place)
        if X is None and y is None:
            return fresh
        if X is None or y is None:
            raise DataError("adapt takes rows and their target, or neither; got one of them.")
        return fresh.adapt(X, y)

    def plot_adaptation(self: Base) -> Axes:
        """Draw the error to expect in a new place against the rows labelled there.

        Returns
        -------
        Axes

        Raises
        ------
        DataError
            If nothing is known of what differs between places.
        """
        from elinvar.answer.figures import draw_adaptation

        return draw_adaptation(self._answer())


class AdaptedModel:
    r"""A model for one place: the forecast, moved by what its labelled rows show to differ there.

    .. math:: \hat y = f(x) + a(x)^\top \operatorname{E}[b \mid \text{labelled rows}],
        \qquad b \sim N(0, T)

    with a the level, the forecast, its learners and the features, and T what differed between the
    training environments (``elinvar.forecast.adaptation.Adaptation``); log odds take the
    place of y for classes. Made by ``adapt`` of a fitted model.

    Parameters
    ----------
    model : InvariantRegressor, TransferRegressor or TransferClassifier
        Fitted; it is not changed.
    place : str
        Name of the place, for sentences and files.
    sums : Sums, optional
        What labelled rows say; none if not given.

    Attributes
    ----------
    model, place
        As given.
    n_rows_ : int
        Labelled rows so far.
    evidence_ : DataFrame
        What differs in this place.
    """

    def __init__(self, model: Base, place: str = NEW_PLACE, *, sums: Sums | None = None) -> None:
        self.model, self.place = model, place
        self._adaptation: Adaptation = known(model._answer().adaptation)
        self._sums = self._adaptation.no_rows() if sums is None else sums

    @property
    def n_rows_(self) -> int:
        """Labelled rows so far."""
        return round(self._sums.count)

    @property
    def answer_(self) -> Answer | TransferAnswer:
        """What was found before the model was adapted."""
        return self.model._answer()

    @property
    def schema_(self) -> Schema:
        """What the columns mean."""
        return self.model.schema_

    @property
    def _unknown(self) -> Unknown:
        return self.model._unknown

    @property
    def environment_intercepts_(self) -> None:
        """There are none: all rows are of one place."""

    @property
    def classes_(self) -> NDArray[Any]:
        """Classes, where the target names some."""
        labels: NDArray[Any] = self.model.classes_  # type: ignore[attr-defined]
        return labels

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the target of rows of the place.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Rows with the features seen in training.

        Returns
        -------
        ndarray of shape (n,)
            Numbers, or the likeliest classes.
        """
        predicted = self._predict_encoded(self.model._encode(X), None)
        if predicted.ndim == 1:
            return predicted
        labels: NDArray[Any] = self.classes_[predicted.argmax(axis=1)]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_classes)

        Raises
        ------
        DataError
            If the target is a number.
        """
        if not self._adaptation.n_classes:
            raise DataError("The target is a number and has no probabilities; call predict.")
        return self._predict_encoded(self.model._encode(X), None)

    def adapt(self, X: ArrayLike, y: ArrayLike) -> "AdaptedModel":
        """Return the model after more labelled rows of the same place.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        y : array-like of shape (n,)
            Their target.

        Returns
        -------
        AdaptedModel
            A new one, which knows all rows so far; of numbers the same as from all at once.

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        return self.adapt_encoded(*self._read(X, y))

    def adapt_encoded(self, encoded: Floats, y: NDArray[Any]) -> "AdaptedModel":
        """Return the model after more labelled rows, their features encoded by ``schema_``.

        Parameters
        ----------
        encoded : (n, n_columns) array
        y : array of shape (n,)
            Their target.

        Returns
        -------
        AdaptedModel

        Raises
        ------
        DataError
            If a class is not known.
        """
        return self._with(self._learnt(self._sums, encoded, self._target(y)))

    def partial_adapt(self, X: ArrayLike, y: ArrayLike) -> Floats:
        """Predict rows in the order in which they come, and learn from each afterwards.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
        y : array-like of shape (n,)
            Their target, each known after the row was predicted.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            Prediction of each row, from the rows before it; of classes probabilities.

        Raises
        ------
        DataError
            If the rows cannot be used.
        """
        encoded, values = self._read(X, y)
        target, found = self._target(values), []
        for i in range(len(target)):
            row = slice(i, i + 1)
            found.append(self._predict_encoded(encoded[row], None))
            self._sums = self._learnt(self._sums, encoded[row], target[row])
        return np.concatenate(found)

    @property
    def evidence_(self) -> "pd.DataFrame":
        """What differs in this place from what was expected.

        Columns: ``term`` ("level", at average features; a feature, or of a category a level
        against the first; and, where the model is not linear, the "forecast" as a whole and its
        learners); ``outcome`` (the class, of three or more); ``shift`` (of the level; of the
        effect per unit), in units of the target or of log odds, with ``low`` and ``high`` (95%);
        ``training_spread`` (standard deviation of the same between training environments);
        ``differs``: whether the interval leaves out 0.
        """
        return differences_table(
            self._adaptation,
            self._sums,
            self.schema_,
            coef=self.model._linear_coef(),
            classes=self.classes_.tolist() if self._adaptation.n_classes else (),
        )

    def tidy(self) -> "pd.DataFrame":
        """Return a row a term that may differ in the place, under the names of R's broom.

        Returns
        -------
        DataFrame
            ``term``; ``estimate``, the shift, with ``std.error``, ``statistic``, ``p.value``,
            ``conf.low`` and ``conf.high`` (95%) and ``df``; then the other columns of
            ``evidence_``.
        """
        from elinvar.answer.tidy import with_statistics

        names = {"shift": "estimate", "low": "conf.low", "high": "conf.high"}
        table = self.evidence_.rename(columns=names)
        return with_statistics(table, [np.inf] * len(table))

    def glance(self) -> "pd.DataFrame":
        """Return the adapted model in one row.

        Returns
        -------
        DataFrame
            ``place``; ``nobs``, the rows labelled there; ``n_terms``, those that may differ, and
            ``n_different``, those that do for certain (95%).
        """
        import pandas as pd

        table = self.evidence_
        return pd.DataFrame(
            {
                "place": [self.place],
                "nobs": self.n_rows_,
                "n_terms": len(table),
                "n_different": int(table["differs"].sum()),
            }
        )

    def explain(self) -> str:
        """Return in a few sentences what was adapted, and what differs in this place.

        Lines have 80 columns at most.
        """
        return wrapped(
            self._headline(), f"{self._finding()} {rows_sentence(self._adaptation)}".rstrip()
        )

    @classmethod
    def from_file(cls, model: Base, file: Reader) -> "AdaptedModel":
        """Return what a model file says was adapted.

        Parameters
        ----------
        model : estimator
            The model of the file, before it was adapted.
        file : Reader
            What the file says of the place.

        Raises
        ------
        ModelFileError
            If an entry is missing or not what it must be.
        """
        if model._answer().adaptation is None:
            file.refuse("model", "one that can be adapted")
        fresh = cls(model, file.text("place"))
        n_outcomes, n_terms = fresh._sums.cross.shape
        sums = read_sums(file.inner("sums"), n_outcomes=n_outcomes, n_terms=n_terms)
        return fresh._with(sums)

    def __repr__(self) -> str:
        return wrapped(
            f"AdaptedModel({type(self.model).__name__}, {self.place!r}, rows={self.n_rows_})"
        )

    def _repr_html_(self) -> str:
        head = f"{self._headline()} {self._finding()}"
        return card(f"AdaptedModel: {self.place}", head, [differences_shown(self.evidence_)])

    def _file_entries(self) -> dict[str, object]:
        """Return what a model file says of the place."""
        return {"place": self.place, "rows": self.n_rows_, "sums": self._sums.entries()}

    def _headline(self) -> str:
        name = type(self.model).__name__
        return f"{name}, adapted to {self.place} with {counted(self.n_rows_, 'labelled row')}."

    def _finding(self) -> str:
        table = self.evidence_
        # a forecast or a learner that is believed more or less is no news for a reader
        told = table["term"].isin(("level", *self.schema_.columns))
        found = table.loc[table["differs"] & told, "term"]
        terms = ["the level" if term == "level" else str(term) for term in dict.fromkeys(found)]
        if not terms:
            return "Nothing differs there for certain (95%)."
        return f"What differs there (95% sure): {listed(terms)}."

    def _with(self, sums: Sums) -> "AdaptedModel":
        return type(self)(self.model, self.place, sums=sums)

    def _learnt(self, sums: Sums, encoded: Floats, target: Floats) -> Sums:
        return self._adaptation.learn(sums, *self.model._forecasts(encoded), target)

    def _predict_encoded(self, encoded: Floats, labels: object) -> Floats:
        moved = self._adaptation.predict(self._sums, *self.model._forecasts(encoded))
        return moved if self._adaptation.n_classes else moved[:, 0]

    def _read(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, NDArray[Any]]:
        with own_errors():
            check_target(y, numbers=not self._adaptation.n_classes)
            check_same_order(X=X, y=y)
            values = column_or_1d(y, warn=True)
        encoded = self.model._encode(X)
        if len(encoded) != len(values):
            raise DataError(f"X has {len(encoded)} rows and y {len(values)}; give one for each.")
        return encoded, values

    def _target(self, values: NDArray[Any]) -> Floats:
        """Return numbers, or the positions of classes."""
        if not self._adaptation.n_classes:
            return np.asarray(values, dtype=np.float64)
        classes = labels_of_rows(self.classes_, len(self.classes_))
        labels = labels_of_rows(values, len(values))
        strange = [label for label in labels if label not in classes]
        if strange:
            near = did_you_mean(strange[0], classes)
            raise DataError(
                f"The target has the class {strange[0]!r}, which the model does not know.{near} It "
                f"knows {listed(classes)}."
            )
        return np.array([float(classes.index(label)) for label in labels])
