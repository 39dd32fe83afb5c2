"""One pass over batches of frames or arrays of which the whole is never seen."""

from collections.abc import Iterable, Sequence
from typing import Any

from elinvar.environments._arrays import finite
from elinvar.environments._bare import check_part
from elinvar.environments._choice import Choice, choose, refuse_kinds, require_columns
from elinvar.environments._frames import Frame, Kind, as_frame, is_frame, merge_kinds
from elinvar.environments._labels import MISSING_LEVEL, natural_order
from elinvar.environments._moments import Moments
from elinvar.environments._recipe import Missing, Rows, TextSummary, count_rows, make_rows
from elinvar.environments._schema import MAX_LEVELS, Schema, refuse_many_levels
from elinvar.environments._stream import Stream
from elinvar.errors import DataError, DataTypeError


def moments_from_batches(
    batches: Iterable[Any],
    missing: Missing,
    feature_names: Sequence[str] | None,
    **roles: Any,
) -> Moments:
    """See :meth:`Moments.from_batches`."""
    if missing not in ("error", "drop"):
        raise DataError(
            "Batches are seen once, so missing must be 'error' or 'drop'"
            + ("; 'impute' needs a file or a frame." if missing == "impute" else ".")
        )
    if is_frame(batches) or isinstance(batches, str) or not isinstance(batches, Iterable):
        raise DataTypeError(
            "An iterable of batches is needed, each a frame or a tuple (X, y, environments); got "
            f"{type(batches).__qualname__}."
        )
    stream, n_rows = Stream(), 0
    reader: _FrameBatches | None = None
    kinds = set()
    for batch in batches:
        kinds.add(isinstance(batch, tuple))
        if len(kinds) > 1:
            raise DataTypeError("Batches must be all frames or all tuples of arrays, not both.")
        if isinstance(batch, tuple):
            n_rows += _add_arrays(stream, batch, feature_names, missing, n_rows, roles)
        else:
            frame = as_frame(batch, first_row=n_rows)
            if reader is None:
                reader = _FrameBatches(frame, missing, roles)
            reader.add(stream, frame)
            n_rows += frame.n_rows
    if reader is not None:
        reader.finish()
    return stream.result()


def _add_arrays(
    stream: Stream,
    batch: tuple[Any, ...],
    feature_names: Sequence[str] | None,
    missing: Missing,
    first_row: int,
    roles: dict[str, Any],
) -> int:
    if not 2 <= len(batch) <= 4:
        raise DataError(
            "A batch of arrays is (X, y), (X, y, environments) or (X, y, environments, "
            f"sample_weight); got {len(batch)} items."
        )
    X, y, environments, weight = (*batch, None, None)[:4]
    n = len(X) if hasattr(X, "__len__") else 1
    if not n:
        return 0
    target = roles.get("target") or "target"
    arrays = check_part(
        X,
        y,
        environments,
        weight,
        feature_names=feature_names,
        target=target,
        missing=missing,
        first_row=first_row,
    )
    if not (finite(arrays.X) and finite(arrays.y)):
        arrays.refuse()
    rows = Rows(
        X=arrays.X,
        y=arrays.y,
        environment=arrays.environment,
        weight=arrays.weight,
        n_dropped=arrays.n_dropped,
    )
    stream.add(rows, arrays.schema)
    return n


class _FrameBatches:
    """What has been learned of the columns from the batches so far.

    Text is taken for categories, whose levels may grow. Whether it was numbers after all is
    judged at the end from all values, so the outcome does not depend on the cuts.
    """

    def __init__(self, frame: Frame, missing: Missing, roles: dict[str, Any]) -> None:
        if roles.get("target") is None or roles.get("environment") is None:
            raise DataError("Batches of frames need target= and environment= by name.")
        self.choice: Choice = choose(frame.names, **roles)
        self.missing = missing
        self.kinds: dict[str, Kind] = {}
        self.texts: dict[str, TextSummary] = {}

    def add(self, stream: Stream, frame: Frame) -> None:
        """Read one more batch."""
        choice = self.choice
        require_columns(frame.names, choice.columns)
        if not frame.n_rows:
            return
        self._judge({name: frame.kind(name) for name in choice.columns})
        counted, weight = count_rows(frame, choice)
        for name in choice.features:
            if name in choice.categorical or self.kinds[name] in ("text", "category"):
                summary = self.texts.setdefault(name, TextSummary())
                summary.update(counted.factor(name), counted.row, weight)
                if len(summary.levels) > MAX_LEVELS:
                    self._refuse_numbers(name)
                    refuse_many_levels(name, len(summary.levels))
        schema = Schema(
            features=choice.features,
            levels={
                name: tuple(natural_order(summary.levels or {MISSING_LEVEL}))
                for name, summary in self.texts.items()
            },
            target=choice.target,
            environment=choice.environment,
        )
        stream.add(make_rows(frame, choice, schema, self.missing), schema)

    def _judge(self, kinds: dict[str, Kind]) -> None:
        """Refuse a feature that is a number in one batch and text in another."""
        refuse_kinds(self.choice, kinds)
        for name in self.choice.features:
            found = {self.kinds.get(name, "empty"), kinds[name]} - {"empty"}
            if "number" in found and len(found) > 1 and name not in self.choice.categorical:
                raise DataTypeError(
                    f"{name} holds numbers in some batches and text in others; give all batches "
                    "the same types, or name it in categorical=."
                )
            self.kinds[name] = merge_kinds(found)

    def _refuse_numbers(self, name: str) -> None:
        if name in self.choice.categorical or self.kinds[name] == "category":
            return
        if self.texts[name].n_values and self.texts[name].is_number(name):
            raise DataTypeError(
                f"{name} is text, though all its values are numbers; convert it to numbers, or "
                "name it in categorical= if it is a category."
            )

    def finish(self) -> None:
        """Judge text by all its values."""
        for name in self.texts:
            self._refuse_numbers(name)
