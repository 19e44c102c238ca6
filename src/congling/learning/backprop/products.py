"""Matrix products: the gradient of each factor is G times the other one, transposed.

A factor's gradient is a product of its own, so it is calculated only if somebody wants it (``lambda``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from congling.learning.backprop.rule import Outgoing, rule

aten = torch.ops.aten
Gradients = Sequence[Outgoing]


@rule(r"\partial L/\partial A = G B^\top,\ \partial L/\partial B = A^\top G", aten.mm.default)
def matrix_product(gradient: Tensor, _y: Tensor, left: Tensor, right: Tensor) -> Gradients:
    return lambda: gradient @ right.t(), lambda: left.t() @ gradient


@rule(r"\partial L/\partial A_i = G_i B_i^\top,\ \partial L/\partial B_i = A_i^\top G_i", aten.bmm.default)
def batched_product(gradient: Tensor, _y: Tensor, left: Tensor, right: Tensor) -> Gradients:
    return lambda: gradient @ right.transpose(1, 2), lambda: left.transpose(1, 2) @ gradient


@rule(
    r"\partial L/\partial c = \beta G,\ \partial L/\partial A = \alpha G B^\top,\ "
    r"\partial L/\partial B = \alpha A^\top G",
    aten.addmm.default,
)
def sum_with_product(
    gradient: Tensor, _y: Tensor, _term: Tensor, left: Tensor, right: Tensor, *, beta: float = 1, alpha: float = 1
) -> Gradients:
    return beta * gradient, lambda: alpha * (gradient @ right.t()), lambda: alpha * (left.t() @ gradient)


@rule(r"\partial L/\partial A = G v^\top,\ \partial L/\partial v = A^\top G", aten.mv.default)
def matrix_times_vector(gradient: Tensor, _y: Tensor, matrix: Tensor, vector: Tensor) -> Gradients:
    return lambda: torch.outer(gradient, vector), lambda: matrix.t() @ gradient


@rule(r"\partial L/\partial v = G w,\ \partial L/\partial w = G v", aten.dot.default)
def dot_product(gradient: Tensor, _y: Tensor, left: Tensor, right: Tensor) -> Gradients:
    return gradient * right, gradient * left
