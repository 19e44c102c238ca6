"""A rule says how a gradient passes one operation from its output back to its inputs. ``RULES`` is the table of all.

Two decorators fill it. ``@elementwise`` marks a function that gives the local derivatives ∂y/∂x, number by number; the
chain rule ∂L/∂x = ∂L/∂y · ∂y/∂x is the same for all of them and stands here once. ``@rule`` marks a function that gives
∂L/∂x itself, for operations that mix numbers: products, sums, and whatever moves numbers about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Local = Tensor | float | None
Outgoing = Any  # for each input a Tensor, None, a function that gives the Tensor when it is needed, or a list of these


@dataclass(frozen=True)
class Rule:
    """How a gradient passes one operation.

    Attributes:
        formula: the rule in LaTeX; y is the output, G the incoming gradient ∂L/∂y.
        backward: (G, y, *inputs, **options) to the gradient of each input.
        local: (y, *inputs, **options) to the local derivative of each input, for elementwise operations.
    """

    formula: str
    backward: Callable[..., Sequence[Outgoing]]
    local: Callable[..., Sequence[Local]] | None = None


RULES: dict[Any, Rule] = {}


def elementwise(formula: str, *operations: Any) -> Callable[[Callable[..., Sequence[Local]]], Callable[..., Any]]:
    """Register the decorated function as the local derivatives of elementwise operations.

    A local derivative is a Tensor, a number where it is the same everywhere, or None where an input has none.
    """

    def register(local: Callable[..., Sequence[Local]]) -> Callable[..., Any]:
        def backward(gradient: Tensor, output: Tensor, *inputs: Any, **options: Any) -> Sequence[Outgoing]:
            return [_chained(gradient, each) for each in local(output, *inputs, **options)]

        for operation in operations:
            RULES[operation] = Rule(formula, backward, local)
        return local

    return register


def rule(formula: str, *operations: Any) -> Callable[[Callable[..., Sequence[Outgoing]]], Callable[..., Any]]:
    """Register the decorated function as the way of the gradient through operations that mix numbers."""

    def register(backward: Callable[..., Sequence[Outgoing]]) -> Callable[..., Any]:
        for operation in operations:
            RULES[operation] = Rule(formula, backward)
        return backward

    return register


def _chained(gradient: Tensor, local: Local) -> Outgoing:
    """The chain rule: ∂L/∂x = ∂L/∂y · ∂y/∂x."""
    if local is None:
        return None
    if isinstance(local, Tensor) or local != 1:
        return lambda: gradient * local
    return gradient


def sum_to(gradient: Tensor, shape: Sequence[int]) -> Tensor:
    """A number that was stretched over many places gets the sum of their gradients: undo broadcasting to ``shape``."""
    if gradient.shape == tuple(shape):
        return gradient
    added = gradient.dim() - len(shape)
    stretched = [d for d in range(added, gradient.dim()) if shape[d - added] == 1 and gradient.shape[d] != 1]
    axes = [*range(added), *stretched]
    if axes:
        gradient = gradient.sum(dim=axes, keepdim=True)
    return gradient.reshape(tuple(shape)) if added else gradient
