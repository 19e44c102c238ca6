"""Ask the processor for a row of a matrix before it is needed: the rows of a vocabulary lie far apart in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

CACHE_LINE = 64  # bytes; of a processor with longer lines, some are asked for twice
_WRITE, _KEEP, _DATA = 1, 3, 1  # what llvm.prefetch is told: to be changed, wanted again soon, no instructions


def _prefetch_row(_typing: Any, matrix: Any, row: Any) -> Any:
    """How numba makes the call into instructions: one for each cache line of the row, whose numbers are contiguous."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        (stride, _) = cgutils.unpack_tuple(builder, array.strides)  # type: ignore[no-untyped-call]
        begin = builder.add(builder.ptrtoint(array.data, ir.IntType(64)), builder.mul(arguments[1], stride))
        line, pointer, number = ir.Constant(ir.IntType(64), CACHE_LINE), ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        hints = [ir.Constant(number, hint) for hint in (_WRITE, _KEEP, _DATA)]
        with cgutils.for_range_slice(builder, begin, builder.add(begin, stride), line) as (address, _):
            builder.call(prefetch, [builder.inttoptr(address, pointer), *hints])
        return context.get_dummy_value()

    return types.void(matrix, types.int64), generate


prefetch_row = cast(Callable[[Any, Any], None], intrinsic(_prefetch_row))
"""``prefetch_row(matrix, row)`` inside compiled code: a hint, without any effect on the numbers."""
