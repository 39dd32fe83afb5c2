r"""Moments that the engine of a table adds up itself, through Ibis; no row leaves it.

Two passes over the rows: one for the means of each environment, and one for sums about
:math:`a_e`, their average, or where this is far from an environment's mean, that mean,

.. math::

    s_e = \sum_i w_i (z_i - a_e),\qquad M_e = \sum_i w_i (z_i - a_e)(z_i - a_e)^T,

so that no digits are lost where means are large. With :math:`W_e` the sum of weights the mean is
:math:`a_e + s_e / W_e` and the centred second moment :math:`M_e / W_e - s_e s_e^T / W_e^2`. Tables
of many columns are taken in pairs of blocks. Names are quoted by Ibis; nothing is put into SQL as
text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add, and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elinvar._base import import_extra
from elinvar._base._voice import option
from elinvar._base._words import listed
from elinvar.environments._accumulate import checked
from elinvar.environments._checks import Floats
from elinvar.environments._databases import answered
from elinvar.environments._frames import Kind, as_frame
from elinvar.environments._labels import ALL, join_factors, natural_order
from elinvar.environments._query_columns import (
    check_environments,
    check_weights,
    levels_of,
    number_of,
    present,
    value_of,
)
from elinvar.environments._raw_moments import RawMoments, check_size
from elinvar.environments._roles import Columns, Roles
from elinvar.environments._rows import check_no_identifier, check_some_rows
from elinvar.environments._schema import Schema, check_levels
from elinvar.environments._text_columns import check_counted
from elinvar.environments._weights import effective_rows
from elinvar.errors import DataError, DataTypeError

# columns whose products are asked for at once: engines allow some 1,600 results a statement
_BLOCK = 32
_SINGLE = 40
# standard deviations between a shift and a mean that cost four of sixteen digits
_FAR = 100.0


def push_down(table: Any, roles: Roles) -> RawMoments:
    """Take the moments of an Ibis table where it is.

    Raises
    ------
    DataError
        If a column does not fit its role, or a value cannot be used.
    FileError
        If the database does not answer.
    """
    if roles.missing not in ("error", "drop"):
        raise DataError(
            f"A database leaves rows out or refuses them: missing must be 'error' or 'drop', not "
            f"{roles.missing!r}. Fill values in by the query (COALESCE), or read the rows with "
            "Moments.from_frame."
        )
    columns = roles.find(table.columns)
    kinds = {name: _kind(table[name].type()) for name in columns.names}
    columns.check_kinds(kinds)
    for name in (columns.target, *columns.weights):
        if kinds[name] == "text":
            raise DataTypeError(f"{name} must hold numbers; it holds text. CAST it in a query.")
    question = _Question.of(table, columns, kinds)
    return question.answer()


def _kind(dtype: Any) -> Kind:
    if dtype.is_numeric() or dtype.is_boolean():
        return "number"
    if dtype.is_string():
        return "text"
    if dtype.is_temporal():
        return "date"
    return "empty" if dtype.is_null() else "other"


@dataclass(frozen=True, kw_only=True)
class _Question:
    """The rows that count, as columns of numbers, and what is known of them so far."""

    rows: Any
    columns: Columns
    schema: Schema
    sampling: bool
    n_rows: int | None

    @classmethod
    def of(cls, table: Any, columns: Columns, kinds: Mapping[str, Kind]) -> "_Question":
        """Settle weights, environments and levels, and which rows count."""
        rows = table.select(*columns.names)
        sampling = False
        if columns.sample_weight is not None:
            sampling = check_weights(rows, columns.sample_weight)
            rows = rows.filter(number_of(rows[columns.sample_weight]) > 0)
        dropping = columns.missing == "drop"
        absent = check_environments(rows, columns)
        counts: dict[str, dict[str, float]] = {}
        indicators: dict[str, dict[str, list[Any]]] = {}
        for name in columns.features:
            if kinds[name] == "text" or name in columns.categorical:
                counts[name], indicators[name], absent[name] = levels_of(rows, name, columns)
        check_counted(
            {name: rows for name, rows in counts.items() if name not in columns.categorical},
            columns,
        )
        n_values = max((sum(found.values()) for found in counts.values()), default=0.0)
        check_levels({name: len(found) for name, found in counts.items()}, n_values)
        schema = columns.schema({name: tuple(natural_order(v)) for name, v in counts.items()})
        n_rows = None
        if dropping:
            n_rows = int(value_of(rows.count()))
            rows = rows.filter(reduce(and_, present(rows, columns, absent)))
        named = {f"g{k}": rows[name] for k, name in enumerate(columns.environment)}
        if columns.sample_weight is not None:
            named["w"] = number_of(rows[columns.sample_weight])
        for j, expression in enumerate(_numbers(rows, columns, schema, indicators)):
            named[f"z{j}"] = expression
        return cls(
            rows=rows.select(**named),
            columns=columns,
            schema=schema,
            sampling=sampling,
            n_rows=n_rows,
        )

    def answer(self) -> RawMoments:
        """Ask for means, then for sums about them, and make moments of these."""
        p = self.schema.n_columns
        size = p + 1 if p + 1 <= _SINGLE else _BLOCK
        blocks = [range(k, min(k + size, p + 1)) for k in range(0, p + 1, size)]
        means = [self._ask(self._means(block), block) for block in blocks]
        first = means[0]
        self._check_some(first)
        if any(found.lacks_values() for found in means):
            self._say_what_is_missing()
        share = first["w"] / first["w"].sum()
        about = {j: float(share @ found[f"m{j}"]) for found in means for j in found.asked}
        answers: list[_Sums] = []
        constant = np.full((first.n_groups, p + 1), np.nan)
        # a block with itself first: it tells which columns no one shift suits
        for one, other in [
            *((block, block) for block in blocks),
            *combinations(blocks, 2),
        ]:
            asked = list(dict.fromkeys((*one, *other)))
            pairs = [(j, k) for j in one for k in other if one != other or k <= j]
            sums = self._ask(self._sums(asked, pairs, about), asked, pairs, about)
            if one is other and (doubtful := sums.far_from_means()):
                constant[:, doubtful] = self._constant(doubtful)
                for j in doubtful:
                    if (sums.is_far(j) & np.isnan(constant[:, j])).any():
                        del about[j]
                if not set(doubtful) <= set(about):
                    sums = self._ask(self._sums(asked, pairs, about), asked, pairs, about)
            if not sums.is_of_the_rows_of(first):
                raise DataError("The table changes while it is read: copy it, and read the copy.")
            if sums.lacks_values():
                self._say_what_is_missing()
            answers.append(sums)
        return self._moments(answers, constant)

    def _ask(
        self,
        question: Any,
        asked: Sequence[int],
        pairs: Sequence[tuple[int, int]] = (),
        about: Mapping[int, float] | None = None,
    ) -> "_Sums":
        return _Sums(answered(question.to_pyarrow), asked, pairs, dict(about or {}))

    def _check_some(self, sums: "_Sums") -> None:
        n_rows = int(sums["n"].sum())
        check_some_rows(n_rows)
        check_no_identifier(sums.n_groups, n_rows)
        check_size(sums.n_groups, n_rows, self.schema.n_columns)

    def _moments(self, answers: Sequence["_Sums"], constant: Floats) -> RawMoments:
        p, first = self.schema.n_columns, answers[0]
        labels = self._labels(first.table)
        names = natural_order(labels)
        order = np.array([labels.index(name) for name in names])
        mean = np.zeros((len(names), p + 1))
        cov = np.zeros((len(names), p + 1, p + 1))
        weight, squares = first["w"], first["ww"]
        for sums in answers:
            offset = {j: sums[f"s{j}"] / weight for j in sums.asked}
            for j in sums.asked:
                mean[:, j] = sums.shift(j) + offset[j]
            for j, k in sums.pairs:
                cov[:, j, k] = sums[f"p{j}_{k}"] / weight - offset[j] * offset[k]
                cov[:, k, j] = cov[:, j, k]
        # what does not vary has no variance, whatever rounding says
        still = ~np.isnan(constant)
        mean[still] = constant[still]
        cov[still[:, :, None] | still[:, None, :]] = 0.0
        diagonal = np.arange(p + 1)
        # rounding may leave a variance a little below zero
        cov[:, diagonal, diagonal] = np.maximum(cov[:, diagonal, diagonal], 0.0)
        weight, squares, mean, cov = weight[order], squares[order], mean[order], cov[order]
        moments = RawMoments(
            names=tuple(names),
            count=effective_rows(weight, squares) if self.sampling else weight,
            mean_x=mean[:, :p],
            mean_y=mean[:, p],
            cov_xx=cov[:, :p, :p],
            cov_xy=cov[:, :p, p],
            var_y=cov[:, p, p],
            schema=self.schema,
            n_dropped=0 if self.n_rows is None else self.n_rows - int(first["n"].sum()),
            weight_sum=weight,
            weight_squares=squares,
            sampling=self.sampling,
        )
        return checked(moments)

    @property
    def _groups(self) -> list[str]:
        return [f"g{k}" for k in range(len(self.columns.environment))]

    def _labels(self, table: Any) -> tuple[str, ...]:
        if not self._groups:
            return (ALL,)
        frame = as_frame(table)
        return tuple(join_factors([frame.factor(name) for name in self._groups]).values())

    @property
    def _by(self) -> tuple[Any, list[str], bool]:
        """The rows, what groups them, and whether they have weights."""
        groups, weighted = self._groups, self.columns.sample_weight is not None
        if groups:
            return self.rows, groups, weighted
        return self.rows.mutate(g=import_extra("ibis", "sql").literal(0)), ["g"], weighted

    def _means(self, asked: Sequence[int]) -> Any:
        """Return the question for the means of some columns, and whether all values are there."""
        rows, groups, weighted = self._by
        z = {j: rows[f"z{j}"] for j in asked}
        n = rows.count()
        return rows.group_by(groups).aggregate(
            n=n,
            w=rows.w.sum() if weighted else n,
            # a sum that lacks one of its parts is missing
            complete=reduce(add, z.values()).count(),
            **{
                f"m{j}": (rows.w * z[j]).sum() / rows.w.sum() if weighted else z[j].mean()
                for j in asked
            },
        )

    def _constant(self, asked: Sequence[int]) -> Floats:
        """Return the values of columns in environments where they do not vary, else NaN."""
        rows, groups, _ = self._by
        ends = {f"low{j}": rows[f"z{j}"].min() for j in asked}
        ends |= {f"high{j}": rows[f"z{j}"].max() for j in asked}
        found = self._ask(rows.group_by(groups).aggregate(**ends), asked)
        low, high = (
            np.column_stack([found[f"{end}{j}"] for j in asked]) for end in ("low", "high")
        )
        return np.where(low == high, low, np.nan)

    def _sums(
        self, asked: Sequence[int], pairs: Sequence[tuple[int, int]], about: Mapping[int, float]
    ) -> Any:
        """Return the question for sums about a number, or about each environment's own mean."""
        ibis = import_extra("ibis", "sql")
        rows, groups, weighted = self._by
        own = [j for j in asked if j not in about]
        if own:
            means = self._means(own)
            rows = rows.join(means.select(*groups, *(f"m{j}" for j in own)), groups)
        shift = {j: ibis.literal(about[j], "float64") for j in asked if j in about}
        shift |= {j: rows[f"m{j}"] for j in own}
        kept = [*groups, *(f"m{j}" for j in own), *(["w"] if weighted else [])]
        centred = rows.select(*kept, **{f"d{j}": rows[f"z{j}"] - shift[j] for j in asked})
        d = {j: centred[f"d{j}"] for j in asked}
        left = {j: centred.w * d[j] for j in asked} if weighted else d
        n = centred.count()
        return centred.group_by(groups).aggregate(
            n=n,
            w=centred.w.sum() if weighted else n,
            ww=(centred.w * centred.w).sum() if weighted else n,
            **{f"m{j}": centred[f"m{j}"].max() for j in own},
            **{f"s{j}": left[j].sum() for j in asked},
            **{f"p{j}_{k}": (left[j] * d[k]).sum() for j, k in pairs},
        )

    def _say_what_is_missing(self) -> None:
        """Raise the sentence that says which columns hold what cannot be added up.

        Raises
        ------
        DataError
        """
        rows, schema = self.rows, self.schema
        names = (*schema.columns, schema.target)
        z = [rows[f"z{j}"] for j in range(len(names))]
        infinite = _counted(rows, names, [value.isinf() for value in z])
        if infinite:
            raise DataError(f"Input contains infinity in {infinite}. Leave these rows out.")
        absent = _counted(rows, names, [value.isnull() | value.isnan() for value in z])
        if absent:
            raise DataError(
                f"Input contains missing values (NULL or NaN) in {absent}. Drop these rows with "
                f"{option('missing', 'drop')}, or fill them in by a query (COALESCE)."
            )
        raise DataError("The values are so large that their squares overflow: rescale the columns.")


class _Sums:
    """The answer to a question: a row an environment, in an order of its own.

    Parameters
    ----------
    table : pyarrow Table
    asked : sequence of int
        Columns whose means and sums it holds.
    pairs : sequence of (int, int)
        Those whose sums of products it holds.
    about : mapping of int to float
        Columns that are summed about a number.
    """

    def __init__(
        self,
        table: Any,
        asked: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        about: Mapping[int, float],
    ) -> None:
        groups = [name for name in table.column_names if name.startswith("g")]
        self.table = table.sort_by([(name, "ascending") for name in groups])
        self.asked, self.pairs, self._about = asked, pairs, about
        self.n_groups: int = table.num_rows

    def shift(self, j: int) -> Floats | float:
        """Return what a column was summed about: a number, or each environment's own mean."""
        return self._about[j] if j in self._about else self[f"m{j}"]

    def __getitem__(self, name: str) -> Floats:
        return np.asarray(self.table.column(name).to_numpy(), dtype=np.float64)

    def is_of_the_rows_of(self, other: "_Sums") -> bool:
        return np.array_equal(self["n"], other["n"]) and np.array_equal(self["w"], other["w"])

    def lacks_values(self) -> bool:
        """Whether some value was missing or not finite."""
        if "complete" in self.table.column_names and (self["complete"] < self["n"]).any():
            return True
        names = [name for name in self.table.column_names if name[0] in "msp"]
        return not all(np.isfinite(self[name]).all() for name in names)

    def is_far(self, j: int) -> NDArray[np.bool_]:
        """Say where a column's mean is so far from the shift that digits are lost, (E,)."""
        offset = self[f"s{j}"] / self["w"]
        power = self[f"p{j}_{j}"] / self["w"]
        return np.asarray(offset**2 > _FAR**2 * (power - offset**2))

    def far_from_means(self) -> list[int]:
        """Return the columns of which this is so somewhere."""
        return [j for j in self.asked if self.is_far(j).any()]


def _counted(rows: Any, names: Sequence[str], tests: Sequence[Any]) -> str:
    """Say which columns pass a test in how many rows; "" if none does."""
    asked = rows.aggregate(**{f"t{j}": test.sum() for j, test in enumerate(tests)})
    (found,) = answered(asked.to_pyarrow).to_pylist()
    hits = [int(found[f"t{j}"] or 0) for j in range(len(tests))]
    return listed([f"{name} ({k:,})" for name, k in zip(names, hits, strict=True) if k])


def _numbers(
    rows: Any,
    columns: Columns,
    schema: Schema,
    indicators: Mapping[str, Mapping[str, list[Any]]],
) -> list[Any]:
    """Return the columns of numbers of the schema, and the target behind them."""
    found = []
    for name in columns.features:
        if name in schema.levels:
            for level in schema.levels[name]:
                found.append(rows[name].isin(indicators[name][level]).ifelse(1, 0).cast("float64"))
        else:
            found.append(number_of(rows[name]))
    return [*found, number_of(rows[columns.target])]
