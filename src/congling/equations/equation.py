"""The one idea: a formula stands once as a function that reads like the textbook, and the same function runs fused.

``@equation(latex, source=..., example=..., fused=...)`` registers a formula. A call runs ``fused`` where there is
one; inside ``with glass_box():`` it runs the plain body. ``equations()`` lists all formulas, and
``Equation.distance()`` measures how far plain and fused are apart.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

from congling.equations import glass_box

P = ParamSpec("P")
R = TypeVar("R")
Example = Callable[[torch.Generator], tuple[Any, ...]]


@dataclass(frozen=True)
class Distance:
    """How far plain and fused are apart: the largest difference over the largest size, of values and of gradients."""

    value: float
    gradient: float


class Equation(Generic[P, R]):
    """A formula: callable like the function that it wraps, plain in a glass box and fused outside.

    Attributes:
        plain: the textbook body.
        fused: the same function by a faster way, or None.
        latex: the formula, without dollar signs.
        source: author, year and section or equation number.
        example: draws the float64 arguments of one call from a generator, to measure plain against fused.
    """

    def __init__(
        self, plain: Callable[P, R], latex: str, source: str, example: Example, fused: Callable[..., Any] | None
    ) -> None:
        functools.update_wrapper(self, plain)
        self.name = plain.__name__
        self.plain, self.fused, self.latex, self.source, self.example = plain, fused, latex, source, example

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if (box := glass_box.open_box()) is not None:
            with box.calculating(self.name):
                return self.plain(*args, **kwargs)
        return self.plain(*args, **kwargs) if self.fused is None else cast(R, self.fused(*args, **kwargs))

    @property
    def code(self) -> str:
        """The plain body as it is written, from ``def`` on, without its docstring."""
        lines = textwrap.dedent(inspect.getsource(self.plain)).splitlines(keepends=True)
        definition = ast.parse("".join(lines)).body[0]
        assert isinstance(definition, ast.FunctionDef)
        kept = set(range(definition.lineno, (definition.end_lineno or 0) + 1))
        if ast.get_docstring(definition) is not None:
            documentation = definition.body[0]
            kept -= set(range(documentation.lineno, (documentation.end_lineno or 0) + 1))
        return "".join(line for number, line in enumerate(lines, start=1) if number in kept)

    @property
    def floor_file(self) -> str:
        """The file that defines the formula: ``attention`` for ``congling/equations/attention.py``."""
        return self.plain.__module__.rsplit(".", 1)[-1]

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.plain) or "").split("\n", 1)[0]

    def distance(self, seed: int = 0) -> Distance | None:
        """Plain against fused on the example, in float64; None where there is no fused way."""
        if self.fused is None:
            return None
        plain = _values_and_gradients(self.plain, self.example(torch.Generator().manual_seed(seed)))
        fused = _values_and_gradients(self.fused, self.example(torch.Generator().manual_seed(seed)))
        return Distance(*(_relative_distance(p, f) for p, f in zip(plain, fused, strict=True)))


_registry: dict[str, Equation[Any, Any]] = {}


def equation(
    latex: str, *, source: str, example: Example, fused: Callable[..., Any] | None = None
) -> Callable[[Callable[P, R]], Equation[P, R]]:
    """Register the decorated function as a formula; the arguments are the attributes of ``Equation``."""

    def register(plain: Callable[P, R]) -> Equation[P, R]:
        made = Equation(plain, latex, source, example, fused)
        _registry[made.name] = made
        return made

    return register


def equations() -> dict[str, Equation[Any, Any]]:
    """All registered formulas by name, in the order in which they were defined."""
    return dict(_registry)


def _values_and_gradients(
    function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    outcome = function(*arguments)
    values = [v for v in (outcome if isinstance(outcome, tuple) else (outcome,)) if isinstance(v, Tensor)]
    leaves = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
    if not leaves:
        return [v.detach() for v in values], []
    # A sum with unequal weights, so that an error which cancels in a plain sum still shows.
    weighted = torch.stack(
        [(v * torch.linspace(0.5, 1.5, v.numel(), dtype=v.dtype).view_as(v)).sum() for v in values]
    ).sum()
    return [v.detach() for v in values], list(torch.autograd.grad(weighted, leaves))


def _relative_distance(first: list[Tensor], second: list[Tensor]) -> float:
    size = max((t.abs().max().item() for t in first if t.numel()), default=0.0)
    apart = max(((a - b).abs().max().item() for a, b in zip(first, second, strict=True) if a.numel()), default=0.0)
    return apart / size if size else apart
