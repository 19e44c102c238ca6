"""A linear layer whose weights no longer change: its matrix is laid out once for products with few rows.

A step of decoding multiplies as many rows as hypotheses run, mostly fewer than a hundred. A general matrix product then
spends a good part of its time on bringing the matrix into the order in which the processor reads it; here that is done
once. N rows · I inputs · O outputs
"""

from __future__ import annotations

import torch
from torch import Tensor

MANY = 4096  # from so many rows on the order no longer matters, and kernels for more shapes would only take memory
PARTS = 16  # numbers of rows between one power of two and the next


class PreparedLinear:
    """XWᵀ + b, as ``equations.layers.linear``: (N, I) to (N, O).

    Args:
        weight: (O, I).
        bias: (O).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.bias = bias.detach()
        self.transposed = weight.detach().t().contiguous()  # (I, O)
        self.packed = _packed(weight.detach())

    def __call__(self, input: Tensor) -> Tensor:
        """(N, I) to (N, O)."""
        if self.packed is None or not 1 < len(input) < MANY:  # a single row reads the matrix once in any order
            return torch.addmm(self.bias, input, self.transposed)
        return torch.ops.mkldnn._linear_pointwise(input, self.packed, self.bias, "none", [], "")  # type: ignore[no-any-return]


def _packed(weight: Tensor) -> Tensor | None:
    """The matrix in oneDNN's own order; None where oneDNN does not compute it."""
    able = weight.device.type == "cpu" and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not able or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return None
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)  # type: ignore[no-any-return]


def rounded(rows: int) -> int:
    """The next number of rows, up to a sixteenth above, out of few: oneDNN compiles a kernel for every new one."""
    part = max(1, (1 << (rows - 1).bit_length()) // (2 * PARTS))
    return -(-rows // part) * part


def filled(indices: Tensor) -> Tensor:
    """Indices of rows (N,), with the first one repeated behind them until their number is a ``rounded`` one."""
    missing = rounded(len(indices)) - len(indices)
    return torch.cat([indices, indices[:1].expand(missing)]) if missing else indices
