"""Products of small matrices, in registers: up to twice as fast as BLAS, whose calls cost more.

A tile of the result, `ROWS` rows by one or two vectors, stays in registers while the sum runs.
Numba has no types for vectors, so the tile is written in LLVM's own terms. Matrices are padded with
zeros to whole tiles (`padded_shape`). The scheme is that of K. Goto, R. van de Geijn, "Anatomy of
high-performance matrix multiplication", ACM Transactions on Mathematical Software 34, 2008, without
its packing, which pays for larger matrices only.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.base import BaseContext
from numba.core.types import Type
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from elinvar._base._compile import compiled
from elinvar.sensing._arrays import Reals

ROWS = 6
_BYTES = 32  # of a vector; narrower machines take two registers for it
_PAD = 8
_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
_FUSED = ("contract",)


def padded_shape(rows: int, columns: int) -> tuple[int, int]:
    """Return the shape of the array that holds a matrix, in whole tiles.

    The rows of one matrix can be the columns of another, so columns are padded as rows are first.
    """
    tall = -(-rows // ROWS) * ROWS
    wide = -(-columns // ROWS) * ROWS
    return tall, -(-wide // _PAD) * _PAD


def _tile(vectors: int) -> Any:
    """Return a function of kernels that writes ROWS rows by so many vectors of a product."""

    @intrinsic
    def tile(
        context: BaseContext, a: Type, a_at: Type, a_row: Type, a_step: Type, b: Type, b_at: Type,
        b_step: Type, out: Type, out_at: Type, out_row: Type, n: Type,
    ) -> Any:  # fmt: skip
        """out[r, :] = sum over k < n of a[r, k] b[k, :]; places and strides count numbers."""
        at = types.int64
        signature = types.void(a, at, at, at, b, at, at, out, at, at, at)

        def generate(
            context: Any,  # a BaseContext; numba's own methods have no types
            builder: ir.IRBuilder,
            signature: Signature,
            arguments: list[ir.Value],
        ) -> ir.Value:
            _, a_at, a_row, a_step, _, b_at, b_step, _, out_at, out_row, n = arguments
            a, b, out = (
                context.make_array(signature.args[k])(context, builder, arguments[k]).data
                for k in (0, 4, 7)
            )
            # numbers in a vector register
            lanes = _BYTES * 8 // signature.args[0].dtype.bitwidth
            vector = ir.VectorType(context.get_value_type(signature.args[0].dtype), lanes)
            tiles = [(r, v) for r in range(ROWS) for v in range(vectors)]
            zero = ir.Constant(vector, None)
            make: Any = cgutils.alloca_once
            # LLVM turns these cells into registers, since their addresses are never taken
            sums = {tile: make(builder, vector) for tile in tiles}
            for cell in sums.values():
                builder.store(zero, cell)

            def place(start: ir.Value, times: int, stride: ir.Value) -> ir.Value:
                return builder.add(start, builder.mul(stride, _WORD(times)))

            def vector_at(base: ir.Value, place: ir.Value, v: int) -> ir.Value:
                pointer = builder.gep(base, [builder.add(place, _WORD(v * lanes))])
                return builder.bitcast(pointer, vector.as_pointer())

            align = _BYTES // lanes
            with cgutils.for_range(builder, n, intp=_WORD) as loop:
                row = builder.add(b_at, builder.mul(loop.index, b_step))
                column = builder.add(a_at, builder.mul(loop.index, a_step))
                loaded = [builder.load(vector_at(b, row, v), align=align) for v in range(vectors)]
                # a rank-one update of the tile: column k of a times row k of b
                for r in range(ROWS):
                    factor = builder.load(builder.gep(a, [place(column, r, a_row)]))
                    spread = _broadcast(builder, factor, vector)
                    for v in range(vectors):
                        added = builder.fmul(spread, loaded[v], flags=_FUSED)
                        total = builder.fadd(builder.load(sums[r, v]), added, flags=_FUSED)
                        builder.store(total, sums[r, v])
            for r, v in tiles:
                target = vector_at(out, place(out_at, r, out_row), v)
                builder.store(builder.load(sums[r, v]), target, align=align)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _broadcast(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """Return a vector of one value; LLVM has no instruction for it but this."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, _INDEX(0))
    return builder.shuffle_vector(
        first, nothing, ir.VectorType(_INDEX, vector.count)([0] * vector.count)
    )


_one, _two = _tile(1), _tile(2)


@compiled()
def product(T: Reals, W: Reals, n: int, out: Reals) -> None:
    """Write T W into ``out``: T has n columns, W n rows, and as many columns as ``out``; padded."""
    wide, inner = W.shape[1], T.shape[1]
    lanes = _BYTES // T.itemsize
    for j in range(0, wide, 2 * lanes):
        for i in range(0, T.shape[0], ROWS):
            if wide - j >= 2 * lanes:
                _two(T, i * inner, inner, 1, W, j, wide, out, i * wide + j, wide, n)
            else:
                _one(T, i * inner, inner, 1, W, j, wide, out, i * wide + j, wide, n)


@compiled()
def gram(T: Reals, n: int, out: Reals) -> None:
    """Write the lower triangle of T'T into ``out``, T with n rows; padded."""
    wide = T.shape[1]
    lanes = _BYTES // T.itemsize
    # T'T needs T twice, once by columns: the strides of the tile say which
    for i in range(0, out.shape[0], ROWS):
        # tiles above the diagonal are left out
        end = min(i + ROWS, wide)
        for j in range(0, end, 2 * lanes):
            if end - j > lanes:
                _two(T, i, 1, wide, T, j, wide, out, i * wide + j, wide, n)
            else:
                _one(T, i, 1, wide, T, j, wide, out, i * wide + j, wide, n)


def padded(matrix: Reals) -> Reals:
    """Return a copy of a matrix in an array of its `padded_shape`."""
    whole: Reals = np.zeros(padded_shape(*matrix.shape), matrix.dtype)
    whole[: matrix.shape[0], : matrix.shape[1]] = matrix
    return whole
