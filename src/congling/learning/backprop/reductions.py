"""Operations that make few numbers of many: each of the many gets its share of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from congling.learning.backprop.rule import Outgoing, rule

aten = torch.ops.aten
Gradients = Sequence[Outgoing]
Axes = Sequence[int] | int | None


@rule(r"G \text{ for each number that was added}", aten.sum.default, aten.sum.dim_IntList)
def add_up(
    gradient: Tensor, _y: Tensor, x: Tensor, dims: Axes = None, keepdim: bool = False, **_options: Any
) -> Gradients:
    return (_stretched(gradient, x, dims, keepdim).expand(x.shape),)


@rule(r"G/n \text{ for each of the } n \text{ numbers}", aten.mean.default, aten.mean.dim)
def average(
    gradient: Tensor, y: Tensor, x: Tensor, dims: Axes = None, keepdim: bool = False, **_options: Any
) -> Gradients:
    return ((_stretched(gradient, x, dims, keepdim) / (x.numel() / max(1, y.numel()))).expand(x.shape),)


@rule(r"G \text{ for the largest; equals share it}", aten.amax.default, aten.amin.default)
def extreme(gradient: Tensor, y: Tensor, x: Tensor, dims: Axes = None, keepdim: bool = False) -> Gradients:
    chosen = (x == _stretched(y, x, dims, keepdim)).to(x.dtype)
    shares = chosen / chosen.sum(dim=_axes(x, dims), keepdim=True)
    return (shares * _stretched(gradient, x, dims, keepdim),)


@rule(r"G \text{ for the number that was picked}", aten.max.dim, aten.min.dim)
def picked_extreme(
    gradients: list[Tensor | None], outputs: list[Tensor], x: Tensor, dim: int, keepdim: bool = False
) -> Gradients:
    gradient, places = gradients[0], outputs[1]
    assert gradient is not None  # the other output, the places, has none
    if not keepdim:
        gradient, places = gradient.unsqueeze(dim), places.unsqueeze(dim)
    return (x.new_zeros(x.shape).scatter_(dim, places, gradient),)


@rule(r"\text{the sum of } G \text{ from here to the end}", aten.cumsum.default)
def running_sum(gradient: Tensor, _y: Tensor, _x: Tensor, dim: int, **_options: Any) -> Gradients:
    return (gradient.flip(dim).cumsum(dim).flip(dim),)


def _axes(x: Tensor, dims: Axes) -> list[int]:
    """The dimensions that were reduced, as numbers from 0; none named means all."""
    if dims is None or dims == []:
        return list(range(x.dim()))
    return [dim % x.dim() for dim in ([dims] if isinstance(dims, int) else dims)]


def _stretched(reduced: Tensor, x: Tensor, dims: Axes, keepdim: bool) -> Tensor:
    """``reduced`` with the dimensions that went away put back with size 1."""
    if keepdim:
        return reduced
    axes = _axes(x, dims)
    return reduced.reshape([1 if d in axes else size for d, size in enumerate(x.shape)])
