"""One step of a calculation as the tape keeps it: what went in, what came out, and the gradients on their way back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from congling.errors import UserError
from congling.language import _
from congling.learning.backprop.rule import RULES, Rule, sum_to

Gradient = Tensor | None


@dataclass(eq=False)
class Operation:
    """One operation of the forward pass.

    Attributes:
        number: its place in the order of the forward pass, from 0.
        name: of the operation: ``mm``, ``exp``.
        module: the dotted path of the module that ran it; empty for the network itself.
        equation: the formula of the package that it belongs to, such as ``softmax``; empty outside of all.
        inputs: tensors and numbers, as they were given; a list where it takes a list of tensors.
        options: further settings by name.
        output: what came out; a list of tensors where there are several.
        output_gradient: ∂L/∂output, the incoming gradient, after ``Tape.gradients``; a list where output is one.
        input_gradients: ∂L/∂input for each input, the outgoing gradients; None for what the loss does not hang on.
    """

    number: int
    function: Any
    module: str
    equation: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    output: Any
    output_gradient: Any = None
    input_gradients: tuple[Any, ...] = field(default=())
    _versions: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._versions = self._versions_now()

    @property
    def name(self) -> str:
        """``mm`` for ``aten.mm.default``."""
        return str(self.function).split(".")[1].strip("_")

    @property
    def where(self) -> str:
        """The module and the operation, for a message: ``encoder.layers.0: exp in softmax``."""
        place = f"{self.name} in {self.equation}" if self.equation else self.name
        return f"{self.module}: {place}" if self.module else place

    @property
    def rule(self) -> Rule:
        """The rule that takes a gradient through it.

        Raises:
            UserError: there is none; names the operation and where it ran.
        """
        if self.function not in RULES:
            message = _(
                "the tape has no rule for the operation {function} ({where}): add one to congling/learning/backprop, "
                "or use --backprop autograd"
            )
            raise UserError(message.format(function=self.function, where=self.where))
        return RULES[self.function]

    @property
    def formula(self) -> str:
        """The rule in LaTeX, its words in the user's language: y is the output, G its gradient."""
        return _(self.rule.formula)

    def local_derivatives(self) -> tuple[Tensor | None, ...] | None:
        """∂output/∂input for each input, number by number; None for operations that mix numbers (see ``formula``)."""
        local = self.rule.local
        if local is None:
            return None
        derivatives = local(self.output, *self.inputs, **self.options)
        return tuple(
            torch.full_like(self.output, each) if isinstance(each, float | int) else each
            for each, _input in zip(derivatives, self.inputs, strict=False)
        )

    def pass_back(self, gradient: Any, wanted: Sequence[Any]) -> tuple[Any, ...]:
        """The gradients of the inputs, from the output's; only where ``wanted``, which has the inputs' structure.

        Raises:
            UserError: it has no rule, or a value that went in was changed in place since.
        """
        if self._versions_now() != self._versions:
            message = _("the tape cannot go back through {where}: one of its values was changed in place since")
            raise UserError(message.format(where=self.where))
        outgoing = self.rule.backward(gradient, self.output, *self.inputs, **self.options)
        return tuple(map(_passed, outgoing, self.inputs, wanted))

    def input_tensors(self) -> Iterator[Tensor]:
        """Every tensor that went in, those in lists too."""
        yield from _tensors(self.inputs)

    def output_tensors(self) -> Iterator[Tensor]:
        """Every tensor that came out."""
        yield from _tensors((self.output,))

    def was_given_infinity(self) -> bool:
        """Whether an infinity went in, in a tensor or as a number."""
        numbers = any(isinstance(each, float) and math.isinf(each) for each in self.inputs)
        return numbers or any(bool(each.isinf().any()) for each in self.input_tensors())

    def _versions_now(self) -> list[int]:
        """PyTorch counts how often a tensor, or what shares its memory, was changed in place.

        An output is looked at where it goes in again: a view counts with its base only once it has been handed out.
        """
        return [0 if each.is_inference() else each._version for each in self.input_tensors()]  # those have no count


@dataclass(frozen=True)
class NonFinite:
    """Where the first NaN or infinity was made; ``str`` says it in a sentence.

    Attributes:
        operation: the one that made it, or that it came into.
        kind: ``value`` in the forward pass, ``input`` if it came in from outside, ``gradient`` in the backward pass.
    """

    operation: Operation
    kind: str

    def __str__(self) -> str:
        sentences = {
            "value": _("{where} made the first number that is not finite, from {inputs}"),
            "input": _("what came into {where} held a number that is not finite already: {inputs}"),
            "gradient": _("the gradient was first not finite behind {where}, whose inputs were {inputs}"),
        }
        ranges = ", ".join(map(extent, self.operation.input_tensors()))
        return sentences[self.kind].format(where=self.operation.where, inputs=ranges)


def extent(values: Tensor) -> str:
    """The shape of a tensor and the range of its numbers: ``(3×5) -1.2 … 7.9``."""
    shape = "×".join(map(str, values.shape)) or "1"
    numbers = values.detach().double()
    finite = numbers[numbers.isfinite()]
    span = f"{float(finite.min()):.4g} … {float(finite.max()):.4g}" if finite.numel() else "-"
    strange = numbers.numel() - finite.numel()
    return f"({shape}) {span}" + (" " + _("and {count} not finite").format(count=strange) if strange else "")


def _passed(gradient: Any, given: Any, wanted: Any) -> Any:
    """The gradient of one input in its shape and number type, calculated only now; None where nobody wants it."""
    if isinstance(wanted, list):
        return list(map(_passed, gradient, given, wanted)) if any(wanted) else None
    if not wanted:
        return None
    value: Tensor = gradient() if callable(gradient) else gradient
    return sum_to(value, given.shape).to(given.dtype)


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
