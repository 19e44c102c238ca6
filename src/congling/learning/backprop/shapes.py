"""Operations that only move numbers about: the gradient goes back the way that the numbers came.

In the formulas, G is the gradient of the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from congling.learning.backprop.rule import Outgoing, rule, sum_to

aten = torch.ops.aten
Gradients = Sequence[Outgoing]


@rule(
    r"G \text{ in the shape of } x",
    aten.view.default, aten._unsafe_view.default, aten.unsqueeze.default, aten.squeeze.default,
    aten.squeeze.dim, aten.squeeze.dims,
)  # fmt: skip
def reshape(gradient: Tensor, _y: Tensor, x: Tensor, *_shape: Any) -> Gradients:
    return (gradient.reshape(x.shape),)


@rule(r"\text{the sum of } G \text{ over what was stretched}", aten.expand.default)
def expand(gradient: Tensor, _y: Tensor, x: Tensor, *_shape: Any, implicit: bool = False) -> Gradients:
    return (sum_to(gradient, x.shape),)


@rule(r"G^\top", aten.transpose.int)
def transpose(gradient: Tensor, _y: Tensor, _x: Tensor, first: int, second: int) -> Gradients:
    return (gradient.transpose(first, second),)


@rule(r"G^\top", aten.t.default)
def transpose_matrix(gradient: Tensor, _y: Tensor, _x: Tensor) -> Gradients:
    return (gradient.t(),)


@rule(r"G \text{ with its dimensions in the old order}", aten.permute.default)
def permute(gradient: Tensor, _y: Tensor, _x: Tensor, order: Sequence[int]) -> Gradients:
    back = sorted(range(len(order)), key=lambda place: order[place] % len(order))
    return (gradient.permute(back),)


@rule(r"G \text{ turned back}", aten.flip.default)
def flip(gradient: Tensor, _y: Tensor, _x: Tensor, dims: list[int]) -> Gradients:
    return (gradient.flip(dims),)


@rule(r"G \text{ where it was cut from, 0 elsewhere}", aten.slice.Tensor)
def cut(
    gradient: Tensor,
    _y: Tensor,
    x: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Gradients:
    spread = x.new_zeros(x.shape)
    aten.slice(spread, dim, start, end, step).copy_(gradient)
    return (spread,)


@rule(r"G \text{ where it was picked, 0 elsewhere}", aten.select.int)
def select(gradient: Tensor, _y: Tensor, x: Tensor, dim: int, index: int) -> Gradients:
    spread = x.new_zeros(x.shape)
    spread.select(dim, index).copy_(gradient)
    return (spread,)


@rule(r"\text{each picked row's } G \text{ added to its row}", aten.index_select.default)
def index_select(gradient: Tensor, _y: Tensor, x: Tensor, dim: int, index: Tensor) -> Gradients:
    return x.new_zeros(x.shape).index_add_(dim, index, gradient), None, None


@rule(r"\text{each picked number's } G \text{ added to its place}", aten.gather.default)
def gather(gradient: Tensor, _y: Tensor, x: Tensor, dim: int, index: Tensor, sparse_grad: bool = False) -> Gradients:
    return x.new_zeros(x.shape).scatter_add_(dim, index, gradient), None, None


@rule(r"\text{each picked number's } G \text{ added to its place}", aten.index.Tensor)
def index(gradient: Tensor, _y: Tensor, x: Tensor, indices: list[Tensor | None]) -> Gradients:
    return aten.index_put(x.new_zeros(x.shape), indices, gradient, True), None


@rule(r"\text{each part's piece of } G", aten.cat.default)
def join(gradient: Tensor, _y: Tensor, parts: list[Tensor], dim: int = 0) -> Gradients:
    return (list(torch.split(gradient, [part.shape[dim] for part in parts], dim)),)


@rule(r"\text{each part's piece of } G", aten.stack.default)
def stack(gradient: Tensor, _y: Tensor, parts: list[Tensor], dim: int = 0) -> Gradients:
    return (list(gradient.unbind(dim)),)


@rule(r"\text{the parts' gradients, stacked}", aten.unbind.int)
def unbind(gradients: list[Tensor | None], parts: list[Tensor], _x: Tensor, dim: int = 0) -> Gradients:
    return (torch.stack(_with_zeros(gradients, parts), dim),)


@rule(r"\text{the parts' gradients, joined}", aten.split.Tensor, aten.split_with_sizes.default)
def split(gradients: list[Tensor | None], parts: list[Tensor], _x: Tensor, _size: Any, dim: int = 0) -> Gradients:
    return (torch.cat(_with_zeros(gradients, parts), dim),)


@rule(r"G \text{ without the border}", aten.constant_pad_nd.default)
def pad(gradient: Tensor, _y: Tensor, _x: Tensor, widths: Sequence[int], _value: float = 0) -> Gradients:
    return (aten.constant_pad_nd(gradient, [-width for width in widths]),)


def _with_zeros(gradients: list[Tensor | None], parts: list[Tensor]) -> list[Tensor]:
    """Zeros for the parts that nothing depended on."""
    return [torch.zeros_like(part) if each is None else each for each, part in zip(gradients, parts, strict=True)]
