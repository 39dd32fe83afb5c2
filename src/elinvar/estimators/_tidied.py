"""What an estimator says of its terms, and of itself, as frames under the names of R's broom."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    import pandas as pd

    from elinvar.environments import Schema


class Tidied:
    """Frames of an estimator that gives estimates without intervals; those with one say more.

    A subclass says what its terms are (``_terms``), and what else it knows of itself (``_facts``).
    """

    schema_: "Schema"
    environments_: tuple[str, ...]
    _learned_name: ClassVar[str]

    def tidy(self) -> "pd.DataFrame":
        """Return a row a term, under the names of R's broom.

        Returns
        -------
        DataFrame
            ``term``, ``estimate``, and ``std.error``, ``statistic``, ``p.value``, ``conf.low``,
            ``conf.high`` and ``df``, which are missing: no interval is known. Terms are columns, or
            products of them, with their coefficients; of a network they are features with their
            gates, and ``selected`` says which it uses.
        """
        import pandas as pd

        from elinvar.answer.tidy import with_statistics

        check_is_fitted(self, self._learned_name)
        table = pd.DataFrame(self._terms())
        unknown = table.assign(**{"conf.low": np.nan, "conf.high": np.nan})
        return with_statistics(unknown, [np.nan] * len(unknown))

    def glance(self) -> "pd.DataFrame":
        """Return the model in one row.

        Returns
        -------
        DataFrame
            ``n_environments``, ``n_features``, ``status``, and what else the model knows: ``nobs``,
            ``n_steps``, ``step_size`` and ``step_limit`` where steps led to it; ``n_selected``,
            ``p.value`` and ``disagreement`` of a network.
        """
        import pandas as pd

        check_is_fitted(self, self._learned_name)
        facts = {
            "n_environments": len(self.environments_),
            "n_features": len(self.schema_.features),
        }
        return pd.DataFrame([facts | self._facts()])

    @abstractmethod
    def _terms(self) -> Mapping[str, Sequence[Any]]:
        """Return columns by name: ``term``, ``estimate``, and others."""

    @abstractmethod
    def _facts(self) -> dict[str, Any]:
        """Return what the model knows of itself, by name."""
