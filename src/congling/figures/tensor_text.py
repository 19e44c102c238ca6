"""Tensors in few words: all numbers of a small one, shape and strength of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from congling.learning.backprop.flow import root_mean_square

FEW = 12  # numbers that are shown one by one


def short_number(value: float, digits: int = 4) -> str:
    """0.1235, −12, 1.2e-07; with a true minus sign."""
    return f"{value + 0.0:.{digits}g}".replace("-", "−") if value == value else "NaN"


def shape_text(tensor: Tensor) -> str:
    """``3×5``; ``1`` of a single number."""
    return "×".join(map(str, tensor.shape)) or "1"


def number_rows(tensor: Tensor, few: int = FEW) -> list[list[str]] | None:
    """The numbers of a small tensor as rows of its last dimension; None of a large one."""
    if not 0 < tensor.numel() <= few:
        return None
    numbers = tensor.detach().double()
    rows = numbers.reshape(-1, numbers.shape[-1]) if numbers.dim() else numbers.reshape(1, 1)
    return [[short_number(value) for value in row] for row in rows.tolist()]


def strength(value: Any) -> float | None:
    """The root mean square of a tensor or of a list of them; None where there is none."""
    tensors = list(tensors_in(value))
    return root_mean_square(tensors) if tensors else None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The floating tensors of a value, of a list of values, of nested ones."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)
