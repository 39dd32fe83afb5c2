"""Evidence on a fitted InvariantClassifier: tables, made from its rows when they are asked for."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from elinvar.answer.tables import columns_of, effects_table
from elinvar.inference import Evidence, Status
from elinvar.inference.losses._logistic_evidence import largest_contrast, logistic_evidence
from elinvar.inference.losses._logistic_learn import MODELS, LogisticLearned, left_out_losses

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.environments import Environments, Schema
    from elinvar.inference.losses._logistic_learn import LogisticTask

_TABLES = ("evidence_", "effects_", "errors_")


class ClassifierTables:
    """The tables that say how far a fitted classifier can be trusted."""

    environments_: tuple[str, ...]
    schema_: "Schema"
    status_: Status
    effect_tolerance: float
    _rows: "Environments"
    _learned: LogisticLearned

    if TYPE_CHECKING:

        def _task(self) -> LogisticTask: ...

    @cached_property
    def evidence_(self) -> "pd.DataFrame":
        """Evidence on every feature, a row each.

        The columns of ``InvariantRegressor.evidence_`` except ``leaves_at``, there being no path:
        ``effect`` is on the log odds of the second class; with more classes, or levels, the largest
        contrast between two of them.
        """
        import pandas as pd

        found, groups = self._evidence.features, self.schema_.groups
        pooled = self._of_fit().pooled.coef
        effects = [
            largest_contrast(
                pooled[:, (groups == j) & ~self.schema_.reference].ravel(),
                len(pooled),
                self.schema_.features[j] in self.schema_.levels,
            )
            for j in range(len(found))
        ]
        columns: dict[str, Any] = {"feature": self.schema_.features, "pooled_effect": effects}
        names = [name for name in columns_of("evidence") if name != "leaves_at"]
        for name in names:
            if name not in columns:
                columns[name] = [getattr(row, name) for row in found]
        return pd.DataFrame(columns, columns=names)

    @cached_property
    def effects_(self) -> "pd.DataFrame":
        """Effect of each feature in each environment that can tell it, a row each.

        Columns: ``feature``, ``environment``, ``effect``, ``low``, ``high`` (95%).
        """
        return effects_table(self._evidence)

    @cached_property
    def errors_(self) -> "pd.DataFrame":
        """Losses on each environment when it is left out, a row each.

        Columns: ``environment``, ``rows``, the mean log losses ``invariant``, ``pooled``, ``mean``
        (shares of classes) and ``used``, and the shares of wrong classes ``invariant_wrong`` and so
        on. The choice is repeated without the environment, among the supports that were compared
        with it; with two environments only the fit is.
        """
        import pandas as pd

        learned = self._of_fit()
        several = len(self.environments_) > 1
        found = left_out_losses(self._rows, self._task(), learned) if several else []
        names = ["environment", "rows", *MODELS, *(f"{model}_wrong" for model in MODELS)]
        rows = [
            [row.environment, row.rows, *row.losses.values(), *row.errors.values()] for row in found
        ]
        return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[1:], float))

    @cached_property
    def _evidence(self) -> Evidence:
        learned = self._of_fit()
        return logistic_evidence(
            learned.problem,
            learned.gates,
            self.status_,
            self._task().rule.level_at(float(learned.problem.count.sum())),
            rivals=[] if learned.selection is None else learned.selection.rivals,
            tolerance=self.effect_tolerance,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Keep the tables, and leave the rows behind."""
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if hasattr(self, "_rows"):
            state["_tables"] = {name: getattr(self, name).to_dict("list") for name in _TABLES}
        gone = ("_rows", "_learned", "_evidence", *_TABLES)
        return {name: value for name, value in state.items() if name not in gone}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the tables up again."""
        super().__setstate__(state)  # type: ignore[misc]
        for name, columns in state.get("_tables", {}).items():
            import pandas as pd

            self.__dict__[name] = pd.DataFrame(columns)

    def _of_fit(self) -> LogisticLearned:
        check_is_fitted(self, "coef_")
        return self._learned

    def _forget(self) -> None:
        """Drop the tables of an earlier fit."""
        for name in (*_TABLES, "_evidence", "_tables"):
            self.__dict__.pop(name, None)
