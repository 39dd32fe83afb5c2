"""Several models side by side, as tables of papers have them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from elinvar._base import import_extra
from elinvar._base._display import ShownTable, card
from elinvar._base._numbers import count, estimate, number, p_value
from elinvar._base._words import listed
from elinvar.answer._answer import Answer
from elinvar.answer._transfer_answer import TransferAnswer
from elinvar.answer.headline import predictor_words
from elinvar.answer.summary import laid_out
from elinvar.answer.tables import overall_errors
from elinvar.answer.transfer_found import CONSTANT, MIXTURE
from elinvar.errors import DataError, DataTypeError

if TYPE_CHECKING:
    import pandas as pd

AnyAnswer = Answer | TransferAnswer

_EFFECTS = (
    "Effects: average over environments like those seen, with its 95% interval, all features being "
    "in the model; below it the verdict on a new place"
)
_SIZES = (
    "Forecasts: size of what a feature does to the forecast; below it how much that differs "
    "between environments"
)
_ERRORS = (
    "Errors: root mean squared, or mean log loss of classes, in environments left out, every row "
    "counting once"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Models side by side: a column each, two rows a feature, and what the models are worth.

    Attributes
    ----------
    header : tuple of str
        "" and the name of each model.
    rows : tuple of tuple of str
    notes : tuple of str
        What the cells mean, in sentences.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def frame(self) -> "pd.DataFrame":
        """The same as a frame of texts, the first column as its index."""
        import pandas as pd

        cells = pd.DataFrame(list(self.rows), columns=list(self.header))
        return cells.set_index(self.header[0])

    def summary(self, format: Literal["text", "markdown", "latex", "html"] = "text") -> str:
        r"""Return the table as text.

        Parameters
        ----------
        format : {"text", "markdown", "latex", "html"}
            LaTeX is written by great_tables (the optional package ``elinvar[show]``), with
            ``\usepackage{booktabs, caption}``.

        Returns
        -------
        str

        Raises
        ------
        DataError
            If the format is not known.
        MissingExtraError
            If LaTeX is asked for, and great_tables is not installed.
        """
        if format == "latex":
            latex: str = self.great_table().as_latex()
            return latex
        table = ShownTable(title="", header=self.header, rows=list(self.rows))
        return laid_out("", [table], list(self.notes), format)

    def great_table(self) -> Any:
        """Return the table as a ``great_tables.GT``, to style and to save.

        Returns
        -------
        great_tables.GT
            The rows of the features are a group of their own.

        Raises
        ------
        MissingExtraError
            If great_tables is not installed: it is the optional package ``elinvar[show]``.
        """
        table = import_extra("great_tables", "show").GT(
            self.frame.reset_index(), rowname_col=self.header[0]
        )
        for note in self.notes:
            table = table.tab_source_note(note)
        return table

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        table = ShownTable(title="", header=self.header, rows=list(self.rows))
        head = f"{len(self.header) - 1} models side by side."
        return card("Comparison", head, [table], self.notes, folded="What the cells mean", most=200)


def compare(*models: Any, names: Sequence[str] | None = None) -> Comparison:
    """Put models side by side: what each says of every feature, and what it is worth.

    Parameters
    ----------
    *models : estimators or answers
        Fitted models of effects (`InvariantRegressor`, `InvariantClassifier`) and forecasts
        (`TransferRegressor`, `TransferClassifier`), or their ``answer_``.
    names : sequence of str, optional
        A name for each, different from one another; None: "(1)", "(2)" and so on.

    Returns
    -------
    Comparison
        Prints as text; ``summary("markdown")`` and ``summary("latex")`` are for pages and papers.

    Raises
    ------
    DataError
        If there is no model, one is of another kind or not fitted, or names do not fit.

    Examples
    --------
    >>> from elinvar import InvariantRegressor, compare
    >>> from elinvar.datasets import load_penguins
    >>> frame = load_penguins().frame.dropna()
    >>> y, place = frame["body_mass_g"], frame["species"]
    >>> one = InvariantRegressor().fit(frame[["bill_depth_mm"]], y, environments=place)
    >>> two = InvariantRegressor().fit(
    ...     frame[["bill_depth_mm", "bill_length_mm"]], y, environments=place)
    >>> print(compare(one, two, names=["alone", "with length"]))
                            alone               with length
      bill_depth_mm         263 [39, 488]       ...
                            varies              ...
    ...
    """
    answers = [_answer_of(model) for model in models]
    if not answers:
        raise DataError("compare needs one fitted model at least; got none.")
    heads = [f"({k})" for k in range(1, len(answers) + 1)] if names is None else list(names)
    if len(heads) != len(answers) or len(set(heads)) < len(heads) or "" in heads:
        raise DataError(
            f"names must be {len(answers)} different names, one for each model; got "
            f"{listed([repr(name) for name in heads])}."
        )
    features = list(dict.fromkeys(name for answer in answers for name in answer.schema.features))
    cells = [_cells(answer) for answer in answers]
    rows: list[tuple[str, ...]] = []
    for name in features:
        found = [cell.get(name, ("", "")) for cell in cells]
        rows += [(name, *(one[0] for one in found)), ("", *(one[1] for one in found))]
    for head, write in _FACTS:
        texts = [write(answer) for answer in answers]
        rows += [(head, *texts)] * any(text != "-" for text in texts)
    kinds = {isinstance(answer, TransferAnswer) for answer in answers}
    notes = [f"{_EFFECTS}."] * (False in kinds) + [f"{_SIZES}."] * (True in kinds)
    notes += [f"{_ERRORS}."] * any(len(answer.rows) > 1 for answer in answers)
    return Comparison(header=("", *heads), rows=tuple(rows), notes=tuple(notes))


def _answer_of(model: Any) -> AnyAnswer:
    answer = model if isinstance(model, AnyAnswer) else getattr(model, "answer_", None)
    if not isinstance(answer, AnyAnswer):
        raise DataTypeError(
            "compare takes fitted models of effects and forecasts, or their answer_; got "
            f"{type(model).__name__} without one."
        )
    return answer


def _cells(answer: AnyAnswer) -> dict[str, tuple[str, str]]:
    """Return two texts for each feature."""
    if isinstance(answer, Answer):
        return {
            row["feature"]: (estimate(row["effect"], row["low"], row["high"]), row["verdict"])
            for row in answer.all_features.to_dict("records")
        }
    # of three classes and more a feature has a curve each: the largest counts
    largest = answer.shapes.drop_duplicates("feature")
    several = len(answer.rows) > 1
    return {
        row["feature"]: (
            number(row["size"], digits=3),
            f"spread {number(row['spread'], digits=2)}" if several else "-",
        )
        for row in largest.to_dict("records")
    }


def _predicts(answer: AnyAnswer) -> str:
    if isinstance(answer, TransferAnswer):
        return "a mixture of learners"
    return predictor_words(answer.predictor).partition(",")[0]


def _error(model: str, forecast: str) -> "Callable[[AnyAnswer], str]":
    def write(answer: AnyAnswer) -> str:
        if isinstance(answer, Answer):
            table, name = answer.errors, model
        else:
            table, name = answer.left_out, forecast
        names = [name] if name in table else []
        errors = overall_errors(table, names, classes=bool(answer.classes))
        return number(errors.get(name, np.nan), digits=4)

    return write


def _agreement(answer: AnyAnswer) -> str:
    known = isinstance(answer, Answer) and answer.status != "pooled_only"
    return p_value(answer.p_value) if known and isinstance(answer, Answer) else "-"


_FACTS: "tuple[tuple[str, Callable[[AnyAnswer], str]], ...]" = (
    ("target", lambda answer: answer.schema.target),
    ("model", lambda answer: answer.estimator),
    ("environments", lambda answer: count(len(answer.rows))),
    ("rows", lambda answer: count(sum(answer.rows.values()))),
    ("status", lambda answer: answer.status if isinstance(answer, Answer) else "-"),
    ("p of agreement", _agreement),
    ("predicts", _predicts),
    ("error in a new place", _error("used", MIXTURE)),
    ("of one fit to all rows", _error("pooled", "")),
    ("of the mean alone", _error("mean", CONSTANT)),
)
