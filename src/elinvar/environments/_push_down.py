r"""Moments that the engine of a table adds up itself, through Ibis; no row leaves it.

One statement passes twice over the rows: once for the means :math:`a_e` of each environment, and
once for sums about them,

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
from itertools import combinations_with_replacement
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
from elinvar.environments._raw_moments import MAX_BYTES, RawMoments, check_size
from elinvar.environments._roles import Columns, Roles
from elinvar.environments._rows import MANY_ENVIRONMENTS, check_no_identifier, check_some_rows
from elinvar.environments._schema import MAX_LEVELS, Schema, check_levels
from elinvar.environments._text_columns import check_counted
from elinvar.environments._weights import effective_rows
from elinvar.errors import DataError, DataTypeError

# columns whose products are asked for at once: engines allow some 1,600 results a statement
_BLOCK = 32
_SINGLE = 40


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
            sampling = _check_weights(rows, columns.sample_weight)
            rows = rows.filter(_number(rows[columns.sample_weight]) > 0)
        dropping = columns.missing == "drop"
        absent = _check_environments(rows, columns)
        counts: dict[str, dict[str, float]] = {}
        indicators: dict[str, dict[str, list[Any]]] = {}
        for name in columns.features:
            if kinds[name] == "text" or name in columns.categorical:
                counts[name], indicators[name], absent[name] = _levels(rows, name, columns)
        check_counted(
            {name: rows for name, rows in counts.items() if name not in columns.categorical},
            columns,
        )
        check_levels({name: len(found) for name, found in counts.items()})
        schema = columns.schema({name: tuple(natural_order(v)) for name, v in counts.items()})
        n_rows = None
        if dropping:
            n_rows = int(_value(rows.count()))
            rows = rows.filter(reduce(and_, _present(rows, columns, absent)))
        named = {f"g{k}": rows[name] for k, name in enumerate(columns.environment)}
        if columns.sample_weight is not None:
            named["w"] = _number(rows[columns.sample_weight])
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
        """Ask for the sums, block by block, and make moments of them."""
        p = self.schema.n_columns
        size = p + 1 if p + 1 <= _SINGLE else _BLOCK
        blocks = [range(k, min(k + size, p + 1)) for k in range(0, p + 1, size)]
        answers: list[_Sums] = []
        for one, other in combinations_with_replacement(blocks, 2):
            asked = list(dict.fromkeys((*one, *other)))
            pairs = [(j, k) for j in one for k in other if one != other or k <= j]
            sums = _Sums(answered(self._sums(asked, pairs).to_pyarrow), asked, pairs)
            if not answers:
                self._check_some(sums)
            elif not sums.is_of_the_rows_of(answers[0]):
                raise DataError("The table changes while it is read: copy it, and read the copy.")
            if sums.lacks_values():
                self._say_what_is_missing()
            answers.append(sums)
        return self._moments(answers)

    def _check_some(self, sums: "_Sums") -> None:
        n_rows = int(sums["n"].sum())
        check_some_rows(n_rows)
        check_no_identifier(sums.n_groups, n_rows)
        check_size(sums.n_groups, n_rows, self.schema.n_columns)

    def _moments(self, answers: Sequence["_Sums"]) -> RawMoments:
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
                mean[:, j] = sums[f"m{j}"] + offset[j]
            for j, k in sums.pairs:
                cov[:, j, k] = sums[f"p{j}_{k}"] / weight - offset[j] * offset[k]
                cov[:, k, j] = cov[:, j, k]
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

    def _sums(self, asked: Sequence[int], pairs: Sequence[tuple[int, int]]) -> Any:
        """Return the question for sums about the means of some columns."""
        ibis = import_extra("ibis", "sql")
        rows, groups, weighted = self.rows, self._groups, self.columns.sample_weight is not None
        if not groups:
            rows, groups = rows.mutate(g=ibis.literal(0)), ["g"]
        means = rows.group_by(groups).aggregate(
            **{
                f"m{j}": (rows.w * rows[f"z{j}"]).sum() / rows.w.sum()
                if weighted
                else rows[f"z{j}"].mean()
                for j in asked
            }
        )
        beside = rows.join(means, groups)
        kept = [*groups, *(f"m{j}" for j in asked), *(["w"] if weighted else [])]
        about = beside.select(*kept, **{f"d{j}": beside[f"z{j}"] - beside[f"m{j}"] for j in asked})
        d = {j: about[f"d{j}"] for j in asked}
        left = {j: about.w * d[j] for j in asked} if weighted else d
        n = about.count()
        return about.group_by(groups).aggregate(
            n=n,
            w=about.w.sum() if weighted else n,
            ww=(about.w * about.w).sum() if weighted else n,
            # a sum that lacks one of its parts is missing
            complete=reduce(add, d.values()).count(),
            **{f"m{j}": about[f"m{j}"].max() for j in asked},
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
    """

    def __init__(self, table: Any, asked: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        groups = [name for name in table.column_names if name.startswith("g")]
        self.table = table.sort_by([(name, "ascending") for name in groups])
        self.asked, self.pairs = asked, pairs
        self.n_groups: int = table.num_rows

    def __getitem__(self, name: str) -> Floats:
        return np.asarray(self.table.column(name).to_numpy(), dtype=np.float64)

    def is_of_the_rows_of(self, other: "_Sums") -> bool:
        return np.array_equal(self["n"], other["n"]) and np.array_equal(self["w"], other["w"])

    def lacks_values(self) -> bool:
        """Whether some value was missing or not finite."""
        names = [f"s{j}" for j in self.asked] + [f"p{j}_{k}" for j, k in self.pairs]
        short = bool((self["complete"] < self["n"]).any())
        return short or not all(np.isfinite(self[name]).all() for name in names)


def _value(expression: Any) -> Any:
    return answered(lambda: expression.as_table().to_pyarrow()).column(0)[0].as_py()


def _counted(rows: Any, names: Sequence[str], tests: Sequence[Any]) -> str:
    """Say which columns pass a test in how many rows; "" if none does."""
    asked = rows.aggregate(**{f"t{j}": test.sum() for j, test in enumerate(tests)})
    (found,) = answered(asked.to_pyarrow).to_pylist()
    hits = [int(found[f"t{j}"] or 0) for j in range(len(tests))]
    return listed([f"{name} ({k:,})" for name, k in zip(names, hits, strict=True) if k])


def _number(column: Any) -> Any:
    """Return a column as float64; truth values count 0 and 1."""
    dtype = column.type()
    # some engines turn truth values into whole numbers only
    if dtype.is_boolean():
        column = column.cast("int32")
    return column if dtype.is_float64() else column.cast("float64")


def _check_weights(rows: Any, name: str) -> bool:
    """Refuse weights that cannot be used; return whether some are not whole."""
    w = _number(rows[name])
    sound = (w == 0) | ((w >= 1e-100) & (w <= 1e100))
    asked = rows.aggregate(
        bad=(~sound.fill_null(False)).sum(),
        broken=(w != w.round().cast("float64")).sum(),
        rows=rows.count(),
        used=(w > 0).sum(),
    )
    (found,) = answered(asked.to_pyarrow).to_pylist()
    if found["bad"]:
        raise DataError(
            f"{name}: weights must be finite and not negative; {int(found['bad']):,} of "
            f"{found['rows']:,} are not. Positive ones are from 1e-100 to 1e100."
        )
    check_some_rows(int(found["used"] or 0))
    return bool(found["broken"])


def _check_environments(rows: Any, columns: Columns) -> dict[str, list[Any]]:
    """Refuse environments that are single rows or without a label; return what stands for none."""
    if not columns.environment:
        return {}
    p = len(columns.features)
    most = min(100 * MANY_ENVIRONMENTS, int(MAX_BYTES / (8 * (p + 2) ** 2)))
    distinct = rows.select(*columns.environment).distinct()
    table = answered(distinct.limit(most + 1).to_pyarrow)
    if table.num_rows > most:
        n_environments, n_rows = int(_value(distinct.count())), int(_value(rows.count()))
        check_no_identifier(n_environments, n_rows)
        check_size(n_environments, n_rows, p)
        raise DataError(
            f"{n_environments:,} environments are too many: at most {most:,} can be told apart. "
            "Name a coarser column."
        )
    frame = as_frame(table)
    absent = {}
    for name in columns.environment:
        nothing = frame.factor(name).codes < 0
        if nothing.any() and columns.missing != "drop":
            raise DataError(
                f"{name}: the environment label is missing in some rows; every row needs one. "
                f"Leave these rows out with {option('missing', 'drop')}, or by a query."
            )
        absent[name] = _values_at(table, name, nothing)
    return absent


def _values_at(table: Any, name: str, at: NDArray[np.bool_]) -> list[Any]:
    """Return the distinct values, but for null, in some rows."""
    values = zip(table.column(name).to_pylist(), at, strict=True)
    return list(dict.fromkeys(value for value, use in values if use and value is not None))


def _levels(
    rows: Any, name: str, columns: Columns
) -> tuple[dict[str, float], dict[str, list[Any]], list[Any]]:
    """Return the levels of a feature with their rows, with the values each has, and none's."""
    column = rows.select(value=rows[name])
    counted = column.group_by("value").aggregate(times=column.count())
    table = answered(counted.limit(2 * MAX_LEVELS).to_pyarrow)
    factor = as_frame(table.select(["value"])).factor("value")
    times = table.column("times").to_pylist()
    found: dict[str, float] = dict.fromkeys(factor.labels, 0.0)
    values: dict[str, list[Any]] = {label: [] for label in factor.labels}
    for code, value, n in zip(factor.codes, table.column("value").to_pylist(), times, strict=True):
        if code >= 0:
            found[factor.labels[code]] += n
            values[factor.labels[code]].append(value)
    nothing = factor.codes < 0
    if nothing.any() and columns.missing != "drop":
        missing = sum(k for k, use in zip(times, nothing, strict=True) if use)
        raise DataError(
            f"Input contains missing values (NULL) in {name} ({missing:,}). Drop these rows with "
            f"{option('missing', 'drop')}, or fill them in by a query (COALESCE)."
        )
    if not found:
        raise DataError(f"{name} has no values; leave it out{columns.way_to_drop([name])}.")
    return found, values, _values_at(table, "value", nothing)


def _present(rows: Any, columns: Columns, absent: Mapping[str, list[Any]]) -> list[Any]:
    """Return the conditions of a row in which nothing is missing."""
    conditions = []
    for name in dict.fromkeys((*columns.features, columns.target, *columns.environment)):
        column = rows[name]
        conditions.append(column.notnull())
        if column.type().is_floating():
            conditions.append(~column.isnan())
        elif absent.get(name):
            conditions.append(column.notin(absent[name]))
    return conditions


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
                found.append(rows[name].isin(indicators[name][level]).ifelse(1.0, 0.0))
        else:
            found.append(_number(rows[name]))
    return [*found, _number(rows[columns.target])]
