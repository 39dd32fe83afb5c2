"""What a terminal and a notebook show of an estimator: as scikit-learn does, until it is fitted."""

from typing import Any, ClassVar

from elinvar._base._display import ShownTable, card, wrapped
from elinvar._base._numbers import counted


class _Stored:
    """Attributes that are there, and nothing that would be computed."""


class Shown:
    """An estimator that shows what it has found, once it is fitted."""

    _learned_name: ClassVar[str]

    def _said(self) -> str:
        """Say in a sentence or two what was found, without long work."""
        places = getattr(self, "environments_", ())
        return f"Fitted to rows of {counted(max(len(places), 1), 'environment')}."

    def _found_tables(self) -> list[ShownTable]:
        """Return what was found as tables; none by default."""
        return []

    def _card(self) -> str:
        """Return what a notebook shows of a fitted model."""
        return card(self._name(), self._said(), self._found_tables(), getattr(self, "notes_", ()))

    def _name(self) -> str:
        """Return the call that makes this estimator, on one line."""
        return " ".join(repr(self).split())

    def __str__(self) -> str:
        shown = repr(self)
        if not hasattr(self, self._learned_name):
            return shown
        return f"{shown}\n{wrapped(self._said())}"

    def _repr_html_inner(self) -> str:
        # what scikit-learn's own property, which heeds its configuration, returns
        if hasattr(self, self._learned_name):
            return self._card()
        shown: str = super()._repr_html_inner()  # type: ignore[misc]
        return shown

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        html = getattr(self, "_repr_html_", None)
        return {"text/plain": str(self)} | ({} if html is None else {"text/html": html()})

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        # in the picture of a pipeline scikit-learn would read, and so compute, every property
        stored = _Stored()
        stored.__dict__ = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        ours = super()._get_fitted_attr_html  # type: ignore[misc]
        return ours.__func__(stored, doc_link)
